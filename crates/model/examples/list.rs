//! Lists the models and how they stand in the cache: `cargo run -p streamface-model --example list`

use streamface_model::{Cache, Manifest, ModelError};

fn main() -> Result<(), ModelError> {
    let cache = Cache::of_user();
    println!("{}", cache.dir().display());
    for model in Manifest::all_builtin()? {
        println!("{:<14} {:<9} {:?}, from {}", model.name, model.role(), cache.state(&model)?, model.package);
    }
    Ok(())
}
