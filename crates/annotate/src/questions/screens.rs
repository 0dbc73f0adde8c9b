//! Selection of the next screen.

use super::Queue;
use super::candidate_graph::Edge;
use super::progress::Score;

/// How a question is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Two people: the same or different?
    Pair,
    /// One person, always on the left, and candidates; those that are the same are marked.
    Group,
    /// Pairs that are very likely the same; those that are not are marked.
    Sweep,
}

impl Form {
    /// Its name on the page.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pair => "pair",
            Self::Group => "group",
            Self::Sweep => "sweep",
        }
    }
}

/// Two people to be compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The smallest cluster of one person or, for an answer asked again, the cluster which that answer named.
    pub left: u32,
    /// The other.
    pub right: u32,
    /// Cosine distance of their means, now.
    pub distance: f64,
    /// Probability that they are one person.
    pub probability: f64,
    /// The earlier answer that is doubted, if this is asked again. An opposite answer should offer to undo
    /// the earlier one.
    pub again: Option<usize>,
}

/// A screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// How it is presented.
    pub form: Form,
    /// One pair for [`Form::Pair`], several otherwise; the largest gain first. No person is twice in a sweep.
    pub pairs: Vec<Pair>,
    /// Expected gain in pairwise F, 0 to 1.
    pub gain: f64,
    /// Expected seconds.
    pub seconds: f64,
}

impl Question {
    /// Number of people shown, for [`TimedScreen`](super::TimedScreen).
    #[must_use]
    pub fn people_shown(&self) -> u32 {
        let pairs = self.pairs.len() as u32;
        if self.form == Form::Group { 1 + pairs } else { 2 * pairs }
    }

    /// Gain in F per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.gain / self.seconds
    }
}

/// Pairs scanned, those with the largest gain first, to choose the person of a group and the pairs of a
/// sweep.
const MAX_PAIRS_SCANNED: usize = 512;
/// People tried as the person of a group.
const MAX_HOSTS: usize = 8;
/// A pair is added to a screen if its gain pays for its people at this fraction of the screen's rate: it
/// would otherwise need a screen of its own later.
const MIN_RATE_RATIO: f64 = 0.15;

impl Queue {
    /// The screen with the largest gain per second, of any form; `None` when there is nothing to ask. People
    /// of the clusters in `exclude` are left out: those on someone else's screen or, to prepare the next
    /// screen, on this one.
    ///
    /// Like the other methods, panics if `exclude` names a cluster that does not exist.
    pub fn next(&mut self, exclude: &[u32]) -> Option<Question> {
        let forms = [
            self.next_pair(exclude),
            self.next_group(self.settings.group, exclude),
            self.next_sweep(self.settings.sweep, exclude),
        ];
        // On a tie the simpler form wins.
        forms
            .into_iter()
            .flatten()
            .reduce(|best, q| if q.rate() > best.rate() * 1.000_001 { q } else { best })
    }

    /// Whether no screen is worth its time, by [`Settings::enough`](super::Settings::enough).
    pub fn is_done(&mut self) -> bool {
        let enough = self.settings.enough;
        self.next(&[]).is_none_or(|q| q.rate() < enough)
    }

    /// The pair with the largest gain: a new one, or an answer to be asked again.
    pub fn next_pair(&mut self, exclude: &[u32]) -> Option<Question> {
        self.propagate();
        let exclude = self.people_of(exclude);
        let score = self.score();
        let seconds = self.settings.time_model.pair();
        let new = self.graph.gain.descending().find(|&id| !self.is_excluded(&exclude, id)).map(|id| {
            let gain = score.with(self.graph.gain.get(id));
            Question { form: Form::Pair, pairs: vec![self.pair(id)], gain, seconds }
        });
        let again = self.doubted(&exclude).map(|(id, pairs)| {
            let join = self.graph.merges.all[id];
            let again = Some(join.answer as usize);
            let pair = Pair {
                left: join.a,
                right: join.b,
                distance: join.distance,
                probability: 1.0 - join.wrong,
                again,
            };
            Question { form: Form::Pair, pairs: vec![pair], gain: score.without(pairs), seconds }
        });
        [new, again].into_iter().flatten().reduce(|a, b| if b.gain > a.gain { b } else { a })
    }

    /// One person and at most `most` candidates.
    pub fn next_group(&mut self, most: usize, exclude: &[u32]) -> Option<Question> {
        self.propagate();
        let exclude = self.people_of(exclude);
        let mut hosts: Vec<u32> = Vec::new();
        for id in self.graph.gain.descending().take(MAX_PAIRS_SCANNED) {
            let Edge { a, b, votes, .. } = self.graph.edges[id];
            for host in [a, b] {
                if votes == 0 && hosts.len() < MAX_HOSTS && !hosts.contains(&host) && !exclude.contains(&host)
                {
                    hosts.push(host);
                }
            }
            if hosts.len() >= MAX_HOSTS {
                break;
            }
        }
        let score = self.score();
        let groups = hosts.into_iter().filter_map(|host| self.group(host, most, &exclude, &score));
        groups.reduce(|best, q| if q.rate() > best.rate() { q } else { best })
    }

