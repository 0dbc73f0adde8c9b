//! What the two see differently, with faces of both sides.

use std::collections::BTreeMap;
use std::io::{self, Write};

use streamface_types::FaceId;

use super::{Comparison, left_out};
use crate::faces::Sheet;
use crate::html::Text;
use streamface_eval::format::{Count, Plural};
use streamface_eval::metrics::{Confusion, Mistake};

impl Comparison<'_> {
    pub(super) fn confusions(
        &self,
        out: &mut dyn Write,
        sheet: &mut Sheet<'_>,
        mistake: Mistake,
        all: &[Confusion],
    ) -> io::Result<()> {
        if all.is_empty() {
            return Ok(());
        }
        let (id, head) = match mistake {
            Mistake::Joined => ("joined", "Put together wrongly"),
            Mistake::Split => ("split", "Torn apart"),
        };
        let (whole, part) = Self::sides(mistake);
        write!(out, "<section aria-labelledby=\"{id}\"><h2 id=\"{id}\">{head}</h2>")?;
        write!(
            out,
            "<p class=\"note\">One cluster of {}, several of {}; most pairs of faces first. Left is the commonest of them, right what else is there.</p>",
            Text(&self.names[whole]),
            Text(&self.names[part])
        )?;
        let shown = &all[..all.len().min(self.limits.confusions)];
        let faces = self.faces_of(shown);
        for confusion in shown {
            self.confusion(out, sheet, confusion, &faces)?;
        }
        left_out(out, all.len(), shown.len(), "further confusion")?;
        writeln!(out, "</section>")
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
        out: &mut dyn Write,
        sheet: &mut Sheet<'_>,
        confusion: &Confusion,
        faces: &BTreeMap<(i64, i64), Vec<&str>>,
    ) -> io::Result<()> {
        let (whole, part) = Self::sides(confusion.mistake);
        write!(
            out,
            "<article class=\"pair\"><header><h3>{}</h3><p>{} of {} with {}</p></header>",
            Text(self.name(whole, confusion.within)),
            Plural(confusion.pairs() as usize, "pair"),
            Count(confusion.main_faces),
            Count(confusion.other_faces)
        )?;
        for (label, n) in [(confusion.main, confusion.main_faces), (confusion.other, confusion.other_faces)] {
            let name = self.name(part, label);
            write!(out, "<div><p><b>{}</b>{}</p>", Text(&name), Plural(n as usize, "face"))?;
            let all = faces.get(&cell(confusion, label)).map_or(&[][..], Vec::as_slice);
            self.some_faces(out, sheet, all, &name)?;
            write!(out, "</div>")?;
        }
        writeln!(out, "</article>")
    }

    /// Faces spread evenly over all of them; names alone where they are not those of a dataset.
    fn some_faces(
        &self,
        out: &mut dyn Write,
        sheet: &mut Sheet<'_>,
        all: &[&str],
        who: &str,
    ) -> io::Result<()> {
        let shown = all.len().min(self.limits.beside);
        let spread: Vec<&str> = (0..shown).map(|i| all[i * all.len() / shown]).collect();
        let ids: Vec<FaceId> = spread.iter().filter_map(|name| name.parse().ok()).collect();
        if ids.len() == spread.len() {
            let ids: Vec<&FaceId> = ids.iter().collect();
            return sheet.write(out, &self.faces_folder, who, &ids);
        }
        write!(out, "<ul class=\"names\">")?;
        for name in spread {
            write!(out, "<li>{}</li>", Text(name))?;
        }
        write!(out, "</ul>")
    }
}

/// (true, predicted) labels of one side.
fn cell(confusion: &Confusion, side: i64) -> (i64, i64) {
    match confusion.mistake {
        Mistake::Joined => (side, confusion.within),
        Mistake::Split => (confusion.within, side),
    }
}
