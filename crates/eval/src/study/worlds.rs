//! Made-up programmes whose cast repeats, as a real one's does, and whose true rates are known.

use std::collections::BTreeMap;

use streamface_kernels::SplitMix64;

use super::Pair;
use crate::distributions::normal_cdf;
use crate::random::stream;

/// Distances of a normal distribution, of whose variance parts are common to all pairs with a person, to all pairs of
/// the same two people, and to all pairs of a shot; the rest is each pair's own.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub mean: f64,
    pub sd: f64,
    pub of_people: f64,
    pub of_two: f64,
    pub of_shot: f64,
}

/// As different people of the default embedder.
pub(super) const DIFFERENT: Kind = Kind { mean: 0.94, sd: 0.14, of_people: 0.15, of_two: 0.45, of_shot: 0.1 };
/// As linked faces.
pub(super) const SAME: Kind = Kind { mean: 0.25, sd: 0.12, of_people: 0.3, of_two: 0.0, of_shot: 0.3 };

/// A programme.
#[derive(Debug, Clone, Copy)]
pub(super) struct World {
    /// People, some of them seen more often than others; `None` where each shot has new ones.
    pub cast: Option<usize>,
    pub shots: usize,
}

/// Those that the intervals have to hold in.
pub(super) const WORLDS: [World; 6] = [
    World { cast: Some(24), shots: 300 },
    World { cast: Some(24), shots: 1_500 },
    World { cast: Some(60), shots: 300 },
    World { cast: Some(60), shots: 1_500 },
    World { cast: None, shots: 300 },
    World { cast: None, shots: 1_500 },
];
/// Most faces of a frame.
const MOST_FACES: usize = 4;
/// Most frames of a shot.
const MOST_FRAMES: usize = 3;

impl Kind {
    /// The share of all pairs at or below a distance: not of this cast, of people at large.
    pub fn rate_at_most(self, t: f64) -> f64 {
        normal_cdf((t - self.mean) / self.sd)
    }
}

/// Normal numbers that are drawn once for each key.
struct Effects<K> {
    random: SplitMix64,
    sd: f64,
    drawn: BTreeMap<K, f64>,
}

impl<K: Ord> Effects<K> {
    fn new(seed: u64, number: u64, variance: f64) -> Self {
        Self { random: stream(seed, number), sd: variance.sqrt(), drawn: BTreeMap::new() }
    }

    fn next(&mut self) -> f64 {
        self.sd * self.random.normal()
    }

    fn of(&mut self, key: K) -> f64 {
        let new = self.next();
        *self.drawn.entry(key).or_insert(new)
    }
}

impl World {
    /// The pairs of two people of one frame, and the pairs of one person's faces in neighbouring frames.
    pub fn draw(self, seed: u64) -> (Vec<Pair>, Vec<Pair>) {
        let mut random = stream(seed, 77);
        let (mut different, mut same) = (Drawn::new(DIFFERENT, seed, 1), Drawn::new(SAME, seed, 2));
        for shot in 0..self.shots {
            let who = self.who(shot, &mut random);
            let frames = 1 + random.below(MOST_FRAMES);
            for frame in 0..frames {
                for (i, &a) in who.iter().enumerate() {
                    who[i + 1..].iter().for_each(|&b| different.pair([a, b], shot));
                    if frame > 0 {
                        same.pair([a, a], shot);
                    }
                }
            }
        }
        (different.pairs, same.pairs)
    }

    /// The people of a shot.
    fn who(self, shot: usize, random: &mut SplitMix64) -> Vec<u64> {
        let faces = 2 + random.below(MOST_FACES - 1);
        let Some(cast) = self.cast else {
            return (0..faces).map(|i| (shot * MOST_FACES + i) as u64).collect();
        };
        let mut who = Vec::new();
        while who.len() < faces {
            // The first few are seen most.
            let person = (random.uniform().powf(1.5) * cast as f64) as u64;
            if !who.contains(&person) {
                who.push(person);
            }
        }
        who
    }
}

/// Pairs of a kind as they are drawn.
struct Drawn {
    kind: Kind,
    people: Effects<u64>,
    two: Effects<[u64; 2]>,
    shots: Effects<usize>,
    own: Effects<()>,
    pairs: Vec<Pair>,
}

impl Drawn {
    fn new(kind: Kind, seed: u64, number: u64) -> Self {
        let own = 1.0 - kind.of_people - kind.of_two - kind.of_shot;
        Self {
            kind,
            people: Effects::new(seed, 10 * number, kind.of_people),
            two: Effects::new(seed, 10 * number + 1, kind.of_two),
            shots: Effects::new(seed, 10 * number + 2, kind.of_shot),
            own: Effects::new(seed, 10 * number + 3, own),
            pairs: Vec::new(),
        }
    }

    fn pair(&mut self, people: [u64; 2], shot: usize) {
        let [a, b] = people;
        // The sum of two people's effects has to vary as much as one person's.
        let persons =
            if a == b { self.people.of(a) } else { (self.people.of(a) + self.people.of(b)) / 2f64.sqrt() };
        let z = persons + self.two.of([a.min(b), a.max(b)]) + self.shots.of(shot) + self.own.next();
        let distance = (self.kind.mean + self.kind.sd * z).max(0.0);
        self.pairs.push(Pair { distance, people, shot: shot as u64 });
    }
}
