//! The rules of the house that a compiler does not know, read from the source text itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which modules of the crate a module may name. The command line is where both halves meet.
const MAY_KNOW: [(&str, &[&str]); 25] = [
    ("text", &[]),
    ("input", &[]),
    ("json", &["text"]),
    ("suggest", &[]),
    ("exit", &[]),
    ("files", &[]),
    ("progress", &[]),
    ("calendar", &[]),
    ("protocol", &["text"]),
    ("formula", &["calendar", "suggest"]),
    ("placed", &["input"]),
    ("world", &["calendar", "formula", "input", "placed", "protocol", "suggest"]),
    ("catalogue", &["placed", "protocol", "suggest", "text"]),
    ("config", &["catalogue", "files", "protocol", "suggest", "text"]),
    ("log", &["config", "files", "text"]),
    ("client", &["catalogue", "config", "exit", "files", "json", "protocol", "text"]),
    ("expr", &["calendar", "client", "json", "protocol", "suggest", "text"]),
    (
        "headless",
        &["calendar", "catalogue", "client", "config", "exit", "expr", "files", "json", "protocol", "suggest", "text"],
    ),
    (
        "server",
        &[
            "calendar",
            "catalogue",
            "config",
            "exit",
            "files",
            "formula",
            "input",
            "progress",
            "protocol",
            "suggest",
            "text",
            "world",
        ],
    ),
    ("demo", &["client", "protocol", "world"]),
    ("app", &["calendar", "catalogue", "client", "config", "expr", "json", "protocol", "suggest", "text", "world"]),
    ("ui", &["app", "calendar", "client", "config", "json", "progress", "protocol", "text"]),
    ("tui", &["app", "calendar", "client", "config", "exit", "files", "protocol", "suggest", "text", "ui"]),
    (
        "cli",
        &[
            "app", "calendar", "client", "config", "demo", "exit", "expr", "files", "headless", "json", "log",
            "progress", "protocol", "server", "suggest", "text", "tui", "world",
        ],
    ),
    ("bin", &["cli", "config", "exit", "log", "server"]),
];

/// What has no clock, no I/O, no task and no chance of its own.
const PURE: [&str; 45] = [
    "crates/scry-wire/src/codec/",
    "crates/scry-wire/src/session/",
    "crates/scry-text/src/lib.rs",
    "crates/scry-text/src/input/",
    "crates/scry-text/src/json",
    "crates/scry-calendar/src/",
    "crates/scry-protocol/src/",
    "crates/scry-query/src/formula/",
    "crates/scry-text/src/placed.rs",
    "crates/scry-world/src/",
    "crates/scry-catalogue/src/",
    "crates/scry-query/src/expr/",
    "crates/scry-scripting/src/expect/",
    "crates/scry-scripting/src/fields.rs",
    "crates/scry-scripting/src/format.rs",
    "crates/scry-scripting/src/recording/",
    "crates/scry-scripting/src/values.rs",
    "crates/scry-scripting/src/wait.rs",
    "crates/scry-scripting/src/watch.rs",
    "crates/scry-scripting/src/ended.rs",
    "crates/scry-scripting/src/monitor.rs",
    "crates/scry-dashboard/src/app/",
    "crates/scry-dashboard/src/ui/",
    "crates/scry-server/src/rules/",
    "crates/scry-server/src/graphql/cost",
    "crates/scry-server/src/graphql/prices.rs",
    "crates/scry-server/src/graphql/scan.rs",
    "crates/scry-server/src/presence/registry",
    "crates/scry-server/src/presence/typing",
    "crates/scry-server/src/presence/view",
    "crates/scry-server/src/cluster/signing",
    "crates/scry-server/src/cluster/word",
    "crates/scry-server/src/graphql/literals.rs",
    "crates/scry-client/src/cache/",
    "crates/scry-client/src/outbox/edit.rs",
    "crates/scry-client/src/outbox/entry.rs",
    "crates/scry-client/src/outbox/queue.rs",
    "crates/scry-client/src/outbox/outcome.rs",
    "crates/scry-client/src/doctor/render.rs",
    "crates/scry-client/src/doctor/report.rs",
    "crates/scry-client/src/connection/machine",
    "crates/scry-client/src/connection/backoff",
    "crates/scry-client/src/connection/continuity",
    "crates/scry-simulator/src/table",
    "crates/scry-simulator/src/moves.rs",
];

