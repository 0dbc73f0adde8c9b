//! Work on frames side by side: decoding and filters on one thread; saving, detection, crops and embeddings on
//! others; links and commits on the calling one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use streamface_capture::{Buffers, Capture, Notice, Settings, Sources};
use streamface_detect::Extractor;
use streamface_store::{Dataset, FaceRow, FrameFormat, FrameFormats, FrameRow};
use streamface_types::FrameId;

use super::commit::Committer;
use super::counters::{Counters, StageTimes};
use super::dataset_dir::tell_repaired;
use super::face_input::Landmarker;
use super::first_keyframes::FirstKeyframes;
use super::frame_worker::{Analysis, Done, FrameWorker, Job};
use super::last_frames::load_last;
use super::people_count::PeopleCount;
use super::results::{FaceCounts, FrameCounts, Work};
use crate::disk::{DiskMeter, SourceLengths};
use crate::event::{Context, Event};
use crate::in_order::in_order;
use crate::settings::{Settings as _, WorkSettings};
use crate::threads::threads;
use crate::{Error, Result};

/// Is given each frame, in order, before it is committed.
pub(super) type Each<'a> = &'a mut dyn FnMut(&Dataset, &Done) -> Result<()>;

/// What is done with the frames that are kept.
#[derive(Default)]
pub(super) struct Next<'a> {
    pub(super) extractor: Option<&'a Extractor>,
    pub(super) analysis: Analysis<'a>,
    pub(super) people: Option<PeopleCount>,
    /// How the pictures of kept frames are stored.
    pub(super) format: FrameFormat,
    pub(super) each: Option<Each<'a>>,
}

/// What work on frames came to.
pub(super) struct Worked {
    pub(super) frames: FrameCounts,
    pub(super) faces: FaceCounts,
    /// Faces that got an attribute, by its name.
    pub(super) said: BTreeMap<String, u64>,
    pub(super) work: Work,
}

impl Worked {
    /// Adds what was done before.
    pub(super) fn add(&mut self, earlier: Self) {
        self.faces.add(earlier.faces);
        earlier.said.into_iter().for_each(|(name, faces)| *self.said.entry(name).or_default() += faces);
        self.work.add(earlier.work);
    }
}

/// What all work on a dataset goes by.
#[derive(Clone, Copy)]
pub(super) struct Session<'a> {
    pub(super) data: &'a Dataset,
    context: &'a Context<'a>,
    threads: usize,
    batch_size: usize,
}

