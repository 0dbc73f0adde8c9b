//! Neighbours of clusters, and their distances.
//!
//! Each cluster has a representative row: clusters whose representatives are too far apart are no neighbours. The rest is compared
//! with a [group](crate::prefilter::Group) of the rows that lie farthest out, which gives bounds of the distance, and of
//! a small cluster that is all of its rows. Distances themselves are computed only for the pairs that may be the
//! farthest.

use rayon::prelude::*;

use super::candidates::{Candidate, Candidates};
use super::state::State;
use crate::exact_distance::ExactDistance;
use crate::points::{Points, unit_factor};
use crate::prefilter::{GROUP, Group, PackedPoints, Prefilter, Projection};

/// Clusters that one thread takes at a time.
const CHUNK: usize = 64;
/// Up to so many pairs are measured without bounds first.
const FEW: usize = 2;
/// Rows of the larger of two clusters that are compared at first.
const PROBE: usize = 16;
/// Pairs that several threads compute, and rows that each takes at a time.
const LARGE: usize = 1 << 16;
const PART: usize = 256;

/// How much is kept; never what is found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Neighbours in a list at first.
    pub(super) most: usize,
    /// Clusters left of those there were, from one horizon to the next.
    pub(super) left: f64,
    /// Parts are linked again where they have so many times fewer pairs than all rows.
    pub(super) min_pair_reduction: u64,
    /// Clusters are linked again where more than one in so many is not as it was.
    pub(super) max_changed_inverse: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { most: 4096, left: 0.8, min_pair_reduction: 4, max_changed_inverse: 8 }
    }
}

/// The rows, and what clusters there were when they were last packed.
pub(super) struct Search<'a> {
    exact: &'a ExactDistance<'a>,
    space: &'a Projection,
    pub(super) limits: Limits,
    threshold: f64,
    /// Its points are the rows in the state's order.
    prefilter: Prefilter,
    /// A row of each cluster, and how many rows it represents.
    field: PackedPoints,
    weight: Vec<u32>,
}

/// A cluster whose neighbours nearer than `horizon` are wanted, at most so many.
#[derive(Debug, Clone, Copy)]
pub(super) struct CandidateRequest {
    pub(super) id: u32,
    pub(super) horizon: f64,
    pub(super) most: usize,
}

/// A cluster that others are compared with.
struct QueryCluster {
    places: Vec<u32>,
    group: Group,
    /// Whether these are all of its rows.
    whole: bool,
}

impl QueryCluster {
    /// An upper bound, where it is one of all rows.
    fn most(&self, most: f64) -> f64 {
        if self.whole { most } else { f64::INFINITY }
    }
}

/// A cluster that may be near, with bounds of |a − b|² to its representative row.
#[derive(Clone, Copy)]
struct Hit {
    entry: Candidate,
    bounds: (f32, f32),
}

