//! Where results come together in order: links are made, numbers counted, batches committed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use streamface_detect::{LinkSettings, LinkTo, Linker, Thumbnail};
use streamface_store::{AttributeRow, Batch, Dataset, ExtractionRow, FaceRow, FrameFormats};
use streamface_types::{BoundingBox, FaceId, FrameId};

use super::counters::Counters;
use super::frame_worker::{Done, Found, load_frame};
use super::last_frames::{LastFrames, load_last};
use super::people_count::PeopleCount;
use crate::disk::{DiskMeter, DiskUse};
use crate::event::{Event, Observer};
use crate::{Error, Result};

/// A batch is committed after this long, full or not: what a live stream showed is soon on disk.
const MAX_AGE: Duration = Duration::from_secs(10);

/// Takes the results of [`super::frame_worker::FrameWorker`] in order.
pub struct Committer<'a> {
    data: &'a Dataset,
    counts: &'a Counters,
    observer: &'a dyn Observer,
    batch: Batch,
    /// Attributes that replace others: kept aside.
    aside: Vec<AttributeRow>,
    /// Their names.
    replaced: BTreeSet<String>,
    /// Faces that got something in the batch.
    analyzed: usize,
    batch_size: usize,
    since: Instant,
    linker: Linker,
    /// The source whose frames are being linked.
    source: Option<String>,
    /// Its last two frames, newest first.
    last: Vec<FrameId>,
    earlier: Earlier,
    people: Option<PeopleCount>,
    formats: &'a FrameFormats,
    walk: Option<Walk>,
    /// Faces that got an attribute, by its name.
    pub said: BTreeMap<String, u64>,
    /// What could not be read, and why a run ended early.
    pub failures: Vec<String>,
}

/// What is kept account of while a source is gone through.
#[derive(Debug)]
struct Walk {
    last: LastFrames,
    disk: DiskMeter,
    looked: bool,
    measured: bool,
    full: bool,
}

/// The last two searched frames of each source, with their boxes: what a resumed run links to.
#[derive(Debug, Default)]
struct Earlier(HashMap<String, BTreeMap<FrameId, Vec<BoundingBox>>>);