/// What is done with the notices of a capture: what is missing is kept for the end, the rest is passed on.
fn hear(
    opened: SourceLengths,
    mut first_keyframes: FirstKeyframes,
    incomplete: Arc<Mutex<Vec<String>>>,
    pass_on: Sender<Notice>,
) -> impl FnMut(Notice) + Send + 'static {
    move |notice| {
        opened.hear(&notice);
        let passed_on = match notice {
            Notice::Incomplete(said) => {
                incomplete.lock().unwrap_or_else(PoisonError::into_inner).push(said);
                None
            }
            Notice::FirstKeyframe { source, checksum } => {
                first_keyframes.add(source, checksum).err().map(|e| Notice::Warning(e.to_string()))
            }
            other => Some(other),
        };
        drop(passed_on.map(|notice| pass_on.send(notice)));
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(data: &'a Dataset, work: &WorkSettings, context: &'a Context<'a>) -> Result<Self> {
        work.check()?;
        tell_repaired(data, context);
        Ok(Self { data, context, threads: threads(work.threads)?, batch_size: work.batch_size })
    }

    /// Jobs between source and committer: enough to keep all threads busy, few enough that 1080p
    /// frames (6 MB each) take some tens of MB.
    fn in_flight(self) -> usize {
        self.threads * 2 + 2
    }

    /// Goes through a source: every keyframe becomes a row, every kept one an image and whatever `next`
    /// makes of it.
    pub(super) fn walk(self, found: Sources, settings: Settings, mut next: Next<'_>) -> Result<Worked> {
        let Self { data, context, .. } = self;
        let (observer, stop) = (context.observer, context.stop);
        thread::scope(|scope| {
            let start = Instant::now();
            let one = found.is_single();
            if let Some(said) = found.passed_over_line() {
                observer.event(&Event::Skipped(said));
            }
            let Sources { list, passed_over, unreadable } = found;
            let mut unreadable: Vec<String> = unreadable.iter().map(ToString::to_string).collect();
            let (counters, times) = (Counters::default(), StageTimes::default());
            observer.event(&Event::Counts(counters.counts()));
            let earlier = data.read::<FrameRow>()?;
            let mut formats = FrameFormats::default();
            earlier.iter().for_each(|row| formats.add(row));
            let mut faces = 0;
            data.each(|_: FaceRow| faces += 1)?;
            let (reader, known) = (data.frame_reader(), formats.clone());
            let load = move |frame: &FrameId| load_last(&reader, frame, known.of(frame));
            let opened = SourceLengths::new(&list, settings.limit);
            let disk =
                DiskMeter::new(data.root(), opened.clone(), next.format, next.extractor.is_some(), faces)?;
            context.event(&Event::Disk(disk.now()));
            // The capture keeps its listener for as long as it lives, which the observer need not: notices are passed on.
            let (notices, received) = channel();
            scope.spawn(move || received.iter().for_each(|n| observer.event(&Event::from(n))));
            let first_keyframes = FirstKeyframes::read(data)?;
            let known = first_keyframes.all();
            let incomplete = Arc::new(Mutex::new(Vec::new()));
            let notice = hear(opened, first_keyframes, Arc::clone(&incomplete), notices);
            let mut capture = Capture::builder(list)
                .settings(settings)
                .stop(stop.clone())
                .resume(&earlier, load)
                .first_keyframes(known)
                .notice(notice)
                .decoders(self.threads)
                .build()?;
            drop(earlier);
            let mut committer = Committer::new(data, &counters, observer, self.batch_size, &formats)?
                .walking(next.people.take(), disk)?;
            let worker = FrameWorker {
                data,
                format: next.format,
                formats: &formats,
                buffers: capture.buffers(),
                extractor: next.extractor,
                analysis: next.analysis,
                landmarker: None,
                times: &times,
            };
            let frames = || {
                let captured = loop {
                    match capture.next()? {
                        Ok(captured) => break captured,
                        Err(e) => unreadable.push(e.to_string()),
                    }
                };
                if let Some(t) = captured.row.stream_time {
                    counters.stream.fetch_max(u64::try_from(t.micros()).unwrap_or(0), Relaxed);
                }
                Some(Job::Captured(captured))
            };
            let each = &mut next.each;
            let sink = |done: Result<Done>| {
                let taken = done.and_then(|done| {
                    each.as_mut().map_or(Ok(()), |each| each(data, &done))?;
                    committer.take(done)
                });
                if taken.is_err() || committer.is_full() {
                    // The source may be waiting for a live stream.
                    stop.stop();
                }
                taken
            };
            let went = in_order(self.threads, self.in_flight(), frames, |job| worker.run(job), sink);
            // What came before an error is worth keeping.
            let committed = committer.commit();
            context.event(&Event::Ended);
            went.and(committed)?;
            let (decode, filters) = capture.times();
            StageTimes::add(&times.decode, decode);
            StageTimes::add(&times.filters, filters);
            let disk = committer.disk();
            let mut failures = committer.failures;
            failures.extend(unreadable);
            let counts = counters.counts();
            if one && counts.frames == 0 && !failures.is_empty() {
                return Err(Error::Input(failures.join("\n")));
            }
            failures.append(&mut incomplete.lock().unwrap_or_else(PoisonError::into_inner));
            Ok(Worked {
                frames: FrameCounts::of(&counts, capture.corrupt()),
                faces: FaceCounts::of(&counts),
                said: committer.said,
                work: Work {
                    stages: times.all(),
                    wall: start.elapsed(),
                    failures,
                    passed_over,
                    stopped: stop.is_set(),
                    disk,
                },
            })
        })
    }

    /// Does jobs on what is stored already, and commits what comes of them; attributes of `replaced` are kept aside.
    pub(super) fn rework(
        self,
        jobs: impl Iterator<Item = Result<Job>> + Send,
        extractor: Option<&Extractor>,
        analysis: Analysis<'_>,
        replaced: &BTreeSet<String>,
    ) -> Result<Worked> {
        let Self { data, context, .. } = self;
        let stop = context.stop;
        let start = Instant::now();
        let (counters, times) = (Counters::default(), StageTimes::default());
        context.event(&Event::Counts(counters.counts()));
        let formats = FrameFormats::read(data)?;
        let mut committer =
            Committer::new(data, &counters, context.observer, self.batch_size, &formats)?.replacing(replaced);
        let landmarker = Landmarker::new(data, context)?;
        let worker = FrameWorker {
            data,
            // No frame is captured.
            format: FrameFormat::None,
            formats: &formats,
            buffers: Buffers::default(),
            extractor,
            analysis,
            landmarker: Some(&landmarker),
            times: &times,
        };
        let mut jobs = jobs;
        let next = || if stop.is_set() { None } else { jobs.next() };
        let sink = |done: Result<Done>| done.and_then(|done| committer.take(done));
        let work = |job: Result<Job>| job.and_then(|job| worker.run(job));
        let went = in_order(self.threads, self.in_flight(), next, work, sink);
        let committed = committer.commit();
        context.event(&Event::Ended);
        went.and(committed)?;
        let counts = counters.counts();
        let faces = FaceCounts { crops: landmarker.counts(), ..FaceCounts::of(&counts) };
        Ok(Worked {
            frames: FrameCounts::default(),
            faces,
            said: committer.said,
            work: Work {
                stages: times.all(),
                wall: start.elapsed(),
                failures: committer.failures,
                passed_over: Vec::new(),
                stopped: stop.is_set(),
                disk: None,
            },
        })
    }
}
