//! `stats.html`.

mod attributes;
mod people;

use std::io::Write;

use maud::{Markup, html};
use streamface_eval::clock::whole_seconds;
use streamface_eval::format::{Count, Plural};
use streamface_eval::stats::{Channel, OverTime, Stats};
use streamface_types::{StreamTime, Timestamp};

use crate::Error;
use crate::chart::{self, Bar, Caption, bars, line, plain_percent};
use crate::faces::Sheet;
use crate::layout::{self, Head, left_out, number, section, settings_section, source, table, tile, tiles};
use crate::picture::Pictures;

const STYLE: &str = include_str!("stats.css");
/// Channels that are shown, most faces first.
const MAX_CHANNELS: usize = 200;
/// People of the line of faces per person; of more, so many are spread over all.
const MAX_PEOPLE: usize = 20_000;

/// The page of [`Stats`]: one file that loads nothing, and holds no time of making.
#[derive(Debug, Clone)]
pub struct StatsPage<'a> {
    /// Heading and title of the page.
    pub title: String,
    /// Which datasets, in a line.
    pub source: String,
    /// Settings by name, in the order to show them.
    pub settings: Vec<(String, String)>,
    /// What each dataset is called, where there are several.
    pub datasets: Vec<String>,
    /// What was found.
    pub stats: &'a Stats,
}

