//! Lists the keyframes of a source and what the filters say of each:
//! `cargo run --release -p streamface-capture --example keyframes -- FILE_OR_URL`

use streamface_capture::{Capture, Error, sources};

fn main() -> Result<(), Error> {
    let Some(spec) = std::env::args().nth(1) else {
        eprintln!("usage: keyframes FILE_OR_URL");
        std::process::exit(2);
    };
    for frame in Capture::builder(sources(&spec, None)?).notice(|n| eprintln!("{n:?}")).build()? {
        let row = match frame {
            Ok(frame) => frame.row,
            Err(e) => {
                eprintln!("{e}");
                continue;
            }
        };
        let time = row.stream_time.map_or(String::new(), |t| t.to_string());
        let fate = row.dropped.map_or("kept", |d| d.name());
        println!(
            "{time:>14} {:<9} empty {:.3} blur {:.3e} similarity {:?}",
            fate,
            row.empty.unwrap_or(0.0),
            row.blur.unwrap_or(0.0),
            row.similarity
        );
    }
    Ok(())
}
