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
            "look at the server's log; its database may be away",
        ),
        (status, _) => Finding::warn(
            format!("there is no health report here (HTTP {status})"),
            "nothing, if this is a gateway of another kind; else check the address's path",
        ),
    }
}

/// Asks the server who we are.
pub(super) async fn login(api: &Api) -> Finding {
    match api.me().await {
        Ok(user) => Finding::ok(format!("the server knows us as {}", text::line(&user.username))),
        Err(ApiError::NotOffered { .. }) => Finding::warn(
            "there is no API here to ask who we are",
            "nothing, if this is a gateway of another kind; only what happens from now on can be shown",
        ),
        Err(error) => refused(&error),
    }
}

/// Puts an error of a request and what can be done about it into a finding.
pub(super) fn refused(error: &ApiError) -> Finding {
    let remedy = match error.exit() {
        Exit::Authentication => LOGIN_REMEDY,
        Exit::Usage => "correct the profile; `scry config check` tells the line",
        Exit::Met
        | Exit::NotMet
        | Exit::Timeout
        | Exit::Connection
        | Exit::ContinuityLost
        | Exit::Internal
        | Exit::Interrupted => "look at the server's log, and at what stands between: a proxy may answer for it",
    };
    Finding::fail(error.exit(), text::line(&error.to_string()), remedy)
}
