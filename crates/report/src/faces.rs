//! Rows of thumbnails.

use std::collections::HashMap;
use std::fmt::Display;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use streamface_types::FaceId;

use crate::html::Url;
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
    pub fn faces(&mut self, folder: &str, who: &str, faces: &[&FaceId]) -> Markup {
        let new: Vec<&FaceId> = faces.iter().copied().filter(|face| !self.asked.contains_key(face)).collect();
        let mut found: HashMap<&FaceId, Option<Vec<u8>>> = if new.is_empty() {
            HashMap::new()
        } else {
            new.iter().copied().zip(self.pictures.faces(&new)).collect()
        };
        html! {
            ul class="faces" {
                @for &face in faces {
                    @let jpeg = found.remove(face).flatten();
                    (face_item(folder, face, face, &self.thumbnail(face, jpeg.as_deref(), who)))
                }
            }
        }
    }

    /// A thumbnail that is given for the first time, or again without; or that there is none.
    fn thumbnail(&mut self, face: &FaceId, jpeg: Option<&[u8]>, who: &str) -> Markup {
        let next = self.embedded;
        let known = *self.asked.entry(face.clone()).or_insert(jpeg.map(|_| next));
        let Some(number) = known else { return blank() };
        if jpeg.is_some() {
            self.embedded += 1;
        }
        html! {
            svg viewBox="0 0 72 72" role="img" aria-label={ "a face of " (who) } {
                @if let Some(jpeg) = jpeg {
                    // As an img with object-fit: cover.
                    image id={ "picture-" (number) } width="72" height="72" preserveAspectRatio="xMidYMid slice"
                        href=(data_url(jpeg)) {}
                } @else {
                    use href={ "#picture-" (number) } {}
                }
            }
        }
    }
}

/// One of a list of faces, linked to its image in `folder` unless that is empty. `says` is shown on hovering.
pub(crate) fn face_item(folder: &str, face: &FaceId, says: impl Display, content: &Markup) -> Markup {
    html! {
        li {
            @if folder.is_empty() {
                span class="face" title=(says) { (content) }
            } @else {
                a class="face" title=(says) href=(Url(format_args!("{folder}/{face}.png"))) { (content) }
            }
        }
    }
}

/// A picture, or that there is none.
pub(crate) fn picture(jpeg: Option<&[u8]>, says: impl Display) -> Markup {
    let Some(jpeg) = jpeg else { return blank() };
    html! {
        img alt=(says) width="72" height="72" loading="lazy" decoding="async" src=(data_url(jpeg));
    }
}

fn blank() -> Markup {
    html! { span class="blank" { "no picture" } }
}

fn data_url(jpeg: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg))
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
        let mut page = String::new();
        for faces in [[0, 1].as_slice(), &[1, 2, 0], &[2]] {
            let faces: Vec<&FaceId> = faces.iter().map(|&i| &ids[i]).collect();
            page.push_str(&sheet.faces("faces", "<Ann>", &faces).0);
        }
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
