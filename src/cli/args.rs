//! The command line of `scry`.

mod edit;
mod headless;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(super) use self::edit::signed_duration;
pub use self::edit::{
    AdvanceTimeArgs, CreateArgs, DeleteArgs, EntityArg, GetArgs, GetKind, NotifyArgs, OutputForm, PublishArgs,
    SetTimeArgs, UpdateArgs, UpdateKind,
};
pub use self::headless::{CompletionsArgs, ExpectArgs, RecordArgs, ReplayArgs, RoomArgs, WaitArgs, WatchArgs};
use scry_protocol::Room;

/// A live campaign dashboard for the terminal.
#[derive(Debug, Parser)]
#[command(name = "scry", version, max_term_width = 100)]
#[cfg_attr(
    feature = "demo",
    command(after_help = "Without a command, the dashboard opens. Try `scry demo` first: it needs nothing else.")
)]
#[cfg_attr(not(feature = "demo"), command(after_help = "Without a command, the dashboard opens."))]
pub struct Cli {
    #[command(flatten)]
    pub common: CommonArgs,

    #[command(flatten)]
    pub dashboard: DashboardArgs,

    #[command(subcommand)]
    pub command: Option<CliCommand>,
}

/// Options that every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Common options")]
pub struct CommonArgs {
    /// Use this profile of the configuration file [env: SCRY_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Connect to this server, for example http://127.0.0.1:4600 [env: SCRY_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// Read this configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Log more; repeat for more still
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Use no colour (NO_COLOR does the same)
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Log to this file instead of the rolling one in the data directory
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
}

/// Options of the dashboard.
#[derive(Debug, Clone, Default, Args)]
pub struct DashboardArgs {
    /// Open this campaign, by id or name
    #[arg(long, value_name = "ID|NAME", add = super::complete::campaigns())]
    pub campaign: Option<String>,
    /// Listen to this room of a catalogue too, such as company:acme; repeat for several
    #[arg(long = "room", value_name = "NAME", value_parser = headless::declared_room)]
    pub rooms: Vec<Room>,
    /// Change nothing, whatever your role allows
    #[arg(long)]
    pub read_only: bool,
    /// Print everything as sentences and read commands as lines, for a screen reader; type help
    #[arg(long)]
    pub plain: bool,
}

