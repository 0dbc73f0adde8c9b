//! Buffers that begin at a cache line, and prefetching.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest register.
pub const CACHE_LINE: usize = 64;

/// A buffer whose first number is the first of a cache line, so that registers as wide as a line load from one line and
/// not from two: kernels with unaligned operands took up to twice the time.
///
/// ```
/// use streamface_kernels::Aligned;
///
/// let buffer = Aligned::new(3, 7_u8);
/// assert_eq!(buffer[..], [7, 7, 7]);
/// assert!(buffer.as_ptr().addr().is_multiple_of(64));
/// ```
#[derive(Debug, Default)]
pub struct Aligned<T> {
    /// With room for a cache line more.
    numbers: Vec<T>,
    first: usize,
    len: usize,
}

impl<T: Copy + Default> Aligned<T> {
    /// A buffer of `len` numbers, each of them `number`.
    #[must_use]
    pub fn new(len: usize, number: T) -> Self {
        let mut new = Self { numbers: Vec::new(), first: 0, len: 0 };
        new.reset(len, number);
        new
    }

    /// Changes the length to `len` and sets all numbers to `number`. Allocates only where the buffer is too small.
    pub fn reset(&mut self, len: usize, number: T) {
        self.len = len;
        let room = len + CACHE_LINE / size_of::<T>();
        if room > self.numbers.len() {
            self.numbers = vec![number; room];
            // Where the alignment cannot be computed the buffer begins elsewhere, which is slower and no more than that.
            self.first = self.numbers.as_ptr().align_offset(CACHE_LINE).min(room - len);
        } else {
            self.fill(number);
        }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.numbers[self.first..][..self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.numbers[self.first..][..self.len]
    }
}

/// Asks memory for numbers before they are needed: a hint that changes no result. Does nothing on other architectures
/// than x86-64.
#[inline]
pub fn prefetch<T>(numbers: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in numbers.chunks((CACHE_LINE / size_of::<T>()).max(1)) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint that reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_begin_at_a_cache_line() {
        let mut buffer = Aligned::new(3, 7_u8);
        assert_eq!(buffer[..], [7; 3]);
        for (len, number) in [(0, 1), (100, 2), (99, 3), (5000, 4), (2, 5)] {
            buffer.reset(len, number);
            assert_eq!(buffer[..], vec![number; len]);
            assert!(buffer.as_ptr().addr().is_multiple_of(CACHE_LINE));
        }
        assert!(Aligned::new(9, 0.0_f64).as_ptr().addr().is_multiple_of(CACHE_LINE));
        assert!(Aligned::<f32>::default().is_empty());
        prefetch(&buffer);
    }
}
