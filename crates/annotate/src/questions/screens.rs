//! Which questions go onto the next screen.

use super::Queue;
use super::board::Edge;
use super::progress::Score;

/// How questions are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Two people: one or two?
    Pair,
    /// One person, always left, and others who may be the same: marked are those that are.
    Group,
    /// Pairs of people who are surely the same: marked are those that are not.
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
    /// Their smallest clusters, or, where an answer is asked for again that made one person of them, those
    /// that it named.
    pub left: u32,
    /// The other.
    pub right: u32,
    /// Cosine distance of their means, now.
    pub distance: f64,
    /// How likely they are one person.
    pub chance: f64,
    /// The answer that is doubted, where the question was answered. Whoever says otherwise now should be
    /// asked whether the earlier answer is to be taken back.
    pub again: Option<usize>,
}

/// A screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// How it is put.
    pub form: Form,
    /// One of [`Form::Pair`], up to the most of the others, what gains most first. No person is in two of a
    /// sweep.
    pub pairs: Vec<Pair>,
    /// By how much pairwise F is expected to rise, 0 to 1.
    pub gain: f64,
    /// How long it is expected to take.
    pub seconds: f64,
}

impl Question {
    /// People looked at, for [`Timed`](super::Timed).
    #[must_use]
    pub fn looks(&self) -> u32 {
        let pairs = self.pairs.len() as u32;
        if self.form == Form::Group { 1 + pairs } else { 2 * pairs }
    }

    /// Gain in F per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.gain / self.seconds
    }
}

/// Pairs, the most worth first, whose people may be the one of a group, and that a sweep is chosen from.
const LOOKED_AT: usize = 512;
/// People who may be the one of a group.
const HOSTS: usize = 8;
/// A pair joins a screen when it pays for its looks at this part of the screen's rate: it would else be asked
/// by itself later, and cost a screen of its own.
const PAYS: f64 = 0.15;

impl Queue {
    /// The screen with the greatest gain per second, of any form; none where nothing is left to ask. People
    /// of the clusters `leave` are left alone: those on a screen of someone else, or on this one, to have the
    /// next ready.
    ///
    /// Panics, as the others do, where `leave` names a cluster that is not there.
    pub fn next(&mut self, leave: &[u32]) -> Option<Question> {
        let forms = [
            self.next_pair(leave),
            self.next_group(self.settings.group, leave),
            self.next_sweep(self.settings.sweep, leave),
        ];
        // The first of equals: the simpler form.
        forms
            .into_iter()
            .flatten()
            .reduce(|best, q| if q.rate() > best.rate() * 1.000_001 { q } else { best })
    }

    /// Whether no screen is worth its time any more, by [`Settings::enough`](super::Settings::enough).
    pub fn is_done(&mut self) -> bool {
        let enough = self.settings.enough;
        self.next(&[]).is_none_or(|q| q.rate() < enough)
    }

    /// The pair with the greatest gain: a new one, or an answer to be asked for again.
    pub fn next_pair(&mut self, leave: &[u32]) -> Option<Question> {
        self.settle();
        let leave = self.people_of(leave);
        let score = self.score();
        let seconds = self.settings.pace.pair();
        let new = self.board.worth.descending().find(|&id| !self.is_left(&leave, id)).map(|id| {
            let gain = score.with(self.board.worth.get(id));
            Question { form: Form::Pair, pairs: vec![self.pair(id)], gain, seconds }
        });
        let again = self.doubted(&leave).map(|(id, pairs)| {
            let join = self.board.joins.all[id];
            let again = Some(join.answer as usize);
            let pair = Pair {
                left: join.a,
                right: join.b,
                distance: join.distance,
                chance: 1.0 - join.wrong,
                again,
            };
            Question { form: Form::Pair, pairs: vec![pair], gain: score.without(pairs), seconds }
        });
        [new, again].into_iter().flatten().reduce(|a, b| if b.gain > a.gain { b } else { a })
    }

    /// One person and at most `most` others.
    pub fn next_group(&mut self, most: usize, leave: &[u32]) -> Option<Question> {
        self.settle();
        let leave = self.people_of(leave);
        let mut hosts: Vec<u32> = Vec::new();
        for id in self.board.worth.descending().take(LOOKED_AT) {
            let Edge { a, b, votes, .. } = self.board.edges[id];
            for host in [a, b] {
                if votes == 0 && hosts.len() < HOSTS && !hosts.contains(&host) && !leave.contains(&host) {
                    hosts.push(host);
                }
            }
            if hosts.len() >= HOSTS {
                break;
            }
        }
        let score = self.score();
        let groups = hosts.into_iter().filter_map(|host| self.group(host, most, &leave, &score));
        groups.reduce(|best, q| if q.rate() > best.rate() { q } else { best })
    }

