//! Counts of the attributes that models predicted for faces.

use serde::Serialize;
use streamface_types::attributes::{self, Distribution, VOCABULARY, Value};

/// Most categories of an attribute; further ones are ignored. Models have ten at most.
const MAX_CATEGORIES: usize = 100;
/// Width of a bin of angles, degrees.
pub const ANGLE_STEP: f64 = 10.0;
/// Bins of angles: −90 to 90 degrees, what is beyond in the outermost.
pub(super) const ANGLE_BINS: usize = 18;

/// How often each category was the likeliest, of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attribute {
    /// A category or probability of the [vocabulary](VOCABULARY).
    pub name: &'static str,
    /// The categories, in the order of the model.
    pub categories: Vec<String>,
    /// Faces of each.
    pub faces: Vec<u64>,
    /// The same by channel, in the order of the channels.
    pub by_channel: Vec<Vec<u64>>,
}

/// Angles of heads, by number of faces in bins of 10 degrees from −90 to 90.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Angles {
    /// `yaw`, `pitch` or `roll`.
    pub name: String,
    /// Faces in each bin.
    pub faces: Vec<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Attributes {
    all: Vec<Attribute>,
    angles: Vec<Angles>,
}

impl Attributes {
    /// Counts a face's attributes of the vocabulary; of others there could be any number.
    pub fn add(&mut self, channel: usize, said: &streamface_types::Attributes) {
        for &attributes::Attribute { name, .. } in VOCABULARY {
            match said.get(name) {
                Some(Value::Categories(of)) => {
                    if let Some((likeliest, _)) = said.likeliest(name) {
                        self.count(channel, name, of.keys(), likeliest);
                    }
                }
                Some(Value::Probability(p)) if p.is_finite() => {
                    let order = [name.to_owned(), format!("no {name}")];
                    self.count(channel, name, order.iter(), if *p >= 0.5 { &order[0] } else { &order[1] });
                }
                Some(Value::Numbers(angles)) => self.angles(angles),
                _ => {}
            }
        }
    }

    fn angles(&mut self, angles: &Distribution) {
        for (name, &angle) in angles.iter().filter(|(_, angle)| angle.is_finite()) {
            let at = match self.angles.iter().position(|a| a.name == *name) {
                Some(at) => at,
                None if self.angles.len() < 3 => {
                    self.angles.push(Angles { name: name.clone(), faces: vec![0; ANGLE_BINS] });
                    self.angles.len() - 1
                }
                None => continue,
            };
            let bin = (angle / ANGLE_STEP).floor() + ANGLE_BINS as f64 / 2.0;
            self.angles[at].faces[bin.clamp(0.0, ANGLE_BINS as f64 - 1.0) as usize] += 1;
        }
    }

    fn count<'a>(
        &mut self,
        channel: usize,
        name: &'static str,
        order: impl Iterator<Item = &'a String>,
        category: &str,
    ) {
        let at = self.all.iter().position(|a| a.name == name).unwrap_or_else(|| {
            let (categories, faces, by_channel) = (Vec::new(), Vec::new(), Vec::new());
            self.all.push(Attribute { name, categories, faces, by_channel });
            self.all.len() - 1
        });
        let attribute = &mut self.all[at];
        let known = |a: &Attribute| a.categories.iter().position(|c| c == category);
        if known(attribute).is_none() {
            // A model's categories come in its own order, those that no face has included.
            for category in order {
                if attribute.categories.len() < MAX_CATEGORIES && !attribute.categories.contains(category) {
                    attribute.categories.push(category.clone());
                    attribute.faces.push(0);
                }
            }
        }
        let Some(at) = known(attribute) else { return };
        attribute.faces[at] += 1;
        if attribute.by_channel.len() <= channel {
            attribute.by_channel.resize_with(channel + 1, Vec::new);
        }
        let of = &mut attribute.by_channel[channel];
        if of.len() <= at {
            of.resize(at + 1, 0);
        }
        of[at] += 1;
    }

    /// The attributes in the order of the vocabulary, and the angles; `place` is the place
    /// of each channel in the result.
    pub fn finish(self, place: &[usize]) -> (Vec<Attribute>, Vec<Angles>) {
        let mut all = self.all;
        all.sort_by_key(|a| VOCABULARY.iter().position(|known| known.name == a.name));
        for attribute in &mut all {
            let mut by_channel = vec![vec![0; attribute.categories.len()]; place.len()];
            for (channel, counts) in attribute.by_channel.iter().enumerate() {
                by_channel[place[channel]][..counts.len()].copy_from_slice(counts);
            }
            attribute.by_channel = by_channel;
        }
        (all, self.angles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(text: &str) -> streamface_types::Attributes {
        serde_json::from_str::<streamface_types::Annotation>(text).unwrap().attributes
    }

    #[test]
    fn the_likeliest_counts() {
        let mut all = Attributes::default();
        let one = r#"{"label": 0, "mask": 0.7, "attributes": {"age": {"0-2": 0.1, "3-9": 0.6, "70+": 0.6}, "gender": null,
            "race": null, "expression": null, "pose": {"yaw": -10.0, "pitch": 200, "roll": -0.5}}}"#;
        all.add(1, &face(one));
        all.add(0, &face(r#"{"label": 0, "attributes": {"age": {"0-2": 0.9}, "gender": {"Male": 0.5, "Female": 0.5}}}"#));
        all.add(1, &face(r#"{"label": 0}"#));
        let (attributes, angles) = all.finish(&[1, 0]);
        assert_eq!(attributes.iter().map(|a| a.name).collect::<Vec<_>>(), ["age", "gender", "mask"]);
        assert_eq!(attributes[0].categories, ["0-2", "3-9", "70+"]);
        assert_eq!(attributes[0].faces, [1, 1, 0]);
        assert_eq!(attributes[0].by_channel, [[0, 1, 0], [1, 0, 0]]);
        assert_eq!((&attributes[1].faces[..], &attributes[2].faces[..]), (&[1, 0][..], &[1, 0][..]));
        let filled = |a: &Angles| a.faces.iter().position(|&n| n == 1).unwrap();
        assert_eq!(
            angles.iter().map(|a| (a.name.as_str(), filled(a))).collect::<Vec<_>>(),
            [("yaw", 8), ("pitch", 17), ("roll", 8)]
        );
    }

    #[test]
    fn hostile_categories_are_not_kept() {
        let mut all = Attributes::default();
        for i in 0..1000 {
            all.add(
                0,
                &face(&format!(
                    r#"{{"label": 0, "attributes": {{"age": {{"{i}": 1.0}}, "pose": {{"{i}": 1.0}}}}}}"#
                )),
            );
        }
        let (attributes, angles) = all.finish(&[0]);
        assert_eq!((attributes[0].categories.len(), angles.len()), (MAX_CATEGORIES, 3));
    }
}
