//! Examines each step from a configuration to a joined room, and says what to do about what fails.
//!
//! `report` and `render` are pure; `reach`, `account` and `gateway` do the probing.

mod account;
mod gateway;
mod reach;
pub mod render;
pub mod report;

use std::time::Instant;

use scry_config::EnvLookup;
use scry_config::client::Settings;

use self::report::{CheckStep, DoctorReport, Finding};
use super::api::Api;
use super::credentials::Credentials;
use super::http::HttpClient;

/// Takes every step that can be taken with these settings; `campaign` names the room to join by id or name.
pub async fn examine(settings: &Settings, env: EnvLookup<'_>, campaign: Option<&str>) -> DoctorReport {
    let mut report = DoctorReport::of(settings.server.url.as_str());
    let limit = settings.config.connection.connect_timeout;
    report.record(CheckStep::Config, configuration(settings));
    let started = Instant::now();
    let kept = Credentials::new(&settings.dirs.data, &settings.server);
    report.record(CheckStep::Credentials, account::credentials(&kept, env).await.within(started.elapsed()));
    reach::examine(&mut report, &settings.server, limit).await;
    if !report.allows(CheckStep::Health) {
        return report;
    }
    let prepared = HttpClient::new(&settings.server, settings.config.connection.request_timeout)
        .and_then(|http| Api::open(settings, env).map(|api| (http, api)));
    let (http, api) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            report.record(CheckStep::Health, account::refused(&error));
            return report;
        }
    };
    let started = Instant::now();
    report.record(CheckStep::Health, account::health(&http).await.within(started.elapsed()));
    if report.allows(CheckStep::Login) {
        let started = Instant::now();
        report.record(CheckStep::Login, account::login(&api).await.within(started.elapsed()));
    }
    if report.allows(CheckStep::Handshake) {
        gateway::examine(&mut report, settings, &api, campaign).await;
    }
    report
}

fn configuration(settings: &Settings) -> Finding {
    let source = if settings.file_found { settings.file.display().to_string() } else { "the defaults".to_owned() };
    Finding::ok(format!("{source}, profile “{}”", scry_text::line(&settings.server.profile)))
}