impl StatsPage<'_> {
    /// Writes the page to `out`, with the pictures that `pictures` has.
    ///
    /// # Errors
    /// [`Error::Write`] where `out` refuses. A picture that is missing is no error: its place says so.
    pub fn render(&self, out: &mut dyn Write, pictures: &mut dyn Pictures) -> Result<(), Error> {
        layout::write(&self.page(&mut Sheet::new(pictures)), out).map_err(Error::Write)
    }

    fn page(&self, sheet: &mut Sheet<'_>) -> Markup {
        let title = if self.title.is_empty() { "Statistics" } else { &self.title };
        let head = Head { title, styles: &[chart::STYLE, STYLE], script: "" };
        let stats = self.stats;
        let distributions = stats.total.people > 0 || stats.over_time.is_some();
        let attributes = self.has_attributes();
        let sections = [
            ("people", "People", !stats.people.is_empty()),
            ("together", "Together", !stats.together.is_empty()),
            ("channels", "Channels", !stats.channels.is_empty()),
            ("distributions", "Distributions", distributions),
            ("attributes", "Attributes", attributes),
            ("settings", "Settings", !self.settings.is_empty()),
        ];
        let main = html! {
            (self.numbers())
            (layout::nav(&sections, &html! {}))
            (self.people(sheet))
            (self.together(sheet))
            (self.channels())
            @if distributions { (self.distributions()) }
            @if attributes { (self.attributes()) }
            (settings_section(&self.settings))
        };
        head.page(&source(&self.source), &main)
    }

    fn numbers(&self) -> Markup {
        let stats = self.stats;
        // Nothing is said of what is not there.
        let some = |n: u64, what: &str| if n > 0 { format!("{} {what}", Count(n)) } else { String::new() };
        let people = [some(stats.singletons, "seen once")];
        let faces = [some(stats.noise, "marked as noise"), some(stats.unlabelled, "without a label")];
        let frames = [
            format!("of {} looked at", Count(stats.total.frames)),
            format!("{} with faces", Count(stats.frames_with_faces)),
        ];
        let channels = [Plural(stats.channels.len(), "channel").to_string()];
        let mut all = vec![
            tile("People", &Count(stats.total.people).to_string(), &people),
            tile("Faces", &Count(stats.total.faces).to_string(), &faces),
            tile(
                if self.timed() { "Frames kept" } else { "Photos" },
                &Count(stats.total.frames_kept).to_string(),
                &frames,
            ),
        ];
        if self.timed() {
            all.push(tile("Watched", &stats.total.watched(), &channels));
        }
        if let Some(d) = &stats.distances {
            let number = |d: Option<f64>| d.map_or_else(|| "–".to_owned(), |d| format!("{d:.3}"));
            let lines = [
                "from the mean of the person".to_owned(),
                format!("{} to the nearest other", number(d.nearest)),
            ];
            all.push(tile("Mean distance", &number(d.intra), &lines));
        }
        tiles(&all)
    }

    /// Whether frames have times: those of photos have none.
    fn timed(&self) -> bool {
        self.stats.total.hours > 0.0 || self.stats.over_time.is_some()
    }

    fn channels(&self) -> Markup {
        let mut all: Vec<&Channel> = self.stats.channels.iter().collect();
        if all.is_empty() {
            return html! { section { p class="note" { "There are no frames and no faces." } } };
        }
        all.sort_by(|a, b| b.faces.cmp(&a.faces).then(a.name.cmp(&b.name)));
        let timed = self.timed();
        let mut columns = vec![("channel", false), ("faces", false), ("people", true)];
        if timed {
            columns.extend([("watched", true), ("faces an hour", true)]);
        }
        columns.extend([(if timed { "frames" } else { "photos" }, true), ("kept", true)]);
        let most = all.first().map_or(0, |c| c.faces).max(1);
        let rate = |c: &Channel| match c.hours > 0.0 {
            true => Count((c.faces as f64 / c.hours).round() as u64).to_string(),
            false => "–".to_owned(),
        };
        let rows = html! {
            @for channel in all.iter().take(MAX_CHANNELS) {
                tr {
                    th scope="row" { (channel.name) }
                    (bar(channel.faces, most, &Count(channel.faces).to_string()))
                    (number(Count(channel.people)))
                    @if timed { (number(channel.watched())) (number(rate(channel))) }
                    (number(Count(channel.frames)))
                    (number(Count(channel.frames_kept)))
                }
            }
        };
        let body = html! {
            p class="note" { "Sorted by number of faces. A person who is in several channels counts in each." }
            (table("Channels", &columns, &rows))
            (left_out(all.len(), MAX_CHANNELS, "more channel"))
        };
        section("channels", "Channels", &body)
    }

    fn distributions(&self) -> Markup {
        let left_out = self.stats.over_time.as_ref().map_or(0, |time| time.left_out);
        let body = html! {
            div class="charts" {
                @if self.stats.total.people > 0 {
                    (self.faces_per_person())
                    (chart::size_bins("People per number of faces", "people", &self.stats.size_bins))
                }
                @if let Some(time) = &self.stats.over_time { (over_time(time)) }
            }
            @if left_out > 0 {
                p class="note below" {
                    "Not shown over time: " (Plural(left_out as usize, "face"))
                    " of files without a time of recording."
                }
            }
        };
        section("distributions", "Distributions", &body)
    }

    fn faces_per_person(&self) -> Markup {
        let all = self.stats.total.people as usize;
        let shown = all.min(MAX_PEOPLE);
        // Sizes come most first; person k of those shown is person k · all / shown of all.
        let mut values = Vec::with_capacity(shown);
        let (mut runs, mut end, mut faces) = (self.stats.sizes.iter(), 0, 0);
        for k in 0..shown {
            let person = k * all / shown;
            while end <= person {
                let Some(&(size, people)) = runs.next() else { break };
                (faces, end) = (size as usize, end + people as usize);
            }
            values.push(faces);
        }
        let marks: Vec<(f64, String)> = [0.0, 0.25, 0.5, 0.75, 1.0]
            .into_iter()
            .map(|at| (at, Count(((all - 1) as f64 * at).round() as u64 + 1).to_string()))
            .collect();
        let marks = if all < 5 { &marks[..1] } else { &marks };
        let most = values.first().copied().unwrap_or(0);
        let says = format!("Faces of {} people, the first with {}", Count(all as u64), Plural(most, "face"));
        let caption = Caption {
            title: "Faces per person",
            across: "person, most faces first",
            up: "faces",
            says: &says,
            marks,
        };
        line(&caption, &values)
    }
}

