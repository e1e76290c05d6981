//! The rules of the house that a compiler does not know, read from the source text itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What has no clock, no I/O, no task and no chance of its own.
const PURE_PATHS: &[&str] = &[
    "crates/scry-calendar/src/",
    "crates/scry-catalogue/src/",
    "crates/scry-dashboard/src/",
    "crates/scry-model/src/",
    "crates/scry-protocol/src/",
    "crates/scry-query/src/",
    "crates/scry-text/src/",
    "crates/scry-world/src/",
    "crates/scry-wire/src/codec/",
    "crates/scry-wire/src/session/",
    "crates/scry-client/src/connection/backoff",
    "crates/scry-client/src/connection/gap_detector",
    "crates/scry-client/src/connection/state_machine",
    "crates/scry-client/src/doctor/render.rs",
    "crates/scry-client/src/doctor/report.rs",
    "crates/scry-scripting/src/command_exit.rs",
    "crates/scry-scripting/src/expect/",
    "crates/scry-scripting/src/fields.rs",
    "crates/scry-scripting/src/format.rs",
    "crates/scry-scripting/src/monitor.rs",
    "crates/scry-scripting/src/recording/",
    "crates/scry-scripting/src/values.rs",
    "crates/scry-scripting/src/wait.rs",
    "crates/scry-scripting/src/watch.rs",
    "crates/scry-server/src/cluster/signing",
    "crates/scry-server/src/cluster/message.rs",
    "crates/scry-server/src/graphql/cost",
    "crates/scry-server/src/graphql/literals.rs",
    "crates/scry-server/src/graphql/field_costs.rs",
    "crates/scry-server/src/graphql/scan.rs",
    "crates/scry-server/src/presence/registry",
    "crates/scry-server/src/presence/typing",
    "crates/scry-server/src/presence/view",
    "crates/scry-server/src/rules/",
    "crates/scry-simulator/src/moves.rs",
    "crates/scry-simulator/src/simulator",
];

/// Crates that can be used where there is no runtime and no network.
const PURE_CRATES: &[&str] = &[
    "scry-calendar",
    "scry-catalogue",
    "scry-config",
    "scry-dashboard",
    "scry-model",
    "scry-protocol",
    "scry-query",
    "scry-text",
    "scry-world",
];

/// Returns whether a path may name a library.
type PathRule = fn(&str) -> bool;

pub struct SourceFile {
    pub path: String,
    text: String,
}

impl SourceFile {
    /// Returns the lines of the program with their numbers, without comments and without what only tests see.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        std::iter::from_fn(move || {
            loop {
                let (number, line) = lines.next()?;
                let text = line.trim_start();
                if text == "#[cfg(test)]" {
                    let indent = &line[..line.len() - text.len()];
                    lines.by_ref().map(|(_, line)| line).find(|line| is_end_of_item(line, indent));
                } else if !text.starts_with("//") {
                    return Some((number, line));
                }
            }
        })
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.contains("/tests/")
            || self.path.starts_with("tests/")
            || self.path.starts_with("crates/scry-testkit/")
    }

    /// Returns whether it is part of a program, rather than of its tests.
    pub fn is_program(&self) -> bool {
        (self.path.starts_with("src/") || self.path.starts_with("crates/")) && !self.is_test()
    }
}

/// Returns whether the line ends an item that begins at this indentation.
fn is_end_of_item(line: &str, indent: &str) -> bool {
    line.strip_prefix(indent).is_some_and(|rest| !rest.starts_with([' ', '#']) && rest.ends_with(['}', ';']))
}

/// Reads the whole source of the workspace.
pub fn sources() -> Vec<SourceFile> {
    let sources: Vec<SourceFile> =
        files(&["src", "crates", "tests", "benches"]).filter(|source| source.path.ends_with(".rs")).collect();
    assert!(sources.len() > 100, "the source is read from {}", root().display());
    sources
}

fn files(folders: &[&str]) -> impl Iterator<Item = SourceFile> {
    let mut paths = Vec::new();
    for folder in folders {
        walk(&root().join(folder), &mut paths);
    }
    paths.sort();
    paths.into_iter().filter_map(|path| {
        let text = fs::read_to_string(&path).ok()?;
        let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        Some(SourceFile { path, text })
    })
}

