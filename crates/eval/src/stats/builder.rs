//! Counts rows of datasets.

use std::collections::{BTreeMap, HashMap};

use streamface_types::{Embeddings, FaceId, FrameId, Metric};

use super::attributes::Attributes;
use super::people::{Known, People};
use super::times::TimeCounts;
use super::{Channel, Distances, Stats};
use crate::Error;
use crate::intrinsic::{extents, membership_distribution};
use crate::person_attributes::UnknownBelow;
use crate::presence::FrameFate;

/// The longest time between two frames that counts as watched, microseconds.
const MAX_FRAME_GAP: i64 = 600_000_000;

/// The channel of images that are in no folder.
const DEFAULT_CHANNEL: &str = "images";

/// Counts rows of datasets as they come, and keeps none of them: memory for the people (8 bytes for each number of
/// an embedding), for pairs of people who share a frame, and for the faces and frames of one dataset at a time (some 100
/// bytes each).
///
/// For each dataset: [`dataset`](Self::dataset), then its frames, faces and labels in the order of their tables, then the
/// qualities of its faces, then what else is known of them.
#[derive(Debug, Default)]
pub struct StatsBuilder {
    /// Whether there is a dataset.
    begun: bool,
    channels: Vec<Channel>,
    by_name: HashMap<String, usize>,
    /// Channels of frames whose names have none, in this dataset.
    by_frame: HashMap<FrameId, usize>,
    /// Last frame's channel and time, in this dataset.
    last: Option<(usize, i64)>,
    last_with_face: Option<FrameId>,
    frames_with_faces: u64,
    times: TimeCounts,
    people: People,
    attributes: Attributes,
    sums: Sums,
}

/// Sums of unit vectors by person.
#[derive(Debug, Default)]
struct Sums {
    model: Option<(String, usize)>,
    /// Whether two models were met, whose vectors do not compare.
    mixed: bool,
    by_person: HashMap<u32, (u64, Vec<f64>)>,
}

impl StatsBuilder {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing yet; an attribute is unknown where its likeliest label is less likely than said here.
    #[must_use]
    pub fn with_unknown_below(unknown_below: UnknownBelow) -> Self {
        Self { attributes: Attributes::new(unknown_below), ..Self::default() }
    }

    /// Begins a dataset: what follows is of its own people, but for those with a name.
    pub fn dataset(&mut self) {
        if self.begun {
            self.people.end_dataset();
        }
        self.begun = true;
        self.by_frame.clear();
        (self.last, self.last_with_face) = (None, None);
    }

    /// A frame that was looked at, and what became of it; `source` is the file or url it came from.
    pub fn frame(&mut self, frame: &FrameId, source: &str, fate: FrameFate) {
        let channel = match frame.source() {
            Some(name) => self.channel(name),
            None => {
                let folder = source.trim_end_matches('/').rsplit_once('/').map_or("", |(folder, _)| folder);
                let folder = folder.rsplit('/').next().filter(|f| !f.is_empty()).unwrap_or(DEFAULT_CHANNEL);
                let channel = self.channel(folder);
                self.by_frame.insert(frame.clone(), channel);
                channel
            }
        };
        let of = &mut self.channels[channel];
        of.frames += 1;
        of.frames_kept += u64::from(fate == FrameFate::Kept);
        if let Some(time) = frame.timestamp().map(|t| t.micros()) {
            self.people.frame(channel, frame, time, fate);
            if let Some((before, from)) = self.last
                && before == channel
                && (0..=MAX_FRAME_GAP).contains(&(time - from))
            {
                of.hours += (time - from) as f64 / 3.6e9;
            }
            self.last = Some((channel, time));
        }
    }