/// Tells whether a path may name a library.
type Allowed = fn(&str) -> bool;

struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The lines the program is made of: no comments, no tests.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/") || self.path.starts_with("tests/")
    }

    /// The crate's module this file belongs to.
    fn module(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }
}

fn sources() -> Vec<Source> {
    let sources: Vec<Source> =
        files(&["src", "crates", "tests", "benches"]).filter(|source| source.path.ends_with(".rs")).collect();
    assert!(sources.len() > 100, "the source is read from {}", root().display());
    sources
}

fn files(folders: &[&str]) -> impl Iterator<Item = Source> {
    let mut paths = Vec::new();
    for folder in folders {
        walk(&root().join(folder), &mut paths);
    }
    paths.sort();
    paths.into_iter().filter_map(|path| {
        let text = fs::read_to_string(&path).ok()?;
        let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        Some(Source { path, text })
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

/// Lists what follows `crate::` on a line: one path, or the first names of a group.
fn named(line: &str) -> Vec<String> {
    let name = |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let path = &line[at + "crate::".len()..];
        match path.strip_prefix('{') {
            Some(group) => found.extend(group.trim_end_matches("};").split(',').map(name)),
            None => found.push(name(path)),
        }
    }
    // Macros, and the crate's own constants, belong to nobody.
    found.retain(|name| name.chars().next().is_some_and(char::is_lowercase));
    found
}

fn report(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn modules_know_only_what_lies_below_them() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.path.starts_with("src/") && !source.is_test()) {
        let module = source.module();
        if module == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(name, _)| *name == module) else {
            faults.push(format!("{}: {module} has no place in MAY_KNOW yet", source.path));
            continue;
        };
        for (number, line) in source.code() {
            let strangers = named(line).into_iter().filter(|name| name != module && !allowed.contains(&name.as_str()));
            faults.extend(strangers.map(|name| format!("{}:{number}: {module} must not know {name}", source.path)));
        }
    }
    report(&faults);
}

#[test]
fn the_screen_knows_the_client_by_its_cache_edits_and_events_alone() {
    let mut faults = Vec::new();
    let screen = |source: &&Source| matches!(source.module(), "app" | "ui") && !source.is_test();
    for source in sources().iter().filter(screen) {
        for (number, line) in source.code().filter(|(_, line)| line.contains("crate::client::")) {
            let known = ["client::cache", "client::event", "client::outbox::", "client::{cache"];
            if !known.iter().any(|known| line.contains(known)) {
                faults.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    report(&faults);
}

#[test]
fn libraries_stay_behind_the_modules_made_for_them() {
    let rules: [(&str, Allowed); 6] = [
        ("rust_socketio::", |path| path == "crates/scry-client/src/connection/link/library.rs"),
        ("scry_wire::", |path| path == "crates/scry-client/src/connection/link/wire.rs"),
        ("crossterm::", |path| {
            ["crates/scry-dashboard/src/app/", "src/tui/", "src/cli/"].iter().any(|folder| path.starts_with(folder))
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
    for source in sources().iter().filter(|source| source.path.starts_with("src/")) {
        for (library, allowed) in rules {
            let lines = source.code().filter(|(_, line)| line.contains(library) && !allowed(&source.path));
            faults.extend(lines.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())));
        }
    }
    report(&faults);
}

#[test]
fn pure_modules_ask_nothing_of_the_world() {
    let mut faults = Vec::new();
    let pure = |source: &&Source| PURE.iter().any(|path| source.path.starts_with(path)) && !source.is_test();
    for source in sources().iter().filter(pure) {
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
fn nothing_is_left_for_later_and_no_machine_is_named() {
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
        let stem = |source: Source| Path::new(&source.path).file_stem().unwrap().to_string_lossy().into_owned();
        files(&[folder]).map(stem).collect()
    };
    let themes = scry_dashboard::ui::theme::BUNDLED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(stems("assets/themes"), themes);
    let bundled = scry_calendar::BUNDLED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(stems("assets/calendars"), bundled);
    assert_eq!(stems("assets/worlds"), BTreeSet::from(["emberfall".to_owned()]));
}
