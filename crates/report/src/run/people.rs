//! The rows of people.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::timeline::{Place, Timeline, clock, clock_seconds, presence, stream_time};
use super::{Face, Frame, Limits, Person, Report};
use crate::faces::{open_face, write_picture};
use crate::html::{Blur, Text};
use crate::picture::Pictures;
use streamface_eval::clock::recorded;
use streamface_eval::format::Plural;

/// Strips shown for one person; more sources than this are counted.
const STRIPS: usize = 12;
/// Seconds listed for the search.
const SEARCHED: usize = 500;

/// A person whose faces are in the order of source and time.
pub(super) struct Row<'a> {
    person: &'a Person,
    faces: Vec<(&'a Face, Option<Place>)>,
    /// Faces with a thumbnail in the row, as indices of `faces`; the rest are folded away.
    shown: Vec<usize>,
    /// Of the rest, how many have a thumbnail.
    more: usize,
}

/// People in the order of the page, with thumbnails allotted.
pub(super) struct People<'a> {
    pub rows: Vec<Row<'a>>,
    pub once: Vec<Row<'a>>,
    pub noise: Vec<Row<'a>>,
    /// People beyond [`Limits::people`].
    pub left_out: usize,
}

pub(super) fn arrange<'a>(report: &'a Report, timeline: &Timeline<'_>) -> People<'a> {
    let mut people: Vec<&Person> = report.people.iter().filter(|p| !p.faces.is_empty()).collect();
    let order = |p: &Person| (p.label.is_noise(), std::cmp::Reverse(p.faces.len()), p.label);
    people.sort_by_key(|p| order(p));
    let noise_from = people.partition_point(|p| !p.label.is_noise());
    let noise = people.split_off(noise_from);
    let left_out = people.len().saturating_sub(report.limits.people);
    people.truncate(report.limits.people);

    let mut rows: Vec<Row> = people.into_iter().chain(noise).map(|p| row(p, timeline)).collect();
    allot(&mut rows, report.limits);
    let (noise, people): (Vec<_>, Vec<_>) = rows.into_iter().partition(|r| r.person.label.is_noise());
    let (once, rows) = people.into_iter().partition(|r| r.faces.len() == 1);
    People { rows, once, noise, left_out }
}

fn row<'a>(person: &'a Person, timeline: &Timeline<'_>) -> Row<'a> {
    let mut faces: Vec<_> = person.faces.iter().map(|face| (face, timeline.place(&face.id))).collect();
    faces.sort_by(|(a, at), (b, bt)| (at.is_none(), at, &a.id).cmp(&(bt.is_none(), bt, &b.id)));
    Row { person, faces, shown: Vec::new(), more: 0 }
}

