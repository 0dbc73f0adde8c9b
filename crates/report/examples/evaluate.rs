//! Writes `evaluate.html`: `evaluate VECTORS.npy NAMES.txt LABELS FACES OUT.html`, where `NAMES.txt` has
//! the face of each row, `LABELS` is `annotations.json` or CSV `name,label`, and `FACES` holds
//! `{face}.png`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

use streamface_eval::intrinsic;
use streamface_eval::labels::stem;
use streamface_report::{Evaluation, EvaluationLimits, Folder};
use streamface_types::{FaceId, Metric};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [vectors, names, labels, faces, page] = &arguments[..] else {
        return Err("usage: evaluate VECTORS.npy NAMES.txt LABELS FACES OUT.html".into());
    };
    let embeddings = streamface_store::read_npy(vectors.as_ref())?;
    let names = std::fs::read_to_string(names)?;
    let known = streamface_eval::read_labels(labels)?;
    let ids = names.lines().map(|name| stem(name).parse::<FaceId>()).collect::<Result<Vec<_>, _>>()?;
    // A face without a label is noise.
    let rows: Vec<i64> = names.lines().map(|name| known.get(stem(name)).copied().unwrap_or(-1)).collect();
    let found = intrinsic(&embeddings, &rows, Metric::Cosine, 100)?;
    let evaluation = Evaluation {
        title: "Evaluation of clusters".to_owned(),
        source: labels.clone(),
        settings: vec![("metric".to_owned(), found.metric.clone())],
        intrinsic: &found,
        faces: &ids,
        names: BTreeMap::new(),
        faces_folder: String::new(),
        review: None,
        limits: EvaluationLimits::default(),
    };
    let mut out = BufWriter::new(File::create(page)?);
    evaluation.render(&mut out, &mut Folder::new(faces))?;
    out.flush()?;
    Ok(())
}
