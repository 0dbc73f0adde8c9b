use streamface_eval::merges::FalseMerges;
use streamface_eval::study::{
    Baseline, Calibration, CalibrationSettings, Grounds, HistogramSettings, Labelling, Pair, Present,
    PresentOf, Row, Truth, histograms, recommend, sweep,
};

use super::*;

fn rows(labelled: bool) -> Vec<Row> {
    let labels = [0, 0, 1, 1, 2];
    let of = |threshold| Labelling { threshold, labels: &labels, silhouette: Some(0.5) };
    let truth = Truth { labels: &[0, 0, 1, 1, 1].map(Some), shots: None, resamples: 100, seed: 1 };
    let mut rows = sweep(&[of(0.2), of(0.4), of(0.6)], labelled.then_some(&truth)).unwrap();
    for (row, expected) in rows.iter_mut().zip([0.0, 0.3, 1.2]) {
        row.false_merges = Some(FalseMerges { expected, interval: (expected / 3.0, 3.0 * expected) });
    }
    rows
}

/// A study whose recommended threshold is 0.4, and 0.6 is in use.
fn study(title: &str, labelled: bool, of: PresentOf) -> Study {
    let pair = |i: u32, from: f64| {
        let shot = u64::from(i / 3);
        Pair { distance: from + f64::from(i % 97) / 200.0, people: [shot, 1_000 + shot], shot }
    };
    let different: Vec<_> = (0..900).map(|i| pair(i, 0.6)).collect();
    let same: Vec<_> = (0..500).map(|i| pair(i, 0.05)).collect();
    let calibration = Calibration::new(&different, &same, &CalibrationSettings::default()).unwrap();
    let (rows, present) = (rows(labelled), Some(Present { threshold: 0.6, of }));
    let judged = rows[1].clone();
    let recommendation = recommend(&Grounds {
        by_budget: 0.4,
        budget: 0.5,
        rows: &rows,
        present,
        judged: Some(&judged),
        calibration: Some(&calibration),
    })
    .unwrap();
    let vectors =
        streamface_types::Embeddings::new((0..40).map(|i| ((i * i) % 11) as f32).collect(), 2).unwrap();
    let sampling = HistogramSettings { thresholds: vec![0.2], ..HistogramSettings::default() };
    Study {
        title: title.to_owned(),
        source: title.to_owned(),
        settings: vec![(title.to_owned(), title.to_owned())],
        recommendation: Some(recommendation),
        present,
        judged: Some(judged),
        calibration: Some(calibration),
        sweep: rows,
        histograms: Some(histograms(&vectors, Default::default(), &sampling).unwrap()),
        baselines: vec![Baseline {
            method: title.to_owned(),
            settings: title.to_owned(),
            ..Baseline::default()
        }],
    }
}

fn page(study: &Study) -> String {
    let mut page = Vec::new();
    StudyPage(study).render(&mut page).unwrap();
    String::from_utf8(page).unwrap()
}

#[test]
fn the_page_has_every_section_and_loads_nothing() {
    let study = study("News", true, PresentOf::LastClustering);
    let page = page(&study);
    for id in ["rates", "sweep", "distances", "methods", "settings"] {
        assert!(
            page.contains(&format!("<h2 id=\"{id}\">")) && page.contains(&format!("href=\"#{id}\"")),
            "{id}"
        );
    }
    assert_eq!(page.matches("<figure").count(), page.matches("</figure>").count());
    for part in ["http:", "https", "src=", "url(h", "NaN", "inf\"", "@import"] {
        assert!(!page.contains(part), "{part}");
    }
    assert_eq!(page, self::page(&study));
}

/// In every plot, with a legend.
#[test]
fn the_recommended_threshold_and_that_in_use_are_marked_in_every_plot() {
    for of in [PresentOf::LastClustering, PresentOf::JudgedMerges] {
        let page = page(&study("News", false, of));
        let plots: Vec<&str> =
            page.split("<figure").skip(1).filter_map(|rest| rest.split("</figure>").next()).collect();
        assert!(plots.len() >= 7, "{}", plots.len());
        for plot in plots {
            let lines = plot.matches("<path class=\"mark-at").count();
            for name in ["recommended, 0.4", "in use, 0.6"] {
                assert!(plot.contains(name) && lines >= 2, "{name} {lines}: {}", &plot[..200]);
            }
        }
    }
}