    /// At most `most` very likely pairs.
    pub fn next_sweep(&mut self, most: usize, exclude: &[u32]) -> Option<Question> {
        self.propagate();
        let exclude = self.people_of(exclude);
        let (score, time_model, sure) = (self.score(), self.settings.time_model, self.settings.sure);
        let mut taken: Vec<u32> = Vec::new();
        let (mut pairs, mut gained, mut wrong) = (Vec::new(), 0.0, 0.0);
        for id in self.graph.gain.descending().take(MAX_PAIRS_SCANNED) {
            let e = self.graph.edges[id];
            if e.votes != 0 || self.is_excluded(&exclude, id) || taken.contains(&e.a) || taken.contains(&e.b)
            {
                continue;
            }
            let (pair, gain) = (self.pair(id), self.graph.gain.get(id));
            let rate = gained / time_model.sweep(pairs.len(), wrong);
            if pairs.len() >= most || gain < MIN_RATE_RATIO * rate * 2.0 * time_model.per_person {
                break;
            }
            if pair.probability >= sure {
                taken.extend([e.a, e.b]);
                gained += gain;
                wrong += 1.0 - pair.probability;
                pairs.push(pair);
            }
        }
        let seconds = time_model.sweep(pairs.len(), wrong);
        (!pairs.is_empty()).then(|| Question { form: Form::Sweep, gain: score.with(gained), pairs, seconds })
    }

    fn group(&self, host: u32, most: usize, exclude: &[u32], score: &Score) -> Option<Question> {
        let time_model = self.settings.time_model;
        let open = |id: usize, e: &Edge| self.graph.gain.get(id) > 0.0 && e.votes == 0;
        let mut around: Vec<(f64, usize, u32)> = self
            .graph
            .around(host)
            .filter(|&(id, e, other)| open(id, e) && !exclude.contains(&other))
            .map(|(id, _, other)| (self.graph.gain.get(id), id, other))
            .collect();
        let order = |a: &(f64, usize, u32), b: &(f64, usize, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        let enough = 4 * most;
        if around.len() > enough {
            around.select_nth_unstable_by(enough, order);
            around.truncate(enough);
        }
        around.sort_unstable_by(order);
        let (mut pairs, mut gained, mut same) = (Vec::<Pair>::new(), 0.0, 0.0);
        // A candidate that is the same adds its faces to those that the next one is compared with.
        let mut faces = f64::from(self.graph.size(host));
        let alone = faces;
        for (gain, id, other) in around {
            let gain = gain * faces / alone;
            let rate = gained / time_model.group(pairs.len(), same);
            if pairs.len() >= most || gain < MIN_RATE_RATIO * rate * time_model.per_person {
                break;
            }
            // Two people who cannot be one cannot both be the person of the group.
            if self
                .graph
                .around(other)
                .any(|(_, e, third)| (e.cannot_link || e.votes < 0) && pairs.iter().any(|p| p.right == third))
            {
                continue;
            }
            let pair = self.pair(id);
            gained += gain;
            same += pair.probability;
            faces += pair.probability * f64::from(self.graph.size(other));
            pairs.push(Pair { left: host, right: other, ..pair });
        }
        let seconds = time_model.group(pairs.len(), same);
        (!pairs.is_empty()).then(|| Question { form: Form::Group, gain: score.with(gained), pairs, seconds })
    }

    /// The merge most worth asking again, and the face pairs that it is expected to separate.
    fn doubted(&self, exclude: &[u32]) -> Option<(usize, f64)> {
        let all = self.graph.merges.all.iter().enumerate();
        // An answer confirmed twice is not asked again; one contradicted twice should be undone instead.
        let open =
            all.filter(|(_, j)| (0..=2).contains(&j.votes) && !exclude.contains(&self.graph.person(j.a)));
        open.map(|(id, j)| (id, j.wrong * j.pairs))
            .filter(|&(_, pairs)| pairs > 0.0)
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
    }

    fn people_of(&self, clusters: &[u32]) -> Vec<u32> {
        clusters.iter().map(|&c| self.graph.person(c)).collect()
    }

    fn is_excluded(&self, exclude: &[u32], id: usize) -> bool {
        let e = &self.graph.edges[id];
        exclude.contains(&e.a) || exclude.contains(&e.b)
    }

    fn pair(&self, id: usize) -> Pair {
        let e = &self.graph.edges[id];
        let probability = self.graph.probability(&self.model, e, self.settings.error);
        let again = if e.votes < 0 { self.last_different(e.a, e.b) } else { None };
        Pair { left: e.a, right: e.b, distance: e.distance, probability, again }
    }

    /// The last answer "different" for two people.
    fn last_different(&self, a: u32, b: u32) -> Option<usize> {
        self.answers.iter().rposition(|g| match g.answer.kind {
            super::AnswerKind::Different(x, y) if !g.taken_back => {
                let (x, y) = (self.graph.person(x), self.graph.person(y));
                (x.min(y), x.max(y)) == (a, b)
            }
            _ => false,
        })
    }
}
