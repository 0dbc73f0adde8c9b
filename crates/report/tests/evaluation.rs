//! The page of an evaluation.

// Helpers of tests are not seen as tests by the lint.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use streamface_eval::{Intrinsic, intrinsic};
use streamface_report::{Error, Evaluation, EvaluationLimits, NoPictures, Pictures, ReviewLinks};
use streamface_types::{Embeddings, FaceId, Metric};

fn ids(n: usize) -> Vec<FaceId> {
    (0..n).map(|i| format!("f{i:03}_face_0").parse().unwrap()).collect()
}

/// Two people of four faces each; one of each is with the other. A third is seen once, and one is noise.
fn mixed() -> Intrinsic {
    let angles: [f32; 10] = [0.0, 0.1, 0.2, 1.5, 1.4, 1.6, 1.5, 0.1, 3.0, 2.0];
    let data = angles.iter().flat_map(|a| [a.cos(), a.sin()]).collect();
    let labels = [0, 0, 0, 0, 1, 1, 1, 1, 2, -1];
    intrinsic(&Embeddings::new(data, 2).unwrap(), &labels, Metric::Cosine, 5).unwrap()
}

fn evaluation<'a>(intrinsic: &'a Intrinsic, faces: &'a [FaceId]) -> Evaluation<'a> {
    Evaluation {
        title: String::new(),
        source: "a <b> & c".to_owned(),
        settings: Vec::new(),
        intrinsic,
        faces,
        names: BTreeMap::from([(1, "<script>alert(1)</script>".to_owned())]),
        faces_folder: "faces".to_owned(),
        review: None,
        limits: EvaluationLimits::default(),
    }
}

fn page(evaluation: &Evaluation<'_>, pictures: &mut dyn Pictures) -> String {
    let mut page = Vec::new();
    evaluation.render(&mut page, pictures).unwrap();
    String::from_utf8(page).unwrap()
}

#[test]
fn errors_stand_beside_their_own_and_the_other_cluster() {
    struct Asked(Vec<Vec<String>>);
    impl Pictures for Asked {
        fn face(&mut self, _: &FaceId) -> Option<Vec<u8>> {
            None
        }
        fn faces(&mut self, faces: &[&FaceId]) -> Vec<Option<Vec<u8>>> {
            self.0.push(faces.iter().map(|f| f.frame.to_string()).collect());
            faces.iter().map(|_| Some(vec![0xff, 0xd8])).collect()
        }
    }
    let (found, faces) = (mixed(), ids(10));
    let mut evaluation = evaluation(&found, &faces);
    evaluation.limits =
        EvaluationLimits { outliers: 2, beside: 2, clusters: 2, ..EvaluationLimits::default() };
    let mut asked = Asked(Vec::new());
    let page = page(&evaluation, &mut asked);
    // Faces 3 and 7 are with the wrong person; they are never shown as typical of anyone. What is typical of the one's
    // own cluster is typical of the other's nearest, and is asked for and embedded once.
    assert_eq!(asked.0.len(), 4);
    let mut wrong = [asked.0[0][0].as_str(), asked.0[3][0].as_str()];
    wrong.sort_unstable();
    assert_eq!(wrong, ["f003", "f007"]);
    let beside: Vec<_> = [1, 2].iter().flat_map(|&i: &usize| &asked.0[i]).collect();
    assert!(beside.len() == 4 && !beside.iter().any(|f| wrong.contains(&f.as_str())), "{beside:?}");
    assert_eq!((page.matches("data:image/jpeg").count(), page.matches("<use ").count()), (6, 4));
    assert!(page.contains("1 more cluster not shown") && page.contains("3 further faces"));
    assert!(page.contains("Below 0") && page.contains("1 face left out as noise"));
    assert!(page.contains("href=\"faces/f003_face_0.png\""));
}

