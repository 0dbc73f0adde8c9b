//! All nine steps on a video, each as a call: `nine_steps news.mp4 news` prints who is on screen, and when.

use std::{collections::BTreeMap, path::Path};

use streamface_pipeline::*;
use streamface_store::{Dataset, FrameRow, LabelRow};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [video, dir] = &args[..] else { return Err("usage: nine_steps VIDEO DIRECTORY".into()) };
    let (dir, input, stop) = (Path::new(dir), Input::dataset(dir), Stop::new());
    let progress = |event: &Event| match event {
        Event::Counts(counts) => eprint!("\r{} frames, {} faces", counts.frames, counts.faces),
        Event::Phase { what, done, total } => eprint!("\r{what}: {done} of {total}"),
        Event::Ended => eprintln!(),
        _ => {}
    };
    let context = Context::new(&progress, &stop);
    capture(video, dir, &CaptureSettings::default(), &context)?;
    extract(dir, &ExtractSettings::default(), &context)?;
    analyze(dir, &AnalyzeSettings::default(), &context)?;
    let threshold = study(&input, &StudySettings::default(), &context)?.study.threshold();
    cluster(dir, &ClusterSettings::default(), &context)?;
    let silhouette = evaluate(&input, &EvaluateSettings::default(), &context)?.intrinsic.silhouette;
    let mut sure = MatchSettings::default();
    sure.join = true;
    match_clusters(&input, &sure, &context)?;
    let reviewed = finalize(dir, &FinalizeSettings::default())?.annotations;
    let scores = score(&dir.join("metadata/annotations.json"), &reviewed, &ScoreSettings::default())?.scores;
    println!("threshold {threshold:?}, silhouette {silhouette:?}, F {:.3}", scores.pairwise.f);
    let data = Dataset::open(dir)?;
    let times =
        data.read()?.into_iter().map(|f: FrameRow| (f.frame, f.stream_time)).collect::<BTreeMap<_, _>>();
    let mut seen = BTreeMap::<i64, Vec<f64>>::new();
    for LabelRow { face, label, .. } in data.read()? {
        seen.entry(label.0).or_default().extend(times[&face.frame].map(|t| t.micros() as f64 / 1e6));
    }
    seen.iter().for_each(|(person, seconds)| println!("person {person}: at {seconds:.1?} s"));
    Ok(())
}
