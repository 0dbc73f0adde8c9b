//! What is made of each frame's faces.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use streamface_store::{Dataset, DropReason, FaceRow, FeatureRow, FrameRow, ImageKind};
use streamface_types::{FaceId, Timestamp};

use super::{Change, Gallery, Outlets, Page, Presence};
use crate::Result;
use crate::event::{Event, Observer};
use crate::sighting::{Person, Seen, Sighting};

/// A frame with its faces and their embeddings, where it was kept.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The frame.
    pub row: &'a FrameRow,
    /// When it was read.
    pub read_at: Option<Timestamp>,
    /// Its faces.
    pub faces: &'a [FaceRow],
    /// Their embeddings.
    pub features: &'a [FeatureRow],
}

/// A day in milliseconds: a live stream's frame is named within less.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Names the faces of frames as they come, and tells of it.
pub struct Watcher<'a> {
    observer: &'a dyn Observer,
    gallery: Gallery,
    presence: Presence,
    outlets: Outlets,
    page: Option<Page>,
    /// Whether capture times are those of a clock on the wall.
    live: bool,
    labels: BTreeMap<FaceId, u64>,
    new: u64,
    delays: Vec<i64>,
}

/// What a watch saw.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Watched {
    /// Whose each face is.
    pub labels: BTreeMap<FaceId, u64>,
    /// People who were not known.
    pub new: u64,
    /// Milliseconds from capture to name, ascending; of a live stream.
    pub delays: Vec<i64>,
    /// Events that did not get where they should.
    pub lost: Vec<String>,
}

impl<'a> Watcher<'a> {
    /// A watcher that knows whom `gallery` holds.
    #[must_use]
    pub fn new(
        observer: &'a dyn Observer,
        gallery: Gallery,
        presence: Presence,
        outlets: Outlets,
        page: Option<Page>,
        live: bool,
    ) -> Self {
        Self {
            observer,
            gallery,
            presence,
            outlets,
            page,
            live,
            labels: BTreeMap::new(),
            new: 0,
            delays: Vec::new(),
        }
    }

    /// The next frame of `data`.
    ///
    /// # Errors
    /// Embeddings that are not of the gallery's kind.
    pub fn take(&mut self, data: &Dataset, frame: Frame<'_>) -> Result<()> {
        let Frame { row, read_at, faces, features } = frame;
        let at = row.frame.timestamp().unwrap_or_default();
        if row.dropped == Some(DropReason::Duplicate) {
            self.presence.still(at.micros());
            return Ok(());
        }
        let boxes: BTreeMap<&FaceId, _> = faces.iter().map(|f| (&f.face, f.bbox)).collect();
        let vectors: Vec<&[f32]> = features.iter().map(|f| &f.embedding[..]).collect();
        let found = self.gallery.frame(&vectors)?;
        let mut faces = Vec::with_capacity(found.len());
        for (FeatureRow { face, .. }, of) in features.iter().zip(&found) {
            self.labels.insert(face.clone(), of.person);
            self.new += u64::from(of.new);
            if let Some(page) = &self.page
                && let Ok(png) = data.read_image(ImageKind::Face, face)
            {
                page.picture(face, png);
            }
            let bbox = boxes.get(face).copied().unwrap_or_default();
            faces.push(Seen {
                face: face.clone(),
                person: self.person(of.person),
                new: of.new,
                distance: of.distance,
                bbox,
            });
        }
        let people: Vec<u64> = found.iter().map(|f| f.person).collect();
        let changes = self.presence.frame(at.micros(), &people);
        for change in changes {
            let event = match change {
                Change::Came { person } => {
                    let Some(seen) = faces.iter().find(|s| s.person.person == person) else { continue };
                    Sighting::Came { person: seen.person.clone(), new: seen.new, at, face: seen.face.clone() }
                }
                Change::Left { person, since, last } => self.left(person, since, last),
            };
            self.tell(&event);
        }
        if !faces.is_empty() {
            // A file that is fetched has times of its own.
            let delay_ms = self.live.then(|| delay_ms(at, read_at, now())).flatten();
            self.delays.extend(delay_ms);
            let stream_seconds = row.stream_time.map(|t| t.micros() as f64 / 1e6);
            self.tell(&Sighting::Frame { frame: row.frame.clone(), at, stream_seconds, delay_ms, faces });
        }
        Ok(())
    }

    /// Everyone has left.
    #[must_use]
    pub fn end(mut self) -> Watched {
        for change in self.presence.end() {
            if let Change::Left { person, since, last } = change {
                let event = self.left(person, since, last);
                self.tell(&event);
            }
        }
        if let Some(page) = self.page {
            page.end();
        }
        self.delays.sort_unstable();
        Watched { labels: self.labels, new: self.new, delays: self.delays, lost: self.outlets.end() }
    }

    fn left(&self, person: u64, since: i64, last: i64) -> Sighting {
        let [since, until] = [since, last].map(Timestamp::from_micros);
        Sighting::Left { person: self.person(person), since, until }
    }

    fn person(&self, person: u64) -> Person {
        Person { person, name: self.gallery.name(person).map(str::to_owned) }
    }

    fn tell(&mut self, sighting: &Sighting) {
        self.observer.event(&Event::Seen(sighting.clone()));
        self.outlets.tell(sighting);
        for trouble in self.outlets.trouble() {
            self.observer.event(&Event::Warning(trouble));
        }
        if let Some(page) = &self.page {
            page.tell(sighting);
        }
    }
}

/// Milliseconds from the time of a frame to `now`; none for a frame whose time is not of this clock. The name of a frame that
/// came in a burst may be ahead of the clock: it then counts from when it was read.
fn delay_ms(at: Timestamp, read_at: Option<Timestamp>, now: Timestamp) -> Option<i64> {
    let from = read_at.map_or(at, |read_at| at.min(read_at));
    Some(now.micros().saturating_sub(from.micros()) / 1000).filter(|delay| (-DAY_MS..DAY_MS).contains(delay))
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_frame_is_named_before_it_was_read() {
        let ms = |ms: i64| Timestamp::from_micros(ms * 1000);
        assert_eq!(delay_ms(ms(1000), Some(ms(1200)), ms(1500)), Some(500));
        assert_eq!(delay_ms(ms(2500), Some(ms(1200)), ms(1500)), Some(300), "of a burst, named ahead");
        assert_eq!(delay_ms(ms(0), Some(ms(DAY_MS)), ms(DAY_MS + 1)), None, "of another clock");
    }
}