    /// A face that was kept.
    pub fn face(&mut self, face: &FaceId) {
        let channel = self.channel_of(&face.frame);
        self.channels[channel].faces += 1;
        if self.last_with_face.as_ref() != Some(&face.frame) {
            self.frames_with_faces += 1;
            self.last_with_face = Some(face.frame.clone());
        }
        if let Some(time) = face.frame.timestamp() {
            self.times.add(time);
        }
        self.people.of.insert(face.clone(), Known::default());
    }

    /// A face's person. One with a name is the same person wherever that name comes; any other is of this dataset.
    /// A face that the dataset does not have counts nowhere: false.
    pub fn label(&mut self, face: &FaceId, label: i64, name: Option<&str>) -> bool {
        let Some(known) = self.channel_known(&face.frame) else { return false };
        let people = &mut self.people;
        if !people.of.contains_key(face) {
            return false;
        }
        people.labelled += 1;
        if label < 0 {
            people.noise += 1;
        } else if let Some(person) = people.label(face, label, name) {
            people.in_channel.insert((known, person));
        }
        true
    }

    /// The quality of a face, 0 to 1. A face that the dataset does not have is ignored.
    pub fn quality(&mut self, face: &FaceId, quality: f32) {
        if let Some(known) = self.people.of.get_mut(face) {
            known.quality = Some(quality);
        }
    }

    /// The attributes of a face. A face that the dataset does not have is ignored.
    pub fn attributes(&mut self, face: &FaceId, said: &streamface_types::Attributes) {
        if !said.is_empty()
            && let Some(&Known { person, quality }) = self.people.of.get(face)
            && let Some(channel) = self.channel_known(&face.frame)
        {
            self.attributes.add(channel, person, quality, said);
        }
    }

    /// The embedding of a face, by the model of that name. Of faces without a person nothing is kept.
    pub fn embedding(&mut self, face: &FaceId, model: &str, vector: &[f32]) {
        let sums = &mut self.sums;
        let (known, dim) = sums.model.get_or_insert_with(|| (model.to_owned(), vector.len()));
        if known != model || *dim != vector.len() {
            sums.mixed = true;
            return;
        }
        let Some(&Known { person: Some(person), .. }) = self.people.of.get(face) else { return };
        let length = vector.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
        let (faces, sum) = sums.by_person.entry(person).or_insert_with(|| (0, vec![0.0; vector.len()]));
        *faces += 1;
        if length > 0.0 {
            sum.iter_mut().zip(vector).for_each(|(s, &v)| *s += f64::from(v) / length);
        }
    }

    fn channel(&mut self, name: &str) -> usize {
        if let Some(&at) = self.by_name.get(name) {
            return at;
        }
        self.channels.push(Channel { name: name.to_owned(), ..Channel::default() });
        self.by_name.insert(name.to_owned(), self.channels.len() - 1);
        self.channels.len() - 1
    }

    /// The channel of a frame, if that has been met.
    fn channel_known(&self, frame: &FrameId) -> Option<usize> {
        match frame.source() {
            Some(name) => self.by_name.get(name).copied(),
            None => self.by_frame.get(frame).or_else(|| self.by_name.get(DEFAULT_CHANNEL)).copied(),
        }
    }

    fn channel_of(&mut self, frame: &FrameId) -> usize {
        self.channel_known(frame).unwrap_or_else(|| self.channel(frame.source().unwrap_or(DEFAULT_CHANNEL)))
    }

