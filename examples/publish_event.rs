//! Publishes an event that a catalogue declares, as a service account:
//!
//! ```sh
//! SCRY_URL=http://127.0.0.1:4600 SCRY_TOKEN=… cargo run --example publish_event -- order_paid '{"orderId":"1"}'
//! ```

use std::error::Error;

use scry_client::api::Api;
use scry_config::client::{Overrides, Settings};
use scry_config::process_env;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(event), Some(payload)) = (args.next(), args.next()) else {
        return Err("name an event and give its payload as JSON".into());
    };
    let settings = Settings::load(&process_env, &Overrides::default())?;
    let api = Api::open(&settings, &process_env)?;
    // The answer tells the event's id, and where it stands in the journal.
    println!("{}", api.publish(&event, serde_json::from_str(&payload)?).await?);
    Ok(())
}