/// Thumbnails go to the rows first, largest people first, then in equal parts to what is folded away.
fn allot(rows: &mut [Row<'_>], limits: Limits) {
    let mut left = limits.thumbnails;
    for row in rows.iter_mut() {
        let n = row.faces.len();
        let k = n.min(limits.row).min(left);
        row.shown = match k {
            0 => Vec::new(),
            1 => vec![0],
            _ => (0..k).map(|i| i * (n - 1) / (k - 1)).collect(),
        };
        left -= k;
    }
    let wanting = rows.iter().filter(|r| r.faces.len() > r.shown.len()).count();
    let part = left.checked_div(wanting).unwrap_or(0);
    for row in rows {
        row.more = (row.faces.len() - row.shown.len()).min(part);
    }
}

/// Writes rows; shared by all sections of people.
pub(super) struct Writer<'a, 'b> {
    pub report: &'a Report,
    pub timeline: &'a Timeline<'a>,
    pub pictures: &'b mut dyn Pictures,
    /// Whether all frames were captured on one day.
    pub one_day: bool,
}

impl Writer<'_, '_> {
    pub fn row(&mut self, out: &mut dyn Write, row: &Row<'_>) -> io::Result<()> {
        let title = title(row.person);
        write!(out, "<article class=\"person\" id=\"person-{}\"", row.person.label)?;
        self.search_data(out, row, &title)?;
        write!(out, "><header><h3>{}</h3>", Text(&title))?;
        if row.person.name.is_some() {
            write!(out, "<p>Person {}</p>", row.person.label)?;
        }
        write!(out, "<p>{}</p>", Plural(row.faces.len(), "face"))?;
        self.seen(out, row)?;
        write!(out, "</header><div class=\"body\">")?;
        self.strips(out, row)?;
        self.faces(out, row, &title)?;
        writeln!(out, "</div></article>")
    }

    /// A person seen once: the face and what it is, without a strip.
    pub fn card(&mut self, out: &mut dyn Write, row: &Row<'_>) -> io::Result<()> {
        let title = title(row.person);
        write!(out, "<article class=\"card\" id=\"person-{}\"", row.person.label)?;
        self.search_data(out, row, &title)?;
        write!(out, "><h3>{}</h3>", Text(&title))?;
        self.faces(out, row, &title)?;
        writeln!(out, "</article>")
    }

    fn frame(&self, place: Option<Place>) -> Option<&Frame> {
        place.map(|p| self.timeline.frame(p))
    }

    /// What the search looks at: words, and the seconds at which the person is seen.
    fn search_data(&self, out: &mut dyn Write, row: &Row<'_>, title: &str) -> io::Result<()> {
        let mut seconds: Vec<i64> =
            row.faces.iter().filter_map(|&(_, p)| clock_seconds(self.frame(p)?)).collect();
        seconds.sort_unstable();
        seconds.dedup();
        seconds.truncate(SEARCHED);
        let seconds: Vec<String> = seconds.iter().map(ToString::to_string).collect();
        write!(out, " data-words=\"{} {}\"", Text(title.to_lowercase()), row.person.label)?;
        write!(out, " data-seconds=\"{}\"", seconds.join(" "))
    }

    fn seen(&self, out: &mut dyn Write, row: &Row<'_>) -> io::Result<()> {
        let placed: Vec<&Frame> = row.faces.iter().filter_map(|&(_, p)| self.frame(p)).collect();
        let utc: Vec<_> = placed.iter().filter_map(|f| recorded(f.captured_at?)).collect();
        // Sources are each in order, but all of them together need not be.
        let time = |f: &&&Frame| clock_seconds(f);
        let ends = placed.iter().min_by_key(time).zip(placed.iter().max_by_key(time));
        if let Some((a, b)) = ends.and_then(|(first, last)| clock(first).zip(clock(last))) {
            write!(out, "<p><span class=\"sr\">Seen from </span>{a} – {b}</p>")?;
        }
        if let (Some(a), Some(b)) = (utc.iter().min(), utc.iter().max())
            && placed.iter().any(|f| f.stream_time.is_some())
        {
            let (a, b) = (a.to_readable(), b.to_readable());
            // The heading says the day already where there is only one.
            let from = if self.one_day { 11 } else { 0 };
            write!(out, "<p class=\"utc\">{} – {} UTC</p>", &a[from..], &b[from..])?;
        }
        Ok(())
    }

    fn strips(&self, out: &mut dyn Write, row: &Row<'_>) -> io::Result<()> {
        let mut places: Vec<Place> = row.faces.iter().filter_map(|&(_, p)| p).collect();
        places.dedup();
        let by_strip: Vec<&[Place]> = places.chunk_by(|a, b| a.strip == b.strip).collect();
        let many = self.timeline.strips.len() > 1;
        for places in by_strip.iter().take(STRIPS) {
            let Some(first) = places.first() else { continue };
            let strip = &self.timeline.strips[first.strip];
            let frames: Vec<usize> = places.iter().map(|p| p.frame).collect();
            let stretches = strip.stretches(&frames);
            let mut says = format!("On screen {}", Plural(stretches.len(), "time"));
            if many {
                let _ = write!(says, " of {}", strip.source);
                write!(out, "<p class=\"strip-of\">{}</p>", Text(strip.source))?;
            }
            write!(
                out,
                "<svg class=\"strip\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{0}\"><title>{0}</title><path d=\"{1}\"/></svg>",
                Text(&says),
                presence(&stretches)
            )?;
        }
        if by_strip.len() > STRIPS {
            write!(out, "<p class=\"note\">and {}</p>", Plural(by_strip.len() - STRIPS, "more source"))?;
        }
        Ok(())
    }

    fn faces(&mut self, out: &mut dyn Write, row: &Row<'_>, title: &str) -> io::Result<()> {
        if !row.shown.is_empty() {
            let shown: Vec<_> = row.shown.iter().map(|&i| row.faces[i]).collect();
            self.list(out, &shown, shown.len(), title)?;
        }
        let mut is_shown = vec![false; row.faces.len()];
        row.shown.iter().for_each(|&i| is_shown[i] = true);
        let rest: Vec<_> = (0..row.faces.len()).filter(|&i| !is_shown[i]).map(|i| row.faces[i]).collect();
        if rest.is_empty() {
            return Ok(());
        }
        let folded = Plural(rest.len(), if row.shown.is_empty() { "face" } else { "more face" });
        write!(out, "<details><summary>{folded}</summary>")?;
        let listed = rest.len().min(self.report.limits.listed.max(row.more));
        self.list(out, &rest[..listed], row.more, title)?;
        if rest.len() > listed {
            let n = Plural(rest.len() - listed, "further face");
            write!(out, "<p class=\"note\">{n} not listed here; all are in the tables of the dataset.</p>")?;
        }
        write!(out, "</details>")
    }

    /// A list of faces of which the first `pictured` have a thumbnail.
    fn list(
        &mut self,
        out: &mut dyn Write,
        faces: &[(&Face, Option<Place>)],
        pictured: usize,
        title: &str,
    ) -> io::Result<()> {
        let ids: Vec<_> = faces.iter().take(pictured).map(|(face, _)| &face.id).collect();
        let mut pictures = self.pictures.faces(&ids).into_iter();
        write!(out, "<ul class=\"faces\">")?;
        for (i, &(face, place)) in faces.iter().enumerate() {
            // Asked for and not there is another thing than not asked for.
            let picture = (i < pictured).then(|| pictures.next().flatten());
            self.face(out, face, self.frame(place), title, picture)?;
        }
        write!(out, "</ul>")
    }

    fn face(
        &self,
        out: &mut dyn Write,
        face: &Face,
        frame: Option<&Frame>,
        title: &str,
        picture: Option<Option<Vec<u8>>>,
    ) -> io::Result<()> {
        let says = describe(face, frame, title, self.timeline.strips.len() > 1);
        let caption = frame.and_then(clock).unwrap_or_else(|| face.id.to_string());
        let tag = open_face(out, &self.report.faces_folder, &face.id, &says)?;
        if let Some(picture) = picture {
            write_picture(out, picture.as_deref(), format_args!("{title} at {caption}"))?;
        }
        write!(out, "<span class=\"at\">{}</span></{tag}></li>", Text(&caption))
    }
}

fn title(person: &Person) -> String {
    match &person.name {
        Some(name) => name.clone(),
        None if person.label.is_noise() => "Noise".to_owned(),
        None => format!("Person {}", person.label),
    }
}

/// Lines for hovering and for the large view.
fn describe(face: &Face, frame: Option<&Frame>, title: &str, with_source: bool) -> String {
    let mut says = title.to_owned();
    let mut line = |text: String| {
        says.push('\n');
        says.push_str(&text);
    };
    if let Some(time) = frame.and_then(stream_time) {
        line(format!("at {time}"));
    }
    if let Some(utc) = frame.and_then(|f| recorded(f.captured_at?)) {
        line(format!("captured {} UTC", utc.to_readable()));
    }
    if let Some(frame) = frame.filter(|_| with_source) {
        line(format!("source {}", frame.source));
    }
    let blur = face.blur.map(|b| format!(", blur variance {}", Blur(b))).unwrap_or_default();
    line(format!("score {:.3}{blur}", face.score));
    line(face.id.to_string());
    says
}

#[cfg(test)]
mod tests {
    use streamface_types::{FaceId, FrameId, Label};

    use super::*;

    fn person(label: i64, faces: usize) -> Person {
        let face = |i| Face {
            id: FaceId::new(FrameId::new(format!("f{i:03}")).unwrap(), 0),
            score: 1.0,
            blur: None,
        };
        Person { label: Label(label), name: None, faces: (0..faces).map(face).collect() }
    }

    fn arranged(limits: Limits) -> Vec<(i64, Vec<usize>, usize)> {
        let people = [(4, 1), (2, 9), (-1, 30), (1, 3), (3, 9), (5, 0)].map(|(l, n)| person(l, n)).to_vec();
        let report = Report { people, limits, ..Report::default() };
        let people = arrange(&report, &Timeline::new(&[]));
        let rows = people.rows.into_iter().chain(people.once).chain(people.noise);
        rows.map(|r| (r.person.label.0, r.shown, r.more)).collect()
    }

    #[test]
    fn large_people_first_and_noise_last_with_thumbnails_spread_over_time() {
        let limits = Limits { thumbnails: 100, row: 4, ..Limits::default() };
        assert_eq!(
            arranged(limits),
            [
                (2, vec![0, 2, 5, 8], 5),
                (3, vec![0, 2, 5, 8], 5),
                (1, vec![0, 1, 2], 0),
                (4, vec![0], 0),
                (-1, vec![0, 9, 19, 29], 26),
            ]
        );
    }

    #[test]
    fn no_more_thumbnails_than_allowed() {
        for thumbnails in 0..60 {
            for row in 0..8 {
                let rows = arranged(Limits { thumbnails, row, ..Limits::default() });
                let given: usize = rows.iter().map(|(_, shown, more)| shown.len() + more).sum();
                assert!(given <= thumbnails, "{given} of {thumbnails}, {row} a row");
            }
        }
    }
}