    /// The figures.
    ///
    /// # Errors
    /// [`Error`] of the nearest people, which only a vector that is no number could give.
    pub fn finish(mut self) -> Result<Stats, Error> {
        self.people.end_dataset();
        for &(channel, _) in &self.people.in_channel {
            self.channels[channel].people += 1;
        }
        let mut order: Vec<usize> = (0..self.channels.len()).collect();
        order.sort_by(|&a, &b| self.channels[a].name.cmp(&self.channels[b].name));
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(to, &from)| place[from] = to);
        let channels: Vec<Channel> = order.iter().map(|&at| self.channels[at].clone()).collect();
        let faces: Vec<usize> = self.people.faces().map(|n| n as usize).collect();
        let mut total = Channel { people: faces.len() as u64, ..Channel::default() };
        for c in &channels {
            total.hours += c.hours;
            total.frames += c.frames;
            total.frames_kept += c.frames_kept;
            total.faces += c.faces;
        }
        let mut sizes: BTreeMap<u64, u64> = BTreeMap::new();
        self.people.faces().for_each(|faces| *sizes.entry(faces).or_default() += 1);
        let distances = self.sums.finish()?;
        let counted = self.attributes.finish(&place, total.faces, faces.len() as u32);
        let (noise, labelled) = (self.people.noise, self.people.labelled);
        let (people, together) = self.people.finish(|person| counted.person(person));
        Ok(Stats {
            unlabelled: total.faces.saturating_sub(labelled),
            total,
            channels,
            people,
            together,
            frames_with_faces: self.frames_with_faces,
            noise,
            singletons: sizes.get(&1).copied().unwrap_or(0),
            sizes: sizes.into_iter().rev().collect(),
            size_bins: membership_distribution(&faces),
            over_time: self.times.finish(),
            attributes: counted.attributes,
            angles: counted.angles,
            poses: counted.poses,
            years: counted.years,
            numbers: counted.numbers,
            distances,
        })
    }
}

