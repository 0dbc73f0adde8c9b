//! Going through sources: reconnecting, resuming, naming, filtering.

mod builder;
mod earlier;
mod images;
mod repetition;
mod shared;
mod stream;
mod walk;

pub use builder::CaptureBuilder;
pub use walk::Capture;
