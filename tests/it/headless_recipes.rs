//! The recipes of `docs/headless.md`, run as they are written.

use scry_testkit::programs::{ProgramFixture, told};

const PAGE: &str = include_str!("../../docs/headless.md");

/// Returns the fenced blocks of the page: what stands after the fence, and the text.
fn blocks() -> Vec<(&'static str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in PAGE.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(info), None) => open = Some((info, String::new())),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some((info, text))) => open = Some((info, text + line + "\n")),
            (None, None) => {}
        }
    }
    blocks
}

/// Takes the scripts out of a workflow: what stands below `run: |`.
fn scripts(workflow: &str) -> String {
    let mut lines = workflow.lines().skip_while(|line| !line.trim().ends_with("run: |"));
    let depth = |line: &str| line.len() - line.trim_start().len();
    let head = depth(lines.next().expect("a workflow runs something"));
    lines.take_while(|line| depth(line) > head).map(|line| line.trim().to_owned() + "\n").collect()
}

#[test]
fn every_recipe_works() {
    let programs = ProgramFixture::start();
    let mut run = 0;
    for (info, text) in blocks() {
        if let Some((_, name)) = info.split_once(" file=") {
            programs.write(name, &text);
            continue;
        }
        let script = match info {
            "sh recipe" => text,
            "yaml recipe" => scripts(&text),
            _ => continue,
        };
        let (code, stdout, stderr) = told(&programs.script(&script));
        assert_eq!(code, Some(0), "\n{script}\n{stdout}\n{stderr}");
        run += 1;
    }
    assert_eq!(run, 9, "the page has lost or won a recipe");
}