/// All that may be near a cluster. The rows of an unchanged one lie together, those of others here and there.
#[derive(Clone, Default)]
struct NearClusters {
    unchanged: Vec<Hit>,
    changed: Vec<Hit>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        exact: &'a ExactDistance<'a>,
        space: &'a Projection,
        threshold: f64,
        order: &[u32],
        limits: Limits,
    ) -> Self {
        let prefilter = Prefilter::in_place(exact, space, &Points::of_rows(order), threshold);
        let (field, weight) = (prefilter.field(Vec::new()), vec![0; order.len()]);
        Self { exact, space, limits, threshold, prefilter, field, weight }
    }

    /// Pairs of some rows and others within `threshold`, and perhaps such as are little beyond: of those with the same
    /// label at least one for each row, and none with its own.
    pub(super) fn near(
        &self,
        order: &[u32],
        rows: &[u32],
        labels: &[u32],
        threshold: f64,
    ) -> Vec<(u32, u32)> {
        let metric = self.exact.metric();
        let reach = self.space.reach(metric, threshold.min(self.threshold));
        let all = self.prefilter.field((0..order.len() as u32).collect());
        let mut place = vec![0; order.len()];
        (0_u32..).zip(order).for_each(|(at, &row)| place[row as usize] = at);
        let chunk = |rows: &[u32]| {
            let places: Vec<u32> = rows.iter().map(|&row| place[row as usize]).collect();
            let mut found: Vec<Vec<(u32, u32)>> = vec![Vec::new(); rows.len()];
            self.prefilter.near(&all, &places, reach, |at, other| {
                let near = order[other as usize];
                let (label, found) = (labels[near as usize], &mut found[at]);
                if label == labels[rows[at] as usize] || found.iter().rev().any(|(of, _)| *of == label) {
                    return;
                }
                let bounds = self.space.distances(metric, self.prefilter.bounds(places[at], other));
                if bounds.0 <= threshold
                    && (bounds.1 <= threshold || self.exact.distance(rows[at], near) <= threshold)
                {
                    found.push((label, near));
                }
            });
            let pairs = rows.iter().zip(found);
            pairs
                .flat_map(|(&row, found)| found.into_iter().map(move |(_, near)| (row, near)))
                .collect::<Vec<_>>()
        };
        rows.par_chunks(CHUNK).with_max_len(1).flat_map_iter(chunk).collect()
    }

    /// Clusters at the last time that they were packed.
    pub(super) fn packed(&self) -> usize {
        self.field.len()
    }

    /// Keeps only the representative rows.
    pub(super) fn pack(&mut self, state: &mut State) {
        state.sets.settle();
        let roots = state.order.iter().filter(|&&row| state.sets.is_root(row));
        let far: Vec<u32> = roots
            .map(|&root| {
                let far = state.far[root as usize];
                self.weight[far as usize] = state.sets.size(root);
                far
            })
            .collect();
        self.field = self.prefilter.field(far);
    }

    /// The lists of some clusters; and how many pairs were compared at. Best in the order of horizons.
    pub(super) fn lists(&self, state: &State, wanted: &[CandidateRequest]) -> Vec<(Candidates, u64)> {
        let same: Vec<&[CandidateRequest]> =
            wanted.chunk_by(|a, b| a.horizon == b.horizon).flat_map(|same| same.chunks(CHUNK)).collect();
        let chunks = same.into_par_iter().with_max_len(1).map(|wanted| self.chunk(state, wanted));
        chunks.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    /// Of clusters with one horizon.
    fn chunk(&self, state: &State, wanted: &[CandidateRequest]) -> Vec<(Candidates, u64)> {
        let Some(&CandidateRequest { horizon, .. }) = wanted.first() else { return Vec::new() };
        let reach = self.space.reach(self.exact.metric(), horizon.min(self.threshold));
        let limit = (reach as f32).next_up();
        let places: Vec<u32> = wanted.iter().map(|of| state.far[of.id as usize]).collect();
        let own: Vec<QueryCluster> = wanted.iter().map(|of| self.own(state, state.members(of.id))).collect();
        let mut near = vec![NearClusters::default(); wanted.len()];
        let has_bounds = self.prefilter.has_bounds();
        self.prefilter.near(&self.field, &places, reach, |at, place| {
            let mut bounds = (0.0, f32::INFINITY);
            if has_bounds {
                bounds = self.prefilter.across(&own[at].group, &[place], limit, None);
                if bounds.0 > limit {
                    return;
                }
            }
            let id = state.sets.root(state.order[place as usize]);
            let count = self.weight[place as usize];
            let near = &mut near[at];
            match near.unchanged.last_mut() {
                _ if id == wanted[at].id => {}
                _ if !state.unchanged[id as usize] => {
                    near.changed.push(Hit { entry: Candidate { id, count }, bounds });
                }
                Some(last) if last.entry.id == id => last.entry.count += count,
                _ => near.unchanged.push(Hit { entry: Candidate { id, count }, bounds }),
            }
        });
        wanted.iter().zip(&own).zip(near).map(|((of, own), near)| self.list(state, of, own, near)).collect()
    }

    /// A list of those clusters that are near as a whole.
    fn list(
        &self,
        state: &State,
        of: &CandidateRequest,
        own: &QueryCluster,
        near: NearClusters,
    ) -> (Candidates, u64) {
        let NearClusters { mut unchanged, mut changed } = near;
        changed.sort_unstable_by_key(|hit| hit.entry.id);
        unchanged.extend(changed.chunk_by(|a, b| a.entry.id == b.entry.id).map(|same| {
            let count = same.iter().map(|hit| hit.entry.count).sum();
            Hit { entry: Candidate { count, ..same[0].entry }, ..same[0] }
        }));
        let (mut list, mut compared) = (Candidates::empty(of.horizon), 0);
        for Hit { entry, bounds } in unchanged {
            if entry.count != state.sets.size(entry.id) {
                continue;
            }
            compared += u64::from(entry.count) * own.places.len() as u64;
            let bounds = if self.prefilter.has_bounds() && entry.count == 1 {
                self.within(own, bounds, of.horizon)
            } else {
                self.bounds(state, own, state.members(entry.id), of.horizon)
            };
            if let Some(bounds) = bounds {
                list.push(entry, bounds);
            }
        }
        list.shorten(of.most);
        (list, compared)
    }

    fn own(&self, state: &State, members: &[u32]) -> QueryCluster {
        let places = state.outermost(members, GROUP);
        QueryCluster { group: self.prefilter.group(&places), whole: places.len() == members.len(), places }
    }

    /// Bounds of the distance of two clusters; none where it is no less than `horizon`.
    fn bounds(&self, state: &State, own: &QueryCluster, others: &[u32], horizon: f64) -> Option<(f64, f64)> {
        if !self.prefilter.has_bounds() {
            let largest = self.exact_between(state, &own.places, others, horizon);
            return (largest < horizon).then_some((largest, own.most(largest)));
        }
        let limit = (self.space.reach(self.exact.metric(), horizon) as f32).next_up();
        let bounds = self.prefilter.across(&own.group, others, limit, None);
        if bounds.0 > limit { None } else { self.within(own, bounds, horizon) }
    }

    /// The same from those of |a − b|².
    fn within(&self, own: &QueryCluster, (low, high): (f32, f32), horizon: f64) -> Option<(f64, f64)> {
        let (least, most) = self.space.distances(self.exact.metric(), (f64::from(low), f64::from(high)));
        (least < horizon).then_some((least, own.most(most)))
    }

    /// Brings a list up to date with a cluster that has joined its owner.
    pub(super) fn raise(&self, state: &State, list: &mut Candidates, members: &[u32]) -> u64 {
        let own = self.own(state, members);
        let (horizon, mut compared) = (list.horizon, 0);
        list.raise(|id| {
            let others = state.members(id);
            compared += (others.len() * own.places.len()) as u64;
            self.bounds(state, &own, others, horizon)
        });
        compared
    }

    /// The largest distance across rows at some places, or one that is above `enough`.
    fn exact_between(&self, state: &State, places: &[u32], others: &[u32], enough: f64) -> f64 {
        let mut largest = 0.0_f64;
        for &x in places {
            for &y in others {
                largest = largest.max(self.exact.distance(state.order[x as usize], state.order[y as usize]));
                if largest > enough {
                    return largest;
                }
            }
        }
        largest
    }

    /// The largest distance across rows at some places, twice, if it is not above `enough`; else a lower bound that is,
    /// and an infinite one.
    pub(super) fn distance(&self, state: &State, own: &[u32], others: &[u32], enough: f64) -> (f64, f64) {
        let (few, many) = if own.len() <= others.len() { (own, others) } else { (others, own) };
        let done = |largest: f64| (largest, if largest > enough { f64::INFINITY } else { largest });
        if few.len() * many.len() <= FEW || !self.prefilter.has_bounds() {
            return done(self.exact_between(state, few, many, enough));
        }
        let metric = self.exact.metric();
        let limit = (self.space.reach(metric, enough) as f32).next_up();
        // The outermost rows often decide.
        let few = &*state.outermost_first(few, few.len());
        let many = &*state.outermost_first(many, PROBE);
        let mut each = vec![0.0_f32; many.len()];
        let part = |(many, each): (&[u32], &mut [f32])| {
            self.prefilter.across_all(few, many, limit, each, &mut Group::default())
        };
        let low = if few.len() * many.len() < LARGE {
            part((many, &mut each))
        } else {
            // The first ones by themselves.
            let (probe, rest) = many.split_at(PROBE);
            let (each_of_probe, each) = each.split_at_mut(PROBE);
            let low = part((probe, each_of_probe));
            if low > limit {
                low
            } else {
                let parts = rest.par_chunks(PART).zip(each.par_chunks_mut(PART)).map(part);
                parts.reduce(|| low, f32::max)
            }
        };
        if low > limit {
            let least = self.space.distances(metric, (f64::from(low), f64::INFINITY)).0;
            // Above `enough`, whatever the rounding on the way back.
            return (least.max(enough.next_up()), f64::INFINITY);
        }
        // Pairs that may be the farthest, each with how far they may be.
        let low = f64::from(low);
        let mut may: Vec<(f64, u32, u32)> = Vec::new();
        for (&y, _) in many.iter().zip(&each).filter(|(_, most)| f64::from(**most) >= low) {
            for &x in few {
                let (_, most) = self.prefilter.bounds(x, y);
                if most >= low {
                    may.push((most, x, y));
                }
            }
        }
        may.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let (mut largest, mut below) = (0.0_f64, low);
        for &(most, x, y) in &may {
            if most < below || largest > enough {
                break;
            }
            let distance = self.exact.distance(state.order[x as usize], state.order[y as usize]);
            if distance > largest {
                largest = distance;
                below = below.max(self.space.surely(metric, largest));
            }
        }
        done(largest)
    }
}

