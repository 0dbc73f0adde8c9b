//! Where results come together in order: links are made, numbers counted, batches committed.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use streamface_detect::{LinkSettings, LinkTo, Linker, Thumbnail};
use streamface_store::{Batch, Dataset, ExtractionRow, FaceRow};
use streamface_types::{BoundingBox, FaceId, FrameId};

use super::counters::Counters;
use super::frame_worker::{Done, Found, load_frame};
use super::people_count::PeopleCount;
use crate::Result;
use crate::event::{Event, Observer};

/// A batch is committed after this long, full or not: what a live stream showed is soon on disk.
const MAX_AGE: Duration = Duration::from_secs(10);

/// Takes the results of [`super::frame_worker::FrameWorker`] in order.
pub struct Committer<'a> {
    data: &'a Dataset,
    counts: &'a Counters,
    observer: &'a dyn Observer,
    batch: Batch,
    batch_size: usize,
    since: Instant,
    linker: Linker,
    /// The source whose frames are being linked.
    source: Option<String>,
    /// Its last two frames, newest first.
    last: Vec<FrameId>,
    earlier: Earlier,
    people: Option<PeopleCount>,
    /// What could not be read.
    pub failures: Vec<String>,
}

/// The last two searched frames of each source, with their boxes: what a resumed run links to.
#[derive(Debug, Default)]
struct Earlier(HashMap<String, BTreeMap<FrameId, Vec<BoundingBox>>>);

impl<'a> Committer<'a> {
    /// A committer that goes on after what `data` holds; `people` counts people along the way.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub fn new(
        data: &'a Dataset,
        counts: &'a Counters,
        observer: &'a dyn Observer,
        batch_size: usize,
        people: Option<PeopleCount>,
    ) -> Result<Self> {
        let mut earlier = Earlier::default();
        for row in data.read::<ExtractionRow>()? {
            let Some(source) = row.frame.source() else { continue };
            let frames = earlier.0.entry(source.to_owned()).or_default();
            frames.insert(row.frame, Vec::new());
            if frames.len() > 2 {
                frames.pop_first();
            }
        }
        for row in data.read::<FaceRow>()? {
            let frames = row.face.frame.source().and_then(|s| earlier.0.get_mut(s));
            if let Some(boxes) = frames.and_then(|f| f.get_mut(&row.face.frame)) {
                boxes.push(row.bbox);
            }
        }
        Ok(Self {
            data,
            counts,
            observer,
            batch: Batch::default(),
            batch_size: batch_size.max(1),
            since: Instant::now(),
            linker: Linker::new(LinkSettings::default()),
            source: None,
            last: Vec::new(),
            earlier,
            people,
            failures: Vec::new(),
        })
    }

    /// Takes the next result.
    ///
    /// # Errors
    /// The batch cannot be committed.
    pub fn take(&mut self, done: Done) -> Result<()> {
        let Done { frame, found, features, failure } = done;
        if let Some(frame) = frame {
            self.counts.count_frame(frame.dropped);
            self.batch.frames.push(frame);
        }
        if let Some(Found { extraction, mut faces, thumbnail }) = found {
            let c = &self.counts;
            c.searched.fetch_add(1, Relaxed);
            c.detected.fetch_add(extraction.detected.into(), Relaxed);
            c.small.fetch_add(extraction.small.into(), Relaxed);
            c.blurred.fetch_add(extraction.blurred.into(), Relaxed);
            c.faces.fetch_add(extraction.kept.into(), Relaxed);
            self.link(&extraction.frame, &mut faces, thumbnail);
            self.batch.extractions.push(extraction);
            self.batch.faces.extend(faces);
        }
        self.counts.embedded.fetch_add(features.len() as u64, Relaxed);
        if let Some(people) = &mut self.people {
            people.add(&features);
            self.counts.people.store(people.count(), Relaxed);
        }
        self.batch.features.extend(features);
        if let Some(failure) = failure {
            self.observer.event(&Event::Skipped(failure.clone()));
            self.failures.push(failure);
        }
        self.observer.event(&Event::Counts(self.counts.counts()));
        let b = &self.batch;
        let size = b.frames.len().max(b.extractions.len()).max(b.features.len());
        if size >= self.batch_size || (size > 0 && self.since.elapsed() >= MAX_AGE) {
            self.commit()?;
        }
        Ok(())
    }

    /// Commits what there is.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn commit(&mut self) -> Result<()> {
        self.data.commit(std::mem::take(&mut self.batch))?;
        self.since = Instant::now();
        Ok(())
    }

    fn link(&mut self, frame: &FrameId, faces: &mut [FaceRow], thumbnail: Thumbnail) {
        let Some(source) = frame.source() else {
            // A photo: nothing before it is its neighbour.
            return;
        };
        if self.source.as_deref() != Some(source) {
            self.take_up(source, frame);
        }
        let boxes: Vec<_> = faces.iter().map(|f| f.bbox).collect();
        for (face, link) in faces.iter_mut().zip(self.linker.link(thumbnail, &boxes)) {
            face.link = link.and_then(|LinkTo { frames_back, face }| {
                Some(FaceId::new(self.last.get(frames_back - 1)?.clone(), face as u32))
            });
        }
        self.last.insert(0, frame.clone());
        self.last.truncate(2);
    }

    /// Another source begins, or goes on after what an earlier run saw of it.
    fn take_up(&mut self, source: &str, next: &FrameId) {
        self.linker.reset();
        self.last.clear();
        self.source = Some(source.to_owned());
        for (frame, boxes) in self.earlier.0.remove(source).unwrap_or_default() {
            if frame >= *next {
                continue;
            }
            // An image that is gone links nothing; its faces stay.
            let Ok(image) = load_frame(self.data, &frame) else { continue };
            self.linker.link(Thumbnail::new(&image), &boxes);
            self.last.insert(0, frame);
        }
    }
}