#[test]
fn the_threshold_why_and_how_sure_come_first() {
    let page = page(&study("News", false, PresentOf::LastClustering));
    let main = page.split("<main>").nth(1).unwrap();
    let top = main.split("<nav").next().unwrap();
    for part in [
        "Recommended threshold",
        "<p class=\"big\">0.4</p>",
        "0.3 false merges expected",
        "Why",
        "How sure",
        "0.1 to 0.9",
    ] {
        assert!(top.contains(part), "{part}: {top}");
    }
    // What there is to choose from: this one, that in use, and merges judged one by one.
    assert_eq!(top.matches("<li>").count(), 3, "{top}");
    assert!(!page.contains(">none<") && !page.contains("too little to say"));
}

#[test]
fn with_labels_the_measured_scores_are_at_the_top() {
    let page = page(&study("News", true, PresentOf::LastClustering));
    let top = page.split("<nav").next().unwrap();
    assert!(top.contains("by true labels") && top.contains("precision 1.000, recall 0.500"), "{top}");
}

#[test]
fn a_miss_rate_of_links_has_no_upper_bound() {
    let page = page(&study("News", false, PresentOf::LastClustering));
    let data = page.split("id=\"points\">").nth(1).unwrap().split("</script>").next().unwrap();
    let points: Vec<Vec<serde_json::Value>> = serde_json::from_str(data).unwrap();
    for point in points {
        let miss = point[3].as_str().unwrap();
        assert!(!miss.contains("at most") && !miss.contains("up to"), "{miss}");
    }
}

/// In a real browser: nothing is wider than the screen, and no table has to be scrolled.
#[test]
fn nothing_is_cut_on_a_wide_screen_or_a_narrow_one() {
    const CHROMIUM: [&str; 3] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let named = std::env::var("STREAMFACE_CHROMIUM").ok();
    let chromium =
        named.or_else(|| CHROMIUM.iter().find(|p| std::path::Path::new(p).exists()).map(|p| (*p).to_owned()));
    let Some(chromium) = chromium else {
        streamface_testing::skip!("no Chromium");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let mut studies =
        [study("News", true, PresentOf::LastClustering), study("News", false, PresentOf::JudgedMerges)];
    // A collection whose numbers are long.
    let rows = studies.iter_mut().flat_map(|s| &mut s.sweep);
    rows.for_each(|row| (row.clusters, row.singletons, row.sizes.largest) = (123_456, 45_678, 12_345));
    let mut frames = String::new();
    for (number, study) in studies.iter().enumerate() {
        write(&format!("{number}.html"), &page(study));
        for width in [1280, 375] {
            frames.push_str(&format!("<iframe src='{number}.html' width={width} height=2000></iframe>"));
        }
    }
    let script = "onload = () => { const found = [];
        for (const frame of document.querySelectorAll('iframe')) {
            const page = frame.contentDocument, width = frame.clientWidth;
            if (page.documentElement.scrollWidth > width) found.push(`the page at ${width}`);
            for (const e of page.querySelectorAll('main *:not(svg *):not(details *)')) {
                const box = e.getBoundingClientRect();
                if (box.width && (box.right > width + 1 || box.left < -1)) found.push(`${e.outerHTML.slice(0, 80)} at ${width}`);
                if (e.className === 'scroll' && e.scrollWidth > e.clientWidth + 1) found.push(`a table at ${width}`);
            }
        }
        document.title = found.length ? 'cut: ' + found.join('; ') : 'whole'; }";
    write(
        "all.html",
        &format!(
            "<!doctype html><meta charset=utf-8><style>iframe {{ border: 0 }}</style>{frames}<script>{script}</script>"
        ),
    );
    let shown = std::process::Command::new(chromium)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-dev-shm-usage",
        ])
        .args(["--hide-scrollbars", "--allow-file-access-from-files", "--window-size=1400,900", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}", folder.path().join("all.html").display()))
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout);
    let title = shown.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next());
    assert_eq!(title, Some("whole"), "{shown}");
}

#[test]
fn hostile_text_stays_text() {
    let page = page(&study("</script><script>alert(1)</script>\"'&", true, PresentOf::LastClustering));
    // Its own script and its own data, and nothing else.
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
}

#[test]
fn an_empty_study_is_a_page_too() {
    assert!(page(&Study::default()).contains("<h1>Threshold study</h1>"));
    let calibration = Calibration::new(&[], &[], &CalibrationSettings::default()).unwrap();
    let page = page(&Study { calibration: Some(calibration), ..Study::default() });
    assert!(page.contains("not known") && !page.contains("NaN"), "{page}");
}

#[test]
fn without_frames_true_labels_decide() {
    let study =
        Study { recommendation: None, calibration: None, ..study("News", true, PresentOf::LastClustering) };
    let page = page(&study);
    assert!(page.contains("largest BCubed F") && !page.contains("Error rates"), "{page}");
}