impl<'a> Committer<'a> {
    /// A committer that goes on after what `data` holds, whose pictures are stored as `formats` says.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub fn new(
        data: &'a Dataset,
        counts: &'a Counters,
        observer: &'a dyn Observer,
        batch_size: usize,
        formats: &'a FrameFormats,
    ) -> Result<Self> {
        let mut earlier = Earlier::default();
        data.each(|row: ExtractionRow| {
            let Some(source) = row.frame.source() else { return };
            let frames = earlier.0.entry(source.to_owned()).or_default();
            frames.insert(row.frame, Vec::new());
            if frames.len() > 2 {
                frames.pop_first();
            }
        })?;
        data.each(|row: FaceRow| {
            let frames = row.face.frame.source().and_then(|s| earlier.0.get_mut(s));
            if let Some(boxes) = frames.and_then(|f| f.get_mut(&row.face.frame)) {
                boxes.push(row.bbox);
            }
        })?;
        Ok(Self {
            data,
            counts,
            observer,
            batch: Batch::default(),
            aside: Vec::new(),
            replaced: BTreeSet::new(),
            analyzed: 0,
            batch_size: batch_size.max(1),
            since: Instant::now(),
            linker: Linker::new(LinkSettings::default()),
            source: None,
            last: Vec::new(),
            earlier,
            people: None,
            formats,
            walk: None,
            said: BTreeMap::new(),
            failures: Vec::new(),
        })
    }

    /// With attributes whose rows are kept aside until they replace others.
    pub fn replacing(self, names: &BTreeSet<String>) -> Self {
        Self { replaced: names.clone(), ..self }
    }

    /// For frames of a source, not for those that are stored: counts people and what is written along the way, and
    /// keeps the last frames.
    ///
    /// # Errors
    /// The folder of the last frames cannot be read.
    pub fn walking(mut self, people: Option<PeopleCount>, disk: DiskMeter) -> Result<Self> {
        self.people = people;
        let last = LastFrames::of(self.data)?;
        self.walk = Some(Walk { last, disk, looked: false, measured: false, full: false });
        Ok(self)
    }

    /// What was written, and how long the disk has room.
    pub fn disk(&self) -> Option<DiskUse> {
        self.walk.as_ref().map(|walk| walk.disk.now())
    }

    /// Whether the disk is so full that the run should end.
    pub fn is_full(&self) -> bool {
        self.walk.as_ref().is_some_and(|walk| walk.full)
    }

    /// Takes the next result.
    ///
    /// # Errors
    /// The batch cannot be committed.
    pub fn take(&mut self, done: Done) -> Result<()> {
        let Done { frame, found, features, attributes, analyzed, failures, written, image, .. } = done;
        if let Some(frame) = frame {
            self.counts.count_frame(frame.dropped);
            if let Some(walk) = &mut self.walk {
                walk.disk.add(&frame, &written, found.as_ref().map_or(0, |f| f.faces.len() as u64));
                if frame.dropped.is_none() {
                    walk.last.add(frame.frame.clone(), image);
                }
            }
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
        self.analyzed += features.len().max(usize::try_from(analyzed).unwrap_or(usize::MAX));
        self.counts.analyzed.fetch_add(analyzed, Relaxed);
        self.batch.features.extend(features);
        self.add(attributes);
        for failure in failures {
            self.observer.event(&Event::Skipped(failure.clone()));
            self.failures.push(failure);
        }
        let mut counts = self.counts.counts();
        counts.disk = self.disk();
        self.observer.event(&Event::Counts(counts));
        self.say_measured(counts.disk);
        if self.walk.as_ref().is_some_and(|walk| !walk.looked) {
            self.look_at_disk()?;
        }
        let b = &self.batch;
        let size = b.frames.len().max(b.extractions.len()).max(self.analyzed);
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
        if let Some(walk) = &mut self.walk {
            walk.last.write(self.data)?;
        }
        self.data.commit_replacement(std::mem::take(&mut self.aside))?;
        self.data.commit(std::mem::take(&mut self.batch))?;
        self.analyzed = 0;
        self.since = Instant::now();
        if let Some(walk) = &self.walk {
            walk.last.forget_earlier(self.data)?;
        }
        self.look_at_disk()
    }

    /// Adds what models say, and counts the faces of each attribute.
    fn add(&mut self, rows: Vec<AttributeRow>) {
        let mut last = None;
        for row in rows {
            let of = (row.face.clone(), row.name());
            let replaces = self.replaced.contains(&of.1);
            if last.as_ref() != Some(&of) {
                *self.said.entry(of.1.clone()).or_default() += 1;
                last = Some(of);
            }
            if replaces { &mut self.aside } else { &mut self.batch.attributes }.push(row);
        }
    }

    /// Says what was measured, once it is.
    fn say_measured(&mut self, disk: Option<DiskUse>) {
        let Some((walk, disk)) = self.walk.as_mut().zip(disk) else { return };
        if disk.measured && !walk.measured {
            walk.measured = true;
            self.observer.event(&Event::Disk(disk));
        }
    }

    /// Warns of a disk that will be full, and notes when it is.
    fn look_at_disk(&mut self) -> Result<()> {
        let Some(walk) = self.walk.as_mut().filter(|walk| !walk.full) else { return Ok(()) };
        walk.looked = true;
        match walk.disk.check() {
            Ok(warning) => {
                warning.into_iter().for_each(|text| self.observer.event(&Event::Warning(text)));
                Ok(())
            }
            Err(e @ Error::DiskFull { .. }) => {
                walk.full = true;
                self.failures.push(format!("ended early: {e}; the same command goes on from here"));
                Ok(())
            }
            Err(e) => Err(e),
        }
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
            let format = self.formats.of(&frame);
            let image = match &self.walk {
                Some(_) => load_last(&self.data.frame_reader(), &frame, format),
                None => load_frame(self.data, &frame, format).ok(),
            };
            let Some(image) = image else { continue };
            self.linker.link(Thumbnail::new(&image), &boxes);
            self.last.insert(0, frame);
        }
    }
}
