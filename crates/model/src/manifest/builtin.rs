//! The manifests that come with StreamFace. A new one is a file in `manifests` and a line here.

/// Name and text, in the order of the names.
pub(super) const ALL: [(&str, &str); 2] = [
    ("centerface", include_str!("../../manifests/centerface.toml")),
    ("mobilefacenet", include_str!("../../manifests/mobilefacenet.toml")),
];
