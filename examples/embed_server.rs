//! Runs a server inside a test of another program: real gateway, real database, bundled world, all of it temporary.

use std::error::Error;
use std::time::Duration;

use scry_client::api::Api;
use scry_client::auth::{self, Auth};
use scry_client::http::HttpClient;
use scry_client::secret::Secret;
use scry_config::client::ServerAddress as Address;
use scry_server::config::ServerConfig;
use scry_server::{Server, seed};
use scry_world::World;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let config = ServerConfig::new(dir.path());
    seed(&config, &World::bundled()).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let stop = CancellationToken::new();
    let server = tokio::spawn(Server::open(config).await?.run(listener, stop.clone()));

    let http = HttpClient::new(&Address::new("test", &url, "the listener's address")?, Duration::from_secs(5))?;
    let login = auth::login(&http, "gm", &Secret::new("emberfall")).await?;
    let api = Api::new(http.clone(), Auth::in_memory(http, login));
    for campaign in api.campaigns().await? {
        println!("{}", campaign.name);
    }

    stop.cancel();
    server.await??;
    Ok(())
}
