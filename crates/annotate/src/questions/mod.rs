//! Which question to ask next, so that each second of a person's time gains the most.
//!
//! A question is whether two clusters are one person. A [`Queue`] knows clusters by number only: their sizes,
//! their means, which pairs are [`Candidate`]s, and which cannot be one person. An answer is about two
//! clusters; it also holds for the people that these clusters belong to by then.
//!
//! **The gain of a question** is the probability that the two are one person ([`MatchProbability`], estimated
//! from the distances of all pairs of clusters and updated by the answers) times the pairs of faces that would be joined, which is
//! what pairwise F counts. Gain divided by the seconds that the screen takes ([`TimeModel`]) ranks all
//! questions, in three forms ([`Form`]): one pair; one person with up to a dozen candidates; a grid of very
//! likely pairs, of which only the wrong ones are marked.
//!
//! **Answers may be wrong**, at a stated rate. An answer that the distances contradict is asked again as soon
//! as correcting it would gain more than another question: [`Pair::again`] says so. [`Queue::suspects`]
//! orders all answers by the probability that they are wrong. For an answer "different" it is the probability
//! that the two are one person by now; for "same" it is the probability that the two parts joined by this
//! answer alone are two people.
//!
//! [`CompatOrder`] asks in the order of the original StreamFace, [`ByDistance`] in order of distance, for
//! comparison.
//!
//! | module | what |
//! |---|---|
//! | `candidate_graph`, `propagate` | people and the edges between them, and what follows from an answer |
//! | `merge_forest` | the answers that joined people |
//! | `match_probability`, `time_model` | the two models |
//! | `halves`, `mixed` | the best two parts of a cluster, and whether they are two people |
//! | `screens`, `suspects`, `progress` | the next screen, answers to doubt, progress |
//! | `tournament` | the largest of a million changing numbers |
//!
//! ```
//! use streamface_annotate::questions::{Candidate, Clusters, Outcome, Queue, AnswerKind, Settings};
//! use streamface_types::Embeddings;
//!
//! // Clusters 0, 1 and 3 are similar, 2 is not.
//! let means = Embeddings::new(vec![1.0, 0.0, 0.9, 0.1, 0.5, 0.8, 0.9, 0.2], 2)?;
//! let candidate = |left, right, distance| Candidate { left, right, distance };
//! let near = [candidate(0, 1, 0.006), candidate(0, 3, 0.024), candidate(1, 3, 0.007)];
//! let far = [candidate(0, 2, 0.47), candidate(1, 2, 0.39)];
//! let candidates = [&near[..], &far[..]].concat();
//! let clusters = Clusters::new(vec![40, 30, 20, 1], means, candidates, vec![])?;
//! let mut queue = Queue::new(clusters, Settings::default())?;
//! // The most faces at the smallest distance come first.
//! let asked = queue.next_pair(&[]).unwrap().pairs[0];
//! assert_eq!((asked.left, asked.right), (0, 1));
//! assert_eq!(queue.answer(AnswerKind::Same(0, 1).into())?, Outcome::Joined);
//! queue.answer(AnswerKind::Different(1, 2).into())?;
//! // The answer about 1 also holds for 0, so only 3 is left.
//! let asked = queue.next_pair(&[]).unwrap().pairs[0];
//! assert_eq!((asked.left, asked.right), (0, 3));
//! queue.take_back(0)?;
//! assert_ne!(queue.person(1), queue.person(0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod baseline;
mod candidate_graph;
mod halves;
mod input;
mod match_probability;
mod merge_forest;
mod mixed;
mod progress;
mod propagate;
mod queue;
mod screens;
mod suspects;
#[cfg(test)]
mod tests;
mod time_model;
mod tournament;

pub use baseline::{ByDistance, CompatOrder};
pub use halves::{Halves, Parts, halves};
pub use input::{Candidate, Clusters};
pub use match_probability::MatchProbability;
pub use progress::Progress;
pub use queue::{Answer, AnswerKind, Outcome, Queue, Settings};
pub use screens::{Form, Pair, Question};
pub use suspects::Suspect;
pub use time_model::{TimeModel, TimedScreen};
