//! Action to ask next, so that a person's time goes where it helps most.
//!
//! Asked is whether two clusters are one person. A [`Queue`] knows clusters by number alone: their sizes,
//! their means, which pairs are [`Candidate`]s, and which are surely two people. An answer is a person's word
//! on two of them; the people they are part of by then inherit it.
//!
//! **Action a question is worth**: the chance of one person ([`MatchProbability`], drawn from the distances there are and
//! renewed by the answers) times the pairs of faces that would become one person's, which is what pairwise F
//! counts. Divided by the seconds the screen takes ([`TimeModel`]) it ranks all questions, in three forms
//! ([`Form`]): a pair; one person with up to a dozen candidates; a grid of sure pairs of which only the wrong
//! ones are marked.
//!
//! **Answers may be wrong**, at a stated rate. An answer that the distances contradict is worth asking again
//! as soon as it would mend more than another question would gain: [`Pair::again`] says so.
//! [`Queue::suspects`] orders all answers by the chance that they are wrong: for two people, how likely they
//! are one by now; for one, how likely the two parts that only this answer holds together are two.
//!
//! [`CompatOrder`] asks as the original StreamFace did, [`ByDistance`] in order of distance, for comparison.
//!
//! | module | what |
//! |---|---|
//! | `board`, `settle` | who is one person, what stands between any two, and what follows from an answer |
//! | `joins` | the answers that hold people together |
//! | `chance`, `pace` | the two models |
//! | `screens`, `suspects`, `progress` | what to ask, what to doubt, how far it is |
//! | `tournament` | the largest of a million numbers, while they change |
//!
//! ```
//! use streamface_annotate::questions::{Candidate, Clusters, Outcome, Prior, Queue, AnswerKind, Settings};
//! use streamface_types::Embeddings;
//!
//! // 0, 1 and 3 look one way, 2 another.
//! let means = Embeddings::new(vec![1.0, 0.0, 0.9, 0.1, 0.5, 0.8, 0.9, 0.2], 2)?;
//! let candidate = |left, right, distance| Candidate { left, right, distance };
//! let near = [candidate(0, 1, 0.006), candidate(0, 3, 0.024), candidate(1, 3, 0.007)];
//! let far = [candidate(0, 2, 0.47), candidate(1, 2, 0.39)];
//! let candidates = [&near[..], &far[..]].concat();
//! let clusters = Clusters::new(vec![40, 30, 20, 1], means, candidates, vec![])?;
//! let mut queue = Queue::new(clusters, &Prior::default(), Settings::default())?;
//! // The most faces at the least distance first.
//! let asked = queue.next_pair(&[]).unwrap().pairs[0];
//! assert_eq!((asked.left, asked.right), (0, 1));
//! assert_eq!(queue.answer(AnswerKind::Same(0, 1).into())?, Outcome::Joined);
//! queue.answer(AnswerKind::Different(1, 2).into())?;
//! // AnswerKind of 1, it holds for 0: only 3 is left.
//! let asked = queue.next_pair(&[]).unwrap().pairs[0];
//! assert_eq!((asked.left, asked.right), (0, 3));
//! queue.take_back(0)?;
//! assert_ne!(queue.person(1), queue.person(0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod baseline;
mod candidate_graph;
mod input;
mod match_probability;
mod merge_forest;
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
pub use input::{Candidate, Clusters};
pub use match_probability::{MatchProbability, Prior};
pub use progress::Progress;
pub use queue::{Answer, AnswerKind, Outcome, Queue, Settings};
pub use screens::{Form, Pair, Question};
pub use suspects::Suspect;
pub use time_model::{TimeModel, TimedScreen};
