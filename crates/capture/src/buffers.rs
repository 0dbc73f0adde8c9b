//! The memory of pictures, used again.

use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;

/// The memory of pictures that are done with, for the next ones. Fresh memory of 6 MB, a picture in 1080p, costs 1,500 page faults.
/// Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

/// Most pictures whose memory is kept.
const KEPT: usize = 8;

impl Buffers {
    /// Takes a picture that nobody needs any more.
    pub fn give_back(&self, picture: RgbImage) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < KEPT {
            all.push(picture.into_raw());
        }
    }

    /// Empty memory for so many bytes. What is too small, or far too large, goes.
    pub(crate) fn take(&self, bytes: usize) -> Vec<u8> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match kept.filter(|kept| (bytes..=bytes.saturating_mul(2)).contains(&kept.capacity())) {
            Some(mut kept) => {
                kept.clear();
                kept
            }
            None => Vec::with_capacity(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_where_it_fits() {
        let buffers = Buffers::default();
        let picture = RgbImage::new(8, 4);
        let at = picture.as_ptr();
        buffers.give_back(picture);
        let again = buffers.take(90);
        assert!(again.as_ptr() == at && again.is_empty());
        for (w, bytes) in [(8, 97), (8, 40)] {
            buffers.give_back(RgbImage::new(w, 4));
            assert_eq!(buffers.take(bytes).capacity(), bytes);
        }
        (0..20).for_each(|_| buffers.give_back(RgbImage::new(2, 2)));
        assert_eq!(buffers.0.lock().unwrap().len(), KEPT);
    }
}
