//! The formats, a file each.

use std::path::Path;

use crate::format::Format;

mod coco;
pub(crate) mod compat;
mod csv;
mod fiftyone;
mod imagefolder;
mod lfw;
mod npy;
mod parquet;
mod webdataset;

pub use coco::Coco;
pub use compat::Compat;
pub use csv::Csv;
pub use fiftyone::{Fiftyone, FiftyoneDetection};
pub use imagefolder::Imagefolder;
pub use lfw::Lfw;
pub use npy::Npy;
pub use parquet::Parquet;
pub use webdataset::Webdataset;

/// All formats, in the order in which they are listed. [`detect`] asks them in this order.
pub static FORMATS: &[&dyn Format] =
    &[&Compat, &Fiftyone, &FiftyoneDetection, &Webdataset, &Coco, &Lfw, &Imagefolder, &Csv, &Parquet, &Npy];

/// The format of a name, or of an earlier name.
///
/// ```
/// let coco = streamface_exchange::find("coco").unwrap();
/// assert!(coco.description().import.is_some());
/// assert!(streamface_exchange::find("yolo").is_none());
/// ```
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|f| f.name() == name || f.aliases().contains(&name))
}

/// The first format that a folder or file looks like, by names alone.
#[must_use]
pub fn detect(path: &Path) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|f| f.description().import.is_some() && f.detect(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_every_format_goes_one_way_at_least() {
        let mut seen = HashSet::new();
        for format in FORMATS {
            for name in [format.name()].iter().chain(format.aliases()) {
                assert!(seen.insert(*name), "{name} comes twice");
                assert_eq!(find(name).unwrap().name(), format.name());
            }
            let description = format.description();
            assert!(description.export.or(description.import).is_some(), "{}", format.name());
        }
    }
}