impl Sums {
    fn finish(self) -> Result<Option<Distances>, Error> {
        let Some((_, dim)) = self.model.filter(|_| !self.mixed && !self.by_person.is_empty()) else {
            return Ok(None);
        };
        // In the order of people, which is that of their first faces: sums do not depend on a hash.
        let mut people: Vec<(u32, (u64, Vec<f64>))> = self.by_person.into_iter().collect();
        people.sort_unstable_by_key(|p| p.0);
        let (mut intra, mut several) = (0.0, 0_u64);
        let mut means = Vec::with_capacity(people.len() * dim);
        for (_, (faces, sum)) in &people {
            let faces_f = *faces as f64;
            let length = sum.iter().map(|s| s * s).sum::<f64>().sqrt() / faces_f;
            if *faces > 1 {
                // The mean cosine of unit vectors with their mean is the mean's own length.
                intra += (1.0 - length).clamp(0.0, 2.0);
                several += 1;
            }
            means.extend(sum.iter().map(|s| (s / faces_f) as f32));
        }
        let count = people.len() as u64;
        drop(people);
        let labels: Vec<i64> = (0..count as i64).collect();
        let means = Embeddings::new(means, dim).map_err(|_| Error::Length {
            list: "numbers of a mean",
            expected: dim,
            found: 0,
        })?;
        let found = extents(&means, &labels, Metric::Cosine)?;
        let nearest: Vec<f64> = found.iter().filter_map(|e| e.nearest_distance).collect();
        Ok(Some(Distances {
            people: count,
            intra: (several > 0).then(|| intra / several as f64),
            nearest: (!nearest.is_empty()).then(|| nearest.iter().sum::<f64>() / nearest.len() as f64),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(frame: &str, index: u32) -> FaceId {
        FaceId::new(FrameId::new(frame).unwrap(), index)
    }

    fn tv(channel: &str, second: u32) -> String {
        format!("{channel}_frame_2023052510{:02}{:02}000000", second / 60, second % 60)
    }

    #[test]
    fn channels_people_and_hours() {
        let mut all = StatsBuilder::new();
        for _ in 0..2 {
            all.dataset();
            for (channel, seconds) in [("sky", &[0, 30, 600, 1201][..]), ("bbc", &[0, 36])] {
                for &s in seconds {
                    let fate = if s == 30 { FrameFate::Duplicate } else { FrameFate::Kept };
                    all.frame(&FrameId::new(tv(channel, s)).unwrap(), "x", fate);
                }
            }
            for (f, label, name) in [
                (face(&tv("sky", 0), 0), 0, None),
                (face(&tv("sky", 0), 1), 1, Some("Ann")),
                (face(&tv("sky", 600), 0), -1, None),
                (face(&tv("bbc", 0), 0), 0, None),
            ] {
                all.face(&f);
                all.label(&f, label, name);
            }
            all.face(&face(&tv("sky", 1201), 0));
        }
        let stats = all.finish().unwrap();
        assert_eq!(stats.channels.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["bbc", "sky"]);
        let sky = &stats.channels[1];
        // 30 and 570 seconds; 601 are too many to have been watched. Twice.
        assert!((sky.hours - 1200.0 / 3600.0).abs() < 1e-12, "{}", sky.hours);
        assert_eq!((sky.frames, sky.frames_kept, sky.faces), (8, 6, 8));
        // Person 0 of either dataset is someone else, Ann is one.
        assert_eq!((stats.total.people, sky.people, stats.channels[0].people), (3, 3, 2));
        assert_eq!((stats.noise, stats.unlabelled, stats.singletons), (2, 2, 0));
        assert_eq!(stats.sizes, [(2, 3)]);
        assert_eq!(stats.frames_with_faces, 8);
        assert_eq!(stats.over_time.unwrap().faces.iter().sum::<u64>(), 10);
        assert_eq!(stats.distances, None);
    }

    #[test]
    fn who_is_on_screen_how_long_and_with_whom() {
        let mut all = StatsBuilder::new();
        for seconds in [[0, 10, 20, 30, 40], [0, 2, 4, 6, 8]] {
            all.dataset();
            let frames = seconds.map(|s| FrameId::new(tv("sky", s)).unwrap());
            for (i, frame) in frames.iter().enumerate() {
                all.frame(frame, "x", if i == 1 { FrameFate::Duplicate } else { FrameFate::Kept });
            }
            // Ann in frames 0, 2, 3; her friend in 3; someone else in 0, twice in a mirror.
            let seen = [
                (0, 0, 5, Some("Ann")),
                (0, 1, 2, None),
                (0, 2, 2, None),
                (2, 0, 5, Some("Ann")),
                (3, 0, 5, Some("Ann")),
                (3, 1, 8, None),
            ];
            for (frame, index, label, name) in seen {
                let face = FaceId::new(frames[frame].clone(), index);
                all.face(&face);
                all.label(&face, label, name);
            }
        }
        let stats = all.finish().unwrap();
        let people: Vec<_> =
            stats.people.iter().map(|p| (p.name.as_str(), p.dataset, p.faces, p.frames)).collect();
        assert_eq!(
            people,
            [
                ("Ann", 0, 6, 6),
                ("Person 2", 0, 2, 1),
                ("Person 2", 1, 2, 1),
                ("Person 8", 0, 1, 1),
                ("Person 8", 1, 1, 1),
            ]
        );
        // Ann from 0 to 40 s and from 0 to 8; the others one frame, which lasts until the next.
        let seconds: Vec<f64> = stats.people.iter().map(|p| p.seconds.unwrap()).collect();
        for (found, expected) in seconds.iter().zip([48.0, 10.0, 2.0, 10.0, 2.0]) {
            assert!((found - expected).abs() < 1e-9, "{seconds:?}");
        }
        let together: Vec<_> = stats.together.iter().map(|t| (t.a, t.b, t.frames)).collect();
        assert_eq!(together, [(0, 1, 1), (0, 2, 1), (0, 3, 1), (0, 4, 1)]);
        assert_eq!(stats.people[0].examples.len(), 3);
        assert!(stats.people.iter().all(|p| !p.examples.is_empty()));
    }

    #[test]
    fn two_people_of_one_name_are_two_and_the_same_two_in_another_dataset() {
        let mut all = StatsBuilder::new();
        for _ in 0..2 {
            all.dataset();
            for (frame, label, name) in [("a", 3, "Anna"), ("b", 5, "Anna"), ("c", 3, "Anna"), ("d", 7, "Bo")]
            {
                all.face(&face(frame, 0));
                all.label(&face(frame, 0), label, Some(name));
            }
        }
        let mut faces: Vec<u64> = all.finish().unwrap().people.iter().map(|person| person.faces).collect();
        faces.sort_unstable();
        assert_eq!(faces, [2, 2, 4]);
    }

    #[test]
    fn images_are_by_folder() {
        let mut all = StatsBuilder::new();
        all.dataset();
        all.frame(&FrameId::new("p1").unwrap(), "shots/day1/p1.jpg", FrameFate::Kept);
        all.frame(&FrameId::new("p2").unwrap(), "p2.jpg", FrameFate::Kept);
        all.face(&face("p1", 0));
        all.face(&face("p3", 0));
        let stats = all.finish().unwrap();
        let found: Vec<_> = stats.channels.iter().map(|c| (c.name.as_str(), c.frames, c.faces)).collect();
        assert_eq!(found, [("day1", 1, 1), ("images", 1, 1)]);
        assert!(stats.people.is_empty());
    }

    /// The distances by their definitions.
    #[test]
    fn distances_within_and_between() {
        let vectors: Vec<[f32; 3]> =
            (0..30_u16).map(|i| [1, 7, 11].map(|k| (f32::from(i * k % 13) - 6.0) / 5.0 + 0.1)).collect();
        let mut all = StatsBuilder::new();
        all.dataset();
        for i in 0..30 {
            all.face(&face("f", i));
            all.label(&face("f", i), i64::from(i % 4 * u32::from(i != 29) + 9 * u32::from(i == 29)), None);
        }
        for (i, v) in (0..).zip(&vectors) {
            all.embedding(&face("f", i), "m", v);
        }
        all.embedding(&face("f", 77), "m", &[1.0, 0.0, 0.0]);
        let found = all.finish().unwrap().distances.unwrap();
        let unit = |v: &[f32; 3]| {
            let length = v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            v.map(|x| f64::from(x) / length)
        };
        let distance = |a: &[f64; 3], b: &[f64; 3]| {
            let dot = |a: &[f64; 3], b: &[f64; 3]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
            1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        let groups: Vec<Vec<[f64; 3]>> = (0..5)
            .map(|p| {
                (0..30)
                    .filter(|&i| if i == 29 { p == 4 } else { i % 4 == p })
                    .map(|i| unit(&vectors[i]))
                    .collect()
            })
            .collect();
        let mean =
            |g: &Vec<[f64; 3]>| [0, 1, 2].map(|k| g.iter().map(|v| v[k]).sum::<f64>() / g.len() as f64);
        let means: Vec<[f64; 3]> = groups.iter().map(mean).collect();
        let intra = (0..4)
            .map(|p| groups[p].iter().map(|v| distance(v, &means[p])).sum::<f64>() / groups[p].len() as f64);
        assert!((found.intra.unwrap() - intra.sum::<f64>() / 4.0).abs() < 1e-9, "{found:?}");
        let nearest = (0..5)
            .map(|p| (0..5).filter(|&q| q != p).map(|q| distance(&means[p], &means[q])).fold(9.0, f64::min));
        assert!((found.nearest.unwrap() - nearest.sum::<f64>() / 5.0).abs() < 1e-6, "{found:?}");
        assert_eq!(found.people, 5);
    }

    #[test]
    fn vectors_of_two_models_do_not_mix() {
        let mut all = StatsBuilder::new();
        all.dataset();
        all.face(&face("f", 0));
        assert!(all.label(&face("f", 0), 0, None) && !all.label(&face("g", 0), 0, None));
        all.embedding(&face("f", 0), "a", &[1.0, 0.0]);
        all.embedding(&face("f", 0), "b", &[1.0, 0.0]);
        assert_eq!(all.finish().unwrap().distances, None);
    }
}
