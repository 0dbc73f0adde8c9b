//! How long decisions take: `cargo run --release -p streamface-annotate --example people_at_scale`
//!
//! 1,000,000 faces in 33,000 clusters, 10,000 decisions of every kind. Prints milliseconds: making people of
//! clusters, replaying all, applying one by one (median, 99 of 100, worst), checks, an undo, and the journal's
//! own writing and reading.

use std::error::Error;
use std::time::Instant;

use streamface_annotate::{Action, Compared, Decision, Finalized, Journal, Numbering, People, Verdict, load};
use streamface_kernels::SplitMix64;
use streamface_types::{FaceId, FrameId, Timestamp};

const FACES: usize = 1_000_000;
const CLUSTERS: usize = 33_000;
const DECISIONS: usize = 10_000;

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut random = SplitMix64::new(1);
    let mut faces = Vec::with_capacity(FACES);
    for frame in 0..FACES / 2 {
        let frame =
            FrameId::new(format!("channel_frame_{:020}", 20_250_101_000_000_000_000_u128 + frame as u128))?;
        faces.extend((0..2).map(|index| FaceId::new(frame.clone(), index)));
    }
    // Four clusters a person; few people are seen very often, most seldom; the two of a frame are two people.
    let person = |cluster: i64| cluster / 4;
    let mut labels: Vec<i64> = Vec::with_capacity(FACES);
    while labels.len() < FACES {
        let f = labels.len();
        let r = random.below(1 << 30) as f64 / f64::from(1 << 30);
        let label =
            if f < CLUSTERS { (f * 7 % CLUSTERS) as i64 } else { (CLUSTERS as f64).powf(r) as i64 - 1 };
        if f.is_multiple_of(2) || person(label) != person(labels[f - 1]) {
            labels.push(label);
        } else {
            labels.push((label + 8) % CLUSTERS as i64);
        }
    }
    let start = Instant::now();
    let mut people = People::new(faces.clone(), &labels, true)?;
    println!("people of {FACES} faces, {CLUSTERS} clusters   {:8.2} ms", ms(start));

    let mut members: Vec<Vec<usize>> = vec![Vec::new(); CLUSTERS];
    labels.iter().enumerate().for_each(|(f, &l)| members[l as usize].push(f));
    let side = |random: &mut SplitMix64, cluster: usize| -> Vec<FaceId> {
        let of = &members[cluster];
        (0..of.len().min(25)).map(|_| faces[of[random.below(of.len())]].clone()).collect()
    };
    let mut decisions: Vec<Decision> = Vec::new();
    let (mut checked, mut applied) = (Vec::new(), Vec::new());
    let mut kinds = [0; 7];
    while decisions.len() < DECISIONS {
        let kind = random.below(100);
        let some = |random: &mut SplitMix64| {
            let cluster = random.below(CLUSTERS);
            side(random, cluster)
        };
        let (n, action) = match kind {
            0..85 => {
                let one = random.below(CLUSTERS / 4) * 4;
                let left = side(&mut random, one);
                let pairs = (0..if kind < 20 { 12 } else { 1 }).map(|k| {
                    let same = k == 0 && random.below(3) == 0;
                    let other = if same { one + 1 + random.below(3) } else { random.below(CLUSTERS) };
                    let right = side(&mut random, other);
                    let verdict = if other / 4 == one / 4 {
                        Verdict::Same
                    } else if random.below(20) == 0 {
                        Verdict::NotSure
                    } else {
                        Verdict::Different
                    };
                    Compared { left: left.clone(), right, verdict }
                });
                (0, Action::Compare { pairs: pairs.collect() })
            }
            85..88 => (1, Action::Noise { faces: some(&mut random) }),
            88..92 => (2, Action::Split { faces: some(&mut random), together: kind.is_multiple_of(2) }),
            92..94 => (3, Action::Move { faces: some(&mut random), to: some(&mut random) }),
            94..96 => (4, Action::Name { person: some(&mut random), name: Some("someone".into()) }),
            96..98 => (5, Action::Skip { person: some(&mut random) }),
            _ => (6, Action::Undo { decision: 1 + random.below(decisions.len().max(1)) as u64 }),
        };
        let start = Instant::now();
        let fine = people.check(&action).is_ok();
        checked.push(ms(start));
        if !fine {
            continue;
        }
        let id = decisions.len() as u64 + 1;
        let decision = Decision { id, at: Timestamp::default(), who: "me".into(), seconds: None, action };
        let start = Instant::now();
        people.apply(&decision);
        applied.push(ms(start));
        kinds[n] += 1;
        decisions.push(decision);
    }
    println!("decisions: compare, noise, split, move, name, skip, undo   {kinds:?}");
    for (name, mut times) in [("check", checked), ("apply", applied)] {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        let (half, most, worst) = (at(0.5), at(0.99), at(1.0));
        println!("{name} one by one   median {half:8.3} ms   99 of 100 {most:8.3} ms   worst {worst:8.3} ms");
    }
    let start = Instant::now();
    let mut again = People::new(faces, &labels, true)?;
    let made = ms(start);
    again.replay(&decisions);
    println!("replay of {DECISIONS}   {:8.2} ms", ms(start) - made);
    assert_eq!(again.labels(), people.labels());
    let undo = Action::Undo { decision: DECISIONS as u64 };
    let start = Instant::now();
    let id = DECISIONS as u64 + 1;
    people.apply(&Decision { id, at: Timestamp::default(), who: "me".into(), seconds: None, action: undo });
    println!("undo   {:8.2} ms", ms(start));
    let start = Instant::now();
    let done = Finalized::new(&people, Numbering::Stable);
    println!("finalized   {} people   {:8.2} ms", done.people.len(), ms(start));

    let dir = tempfile::tempdir()?;
    let path = dir.path().join("decisions.jsonl");
    let (mut journal, _) = Journal::open(&path)?;
    let mut times = Vec::new();
    for decision in &decisions {
        let action = decision.action.clone();
        let start = Instant::now();
        journal.append("me", None, action)?;
        times.push(ms(start));
    }
    times.sort_by(f64::total_cmp);
    let (half, most) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!(
        "journal   median {half:8.3} ms   99 of 100 {most:8.3} ms   {} bytes",
        std::fs::metadata(&path)?.len()
    );
    let start = Instant::now();
    let read = load(&path)?;
    println!("load of {}   {:8.2} ms", read.len(), ms(start));
    Ok(())
}
