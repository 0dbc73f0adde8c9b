//! Face detection, crops, alignment and temporal links.