/// Commands of `scry`.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Show a live campaign at once: a server in this process, simulated players, the dashboard
    #[cfg(feature = "demo")]
    #[command(after_help = "Examples:\n  scry demo\n  scry demo --no-tui --for 20s")]
    Demo(DemoArgs),
    /// Log in and keep the tokens
    #[command(
        after_help = "Examples:\n  scry login --username mira\n  scry login --username ci --password-stdin < ci.password"
    )]
    Login(LoginArgs),
    /// Log out, and forget the tokens here and on the server
    #[command(after_help = "Example:\n  scry logout")]
    Logout,
    /// Print the user who is logged in, and the server
    #[command(after_help = "Example:\n  scry whoami")]
    Whoami,
    /// Print events as JSON lines
    #[command(
        after_help = "Examples:\n  scry watch --campaign Emberfall --filter 'type == \"settlement_updated\"'\n  scry watch --settlement Cinderford --since 5m"
    )]
    Watch(WatchArgs),
    /// Wait for an event or a condition
    #[command(after_help = "Example:\n  scry wait --settlement Cinderford --for 'entity.level >= 3' --timeout 30s")]
    Wait(WaitArgs),
    /// Check events against a file of expectations, while a command runs
    Expect(ExpectArgs),
    /// Record events into a file that can be replayed
    #[command(after_help = "Example:\n  scry record --campaign Emberfall -o evening.jsonl")]
    Record(RecordArgs),
    /// Replay a recording to standard output, in the dashboard, or as a gateway for clients
    #[command(after_help = "Examples:\n  scry replay evening.jsonl --speed 10x\n  scry replay evening.jsonl --tui")]
    Replay(ReplayArgs),
    /// Print entities: one, or all of a type; also notifications, effects and events
    #[command(
        after_help = "Examples:\n  scry get settlement Cinderford -o json\n  scry get event --campaign Emberfall --since 5m"
    )]
    Get(GetArgs),
    /// Create an entity
    #[command(after_help = "Example:\n  scry create structure --set settlementId=SETTLEMENT --set name=Watchtower")]
    Create(CreateArgs),
    /// Change an entity
    #[command(
        after_help = "Example:\n  scry update settlement Cinderford --set level=3 --set variables.population=1200"
    )]
    Update(UpdateArgs),
    /// Delete an entity
    #[command(after_help = "Example:\n  scry delete structure Watchtower")]
    Delete(DeleteArgs),
    /// Move a campaign's clock
    #[command(after_help = "Example:\n  scry advance-time Emberfall 3h")]
    AdvanceTime(AdvanceTimeArgs),
    /// List, send or discard the edits that wait for a server
    #[command(after_help = "Examples:\n  scry outbox\n  scry outbox send")]
    Outbox {
        #[command(subcommand)]
        action: Option<OutboxAction>,
    },
    /// List, accept or decline invitations to campaigns; block users who invite
    #[command(after_help = "Examples:\n  scry invitations\n  scry invitations accept Emberfall")]
    Invitations {
        #[command(subcommand)]
        action: Option<InvitationAction>,
    },
    /// Set a campaign's clock
    #[command(after_help = "Example:\n  scry set-time Emberfall 1207-09-14T18:20:00Z")]
    SetTime(SetTimeArgs),
    /// Send a notification to members of a campaign
    #[command(after_help = "Example:\n  scry notify mira --campaign Emberfall --title \"The gate is open\"")]
    Notify(NotifyArgs),
    /// Publish an event as a service account
    #[command(after_help = "Example:\n  scry publish invoice_paid --json '{\"companyId\": \"acme\", \"total\": 1200}'")]
    Publish(PublishArgs),
    /// Diagnose connection problems step by step, with a remedy for each
    #[command(after_help = "Example:\n  scry doctor --campaign Emberfall")]
    Doctor(DoctorArgs),
    /// Write the completions of a shell to standard output
    #[command(after_help = "Example:\n  scry completions bash > ~/.local/share/bash-completion/completions/scry")]
    Completions(CompletionsArgs),
    /// Write the manual page to standard output
    #[command(after_help = "Example:\n  scry man > ~/.local/share/man/man1/scry.1")]
    Man,
    /// Find, show, check or write the configuration file
    #[command(subcommand)]
    #[command(after_help = "Example:\n  scry config init")]
    Config(ConfigAction),
}

/// Actions of `scry outbox`; without one, what waits is listed.
#[derive(Debug, Clone, Subcommand)]
pub enum OutboxAction {
    /// Print each edit that waits or was refused as a line of JSON
    #[command(after_help = "Example:\n  scry outbox list")]
    List,
    /// Send what waits, in order; ends with 1 if an edit is refused, with 5 if the server cannot be reached
    #[command(after_help = "Example:\n  scry outbox send")]
    Send,
    /// Send a refused edit again
    #[command(after_help = "Example:\n  scry outbox retry KEY")]
    Retry {
        #[arg(value_name = "KEY")]
        key: String,
    },
    /// Discard an edit
    #[command(after_help = "Example:\n  scry outbox discard KEY")]
    Discard {
        #[arg(value_name = "KEY")]
        key: String,
    },
}

