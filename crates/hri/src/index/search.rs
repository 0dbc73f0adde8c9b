//! Search for the nearest people: stage 1, stage 2, then distances in `f64`.

use rayon::prelude::*;
use streamface_kernels::dot::to_f64;
use streamface_kernels::dot_f64;
use streamface_kernels::four_bit::{Margins, PANEL, PanelQuery, TILE_QUERIES};

use super::Index;
use crate::prefilter::{ByteQuery, FourBitFilter, FourBitQuery, ScaledVector, Scratch, radius};
use crate::{Label, Match, Metric, Result};

/// When this many candidates of stage 1 are waiting they go to stage 2, which lowers the limit for the rest.
const MAX_WAITING: usize = 512;

/// A vector in the forms that the stages need.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) numbers: Vec<f64>,
    square: f64,
    /// One over the length for cosine, else 1.
    pub(super) factor: f64,
    bytes: ByteQuery,
    four_bit: Option<FourBitQuery>,
}

/// Candidates of stage 1: the margin by which each passed, and the slot.
#[derive(Debug, Default)]
struct Candidates(Vec<(f32, u32)>);

impl Candidates {
    fn add(&mut self, panel: usize, mut hits: u64, margins: &Margins) {
        while hits != 0 {
            let lane = hits.trailing_zeros() as usize;
            hits &= hits - 1;
            self.0.push((margins[lane], (panel * PANEL + lane) as u32));
        }
    }
}

/// Collects the best matches of a search.
trait Collector {
    /// The largest distance that can still change the result.
    fn limit(&self) -> f64;
    /// Takes a person at a distance of at most the limit.
    fn offer(&mut self, found: Match);
}

/// The nearest person within a distance; of equal distances the smallest label.
pub(super) struct Nearest {
    limit: f64,
    pub(super) found: Option<Match>,
}

impl Query {
    /// The squared length.
    pub(super) fn square(&self) -> f64 {
        self.square
    }
}

impl Collector for Nearest {
    fn limit(&self) -> f64 {
        self.limit
    }

    fn offer(&mut self, found: Match) {
        if self.found.is_none_or(|best| found.is_before(&best)) {
            self.limit = found.distance;
            self.found = Some(found);
        }
    }
}

/// The k nearest people, in order.
struct KNearest {
    k: usize,
    found: Vec<Match>,
}

impl Collector for KNearest {
    fn limit(&self) -> f64 {
        match self.found.get(self.k - 1) {
            Some(last) => last.distance,
            None => f64::INFINITY,
        }
    }

    fn offer(&mut self, found: Match) {
        let at = self.found.partition_point(|m| m.is_before(&found));
        self.found.insert(at, found);
        self.found.truncate(self.k);
    }
}

impl Match {
    fn is_before(&self, other: &Self) -> bool {
        self.distance.total_cmp(&other.distance).then(self.label.cmp(&other.label)).is_lt()
    }
}

impl Index {
    pub(super) fn query(&self, vector: &[f32], scratch: &mut Scratch) -> Query {
        let mut numbers = vec![0.0; vector.len()];
        to_f64(vector, &mut numbers);
        let square = dot_f64(&numbers, &numbers);
        let length = square.sqrt();
        let (factor, length) = match self.people.metric {
            Metric::Cosine => (1.0 / length, 1.0),
            Metric::Euclidean => (1.0, length),
        };
        let scaled = ScaledVector { numbers: &numbers, factor, length };
        let bytes = ByteQuery::new(scaled);
        let four_bit = self.four_bit_filter.as_ref().map(|filter| filter.query(scaled, scratch));
        Query { numbers, square, factor, bytes, four_bit }
    }

    /// The nearest person within the threshold.
    pub(super) fn find(&self, query: &Query) -> Option<Match> {
        let mut best = Nearest { limit: self.settings.threshold().value(), found: None };
        self.search_all(query, &mut best);
        best.found
    }

    /// The `k` nearest people.
    pub(super) fn find_k(&self, query: &Query, k: usize) -> Vec<Match> {
        let k = k.min(self.people_count());
        if k == 0 {
            return Vec::new();
        }
        let mut best = KNearest { k, found: Vec::with_capacity(k + 1) };
        self.search_all(query, &mut best);
        best.found
    }