fn over_time(time: &OverTime) -> Markup {
    let n = time.faces.len();
    let micros = |bin: usize| (time.from + bin as i64 * time.width).saturating_mul(1_000_000);
    let at = |bin: usize| match time.recorded {
        true => format!("{} UTC", Timestamp::from_micros(micros(bin)).to_readable()),
        false => whole_seconds(StreamTime(micros(bin))),
    };
    let text = |bin: usize| {
        let text = at(bin);
        // As much of the time as tells bins apart.
        match time.width {
            _ if !time.recorded => text,
            w if w >= 86_400 => text[..10].to_owned(),
            w if w >= 3600 => format!("{} {}", &text[5..10], &text[11..16]),
            w if w >= 60 => text[11..16].to_owned(),
            _ => text[11..19].to_owned(),
        }
    };
    let bar = |(bin, &faces): (usize, &u64)| Bar {
        value: faces as usize,
        says: format!("{}: {}", at(bin), Plural(faces as usize, "face")),
        class: "good",
    };
    let all: Vec<Bar> = time.faces.iter().enumerate().map(bar).collect();
    let marked = if n > 3 { vec![0, n / 2] } else { vec![0] };
    let marks: Vec<(f64, String)> =
        marked.into_iter().map(|bin| ((bin as f64 + 0.5) / n as f64, text(bin))).collect();
    let every = width(time.width);
    let says = format!("Faces by time, {every} each: {} from {}", Plural(n, "bar"), at(0));
    let clock = if time.recorded { "time (UTC)" } else { "time from the beginning" };
    let across = format!("{clock}, {every} a bar");
    let caption =
        Caption { title: "Faces over time", across: &across, up: "faces", says: &says, marks: &marks };
    bars(&caption, &all)
}

/// A cell with a bar as long as `value` is of `most`, and a text.
fn bar(value: u64, most: u64, text: &str) -> Markup {
    let width = value as f64 / most as f64;
    html! {
        td class="share" {
            @if value > 0 { span class="bar" style={ "--w:" (format_args!("{width:.3}")) } {} }
            (text)
        }
    }
}

/// A share to a tenth of a percent.
fn share(part: f64, of: f64) -> String {
    plain_percent(if of > 0.0 { (1000.0 * part / of).round() / 1000.0 } else { 0.0 })
}

