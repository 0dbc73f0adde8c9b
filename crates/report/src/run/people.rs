//! The rows of people.

use maud::{Markup, html};
use streamface_eval::clock::recorded;
use streamface_eval::format::{Plural, duration};

use super::input::{Face, Frame, Limits, Person, Report};
use super::origins::Origins;
use super::timeline::{Place, Strip, Timeline, clock, clock_seconds, presence, stream_time, track};
use crate::faces::picture;
use crate::html::{Blur, Url, link};
use crate::picture::Pictures;
use crate::said::said;

/// Strips shown for one person; more sources than this are counted.
const MAX_STRIPS: usize = 12;
/// Stretches of a person that the search knows.
const MAX_SEARCHED: usize = 500;

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
    assign_thumbnails(&mut rows, report.limits);
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
fn assign_thumbnails(rows: &mut [Row<'_>], limits: Limits) {
    let mut left = limits.thumbnails;
    for row in rows.iter_mut() {
        let n = row.faces.len();
        let k = n.min(limits.row).min(left);
        row.shown = best_of_parts(&row.faces, k).unwrap_or_else(|| match k {
            0 => Vec::new(),
            1 => vec![0],
            _ => (0..k).map(|i| i * (n - 1) / (k - 1)).collect(),
        });
        left -= k;
    }
    let wanting = rows.iter().filter(|r| r.faces.len() > r.shown.len()).count();
    let part = left.checked_div(wanting).unwrap_or(0);
    for row in rows {
        row.more = (row.faces.len() - row.shown.len()).min(part);
    }
}

/// Of `k` parts of the faces the one of best quality each; `None` where a face has no quality.
fn best_of_parts(faces: &[(&Face, Option<Place>)], k: usize) -> Option<Vec<usize>> {
    let qualities: Vec<f32> = faces.iter().map(|(face, _)| face.quality).collect::<Option<_>>()?;
    let better = |a: usize, b: usize| if qualities[b] > qualities[a] { b } else { a };
    let part = |i: usize| (i * faces.len() / k..(i + 1) * faces.len() / k).reduce(better);
    (0..k).map(part).collect()
}

/// What the rows of all sections of people need.
pub(super) struct Rows<'a, 'b> {
    pub report: &'a Report,
    pub timeline: &'a Timeline<'a>,
    pub pictures: &'b mut dyn Pictures,
    /// Whether all frames were captured on one day.
    pub one_day: bool,
    /// What frames came from, each once: faces name them by their place here.
    pub origins: Origins<'a>,
}

/// The strips that show someone, with the stretches on each.
type OnScreen<'a> = Vec<(&'a Strip<'a>, Vec<(f64, f64)>)>;

/// From which second to which someone is seen, for the search.
fn seconds(on_screen: &OnScreen<'_>) -> String {
    let mut seconds: Vec<(i64, i64)> =
        on_screen.iter().flat_map(|(strip, stretches)| strip.seconds(stretches)).collect();
    seconds.sort_unstable();
    seconds.dedup();
    seconds.truncate(MAX_SEARCHED);
    let seconds: Vec<String> = seconds.iter().map(|(from, to)| format!("{from}-{to}")).collect();
    seconds.join(" ")
}

impl<'a> Rows<'a, '_> {
    pub fn row(&mut self, row: &Row<'_>) -> Markup {
        let (title, label) = (title(row.person), row.person.label);
        let on_screen = self.on_screen(row);
        html! {
            article class="person" id={ "person-" (label) } data-words=(words(&title, row.person))
                data-seconds=(seconds(&on_screen)) {
                header {
                    h3 { (title) }
                    @if row.person.name.is_some() { p { "Person " (label) } }
                    p { (Plural(row.faces.len(), "face")) }
                    (self.seen(row, &on_screen))
                }
                div class="body" {
                    (self.strips(&on_screen))
                    (self.faces(row, &title))
                    (said(&row.person.attributes))
                }
            }
        }
    }

    /// A person seen once: the face and what it is, without a strip.
    pub fn card(&mut self, row: &Row<'_>) -> Markup {
        let (title, label) = (title(row.person), row.person.label);
        html! {
            article class="card" id={ "person-" (label) } data-words=(words(&title, row.person))
                data-seconds=(seconds(&self.on_screen(row))) {
                h3 { (title) }
                (self.faces(row, &title))
                (said(&row.person.attributes))
            }
        }
    }

    fn frame(&self, place: Option<Place>) -> Option<&'a Frame> {
        place.map(|p| self.timeline.frame(p))
    }

    /// The places of a person's faces, by strip.
    fn places(row: &Row<'_>) -> Vec<Place> {
        let mut places: Vec<Place> = row.faces.iter().filter_map(|&(_, p)| p).collect();
        places.dedup();
        places
    }

    /// The strips that show the person, with the stretches on each.
    fn on_screen(&self, row: &Row<'_>) -> OnScreen<'a> {
        let places = Self::places(row);
        let of = |places: &[Place]| {
            let strip = &self.timeline.strips[places[0].strip];
            let frames: Vec<usize> = places.iter().map(|p| p.frame).collect();
            let stretches = strip.stretches(&frames);
            (strip, stretches)
        };
        places.chunk_by(|a, b| a.strip == b.strip).map(of).filter(|(strip, _)| strip.timed()).collect()
    }

    /// From when to when the person is seen.
    fn seen(&self, row: &Row<'_>, on_screen: &OnScreen<'_>) -> Markup {
        let placed: Vec<&Frame> = row.faces.iter().filter_map(|&(_, p)| self.frame(p)).collect();
        // Sources are each in order, but all of them together need not be.
        let time = |f: &&&Frame| clock_seconds(f);
        let ends = placed.iter().min_by_key(time).zip(placed.iter().max_by_key(time));
        let ends = ends.and_then(|(first, last)| clock(first).zip(clock(last)));
        let utc: Vec<_> = placed.iter().filter_map(|f| recorded(f.captured_at?)).collect();
        let days = utc.iter().min().zip(utc.iter().max()).filter(|_| {
            // Without a stream's own time the clock above is UTC already.
            placed.iter().any(|f| f.stream_time.is_some())
        });
        // The heading says the day already where there is only one.
        let from = if self.one_day { 11 } else { 0 };
        let on_screen: f64 = on_screen.iter().map(|(strip, stretches)| strip.length(stretches)).sum();
        html! {
            @if on_screen > 0.0 { p { (duration(on_screen / 3600.0)) " on screen" } }
            @if let Some((first, last)) = ends {
                p { span class="sr" { "Seen from " } (first) " – " (last) }
            }
            @if let Some((first, last)) = days {
                p class="utc" { (first.to_readable()[from..]) " – " (last.to_readable()[from..]) " UTC" }
            }
        }
    }

    /// When the person is on screen, on a strip for each source with times.
    fn strips(&self, strips: &OnScreen<'_>) -> Markup {
        let many = self.timeline.strips.len() > 1;
        let more = strips.len().saturating_sub(MAX_STRIPS);
        html! {
            @for (strip, stretches) in strips.iter().take(MAX_STRIPS) {
                @let of = if many { format!(" of {}", strip.source) } else { String::new() };
                @let says = format!("On screen {}{of}", Plural(stretches.len(), "time"));
                @if many { p class="strip-of" { (strip.source) } }
                (track(strip, &html! {
                    svg class="strip" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=(says) {
                        title { (says) }
                        path d=(presence(stretches)) {}
                    }
                }))
            }
            @if more > 0 { p class="note" { "and " (Plural(more, "more source")) } }
        }
    }

    fn faces(&mut self, row: &Row<'_>, title: &str) -> Markup {
        let mut is_shown = vec![false; row.faces.len()];
        row.shown.iter().for_each(|&i| is_shown[i] = true);
        let shown: Vec<_> = row.shown.iter().map(|&i| row.faces[i]).collect();
        let rest: Vec<_> = (0..row.faces.len()).filter(|&i| !is_shown[i]).map(|i| row.faces[i]).collect();
        let listed = rest.len().min(self.report.limits.listed.max(row.more));
        let further = rest.len() - listed;
        html! {
            @if !shown.is_empty() { (self.list(&shown, shown.len(), title)) }
            @if !rest.is_empty() {
                details {
                    summary { (Plural(rest.len(), if shown.is_empty() { "face" } else { "more face" })) }
                    (self.list(&rest[..listed], row.more, title))
                    @if further > 0 {
                        p class="note" {
                            (Plural(further, "further face"))
                            " not listed here; all are in the tables of the dataset."
                        }
                    }
                }
            }
        }
    }

    /// A list of faces of which the first `pictured` have a thumbnail.
    fn list(&mut self, faces: &[(&Face, Option<Place>)], pictured: usize, title: &str) -> Markup {
        let ids: Vec<_> = faces.iter().take(pictured).map(|(face, _)| &face.id).collect();
        let mut pictures = self.pictures.faces(&ids).into_iter();
        html! {
            ul class="faces" {
                @for (i, &(face, place)) in faces.iter().enumerate() {
                    // Asked for and not there is another thing than not asked for.
                    @let picture = (i < pictured).then(|| pictures.next().flatten());
                    (self.face(face, self.frame(place), title, picture))
                }
            }
        }
    }

    fn face(
        &mut self,
        face: &Face,
        frame: Option<&'a Frame>,
        title: &str,
        jpeg: Option<Option<Vec<u8>>>,
    ) -> Markup {
        let says = describe(face, frame, title, self.timeline.strips.len() > 1);
        let caption = frame.map_or_else(
            || face.id.to_string(),
            // A photo has no time; its name is what it goes by.
            |frame| clock(frame).unwrap_or_else(|| frame.id.to_string()),
        );
        let content = html! {
            @if let Some(jpeg) = jpeg { (picture(jpeg.as_deref(), format_args!("{title} at {caption}"))) }
            span class="at" { (caption) }
        };
        let folder = &self.report.faces_folder;
        if folder.is_empty() {
            return html! { li { span class="face" title=(says) { (content) } } };
        }
        let shown = frame.and_then(|f| f.picture.as_deref()).map(link);
        let place = face.place.filter(|_| shown.is_some()).map(|[x, y, w, h]| {
            let percent = |v: f32| format!("{:.1}", 100.0 * v.clamp(0.0, 1.0));
            [x, y, w, h].map(percent).join(" ")
        });
        let origin = frame.and_then(|f| f.origin.as_deref()).map(|origin| self.origins.place(origin));
        let seconds = frame.and_then(|f| f.stream_time).map(|t| format!("{:.2}", t.micros() as f64 / 1e6));
        html! {
            li {
                a class="face" title=(says) href=(Url(format_args!("{folder}/{}.png", face.id)))
                    data-frame=[shown] data-box=[place] data-origin=[origin] data-time=[seconds] { (content) }
            }
        }
    }
}

