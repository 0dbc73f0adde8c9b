//! Where a join puts the links it finds: blocks of pairs, some of which are links.

use std::sync::Arc;

/// Two rows at distance ≤ t.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// The smaller row.
    pub i: u32,
    /// The larger row.
    pub j: u32,
    /// Their distance.
    pub distance: f64,
}

impl Link {
    /// Of two rows in any order.
    #[inline]
    pub(crate) fn between(a: u32, b: u32, distance: f64) -> Self {
        Self { i: a.min(b), j: a.max(b), distance }
    }
}

/// Some pairs of a few points with a few others.
pub(crate) struct PairBlock<'a> {
    /// The places of the first row and the first column.
    pub(crate) corner: (usize, usize),
    /// Which pairs these are, one bit for each of `distances`.
    pub(crate) bits: u32,
    /// Row after row, as many columns as its [`LinkSink`] was made with; distances outside the mask are undefined.
    pub(crate) distances: &'a [f64],
}

/// A place for links.
pub(crate) trait LinkSink: Send {
    /// Empty, for points with these names, in blocks of so many columns.
    fn new(names: &Arc<[u32]>, columns: usize) -> Self;

    /// Takes the links of some pairs.
    fn add(&mut self, pairs: &PairBlock<'_>);

    /// Links that it holds.
    fn len(&self) -> usize;

    /// All that it holds, leaving room for so many in their stead.
    fn take(&mut self, room: usize) -> Self;

    /// Lets go of room that it does not need.
    fn shrink_to_fit(&mut self);
}

/// The numbers of the bits that are set.
pub(crate) fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = bits.trailing_zeros();
        bits &= bits.wrapping_sub(1);
        (bit < 64).then_some(bit as usize)
    })
}

/// Links as such.
pub(crate) struct LinkList {
    names: Arc<[u32]>,
    columns: usize,
    pub(crate) links: Vec<Link>,
}

impl LinkSink for LinkList {
    fn new(names: &Arc<[u32]>, columns: usize) -> Self {
        Self { names: names.clone(), columns, links: Vec::new() }
    }

    fn add(&mut self, pairs: &PairBlock<'_>) {
        let corner = BlockOrigin::new(pairs);
        self.links.extend(corner.links(&self.names, self.columns, |k| pairs.distances[k]));
    }

    fn len(&self) -> usize {
        self.links.len()
    }

    fn take(&mut self, room: usize) -> Self {
        let links = std::mem::replace(&mut self.links, Vec::with_capacity(room));
        Self { names: self.names.clone(), links, ..*self }
    }

    fn shrink_to_fit(&mut self) {
        self.links.shrink_to_fit();
    }
}

/// Where a block begins, and which of its pairs are links.
#[derive(Debug, Clone, Copy)]
struct BlockOrigin {
    row: u32,
    column: u32,
    bits: u32,
}

impl BlockOrigin {
    const BYTES: usize = size_of::<Self>();

    fn new(pairs: &PairBlock<'_>) -> Self {
        let (row, column) = pairs.corner;
        Self { row: row as u32, column: column as u32, bits: pairs.bits }
    }

    /// The links of a block, with the distance of the pair of each bit.
    #[inline]
    fn links(
        self,
        names: &[u32],
        columns: usize,
        mut distance: impl FnMut(usize) -> f64,
    ) -> impl Iterator<Item = Link> {
        ones(self.bits.into()).map(move |k| {
            let (i, j) = (self.row as usize + k / columns, self.column as usize + k % columns);
            Link::between(names[i], names[j], distance(k))
        })
    }
}

/// Links in a little more than 8 bytes each where they come in whole blocks, and in 20 where each comes alone.
#[derive(Debug, Clone)]
pub(crate) struct CompactLinks {
    names: Arc<[u32]>,
    columns: usize,
    corners: Vec<BlockOrigin>,
    /// Of the bits that are set, one block after the other.
    distances: Vec<f64>,
}

impl LinkSink for CompactLinks {
    fn new(names: &Arc<[u32]>, columns: usize) -> Self {
        Self { names: names.clone(), columns, corners: Vec::new(), distances: Vec::new() }
    }

