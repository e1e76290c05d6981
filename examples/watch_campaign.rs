//! Prints what happens in a campaign, as JSON lines, however bad the network is:
//!
//! ```sh
//! SCRY_URL=http://127.0.0.1:4600 SCRY_TOKEN=… cargo run --example watch_campaign -- campaign:0197…
//! ```

use std::error::Error;

use scry_client::api::Api;
use scry_client::session::{self, SessionOptions};
use scry_config::client::{Overrides, Settings};
use scry_config::process_env;
use scry_model::event::ClientEvent;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let room = std::env::args().nth(1).ok_or("name a room, for example campaign:0197…")?.parse()?;
    let settings = Settings::load(&process_env, &Overrides::default())?;
    let api = Api::open(&settings, &process_env)?;
    let mut session = session::connect(SessionOptions::new(&settings, api).room(room))?;
    while let Some(event) = session.events.recv().await {
        // Reconnecting, catching up and dropping duplicates happen inside the session; it tells of them as well.
        if let ClientEvent::Delivered(delivery) = event {
            println!("{}", delivery.raw);
        } else if let ClientEvent::Refused { room, message, .. } = event {
            return Err(format!("{room}: {message}").into());
        }
    }
    Ok(())
}
