//! Scores one file of labels against another: `score TRUE PREDICTED`, each `annotations.json` or CSV
//! `name,label`. Without arguments it scores a small pair of its own.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (truth, predicted) = match &arguments[..] {
        [truth, predicted] => {
            (streamface_eval::read_labels(truth)?, streamface_eval::read_labels(predicted)?)
        }
        [] => {
            let labels = |all: &[(&str, i64)]| all.iter().map(|&(n, l)| (n.to_owned(), l)).collect();
            (
                labels(&[("a", 0), ("b", 0), ("c", 0), ("d", 1), ("e", 1)]),
                labels(&[("a", 0), ("b", 0), ("c", 2), ("d", 1), ("e", 1)]),
            )
        }
        _ => return Err("usage: score TRUE PREDICTED".into()),
    };
    let s = streamface_eval::score(&truth, &predicted)?;
    println!("{} faces, {} people, {} clusters", s.samples, s.true_people, s.predicted_clusters);
    for (name, prf) in [("pairwise", s.pairwise), ("BCubed", s.bcubed)] {
        println!("{name:<8}  P {:.4}  R {:.4}  F {:.4}", prf.precision, prf.recall, prf.f);
    }
    println!("ARI {:.4}  NMI {:.4}  purity {:.4}", s.ari, s.information.nmi, s.purity);
    Ok(())
}
