//! Lists the models and how they stand in the cache: `cargo run -p streamface-model --example list`

use streamface_model::{Cache, Error, Manifest};

fn main() -> Result<(), Error> {
    let cache = Cache::of_user();
    println!("{}", cache.dir().display());
    for model in Manifest::all_builtin()? {
        println!("{:<14} {:<9} {:?}", model.name, model.kind, cache.state(&model)?);
    }
    Ok(())
}
