//! Clusters of one labelling that are several in the other, with faces of both sides.

use std::collections::BTreeMap;

use maud::{Markup, html};
use streamface_eval::format::{Count, Plural};
use streamface_eval::metrics::{Confusion, Mistake};
use streamface_types::FaceId;

use super::Comparison;
use crate::faces::Sheet;
use crate::layout::{left_out, section};

impl Comparison<'_> {
    pub(super) fn confusions(&self, sheet: &mut Sheet<'_>, mistake: Mistake, all: &[Confusion]) -> Markup {
        if all.is_empty() {
            return html! {};
        }
        let (id, heading) = match mistake {
            Mistake::Joined => ("joined", "Wrong merges"),
            Mistake::Split => ("split", "Wrong splits"),
        };
        let (whole, part) = Self::sides(mistake);
        let shown = &all[..all.len().min(self.limits.confusions)];
        let faces = self.faces_of(shown);
        let body = html! {
            p class="note" {
                "Faces in one cluster of " (self.names[whole]) " but in several of " (self.names[part])
                ", sorted by pairs of faces. Left is the part with most faces, right another part."
            }
            @for confusion in shown { (self.confusion(sheet, confusion, &faces)) }
            (left_out(all.len(), shown.len(), "further confusion"))
        };
        section(id, heading, &body)
    }

    /// The faces of the cells that are shown, by name; keys are (true, predicted) labels.
    fn faces_of(&self, shown: &[Confusion]) -> BTreeMap<(i64, i64), Vec<&str>> {
        let mut faces: BTreeMap<(i64, i64), Vec<&str>> = BTreeMap::new();
        for c in shown {
            faces.insert(cell(c, c.main), Vec::new());
            faces.insert(cell(c, c.other), Vec::new());
        }
        for &(name, truth, predicted) in &self.shared.both {
            if let Some(faces) = faces.get_mut(&(truth, predicted)) {
                faces.push(name);
            }
        }
        faces
    }

    fn confusion(
        &self,
        sheet: &mut Sheet<'_>,
        confusion: &Confusion,
        faces: &BTreeMap<(i64, i64), Vec<&str>>,
    ) -> Markup {
        let (whole, part) = Self::sides(confusion.mistake);
        let sides = [(confusion.main, confusion.main_faces), (confusion.other, confusion.other_faces)];
        html! {
            article class="pair" {
                header {
                    h3 { (self.name(whole, confusion.within)) }
                    p {
                        (Plural(confusion.pairs() as usize, "pair")) " of " (Count(confusion.main_faces))
                        " with " (Count(confusion.other_faces))
                    }
                }
                @for (label, n) in sides {
                    @let name = self.name(part, label);
                    @let all = faces.get(&cell(confusion, label)).map_or(&[][..], Vec::as_slice);
                    div {
                        p { b { (name) } (Plural(n as usize, "face")) }
                        (self.some_faces(sheet, all, &name))
                    }
                }
            }
        }
    }

    /// Faces spread evenly over all of them; names alone where they are not those of a dataset.
    fn some_faces(&self, sheet: &mut Sheet<'_>, all: &[&str], who: &str) -> Markup {
        let shown = all.len().min(self.limits.beside);
        let spread: Vec<&str> = (0..shown).map(|i| all[i * all.len() / shown]).collect();
        let ids: Vec<FaceId> = spread.iter().filter_map(|name| name.parse().ok()).collect();
        if ids.len() == spread.len() {
            let ids: Vec<&FaceId> = ids.iter().collect();
            return sheet.faces(&self.faces_folder, who, &ids);
        }
        html! { ul class="names" { @for name in spread { li { (name) } } } }
    }
}

/// (true, predicted) labels of one side.
fn cell(confusion: &Confusion, side: i64) -> (i64, i64) {
    match confusion.mistake {
        Mistake::Joined => (side, confusion.within),
        Mistake::Split => (confusion.within, side),
    }
}
