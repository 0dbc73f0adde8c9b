//! Counts of numbers that models gave for faces: angles of heads, and years.

use std::collections::BTreeMap;

use serde::Serialize;
use streamface_types::attributes::Distribution;

/// Width of a bin of angles, degrees.
pub const ANGLE_STEP: f64 = 10.0;
/// Bins of angles: −90 to 90 degrees, what is beyond in the outermost.
const ANGLE_BINS: usize = 18;
/// Width of a cell of the cloud of poses, degrees.
pub const POSE_STEP: f64 = 5.0;
/// Cells on a side of it: −90 to 90 degrees, what is beyond in the outermost.
pub const POSE_CELLS: usize = 36;
/// Width of a bin of years.
pub const YEARS_STEP: f64 = 5.0;
/// Bins of years: 0 to 100, what is beyond in the last.
const YEARS_BINS: usize = 20;

/// Angles of heads, by number of faces in bins of 10 degrees from −90 to 90.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Angles {
    /// `yaw`, `pitch` or `roll`.
    pub name: String,
    /// Faces in each bin.
    pub faces: Vec<u64>,
}

/// A cell of the cloud of poses: 5 degrees of yaw and of pitch, both from −90.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PoseCell {
    /// Place along the yaw, 0 to 35.
    pub yaw: usize,
    /// Place along the pitch, 0 to 35.
    pub pitch: usize,
    /// Faces in it, 1 or more.
    pub faces: u64,
}

/// Apparent ages, by bins of 5 years from 0 to 100.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct Years {
    /// Faces in each bin, by the mean that the model gave.
    pub faces: Vec<u64>,
    /// People in each bin, by the vote of their faces.
    pub people: Vec<u64>,
    /// Median of the standard deviation that the model gave for a face; `None` where it gave none.
    pub deviation: Option<f64>,
}

/// The bin of a value; what is outside is in the outermost.
fn bin(value: f64, from: f64, step: f64, bins: usize) -> usize {
    ((value - from) / step).floor().clamp(0.0, bins as f64 - 1.0) as usize
}

#[derive(Debug, Default)]
pub(super) struct Poses {
    angles: Vec<Angles>,
    cloud: BTreeMap<(usize, usize), u64>,
}

impl Poses {
    pub fn add(&mut self, pose: &Distribution) {
        for (name, &angle) in pose.iter().filter(|(_, angle)| angle.is_finite()) {
            let at = match self.angles.iter().position(|a| a.name == *name) {
                Some(at) => at,
                None if self.angles.len() < 3 => {
                    self.angles.push(Angles { name: name.clone(), faces: vec![0; ANGLE_BINS] });
                    self.angles.len() - 1
                }
                None => continue,
            };
            self.angles[at].faces[bin(angle, -90.0, ANGLE_STEP, ANGLE_BINS)] += 1;
        }
        let angle = |name: &str| pose.get(name).copied().filter(|angle| angle.is_finite());
        if let Some((yaw, pitch)) = angle("yaw").zip(angle("pitch")) {
            let [yaw, pitch] = [yaw, pitch].map(|angle| bin(angle, -90.0, POSE_STEP, POSE_CELLS));
            *self.cloud.entry((yaw, pitch)).or_default() += 1;
        }
    }

    pub fn finish(self) -> (Vec<Angles>, Vec<PoseCell>) {
        let cell = |((yaw, pitch), faces)| PoseCell { yaw, pitch, faces };
        (self.angles, self.cloud.into_iter().map(cell).collect())
    }
}

#[derive(Debug, Default)]
pub(super) struct YearsCounts {
    faces: Vec<u64>,
    /// By tenths of a year.
    deviations: BTreeMap<u32, u64>,
}

impl YearsCounts {
    pub fn add(&mut self, mean: f64, deviation: Option<f64>) {
        self.faces.resize(YEARS_BINS, 0);
        self.faces[bin(mean, 0.0, YEARS_STEP, YEARS_BINS)] += 1;
        if let Some(deviation) = deviation {
            *self.deviations.entry((10.0 * deviation).round().min(10_000.0) as u32).or_default() += 1;
        }
    }

    /// `people` are the means of the people's votes.
    pub fn finish(self, people: impl IntoIterator<Item = f64>) -> Option<Years> {
        if self.faces.is_empty() {
            return None;
        }
        let mut of_people = vec![0; YEARS_BINS];
        people.into_iter().for_each(|mean| of_people[bin(mean, 0.0, YEARS_STEP, YEARS_BINS)] += 1);
        let all: u64 = self.deviations.values().sum();
        let mut sum = 0;
        let middle = self.deviations.iter().find(|(_, n)| {
            sum += **n;
            2 * sum >= all
        });
        let deviation = middle.map(|(tenths, _)| f64::from(*tenths) / 10.0);
        Some(Years { faces: self.faces, people: of_people, deviation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poses_are_counted_by_angle_and_as_a_cloud() {
        let mut all = Poses::default();
        for (yaw, pitch) in [(-10.0, 200.0), (-6.0, 88.0), (4.9, -300.0)] {
            all.add(
                &[("yaw", yaw), ("pitch", pitch), ("roll", f64::NAN)].map(|(n, v)| (n.to_owned(), v)).into(),
            );
        }
        all.add(&[("yaw".to_owned(), 3.0)].into());
        let (angles, cloud) = all.finish();
        assert_eq!(angles.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["yaw", "pitch"]);
        assert_eq!((angles[0].faces[8], angles[0].faces[9], angles[1].faces[17]), (2, 2, 2));
        let cells: Vec<_> = cloud.iter().map(|c| (c.yaw, c.pitch, c.faces)).collect();
        assert_eq!(cells, [(16, 35, 2), (18, 0, 1)]);
    }

    #[test]
    fn years_of_faces_and_of_people() {
        let mut all = YearsCounts::default();
        assert_eq!(YearsCounts::default().finish([]), None);
        for (mean, deviation) in [(31.0, Some(7.0)), (34.9, Some(9.04)), (-3.0, None), (400.0, Some(8.0))] {
            all.add(mean, deviation);
        }
        let found = all.finish([33.0]).unwrap();
        assert_eq!((found.faces[6], found.faces[0], found.faces[19], found.people[6]), (2, 1, 1, 1));
        assert_eq!(found.deviation, Some(8.0));
    }
}
