//! Completion while a command is typed, in the shells themselves.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use super::support::town::{Town, told};

/// Asks bash what it would offer after these words, the last of which is being typed.
fn offered(town: &Town, words: &[&str]) -> Vec<String> {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "source <(scry completions bash); COMP_WORDS=({words}); COMP_CWORD={last}; COMP_TYPE=9; \
         COMP_LINE=\"${{COMP_WORDS[*]}}\"; COMP_POINT=${{#COMP_LINE}}; \
         _clap_complete_scry scry \"${{COMP_WORDS[COMP_CWORD]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words = quoted.join(" "),
        last = words.len() - 1
    );
    let (code, stdout, stderr) = told(&town.program("bash").args(["-c", &script]).output().unwrap());
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_campaigns_and_entities() {
    let town = Town::start();
    assert!(offered(&town, &["scry", "adv"]).contains(&"advance-time".to_owned()));
    assert_eq!(offered(&town, &["scry", "watch", "--campaign", "emb"]), ["Emberfall"]);
    assert_eq!(offered(&town, &["scry", "get", "settlement", "Cinder"]), ["Cinderford"]);
    assert_eq!(
        offered(&town, &["scry", "watch", "--campaign", "Emberfall", "--settlement", "Harr"]),
        ["Harrow\\'s\\ Rest"]
    );
    assert!(offered(&town, &["scry", "advance-time", ""]).contains(&"Emberfall".to_owned()));
}

#[test]
fn where_nobody_answers_completion_is_silent_and_quick() {
    let mut town = Town::start();
    // A port that takes connections and never says a word.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    town.url = format!("http://{}", deaf.local_addr().unwrap());
    assert_eq!(offered(&town, &["scry", "watch", "--campaign", "emb"]).concat(), "");
}

/// Asks fish what it would offer after a command line.
fn fish_offers(town: &Town, line: &str) -> Vec<String> {
    let script = format!("scry completions fish | source; complete -C '{line}'");
    let output = town.program("fish").env("HOME", town.dir.path()).args(["--no-config", "-c", &script]).output();
    let output = output.expect("this test needs fish: tests/setup.sh shells installs it");
    let (code, stdout, stderr) = told(&output);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    stdout.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn fish_completes_commands_campaigns_and_entities() {
    let town = Town::start();
    assert!(fish_offers(&town, "scry adv").contains(&"advance-time".to_owned()));
    assert_eq!(fish_offers(&town, "scry watch --campaign emb"), ["Emberfall"]);
    assert_eq!(fish_offers(&town, "scry get settlement Cinder"), ["Cinderford"]);
    assert_eq!(fish_offers(&town, "scry watch --settlement Harr"), ["Harrow's Rest"]);
}

/// A zsh at a terminal, which is the only place where it completes.
struct Zsh {
    typed: Box<dyn Write + Send>,
    shown: Arc<Mutex<Vec<u8>>>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    _master: Box<dyn portable_pty::MasterPty + Send>,
}

impl Zsh {
    fn start(town: &Town) -> Self {
        let pty =
            native_pty_system().openpty(PtySize { rows: 24, cols: 120, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new("zsh");
        command.args(["-f", "-i"]);
        command.env_clear();
        for (name, value) in town.program("zsh").get_envs() {
            command.env(name, value.unwrap());
        }
        command.env("TERM", "dumb");
        command.env("HOME", town.dir.path());
        command.cwd(town.dir.path());
        let child = pty.slave.spawn_command(command).expect("this test needs zsh: tests/setup.sh shells installs it");
        let mut reader = pty.master.try_clone_reader().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut chunk) {
                seen.lock().unwrap().extend_from_slice(&chunk[..count]);
            }
        });
        let mut zsh = Self { typed: pty.master.take_writer().unwrap(), shown, child, _master: pty.master };
        zsh.type_in("PS1='> '; autoload -U compinit; compinit -u -D; source <(scry completions zsh); echo rea''dy\n");
        zsh.wait_for("ready");
        zsh
    }

    fn type_in(&mut self, text: &str) {
        self.typed.write_all(text.as_bytes()).unwrap();
    }

    fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let shown = String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned();
            if shown.contains(text) {
                return;
            }
            assert!(Instant::now() < deadline, "“{text}” does not appear in {shown:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Zsh {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn zsh_completes_commands_campaigns_and_entities() {
    let town = Town::start();
    let mut zsh = Zsh::start(&town);
    zsh.type_in("scry adv\t");
    zsh.wait_for("advance-time");
    // The rest is typed as soon as the word is whole.
    zsh.type_in("\x15scry watch --campaign emb\t");
    zsh.wait_for("Emberfall");
    zsh.type_in("\x15scry get settlement Harr\t");
    zsh.wait_for("Harrow\\'s\\ Rest");
}
