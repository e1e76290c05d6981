//! Completion while a command is being typed: flags from the command line's own definition, names from the server.
//!
//! A shell asks by running the program with [`COMPLETION_VARIABLE`] set. Whatever goes wrong on the way to the server,
//! the answer is what is known without it; a shell that waits for a Tab must never see an error or wait long.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use clap::{CommandFactory, ValueEnum};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Shells, Zsh};
use scry_client::api::Api;
use scry_client::disk::DiskCache;
use scry_config::{duration, process_env};
use scry_model::event::LoadedState;
use scry_protocol::{EntityType, Id};
use scry_scripting::rooms;
use scry_text as text;
use serde_json::Value;
use tokio::time::timeout;

use super::args::{Cli, CommonArgs, EntityArg};

/// The variable that names the shell that asks.
const COMPLETION_VARIABLE: &str = "_SCRY_COMPLETE";
/// How long the server may take; then what is kept on disk has to do. Where the way is long, a variable gives it more.
const SERVER_TIMEOUT: Duration = Duration::from_millis(800);
const TIMEOUT_VARIABLE: &str = "SCRY_COMPLETE_PATIENCE";

/// Answers a shell and returns true, if one asks.
#[must_use]
pub(super) fn answer() -> bool {
    let asked = clap_complete::CompleteEnv::with_factory(Cli::command).var(COMPLETION_VARIABLE).shells(SHELLS);
    // A wrong question has no answer, and nobody to hear why.
    asked.try_complete(std::env::args_os(), std::env::current_dir().ok().as_deref()).unwrap_or(true)
}

/// Writes the script that makes a shell ask.
///
/// # Errors
/// The I/O error of writing.
pub(super) fn script(shell: clap_complete::Shell, into: &mut impl Write) -> io::Result<()> {
    let name = shell.to_string();
    let completer = SHELLS.completer(&name).ok_or(io::ErrorKind::Unsupported)?;
    completer.write_registration(COMPLETION_VARIABLE, "scry", "scry", "scry", into)
}

/// Completes names of campaigns.
pub(super) fn campaigns() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| fitting(typed, names(None)))
}

/// Completes names of one type of entity.
pub(super) fn entities(entity: EntityArg) -> ArgValueCompleter {
    ArgValueCompleter::new(move |typed: &OsStr| fitting(typed, names(Some(entity))))
}

/// Completes names of the type of entity that the command line names before.
pub(super) fn named_type() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let entity = words().iter().find_map(|word| EntityArg::from_str(word, true).ok());
        fitting(typed, entity.map(|entity| names(Some(entity))).unwrap_or_default())
    })
}

const SHELLS: Shells<'static> = Shells(&[&QuotingBash, &Elvish, &Fish, &Powershell, &ForgivingZsh]);

/// Bash, which takes what it is given as it is: a name with a space needs its quotes.
struct QuotingBash;

impl EnvCompleter for QuotingBash {
    fn name(&self) -> &'static str {
        Bash.name()
    }

    fn is(&self, name: &str) -> bool {
        Bash.is(name)
    }

    fn write_registration(
        &self,
        var: &str,
        name: &str,
        bin: &str,
        completer: &str,
        buf: &mut dyn Write,
    ) -> Result<(), io::Error> {
        Bash.write_registration(var, name, bin, completer, buf)
    }

    fn write_complete(
        &self,
        cmd: &mut clap::Command,
        args: Vec<OsString>,
        current_dir: Option<&Path>,
        buf: &mut dyn Write,
    ) -> Result<(), io::Error> {
        let variable = |name: &str| std::env::var(name).ok();
        let index = variable("_CLAP_COMPLETE_INDEX").and_then(|index| index.parse().ok()).unwrap_or_default();
        let between = variable("_CLAP_IFS").unwrap_or_else(|| "\n".to_owned());
        let candidates = clap_complete::engine::complete(cmd, args, index, current_dir)?;
        let words: Vec<String> =
            candidates.iter().map(|candidate| quoted(&candidate.get_value().to_string_lossy())).collect();
        write!(buf, "{}", words.join(&between))
    }
}

/// Zsh, told that case is no difference: by itself it drops what does not begin with the very letters typed.
struct ForgivingZsh;

impl EnvCompleter for ForgivingZsh {
    fn name(&self) -> &'static str {
        Zsh.name()
    }

    fn is(&self, name: &str) -> bool {
        Zsh.is(name)
    }

    fn write_registration(
        &self,
        var: &str,
        name: &str,
        bin: &str,
        completer: &str,
        buf: &mut dyn Write,
    ) -> Result<(), io::Error> {
        let mut script = Vec::new();
        Zsh.write_registration(var, name, bin, completer, &mut script)?;
        let offer = "_describe -V 'values' other";
        let forgiving = format!("{offer} -M 'm:{{[:lower:][:upper:]}}={{[:upper:][:lower:]}}'");
        buf.write_all(String::from_utf8_lossy(&script).replace(offer, &forgiving).as_bytes())
    }

    fn write_complete(
        &self,
        cmd: &mut clap::Command,
        args: Vec<OsString>,
        current_dir: Option<&Path>,
        buf: &mut dyn Write,
    ) -> Result<(), io::Error> {
        Zsh.write_complete(cmd, args, current_dir, buf)
    }
}