/// `10 s`, `1 min`, `6 h`, `7 days`
fn width(seconds: i64) -> String {
    match seconds {
        s if s >= 172_800 => format!("{} days", s / 86_400),
        s if s >= 86_400 => "1 day".to_owned(),
        s if s >= 3600 => format!("{} h", s / 3600),
        s if s >= 60 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

#[cfg(test)]
mod tests {
    use streamface_types::FaceId;

    use super::*;
    use crate::NoPictures;
    use streamface_eval::presence::FrameFate;
    use streamface_eval::stats::StatsBuilder;

    fn stats(hostile: &str, faces: u32) -> Stats {
        let mut all = StatsBuilder::new();
        all.dataset();
        for i in 0..faces {
            let frame = format!("{hostile}_frame_202305251001{:02}000000", i % 60);
            let face: FaceId = format!("{frame}_face_{}", i / 60).parse().unwrap();
            all.frame(&face.frame, "a", FrameFate::Kept);
            all.face(&face);
            all.label(&face, i64::from(i.isqrt()), None);
            let said = serde_json::json!({"label": 0, "mask": 0.1, "attributes": {
                "age": {hostile: 0.9, "b": 0.1}, "gender": null, "race": null, "expression": null, "pose": {"yaw": 4.0}}});
            let said: streamface_types::Annotation = serde_json::from_value(said).unwrap();
            all.attributes(&face, &said.attributes);
            all.embedding(&face, "m", &[1.0, i as f32]);
        }
        all.finish().unwrap()
    }

    fn page(stats: &Stats, hostile: &str) -> String {
        let settings = vec![(hostile.to_owned(), hostile.to_owned())];
        let mut bytes = Vec::new();
        let datasets = vec![hostile.to_owned(); 2];
        StatsPage { title: hostile.to_owned(), source: hostile.to_owned(), settings, datasets, stats }
            .render(&mut bytes, &mut NoPictures)
            .unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_page_is_whole_and_names_are_text() {
        let found = page(&stats("news", 50), "news");
        for part in [
            "Faces per person",
            "People per number of faces",
            "Faces over time",
            "yaw",
            "no mask",
            "Settings",
            "<th scope=\"row\">Person 6<span class=\"of\">news</span></th>",
            "on screen",
        ] {
            assert!(found.contains(part), "{part}");
        }
        assert!(
            !found.contains("NaN")
                && !found.contains("inf ")
                && !found.contains("http:")
                && !found.contains("https:")
        );
        assert_eq!(found, page(&stats("news", 50), "news"));
        let hostile = "<script>x";
        let bad = page(&stats(hostile, 50), hostile);
        assert!(!bad.contains("<script") && bad.contains("&lt;script&gt;x"));
        assert_eq!(bad.matches('<').count(), found.matches('<').count());
    }

    #[test]
    fn photos_have_no_times() {
        let mut all = StatsBuilder::new();
        all.dataset();
        for i in 0..3 {
            let face: FaceId = format!("IMG_{i}_face_0").parse().unwrap();
            all.frame(&face.frame, "photos/a.jpg", FrameFate::Kept);
            all.face(&face);
            all.label(&face, 0, Some("Ann"));
        }
        let found = page(&all.finish().unwrap(), "");
        assert!(found.contains("<dt>Photos</dt>") && found.contains(">photos</th>"));
        for part in ["Watched", "watched", "on screen", "0 s", "faces an hour", "Faces over time"] {
            assert!(!found.contains(part), "{part}");
        }
    }

    #[test]
    fn who_is_with_whom_is_told() {
        let mut all = StatsBuilder::new();
        all.dataset();
        for second in 0..9 {
            let frame = format!("news_frame_2023052510010{second}000000");
            let frame = streamface_types::FrameId::new(frame).unwrap();
            all.frame(&frame, "a", FrameFate::Kept);
            for (index, name) in [(0, "Ann"), (1, "Bob")].into_iter().take(if second < 4 { 2 } else { 1 }) {
                let face = FaceId::new(frame.clone(), index);
                all.face(&face);
                all.label(&face, i64::from(index), Some(name));
            }
        }
        let found = page(&all.finish().unwrap(), "");
        let row = found.split("Who appears with whom").last().unwrap();
        let text: String =
            row.split('<').filter_map(|t| t.split_once('>')).map(|t| t.1).collect::<Vec<_>>().join(" ");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("Bob 4 44.4 % 100 %"), "{text}");
        assert!(found.contains("9 s") && found.contains("4 s"), "screen time");
    }

    #[test]
    fn a_share_of_time_is_rounded_last() {
        let mut all = StatsBuilder::new();
        all.dataset();
        // Ann is on screen for 3.8 of 19 seconds, Bob for 0.2.
        for (tenths, who) in
            [(0, Some((0, "Ann"))), (38, None), (100, Some((1, "Bob"))), (102, None), (190, None)]
        {
            let frame = format!("news_frame_202305251001{:02}{:06}", tenths / 10, tenths % 10 * 100_000);
            let frame = streamface_types::FrameId::new(frame).unwrap();
            all.frame(&frame, "a", FrameFate::Kept);
            if let Some((label, name)) = who {
                let face = FaceId::new(frame, 0);
                all.face(&face);
                all.label(&face, label, Some(name));
            }
        }
        let found = page(&all.finish().unwrap(), "");
        let cells = |name: &str| found.split(name).nth(1).unwrap().split("</tr>").next().unwrap().to_owned();
        assert!(cells("\">Ann").contains("20 %") && cells("\">Ann").contains("3.8 s"), "{}", cells("\">Ann"));
        assert!(
            cells("\">Bob").contains("1.1 %") && cells("\">Bob").contains("0.2 s"),
            "{}",
            cells("\">Bob")
        );
    }

    #[test]
    fn faces_without_an_attribute_are_told() {
        let mut all = StatsBuilder::new();
        all.dataset();
        for i in 0..3 {
            let face: FaceId = format!("IMG_{i}_face_0").parse().unwrap();
            all.frame(&face.frame, "photos/a.jpg", FrameFate::Kept);
            all.face(&face);
            let gender = if i == 0 { serde_json::Value::Null } else { serde_json::json!({"Male": 1.0}) };
            let said = serde_json::json!({"label": 0, "mask": 0.1, "attributes": {"gender": gender}});
            let said: streamface_types::Annotation = serde_json::from_value(said).unwrap();
            all.attributes(&face, &said.attributes);
        }
        let stats = all.finish().unwrap();
        assert_eq!(
            stats.attributes.iter().map(|a| (a.name.as_str(), a.none)).collect::<Vec<_>>(),
            [("gender", 1), ("mask", 0)]
        );
        let found = page(&stats, "");
        assert_eq!(found.matches("1 of 3 faces has none.").count(), 1);
        assert_eq!(found.matches("have none.").count(), 0);
    }

    #[test]
    fn attributes_that_the_vocabulary_does_not_have_are_shown() {
        let mut all = StatsBuilder::new();
        all.dataset();
        for (i, height) in [1.5, 2.5].into_iter().enumerate() {
            let face: FaceId = format!("IMG_{i}_face_0").parse().unwrap();
            all.face(&face);
            let said = serde_json::json!({"label": 0, "attributes": {"<i>": height, "beard": {"full": 1.0}}});
            let said: streamface_types::Annotation = serde_json::from_value(said).unwrap();
            all.attributes(&face, &said.attributes);
        }
        let found = page(&all.finish().unwrap(), "");
        for part in [
            "<h3>beard</h3>",
            "<th scope=\"row\">full</th>",
            "<h3>Other numbers</h3>",
            "<th scope=\"row\">&lt;i&gt;</th><td class=\"n\">2</td><td class=\"n\">2.000</td><td class=\"n\">0.707</td>",
        ] {
            assert!(found.contains(part), "{part} is not in {found}");
        }
        assert!(!found.contains("<i>"));
    }

    #[test]
    fn times_that_only_count_are_no_dates() {
        let over = |year: &str| {
            let mut all = StatsBuilder::new();
            all.dataset();
            for name in ["19700101000102000000", year] {
                all.face(&format!("a_frame_{name}_face_0").parse::<FaceId>().unwrap());
            }
            page(&all.finish().unwrap(), "")
        };
        let counted = over("19700101000103000000");
        assert!(
            counted.contains("time from the beginning, 1 s a bar") && counted.contains("0:01:03: 1 face")
        );
        assert!(!counted.contains("UTC") && !counted.contains("Not shown over time"));
        let both = over("20230525100138000000");
        assert!(both.contains("2023-05-25 10:01:38 UTC: 1 face") && !both.contains("1970"));
        assert!(both.contains("Not shown over time: 1 face of files"));
    }

    #[test]
    fn nothing_gives_a_page_too() {
        let found = page(&stats("x", 0), "");
        assert!(
            found.contains("There are no frames") && !found.contains("<svg") && !found.contains("Attributes")
        );
        assert_eq!(page(&stats("x", 1), "").matches("<svg").count(), 4);
    }

    #[test]
    fn widths() {
        assert_eq!([1, 600, 21_600, 86_400, 604_800].map(width), ["1 s", "10 min", "6 h", "1 day", "7 days"]);
    }
}
