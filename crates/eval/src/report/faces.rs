//! A row of thumbnails.

use std::fmt::Display;
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
        let tag = open_face(out, folder, face, face)?;
        write_picture(out, picture.as_deref(), format_args!("a face of {who}"))?;
        write!(out, "</{tag}></li>")?;
    }
    write!(out, "</ul>")
}

/// Begins one of a list of faces, linked to its image in `folder` unless that is empty. Gives the element that
/// is left open.
pub(super) fn open_face(
    out: &mut dyn Write,
    folder: &str,
    face: &FaceId,
    says: impl Display,
) -> io::Result<&'static str> {
    let tag = if folder.is_empty() { "span" } else { "a" };
    write!(out, "<li><{tag} class=\"face\" title=\"{}\"", Text(says))?;
    if !folder.is_empty() {
        write!(out, " href=\"{}\"", Url(format!("{folder}/{face}.png")))?;
    }
    write!(out, ">")?;
    Ok(tag)
}

/// A picture, or that there is none.
pub(super) fn write_picture(out: &mut dyn Write, jpeg: Option<&[u8]>, says: impl Display) -> io::Result<()> {
    match jpeg {
        Some(jpeg) => write!(
            out,
            "<img alt=\"{}\" width=\"72\" height=\"72\" loading=\"lazy\" decoding=\"async\" src=\"data:image/jpeg;base64,{}\">",
            Text(says),
            STANDARD.encode(jpeg)
        ),
        None => write!(out, "<span class=\"blank\">no picture</span>"),
    }
}
