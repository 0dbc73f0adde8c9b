//! Questions out, answers in.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use streamface_types::FaceId;

use super::ReviewSession;
use super::person_views::state;
use crate::people::ConflictReason;
use crate::questions;
use crate::server::view::{Answer, Ask, Candidate, Decided, Finalized, Form, Problem, Question, SHOWN};
use crate::{Action, Decision, Refusal, Result};

/// Maximum questions in one reply.
const MAX_QUESTIONS: usize = 50;

/// How long people are reserved for the window that asks about them.
const RESERVED_FOR: Duration = Duration::from_secs(120);

/// The people reserved for a window.
pub(super) struct Reservation {
    tab: u32,
    since: Instant,
    /// One face of each.
    faces: Vec<u32>,
}

/// The pairs of a screen, as people.
struct Screen {
    pairs: Vec<(u32, u32, questions::Pair)>,
}

impl ReviewSession {
    pub(super) fn ask(&mut self, ask: Ask) -> Result<Vec<Question>> {
        let count = ask.count.unwrap_or(2).clamp(1, MAX_QUESTIONS);
        let shown = ask.shown.unwrap_or(SHOWN).clamp(1, SHOWN);
        let mut exclude = self.reserved_by_others(ask.tab)?;
        let mut screens = self.screens(ask, count, &mut exclude)?;
        if screens.is_empty() && !exclude.is_empty() {
            // The same question as another window is better than none.
            screens = self.screens(ask, count, &mut Vec::new())?;
        }
        if ask.tab != 0 {
            self.reservations.retain(|reservations| reservations.tab != ask.tab);
            let faces = screens.iter().flat_map(|s| &s.pairs).flat_map(|&(a, b, _)| [a, b]);
            let faces = faces.filter_map(|person| self.people.faces_of(person).first().copied()).collect();
            self.reservations.push(Reservation { tab: ask.tab, since: Instant::now(), faces });
        }
        screens.iter().map(|screen| self.view(ask.form, screen, shown)).collect()
    }

    fn screens(&mut self, ask: Ask, count: usize, exclude: &mut Vec<u32>) -> Result<Vec<Screen>> {
        let mut found = Vec::new();
        // Pairs that are answered already are skipped; there are few.
        for _ in 0..count + MAX_QUESTIONS {
            let Some(screen) = self.next(ask, exclude)? else { break };
            if !screen.pairs.is_empty() {
                found.push(screen);
            }
            if found.len() == count {
                break;
            }
        }
        Ok(found)
    }

    /// The queue's clusters of people reserved for other windows.
    fn reserved_by_others(&mut self, tab: u32) -> Result<Vec<u32>> {
        self.reservations.retain(|reservations| reservations.since.elapsed() < RESERVED_FOR);
        let others: Vec<u32> = self
            .reservations
            .iter()
            .filter(|reservations| reservations.tab != tab)
            .flat_map(|reservations| reservations.faces.clone())
            .collect();
        if tab == 0 || others.is_empty() {
            return Ok(Vec::new());
        }
        self.session_queue()?;
        let Some(session_queue) = &self.session_queue else { return Ok(Vec::new()) };
        Ok(others.iter().filter_map(|&face| session_queue.slot(&self.people, face)).collect())
    }

    /// The next screen of the queue, without the people in `exclude`; adds its own people to it.
    fn next(&mut self, ask: Ask, exclude: &mut Vec<u32>) -> Result<Option<Screen>> {
        let session_queue = self.session_queue()?;
        let settings = *session_queue.queue.settings();
        let queue = &mut session_queue.queue;
        let question = match ask.form {
            Form::Pair => match queue.next_pair(exclude) {
                // Answered pairs are not asked again here: the history offers doubtful answers.
                Some(q) if q.pairs.iter().any(|p| p.again.is_some()) => queue.next_group(1, exclude),
                other => other,
            },
            Form::Group => queue.next_group(settings.group, exclude),
            Form::Sweep => queue.next_sweep(settings.sweep, exclude),
        };
        let Some(question) = question.filter(|q| ask.all || q.rate() >= settings.enough) else {
            return Ok(None);
        };
        exclude.extend(question.pairs.iter().flat_map(|p| [p.left, p.right]));
        let first = |slot: u32| session_queue.first[slot as usize];
        let faces: Vec<_> = question.pairs.iter().map(|p| (first(p.left), first(p.right), *p)).collect();
        let people = &self.people;
        let open = |&(a, b, pair): &(u32, u32, questions::Pair)| {
            let (a, b) = (people.person_of(a)?, people.person_of(b)?);
            let asked =
                a == b || people.verdict_between(a, b).is_some() || people.skipped(a) || people.skipped(b);
            (!asked).then_some((a, b, pair))
        };
        Ok(Some(Screen { pairs: faces.iter().filter_map(open).collect() }))
    }

