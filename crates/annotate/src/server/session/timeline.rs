//! When a person is seen.

use std::collections::BTreeMap;

use streamface_types::Timestamp;

use super::ReviewSession;
use super::person_views::short;
use crate::server::view::{Lane, Span};

/// Maximum sources on a timeline.
const MAX_LANES: usize = 12;
/// Spans of a lane are joined until they are this many parts of its time apart.
const PARTS: i64 = 80;
/// Faces less than this apart are one span.
const GAP_MICROS: i64 = 5_000_000;

impl ReviewSession {
    /// When the person of these faces, ascending, is seen in the sources with most of them that have times, and how many
    /// such sources there are.
    pub(super) fn timeline(&self, faces: &[u32]) -> (Vec<Lane>, usize) {
        let mut seen: BTreeMap<Option<u32>, Vec<(Timestamp, usize)>> = BTreeMap::new();
        for (position, &face) in faces.iter().enumerate() {
            let frame = self.index.frame_of(face);
            if let Some(at) = frame.id.timestamp() {
                seen.entry(frame.source).or_default().push((at, position));
            }
        }
        let mut ends: BTreeMap<Option<u32>, [Timestamp; 2]> = BTreeMap::new();
        for frame in self.index.frames.iter().filter(|frame| seen.contains_key(&frame.source)) {
            let Some(at) = frame.id.timestamp() else { continue };
            let [first, last] = ends.entry(frame.source).or_insert([at, at]);
            (*first, *last) = (at.min(*first), at.max(*last));
        }
        // A photo has no time in which to be seen.
        seen.retain(|source, _| ends.get(source).is_some_and(|[from, to]| from < to));
        let sources = seen.len();
        let mut most: Vec<_> = seen.iter().map(|(&source, there)| (there.len(), source)).collect();
        most.sort_by_key(|&(faces, source)| (std::cmp::Reverse(faces), source));
        most.truncate(MAX_LANES);
        seen.retain(|source, _| most.iter().any(|(_, kept)| kept == source));
        let lane = |(source, mut there): (Option<u32>, Vec<(Timestamp, usize)>)| {
            let &[from, to] = ends.get(&source)?;
            let name = source.map(|s| short(&self.index.sources[s as usize]));
            there.sort_unstable();
            Some(Lane {
                source: name,
                ends: [from.to_readable(), to.to_readable()],
                spans: spans(&there, from.micros(), to.micros()),
            })
        };
        (seen.into_iter().filter_map(lane).collect(), sources)
    }
}

/// Times and positions, ascending, as spans of a lane from one time to another.
fn spans(there: &[(Timestamp, usize)], from: i64, to: i64) -> Vec<Span> {
    let gap = GAP_MICROS.max((to - from) / PARTS);
    let part = |at: Timestamp| (at.micros() - from) as f64 / (to - from) as f64;
    let together = |a: &(Timestamp, usize), b: &(Timestamp, usize)| b.0.micros() - a.0.micros() <= gap;
    let span = |faces: &[(Timestamp, usize)]| {
        let (first, last) = (faces[0], faces[faces.len() - 1]);
        Span {
            at: [part(first.0), part(last.0)],
            ends: [first.0.to_readable(), last.0.to_readable()],
            faces: faces.len(),
            first: faces.iter().map(|f| f.1).min().unwrap_or_default(),
        }
    };
    there.chunk_by(together).map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_close_together_are_one_span() {
        let at = |seconds: i64, position| (Timestamp::from_micros(seconds * 1_000_000), position);
        let spans = spans(&[at(0, 3), at(4, 4), at(9, 5), at(20, 6), at(100, 7)], 0, 100_000_000);
        let found: Vec<_> = spans.iter().map(|s| (s.at, s.faces, s.first)).collect();
        assert_eq!(found, [([0.0, 0.09], 3, 3), ([0.2, 0.2], 1, 6), ([1.0, 1.0], 1, 7)]);
        assert_eq!(spans[0].ends.each_ref().map(|end| &end[11..]), ["00:00:00", "00:00:09"]);
    }

    #[test]
    fn a_long_time_has_few_spans() {
        let there: Vec<_> =
            (0..20_000).map(|at| (Timestamp::from_micros(at * 10_000_000), at as usize)).collect();
        let spans = spans(&there, 0, 200_000_000_000);
        assert!(spans.len() <= PARTS as usize + 1, "{}", spans.len());
        assert_eq!(spans.iter().map(|s| s.faces).sum::<usize>(), 20_000);
    }
}
