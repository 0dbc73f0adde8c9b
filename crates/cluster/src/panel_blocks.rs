//! The blocks of pairs that a join goes through.

use rayon::prelude::*;

use crate::prefilter::{Panels, Prefilter};

/// Points of a block: enough for what streams by to be used well, of which whole rows are made ready each time; few enough for
/// many blocks, and for what they hold to stay in some cache.
const BLOCK: usize = 768;
/// Links that a block may find before it hands them over.
pub(crate) const MAX_LINKS_HELD: usize = 1 << 16;

/// Pairs of n things.
pub(crate) fn pairs(n: usize) -> u64 {
    n as u64 * (n as u64).saturating_sub(1) / 2
}

/// The blocks of panels that a join goes through.
pub(crate) struct Blocks {
    panels: usize,
    size: usize,
}

/// Some panels with all that follow.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub(crate) number: usize,
    pub(crate) panels: Panels,
}

impl Blocks {
    pub(crate) fn new(prefilter: &Prefilter) -> Self {
        // Small inputs in smaller blocks, so that all threads get some.
        let size = (BLOCK.min(prefilter.len() / 16) / prefilter.isa.tile_columns()).max(1);
        Self { panels: prefilter.panels(), size }
    }

    pub(crate) fn count(&self) -> usize {
        self.panels.div_ceil(self.size)
    }

    pub(crate) fn all(&self) -> impl IndexedParallelIterator<Item = Block> {
        let (size, panels) = (self.size, self.panels);
        (0..self.count()).into_par_iter().with_max_len(1).map(move |number| {
            let (from, to) = (number * size, ((number + 1) * size).min(panels));
            Block { number, panels: Panels { from, to, last: panels } }
        })
    }
}

impl Block {
    /// Pairs of this block, for progress.
    pub(crate) fn pairs(&self, prefilter: &Prefilter) -> u64 {
        let [from, to] = [self.panels.from, self.panels.to]
            .map(|panel| (panel * prefilter.isa.tile_columns()).min(prefilter.len()));
        pairs(prefilter.len() - from) - pairs(prefilter.len() - to)
    }
}
