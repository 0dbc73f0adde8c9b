//! Rows of thumbnails.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use streamface_types::FaceId;

use crate::html::{Text, Url};
use crate::picture::Pictures;

/// The thumbnails of a page on which a face may stand many times: each is asked for and embedded once, where it first
/// stands, and drawn from there again.
pub(crate) struct Sheet<'a> {
    pictures: &'a mut dyn Pictures,
    /// Faces that were asked for; those with a picture by its number.
    asked: HashMap<FaceId, Option<usize>>,
    embedded: usize,
}

impl<'a> Sheet<'a> {
    pub fn new(pictures: &'a mut dyn Pictures) -> Self {
        Self { pictures, asked: HashMap::new(), embedded: 0 }
    }

    /// Faces of `who`, each linked to its image in `folder` unless that is empty.
    pub fn write(
        &mut self,
        out: &mut dyn Write,
        folder: &str,
        who: &str,
        faces: &[&FaceId],
    ) -> io::Result<()> {
        let new: Vec<&FaceId> = faces.iter().copied().filter(|face| !self.asked.contains_key(face)).collect();
        let mut found: HashMap<&FaceId, Option<Vec<u8>>> = if new.is_empty() {
            HashMap::new()
        } else {
            new.iter().copied().zip(self.pictures.faces(&new)).collect()
        };
        write!(out, "<ul class=\"faces\">")?;
        for &face in faces {
            let tag = open_face(out, folder, face, face)?;
            let jpeg = found.remove(face).flatten();
            self.picture(out, face, jpeg.as_deref(), format_args!("a face of {who}"))?;
            write!(out, "</{tag}></li>")?;
        }
        write!(out, "</ul>")
    }

    /// A picture that is given for the first time, or again without; or that there is none.
    fn picture(
        &mut self,
        out: &mut dyn Write,
        face: &FaceId,
        jpeg: Option<&[u8]>,
        says: impl Display,
    ) -> io::Result<()> {
        let next = self.embedded;
        let known = *self.asked.entry(face.clone()).or_insert(jpeg.map(|_| next));
        let Some(number) = known else { return write_picture(out, None, says) };
        write!(out, "<svg viewBox=\"0 0 72 72\" role=\"img\" aria-label=\"{}\">", Text(says))?;
        match jpeg {
            Some(jpeg) => {
                self.embedded += 1;
                // As an img with object-fit: cover.
                write!(
                    out,
                    "<image id=\"picture-{number}\" width=\"72\" height=\"72\" preserveAspectRatio=\"xMidYMid slice\" href=\"data:image/jpeg;base64,{}\"/>",
                    STANDARD.encode(jpeg)
                )?;
            }
            None => write!(out, "<use href=\"#picture-{number}\"/>")?,
        }
        write!(out, "</svg>")
    }
}

/// Begins one of a list of faces, linked to its image in `folder` unless that is empty. Gives the element that
/// is left open.
pub(crate) fn open_face(
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
pub(crate) fn write_picture(out: &mut dyn Write, jpeg: Option<&[u8]>, says: impl Display) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Of face 0 there is no picture.
    struct Asked(Vec<u32>);

    impl Pictures for Asked {
        fn face(&mut self, face: &FaceId) -> Option<Vec<u8>> {
            self.0.push(face.index);
            (face.index > 0).then(|| face.index.to_le_bytes().to_vec())
        }
    }

    #[test]
    fn a_picture_is_asked_for_and_embedded_once() {
        let ids: Vec<FaceId> = (0..3).map(|i| format!("f_face_{i}").parse().unwrap()).collect();
        let mut asked = Asked(Vec::new());
        let mut sheet = Sheet::new(&mut asked);
        let mut page = Vec::new();
        for faces in [[0, 1].as_slice(), &[1, 2, 0], &[2]] {
            let faces: Vec<&FaceId> = faces.iter().map(|&i| &ids[i]).collect();
            sheet.write(&mut page, "faces", "<Ann>", &faces).unwrap();
        }
        let page = String::from_utf8(page).unwrap();
        assert_eq!(asked.0, [0, 1, 2]);
        let count = |part: &str| page.matches(part).count();
        assert_eq!(
            (count("data:image/jpeg"), count("<use href=\"#picture-"), count("no picture")),
            (2, 2, 2)
        );
        assert_eq!((count("id=\"picture-0\""), count("#picture-0"), count("#picture-1")), (1, 1, 1));
        assert_eq!((count("<li>"), count("aria-label=\"a face of &lt;Ann&gt;\"")), (6, 4));
    }
}