/// The words that the search looks at.
fn words(title: &str, person: &Person) -> String {
    format!("{} {}", title.to_lowercase(), person.label)
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
    let quality = face.quality.map(|q| format!(", quality {q:.2}")).unwrap_or_default();
    line(format!("score {:.3}{blur}{quality}", face.score));
    line(face.id.to_string());
    says
}

#[cfg(test)]
mod tests {
    use streamface_eval::person_attributes::PersonAttributes;
    use streamface_types::{FaceId, FrameId, Label};

    use super::*;

    fn person(label: i64, faces: usize) -> Person {
        let face = |i| Face {
            id: FaceId::new(FrameId::new(format!("f{i:03}")).unwrap(), 0),
            score: 1.0,
            blur: None,
            quality: None,
            place: None,
        };
        let attributes = PersonAttributes::default();
        Person { label: Label(label), name: None, faces: (0..faces).map(face).collect(), attributes }
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
    fn the_best_face_of_each_part_is_shown_where_all_have_a_quality() {
        let mut ann = person(0, 9);
        let shown = |ann: &Person| {
            let limits = Limits { row: 3, ..Limits::default() };
            let report = Report { people: vec![ann.clone()], limits, ..Report::default() };
            arrange(&report, &Timeline::new(&[])).rows[0].shown.clone()
        };
        let qualities = [0.1, 0.9, 0.2, 0.5, 0.5, 0.4, 0.0, 0.1, 0.8];
        ann.faces.iter_mut().zip(qualities).for_each(|(face, q)| face.quality = Some(q));
        assert_eq!(shown(&ann), [1, 3, 8]);
        ann.faces[4].quality = None;
        assert_eq!(shown(&ann), [0, 4, 8]);
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
