//! Flags from a TOML file: `detect-size = 640` is `--detect-size 640`. They are put before the flags
//! given, and a flag given twice counts as given last.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use clap::{ArgAction, Command, CommandFactory};
use streamface_pipeline::settings::nearest;

use crate::args::Cli;

/// Largest file read, bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The command line with what `--config` names put in.
///
/// # Errors
/// The file cannot be read, a key is unknown (the nearest is named), or a value has the wrong type.
pub fn expand(args: Vec<OsString>) -> anyhow::Result<Vec<OsString>> {
    let Some(path) = config_path(&args) else { return Ok(args) };
    let path = Path::new(&path);
    let mut text = String::new();
    // A pipe or a device does not tell its length.
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
    if read.with_context(|| path.display().to_string())? as u64 > MAX_BYTES {
        bail!("{}: larger than {MAX_BYTES} bytes; is it a config file?", path.display());
    }
    let table: toml::Table = text.parse().with_context(|| format!("{}: not TOML", path.display()))?;
    let root = Cli::command();
    // The words before the first flag name the command; a path may follow it.
    let (depth, command) = active(&root, &args);
    let mut expanded = args[..=depth].to_vec();
    for (key, value) in &table {
        let Some(arg) = find(command, key) else {
            let known = all_flags(&root);
            if known.iter().any(|k| k == key) {
                // A flag of another command: one file may serve them all.
                continue;
            }
            bail!("{}: unknown key '{key}'{}", path.display(), nearest(key, &known));
        };
        let flag = format!("--{key}");
        match (value, arg.get_action()) {
            (toml::Value::Boolean(true), ArgAction::SetTrue) => expanded.push(flag.into()),
            (toml::Value::Boolean(false), ArgAction::SetTrue) => {}
            (toml::Value::Boolean(_), ArgAction::Set) if is_switch(arg) => {
                expanded.push(format!("{flag}={value}").into());
            }
            (toml::Value::String(s), ArgAction::Set) => expanded.push(format!("{flag}={s}").into()),
            (toml::Value::Integer(_) | toml::Value::Float(_), ArgAction::Set) => {
                expanded.push(format!("{flag}={value}").into());
            }
            (toml::Value::Array(all), _) if is_list(arg) && all.iter().all(toml::Value::is_str) => {
                let texts: Vec<&str> = all.iter().filter_map(toml::Value::as_str).collect();
                expanded.push(format!("{flag}={}", texts.join(",")).into());
            }
            (toml::Value::String(s), ArgAction::Append) => expanded.push(format!("{flag}={s}").into()),
            (toml::Value::Array(all), ArgAction::Append) if all.iter().all(toml::Value::is_str) => {
                let texts = all.iter().filter_map(toml::Value::as_str);
                expanded.extend(texts.map(|s| format!("{flag}={s}").into()));
            }
            (other, action) => {
                let wanted = match action {
                    ArgAction::SetTrue => "true or false",
                    ArgAction::Append => "a text, or a list of texts",
                    _ if is_list(arg) => "a text with commas, or a list of texts",
                    _ => "a number or a text",
                };
                bail!("{}: '{key}' must be {wanted}, not {}", path.display(), other.type_str());
            }
        }
    }
    expanded.extend_from_slice(&args[depth + 1..]);
    Ok(expanded)
}

/// A flag that may stand alone, or with true or false.
fn is_switch(arg: &clap::Arg) -> bool {
    arg.get_num_args().is_some_and(|range| range.min_values() == 0)
}

/// A flag whose value is a list with commas, and says so.
fn is_list(arg: &clap::Arg) -> bool {
    arg.get_value_names().is_some_and(|names| names.iter().any(|name| name.ends_with("LIST")))
}

fn config_path(args: &[OsString]) -> Option<OsString> {
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if arg == "--config" {
            return rest.next().cloned();
        }
        if let Some(path) = arg.to_str().and_then(|a| a.strip_prefix("--config=")) {
            return Some(path.into());
        }
    }
    None
}

/// The command that the words name, and the place of its last word.
fn active<'a>(root: &'a Command, args: &[OsString]) -> (usize, &'a Command) {
    let (mut command, mut depth) = (root, 0);
    for (i, arg) in args.iter().enumerate().skip(1) {
        let Some(sub) = arg.to_str().and_then(|a| command.find_subcommand(a)) else { break };
        (command, depth) = (sub, i);
    }
    (depth, command)
}

fn find<'a>(command: &'a Command, key: &str) -> Option<&'a clap::Arg> {
    command.get_arguments().find(|a| a.get_long() == Some(key) && key != "config")
}

fn all_flags(command: &Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(|a| a.get_long().map(str::to_owned));
    let mut all: Vec<_> = own.chain(command.get_subcommands().flat_map(all_flags)).collect();
    all.sort();
    all.dedup();
    all.retain(|k| k != "config");
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn with(config: &str, args: &[&str]) -> anyhow::Result<Vec<OsString>> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("streamface.toml");
        std::fs::write(&path, config)?;
        let mut all: Vec<OsString> = args.iter().map(Into::into).collect();
        all.push("--config".into());
        all.push(path.into());
        expand(all)
    }

    #[test]
    fn keys_become_flags_and_flags_given_win() {
        let args = with(
            "detect-size = 480\nthreads = 3\nquiet = true\n",
            &["streamface", "run", "a", "--out", "b", "--threads", "1"],
        );
        let cli = Cli::try_parse_from(args.unwrap()).unwrap();
        let crate::args::Command::Run(run) = cli.command else { panic!() };
        assert_eq!((run.faces.detect_size, run.work.threads, run.common.quiet), (Some(480), Some(1), true));
    }

    #[test]
    fn a_flag_that_may_be_given_several_times_is_a_text_or_a_list() {
        let run = ["streamface", "run", "a", "--out", "b", "--header", "C: d"];
        for (config, headers) in [
            ("header = \"A: b\"", &["A: b", "C: d"][..]),
            ("header = [\"A: b\", \"E: f\"]", &["A: b", "E: f", "C: d"]),
        ] {
            let cli = Cli::try_parse_from(with(config, &run).unwrap()).unwrap();
            let crate::args::Command::Run(run) = cli.command else { panic!() };
            assert_eq!(run.frames.header, headers);
        }
        let said = with("header = [1]", &run).unwrap_err().to_string();
        assert!(said.contains("list of texts"), "{said}");
    }

    #[test]
    fn a_list_with_commas_is_a_text_or_a_list() {
        let run = ["streamface", "analyze", "a"];
        for config in ["attributes = \"age,pose\"", "attributes = [\"age\", \"pose\"]"] {
            let cli = Cli::try_parse_from(with(config, &run).unwrap()).unwrap();
            let crate::args::Command::Analyze(args) = cli.command else { panic!() };
            assert_eq!(args.attributes.as_deref(), Some("age,pose"));
        }
        assert!(with("only = [\"pose\"]", &run).unwrap().contains(&"--only=pose".into()));
        let said = with("attributes = [1]", &run).unwrap_err().to_string();
        assert!(said.contains("a text with commas, or a list of texts"), "{said}");
    }

    #[test]
    fn flags_of_other_commands_are_passed_over() {
        let args = with("detect-size = 480", &["streamface", "cluster", "dir"]).unwrap();
        assert!(!args.iter().any(|a| a.to_string_lossy().contains("detect-size")));
    }
}
