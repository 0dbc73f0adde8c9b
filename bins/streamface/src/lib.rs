//! The command line of StreamFace: flags, flags from a file, and what is shown while the steps run.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | flags from a TOML file |

pub mod config;

pub use streamface_pipeline::args;