    /// At most `most` sure pairs.
    pub fn next_sweep(&mut self, most: usize, leave: &[u32]) -> Option<Question> {
        self.settle();
        let leave = self.people_of(leave);
        let (score, pace, sure) = (self.score(), self.settings.pace, self.settings.sure);
        let mut taken: Vec<u32> = Vec::new();
        let (mut pairs, mut gained, mut wrong) = (Vec::new(), 0.0, 0.0);
        for id in self.board.worth.descending().take(LOOKED_AT) {
            let e = self.board.edges[id];
            if e.votes != 0 || self.is_left(&leave, id) || taken.contains(&e.a) || taken.contains(&e.b) {
                continue;
            }
            let (pair, worth) = (self.pair(id), self.board.worth.get(id));
            let rate = gained / pace.sweep(pairs.len(), wrong);
            if pairs.len() >= most || worth < PAYS * rate * 2.0 * pace.look {
                break;
            }
            if pair.chance >= sure {
                taken.extend([e.a, e.b]);
                gained += worth;
                wrong += 1.0 - pair.chance;
                pairs.push(pair);
            }
        }
        let seconds = pace.sweep(pairs.len(), wrong);
        (!pairs.is_empty()).then(|| Question { form: Form::Sweep, gain: score.with(gained), pairs, seconds })
    }

    fn group(&self, host: u32, most: usize, leave: &[u32], score: &Score) -> Option<Question> {
        let pace = self.settings.pace;
        let open = |id: usize, e: &Edge| self.board.worth.get(id) > 0.0 && e.votes == 0;
        let mut around: Vec<(f64, usize, u32)> = self
            .board
            .around(host)
            .filter(|&(id, e, other)| open(id, e) && !leave.contains(&other))
            .map(|(id, _, other)| (self.board.worth.get(id), id, other))
            .collect();
        let order = |a: &(f64, usize, u32), b: &(f64, usize, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        let enough = 4 * most;
        if around.len() > enough {
            around.select_nth_unstable_by(enough, order);
            around.truncate(enough);
        }
        around.sort_unstable_by(order);
        let (mut pairs, mut gained, mut same) = (Vec::<Pair>::new(), 0.0, 0.0);
        // Who is the same adds to the faces that the next are compared with.
        let mut faces = f64::from(self.board.size(host));
        let alone = faces;
        for (worth, id, other) in around {
            let worth = worth * faces / alone;
            let rate = gained / pace.group(pairs.len(), same);
            if pairs.len() >= most || worth < PAYS * rate * pace.look {
                break;
            }
            // Two who are surely not one person cannot both be the same as the one.
            if self
                .board
                .around(other)
                .any(|(_, e, third)| (e.apart || e.votes < 0) && pairs.iter().any(|p| p.right == third))
            {
                continue;
            }
            let pair = self.pair(id);
            gained += worth;
            same += pair.chance;
            faces += pair.chance * f64::from(self.board.size(other));
            pairs.push(Pair { left: host, right: other, ..pair });
        }
        let seconds = pace.group(pairs.len(), same);
        (!pairs.is_empty()).then(|| Question { form: Form::Group, gain: score.with(gained), pairs, seconds })
    }

    /// The join that is most worth a second look, and the pairs that it is expected to take apart.
    fn doubted(&self, leave: &[u32]) -> Option<(usize, f64)> {
        let all = self.board.joins.all.iter().enumerate();
        // What was confirmed twice is not asked again, nor what was refused twice: that is to be taken back.
        let open =
            all.filter(|(_, j)| (0..=2).contains(&j.votes) && !leave.contains(&self.board.person(j.a)));
        open.map(|(id, j)| (id, j.wrong * j.pairs))
            .filter(|&(_, pairs)| pairs > 0.0)
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
    }

    fn people_of(&self, clusters: &[u32]) -> Vec<u32> {
        clusters.iter().map(|&c| self.board.person(c)).collect()
    }

    fn is_left(&self, leave: &[u32], id: usize) -> bool {
        let e = &self.board.edges[id];
        leave.contains(&e.a) || leave.contains(&e.b)
    }

    fn pair(&self, id: usize) -> Pair {
        let e = &self.board.edges[id];
        let chance = self.board.chance(&self.chance, e, self.settings.error);
        let again = if e.votes < 0 { self.last_different(e.a, e.b) } else { None };
        Pair { left: e.a, right: e.b, distance: e.distance, chance, again }
    }

    /// The last answer that two people are two.
    fn last_different(&self, a: u32, b: u32) -> Option<usize> {
        self.given.iter().rposition(|g| match g.answer.said {
            super::Said::Different(x, y) if !g.taken_back => {
                let (x, y) = (self.board.person(x), self.board.person(y));
                (x.min(y), x.max(y)) == (a, b)
            }
            _ => false,
        })
    }
}