    fn add(&mut self, pairs: &PairBlock<'_>) {
        self.corners.push(BlockOrigin::new(pairs));
        if pairs.bits.count_ones() as usize == pairs.distances.len() {
            self.distances.extend_from_slice(pairs.distances);
        } else {
            self.distances.extend(ones(pairs.bits.into()).map(|k| pairs.distances[k]));
        }
    }

    fn len(&self) -> usize {
        self.distances.len()
    }

    fn take(&mut self, room: usize) -> Self {
        let mut new = Self::new(&self.names, self.columns);
        new.distances.reserve_exact(room);
        std::mem::replace(self, new)
    }

    fn shrink_to_fit(&mut self) {
        self.corners.shrink_to_fit();
        self.distances.shrink_to_fit();
    }
}

impl CompactLinks {
    /// Bytes that the links take.
    pub(crate) fn size(&self) -> usize {
        self.corners.len() * BlockOrigin::BYTES + size_of_val(&self.distances[..])
    }

    pub(crate) fn links(&self) -> Vec<Link> {
        let mut links = Vec::with_capacity(self.len());
        let mut distances = self.distances.iter();
        for corner in &self.corners {
            let next = |_| distances.next().copied().unwrap_or(f64::NAN);
            links.extend(corner.links(&self.names, self.columns, next));
        }
        links
    }

    /// Its bytes, and what makes links of them [again](CompactLayout::filled).
    pub(crate) fn into_bytes(self) -> (Vec<u8>, CompactLayout) {
        let mut bytes = Vec::with_capacity(self.size());
        for corner in &self.corners {
            [corner.row, corner.column, corner.bits].iter().for_each(|word| bytes.extend(word.to_le_bytes()));
        }
        self.distances.iter().for_each(|distance| bytes.extend(distance.to_le_bytes()));
        let (corners, len) = (self.corners.len(), self.distances.len());
        (bytes, CompactLayout { names: self.names, columns: self.columns, corners, len })
    }
}

/// What is left of [`CompactLinks`] without its bytes.
#[derive(Debug, Clone)]
pub(crate) struct CompactLayout {
    names: Arc<[u32]>,
    columns: usize,
    corners: usize,
    pub(crate) len: usize,
}

impl CompactLayout {
    /// Bytes that are missing.
    pub(crate) fn size(&self) -> usize {
        self.corners * BlockOrigin::BYTES + self.len * size_of::<f64>()
    }

    /// With so many bytes again.
    pub(crate) fn filled(&self, bytes: &[u8]) -> CompactLinks {
        let (corners, distances) = bytes.split_at(self.corners * BlockOrigin::BYTES);
        let corner = |bytes: &[u8; BlockOrigin::BYTES]| {
            let words = bytes.as_chunks().0;
            let [row, column, bits] = std::array::from_fn(|k| u32::from_le_bytes(words[k]));
            BlockOrigin { row, column, bits }
        };
        let corners = corners.as_chunks().0.iter().map(corner).collect();
        let distances = distances.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect();
        CompactLinks { names: self.names.clone(), columns: self.columns, corners, distances }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_what_links_do() {
        let names: Arc<[u32]> = (0..40).rev().collect();
        let distances: Vec<f64> = (0..24).map(f64::from).collect();
        let (mut plain, mut compact) = (LinkList::new(&names, 6), CompactLinks::new(&names, 6));
        let several =
            [((0, 7), 0xFF_FFFF, 24), ((4, 30), 0b1_0000_1000_0010, 24), ((3, 5), 1, 1), ((36, 39), 1, 1)];
        for (corner, bits, count) in several {
            let pairs = PairBlock { corner, bits, distances: &distances[..count] };
            plain.add(&pairs);
            compact.add(&pairs);
        }
        assert_eq!((plain.len(), compact.len()), (29, 29));
        assert_eq!(plain.links[7], Link { i: 31, j: 38, distance: 7.0 });
        assert_eq!(compact.links(), plain.links);
        let size = compact.size();
        let (bytes, outline) = compact.take(5).into_bytes();
        assert_eq!((bytes.len(), outline.size(), compact.len()), (size, size, 0));
        assert_eq!(outline.filled(&bytes).links(), plain.links);
    }
}
