//! Who is nearest.

use rayon::prelude::*;

use super::Index;
use crate::look::kernel::{Asked, Over, PANEL, TOGETHER};
use crate::look::{Aim, Look, Row, Scaled, Scratch, reach};
use crate::wide::{dot, widen};
use crate::{Label, Match, Metric};

/// So many who passed the first look are given the second, before more are looked for.
const MANY: usize = 512;

/// A vector, made ready for everything that is asked of it.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) numbers: Vec<f64>,
    square: f64,
    /// For its direction under cosine.
    pub(super) factor: f64,
    row: Row,
    aim: Option<Aim>,
}

/// Who passed the first look: by how much, and the place.
#[derive(Debug, Default)]
struct Passers(Vec<(f32, u32)>);

impl Passers {
    fn add(&mut self, panel: usize, mut hits: u64, over: &Over) {
        while hits != 0 {
            let lane = hits.trailing_zeros() as usize;
            hits &= hits - 1;
            self.0.push((over[lane], (panel * PANEL + lane) as u32));
        }
    }
}

/// What is wanted.
trait Best {
    /// The largest distance that is of interest.
    fn limit(&self) -> f64;
    /// A person at no more than that.
    fn offer(&mut self, found: Match);
}

/// The nearest within a distance; of several the one with the smallest label.
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

impl Best for Nearest {
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

/// The k nearest, in order.
struct Several {
    most: usize,
    found: Vec<Match>,
}

impl Best for Several {
    fn limit(&self) -> f64 {
        match self.found.get(self.most - 1) {
            Some(last) => last.distance,
            None => f64::INFINITY,
        }
    }

    fn offer(&mut self, found: Match) {
        let at = self.found.partition_point(|m| m.is_before(&found));
        self.found.insert(at, found);
        self.found.truncate(self.most);
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
        widen(vector, &mut numbers);
        let square = dot(&numbers, &numbers);
        let length = square.sqrt();
        let (factor, length) = match self.people.metric {
            Metric::Cosine => (1.0 / length, 1.0),
            Metric::Euclidean => (1.0, length),
        };
        let scaled = Scaled { numbers: &numbers, factor, length };
        let row = Row::new(scaled);
        let aim = self.look.as_ref().map(|look| look.aim(scaled, scratch));
        Query { numbers, square, factor, row, aim }
    }

    /// The nearest person within the threshold.
    pub(super) fn find(&self, query: &Query) -> Option<Match> {
        let mut best = Nearest { limit: self.settings.threshold().value(), found: None };
        self.look_through(query, &mut best);
        best.found
    }

    /// The nearest `k` people.
    pub(super) fn find_several(&self, query: &Query, k: usize) -> Vec<Match> {
        let most = k.min(self.people_count());
        if most == 0 {
            return Vec::new();
        }
        let mut best = Several { most, found: Vec::with_capacity(most + 1) };
        self.look_through(query, &mut best);
        best.found
    }

    fn look_through(&self, query: &Query, best: &mut impl Best) {
        let (Some(look), Some(aim)) = (&self.look, &query.aim) else {
            // Few people are looked at one by one.
            (0..self.people.places()).for_each(|place| self.examine(query, place, best));
            return;
        };
        let (mut from, mut passed) = (0, 0);
        let mut over = [0.0; PANEL];
        let mut passers = Passers::default();
        let mut asked = look.asked(aim, self.reach(look, best.limit()));
        while let Some((panel, hits)) = look.scan(self.isa, from, asked, &mut over) {
            passed += hits.count_ones();
            passers.add(panel, hits, &over);
            if passers.0.len() >= MANY {
                asked = self.examine_all(look, query, aim, asked, &mut passers, best);
            }
            from = panel + 1;
        }
        self.examine_all(look, query, aim, asked, &mut passers, best);
        self.tally.count(1, passed.into());
    }

    fn reach(&self, look: &Look, limit: f64) -> f64 {
        let metric = self.people.metric;
        // Nothing is farther, and of infinity nothing is more or less.
        let limit = if metric == Metric::Cosine { limit.min(2.0) } else { limit };
        reach(metric, self.settings.dim(), look.space.scale, limit)
    }

