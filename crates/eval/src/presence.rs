//! When someone is on screen, from the frames that show them.

/// A frame lasts until the next one, but no longer than this many usual distances: beyond that the
/// stream was away.
const MAX_INTERVALS: f64 = 4.0;

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameFate {
    /// It was kept, and searched for faces.
    Kept,
    /// It was dropped because it shows what the kept frame before it shows.
    Duplicate,
    /// It was dropped for another reason, and may hide a change.
    Dropped,
}

/// The frames of one source in the order of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Presence {
    from: f64,
    span: f64,
    /// From where to where each frame stands, 0 to 1.
    cells: Vec<(f64, f64)>,
    /// Number of kept frames before each.
    kept_before: Vec<usize>,
    /// Changes where what is seen before and after need not be the same scene.
    scene: Vec<usize>,
}

impl Presence {
    /// Takes the time of each frame, in any unit, ascending, and what became of it.
    pub fn new(frames: impl IntoIterator<Item = (f64, FrameFate)>) -> Self {
        let (times, fates): (Vec<f64>, Vec<FrameFate>) = frames.into_iter().unzip();
        let mut gaps: Vec<f64> = times.windows(2).map(|t| t[1] - t[0]).filter(|&gap| gap > 0.0).collect();
        gaps.sort_by(f64::total_cmp);
        let usual = gaps.get(gaps.len().saturating_sub(1) / 2).copied().unwrap_or(1.0);
        let (first, last) = (times.first().copied().unwrap_or(0.0), times.last().copied().unwrap_or(0.0));
        let span = last + usual - first;
        let (mut cells, mut kept_before, mut scene) = (Vec::new(), Vec::new(), Vec::new());
        let (mut kept, mut scenes) = (0, 0);
        for (i, &fate) in fates.iter().enumerate() {
            let next = times.get(i + 1).copied().unwrap_or(last + usual);
            let end = next.min(times[i] + MAX_INTERVALS * usual);
            cells.push(((times[i] - first) / span, (end - first) / span));
            if fate == FrameFate::Dropped {
                scenes += 1;
            }
            kept_before.push(kept);
            scene.push(scenes);
            kept += usize::from(fate == FrameFate::Kept);
            scenes += usize::from(end < next);
        }
        Self { from: first, span, cells, kept_before, scene }
    }

    /// The time of the first frame.
    #[must_use]
    pub fn from(&self) -> f64 {
        self.from
    }

    /// The time from the first frame to the end of the last; that lasts as long as frames usually do.
    #[must_use]
    pub fn span(&self) -> f64 {
        self.span
    }

    /// From where to where each frame stands, 0 to 1 of the [span](Self::span).
    #[must_use]
    pub fn cells(&self) -> &[(f64, f64)] {
        &self.cells
    }

    /// The stretches, 0 to 1, in which someone seen in `frames` (indices, ascending) was on screen: from a frame that shows
    /// them to the next kept one, where that shows them too and nothing between hides a change.
    #[must_use]
    pub fn stretches(&self, frames: &[usize]) -> Vec<(f64, f64)> {
        let mut stretches: Vec<(f64, f64)> = Vec::new();
        let mut before: Option<usize> = None;
        for &i in frames {
            let (start, end) = self.cells[i];
            let goes_on = before.is_some_and(|b| {
                self.kept_before[i] <= self.kept_before[b] + 1 && self.scene[i] == self.scene[b]
            });
            match stretches.last_mut() {
                Some(last) if goes_on => last.1 = end,
                _ => stretches.push((start, end)),
            }
            before = Some(i);
        }
        stretches
    }

    /// How long some stretches are together, in the unit of the times.
    #[must_use]
    pub fn length(&self, stretches: &[(f64, f64)]) -> f64 {
        self.span * stretches.iter().map(|(start, end)| end - start).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_lasts_until_the_next_and_four_usual_distances_at_most() {
        let kept = [0.0, 2.0, 4.0, 30.0].map(|t| (t, FrameFate::Kept));
        let all = Presence::new(kept);
        assert_eq!((all.from(), all.span()), (0.0, 32.0));
        let seconds = |frames: &[usize]| all.length(&all.stretches(frames));
        assert!((seconds(&[0, 1]) - 4.0).abs() < 1e-9 && (seconds(&[2]) - 8.0).abs() < 1e-9);
        assert!((seconds(&[2, 3]) - 10.0).abs() < 1e-9, "{:?}", all.stretches(&[2, 3]));
        assert_eq!(all.stretches(&[2, 3]).len(), 2);
        assert_eq!(Presence::new([]).stretches(&[]), []);
    }

    #[test]
    fn duplicates_go_on_and_other_dropped_frames_do_not() {
        let of = |fate| Presence::new([(0.0, FrameFate::Kept), (1.0, fate), (2.0, FrameFate::Kept)]);
        let seconds = |all: Presence| all.length(&all.stretches(&[0, 2]));
        assert!((seconds(of(FrameFate::Duplicate)) - 3.0).abs() < 1e-9);
        assert!((seconds(of(FrameFate::Dropped)) - 2.0).abs() < 1e-9);
    }
}
