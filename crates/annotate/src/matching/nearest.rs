//! The nearest pairs of clusters, out of any number of distances that come in, in memory for the pairs alone.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Distances that come in before the first look at whether there are too many.
const MIN_CAPACITY: usize = 1 << 20;

/// Two clusters, a < b, and a distance of something in one from something in the other.
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

/// Keeps for each pair its smallest distance; of all pairs the `most` nearest, ties by their numbers.
///
/// Action is dropped on the way was farther than `most` other pairs, which can only come nearer: so the result
/// is the same in whatever order distances come in.
pub(super) struct Nearest {
    most: usize,
    /// Bits of the distance beyond which nothing is of use any more.
    limit: AtomicU64,
    buffer: Mutex<Buffer>,
}

#[derive(Default)]
struct Buffer {
    entries: Vec<Entry>,
    /// How many there may be before the next look.
    capacity: usize,
    dropped: bool,
}

impl Nearest {
    /// At most `most` pairs, 1 or more.
    pub(super) fn new(most: usize) -> Self {
        let buffer = Buffer { capacity: MIN_CAPACITY, ..Buffer::default() };
        Self { most, limit: AtomicU64::new(f64::INFINITY.to_bits()), buffer: Mutex::new(buffer) }
    }

    /// Takes distances, in any order, from any thread.
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

    /// Under a lock, and so without the help of other threads: one that waits for them may be given a part
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

    /// The pairs, the nearest first; and whether there were more than these.
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

    /// Far more distances than there is capacity for, several a pair, many of them equal.
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