    fn view(&mut self, form: Form, screen: &Screen, shown: usize) -> Result<Question> {
        let revision = self.revision();
        let candidate = |left, right, pair: &questions::Pair| Candidate {
            left,
            right,
            distance: pair.distance,
            probability: pair.probability,
        };
        let mut pairs = Vec::with_capacity(screen.pairs.len());
        let mut person = None;
        if form == Form::Group {
            let host = screen.pairs[0].0;
            let pool = self.read_pool(host)?;
            for (_, other, pair) in &screen.pairs {
                let theirs = self.read_pool(*other)?;
                let chosen = self.choose(&theirs, shown, &pool);
                if person.is_none() {
                    let own = self.choose(&pool, shown, &theirs);
                    person = Some(self.person_view(host, &own));
                }
                pairs.push(candidate(None, self.person_view(*other, &chosen), pair));
            }
        } else {
            for (left, right, pair) in &screen.pairs {
                let [a, b] = self.pair_view(*left, *right, shown)?;
                pairs.push(candidate(Some(a), b, pair));
            }
        }
        Ok(Question { form, revision, person, pairs })
    }

    /// A question about two given people.
    pub(super) fn pair_question(&mut self, left: u32, right: u32, shown: usize) -> Result<Question> {
        let [a, b] = self.pair_view(left, right, shown)?;
        let (distance, probability) = self.near(left, right).unwrap_or((1.0, 0.5));
        let pairs = vec![Candidate { left: Some(a), right: b, distance, probability }];
        Ok(Question { form: Form::Pair, revision: self.revision(), person: None, pairs })
    }

    /// Distance of the means of two people, and the probability that they are one.
    fn near(&mut self, left: u32, right: u32) -> Option<(f64, f64)> {
        let first = |person: u32| self.people.faces_of(person).first().copied();
        let (a, b) = (first(left)?, first(right)?);
        self.session_queue().ok()?;
        let session_queue = self.session_queue.as_mut()?;
        let (a, b) = (session_queue.slot(&self.people, a)?, session_queue.slot(&self.people, b)?);
        session_queue.queue.between(a, b)
    }

    pub(super) fn take(&mut self, answer: &Answer) -> Result<Decided, Problem> {
        self.check_seen(answer)?;
        self.check_not_answered(answer)?;
        self.check_not_named(answer)?;
        let mut action = answer.action.clone();
        let mut emptied = None;
        if let Action::Noise { faces } = &mut action
            && answer.whole
        {
            emptied = Some(self.whole_people(faces));
        }
        if answer.whole {
            self.complete_halves(&mut action)?;
        }
        self.people.check(&action).map_err(|refusal| match &refusal {
            Refusal::Conflict(conflict) if conflict.reason == ConflictReason::SameFrame => {
                Problem::Conflict(format!("NOT saved: {}.", self.with_names(&refusal.to_string(), conflict)))
            }
            Refusal::Conflict(conflict) => Problem::Conflict(format!(
                "NOT saved, since it contradicts earlier decisions: {}.",
                self.with_names(&refusal.to_string(), conflict)
            )),
            Refusal::Breaks(conflict) => Problem::Conflict(format!(
                "NOT saved, since it contradicts another decision: {}.",
                self.with_names(&refusal.to_string(), conflict)
            )),
            Refusal::Unknown(_) | Refusal::NoSuchDecision(_) => {
                Problem::Unknown(format!("NOT saved: {refusal}."))
            }
            Refusal::Undone(_) | Refusal::Holds(_) | Refusal::NoOne(_) => {
                Problem::Stale(format!("NOT saved, since someone else has changed this: {refusal}."))
            }
            Refusal::Empty | Refusal::TooMany { .. } | Refusal::BothSides(_) => {
                Problem::Refused(format!("NOT saved: {refusal}."))
            }
        })?;
        let who = answer.who.as_deref().unwrap_or(&self.settings.who).to_owned();
        let decision = self.journal.append(&who, answer.seconds, action)?;
        // From here on the decision counts, whatever else fails.
        let id = decision.id;
        self.apply(decision, emptied);
        let message = self.message(id);
        let questions = match answer.next {
            Some(ask) => self.ask(ask).unwrap_or_default(),
            None => Vec::new(),
        };
        let same_name = match &answer.action {
            Action::Name { person, name: Some(_) } => {
                self.people.index(&person[0]).and_then(|face| self.people.person_of(face))
            }
            _ => None,
        };
        let same_name = same_name.map(|person| self.same_name(person)).unwrap_or_default();
        let overview = crate::server::Review::overview(self);
        Ok(Decided { decision: id, message, overview, questions, same_name })
    }

