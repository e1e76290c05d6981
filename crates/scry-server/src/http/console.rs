//! The page to try queries on: the server's own, without a script, style or request from anywhere else.
//!
//! People paste an access token into it. So the browser is told to run this page's script and no other, to talk to
//! this server and no other, and to show the page in no frame.

use std::sync::LazyLock;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const PAGE_TEMPLATE: &str = include_str!("../../../../assets/console/page.html");
const STYLE: &str = include_str!("../../../../assets/console/style.css");
const SCRIPT: &str = include_str!("../../../../assets/console/script.js");

static HTML: LazyLock<String> = LazyLock::new(|| PAGE_TEMPLATE.replace("{style}", STYLE).replace("{script}", SCRIPT));

static CSP_VALUE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
});

/// Answers `GET /graphql`.
pub(super) async fn page() -> Response {
    let headers = [
        (CONTENT_SECURITY_POLICY, CSP_VALUE.as_str()),
        (X_FRAME_OPTIONS, "DENY"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, Html(HTML.as_str())).into_response()
}

/// Returns what a policy calls an inline script or style.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}
