//! `cargo run -p streamface-imgproc --example crops -- FRAME.png x,y,w,h ex,ey,ex,ey OUT`: writes the face
//! in a box, with the eyes on the viewer's left and right, as OUT_loose.png and OUT_aligned.png.

use std::error::Error;

use streamface_imgproc::{DecodeLimits, LooseSettings, aligned_face, decode_image, encode_png, loose_face};
use streamface_types::BoundingBox;

const USAGE: &str = "usage: crops FRAME.png x,y,w,h ex,ey,ex,ey OUT";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, bbox, eyes, out] = args.as_slice() else {
        println!("{USAGE}");
        return Ok(());
    };
    let [x, y, w, h] = four(bbox)?;
    let [lx, ly, rx, ry] = four(eyes)?;
    let frame = decode_image(&std::fs::read(path)?, &DecodeLimits::default())?;
    let bbox = BoundingBox::new(x, y, w, h);
    let loose = loose_face(&frame, &bbox, &LooseSettings::default());
    let aligned = aligned_face(&frame, &bbox, [lx, ly], [rx, ry], 128);
    for (name, face) in [("loose", loose), ("aligned", aligned)] {
        let face = face.ok_or("the box is empty")?;
        std::fs::write(format!("{out}_{name}.png"), encode_png(&face)?)?;
    }
    Ok(())
}

fn four(text: &str) -> Result<[f32; 4], Box<dyn Error>> {
    let numbers = text.split(',').map(str::parse).collect::<Result<Vec<f32>, _>>()?;
    Ok(numbers.try_into().map_err(|_| USAGE)?)
}