    /// Extends `faces` to all faces of their people, and returns the queue's clusters of these.
    fn whole_people(&self, faces: &mut Vec<FaceId>) -> Vec<u32> {
        let people: HashSet<u32> =
            faces.iter().filter_map(|f| self.people.person_of(self.people.index(f)?)).collect();
        let mut all: Vec<u32> = people.iter().flat_map(|&p| self.people.faces_of(p)).collect();
        all.sort_unstable();
        *faces = all.iter().map(|&f| self.index.id(f)).collect();
        let Some(session_queue) = &self.session_queue else { return Vec::new() };
        let mut slots: Vec<u32> = all.iter().filter_map(|&f| session_queue.slot(&self.people, f)).collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    fn apply(&mut self, decision: Decision, emptied: Option<Vec<u32>>) {
        let change = self.people.apply(&decision);
        let kept = match (&mut self.session_queue, emptied) {
            (None, _) => Ok(false),
            (Some(session_queue), Some(slots)) => session_queue.noise(decision.id, &slots).map(|()| true),
            (Some(session_queue), None) if !change.rebuilt => session_queue.answer(&self.people, &decision),
            _ => Ok(false),
        };
        // If the queue cannot record the decision, it is rebuilt for the next question.
        if !matches!(kept, Ok(true)) {
            self.session_queue = None;
        }
        self.decisions.push(decision);
    }

    /// Checks that the people on the screen are unchanged, and that the answer names no others.
    fn check_seen(&self, answer: &Answer) -> Result<(), Problem> {
        if answer.revision > self.revision() {
            return Err(Problem::Stale(
                "This page belongs to another review. Reload it. The answer was NOT saved.".into(),
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
        match &answer.action {
            Action::Compare { pairs } => {
                pairs.iter().flat_map(|p| p.left.iter().chain(&p.right)).try_for_each(known)
            }
            Action::Noise { faces } | Action::Split { faces, .. } => faces.iter().try_for_each(known),
            Action::Move { faces, to } | Action::Tear { left: faces, right: to } => {
                faces.iter().chain(to).try_for_each(known)
            }
            Action::Skip { person } | Action::Whole { person } | Action::Name { person, .. } => {
                person.iter().try_for_each(known)
            }
            Action::Undo { .. } | Action::Redo { .. } => Ok(()),
        }
    }

    /// Checks that no one has compared the same two people since the screen was made.
    fn check_not_answered(&self, answer: &Answer) -> Result<(), Problem> {
        let Action::Compare { pairs } = &answer.action else { return Ok(()) };
        let since = &self.decisions[(answer.revision as usize).min(self.decisions.len())..];
        let person =
            |faces: &[FaceId]| faces.iter().find_map(|face| self.people.person_of(self.people.index(face)?));
        let both =
            |p: &crate::Compared| person(&p.left).zip(person(&p.right)).map(|(a, b)| (a.min(b), a.max(b)));
        let ours: HashSet<(u32, u32)> = pairs.iter().filter_map(both).collect();
        for decision in since.iter().filter(|d| self.people.holds(d.id)) {
            let Action::Compare { pairs } = &decision.action else { continue };
            if pairs.iter().filter_map(both).any(|pair| ours.contains(&pair)) {
                return Err(self.changed(answer.revision));
            }
        }
        Ok(())
    }

    /// Checks that no one has given the same person another name since the screen was made.
    fn check_not_named(&self, answer: &Answer) -> Result<(), Problem> {
        let Action::Name { person, name } = &answer.action else { return Ok(()) };
        let who = |faces: &[FaceId]| -> HashSet<u32> {
            faces.iter().filter_map(|face| self.people.person_of(self.people.index(face)?)).collect()
        };
        let ours = who(person);
        let since = &self.decisions[(answer.revision as usize).min(self.decisions.len())..];
        let last = since.iter().rev().find_map(|decision| match &decision.action {
            Action::Name { person, name } if self.people.holds(decision.id) => {
                (!ours.is_disjoint(&who(person))).then_some((decision, name))
            }
            _ => None,
        });
        match last {
            Some((decision, given)) if given != name => {
                let said = match given {
                    Some(given) => format!("{} has named this person '{given}'", decision.who),
                    None => format!("{} has taken this person's name away", decision.who),
                };
                Err(Problem::Stale(format!(
                    "{said} since this was shown. Yours was NOT saved. The page now shows the current name."
                )))
            }
            _ => Ok(()),
        }
    }

    fn changed(&self, revision: u64) -> Problem {
        let by =
            self.decisions.last().filter(|d| d.id > revision).map(|d| format!(" (the last by {})", d.who));
        Problem::Stale(format!(
            "Other answers were saved since this was shown{}. Yours was NOT saved. The page now shows the current state.",
            by.unwrap_or_default()
        ))
    }

    pub(super) fn write_result(&mut self) -> Result<Finalized, Problem> {
        let done = crate::Finalized::new(&self.people, self.settings.options.numbering());
        done.write(&self.data, &self.people, &self.settings.unknown_below)?;
        let noise = done.labels.iter().filter(|&&label| label < 0).count();
        Ok(Finalized {
            file: format!("metadata/{}", crate::finalize::ANNOTATIONS),
            people: done.people.len(),
            faces: done.labels.len() - noise,
            noise,
        })
    }
}
