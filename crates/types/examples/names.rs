//! Takes names apart: `cargo run -p streamface-types --example names -- NAME…`

use streamface_types::FaceId;

fn main() -> Result<(), streamface_types::Error> {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        names.push("skynews_frame_20230525100138412614_face_0.png".into());
    }
    for name in names {
        let face: FaceId = name.parse()?;
        let when = face.frame.timestamp().map_or("unknown".into(), |t| t.to_readable());
        println!("face {} of {}, captured {when}", face.index, face.frame.source().unwrap_or("?"));
    }
    Ok(())
}
