//! People, review, scores and names.

use std::io::{self, Write};

use super::{Comparison, left_out};
use crate::html::Text;
use crate::layout::table;
use streamface_eval::format::{Count, Digits, Plural};
use streamface_eval::labels::Labelled;
use streamface_eval::metrics::{Change, PersonErrors};

/// Parts of a person that are named in a row.
const PARTS: usize = 8;

impl Comparison<'_> {
    pub(super) fn people(&self, out: &mut dyn Write, people: &[PersonErrors]) -> io::Result<()> {
        if people.is_empty() {
            return Ok(());
        }
        write!(out, "<section aria-labelledby=\"people\"><h2 id=\"people\">People</h2>")?;
        write!(
            out,
            "<p class=\"note\">Everyone of {} with an error, most pairs got wrong first. Intruders are faces of others in clusters that are mostly this person’s.</p>",
            Text(&self.names[0])
        )?;
        let columns = [
            ("person", false),
            ("faces", true),
            ("clusters", true),
            ("intruders", true),
            ("pairs missed", true),
            ("pairs wrong", true),
            ("where the faces are", false),
        ];
        table(out, "People with errors", &columns)?;
        for person in people.iter().take(self.limits.rows) {
            write!(out, "<tr><th scope=\"row\">{}</th>", Text(self.name(0, person.label)))?;
            let numbers = [
                person.faces,
                person.parts.len() as u64,
                person.intruders,
                person.pairs_missed,
                person.pairs_wrong,
            ];
            for n in numbers {
                write!(out, "<td class=\"n\">{}</td>", Count(n))?;
            }
            let parts = person.parts.iter().map(|p| (p.label, p.faces));
            self::parts(out, self.labels[1], parts, person.parts.len())?;
            write!(out, "</tr>")?;
        }
        write!(out, "</tbody></table></div>")?;
        left_out(out, people.len(), self.limits.rows, "more row")?;
        writeln!(out, "</section>")
    }

    pub(super) fn review(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some((review, before)) = self.review else { return Ok(()) };
        write!(out, "<section aria-labelledby=\"review\"><h2 id=\"review\">What the review changed</h2>")?;
        write!(
            out,
            "<p class=\"note\">Pairwise F {:.4} before, {:.4} after, over {} with all three labels. The gain of a row is that of its pairs alone.</p>",
            review.before.pairwise.f,
            review.after.pairwise.f,
            Plural(review.after.samples as usize, "face")
        )?;
        let after = self.labels[1];
        for (head, changes, whole, parts) in
            [("Put together", &review.joins, after, before), ("Taken apart", &review.splits, before, after)]
        {
            if changes.is_empty() {
                continue;
            }
            write!(out, "<h3>{head}</h3>")?;
            self.changes(out, head, changes, [whole, parts])?;
        }
        writeln!(out, "</section>")
    }

    fn changes(
        &self,
        out: &mut dyn Write,
        head: &str,
        changes: &[Change],
        [whole, of_parts]: [&Labelled; 2],
    ) -> io::Result<()> {
        let columns = [
            ("whole", false),
            ("parts", false),
            ("pairs set right", true),
            ("pairs set wrong", true),
            ("gain in F", true),
        ];
        table(out, head, &columns)?;
        for change in changes.iter().take(self.limits.rows) {
            write!(out, "<tr><th scope=\"row\">{}</th>", Text(whole.name(change.whole)))?;
            parts(out, of_parts, change.parts.iter().copied(), change.parts.len())?;
            write!(
                out,
                "<td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                Count(change.right),
                Count(change.wrong),
                format!("{:+.4}", change.gain).replace('-', "−")
            )?;
        }
        write!(out, "</tbody></table></div>")?;
        left_out(out, changes.len(), self.limits.rows, "more row")
    }

    pub(super) fn scores(&self, out: &mut dyn Write) -> io::Result<()> {
        let s = self.scores;
        write!(out, "<section aria-labelledby=\"scores\"><h2 id=\"scores\">Scores</h2>")?;
        table(out, "Scores", &[("score", false), ("value", true), ("what it says", false)])?;
        let clusters = [
            (
                "pairwise precision",
                s.pairwise.precision,
                "pairs put together: the share that belongs together",
            ),
            ("pairwise recall", s.pairwise.recall, "pairs that belong together: the share put together"),
            ("pairwise F", s.pairwise.f, "both of these as one"),
            ("BCubed precision", s.bcubed.precision, "a face’s cluster: the share that is its own person"),
            ("BCubed recall", s.bcubed.recall, "a face’s person: the share that is in its cluster"),
            ("BCubed F", s.bcubed.f, "both of these as one"),
            ("adjusted Rand index", s.ari, "agreement over pairs; 0 for chance"),
            ("adjusted mutual information", s.information.ami, "shared information; 0 for chance"),
            ("normalised mutual information", s.information.nmi, "shared information; chance counts too"),
            ("homogeneity", s.information.homogeneity, "how far a cluster is one person"),
            ("completeness", s.information.completeness, "how far a person is one cluster"),
            ("V-measure", s.information.v_measure, "both of these as one"),
            ("purity", s.purity, "faces that are of the commonest person in their cluster"),
        ];
        let labels = [
            ("accuracy", s.equality.accuracy, "faces whose two labels are the same name or number"),
            ("weighted precision", s.equality.precision_weighted, "the same, by predicted label"),
            ("weighted recall", s.equality.recall_weighted, "the same, by true label"),
        ];
        let comparable = s.labels_in_common > 0;
        for (name, value, says) in clusters.iter().chain(labels.iter().filter(|_| comparable)) {
            let value = Digits(*value, 4).to_string().replace('-', "−");
            write!(
                out,
                "<tr><th scope=\"row\">{name}</th><td class=\"n\">{value}</td><td class=\"wide\">{says}</td></tr>"
            )?;
        }
        write!(out, "</tbody></table></div>")?;
        if !comparable {
            write!(
                out,
                "<p class=\"note below\">Left out: accuracy, weighted precision and weighted recall. They ask whether a face’s two labels are the same name or number, and the two labellings have none in common.</p>"
            )?;
        }
        writeln!(out, "</section>")
    }

    pub(super) fn only(&self, out: &mut dyn Write) -> io::Result<()> {
        let lists = [&self.shared.only_in_true, &self.shared.only_in_predicted];
        if lists.iter().all(|l| l.is_empty()) {
            return Ok(());
        }
        write!(out, "<section aria-labelledby=\"only\"><h2 id=\"only\">In one only</h2>")?;
        write!(out, "<p class=\"note\">These faces are in no score.</p>")?;
        for (names, which) in lists.into_iter().zip(&self.names).filter(|(l, _)| !l.is_empty()) {
            write!(
                out,
                "<details><summary>{} only in {}</summary><ul class=\"names\">",
                Plural(names.len(), "face"),
                Text(which)
            )?;
            for name in names.iter().take(self.limits.names) {
                write!(out, "<li>{}</li>", Text(name))?;
            }
            write!(out, "</ul>")?;
            left_out(out, names.len(), self.limits.names, "more name")?;
            write!(out, "</details>")?;
        }
        writeln!(out, "</section>")
    }
}

/// `Person 3 (12), Person 4 (1)`
fn parts(
    out: &mut dyn Write,
    labels: &Labelled,
    parts: impl Iterator<Item = (i64, u64)>,
    all: usize,
) -> io::Result<()> {
    let parts: Vec<String> =
        parts.take(PARTS).map(|(label, n)| format!("{} ({})", labels.name(label), Count(n))).collect();
    let more = if all > PARTS { format!(" and {} more", Count((all - PARTS) as u64)) } else { String::new() };
    write!(out, "<td class=\"wide\">{}{more}</td>", Text(parts.join(", ")))
}