#[test]
fn likely_errors_open_in_the_review() {
    let (found, faces) = (mixed(), ids(10));
    let mut evaluation = evaluation(&found, &faces);
    assert!(!page(&evaluation, &mut NoPictures).contains("class=\"button\""));
    evaluation.review = Some(ReviewLinks {
        address: "http://127.0.0.1:7373".to_owned(),
        command: "streamface review 'a <b>'".to_owned(),
    });
    let page = page(&evaluation, &mut NoPictures);
    assert_eq!(page.matches("class=\"button\"").count(), 10);
    for face in ["f003_face_0", "f007_face_0"] {
        assert!(page.contains(&format!("href=\"http://127.0.0.1:7373/#/mixed/{face}\"")), "{face}");
        assert!(page.contains(&format!("href=\"http://127.0.0.1:7373/#/compare/{face}/f0")), "{face}");
    }
    assert!(page.contains("<code>streamface review 'a &lt;b&gt;'</code>"));
}

#[test]
fn few_faces_are_shown_that_are_likely_right() {
    let (found, faces) = (mixed(), ids(10));
    assert_eq!(found.outliers.iter().filter(|s| s.silhouette < 0.0).count(), 2);
    for (outliers, right, shown) in [(60, 12, 5), (60, 1, 3), (60, 0, 2), (1, 12, 1), (0, 12, 0)] {
        let mut evaluation = evaluation(&found, &faces);
        evaluation.limits = EvaluationLimits { outliers, right, ..EvaluationLimits::default() };
        assert_eq!(evaluation.limits.shown(&found.outliers).len(), shown, "{outliers} {right}");
        let page = page(&evaluation, &mut NoPictures);
        assert_eq!(page.matches("<article class=\"likely\">").count(), shown);
        assert_eq!(page.contains("the others may be right"), shown > 2);
    }
}

#[test]
fn rows_that_are_no_faces_go_by_their_numbers() {
    let found = mixed();
    let page = page(&evaluation(&found, &[]), &mut NoPictures);
    assert_eq!(page.matches("<article class=\"likely rows\">").count(), 5);
    assert!(page.contains("<p>row 3</p>") && page.contains("<p>rows ") && !page.contains("no picture"));
    assert!(!page.contains("class=\"one\""));
}

#[test]
fn names_are_text_and_nothing_is_loaded() {
    let (found, faces) = (mixed(), ids(10));
    let first = page(&evaluation(&found, &faces), &mut NoPictures);
    assert!(!first.contains("<script") && first.contains("&lt;script&gt;alert"));
    assert!(first.contains("a &lt;b&gt; &amp; c"));
    assert!(first.contains("default-src 'none'") && !first.contains("http:") && !first.contains("https:"));
    assert_eq!(first.matches("<svg").count(), 3);
    assert_eq!(first.matches("<article").count(), first.matches("</article>").count());
    // The same input gives the same bytes.
    assert_eq!(first, page(&evaluation(&mixed(), &faces), &mut NoPictures));
}

#[test]
fn what_was_skipped_is_said() {
    for (labels, faces) in [(vec![0, 0, 0], 3), (vec![-1, -1], 2), (vec![], 0)] {
        let vectors = Embeddings::new((0..2 * faces).map(|i| i as f32).collect(), 2).unwrap();
        let found = intrinsic(&vectors, &labels, Metric::Euclidean, 5).unwrap();
        let faces = ids(faces);
        let page = page(&evaluation(&found, &faces), &mut NoPictures);
        assert_eq!(page.matches("<strong>–</strong>").count(), 3);
        assert!(page.contains(&format!("there are {} clusters", found.clusters)), "{page}");
    }
}

#[test]
fn a_face_for_each_row() {
    let (found, faces) = (mixed(), ids(9));
    let refused = evaluation(&found, &faces).render(&mut Vec::new(), &mut NoPictures);
    assert!(matches!(refused, Err(Error::Faces { rows: 10, faces: 9 })));
}