fn walk(path: &Path, into: &mut Vec<PathBuf>) {
    if path.is_file() {
        into.push(path.to_owned());
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name != "node_modules" && name != "target" {
            walk(&entry.path(), into);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn report(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn test_items_are_skipped_and_what_follows_them_is_not() {
    let text = "use a;\n#[cfg(test)]\nuse b;\nfn c() {\n    #[cfg(test)]\n    d();\n    e();\n}\n#[cfg(test)]\nmod tests {\n    f\n}\n// g\nh\n";
    let source = SourceFile { path: String::new(), text: text.to_owned() };
    let lines: Vec<&str> = source.code().map(|(_, line)| line.trim()).collect();
    assert_eq!(lines, ["use a;", "fn c() {", "e();", "}", "h"]);
}

/// Returns the names of all libraries that a package is built from.
fn libraries_of(package: &[&str]) -> Vec<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{lib}"])
        .arg("--manifest-path")
        .arg(root().join("Cargo.toml"))
        .arg("--package")
        .args(package)
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let names: Vec<String> = String::from_utf8(tree.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(names.first().map(String::as_str), Some(package[0].replace('-', "_").as_str()));
    names
}

#[test]
fn pure_crates_depend_on_no_runtime_and_no_network() {
    let impure = ["tokio", "hyper", "reqwest", "sqlx", "rust_socketio", "socketioxide", "axum", "redis"];
    for package in PURE_CRATES {
        let found: Vec<String> =
            libraries_of(&[package]).into_iter().filter(|name| impure.contains(&name.as_str())).collect();
        assert!(found.is_empty(), "{package} depends on {found:?}");
    }
}

#[test]
fn client_without_default_features_has_nothing_of_the_server() {
    let server = ["scry_server", "sqlx", "async_graphql", "axum", "argon2", "redis", "socketioxide"];
    let libraries = libraries_of(&["scry", "--no-default-features"]);
    assert!(libraries.iter().any(|name| name == "scry_client"), "{libraries:?}");
    let found: Vec<&String> = libraries.iter().filter(|name| server.contains(&name.as_str())).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn libraries_stay_behind_the_modules_made_for_them() {
    let rules: [(&str, PathRule); 6] = [
        ("rust_socketio::", |path| path == "crates/scry-client/src/connection/link/rust_socketio_link.rs"),
        ("scry_wire::", |path| path == "crates/scry-client/src/connection/link/wire_link.rs"),
        ("crossterm::", |path| {
            ["crates/scry-dashboard/src/", "src/tui/", "src/cli/"].iter().any(|folder| path.starts_with(folder))
        }),
        ("redis::", |path| path.starts_with("crates/scry-server/src/cluster/")),
        ("axum::", |path| {
            path.starts_with("crates/scry-server/src/") && !path.starts_with("crates/scry-server/src/domain/")
        }),
        ("socketioxide::", |path| {
            path.starts_with("crates/scry-server/src/") && !path.starts_with("crates/scry-server/src/domain/")
        }),
    ];
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.is_program()) {
        for (library, allowed) in rules {
            let lines = source.code().filter(|(_, line)| line.contains(library) && !allowed(&source.path));
            faults.extend(lines.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())));
        }
    }
    report(&faults);
}

#[test]
fn pure_modules_ask_nothing_of_the_world() {
    let sources = sources();
    let unknown: Vec<_> =
        PURE_PATHS.iter().filter(|path| !sources.iter().any(|source| source.path.starts_with(**path))).collect();
    assert!(unknown.is_empty(), "no file is named like this: {unknown:?}");
    let mut faults = Vec::new();
    let pure = |source: &&SourceFile| PURE_PATHS.iter().any(|path| source.path.starts_with(path)) && !source.is_test();
    for source in sources.iter().filter(pure) {
        for (number, line) in source.code() {
            let impure = ["::now()", "std::fs", "std::env", "std::net", "tokio::", "std::thread", "Uuid::now"];
            if impure.iter().any(|word| line.contains(word)) {
                faults.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    report(&faults);
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    let long = sources().into_iter().map(|source| (source.text.lines().count(), source.path));
    report(
        &long
            .filter(|(lines, _)| *lines > 500)
            .map(|(lines, path)| format!("{path}: {lines} lines"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn sources_contain_no_todo_and_no_machine_name() {
    // Written in two halves, so that this file does not find itself.
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/ro", "ot/"),
    ];
    let mut faults = Vec::new();
    let folders = [
        "src",
        "crates",
        "tests",
        "benches",
        "docs",
        "assets",
        ".ci",
        "README.md",
        "CHANGELOG.md",
        "Cargo.toml",
        "Makefile",
    ];
    for source in files(&folders) {
        for (number, line) in source.text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(*word)) {
                faults.push(format!("{}:{}: {word}", source.path, number + 1));
            }
        }
    }
    report(&faults);
}

#[test]
fn every_calendar_and_world_in_assets_is_built_in() {
    let stems = |folder: &str| -> BTreeSet<String> {
        let stem = |source: SourceFile| Path::new(&source.path).file_stem().unwrap().to_string_lossy().into_owned();
        files(&[folder]).map(stem).collect()
    };
    let themes = scry_dashboard::ui::theme::BUNDLED_THEMES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(stems("assets/themes"), themes);
    let bundled = scry_calendar::BUNDLED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(stems("assets/calendars"), bundled);
    assert_eq!(stems("assets/worlds"), BTreeSet::from(["emberfall".to_owned()]));
}
