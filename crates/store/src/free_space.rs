//! Room on the disk.

use std::io;
use std::path::Path;

use crate::Error;

/// Room on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreeSpace {
    /// Bytes that this user may still write.
    pub free: u64,
    /// Bytes that files take a multiple of.
    pub block: u64,
}

impl FreeSpace {
    /// Of the disk that holds `path`, or, where that is not there yet, the nearest folder above it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn of(path: &Path) -> Result<Self, Error> {
        let there = path.ancestors().find(|p| p.as_os_str().is_empty() || p.exists()).unwrap_or(path);
        // The parent of `news` is the empty path: the current folder.
        let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
        let stat = rustix::fs::statvfs(there).map_err(|e| Error::io(there)(io::Error::from(e)))?;
        let block = stat.f_frsize.max(1);
        Ok(Self { free: stat.f_bavail.saturating_mul(block), block })
    }

    /// What a file of so many bytes takes.
    #[must_use]
    pub fn taken(&self, bytes: u64) -> u64 {
        bytes.div_ceil(self.block).saturating_mul(self.block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_room_of_the_one_above() {
        let dir = tempfile::tempdir().unwrap();
        let here = FreeSpace::of(dir.path()).unwrap();
        assert!(here.free > 0 && here.block >= 512);
        assert_eq!(FreeSpace::of(&dir.path().join("a/b")).unwrap().block, here.block);
        assert!(FreeSpace::of(Path::new("no-such-folder")).unwrap().free > 0);
        let disk = FreeSpace { free: 9, block: 4096 };
        assert_eq!([0, 1, 4096, 4097].map(|n| disk.taken(n)), [0, 4096, 4096, 8192]);
    }
}
