//! A small dataset of painted faces, and who is who in it.

#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

use std::collections::BTreeMap;
use std::path::Path;

use streamface_kernels::SplitMix64;
use streamface_store::{AttributeRow, Batch, Dataset, FaceRow, FeatureRow, FrameRow, ImageKind, LabelRow};
use streamface_types::attributes::{Distribution, Value};
use streamface_types::{Attributes, BoundingBox, FaceId, FrameId, Label, Landmarks, StreamTime, Timestamp};

/// People, and the clusters that each was broken into.
pub const PEOPLE: usize = 9;
pub const CLUSTERS: usize = 3;
/// Faces of a cluster.
pub const FACES: usize = 6;
const DIM: usize = 32;
/// Width and height of a loose face.
pub const LOOSE: i32 = 256;

/// A dataset in a folder, and the person of each face.
pub struct Sample {
    pub dir: tempfile::TempDir,
    pub truth: BTreeMap<String, usize>,
    /// A face that lies in a cluster of someone else.
    pub stray: String,
}

impl Sample {
    pub fn open(&self) -> Dataset {
        Dataset::open(self.dir.path()).unwrap()
    }
}

struct Random(SplitMix64);

impl Random {
    fn next(&mut self) -> f32 {
        (self.0.next_u64() >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn direction(&mut self) -> Vec<f32> {
        unit((0..DIM).map(|_| (0..6).map(|_| self.next()).sum::<f32>() - 3.0).collect())
    }
}

fn unit(mut v: Vec<f32>) -> Vec<f32> {
    let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt();
    v.iter_mut().for_each(|x| *x /= norm);
    v
}

fn mixed(parts: &[(&[f32], f32)]) -> Vec<f32> {
    unit((0..DIM).map(|k| parts.iter().map(|(v, w)| v[k] * w).sum()).collect())
}

/// Two people a frame, everyone in every third of the time: three clusters each.
pub fn sample(images: bool) -> Sample {
    let dir = tempfile::tempdir().unwrap();
    let data = Dataset::open(dir.path()).unwrap();
    let mut random = Random(SplitMix64::new(7));
    let people: Vec<_> = (0..PEOPLE).map(|_| random.direction()).collect();
    let moods: Vec<_> = (0..PEOPLE * CLUSTERS).map(|_| random.direction()).collect();
    let mut batch = Batch::default();
    let (mut labels, mut truth, mut stray) = (Vec::new(), BTreeMap::new(), String::new());
    let start = Timestamp::parse_compact("20230525100000000000").unwrap();
    let mut shown = 0;
    for cluster in 0..CLUSTERS {
        for round in 0..FACES {
            let mut order: Vec<usize> = (0..PEOPLE).collect();
            order.rotate_left(round);
            for pair in order.chunks(2) {
                let at = start.plus_micros(i64::from(shown) * 2_000_000);
                shown += 1;
                let frame = FrameId::at("news", at).unwrap();
                let mut picture = Picture::backdrop(shown);
                for (index, &person) in pair.iter().enumerate() {
                    let id = FaceId::new(frame.clone(), index as u32);
                    let noise = random.direction();
                    let mood = &moods[person * CLUSTERS + cluster];
                    let embedding = mixed(&[(&people[person], 1.0), (mood, 0.55), (&noise, 0.3)]);
                    let (x, y) = (70 + 260 * index as i32, 60);
                    picture.face(person, x, y, 180, random.next());
                    // One face went into the cluster of the next person.
                    let whose = if cluster == 0 && round == 2 && person == 3 { 4 } else { person };
                    if whose != person {
                        stray = id.to_string();
                    }
                    labels.push(LabelRow::new(id.clone(), Label((whose * CLUSTERS + cluster) as i64)));
                    truth.insert(id.to_string(), person);
                    if images {
                        let loose = picture.loose(x, y, 180);
                        data.stage(ImageKind::Face, &id, &loose.png()).unwrap();
                        data.stage(ImageKind::AlignedFace, &id, &picture.crop(x, y, 180).png()).unwrap();
                    }
                    let bbox = BoundingBox::new(x as f32, y as f32, 180.0, 180.0);
                    batch.faces.push({
                        let mut row = FaceRow::new(id.clone());
                        row.bbox = bbox;
                        row.landmarks = Landmarks::default();
                        row.score = 0.9 + random.next() / 20.0;
                        row.blur = f64::from(100.0 + 900.0 * random.next());
                        row.frame_size = [640, 360];
                        row.face_size = [LOOSE, LOOSE].map(|side| side as u32);
                        row.aligned_size = [128, 128];
                        row.link = None;
                        row
                    });
                    batch.features.push(FeatureRow::new(id, "made up", "", embedding));
                }
                if images {
                    data.stage(ImageKind::Frame, &frame, &picture.png()).unwrap();
                }
                let row = FrameRow::new(frame, "news <b>&amp;</b>.mp4");
                batch.frames.push({
                    let mut row = row;
                    row.stream_time = Some(StreamTime(i64::from(shown) * 2_000_000));
                    row.width = 640;
                    row.height = 360;
                    row
                });
            }
        }
    }
    data.commit(batch).unwrap();
    data.compact().unwrap();
    let rows = (0..)
        .zip(&truth)
        .flat_map(|(i, (face, &person))| AttributeRow::of(&face.parse().unwrap(), &said(person, i), None));
    data.replace(rows.collect::<Vec<_>>()).unwrap();
    data.replace(labels).unwrap();
    drop(data);
    Sample { dir, truth, stray }
}

/// What models say of face `i` of a person. Of people with an even number the likeliest gender is female, but for one face
/// in three; of others none is likely.
fn said(person: usize, i: usize) -> Attributes {
    let female = match (person % 2, i % 3) {
        (0, 0) => 0.3,
        (0, _) => 0.95,
        _ => 0.6,
    };
    let of = |all: &[(&str, f64)]| all.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect::<Distribution>();
    let angle = i as f64 * 37.0 % 90.0 - 45.0;
    let all = [
        ("gender", Value::Categories(of(&[("Male", 1.0 - female), ("Female", female)]))),
        ("pose", Value::Numbers(of(&[("yaw", angle), ("pitch", angle / 3.0), ("roll", 0.0)]))),
        ("years", Value::Numbers(of(&[("mean", 30.0 + person as f64 + (i % 5) as f64), ("deviation", 6.0)]))),
        ("mask", Value::Probability(0.02)),
        ("liveness", Value::Probability(0.97)),
    ];
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// An RGB picture.
struct Picture {
    width: i32,
    height: i32,
    rgb: Vec<u8>,
}

impl Picture {
    fn backdrop(seed: i32) -> Self {
        let (width, height) = (640, 360);
        let mut rgb = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let stripe = if (x + y + seed * 40) / 80 % 2 == 0 { 12 } else { 0 };
                rgb.extend([40 + stripe + (y / 8) as u8, 60 + stripe, 85 + stripe + (x / 16) as u8]);
            }
        }
        Self { width, height, rgb }
    }

    fn disc(&mut self, (cx, cy): (i32, i32), (rx, ry): (i32, i32), colour: [u8; 3]) {
        for y in (cy - ry).max(0)..(cy + ry).min(self.height) {
            for x in (cx - rx).max(0)..(cx + rx).min(self.width) {
                let (dx, dy) = ((x - cx) as f32 / rx as f32, (y - cy) as f32 / ry as f32);
                if dx * dx + dy * dy <= 1.0 {
                    let at = 3 * (y * self.width + x) as usize;
                    self.rgb[at..at + 3].copy_from_slice(&colour);
                }
            }
        }
    }

    /// Someone whom one knows again: skin, hair, eyes and mouth of their own.
    fn face(&mut self, person: usize, x: i32, y: i32, side: i32, light: f32) {
        let p = person as i32;
        let lit = |c: i32| (c as f32 * (0.8 + 0.3 * light)).clamp(0.0, 255.0) as u8;
        let skin = [235 - 17 * (p % 5), 190 - 16 * (p % 5), 160 - 15 * (p % 4)].map(lit);
        let hair =
            [[60, 40, 30], [205, 165, 85], [25, 25, 30], [150, 60, 35], [130, 130, 135]][person % 5].map(lit);
        let (cx, cy) = (x + side / 2, y + side / 2);
        let part = |n: i32| side * n / 100;
        self.disc((cx, cy - part(8)), (part(44), part(46)), hair);
        self.disc((cx, cy + part(4)), (part(33 + p % 3 * 3), part(42)), skin);
        self.disc((cx, cy - part(36)), (part(30), part(8 + 3 * (p % 4))), hair);
        for sign in [-1, 1] {
            let eye = (cx + sign * part(14 + p % 3), cy - part(4));
            self.disc(eye, (part(7), part(4)), [240, 240, 240]);
            self.disc(eye, (part(3), part(3)), [[40, 80, 60], [40, 60, 110], [60, 40, 25]][person % 3]);
        }
        self.disc((cx, cy + part(9)), (part(3 + p % 2 * 2), part(8)), skin.map(|c| c.saturating_sub(35)));
        self.disc((cx, cy + part(25)), (part(10 + p % 4 * 2), part(3 + (light * 4.0) as i32)), lips(person));
        if person % 4 == 3 {
            self.disc((cx, cy + part(42)), (part(22), part(9)), hair);
        }
    }

    fn crop(&self, x: i32, y: i32, side: i32) -> Self {
        let row = |y: i32| 3 * (y * self.width + x) as usize;
        let rgb = (y..y + side).flat_map(|y| self.rgb[row(y)..row(y) + 3 * side as usize].to_vec()).collect();
        Self { width: side, height: side, rgb }
    }

    /// The square of twice the box's side about it, black outside the frame.
    fn loose(&self, x: i32, y: i32, side: i32) -> Self {
        let at = |from: i32, out: i32| from - side / 2 + 2 * side * out / LOOSE;
        let mut rgb = Vec::new();
        for (row, column) in (0..LOOSE * LOOSE).map(|i| (at(y, i / LOOSE), at(x, i % LOOSE))) {
            let inside = (0..self.height).contains(&row) && (0..self.width).contains(&column);
            let pixel = 3 * (row * self.width + column) as usize;
            rgb.extend_from_slice(if inside { &self.rgb[pixel..pixel + 3] } else { &[0; 3] });
        }
        Self { width: LOOSE, height: LOOSE, rgb }
    }

    fn png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(&self.rgb).unwrap();
        bytes
    }
}

fn lips(person: usize) -> [u8; 3] {
    [[170, 60, 70], [190, 90, 90], [150, 50, 50]][person % 3]
}

/// Pairwise F of labels by face against who is who.
pub fn pairwise_f(labels: &BTreeMap<String, i64>, truth: &BTreeMap<String, usize>) -> f64 {
    let (mut both, mut ours, mut theirs) = (0.0, 0.0, 0.0);
    let faces: Vec<_> = truth.iter().collect();
    for (i, (a, person)) in faces.iter().enumerate() {
        for (b, other) in &faces[i + 1..] {
            let one = labels[*a] >= 0 && labels[*a] == labels[*b];
            ours += f64::from(u8::from(one));
            theirs += f64::from(u8::from(person == other));
            both += f64::from(u8::from(one && person == other));
        }
    }
    2.0 * both / (ours + theirs)
}

/// Labels as `annotations_manual.json` has them.
pub fn final_labels(root: &Path) -> BTreeMap<String, i64> {
    let path = root.join("metadata/annotations_manual.json");
    let all = streamface_store::read_annotations(&path).unwrap();
    all.labels.into_iter().map(|(face, entry)| (face, entry.label.0)).collect()
}
