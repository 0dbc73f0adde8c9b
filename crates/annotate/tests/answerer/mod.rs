//! Someone who answers, and is wrong now and then; and what the answers come to, in screens, seconds and F.

#![allow(dead_code)]

use std::collections::{BTreeMap, HashMap};

use streamface_annotate::questions::{
    AnswerKind, ByDistance, Candidate, Clusters, CompatOrder, Form, Outcome, Parts, Question, Queue,
    Settings, TimeModel, halves,
};
use streamface_cluster::{Constraints, Embeddings, Metric, complete_linkage, join};

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Faces with known people, clustered.
pub struct World {
    pub clusters: Clusters,
    /// The person of most of each cluster's faces.
    pub truth: Vec<u32>,
    /// Faces of each person in each cluster.
    pub faces: Vec<BTreeMap<u32, u64>>,
}

impl World {
    /// Complete linkage at `threshold`, with candidates up to `max`. `frames`: the frame of each face.
    pub fn new(
        vectors: &Embeddings,
        labels: &[u32],
        frames: &[u32],
        threshold: f64,
        max: f64,
    ) -> Result<Self> {
        let mut together: HashMap<u32, Vec<usize>> = HashMap::new();
        for (face, &frame) in frames.iter().enumerate() {
            together.entry(frame).or_default().push(face);
        }
        let mut constraints = Constraints::default();
        let mut together: Vec<Vec<usize>> = together.into_values().filter(|f| f.len() > 1).collect();
        together.sort_unstable();
        for faces in &together {
            constraints.cannot_link_group(faces);
        }
        let settings = streamface_cluster::Settings::new(Metric::Cosine, threshold)?;
        let cluster = complete_linkage(vectors, &settings, &constraints)?.labels;
        let n = cluster.iter().max().map_or(0, |&c| c as usize + 1);
        let mut of = vec![Vec::new(); n];
        for (face, &c) in cluster.iter().enumerate() {
            of[c as usize].push(face);
        }
        // The largest first, as labels on disk are.
        of.sort_by_key(|faces| (std::cmp::Reverse(faces.len()), faces[0]));
        let number: HashMap<usize, u32> =
            of.iter().zip(0..).flat_map(|(faces, c)| faces.iter().map(move |&f| (f, c))).collect();
        let mean = |faces: &mut dyn Iterator<Item = usize>| {
            let (mut sum, mut n) = (vec![0.0; vectors.dim()], 0.0);
            for f in faces {
                let length = vectors.row(f).iter().map(|x| x * x).sum::<f32>().sqrt();
                sum.iter_mut().zip(vectors.row(f)).for_each(|(s, x)| *s += x / length);
                n += 1.0;
            }
            sum.iter_mut().for_each(|s| *s /= n);
            sum
        };
        let means: Vec<f32> = of.iter().flat_map(|faces| mean(&mut faces.iter().copied())).collect();
        let means = Embeddings::new(means, vectors.dim())?;
        let parts = (0..).zip(&of).filter_map(|(c, faces)| {
            // As many as the review looks at.
            let (step, unit) = (faces.len().div_ceil(64), |f: usize| mean(&mut std::iter::once(f)));
            let rows: Vec<Vec<f32>> = faces.iter().step_by(step).map(|&f| unit(f)).collect();
            let rows: Vec<&[f32]> = rows.iter().map(|row| &row[..]).collect();
            let found = halves(&rows, None)?;
            let second = (found.sizes().1 * faces.len() / rows.len()).max(1) as u32;
            let sizes = (faces.len() as u32 - second, second);
            Some((c, Parts { distance: found.distance, sizes, evidence: 0.0 }))
        });
        let parts: Vec<(u32, Parts)> = parts.collect();
        let mut candidates = Vec::new();
        join(&means, &streamface_cluster::Settings::new(Metric::Cosine, max)?)?
            .for_each(|l| candidates.push(Candidate { left: l.i, right: l.j, distance: l.distance }))?;
        let mut apart = Vec::new();
        for faces in &together {
            for (k, a) in faces.iter().enumerate() {
                apart.extend(faces[k + 1..].iter().map(|b| (number[a], number[b])));
            }
        }
        let sizes = of.iter().map(|faces| faces.len() as u32).collect();
        let faces: Vec<BTreeMap<u32, u64>> = of
            .iter()
            .map(|faces| {
                faces.iter().fold(BTreeMap::new(), |mut count, &f| {
                    *count.entry(labels[f]).or_default() += 1;
                    count
                })
            })
            .collect();
        let truth = faces.iter().map(most).collect();
        let clusters = Clusters::new(sizes, means, candidates, apart)?.with_parts(parts)?;
        Ok(Self { clusters, truth, faces })
    }

    pub fn queue(&self, settings: Settings) -> Result<Queue> {
        Ok(Queue::new(self.clusters.clone(), settings)?)
    }
}