    /// Gives all who passed the second look, those first whose bound is lowest, until the limit that they bring down
    /// rules out the rest. What is asked from then on.
    fn examine_all<'a>(
        &self,
        look: &Look,
        query: &Query,
        aim: &'a Aim,
        mut asked: Asked<'a>,
        passers: &mut Passers,
        best: &mut impl Best,
    ) -> Asked<'a> {
        let sum = (15 * 127 * asked.numbers.len()) as f32;
        let before = asked.cut;
        // Rounding leaves `over` off by some parts of 2²⁴ of what it is the difference of; no sum is above `sum`.
        let may_be = |over: f32, cut: f32| {
            over + (over.abs() + cut.abs() + before.abs() + sum) / 1e6 >= cut - before || before.is_infinite()
        };
        let mut limit = best.limit();
        let mut examine = |place: u32, asked: &mut Asked<'a>| {
            self.examine(query, place as usize, best);
            if best.limit() < limit {
                limit = best.limit();
                *asked = look.asked(aim, self.reach(look, limit));
            }
        };
        // The first mostly rules out nearly all others, and spares sorting them.
        let first = (0..passers.0.len()).max_by(|&a, &b| passers.0[a].0.total_cmp(&passers.0[b].0));
        if let Some(first) = first {
            let (_, place) = passers.0.swap_remove(first);
            examine(place, &mut asked);
            passers.0.retain(|&(over, _)| may_be(over, asked.cut));
        }
        passers.0.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        passers.0.iter().take(4).for_each(|&(_, place)| self.bytes.prefetch(place as usize));
        for &(over, place) in &passers.0 {
            if !may_be(over, asked.cut) {
                break;
            }
            examine(place, &mut asked);
        }
        passers.0.clear();
        asked
    }

    /// The second look, and the distance that decides.
    #[inline]
    fn examine(&self, query: &Query, place: usize, best: &mut impl Best) {
        let limit = best.limit();
        if !self.people.is_there(place)
            || self.bytes.is_beyond(self.isa, self.people.metric, place, &query.row, limit)
        {
            return;
        }
        let distance = self.people.distance(place, &query.numbers, query.square);
        if distance <= limit {
            best.offer(Match { label: self.people.labels[place], distance });
        }
    }

    /// What [`find`](Self::find) finds, of all rows.
    pub(super) fn find_batch(&self, rows: &[f32]) -> Vec<Option<Match>> {
        let dim = self.settings.dim();
        let chunks = rows.par_chunks(dim * TOGETHER * 4);
        let found = chunks.map_init(Scratch::default, |scratch, rows| {
            let queries: Vec<Query> = rows.chunks_exact(dim).map(|row| self.query(row, scratch)).collect();
            queries.chunks(TOGETHER).flat_map(|few| self.find_together(few)).collect::<Vec<_>>()
        });
        found.flatten_iter().collect()
    }

    fn find_together(&self, queries: &[Query]) -> Vec<Option<Match>> {
        let four: Option<&[Query; TOGETHER]> = queries.try_into().ok();
        let (Some(look), Some(queries)) = (&self.look, four) else {
            return queries.iter().map(|q| self.find(q)).collect();
        };
        let limit = self.settings.threshold().value();
        let mut bests = [(); TOGETHER].map(|()| Nearest { limit, found: None });
        let reach = self.reach(look, limit);
        let mut asked = Vec::with_capacity(TOGETHER);
        for query in queries {
            let Some(aim) = &query.aim else { return queries.iter().map(|q| self.find(q)).collect() };
            asked.push(look.asked(aim, reach));
        }
        let Ok(mut asked) = <[_; TOGETHER]>::try_from(asked) else { return Vec::new() };
        let mut passed = 0;
        let mut over = [[0.0; PANEL]; TOGETHER];
        let mut passers = [(); TOGETHER].map(|()| Passers::default());
        for panel in 0..look.panels() {
            let hits = look.tile(self.isa, panel, asked, &mut over);
            for (k, &hits) in hits.iter().enumerate().filter(|(_, hits)| **hits != 0) {
                passed += u64::from(hits.count_ones());
                passers[k].add(panel, hits, &over[k]);
                if passers[k].0.len() >= MANY
                    && let Some(aim) = &queries[k].aim
                {
                    asked[k] =
                        self.examine_all(look, &queries[k], aim, asked[k], &mut passers[k], &mut bests[k]);
                }
            }
        }
        for (k, query) in queries.iter().enumerate() {
            if let Some(aim) = &query.aim {
                self.examine_all(look, query, aim, asked[k], &mut passers[k], &mut bests[k]);
            }
        }
        self.tally.count(TOGETHER as u64, passed);
        bests.into_iter().map(|best| best.found).collect()
    }

    /// What [`search`](Self::search) finds, by measuring the distance to every person: slow, obvious, and the same.
    ///
    /// O(people · dim).
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub fn flat_search(&self, vector: &[f32]) -> Result<Option<Match>, crate::Error> {
        self.check(vector)?;
        let mut numbers = vec![0.0; vector.len()];
        widen(vector, &mut numbers);
        let square = dot(&numbers, &numbers);
        let mut best: Option<(f64, Label)> = None;
        for place in (0..self.people.places()).filter(|&p| self.people.is_there(p)) {
            let this = (self.people.distance(place, &numbers, square), self.people.labels[place]);
            if this.0 <= self.settings.threshold().value() && best.is_none_or(|best| this < best) {
                best = Some(this);
            }
        }
        Ok(best.map(|(distance, label)| Match { label, distance }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::kernel::Isa;
    use crate::random::Random;
    use crate::{Settings, Threshold, To};

    /// Whatever the processor, and whatever the directions.
    #[test]
    fn every_instruction_set_finds_the_same() {
        let (dim, people) = (72, 700);
        let mut random = Random::new(4);
        for metric in [Metric::Cosine, Metric::Euclidean] {
            let threshold = Threshold::new(metric, 0.5).unwrap();
            let mut index = Index::new(Settings::new(dim, threshold).unwrap());
            // Energy falls off, so that directions are learnt.
            let mut draw = |by: f64| -> Vec<f32> {
                (0..dim).map(|k| ((random.uniform() - 0.5) * by * (-(k as f64) / 9.0).exp()) as f32).collect()
            };
            let centres: Vec<Vec<f32>> = (0..people).map(|_| draw(2.0)).collect();
            for (id, row) in centres.iter().enumerate() {
                index.insert_to(row, id as u64, To::New).unwrap();
            }
            index.refresh();
            assert!(index.stats().learnt);
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
