//! Options of the commands that watch and judge.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use scry_protocol::{EventKind, Room};
use scry_query::expr::Expr;
use scry_scripting::expect::vars::assignment;
use scry_scripting::format::LineFormat;
use scry_scripting::recording::PlaybackSpeed;
use scry_scripting::rooms::named;
use scry_scripting::since::Since;
use serde_json::Value;

use super::{EntityArg, duration};
use crate::cli::complete;

/// What to listen to; every option may be repeated.
#[derive(Debug, Clone, Default, Args)]
#[group(required = true, multiple = true)]
pub struct RoomArgs {
    /// Everything in a campaign
    #[arg(long = "campaign", value_name = "ID|NAME", add = complete::campaigns())]
    pub campaigns: Vec<String>,
    /// One settlement and its structures
    #[arg(long = "settlement", value_name = "ID|NAME", add = complete::entities(EntityArg::Settlement))]
    pub settlements: Vec<String>,
    /// One structure
    #[arg(long = "structure", value_name = "ID|NAME", add = complete::entities(EntityArg::Structure))]
    pub structures: Vec<String>,
    /// A room by its name on the wire, for example campaign:0197… or, of a catalogue, company:acme
    #[arg(long = "room", value_name = "NAME", value_parser = named)]
    pub rooms: Vec<Room>,
}

/// What is left out unless it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum IncludeArg {
    /// The connection and the session: token:expiring, server:draining, session:ended, access:revoked
    Control,
    /// Who is there, and who types where
    Presence,
}

impl From<IncludeArg> for EventKind {
    fn from(include: IncludeArg) -> Self {
        match include {
            IncludeArg::Control => Self::Control,
            IncludeArg::Presence => Self::Presence,
        }
    }
}

/// Options of `scry watch`.
#[derive(Debug, Clone, Args)]
pub struct WatchArgs {
    #[command(flatten)]
    pub rooms: RoomArgs,
    /// Print only events that this expression holds for
    #[arg(long, value_name = "EXPR", value_parser = expr)]
    pub filter: Option<Expr>,
    /// Print json, text, or a template like '{type} {payload.operation}'
    #[arg(long, value_name = "FORMAT", default_value = "json", conflicts_with = "raw")]
    pub format: LineFormat,
    /// Print each frame alone as it came, those of control and presence too: ["name",body]
    #[arg(long)]
    pub raw: bool,
    /// Show these too: control (the connection and the session), presence (who is there and types); neither counts
    #[arg(long, value_name = "KIND", value_enum, value_delimiter = ',')]
    pub include: Vec<IncludeArg>,
    /// Begin after this event (1200), this long ago (5m), or at the beginning
    #[arg(long, value_name = "SEQ|DURATION|beginning")]
    pub since: Option<Since>,
    /// Stop after this many printed events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Stop after this long, for example 90s or 1h30m
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub time: Option<Duration>,
    /// Stop after an event that this expression holds for
    #[arg(long, value_name = "EXPR", value_parser = expr)]
    pub until: Option<Expr>,
    /// Stop, with exit code 1, after an event that this expression holds for
    #[arg(long, value_name = "EXPR", value_parser = expr)]
    pub fail_if: Option<Expr>,
    /// Print lines about the connection and about gaps too
    #[arg(long)]
    pub status: bool,
    /// Say at the end how many events came, how fast, how late, and how many were missed
    #[arg(long)]
    pub stats: bool,
}

impl WatchArgs {
    /// Prints everything that happens in rooms, for as long as that.
    #[must_use]
    pub fn new(rooms: RoomArgs, time: Option<Duration>) -> Self {
        Self {
            rooms,
            filter: None,
            format: LineFormat::Json,
            raw: false,
            include: Vec::new(),
            since: None,
            count: None,
            time,
            until: None,
            fail_if: None,
            status: false,
            stats: false,
        }
    }
}

/// Options of `scry wait`.
#[derive(Debug, Clone, Args)]
pub struct WaitArgs {
    #[command(flatten)]
    pub rooms: RoomArgs,
    /// Wait until this holds for an event, or already for an entity; repeat for several
    #[arg(long = "for", value_name = "EXPR", required = true, value_parser = expr)]
    pub conditions: Vec<Expr>,
    /// One of the conditions is enough
    #[arg(long)]
    pub any: bool,
    /// Only events from now on count, not what holds already
    #[arg(long)]
    pub new: bool,
    /// End, with exit code 1, when this holds for an event
    #[arg(long, value_name = "EXPR", value_parser = expr)]
    pub fail_if: Option<Expr>,
    /// End, with exit code 3, after this long
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub timeout: Duration,
}

