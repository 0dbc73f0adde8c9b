//! Counts of numbers that models gave for faces: angles of heads, years, and numbers that the vocabulary does not have.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use streamface_types::attributes::{Distribution, Value};

use crate::person_attributes::{MAX_RANGES, estimate};

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

/// A number that models gave for faces.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NumberFigures {
    /// The attribute's name, such as `height`; of several numbers that of each, such as `gaze.left`.
    pub name: String,
    /// Faces that have it.
    pub faces: u64,
    /// Mean over these faces.
    pub mean: f64,
    /// Standard deviation over these faces; `None` for one face.
    pub deviation: Option<f64>,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

/// `12 faces, mean 1.700, deviation 0.020, 1.650 to 1.740`
impl fmt::Display for NumberFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faces, mean, deviation, least, greatest, .. } = self;
        write!(f, "{faces} face{}, mean {mean:.3}", if *faces == 1 { "" } else { "s" })?;
        match deviation {
            Some(deviation) => write!(f, ", deviation {deviation:.3}, {least:.3} to {greatest:.3}"),
            None => Ok(()),
        }
    }
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

/// Numbers by attribute, and by their own name where an attribute is several.
#[derive(Debug, Default)]
pub(super) struct Numbers(BTreeMap<String, Vec<(String, NumberTally)>>);

/// Sums over numbers.
#[derive(Debug, Clone, Copy)]
struct NumberTally {
    faces: u64,
    mean: f64,
    /// Of (x − mean)².
    moment: f64,
    least: f64,
    greatest: f64,
}

impl NumberTally {
    const NOTHING: Self =
        Self { faces: 0, mean: 0.0, moment: 0.0, least: f64::INFINITY, greatest: f64::NEG_INFINITY };

    /// Welford 1962: no difference of large sums.
    fn add(&mut self, number: f64) {
        self.faces += 1;
        let off = number - self.mean;
        self.mean += off / self.faces as f64;
        self.moment += off * (number - self.mean);
        (self.least, self.greatest) = (self.least.min(number), self.greatest.max(number));
    }

    fn finish(self, name: String) -> NumberFigures {
        let Self { faces, mean, moment, least, greatest } = self;
        let deviation = (faces > 1).then(|| (moment / (faces - 1) as f64).sqrt());
        NumberFigures { name, faces, mean, deviation, least, greatest }
    }
}

impl Numbers {
    /// A face's number, or numbers by name; of one with a deviation of its own the mean.
    pub fn add(&mut self, name: &str, value: &Value) {
        if let Some((mean, _)) = estimate(value) {
            self.add_one(name, "", mean);
        } else if let Value::Numbers(numbers) = value {
            let finite = numbers.iter().filter(|(_, number)| number.is_finite());
            finite.for_each(|(part, &number)| self.add_one(name, part, number));
        }
    }

    fn add_one(&mut self, name: &str, part: &str, number: f64) {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), Vec::new());
        }
        let Some(parts) = self.0.get_mut(name) else { return };
        let at = match parts.iter().position(|(known, _)| known == part) {
            Some(at) => at,
            None if parts.len() < MAX_RANGES => {
                parts.push((part.to_owned(), NumberTally::NOTHING));
                parts.len() - 1
            }
            None => return,
        };
        parts[at].1.add(number);
    }

    pub fn finish(self) -> Vec<NumberFigures> {
        let mut all = Vec::new();
        for (name, parts) in self.0 {
            for (part, tally) in parts {
                let name = if part.is_empty() { name.clone() } else { format!("{name}.{part}") };
                all.push(tally.finish(name));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_mean_and_a_deviation() {
        let mut all = Numbers::default();
        for height in [1.5, 2.0, f64::NAN, 1.0] {
            all.add("height", &Value::Number(height));
        }
        let named =
            |of: &[(&str, f64)]| Value::Numbers(of.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect());
        all.add("gaze", &named(&[("right", 4.0), ("left", -2.0)]));
        all.add("weight", &named(&[("mean", 70.0), ("deviation", 9.0)]));
        for i in 0..100 {
            all.add("hostile", &named(&[(format!("{i}").as_str(), 1.0)]));
        }
        let found = all.finish();
        let names: Vec<&str> = found.iter().map(|of| of.name.as_str()).collect();
        assert_eq!(names[..3], ["gaze.right", "gaze.left", "height"]);
        assert_eq!((names.len(), names[11]), (4 + MAX_RANGES, "weight"));
        let height = &found[2];
        assert_eq!((height.faces, height.mean, height.least, height.greatest), (3, 1.5, 1.0, 2.0));
        assert_eq!(height.deviation, Some(0.5));
        assert_eq!(height.to_string(), "3 faces, mean 1.500, deviation 0.500, 1.000 to 2.000");
        assert_eq!((found[11].mean, found[11].deviation), (70.0, None));
        assert_eq!(found[11].to_string(), "1 face, mean 70.000");
    }

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
