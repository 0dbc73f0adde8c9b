//! A row of thumbnails.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use streamface_types::FaceId;

use super::Pictures;
use super::html::{Text, Url};

/// Faces of `who`, each linked to its image in `folder` unless that is empty.
pub(super) fn write_faces(
    out: &mut dyn Write,
    pictures: &mut dyn Pictures,
    folder: &str,
    who: &str,
    faces: &[&FaceId],
) -> io::Result<()> {
    let found = pictures.faces(faces);
    write!(out, "<ul class=\"faces\">")?;
    for (face, picture) in faces.iter().zip(found) {
        let tag = if folder.is_empty() { "span" } else { "a" };
        write!(out, "<li><{tag} class=\"face\" title=\"{}\"", Text(face))?;
        if !folder.is_empty() {
            write!(out, " href=\"{}\"", Url(format!("{folder}/{face}.png")))?;
        }
        match picture {
            Some(jpeg) => write!(
                out,
                "><img alt=\"a face of {}\" width=\"72\" height=\"72\" loading=\"lazy\" decoding=\"async\" src=\"data:image/jpeg;base64,{}\">",
                Text(who),
                STANDARD.encode(jpeg)
            )?,
            None => write!(out, "><span class=\"blank\">no picture</span>")?,
        }
        write!(out, "</{tag}></li>")?;
    }
    write!(out, "</ul>")
}
