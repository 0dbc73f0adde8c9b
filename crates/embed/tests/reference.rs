//! Embeddings against those of another runtime, and people told apart on 100 photos.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use streamface_cluster::{Constraints, Settings, complete_linkage};
use streamface_detect::{CenterFace, DetectSettings, Detector as _, Landmarks, align};
use streamface_embed::{Embedder as _, NetworkEmbedder};
use streamface_eval::{best_threshold, verification};
use streamface_imgproc::{DecodeLimits, decode_image};
use streamface_model::{Cache, Manifest};
use streamface_store::read_npy;
use streamface_testing::{reference, skip};
use streamface_types::{Embeddings, Metric};

#[track_caller]
fn weights(name: &str) -> Option<(Manifest, Vec<Vec<u8>>)> {
    let model = Manifest::builtin(name).unwrap();
    let Ok(weights) = Cache::of_user().read(&model) else {
        skip!("no weights of {}; `streamface models pull` fetches them", model.name);
        return None;
    };
    Some((model, weights))
}

/// Path, person and landmarks of the 100 photos, in the order of the reference embeddings.
fn photos(dir: &Path) -> Vec<(PathBuf, String, Landmarks)> {
    let text = std::fs::read_to_string(dir.join("models/mobilefacenet_lfw10_order.csv")).unwrap();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let mut landmarks = Landmarks::default();
        for (i, field) in fields[2..].iter().enumerate() {
            landmarks.0[i / 2][i % 2] = field.parse().unwrap();
        }
        (dir.join("faces_lfw10").join(fields[0]), fields[1].to_owned(), landmarks)
    };
    text.lines().skip(1).map(row).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    1.0 - Metric::Cosine.distance(a, b)
}

#[test]
fn hundred_photos_of_ten_people() {
    let (Some(dir), Some((model, embed)), Some((detector, detect))) =
        (reference(""), weights("mobilefacenet"), weights("centerface"))
    else {
        return;
    };
    let reference = read_npy(&dir.join("models/mobilefacenet_lfw10.npy")).unwrap();
    let embedder = NetworkEmbedder::new(&model, &embed).unwrap();
    let settings = DetectSettings::recommended(&detector).unwrap();
    let detector = CenterFace::new(&detector, detect, settings).unwrap();
    let photos = photos(&dir);
    assert_eq!((photos.len(), reference.len()), (100, 100));
    let (mut own, mut likeness) = (Vec::new(), Vec::new());
    for ((path, _, landmarks), want) in photos.iter().zip(reference.rows()) {
        let image = decode_image(&std::fs::read(path).unwrap(), &DecodeLimits::default()).unwrap();
        let given = align(&image, landmarks, 112).unwrap();
        // The face nearest the middle, with landmarks of our own.
        let middle = |b: streamface_detect::BoundingBox| {
            let [x, y] = b.centre();
            (x - image.width() as f32 / 2.0).hypot(y - image.height() as f32 / 2.0)
        };
        let faces = detector.detect(&image).unwrap();
        let face = faces.iter().min_by(|a, b| middle(a.bbox).total_cmp(&middle(b.bbox))).unwrap();
        let ours = align(&image, &detector.refine(&image, face).unwrap(), 112).unwrap();
        let embedded = embedder.embed(&[(&given).into(), (&ours).into()]).unwrap();
        let vectors: Vec<_> = embedded.iter().map(|e| &e.vector).collect();
        let alike = cosine(vectors[0], want);
        assert!(alike >= 0.9999, "{}: {alike}", path.display());
        likeness.push(cosine(vectors[1], want));
        own.extend_from_slice(vectors[1]);
    }
    likeness.sort_by(f64::total_cmp);
    let median = likeness[50];
    let own = Embeddings::new(own, 192).unwrap();
    let mut names: Vec<&str> = photos.iter().map(|p| p.1.as_str()).collect();
    names.dedup();
    let truth: Vec<i64> =
        photos.iter().map(|p| names.iter().position(|n| *n == p.1).unwrap() as i64).collect();
    let v = verification(&own, &truth, Metric::Cosine, 1e-3).unwrap();
    let thresholds = (30..=110).map(|t| f64::from(t) / 100.0);
    let best = best_threshold(&truth, thresholds, |t| {
        let settings = Settings::new(Metric::Cosine, t).unwrap();
        let found = complete_linkage(&own, &settings, &Constraints::default()).unwrap();
        Ok::<_, streamface_eval::Error>(found.labels.into_iter().map(i64::from).collect())
    });
    let best = best.unwrap().unwrap();
    println!(
        "100 photos: AUC {:.5}, TAR {:.4} at FAR .1 %, best pairwise F {:.4} at {}; own landmarks: median cosine {median:.4}",
        v.auc, v.tar, best.pairwise.f, best.threshold
    );
    assert!(median >= 0.97, "own landmarks: {median}");
    assert!(v.auc > 0.999, "{v:?}");
    assert_eq!(best.pairwise.f, 1.0, "{best:?}");
}
