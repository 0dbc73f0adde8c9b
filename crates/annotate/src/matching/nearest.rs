//! The nearest pairs of clusters from a stream of distances, in memory for the pairs only.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Distances buffered before the buffer is compacted for the first time.
const MIN_CAPACITY: usize = 1 << 20;

/// Two clusters, a < b, and a distance of a point of one from a point of the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Entry {
    pub distance: f64,
    pub a: u32,
    pub b: u32,
}

impl Entry {
    pub(super) fn order(&self, other: &Self) -> std::cmp::Ordering {
        self.distance.total_cmp(&other.distance).then((self.a, self.b).cmp(&(other.a, other.b)))
    }

    fn by_pair(&self, other: &Self) -> std::cmp::Ordering {
        (self.a, self.b).cmp(&(other.a, other.b)).then(self.distance.total_cmp(&other.distance))
    }
}

/// Keeps the smallest distance of each pair, and the `most` nearest pairs; ties by their numbers.
///
/// A dropped distance is larger than those of `most` other pairs, which can only become smaller: the result
/// does not depend on the order of the distances.
pub(super) struct Nearest {
    most: usize,
    /// Bits of the largest distance that can still matter.
    limit: AtomicU64,
    buffer: Mutex<Buffer>,
}

#[derive(Default)]
struct Buffer {
    entries: Vec<Entry>,
    /// Length at which the buffer is compacted.
    capacity: usize,
    dropped: bool,
}

impl Nearest {
    /// Keeps at most `most` pairs, at least 1.
    pub(super) fn new(most: usize) -> Self {
        let buffer = Buffer { capacity: MIN_CAPACITY, ..Buffer::default() };
        Self { most, limit: AtomicU64::new(f64::INFINITY.to_bits()), buffer: Mutex::new(buffer) }
    }

    /// Adds distances, in any order, from any thread.
    pub(super) fn add(&self, mut part: Vec<Entry>) {
        let limit = f64::from_bits(self.limit.load(Relaxed));
        part.retain(|e| e.distance <= limit);
        smallest_of_each(&mut part);
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        buffer.entries.append(&mut part);
        if buffer.entries.len() >= buffer.capacity {
            self.compact(&mut buffer);
        }
    }

    /// Runs under the lock, so it does not use other threads: a thread waiting for them could be given work
    /// that waits for the lock.
    fn compact(&self, buffer: &mut Buffer) {
        smallest_of_each(&mut buffer.entries);
        if buffer.entries.len() > self.most {
            let (_, last, _) = buffer.entries.select_nth_unstable_by(self.most - 1, Entry::order);
            self.limit.store(last.distance.to_bits(), Relaxed);
            buffer.entries.truncate(self.most);
            buffer.dropped = true;
        }
        buffer.capacity = (2 * buffer.entries.len()).max(MIN_CAPACITY);
    }

    /// The pairs, the nearest first, and whether more were dropped.
    pub(super) fn finish(self) -> (Vec<Entry>, bool) {
        let mut buffer = std::mem::take(&mut *self.buffer.lock().unwrap_or_else(PoisonError::into_inner));
        self.compact(&mut buffer);
        buffer.entries.sort_unstable_by(Entry::order);
        (buffer.entries, buffer.dropped)
    }
}

fn smallest_of_each(entries: &mut Vec<Entry>) {
    entries.sort_unstable_by(Entry::by_pair);
    entries.dedup_by_key(|e| (e.a, e.b));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far more distances than capacity, several a pair, many of them equal.
    #[test]
    fn the_nearest_are_kept_whatever_the_order() {
        let mut entries: Vec<Entry> = (0..3_000_000_u32)
            .map(|k| {
                let h = k.wrapping_mul(2_654_435_761);
                let (a, b) = (h >> 22, 1024 + (h >> 9) % 1024);
                Entry { distance: f64::from((h ^ (h >> 13)) % 40), a, b }
            })
            .collect();
        let mut want = entries.clone();
        smallest_of_each(&mut want);
        want.sort_unstable_by(Entry::order);
        let all = want.len();
        assert!(all > 300_000);
        for most in [1, 1000, all - 1, all, all + 1] {
            let nearest = Nearest::new(most);
            for part in entries.chunks(70_000) {
                nearest.add(part.to_vec());
            }
            let (found, dropped) = nearest.finish();
            assert_eq!((found.len(), dropped), (most.min(all), most < all));
            assert!(found == want[..found.len()], "{most}");
            entries.reverse();
            entries.rotate_left(1_234_567);
        }
    }
}
