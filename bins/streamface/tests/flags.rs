//! Every setting of a step is a flag of its command.

#![allow(clippy::unwrap_used)]

mod common;

use common::run;
use streamface_pipeline::settings::{
    AnalyzeSettings, CaptureSettings, ClusterSettings, ClusterVectorsSettings, EvaluateSettings,
    ExportSettings, ExtractSettings, FinalizeSettings, ImportSettings, MatchSettings, PruneSettings,
    ReviewSettings, RunSettings, ScoreSettings, Settings as _, StatsSettings, StudySettings, VerifySettings,
    WatchSettings,
};

#[test]
fn every_setting_is_a_flag_of_its_command() {
    for (name, keys) in [
        ("run", RunSettings::keys()),
        ("watch", WatchSettings::keys()),
        ("capture", CaptureSettings::keys()),
        ("extract", ExtractSettings::keys()),
        ("analyze", AnalyzeSettings::keys()),
        ("study", StudySettings::keys()),
        ("cluster", ClusterSettings::keys()),
        ("cluster", ClusterVectorsSettings::keys()),
        ("evaluate", EvaluateSettings::keys()),
        ("match", MatchSettings::keys()),
        ("review", ReviewSettings::keys()),
        ("finalize", FinalizeSettings::keys()),
        ("score", ScoreSettings::keys()),
        ("export", ExportSettings::keys()),
        ("import", ImportSettings::keys()),
        ("prune", PruneSettings::keys()),
        ("stats", StatsSettings::keys()),
        ("verify", VerifySettings::keys()),
    ] {
        let help = run(&["help", name]);
        let help = String::from_utf8(help.stdout).unwrap();
        // A flag begins its line; examples and other flags' words do not count.
        let flags: Vec<&str> =
            help.lines().filter_map(|line| line.split_once("--")?.1.split([' ', '[', '=']).next()).collect();
        let missing: Vec<_> = keys.iter().filter(|key| !flags.contains(&key.as_str())).collect();
        assert!(!keys.is_empty() && missing.is_empty(), "{name}: {missing:?}");
    }
}

#[test]
fn help_lists_the_attributes_that_there_are() {
    for name in ["run", "analyze"] {
        let help = run(&["help", name]);
        let help = String::from_utf8(help.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        let words: Vec<&str> = help.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        for attribute in streamface_types::attributes::VOCABULARY {
            assert!(words.contains(&attribute.name), "{name}: {} is not in {help}", attribute.name);
        }
        assert!(help.contains("such as pose,age"), "{help}");
    }
}

#[test]
fn a_config_file_may_list_attributes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("streamface.toml");
    for (text, word) in [
        ("attributes = [\"pose\", \"beard\"]", "'beard' is neither an attribute"),
        ("attributes = \"pose,beard\"", "'beard' is neither an attribute"),
        ("attributes = [\"pose\", 3]", "'attributes' must be a text with commas, or a list of texts"),
    ] {
        std::fs::write(&path, text).unwrap();
        let output = run(&["doctor", "--config", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        assert!(common::said(&output).contains(word), "{}", common::said(&output));
    }
}

#[test]
fn a_wrong_key_of_a_config_file_is_named_with_the_nearest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("streamface.toml");
    for (text, word) in [
        ("detect_sise = 1", "'detect-size'"),
        ("threads = [1]", "'threads' must be"),
        ("threads = ", "not TOML"),
    ] {
        std::fs::write(&path, text).unwrap();
        let output = run(&["run", "a", "--out", "b", "--config", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        assert!(common::said(&output).contains(word), "{}", common::said(&output));
    }
}