/// Mean difference of what is said and what is true, over ten bins of what is said, of pairs that may be one person.
pub fn calibration_error(said: &[(f64, bool)]) -> f64 {
    let mut bins = [(0.0, 0.0); 10];
    for &(chance, same) in said {
        let bin = &mut bins[((10.0 * chance) as usize).min(9)];
        *bin = (bin.0 + chance, bin.1 + f64::from(same));
    }
    bins.iter().map(|(said, truth)| (said - truth).abs()).sum::<f64>() / said.len().max(1) as f64
}

/// Of each candidate that is not surely two people, the chance that it is one, and whether it is.
pub fn chances(world: &World, queue: &mut Queue) -> Vec<(f64, bool)> {
    let (model, sizes) = (queue.match_probability(), world.clusters.sizes());
    let open = world.clusters.candidates().iter().filter(|c| !world.clusters.cannot_link(c.left, c.right));
    open.map(|c| {
        let (a, b) = (c.left as usize, c.right as usize);
        (model.evaluate(c.distance, (sizes[a], sizes[b])), world.truth[a] == world.truth[b])
    })
    .collect()
}

fn most(count: &BTreeMap<u32, u64>) -> u32 {
    count.iter().max_by_key(|(label, n)| (**n, std::cmp::Reverse(**label))).map_or(0, |(label, _)| *label)
}

/// Pairwise F, kept up while people are joined.
#[derive(Clone)]
pub struct Tally {
    parent: Vec<u32>,
    faces: Vec<BTreeMap<u32, u64>>,
    rightly: f64,
    together: f64,
    truly: f64,
}

impl Tally {
    pub fn new(world: &World) -> Self {
        let within = |n: u64| (n * n.saturating_sub(1) / 2) as f64;
        let mut all: BTreeMap<u32, u64> = BTreeMap::new();
        let (mut rightly, mut together) = (0.0, 0.0);
        for count in &world.faces {
            together += within(count.values().sum());
            for (&label, &n) in count {
                rightly += within(n);
                *all.entry(label).or_default() += n;
            }
        }
        let truly = all.into_values().map(within).sum();
        let parent = (0..world.faces.len() as u32).collect();
        Self { parent, faces: world.faces.clone(), rightly, together, truly }
    }

    /// Of a queue's people.
    pub fn of(world: &World, queue: &Queue) -> Self {
        let mut new = Self::new(world);
        for c in 0..world.faces.len() as u32 {
            new.join(queue.person(c), c);
        }
        new
    }

    pub fn person(&self, mut x: u32) -> u32 {
        while self.parent[x as usize] != x {
            x = self.parent[x as usize];
        }
        x
    }

    pub fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.person(a), self.person(b));
        if a == b {
            return;
        }
        let (root, other) = (a.min(b), a.max(b));
        self.parent[other as usize] = root;
        let more = std::mem::take(&mut self.faces[other as usize]);
        let count = &mut self.faces[root as usize];
        self.together += count.values().sum::<u64>() as f64 * more.values().sum::<u64>() as f64;
        for (label, n) in more {
            let own = count.entry(label).or_default();
            self.rightly += (*own * n) as f64;
            *own += n;
        }
    }

    pub fn label(&self, cluster: u32) -> u32 {
        most(&self.faces[self.person(cluster) as usize])
    }

    pub fn f(&self) -> f64 {
        2.0 * self.rightly / (self.together + self.truly)
    }
}

/// Says what is true, but for a share of the answers. `SplitMix64`.
pub struct Answerer {
    state: u64,
    wrong: f64,
}

impl Answerer {
    pub fn new(wrong: f64, seed: u64) -> Self {
        Self { state: seed, wrong }
    }

    pub fn says(&mut self, truth: bool) -> bool {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let unit = ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        truth != (unit < self.wrong)
    }
}

/// What was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    pub pairs: usize,
    pub screens: usize,
    pub seconds: f64,
}

/// Levels of F that costs are told for.
pub const LEVELS: [f64; 3] = [0.95, 0.98, 0.99];

/// How it went.
#[derive(Debug, Clone, Default)]
pub struct Course {
    /// What was spent when each level was first reached.
    pub reached: [Option<Spent>; 3],
    pub spent: Spent,
    pub f: f64,
}

impl Course {
    fn note(&mut self, f: f64) {
        self.f = f;
        for (level, reached) in LEVELS.iter().zip(&mut self.reached) {
            if f >= *level && reached.is_none() {
                *reached = Some(self.spent);
            }
        }
    }

    /// At F .98.
    pub fn at_98(&self) -> Spent {
        self.reached[1].unwrap_or(Spent { pairs: usize::MAX, screens: usize::MAX, seconds: f64::INFINITY })
    }
}

/// A way of old: pair by pair.
pub trait PairByPair {
    fn ask(&mut self) -> Option<(u32, u32)>;
    fn tell(&mut self, same: bool);
}

impl PairByPair for CompatOrder {
    fn ask(&mut self) -> Option<(u32, u32)> {
        self.next_pair()
    }
    fn tell(&mut self, same: bool) {
        self.answer(same);
    }
}

