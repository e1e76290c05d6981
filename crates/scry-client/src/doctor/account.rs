//! The steps about the account: the stored login, the server's health, and whether the server knows the user.

use scry_command::exit::Exit;
use scry_config::EnvLookup;
use scry_text as text;
use serde_json::Value;

use super::report::Finding;
use crate::api::Api;
use crate::credentials::Credentials;
use crate::error::ApiError;
use crate::http::HttpClient;

const LOGIN_REMEDY: &str = "run `scry login`";

/// Looks for a login where logins are kept.
pub(super) async fn credentials(credentials: &Credentials, env: EnvLookup<'_>) -> Finding {
    if env("SCRY_TOKEN").is_some() {
        return Finding::ok("the token in SCRY_TOKEN is used");
    }
    match credentials.load().await {
        Ok(Some(login)) => Finding::ok(format!("a login of {} is kept", text::line(&login.user.username))),
        Ok(None) => Finding::warn("nobody is logged in", format!("{LOGIN_REMEDY}, unless the gateway asks for none")),
        Err(error) => {
            let remedy = "run `scry login --store file` to keep the login in a file";
            Finding::fail(Exit::Authentication, text::line(&error.to_string()), remedy)
        }
    }
}

/// Asks the server how it is.
pub(super) async fn health(http: &HttpClient) -> Finding {
    let reply = match http.get("health").await {
        Ok(reply) => reply,
        Err(error) => return refused(&error),
    };
    let body = reply.value();
    let word = |key: &str| body.get(key).and_then(Value::as_str).map(text::line);
    let version = word("version").map_or_else(String::new, |version| format!(", version {version}"));
    match (reply.status, word("status").as_deref()) {
        (200, Some("ok")) => Finding::ok(format!("the server is well{version}")),
        (200, Some(status)) => {
            Finding::warn(format!("the server says “{status}”{version}"), "wait a moment: it may be restarting")
        }
        (503, _) => Finding::fail(
            Exit::Connection,
            "the server says that it cannot work now (HTTP 503)",
            "look at the server's log; its database may be down",
        ),
        (status, _) => Finding::warn(
            format!("there is no health report here (HTTP {status})"),
            "none needed for another kind of gateway; otherwise check the path of the address",
        ),
    }
}

/// Asks the server who we are.
pub(super) async fn login(api: &Api) -> Finding {
    match api.me().await {
        Ok(user) => Finding::ok(format!("logged in as {}", text::line(&user.username))),
        Err(ApiError::NotOffered { .. }) => Finding::warn(
            "there is no API here that tells who is logged in",
            "none needed for another kind of gateway; only events from now on can be shown",
        ),
        Err(error) => refused(&error),
    }
}

/// Puts an error of a request and what can be done about it into a finding.
pub(super) fn refused(error: &ApiError) -> Finding {
    let remedy = match error.exit() {
        Exit::Authentication => LOGIN_REMEDY,
        Exit::Usage => "correct the profile; `scry config check` names the line",
        Exit::Met
        | Exit::NotMet
        | Exit::Timeout
        | Exit::Connection
        | Exit::ContinuityLost
        | Exit::Internal
        | Exit::Interrupted => "look at the server's log, and for a proxy that answers in its place",
    };
    Finding::fail(error.exit(), text::line(&error.to_string()), remedy)
}
