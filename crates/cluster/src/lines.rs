//! Numbers that begin with a line of cache.

use std::ops::{Deref, DerefMut};

/// Bytes of a line, and of the widest register.
const LINE: usize = 64;

/// Numbers of which the first is the first of a line of cache, so that registers as wide as a line take theirs from one
/// and not from two: kernels whose operands lie anywhere took up to twice the time.
#[derive(Default)]
pub(crate) struct Lines<T> {
    /// With room for a line more.
    numbers: Vec<T>,
    first: usize,
    len: usize,
}

impl<T: Copy + Default> Lines<T> {
    pub(crate) fn new(len: usize, number: T) -> Self {
        let mut new = Self { numbers: Vec::new(), first: 0, len: 0 };
        new.reset(len, number);
        new
    }

    /// So many, all of them this.
    pub(crate) fn reset(&mut self, len: usize, number: T) {
        self.len = len;
        let room = len + LINE / size_of::<T>();
        if room > self.numbers.len() {
            self.numbers = vec![number; room];
            // Where it cannot be told it is some other place, which is slower and no more than that.
            self.first = self.numbers.as_ptr().align_offset(LINE).min(room - len);
        } else {
            self.fill(number);
        }
    }
}

/// Asks memory for numbers before they are needed.
#[inline]
pub(crate) fn prefetch<T>(numbers: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in numbers.chunks((LINE / size_of::<T>()).max(1)) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint that reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}

impl<T> Deref for Lines<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.numbers[self.first..][..self.len]
    }
}

impl<T> DerefMut for Lines<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.numbers[self.first..][..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_begin_with_a_line() {
        let mut lines = Lines::new(3, 7_u8);
        assert_eq!(lines[..], [7; 3]);
        for (len, number) in [(0, 1), (100, 2), (99, 3), (5000, 4), (2, 5)] {
            lines.reset(len, number);
            assert_eq!(lines[..], vec![number; len]);
            assert!(lines.as_ptr().addr().is_multiple_of(LINE));
        }
        assert!(Lines::new(9, 0.0_f64).as_ptr().addr().is_multiple_of(LINE));
        assert!(Lines::<f32>::default().is_empty());
    }
}
