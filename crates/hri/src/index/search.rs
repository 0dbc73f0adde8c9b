//! Who is nearest.

use rayon::prelude::*;

use super::Index;
use crate::look::kernel::{PANEL, TOGETHER};
use crate::look::{Aim, Look, Row, Scaled, Scratch, reach};
use crate::wide::{dot, widen};
use crate::{Label, Match, Metric};

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
        let mut limit = best.limit();
        let mut asked = look.asked(aim, self.reach(look, limit));
        while let Some((panel, hits)) = look.scan(self.isa, from, asked) {
            passed += hits.count_ones();
            self.examine_all(query, panel, hits, best);
            if best.limit() < limit {
                limit = best.limit();
                asked = look.asked(aim, self.reach(look, limit));
            }
            from = panel + 1;
        }
        self.tally.count(1, passed.into());
    }

    fn reach(&self, look: &Look, limit: f64) -> f64 {
        reach(self.people.metric, self.settings.dim(), look.space.scale, limit)
    }

    fn examine_all(&self, query: &Query, panel: usize, hits: u64, best: &mut impl Best) {
        let places = |mut hits: u64| {
            std::iter::from_fn(move || {
                let lane = hits.trailing_zeros() as usize;
                hits &= hits.wrapping_sub(1);
                (lane < PANEL).then_some(panel * PANEL + lane)
            })
        };
        if hits.count_ones() > 1 {
            places(hits).for_each(|place| self.bytes.prefetch(place));
        }
        places(hits).for_each(|place| self.examine(query, place, best));
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
        for panel in 0..look.panels() {
            let hits = look.tile(self.isa, panel, asked);
            for (k, &hits) in hits.iter().enumerate().filter(|(_, hits)| **hits != 0) {
                passed += u64::from(hits.count_ones());
                let limit = bests[k].limit;
                let best = &mut bests[k];
                self.examine_all(&queries[k], panel, hits, best);
                if let Some(aim) = &queries[k].aim
                    && best.limit < limit
                {
                    asked[k] = look.asked(aim, self.reach(look, best.limit));
                }
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