/// Options of `scry expect`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Example: three steps, and one thing that must not happen.

  [rooms]
  campaign = \"Emberfall\"

  [[expect]]                        # steps, in this order
  name = \"it is built\"
  event = 'type == \"structure_updated\" && payload.operation == \"create\"'
  capture = { tower = \"payload.structureId\" }

  [[expect]]
  name = \"it grows\"
  event = '''
    type == \"structure_updated\" && payload.structureId == $tower
    && entity.level > before.level
  '''
  within = \"5s\"                     # counted from the step before

  [[expect]]
  name = \"the clock moves on\"
  event = 'type == \"world_time_changed\"'
  within = \"5s\"

  [[never]]
  name = \"nothing is torn down\"
  event = 'type == \"structure_updated\" && payload.operation == \"delete\"'

Run it:  scry expect tower.toml -- ./build-a-tower.sh

In an [[expect]]:  event, name, within, after, at_least, exactly, capture,
                   any_order = [ … ]
In a [[never]]:    event, name, within, after, more_than
A condition sees:  type, payload, metadata, room, entity and before
                   (the entity after the event and before it)
What comes at all: scry watch --campaign Emberfall

A file that ends in .yaml or .yml is YAML with the same keys.
`scry expect --init` writes a commented example, docs/headless.md explains it.

Exit codes:
  0  everything held           4  not logged in
  1  something did not, or     5  the server cannot be reached
     the command failed        6  events were lost: the result is not certain
  2  the file is wrong       130  interrupted
  3  the timeout came first")]
pub struct ExpectArgs {
    /// The file of expectations: TOML, or YAML if its name ends in .yaml or .yml
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present_any = ["init", "schema"])]
    pub file: Option<PathBuf>,
    /// Write a commented example to standard output
    #[arg(long, conflicts_with = "file")]
    pub init: bool,
    /// Write the JSON Schema of the file, for editors, to standard output
    #[arg(long, conflicts_with_all = ["file", "init"])]
    pub schema: bool,
    /// Set a variable, usable as $name in conditions
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = assignment)]
    pub vars: Vec<(String, Value)>,
    /// Write a JUnit report into this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub report_junit: Option<PathBuf>,
    /// Write a TAP report into this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub report_tap: Option<PathBuf>,
    /// Write a JSON report into this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub report_json: Option<PathBuf>,
    /// Run this command once the stream is live; its exit code is part of the result
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

/// Options of `scry record`.
#[derive(Debug, Clone, Args)]
pub struct RecordArgs {
    #[command(flatten)]
    pub rooms: RoomArgs,
    /// Write into this file; - is standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
    /// Leave out what the campaign is at the start, which `scry replay --tui` begins with
    #[arg(long)]
    pub no_state: bool,
    /// Record these too: control (the connection and the session), presence (who is there and types); neither counts
    #[arg(long, value_name = "KIND", value_enum, value_delimiter = ',')]
    pub include: Vec<IncludeArg>,
    /// Record only events that this expression holds for
    #[arg(long, value_name = "EXPR", value_parser = expr)]
    pub filter: Option<Expr>,
    /// Stop after this many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Stop after this long
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub time: Option<Duration>,
}

/// Options of `scry replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The recording; - is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// How fast: 1x, 10x, 0.5x or max
    #[arg(long, value_name = "SPEED", default_value = "1x")]
    pub speed: PlaybackSpeed,
    /// Play only events that this expression holds for
    #[arg(long, value_name = "EXPR", value_parser = expr)]
    pub filter: Option<Expr>,
    /// Print json, text, or a template like '{type} {payload.operation}'
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    pub format: LineFormat,
    /// Write what is played as a recording into this file instead of printing it
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "format")]
    pub output: Option<PathBuf>,
    /// Show it in the dashboard, where it can be held, stepped through and turned back
    #[arg(long, conflicts_with_all = ["format", "output"])]
    pub tui: bool,
    /// Be a gateway at this address, for example 127.0.0.1:4700, and play to those who join; starts with the first
    #[cfg(feature = "server")]
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["format", "output", "tui"])]
    pub serve: Option<std::net::SocketAddr>,
}

impl ReplayArgs {
    /// Returns whether the events are printed, rather than shown, written or served.
    pub const fn prints(&self) -> bool {
        #[cfg(feature = "server")]
        let serves = self.serve.is_some();
        #[cfg(not(feature = "server"))]
        let serves = false;
        !self.tui && self.output.is_none() && !serves
    }
}

/// Options of `scry completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

fn expr(source: &str) -> Result<Expr, String> {
    // The error goes below the line that names the option.
    Expr::parse(source).map_err(|error| format!("\n{error}"))
}

/// Reads the name of a room that a catalogue may declare.
pub(in crate::cli) fn declared_room(text: &str) -> Result<Room, String> {
    let room = named(text)?;
    if matches!(room, Room::Custom(..)) {
        Ok(room)
    } else {
        Err(format!("{room} is no room of a catalogue; use --campaign"))
    }
}
