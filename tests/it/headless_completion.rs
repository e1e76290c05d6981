//! Completion while a command is typed, in the shells themselves.

use std::process::Command;

use scry_testkit::programs::{ProgramFixture, told};
use scry_testkit::pty::Pty;

/// Returns a program that waits for the server for as long as a busy machine may need.
fn backpressure(programs: &ProgramFixture, name: &str) -> Command {
    let mut command = programs.program(name);
    command.env("SCRY_COMPLETE_PATIENCE", "20s").env("HOME", programs.dir.path());
    command
}

/// Asks bash what it would offer after these words, the last of which is being typed.
fn offered(mut bash: Command, words: &[&str]) -> Vec<String> {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "source <(scry completions bash); COMP_WORDS=({words}); COMP_CWORD={last}; COMP_TYPE=9; \
         COMP_LINE=\"${{COMP_WORDS[*]}}\"; COMP_POINT=${{#COMP_LINE}}; \
         _clap_complete_scry scry \"${{COMP_WORDS[COMP_CWORD]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words = quoted.join(" "),
        last = words.len() - 1
    );
    let (code, stdout, stderr) = told(&bash.args(["-c", &script]).output().unwrap());
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_campaigns_and_entities() {
    let programs = ProgramFixture::start();
    assert!(offered(backpressure(&programs, "bash"), &["scry", "adv"]).contains(&"advance-time".to_owned()));
    assert_eq!(offered(backpressure(&programs, "bash"), &["scry", "watch", "--campaign", "emb"]), ["Emberfall"]);
    assert_eq!(offered(backpressure(&programs, "bash"), &["scry", "get", "settlement", "Cinder"]), ["Cinderford"]);
    assert_eq!(
        offered(backpressure(&programs, "bash"), &["scry", "watch", "--campaign", "Emberfall", "--settlement", "Harr"]),
        ["Harrow\\'s\\ Rest"]
    );
    assert!(offered(backpressure(&programs, "bash"), &["scry", "advance-time", ""]).contains(&"Emberfall".to_owned()));
}

#[test]
fn completion_without_a_server_is_silent_and_quick() {
    let mut programs = ProgramFixture::start();
    // A port that takes connections and never says a word.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    programs.url = format!("http://{}", deaf.local_addr().unwrap());
    assert_eq!(offered(programs.program("bash"), &["scry", "watch", "--campaign", "emb"]).concat(), "");
}

/// Asks fish what it would offer after a command line.
fn fish_offers(programs: &ProgramFixture, line: &str) -> Vec<String> {
    let script = format!("scry completions fish | source; complete -C '{line}'");
    let output = backpressure(programs, "fish").args(["--no-config", "-c", &script]).output();
    let output = output.expect("this test needs fish: tests/setup.sh shells installs it");
    let (code, stdout, stderr) = told(&output);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    stdout.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn fish_completes_commands_campaigns_and_entities() {
    let programs = ProgramFixture::start();
    assert!(fish_offers(&programs, "scry adv").contains(&"advance-time".to_owned()));
    assert_eq!(fish_offers(&programs, "scry watch --campaign emb"), ["Emberfall"]);
    assert_eq!(fish_offers(&programs, "scry get settlement Cinder"), ["Cinderford"]);
    assert_eq!(fish_offers(&programs, "scry watch --settlement Harr"), ["Harrow's Rest"]);
}

#[test]
fn zsh_completes_commands_campaigns_and_entities() {
    let programs = ProgramFixture::start();
    // At a terminal, the only place where zsh completes.
    let surroundings = backpressure(&programs, "zsh");
    let text = |value: &std::ffi::OsStr| value.to_str().unwrap().to_owned();
    let env: Vec<_> = surroundings.get_envs().map(|(name, value)| (text(name), text(value.unwrap()))).collect();
    let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let zsh = ["/usr/bin/zsh", "/bin/zsh"].into_iter().find(|path| std::path::Path::new(path).exists());
    let zsh = zsh.expect("this test needs zsh: tests/setup.sh shells installs it");
    let mut zsh = Pty::spawn(zsh, &["-f", "-i"], &env, (120, 30));
    zsh.type_keys("PS1='> '; autoload -U compinit; compinit -u -D; source <(scry completions zsh); echo rea''dy\n");
    zsh.wait_for("ready");
    zsh.type_keys("scry adv\t");
    zsh.wait_for("scry advance-time");
    zsh.type_keys("\x15scry watch --campaign emb\t");
    zsh.wait_for("--campaign Emberfall");
    zsh.type_keys("\x15scry get settlement Harr\t");
    zsh.wait_for("settlement Harrow\\'s\\ Rest");
}
