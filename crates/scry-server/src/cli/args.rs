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
    /// Read settings from this TOML file.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Accept connections here; port 0 takes a free one [default: 127.0.0.1:4600].
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Keep everything in this database: sqlite:PATH or postgres://…
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// Keep the database and the signing key in this directory.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// Serve the events of these catalogues too: bundled ones (erp, capacity) or files, separated by commas.
    #[arg(long, global = true, value_name = "LIST")]
    catalogues: Option<String>,
    /// Join this node to the others that share its database, over redis://HOST:PORT.
    #[arg(long, global = true, value_name = "URL")]
    redis: Option<String>,
    /// Write log lines to stderr in this form.
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

#[derive(Subcommand)]
pub(super) enum ServerCommand {
    /// Serve until SIGTERM or SIGINT (the default).
    #[command(after_help = "Example:\n  scry-server --listen 0.0.0.0:4600 --database postgres://scry@db/scry")]
    Serve,
    /// Load a world, and leave alone what is already there.
    #[command(after_help = "Example:\n  scry-server seed --world greenbelt.toml")]
    Seed {
        /// Read this world file instead of the bundled one.
        #[arg(long, value_name = "FILE")]
        world: Option<PathBuf>,
    },
    /// Manage users.
    #[command(subcommand)]
    #[command(after_help = "Example:\n  scry-server user add mira")]
    User(UserCommand),
    /// Manage the members of campaigns, without invitations.
    #[command(subcommand)]
    #[command(after_help = "Example:\n  scry-server member add Emberfall mira --role EDITOR")]
    Member(MemberCommand),
    /// List and end logins and printed tokens.
    #[command(subcommand)]
    #[command(after_help = "Example:\n  scry-server session list --user mira")]
    Session(SessionCommand),
    /// Manage who may subscribe to the rooms of catalogues.
    #[command(subcommand)]
    #[command(after_help = "Example:\n  scry-server room add company:acme mira")]
    Room(RoomCommand),
    /// Print an access token of a user; `session end` revokes it.
    #[command(after_help = "Example:\n  scry-server token ci --ttl 1h --claim companies=[acme,globex]")]
    Token {
        name: String,
        /// Let the token expire after this long, such as 15m; at most 2160h, which is 90 days.
        #[arg(long, value_name = "SPAN")]
        ttl: Option<String>,
        /// Add a claim that a catalogue asks for; write a list as `NAME=[a,b]`.
        #[arg(long = "claim", value_name = "NAME=VALUE")]
        claims: Vec<String>,
    },
    /// Check the settings and print what they amount to.
    #[command(after_help = "Example:\n  scry-server check-config --config /etc/scry/server.toml")]
    CheckConfig,
}

#[derive(Subcommand)]
pub(super) enum MemberCommand {
    /// Make a user a member of a campaign without asking them, or give a member another role.
    #[command(after_help = "Example:\n  scry-server member add Emberfall mira --role EDITOR")]
    Add {
        /// The campaign's id, or its name where no other campaign has it.
        campaign: String,
        user: String,
        /// OWNER, EDITOR or VIEWER.
        #[arg(long, default_value = "VIEWER")]
        role: String,
    },
    /// List the members of a campaign.
    #[command(after_help = "Example:\n  scry-server member list Emberfall")]
    List { campaign: String },
}

#[derive(Subcommand)]
pub(super) enum RoomCommand {
    /// Let a user subscribe to a room.
    #[command(after_help = "Example:\n  scry-server room add company:acme mira")]
    Add {
        /// Such as company:acme.
        room: String,
        user: String,
    },
    /// Remove a user from a room, and from every connection that is in it now.
    #[command(after_help = "Example:\n  scry-server room remove company:acme mira")]
    Remove { room: String, user: String },
    /// List the users who were added to a room.
    #[command(after_help = "Example:\n  scry-server room list company:acme")]
    List { room: String },
}

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Add a user, and ask for the password.
    #[command(
        after_help = "Examples:\n  scry-server user add mira\n  scry-server user add ci --service --password-stdin < ci.password"
    )]
    Add {
        name: String,
        /// Make it a service account, which may publish events.
        #[arg(long)]
        service: bool,
        /// Read the password from the first line of stdin.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all users.
    #[command(after_help = "Example:\n  scry-server user list")]
    List,
    /// Give a user another password, and end their sessions.
    #[command(after_help = "Example:\n  scry-server user passwd mira")]
    Passwd {
        name: String,
        /// Read the password from the first line of stdin.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Lock a user out, and end their sessions.
    #[command(after_help = "Example:\n  scry-server user disable mira")]
    Disable { name: String },
    /// Let a disabled user log in again.
    #[command(after_help = "Example:\n  scry-server user enable mira")]
    Enable { name: String },
    /// Delete a user for good; keep what they have written.
    #[command(after_help = "Example:\n  scry-server user delete mira")]
    Delete { name: String },
}

#[derive(Subcommand)]
pub(super) enum SessionCommand {
    /// List the sessions that have not ended, of one user or of all.
    #[command(after_help = "Example:\n  scry-server session list --user mira")]
    List {
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// End one session, or all sessions of a user, on every node.
    #[command(after_help = "Example:\n  scry-server session end --user mira")]
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
