//! Every sentence that people read, side by side: what the programs' sources say, and the help of both programs.
//!
//! A change of a sentence shows in `strings.snap` and `help.snap`; review it there, among its neighbours.

use std::fmt::Write;
use std::process::Command;

use crate::tidy::sources;

/// Returns the string literals of source text outside comments, as they are written.
fn literals(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].find(['"', '\'', '/']) {
        at += next;
        let rest = &text[at..];
        at += if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(raw) = raw_end(text, at) {
            found.push(&rest[1..raw]);
            raw + 1
        } else if rest.starts_with('"') {
            let end = string_end(rest);
            found.push(&rest[1..end]);
            end + 1
        } else {
            // A quote is a character if it is closed at once, else a lifetime.
            ["'\"'", "'\\\"'"].iter().find(|quoted| rest.starts_with(**quoted)).map_or(1, |quoted| quoted.len())
        };
    }
    found
}

/// Returns where a string that begins with a quote ends.
fn string_end(rest: &str) -> usize {
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index,
            _ => {}
        }
    }
    rest.len() - 1
}

/// Returns where a raw string ends, if the quote at a place begins one.
fn raw_end(text: &str, at: usize) -> Option<usize> {
    let before = text[..at].trim_end_matches('#');
    let is_raw =
        before.strip_suffix('r').is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric() && c != 'b'));
    let close = format!("\"{}", "#".repeat(at - before.len()));
    if is_raw && text[at..].starts_with('"') { text[at + 1..].find(&close).map(|end| end + 1) } else { None }
}

/// Returns whether a literal is a sentence or a part of one, rather than a name, a query or a format.
fn is_for_people(literal: &str) -> bool {
    let code = [
        "SELECT ",
        "INSERT ",
        "UPDATE ",
        "DELETE ",
        "CREATE ",
        "WITH ",
        "BEGIN",
        "AND ",
        "SAVEPOINT ",
        "query ",
        "mutation ",
        "PRAGMA ",
    ];
    let words = literal.split_whitespace().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() > 1);
    words.count() > 1 && !code.iter().any(|start| literal.trim_start().starts_with(start)) && !literal.contains("$1")
}

#[test]
fn every_sentence_of_the_programs_is_in_the_snapshot() {
    let mut all = String::new();
    for source in sources().iter().filter(|source| source.is_program()) {
        let code: Vec<&str> = source.code().map(|(_, line)| line).collect();
        let code = code.join("\n");
        let sentences: Vec<&str> = literals(&code).into_iter().filter(|literal| is_for_people(literal)).collect();
        if !sentences.is_empty() {
            writeln!(all, "\n{}", source.path).unwrap();
        }
        for sentence in sentences {
            let lines: Vec<&str> = sentence.lines().map(|line| line.trim().trim_end_matches('\\')).collect();
            writeln!(all, "    {}", lines.join("").trim()).unwrap();
        }
    }
    insta::assert_snapshot!("strings", all);
}

/// Adds the help of a command and of those below it.
fn help(program: &str, name: &str, path: &[&str], into: &mut String) {
    let output = Command::new(program).args(path).arg("--help").env_clear().env("COLUMNS", "100").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    writeln!(into, "$ {name} {} --help\n{text}", path.join(" ")).unwrap();
    let Some((_, commands)) = text.split_once("\nCommands:\n") else { return };
    for line in commands.lines().take_while(|line| !line.trim().is_empty()) {
        let command =
            line.strip_prefix("  ").filter(|line| !line.starts_with(' ')).and_then(|line| line.split(' ').next());
        if let Some(command) = command.filter(|command| *command != "help") {
            help(program, name, &[path, &[command]].concat(), into);
        }
    }
}

#[test]
fn help_of_every_command_is_in_the_snapshot() {
    let mut all = String::new();
    help(env!("CARGO_BIN_EXE_scry"), "scry", &[], &mut all);
    help(env!("CARGO_BIN_EXE_scry-server"), "scry-server", &[], &mut all);
    insta::assert_snapshot!("help", all);
}

#[test]
fn literals_are_found_beside_comments_characters_and_lifetimes() {
    let text = r###"f("a b", 'x', '"', r#"c "d" e"#); // "no" it's
        let g: &'static str = "h \" i"; /* j */ "k""###;
    assert_eq!(literals(text), ["a b", r#"c "d" e"#, "h \\\" i", "k"]);
}
