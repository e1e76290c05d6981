//! What `scry-server` takes on its command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Flags, LogFormat};

/// The server of scry: Socket.IO gateway, GraphQL API and event journal.
#[derive(Parser)]
#[command(name = "scry-server", version, about, subcommand_negates_reqs = true)]
pub(super) struct ServerCli {
    #[command(subcommand)]
    pub command: Option<ServerCommand>,
    #[command(flatten)]
    pub options: ServerOptions,
}

/// Options of every command; each has an environment variable, SCRY_SERVER_ and its name.
#[derive(Args)]
pub(super) struct ServerOptions {
    /// Reads settings from this TOML file.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Accepts connections here; port 0 takes a free one [default: 127.0.0.1:4600].
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Keeps everything in this database: sqlite:PATH or postgres://…
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// Keeps the database and the signing key in this directory.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// Serves the events of these catalogues too: bundled ones (erp, capacity) or files, separated by commas.
    #[arg(long, global = true, value_name = "LIST")]
    catalogues: Option<String>,
    /// Joins this node to the others that share its database, over redis://HOST:PORT.
    #[arg(long, global = true, value_name = "URL")]
    redis: Option<String>,
    /// Writes log lines to stderr in this form.
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

#[derive(Subcommand)]
pub(super) enum ServerCommand {
    /// Serves until SIGTERM or SIGINT (the default).
    Serve,
    /// Loads a world; what is already there is left alone.
    Seed {
        /// Reads this world file instead of the bundled one.
        #[arg(long, value_name = "FILE")]
        world: Option<PathBuf>,
    },
    /// Manages users.
    #[command(subcommand)]
    User(UserCommand),
    /// Manages who is a member of which campaign, without an invitation.
    #[command(subcommand)]
    Member(MemberCommand),
    /// Lists and ends logins and printed tokens.
    #[command(subcommand)]
    Session(SessionCommand),
    /// Manages who may subscribe to the rooms that catalogues declare.
    #[command(subcommand)]
    Room(RoomCommand),
    /// Prints an access token of a user; `session end` makes it worthless.
    Token {
        name: String,
        /// How long the token is good for, such as 15m; at most 2160h, which is 90 days.
        #[arg(long, value_name = "SPAN")]
        ttl: Option<String>,
        /// Says something more of the user, which a catalogue may ask for; write a list as `NAME=[a,b]`.
        #[arg(long = "claim", value_name = "NAME=VALUE")]
        claims: Vec<String>,
    },
    /// Checks the settings and says what they come to.
    CheckConfig,
}

#[derive(Subcommand)]
pub(super) enum MemberCommand {
    /// Makes a user a member of a campaign, or gives a member another role; nobody is asked.
    Add {
        /// The campaign's id, or its name where no other campaign has it.
        campaign: String,
        user: String,
        /// OWNER, EDITOR or VIEWER.
        #[arg(long, default_value = "VIEWER")]
        role: String,
    },
    /// Lists the members of a campaign.
    List { campaign: String },
}

#[derive(Subcommand)]
pub(super) enum RoomCommand {
    /// Lets a user subscribe to a room.
    Add {
        /// Such as company:acme.
        room: String,
        user: String,
    },
    /// Puts a user out of a room, also where they are in it now.
    Remove { room: String, user: String },
    /// Lists who was added to a room.
    List { room: String },
}

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Adds a user; asks for the password.
    Add {
        name: String,
        /// Makes it a service account, which may publish events.
        #[arg(long)]
        service: bool,
        /// Reads the password from the first line of stdin.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Lists all users.
    List,
    /// Gives a user another password and ends their sessions.
    Passwd {
        name: String,
        /// Reads the password from the first line of stdin.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Keeps a user out and ends their sessions.
    Disable { name: String },
    /// Lets a disabled user log in again.
    Enable { name: String },
    /// Deletes a user for good; what they have written stays.
    Delete { name: String },
}

#[derive(Subcommand)]
pub(super) enum SessionCommand {
    /// Lists the sessions that have not ended, of one user or of all.
    List {
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Ends one session, or all of a user, on every node.
    End {
        id: Option<String>,
        #[arg(long, value_name = "NAME", conflicts_with = "id")]
        user: Option<String>,
    },
}

impl ServerOptions {
    /// Returns what was set, by the key of the setting.
    pub(super) fn flags(&self) -> Flags {
        let format = self.log_format.map(|format| match format {
            LogFormat::Text => "text".to_owned(),
            LogFormat::Json => "json".to_owned(),
        });
        [
            ("listen", self.listen.clone()),
            ("database", self.database.clone()),
            ("data_dir", self.data_dir.clone()),
            ("catalogues", self.catalogues.clone()),
            ("redis", self.redis.clone()),
            ("log_format", format),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
    }
}
