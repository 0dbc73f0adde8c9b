//! Rows of a picture in a buffer that may hold fewer of them than there are.

/// Rows of a picture: row `g` counts over all images. A buffer of fewer slots than rows holds the latest ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) numbers: &'a [f32],
    /// Numbers of a row.
    pub(crate) len: usize,
    pub(crate) slots: usize,
}

impl<'a> Rows<'a> {
    fn slot(&self, g: usize) -> usize {
        g % self.slots
    }

    pub(crate) fn row(&self, g: usize) -> &'a [f32] {
        &self.numbers[self.slot(g) * self.len..][..self.len]
    }

    /// How many rows lie one after another from this one on.
    pub(crate) fn together(&self, g: usize) -> usize {
        self.slots - self.slot(g)
    }

    pub(crate) fn rows(&self, g: usize, count: usize) -> &'a [f32] {
        &self.numbers[self.slot(g) * self.len..][..count * self.len]
    }
}

/// [`Rows`] to be written, of which `first` lies in the first slot.
#[derive(Debug)]
pub(crate) struct RowsMut<'a> {
    pub(crate) numbers: &'a mut [f32],
    pub(crate) len: usize,
    pub(crate) slots: usize,
    pub(crate) first: usize,
}

impl RowsMut<'_> {
    fn slot(&self, g: usize) -> usize {
        (g - self.first) % self.slots
    }

    pub(crate) fn together(&self, g: usize) -> usize {
        self.slots - self.slot(g)
    }

    /// Where row `g` begins.
    pub(crate) fn at(&self, g: usize) -> usize {
        self.slot(g) * self.len
    }

    pub(crate) fn rows(&mut self, g: usize, count: usize) -> &mut [f32] {
        let at = self.slot(g) * self.len;
        &mut self.numbers[at..][..count * self.len]
    }
}
