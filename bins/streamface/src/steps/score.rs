//! Labels against true ones.

use anyhow::Context as _;
use streamface_eval::{Prf, read_labels, score as compare};

use super::Outcome;
use crate::args::ScoreArgs;

/// `streamface score`.
///
/// # Errors
/// A file cannot be read, or the two name no face together.
pub fn score(args: &ScoreArgs) -> anyhow::Result<Outcome> {
    let (truth, predicted) = (read_labels(&args.truth)?, read_labels(&args.predicted)?);
    let scores = compare(&truth, &predicted)
        .with_context(|| format!("{} against {}", args.predicted.display(), args.truth.display()))?;
    if args.common.json {
        say!("{:#}", serde_json::to_value(scores)?);
    } else {
        let prf = |p: Prf| format!("F {:.4} (precision {:.4}, recall {:.4})", p.f, p.precision, p.recall);
        say!(
            "faces     {} in both ({} only true, {} only predicted)",
            scores.samples,
            scores.only_in_true,
            scores.only_in_predicted
        );
        say!("people    {} true, {} predicted", scores.true_clusters, scores.predicted_clusters);
        say!("pairwise  {}", prf(scores.pairwise));
        say!("BCubed    {}", prf(scores.bcubed));
        say!("ARI       {:.4}", scores.ari);
        say!("NMI       {:.4}", scores.information.nmi);
        say!("purity    {:.4}", scores.purity);
    }
    let short = args.at_least.is_some_and(|wanted| scores.pairwise.f < wanted);
    Ok(if short { Outcome::Incomplete } else { Outcome::Done })
}
