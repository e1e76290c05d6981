//! `scry demo`: a server in this process, a table of simulated players, and the dashboard on top.
//!
//! Everything lives in a temporary directory and on a free port, and is gone afterwards.

use std::time::Duration;

use scry_client::api::Api;
use scry_client::auth::{self, Auth};
use scry_client::secret::Secret;
use scry_client::session::SessionOptions;
use scry_command::exit::Exit;
use scry_config::EnvLookup;
use scry_config::client::{ServerAddress as Address, Settings};
use scry_protocol::Id;
use scry_scripting::rooms::campaign_id;
use scry_server::config::ServerConfig;
use scry_server::{self as server, Server, ServerError};
use scry_simulator::{self as demo, PlayerLogins, PresenceSimulator};
use scry_world::World;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::args::{CommonArgs, DemoArgs as Args, RoomArgs, WatchArgs};
use super::context::{CliContext, settings};
use super::error::CliError;
use super::watch;
use crate::tui::{self, DashboardExit, TuiOptions};

/// The campaign a newcomer is shown.
const DEMO_CAMPAIGN: &str = "Emberfall";
/// Whom the newcomer plays.
const DEMO_USER: &str = "gm";

/// Shows a living campaign.
///
/// # Errors
/// [`CliError`] when the server cannot be started on this machine, or the dashboard fails.
pub(super) async fn run(common: &CommonArgs, env: EnvLookup<'_>, args: &Args) -> Result<Exit, CliError> {
    let house = DemoServer::open(settings(common, env)?, common).await?;
    let ended = house.show(args).await;
    let closed = house.close().await;
    let exit = ended?;
    closed.map(|()| exit)
}

/// The server of a demo and the players at its table.
struct DemoServer {
    /// Removed with everything in it when the house is closed.
    dir: TempDir,
    /// Keeps logins, states and the log in that directory.
    context: CliContext,
    world: World,
    stop: CancellationToken,
    server: JoinHandle<Result<(), ServerError>>,
}

impl DemoServer {
    async fn open(mut settings: Settings, common: &CommonArgs) -> Result<Self, CliError> {
        let dir = tempfile::Builder::new()
            .prefix("scry-demo-")
            .tempdir()
            .map_err(CliError::io("cannot create a temporary directory"))?;
        settings.dirs.data = dir.path().join("client");
        let world = World::bundled();
        let mut config = ServerConfig::new(dir.path());
        let listener =
            TcpListener::bind("127.0.0.1:0").await.map_err(CliError::io("cannot listen on a port of this machine"))?;
        config.listen = listener.local_addr().map_err(CliError::io("cannot listen on a port of this machine"))?;
        server::seed(&config, &world).await?;

        settings.server = Address::new("demo", &format!("http://{}", config.listen), "demo")?;
        let context = CliContext::over(settings, common)?;
        let stop = CancellationToken::new();
        let server = tokio::spawn(Server::open(config).await?.run(listener, stop.clone()));
        Ok(Self { dir, context, world, stop, server })
    }

    async fn show(&self, args: &Args) -> Result<Exit, CliError> {
        let viewer = self.log_in(DEMO_USER).await?;
        let campaign = campaign_id(DEMO_CAMPAIGN, &viewer.campaigns().await?)?;
        let logins = PlayerLogins {
            gm: self.log_in("gm").await?,
            player: self.log_in("player").await?,
            bot: self.log_in("bot").await?,
        };
        let seed = args.seed.unwrap_or_else(any_seed);
        let session = |api: Api| SessionOptions::new(&self.context.settings, api);
        let onlooker = self.log_in("viewer").await?;
        let voices = PresenceSimulator::connect(&campaign, session(logins.player.clone()), session(onlooker))?;
        let table =
            tokio::spawn(demo::play(logins, Some(voices), campaign.clone(), seed, 1.0, self.stop.child_token()));
        let shown = if args.no_tui {
            self.invite();
            watch::print(&self.context, viewer, &everything_in(&campaign, args.time)).await
        } else {
            open(&self.context, viewer, Some(campaign), args.time, args.plain).await
        };
        table.abort();
        shown
    }

    /// Says on stderr where other programs can join, and as whom.
    fn invite(&self) {
        let url = self.context.settings.server.url.as_str().trim_end_matches('/');
        let guests: Vec<_> = self.world.users.iter().map(|user| format!("{}:{}", user.name, user.password)).collect();
        self.context.say(&format!("others can join at {url} as {} (name:password)", guests.join(", ")));
    }

    async fn log_in(&self, name: &str) -> Result<Api, CliError> {
        let user = self.world.users.iter().find(|user| user.name == name);
        let user = user.ok_or_else(|| CliError::Internal(format!("the bundled world has no user {name}")))?;
        let http = self.context.http()?;
        let login = auth::login(&http, &user.name, &Secret::new(user.password.as_str())).await?;
        Ok(Api::new(http.clone(), Auth::in_memory(http, login)))
    }

    async fn close(self) -> Result<(), CliError> {
        self.stop.cancel();
        let ended = self.server.await.map_err(|error| CliError::Internal(error.to_string()))?;
        // The log's last lines are written before its file goes.
        drop(self.context);
        self.dir.close().map_err(CliError::io("cannot remove the temporary directory"))?;
        Ok(ended?)
    }
}

fn everything_in(campaign: &Id, time: Option<Duration>) -> WatchArgs {
    let rooms = RoomArgs { campaigns: vec![campaign.to_string()], ..RoomArgs::default() };
    WatchArgs::new(rooms, time)
}

/// Makes every demo another one, unless a seed was asked for.
fn any_seed() -> u64 {
    uuid::Uuid::now_v7().as_u64_pair().1
}

/// Opens the dashboard on a campaign as whoever `api` is logged in as, for `time` at most.
async fn open(
    context: &CliContext,
    api: Api,
    campaign: Option<Id>,
    time: Option<Duration>,
    plain: bool,
) -> Result<Exit, CliError> {
    let user = api.auth().user().await;
    let options = TuiOptions::new(&context.settings, api, user.as_ref().map(|user| &user.id), campaign);
    let options = TuiOptions { time, ..options };
    match if plain { tui::screen_reader::run(options).await? } else { tui::run(options).await? } {
        DashboardExit::Exit(exit) => Ok(exit),
        DashboardExit::Profile(profile) => {
            context.say(&format!("the demo has ended; open the other server with `scry --profile {profile}`"));
            Ok(Exit::Met)
        }
    }
}
