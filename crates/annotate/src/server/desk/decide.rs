//! Questions out, answers in.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use streamface_types::FaceId;

use super::{Desk, Error, state};
use crate::questions;
use crate::server::view::{
    Answer, Ask, Candidate, Decided, Finalized, PersonView, Problem, Question, SHOWN, Way,
};
use crate::{Decision, Refusal, Verdict, What};

/// Most questions in one reply.
const MOST: usize = 50;

/// How long people are left to the window that asks about them.
const HELD: Duration = Duration::from_secs(120);

/// Whom a window asks about.
pub(super) struct Held {
    tab: u32,
    since: Instant,
    /// A face of each.
    faces: Vec<u32>,
}

/// A screen's pairs, as people.
struct Screen {
    pairs: Vec<(u32, u32, questions::Pair)>,
}

impl Desk {
    pub(super) fn ask(&mut self, ask: Ask) -> Result<Vec<Question>, Error> {
        let count = ask.count.unwrap_or(2).clamp(1, MOST);
        let shown = ask.shown.unwrap_or(SHOWN).clamp(1, SHOWN);
        let mut leave = self.held_by_others(ask.tab)?;
        let mut screens = self.screens(ask, count, &mut leave)?;
        if screens.is_empty() && !leave.is_empty() {
            // Better the same as another than nothing.
            screens = self.screens(ask, count, &mut Vec::new())?;
        }
        if ask.tab != 0 {
            self.held.retain(|held| held.tab != ask.tab);
            let faces = screens.iter().flat_map(|s| &s.pairs).flat_map(|&(a, b, _)| [a, b]);
            let faces = faces.filter_map(|person| self.people.faces_of(person).first().copied()).collect();
            self.held.push(Held { tab: ask.tab, since: Instant::now(), faces });
        }
        screens.iter().map(|screen| self.view(ask.way, screen, shown)).collect()
    }

    fn screens(&mut self, ask: Ask, count: usize, leave: &mut Vec<u32>) -> Result<Vec<Screen>, Error> {
        let mut found = Vec::new();
        // What people know and the queue does not is passed over; there is little of it.
        for _ in 0..count + MOST {
            let Some(screen) = self.next(ask, leave)? else { break };
            if !screen.pairs.is_empty() {
                found.push(screen);
            }
            if found.len() == count {
                break;
            }
        }
        Ok(found)
    }

    /// The queue's clusters of people whom another window asks about just now.
    fn held_by_others(&mut self, tab: u32) -> Result<Vec<u32>, Error> {
        self.held.retain(|held| held.since.elapsed() < HELD);
        let others: Vec<u32> =
            self.held.iter().filter(|held| held.tab != tab).flat_map(|held| held.faces.clone()).collect();
        if tab == 0 || others.is_empty() {
            return Ok(Vec::new());
        }
        self.asking()?;
        let Some(asking) = &self.asking else { return Ok(Vec::new()) };
        Ok(others.iter().filter_map(|&face| asking.slot(&self.people, face)).collect())
    }

    /// The next screen of the queue, without the people of `leave`, to whom its own are added.
    fn next(&mut self, ask: Ask, leave: &mut Vec<u32>) -> Result<Option<Screen>, Error> {
        let asking = self.asking()?;
        let settings = *asking.queue.settings();
        let queue = &mut asking.queue;
        let question = match ask.way {
            Way::Pair => match queue.next_pair(leave) {
                // What was answered is not asked again as if it had not been: the history offers it.
                Some(q) if q.pairs.iter().any(|p| p.again.is_some()) => queue.next_group(1, leave),
                other => other,
            },
            Way::Group => queue.next_group(settings.group, leave),
            Way::Sweep => queue.next_sweep(settings.sweep, leave),
        };
        let Some(question) = question.filter(|q| ask.all || q.rate() >= settings.enough) else {
            return Ok(None);
        };
        leave.extend(question.pairs.iter().flat_map(|p| [p.left, p.right]));
        let first = |slot: u32| asking.first[slot as usize];
        let faces: Vec<_> = question.pairs.iter().map(|p| (first(p.left), first(p.right), *p)).collect();
        let people = &self.people;
        let open = |&(a, b, pair): &(u32, u32, questions::Pair)| {
            let (a, b) = (people.person_of(a)?, people.person_of(b)?);
            let asked = a == b || people.asked(a, b).is_some() || people.skipped(a) || people.skipped(b);
            (!asked).then_some((a, b, pair))
        };
        Ok(Some(Screen { pairs: faces.iter().filter_map(open).collect() }))
    }