    fn search_all(&self, query: &Query, best: &mut impl Collector) {
        let (Some(filter), Some(four_bit)) = (&self.four_bit_filter, &query.four_bit) else {
            // With few people all go to stage 2.
            (0..self.people.slots()).for_each(|slot| self.verify(query, slot, best));
            return;
        };
        let (mut from, mut passed) = (0, 0);
        let mut margins = [0.0; PANEL];
        let mut candidates = Candidates::default();
        let mut panel_query = filter.panel_query(four_bit, self.radius(filter, best.limit()));
        while let Some((panel, hits)) = filter.scan(self.isa, from, panel_query, &mut margins) {
            passed += hits.count_ones();
            candidates.add(panel, hits, &margins);
            if candidates.0.len() >= MAX_WAITING {
                panel_query = self.verify_all(filter, query, four_bit, panel_query, &mut candidates, best);
            }
            from = panel + 1;
        }
        self.verify_all(filter, query, four_bit, panel_query, &mut candidates, best);
        self.query_counts.add(1, passed.into());
    }

    fn radius(&self, filter: &FourBitFilter, limit: f64) -> f64 {
        let metric = self.people.metric;
        // No cosine distance exceeds 2, and the bound needs a finite limit.
        let limit = if metric == Metric::Cosine { limit.min(2.0) } else { limit };
        radius(metric, self.settings.dim(), filter.projection.scale, limit)
    }

    /// Sends the candidates to stage 2, those with the largest margin first, until the falling limit rules out the rest.
    /// Returns the test of stage 1 with the new limit.
    fn verify_all<'a>(
        &self,
        filter: &FourBitFilter,
        query: &Query,
        four_bit: &'a FourBitQuery,
        mut panel_query: PanelQuery<'a>,
        candidates: &mut Candidates,
        best: &mut impl Collector,
    ) -> PanelQuery<'a> {
        let largest_sum = (15 * 127 * panel_query.codes.len()) as f32;
        let first_cut = panel_query.cut;
        // The margin is relative to `first_cut`. Rounding changes it by a few units of 2⁻²⁴ of its terms.
        let may_pass = |margin: f32, cut: f32| {
            margin + (margin.abs() + cut.abs() + first_cut.abs() + largest_sum) / 1e6 >= cut - first_cut
                || first_cut.is_infinite()
        };
        let mut limit = best.limit();
        let mut verify = |slot: u32, panel_query: &mut PanelQuery<'a>| {
            self.verify(query, slot as usize, best);
            if best.limit() < limit {
                limit = best.limit();
                *panel_query = filter.panel_query(four_bit, self.radius(filter, limit));
            }
        };
        // The first candidate usually rules out nearly all others, so they need no sorting.
        let first = (0..candidates.0.len()).max_by(|&a, &b| candidates.0[a].0.total_cmp(&candidates.0[b].0));
        if let Some(first) = first {
            let (_, slot) = candidates.0.swap_remove(first);
            verify(slot, &mut panel_query);
            candidates.0.retain(|&(margin, _)| may_pass(margin, panel_query.cut));
        }
        candidates.0.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        candidates.0.iter().take(4).for_each(|&(_, slot)| self.byte_filter.prefetch(slot as usize));
        for &(margin, slot) in &candidates.0 {
            if !may_pass(margin, panel_query.cut) {
                break;
            }
            verify(slot, &mut panel_query);
        }
        candidates.0.clear();
        panel_query
    }

    /// Stage 2 for one person, and the distance in `f64` if the person passes.
    #[inline]
    fn verify(&self, query: &Query, slot: usize, best: &mut impl Collector) {
        let limit = best.limit();
        if !self.people.is_occupied(slot)
            || self.byte_filter.is_beyond(self.isa, self.people.metric, slot, &query.bytes, limit)
        {
            return;
        }
        let distance = self.people.distance(slot, &query.numbers, query.square);
        if distance <= limit {
            best.offer(Match { label: self.people.labels[slot], distance });
        }
    }

    /// [`find`](Self::find) for all rows, on all cores.
    pub(super) fn find_batch(&self, rows: &[f32]) -> Vec<Option<Match>> {
        let dim = self.settings.dim();
        let chunks = rows.par_chunks(dim * TILE_QUERIES * 4);
        let found = chunks.map_init(Scratch::default, |scratch, rows| {
            let queries: Vec<Query> = rows.chunks_exact(dim).map(|row| self.query(row, scratch)).collect();
            queries.chunks(TILE_QUERIES).flat_map(|few| self.find_tile(few)).collect::<Vec<_>>()
        });
        found.flatten_iter().collect()
    }

    /// [`find`](Self::find) for up to [`TILE_QUERIES`] queries, which share each read of stage 1.
    fn find_tile(&self, queries: &[Query]) -> Vec<Option<Match>> {
        let tile: Option<&[Query; TILE_QUERIES]> = queries.try_into().ok();
        let (Some(filter), Some(queries)) = (&self.four_bit_filter, tile) else {
            return queries.iter().map(|q| self.find(q)).collect();
        };
        let limit = self.settings.threshold().value();
        let mut bests = [(); TILE_QUERIES].map(|()| Nearest { limit, found: None });
        let radius = self.radius(filter, limit);
        let mut panel_queries = Vec::with_capacity(TILE_QUERIES);
        for query in queries {
            let Some(four_bit) = &query.four_bit else {
                return queries.iter().map(|q| self.find(q)).collect();
            };
            panel_queries.push(filter.panel_query(four_bit, radius));
        }
        let Ok(mut panel_queries) = <[_; TILE_QUERIES]>::try_from(panel_queries) else { return Vec::new() };
        let mut passed = 0;
        let mut margins = [[0.0; PANEL]; TILE_QUERIES];
        let mut candidates = [(); TILE_QUERIES].map(|()| Candidates::default());
        for panel in 0..filter.panels() {
            let hits = filter.tile(self.isa, panel, panel_queries, &mut margins);
            for (k, &hits) in hits.iter().enumerate().filter(|(_, hits)| **hits != 0) {
                passed += u64::from(hits.count_ones());
                candidates[k].add(panel, hits, &margins[k]);
                if candidates[k].0.len() >= MAX_WAITING
                    && let Some(four_bit) = &queries[k].four_bit
                {
                    panel_queries[k] = self.verify_all(
                        filter,
                        &queries[k],
                        four_bit,
                        panel_queries[k],
                        &mut candidates[k],
                        &mut bests[k],
                    );
                }
            }
        }
        for (k, query) in queries.iter().enumerate() {
            if let Some(four_bit) = &query.four_bit {
                self.verify_all(filter, query, four_bit, panel_queries[k], &mut candidates[k], &mut bests[k]);
            }
        }
        self.query_counts.add(TILE_QUERIES as u64, passed);
        bests.into_iter().map(|best| best.found).collect()
    }

    /// The result of [`search`](Self::search), by computing the distance to every person. It is slow and obvious, and serves
    /// as a reference for tests and benchmarks.
    ///
    /// O(people · dim).
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub fn flat_search(&self, vector: &[f32]) -> Result<Option<Match>> {
        self.check(vector)?;
        let mut numbers = vec![0.0; vector.len()];
        to_f64(vector, &mut numbers);
        let square = dot_f64(&numbers, &numbers);
        let mut best: Option<(f64, Label)> = None;
        for slot in (0..self.people.slots()).filter(|&slot| self.people.is_occupied(slot)) {
            let this = (self.people.distance(slot, &numbers, square), self.people.labels[slot]);
            if this.0 <= self.settings.threshold().value() && best.is_none_or(|best| this < best) {
                best = Some(this);
            }
        }
        Ok(best.map(|(distance, label)| Match { label, distance }))
    }
}