/// How far each row of an order lies from the mean of those it ends up with, of which there are so many each time.
pub(super) fn out(exact: &ExactDistance, order: &[u32], sizes: &[u32]) -> Vec<f32> {
    let mut rest = order;
    let mut clusters: Vec<&[u32]> = Vec::with_capacity(sizes.len());
    for &size in sizes {
        let (own, others) = rest.split_at(size as usize);
        clusters.push(own);
        rest = others;
    }
    let of = |clusters: &[&[u32]]| clusters.iter().flat_map(|rows| out_of_one(exact, rows)).collect();
    let chunks: Vec<Vec<f32>> = clusters.par_chunks(CHUNK).map(of).collect();
    chunks.concat()
}

fn out_of_one(exact: &ExactDistance, rows: &[u32]) -> Vec<f32> {
    if rows.len() < 3 {
        return vec![0.0; rows.len()];
    }
    let all = exact.rows();
    let mut mean = vec![0.0_f32; all.dim()];
    for &row in rows {
        let factor = unit_factor(exact, row) as f32;
        mean.iter_mut().zip(all.row(row as usize)).for_each(|(m, x)| *m += factor * x);
    }
    let count = rows.len() as f32;
    mean.iter_mut().for_each(|m| *m /= count);
    let far = |&row: &u32| {
        let factor = unit_factor(exact, row) as f32;
        let mut sums = [0.0_f32; 8];
        let (x, m) = (all.row(row as usize).as_chunks::<8>(), mean.as_chunks::<8>());
        for (x, m) in x.0.iter().zip(m.0) {
            for k in 0..8 {
                sums[k] += (factor * x[k] - m[k]) * (factor * x[k] - m[k]);
            }
        }
        let rest: f32 = x.1.iter().zip(m.1).map(|(x, m)| (factor * x - m).powi(2)).sum();
        sums.iter().sum::<f32>() + rest
    };
    rows.iter().map(far).collect()
}