    fn view(&mut self, way: Way, screen: &Screen, shown: usize) -> Result<Question, Error> {
        let revision = self.revision();
        let told = |left, right, pair: &questions::Pair| Candidate {
            left,
            right,
            distance: pair.distance,
            probability: pair.chance,
        };
        let mut pairs = Vec::with_capacity(screen.pairs.len());
        let mut person = None;
        if way == Way::Group {
            let host = screen.pairs[0].0;
            let pool = self.looked_at(host)?;
            for (_, other, pair) in &screen.pairs {
                let theirs = self.looked_at(*other)?;
                let chosen = self.choose(&theirs, shown, &pool);
                if person.is_none() {
                    let own = self.choose(&pool, shown, &theirs);
                    person = Some(self.person_view(host, &own));
                }
                pairs.push(told(None, self.person_view(*other, &chosen), pair));
            }
        } else {
            for (left, right, pair) in &screen.pairs {
                let [a, b] = self.pair_view(*left, *right, shown)?;
                pairs.push(told(Some(a), b, pair));
            }
        }
        Ok(Question { way, revision, person, pairs })
    }

    /// Two people, as a question of their own.
    pub(super) fn pair_question(&mut self, left: u32, right: u32, shown: usize) -> Result<Question, Error> {
        let [a, b] = self.pair_view(left, right, shown)?;
        let (distance, probability) = self.near(&a, &b).unwrap_or((1.0, 0.5));
        let pairs = vec![Candidate { left: Some(a), right: b, distance, probability }];
        Ok(Question { way: Way::Pair, revision: self.revision(), person: None, pairs })
    }

    /// Distance of two people by the faces shown, and the chance that they are one.
    fn near(&mut self, a: &PersonView, b: &PersonView) -> Option<(f64, f64)> {
        let first = |p: &PersonView| self.people.index(&p.shown.first()?.id);
        let (x, y) = (first(a)?, first(b)?);
        let (x, y) = (self.vectors.row(x).ok()?, self.vectors.row(y).ok()?);
        let distance = streamface_types::Metric::Cosine.distance(&x, &y).clamp(0.0, 2.0);
        let sizes = (a.faces as u32, b.faces as u32);
        Some((distance, self.asking().ok()?.queue.chance().same(distance, sizes)))
    }

    pub(super) fn take(&mut self, answer: &Answer) -> Result<Decided, Problem> {
        self.check_seen(answer)?;
        self.check_not_answered(answer)?;
        let mut what = answer.what.clone();
        let mut emptied = None;
        if let What::Noise { faces } = &mut what
            && answer.whole
        {
            emptied = Some(self.whole_people(faces));
        }
        self.people.check(&what).map_err(|refusal| match refusal {
            Refusal::Conflict(_) => {
                Problem::Conflict(format!("That contradicts what holds, and was NOT saved: {refusal}."))
            }
            Refusal::Unknown(_) | Refusal::NoSuchDecision(_) => {
                Problem::Unknown(format!("NOT saved: {refusal}."))
            }
            Refusal::Undone(_) | Refusal::Holds(_) | Refusal::NoOne(_) => {
                Problem::Stale(format!("Someone was faster; NOT saved: {refusal}."))
            }
            Refusal::Empty | Refusal::TooMany { .. } => Problem::Refused(format!("NOT saved: {refusal}.")),
        })?;
        let who = answer.who.as_deref().unwrap_or(&self.setup.who).to_owned();
        let decision = self.journal.append(&who, answer.seconds, what).map_err(Error::from)?;
        // From here on it counts, whatever else may fail.
        let id = decision.id;
        self.apply(decision, emptied);
        let message = self.message(id);
        let questions = match answer.next {
            Some(ask) => self.ask(ask).unwrap_or_default(),
            None => Vec::new(),
        };
        Ok(Decided { decision: id, message, overview: crate::server::Review::overview(self), questions })
    }