#[cfg(test)]
mod tests {
    use streamface_kernels::{Isa, SplitMix64};

    use super::*;
    use crate::{Settings, Threshold, To};

    /// The result does not depend on the processor or on the directions.
    #[test]
    fn every_instruction_set_finds_the_same() {
        let (dim, people) = (72, 700);
        let mut random = SplitMix64::new(4);
        for metric in [Metric::Cosine, Metric::Euclidean] {
            let threshold = Threshold::new(metric, 0.5).unwrap();
            let mut index = Index::new(Settings::new(dim, threshold).unwrap());
            // Most variance lies in a few directions, so that training finds them.
            let mut draw = |by: f64| -> Vec<f32> {
                (0..dim).map(|k| ((random.uniform() - 0.5) * by * (-(k as f64) / 9.0).exp()) as f32).collect()
            };
            let centres: Vec<Vec<f32>> = (0..people).map(|_| draw(2.0)).collect();
            for (id, row) in centres.iter().enumerate() {
                index.insert_to(row, id as u64, To::New).unwrap();
            }
            index.refresh();
            assert!(index.stats().filter_trained);
            let mut queries = Vec::new();
            for centre in centres.iter().take(203) {
                let noise = draw(0.4);
                queries.extend(centre.iter().zip(noise).map(|(c, n)| c + n));
            }
            let flat: Vec<_> = queries.chunks(dim).map(|q| index.flat_search(q).unwrap()).collect();
            assert!(flat.iter().flatten().count() > 150);
            for isa in Isa::available() {
                index.isa = isa;
                let found: Vec<_> = queries.chunks(dim).map(|q| index.search(q).unwrap()).collect();
                assert_eq!(found, flat, "{isa:?}");
                assert_eq!(index.search_batch(&queries).unwrap(), flat, "{isa:?}");
            }
        }
    }
}