/// Puts a backslash before everything that bash would not take for a part of a word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=:/.,+@%~".contains(c);
    let mut quoted = String::with_capacity(word.len());
    for c in word.chars() {
        if !plain(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

/// Keeps the names that begin like what was typed; case is no difference, as everywhere with names.
fn fitting(typed: &OsStr, names: Vec<String>) -> Vec<CompletionCandidate> {
    // Some shells hand on the quote that a word begins with.
    let typed = typed.to_string_lossy().trim_start_matches(['"', '\'']).to_lowercase();
    let mut fitting: Vec<String> = names.into_iter().filter(|name| name.to_lowercase().starts_with(&typed)).collect();
    fitting.sort_unstable();
    fitting.dedup();
    fitting.into_iter().map(CompletionCandidate::new).collect()
}

/// Returns the names of one type of entity, of campaigns where none is given.
fn names(entity: Option<EntityArg>) -> Vec<String> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    let names = runtime.block_on(look_up(entity)).unwrap_or_default();
    // A keyring that does not answer is not waited for.
    runtime.shutdown_background();
    names.into_iter().map(|name| text::line(&name).into_owned()).collect()
}

async fn look_up(entity: Option<EntityArg>) -> Option<Vec<String>> {
    let common = CommonArgs {
        profile: option("--profile"),
        url: option("--url"),
        config: option("--config").map(Into::into),
        ..CommonArgs::default()
    };
    let settings = super::context::settings(&common, &process_env).ok()?;
    let api = Api::open(&settings, &process_env).ok()?;
    let campaign = option("--campaign");
    let live = async {
        match entity {
            None => api.campaigns().await.ok().map(|found| found.into_iter().map(|one| one.name).collect()),
            Some(entity) => on_server(&api, entity, campaign.as_deref()).await,
        }
    };
    let patience = process_env(TIMEOUT_VARIABLE).and_then(|text| duration::parse(&text).ok()).unwrap_or(SERVER_TIMEOUT);
    if let Ok(Some(names)) = timeout(patience, live).await {
        return Some(names);
    }
    let user = timeout(SERVER_TIMEOUT, api.auth().user()).await.ok().flatten();
    let disk = DiskCache::of(&settings.dirs.data, &settings.server, user.as_ref().map(|user| &user.id));
    Some(on_disk(&disk, entity, campaign.as_deref()))
}

async fn on_server(api: &Api, entity: EntityArg, campaign: Option<&str>) -> Option<Vec<String>> {
    let campaigns = api.campaigns().await.ok()?;
    let wanted: Vec<Id> = match campaign {
        Some(name) => vec![rooms::campaign_id(name, &campaigns).ok()?],
        None => campaigns.into_iter().map(|one| one.id).collect(),
    };
    let mut names = Vec::new();
    for campaign in &wanted {
        names.extend(of_type(&api.snapshot(campaign).await.ok()?.values(), entity));
    }
    Some(names)
}

fn on_disk(disk: &DiskCache, entity: Option<EntityArg>, campaign: Option<&str>) -> Vec<String> {
    let kept = disk.list();
    let Some(entity) = entity else { return kept.into_iter().map(|one| one.name).collect() };
    let wanted = campaign.and_then(|name| rooms::campaign_id(name, &kept).ok());
    let campaigns = kept.iter().map(|one| &one.id).filter(|id| wanted.as_ref().is_none_or(|wanted| wanted == *id));
    let states = campaigns.filter_map(|id| match disk.load(id) {
        Ok(LoadedState::State(saved)) => Some(saved.snapshot.values()),
        Ok(LoadedState::Nothing | LoadedState::SetAside(_)) | Err(_) => None,
    });
    states.flat_map(|nodes| of_type(&nodes, entity)).collect()
}

fn of_type(nodes: &[Value], entity: EntityArg) -> Vec<String> {
    let kind = EntityType::from(entity);
    let fits = |node: &&Value| node["__typename"].as_str().is_some_and(|name| EntityType::from(name) == kind);
    nodes.iter().filter(fits).filter_map(|node| node["name"].as_str().map(str::to_owned)).collect()
}

/// Returns the words of the command line that is being typed.
fn words() -> Vec<String> {
    let args = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned());
    args.skip_while(|arg| arg != "--").skip(2).collect()
}

/// Returns the value of an option on the command line that is being typed.
fn option(name: &str) -> Option<String> {
    let words = words();
    let long = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=').map(str::to_owned));
    let next = || words.iter().position(|word| word == name).and_then(|at| words.get(at + 1)).cloned();
    // What is being typed right now is no value yet.
    long.or_else(next).filter(|value| !value.is_empty()).map(|value| value.replace('\\', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_quoted_for_bash() {
        let names = vec!["Harrow's Rest".to_owned(), "harbour".to_owned(), "Saltwick".to_owned()];
        let found = fitting(OsStr::new("HAR"), names);
        let found: Vec<String> = found.iter().map(|one| quoted(&one.get_value().to_string_lossy())).collect();
        assert_eq!(found, ["Harrow\\'s\\ Rest", "harbour"]);
        assert_eq!(fitting(OsStr::new("\"salt"), vec!["Saltwick".to_owned()]).len(), 1);
        assert_eq!(quoted("--campaign=$(x)"), "--campaign=\\$\\(x\\)");
    }

    #[test]
    fn every_shell_has_its_script() {
        for shell in clap_complete::Shell::value_variants() {
            let mut text = Vec::new();
            script(*shell, &mut text).unwrap();
            assert!(String::from_utf8(text).unwrap().contains(COMPLETION_VARIABLE), "{shell}");
        }
        let mut zsh = Vec::new();
        script(clap_complete::Shell::Zsh, &mut zsh).unwrap();
        assert!(String::from_utf8(zsh).unwrap().contains("other -M 'm:{[:lower:][:upper:]}="), "the library's words");
    }
}