    /// Makes `faces` all faces of their people; the queue's clusters of these.
    fn whole_people(&self, faces: &mut Vec<FaceId>) -> Vec<u32> {
        let people: HashSet<u32> =
            faces.iter().filter_map(|f| self.people.person_of(self.people.index(f)?)).collect();
        let mut all: Vec<u32> = people.iter().flat_map(|&p| self.people.faces_of(p)).collect();
        all.sort_unstable();
        *faces = all.iter().map(|&f| self.index.id(f)).collect();
        let Some(asking) = &self.asking else { return Vec::new() };
        let mut slots: Vec<u32> = all.iter().filter_map(|&f| asking.slot(&self.people, f)).collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    fn apply(&mut self, decision: Decision, emptied: Option<Vec<u32>>) {
        let change = self.people.apply(&decision);
        let kept = match (&mut self.asking, emptied) {
            (None, _) => Ok(false),
            (Some(asking), Some(slots)) => asking.noise(decision.id, &slots).map(|()| true),
            (Some(asking), None) if !change.rebuilt => asking.answer(&self.people, &decision),
            _ => Ok(false),
        };
        // What the queue cannot follow it is made anew from, when it is next asked.
        if !matches!(kept, Ok(true)) {
            self.asking = None;
        }
        self.decisions.push(decision);
    }

    /// Whether the people on the screen are as they were shown, and all of whom something is said were on it.
    fn check_seen(&self, answer: &Answer) -> Result<(), Problem> {
        if answer.revision > self.revision() {
            return Err(Problem::Stale(
                "This page is of another review; load it again. The answer was NOT saved.".into(),
            ));
        }
        let mut seen = HashSet::new();
        for person in &answer.seen {
            let key = self.people.index(&person.id).and_then(|f| self.people.person_of(f));
            match key {
                Some(key) if state(&self.people.faces_of(key)) == person.state => seen.insert(key),
                _ => return Err(self.changed(answer.revision)),
            };
        }
        let known = |face: &FaceId| -> Result<(), Problem> {
            let number = self.face_number(face)?;
            match self.people.person_of(number) {
                Some(person) if !seen.contains(&person) => Err(self.changed(answer.revision)),
                _ => Ok(()),
            }
        };
        match &answer.what {
            What::Compare { pairs } => {
                pairs.iter().flat_map(|p| p.left.iter().chain(&p.right)).try_for_each(known)
            }
            What::Noise { faces } | What::Split { faces, .. } => faces.iter().try_for_each(known),
            What::Move { faces, to } => faces.iter().chain(to).try_for_each(known),
            What::Skip { person } | What::Name { person, .. } => person.iter().try_for_each(known),
            What::Undo { .. } | What::Redo { .. } => Ok(()),
        }
    }

    /// Whether someone compared the same two people since the screen was made.
    fn check_not_answered(&self, answer: &Answer) -> Result<(), Problem> {
        let What::Compare { pairs } = &answer.what else { return Ok(()) };
        let since = &self.decisions[(answer.revision as usize).min(self.decisions.len())..];
        let person =
            |faces: &[FaceId]| faces.iter().find_map(|face| self.people.person_of(self.people.index(face)?));
        let both =
            |p: &crate::Compared| person(&p.left).zip(person(&p.right)).map(|(a, b)| (a.min(b), a.max(b)));
        let ours: HashSet<(u32, u32)> = pairs.iter().filter_map(both).collect();
        for decision in since.iter().filter(|d| self.people.holds(d.id)) {
            let What::Compare { pairs } = &decision.what else { continue };
            if pairs.iter().filter_map(both).any(|pair| ours.contains(&pair)) {
                return Err(self.changed(answer.revision));
            }
        }
        Ok(())
    }

    fn changed(&self, revision: u64) -> Problem {
        let by =
            self.decisions.last().filter(|d| d.id > revision).map(|d| format!(" (the last by {})", d.who));
        Problem::Stale(format!(
            "Other answers have come since this was shown{}. Yours was NOT saved; here is how it stands now.",
            by.unwrap_or_default()
        ))
    }

    fn message(&self, id: u64) -> String {
        let Some(decision) = self.decisions.last().filter(|d| d.id == id) else { return "Saved".into() };
        let faces = |n: usize| if n == 1 { "1 face".to_owned() } else { format!("{n} faces") };
        match &decision.what {
            What::Compare { pairs } => {
                let count = |verdict| pairs.iter().filter(|p| p.verdict == verdict).count();
                let said = [
                    (Verdict::Same, "same"),
                    (Verdict::Different, "different"),
                    (Verdict::NotSure, "not sure"),
                ];
                let parts: Vec<String> = said
                    .iter()
                    .filter(|(verdict, _)| count(*verdict) > 0)
                    .map(|(verdict, word)| match pairs.len() {
                        1 => (*word).to_owned(),
                        _ => format!("{} {word}", count(*verdict)),
                    })
                    .collect();
                format!("Saved: {}", parts.join(", "))
            }
            What::Noise { faces: all } => format!("Saved: {} set aside as noise", faces(all.len())),
            What::Skip { .. } => "Saved: no more questions about this person".into(),
            What::Split { faces: all, .. } => format!("Saved: {} split off", faces(all.len())),
            What::Move { faces: all, .. } => format!("Saved: {} moved", faces(all.len())),
            What::Name { name: Some(name), .. } => format!("Saved: named {name}"),
            What::Name { name: None, .. } => "Saved: name taken away".into(),
            What::Undo { decision } => format!("Undone: decision {decision}"),
            What::Redo { decision } => format!("Done again: decision {decision}"),
        }
    }

    pub(super) fn write_result(&mut self) -> Result<Finalized, Problem> {
        let done = crate::Finalized::new(&self.people, crate::Numbering::Stable);
        done.write(&self.data.metadata(), &self.people).map_err(Error::from)?;
        let noise = done.labels.iter().filter(|&&label| label < 0).count();
        Ok(Finalized {
            file: format!("metadata/{}", crate::finalize::ANNOTATIONS),
            people: done.people.len(),
            faces: done.labels.len() - noise,
            noise,
        })
    }
}
