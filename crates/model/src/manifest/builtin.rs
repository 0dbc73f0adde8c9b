//! The manifests that come with StreamFace. A new one is a file in `manifests` and a line here.

/// Name and text, in the order of the names.
pub(super) const ALL: [(&str, &str); 16] = [
    ("accurate", include_str!("../../manifests/accurate.toml")),
    ("age-v1", include_str!("../../manifests/age-v1.toml")),
    ("centerface", include_str!("../../manifests/centerface.toml")),
    ("centerface-int8", include_str!("../../manifests/centerface-int8.toml")),
    ("emotion", include_str!("../../manifests/emotion.toml")),
    ("face-mask", include_str!("../../manifests/face-mask.toml")),
    ("facemesh", include_str!("../../manifests/facemesh.toml")),
    ("faceres", include_str!("../../manifests/faceres.toml")),
    ("fr-feature", include_str!("../../manifests/fr-feature.toml")),
    ("fr-pose", include_str!("../../manifests/fr-pose.toml")),
    ("gear", include_str!("../../manifests/gear.toml")),
    ("gender-v1", include_str!("../../manifests/gender-v1.toml")),
    ("liveness", include_str!("../../manifests/liveness.toml")),
    ("mobilefacenet", include_str!("../../manifests/mobilefacenet.toml")),
    ("mobilefacenet-int8", include_str!("../../manifests/mobilefacenet-int8.toml")),
    ("mtcnn", include_str!("../../manifests/mtcnn.toml")),
];