/// Actions of `scry invitations`; without one, those to you are listed.
#[derive(Debug, Clone, Subcommand)]
pub enum InvitationAction {
    /// Print each open invitation as a line of JSON: those to you, or those to a campaign that you own
    #[command(after_help = "Example:\n  scry invitations list --campaign Emberfall")]
    List {
        #[arg(long, value_name = "ID|NAME", add = super::complete::campaigns())]
        campaign: Option<String>,
    },
    /// Accept an invitation to you, and become a member
    #[command(after_help = "Example:\n  scry invitations accept Emberfall")]
    Accept {
        #[arg(value_name = "ID|CAMPAIGN")]
        invitation: String,
    },
    /// Decline an invitation to you
    #[command(after_help = "Example:\n  scry invitations decline Emberfall")]
    Decline {
        #[arg(value_name = "ID|CAMPAIGN")]
        invitation: String,
    },
    /// Withdraw an invitation to a campaign that you own
    #[command(after_help = "Example:\n  scry invitations withdraw ID")]
    Withdraw {
        #[arg(value_name = "ID")]
        invitation: String,
    },
    /// Block a user's invitations to you, open ones included
    #[command(after_help = "Example:\n  scry invitations block mallory")]
    Block {
        #[arg(value_name = "USER")]
        user: String,
    },
    /// Unblock a user's invitations to you
    #[command(after_help = "Example:\n  scry invitations unblock mallory")]
    Unblock {
        #[arg(value_name = "USER")]
        user: String,
    },
    /// Print each user whose invitations you have blocked as a line of JSON
    #[command(after_help = "Example:\n  scry invitations blocked")]
    Blocked,
}

/// Actions of `scry config`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigAction {
    /// Print the path of the configuration file
    #[command(after_help = "Example:\n  scry config path")]
    Path,
    /// Print the configuration in effect, after file, environment and options
    #[command(after_help = "Example:\n  scry config show")]
    Show,
    /// Validate the configuration file
    #[command(after_help = "Example:\n  scry config check")]
    Check,
    /// Print every command of the dashboard with its keys, as the file writes them
    #[command(after_help = "Example:\n  scry config keys")]
    Keys,
    /// Write a configuration file with every setting at its default
    #[command(after_help = "Example:\n  scry config init")]
    Init,
}

/// Options of `scry demo`.
#[cfg(feature = "demo")]
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Print JSON lines instead of opening the dashboard
    #[arg(long)]
    pub no_tui: bool,
    /// Print everything as sentences and read commands as lines, for a screen reader
    #[arg(long, conflicts_with = "no_tui")]
    pub plain: bool,
    /// Stop after this long, for example 20s
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub time: Option<Duration>,
    /// Seed for the simulation (same seed, same run)
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

/// Options of `scry doctor`.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// Join this campaign's room, by id or name; the first one when missing
    #[arg(long, value_name = "ID|NAME", add = super::complete::campaigns())]
    pub campaign: Option<String>,
    /// Print one JSON object instead of lines
    #[arg(long)]
    pub json: bool,
}

/// Options of `scry login`.
#[derive(Debug, Clone, Args)]
pub struct LoginArgs {
    /// Log in as this user; asked for when missing [env: SCRY_USERNAME]
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    pub password_stdin: bool,
    /// Keep the tokens in the system's keyring, or in a file only you can read
    #[arg(long, value_enum)]
    pub store: Option<StoreKind>,
}

/// Places where tokens can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StoreKind {
    Keyring,
    File,
}

fn duration(text: &str) -> Result<Duration, String> {
    let help = "a duration is written like 500ms, 20s, 5m or 1h30m";
    let signed: jiff::SignedDuration = text.parse().map_err(|_| help.to_owned())?;
    Duration::try_from(signed)
        .ok()
        .filter(|wait| !wait.is_zero())
        .ok_or_else(|| "a duration must be greater than zero".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_are_positive_and_have_units() {
        assert_eq!(duration("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["20", "-3s", "0s", "soon", ""] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn watch_wants_at_least_one_room() {
        assert!(Cli::try_parse_from(["scry", "watch"]).is_err());
        assert!(Cli::try_parse_from(["scry", "watch", "--campaign", "Emberfall", "--structure", "x"]).is_ok());
    }
}