impl PairByPair for ByDistance {
    fn ask(&mut self) -> Option<(u32, u32)> {
        self.next_pair()
    }
    fn tell(&mut self, same: bool) {
        self.answer(same);
    }
}

/// To the end of the list, or of what is of interest.
pub fn old_way(world: &World, mut way: impl PairByPair, answerer: &mut Answerer, whole: bool) -> Course {
    let (mut tally, mut course) = (Tally::new(world), Course::default());
    course.note(tally.f());
    while let Some((x, y)) = way.ask() {
        if !whole && course.reached[2].is_some() {
            break;
        }
        let same = answerer.says(tally.label(x) == tally.label(y));
        way.tell(same);
        course.spent.pairs += 1;
        course.spent.screens += 1;
        course.spent.seconds += TimeModel::default().pair();
        if same {
            tally.join(x, y);
        }
        course.note(tally.f());
    }
    course
}

/// Pair by pair with all answers known: of every person's clusters the next largest, wherever that gains
/// most. What is left of the cost when no question is asked in vain.
pub fn knowing_way(world: &World) -> Course {
    let (mut tally, mut course) = (Tally::new(world), Course::default());
    course.note(tally.f());
    let mut of: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (cluster, &label) in world.truth.iter().enumerate() {
        of.entry(label).or_default().push(cluster as u32);
    }
    let faces = |c: u32| world.faces[c as usize].values().sum::<u64>();
    // Clusters are numbered by size. Each heap entry is a person's next join.
    let mut next = std::collections::BinaryHeap::new();
    for clusters in of.values().filter(|c| c.len() > 1) {
        next.push((faces(clusters[0]) * faces(clusters[1]), faces(clusters[0]), 1, clusters));
    }
    while let Some((_, before, at, clusters)) = next.pop() {
        tally.join(clusters[0], clusters[at]);
        course.spent.pairs += 1;
        course.spent.screens += 1;
        course.spent.seconds += TimeModel::default().pair();
        course.note(tally.f());
        if let Some(&third) = clusters.get(at + 1) {
            let all = before + faces(clusters[at]);
            next.push((all * faces(third), all, at + 1, clusters));
        }
    }
    course
}

/// Which screens of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Pairs alone.
    Pairs,
    /// Whatever form gains most a second.
    Best,
}

/// Until it is not worth going on.
pub fn our_way(world: &World, queue: &mut Queue, way: Way, answerer: &mut Answerer) -> Result<Course> {
    let (mut tally, mut course) = (Tally::of(world, queue), Course::default());
    course.note(tally.f());
    loop {
        let asked = if way == Way::Pairs { queue.next_pair(&[]) } else { queue.next(&[]) };
        let Some(asked) = asked.filter(|q| q.rate() >= queue.settings().enough) else { break };
        let mut said = Vec::new();
        for pair in &asked.pairs {
            // Whoever doubts a join sees the two parts apart, not the person they are.
            let joined = queue.person(pair.left) == queue.person(pair.right);
            let label = |c: u32| if joined { world.truth[c as usize] } else { tally.label(c) };
            said.push(answerer.says(label(pair.left) == label(pair.right)));
        }
        spend(&mut course, &asked, &said, queue.settings().time_model);
        let mut taken_back = false;
        for (pair, same) in asked.pairs.iter().zip(said) {
            if let Some(before) = pair.again {
                let joined = queue.person(pair.left) == queue.person(pair.right);
                if joined != same {
                    queue.take_back(before)?;
                    taken_back = true;
                }
            }
            let (a, b) = (pair.left, pair.right);
            let outcome = queue
                .answer(if same { AnswerKind::Same(a, b) } else { AnswerKind::Different(a, b) }.into())?;
            if outcome == Outcome::Joined {
                tally.join(a, b);
            }
        }
        if taken_back {
            tally = Tally::of(world, queue);
        }
        course.note(tally.f());
    }
    Ok(course)
}

fn spend(course: &mut Course, asked: &Question, said: &[bool], time_model: TimeModel) {
    let same = said.iter().filter(|s| **s).count();
    let marks = match asked.form {
        Form::Pair => 0,
        Form::Group => same.min(said.len() - same),
        Form::Sweep => said.len() - same,
    };
    course.spent.pairs += said.len();
    course.spent.screens += 1;
    course.spent.seconds += time_model.of(asked.people_shown() as usize, marks as f64);
}

/// Of all suspects in their order, whether they are wrong.
pub fn wrong_suspects(world: &World, queue: &mut Queue) -> Vec<bool> {
    let suspects = queue.suspects();
    let truth = |a: u32, b: u32| world.truth[a as usize] == world.truth[b as usize];
    let wrong = suspects.iter().map(|s| match queue.answer_kind(s.answer) {
        Some(AnswerKind::Same(a, b)) => !truth(a, b),
        Some(AnswerKind::Different(a, b)) => truth(a, b),
        _ => false,
    });
    wrong.collect()
}
