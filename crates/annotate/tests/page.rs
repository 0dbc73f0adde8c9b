//! What the files of the page promise, without a browser.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// All values of a property of a stylesheet, in order.
fn values<'a>(css: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!("{name}:");
    css.match_indices(&start)
        .filter(|(at, _)| !css[..*at].ends_with('-') && css[..*at].ends_with([' ', '\n', '{', ';']))
        .map(|(at, _)| css[at + start.len()..].split([';', '}']).next().unwrap().trim())
        .collect()
}

/// One colour for links, choices and marks, whichever page of the project is open; light and dark.
#[test]
fn the_accent_is_that_of_the_report() {
    let (review, report) = (read("src/server/page/review.css"), read("../report/src/report.css"));
    for (ours, theirs) in [("--accent", "--accent"), ("--tint", "--accent-soft")] {
        let [light, dark] = values(&report, theirs)[..] else { panic!("{theirs} is not there twice") };
        let [ours_light, chosen_dark, dark_by_system] = values(&review, ours)[..] else {
            panic!("{ours} is not there thrice")
        };
        assert_eq!((ours_light, chosen_dark, dark_by_system), (light, dark, dark), "{ours}");
    }
}

/// Each file that a script of the page imports is served.
#[test]
fn every_script_is_embedded() {
    let (assets, page) =
        (read("src/server/assets.rs"), Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/page"));
    let mut scripts = 0;
    for entry in std::fs::read_dir(page).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(assets.contains(&format!("page/{name}\"")), "{name} is not in assets.rs");
        scripts += usize::from(name.ends_with(".js"));
        if name.ends_with(".js") {
            for import in read(&format!("src/server/page/{name}")).split("from \"./").skip(1) {
                let other = import.split('"').next().unwrap();
                assert!(assets.contains(&format!("(\"/{other}\"")), "{name} imports {other}");
            }
        }
    }
    assert!(scripts > 9, "{scripts}");
}
