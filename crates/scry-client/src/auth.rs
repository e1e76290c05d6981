//! The login at a server: the current access token, and how to get the next one.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use scry_protocol::auth::{ErrorResponse, LoginRequest, RefreshRequest, TokenResponse, UserInfo};
use scry_protocol::{ErrorCode, Id};
use scry_text as text;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::credentials::{CredentialError, CredentialStore, Credentials, StoreLocation, StoredLogin};
use super::error::ApiError;
use super::http::{HttpClient, HttpReply, RequestOptions};
use super::secret::Secret;

/// A token that ends this soon is refreshed before it is used.
const REFRESH_MARGIN: Duration = Duration::from_secs(10);

/// An access token that can be used now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsableToken {
    /// The access token itself.
    pub token: Secret,
    /// By the local clock; `None` for a token we were given, whose end we do not know.
    pub expires_at: Option<Timestamp>,
    /// The token's owner; `None` for a token from outside, whose owner the server knows.
    pub user: Option<UserInfo>,
}

/// A login and the way to refresh it; clones share one login and refresh it once.
#[derive(Debug, Clone)]
pub struct Auth(Arc<AuthInner>);

#[derive(Debug)]
struct AuthInner {
    source: TokenSource,
    current: Mutex<CurrentLogin>,
}

#[derive(Debug)]
enum TokenSource {
    Anonymous,
    Given(Secret),
    Memory(HttpClient),
    Stored(HttpClient, Credentials),
}

#[derive(Debug, Default)]
struct CurrentLogin {
    login: Option<StoredLogin>,
    /// The store could not be written after a refresh: what it holds is used up and must not be read again.
    unsaved: bool,
}

impl Auth {
    /// Returns a login of nobody, for gateways that ask for no token.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new(TokenSource::Anonymous, None)
    }

    /// Uses one access token as it is; it is never stored and never refreshed.
    #[must_use]
    pub fn with_token(token: Secret) -> Self {
        Self::new(TokenSource::Given(token), None)
    }

    /// Uses a login that is kept in this process alone.
    #[must_use]
    pub fn in_memory(http: HttpClient, login: StoredLogin) -> Self {
        Self::new(TokenSource::Memory(http), Some(login))
    }

    /// Uses the login kept by `credentials`, now or as soon as there is one.
    #[must_use]
    pub fn stored(http: HttpClient, credentials: Credentials) -> Self {
        Self::new(TokenSource::Stored(http, credentials), None)
    }

    fn new(source: TokenSource, login: Option<StoredLogin>) -> Self {
        Self(Arc::new(AuthInner { source, current: Mutex::new(CurrentLogin { login, unsaved: false }) }))
    }

    /// Returns a token that is good for some seconds more; `None` when nobody is logged in.
    ///
    /// # Errors
    /// [`ApiError`] when the stored login cannot be read or had to be refreshed and could not.
    pub async fn access(&self) -> Result<Option<UsableToken>, ApiError> {
        match &self.0.source {
            TokenSource::Anonymous => return Ok(None),
            TokenSource::Given(token) => {
                return Ok(Some(UsableToken { token: token.clone(), expires_at: None, user: None }));
            }
            TokenSource::Memory(_) | TokenSource::Stored(..) => {}
        }
        let known = {
            let mut current = self.0.current.lock().await;
            if let (TokenSource::Stored(_, credentials), None) = (&self.0.source, &current.login) {
                current.login = credentials.load().await?;
            }
            current.login.clone()
        };
        match known {
            None => Ok(None),
            Some(login) if is_fresh(&login) => Ok(Some(access_of(login))),
            Some(login) => self.renew(Some(&login.access)).await.map(Some),
        }
    }

    /// Returns the user of the login that is held or kept, without asking anybody.
    ///
    /// A token we were given names its owner if it is a JWT; for another one its fingerprint stands
    /// in, so that what one of them may see is not shown to the next.
    pub async fn user(&self) -> Option<UserInfo> {
        if let TokenSource::Given(token) = &self.0.source {
            return Some(owner(token));
        }
        let mut current = self.0.current.lock().await;
        if let (TokenSource::Stored(_, credentials), None) = (&self.0.source, &current.login) {
            current.login = credentials.load().await.ok()?;
        }
        current.login.as_ref().map(|login| login.user.clone())
    }

    /// Returns a token other than `refused`, refreshing at most once however many ask at a time.
    ///
    /// A login made or refreshed by another program meanwhile is taken over.
    ///
    /// # Errors
    /// [`ApiError::LoginRequired`] when only a person can help, else what stood in the way.
    pub async fn renew(&self, refused: Option<&Secret>) -> Result<UsableToken, ApiError> {
        let mut current = self.0.current.lock().await;
        if let Some(login) = current.login.as_ref().filter(|login| is_usable(login, refused)) {
            return Ok(access_of(login.clone()));
        }
        match &self.0.source {
            TokenSource::Anonymous => Err(login_required("you are not logged in; run `scry login`")),
            TokenSource::Given(_) => Err(login_required(
                "the server refused the token in SCRY_TOKEN; set a fresh one, or unset it and run `scry login`",
            )),
            TokenSource::Memory(http) => {
                let old =
                    current.login.as_ref().ok_or_else(|| login_required("you are not logged in; run `scry login`"))?;
                let login = refresh(http, &old.refresh).await?;
                current.login = Some(login.clone());
                Ok(access_of(login))
            }
            TokenSource::Stored(http, credentials) => renew_stored(http, credentials, &mut current, refused).await,
        }
    }

    /// Takes over a login that another program has made since ours was last read; true when there is one.
    ///
    /// # Errors
    /// [`ApiError`] when the store cannot be read.
    pub async fn reload(&self) -> Result<bool, ApiError> {
        let TokenSource::Stored(_, credentials) = &self.0.source else { return Ok(false) };
        let mut current = self.0.current.lock().await;
        let found = credentials.load().await?;
        let known = current.login.as_ref().map(|login| &login.access);
        match found {
            Some(login) if Some(&login.access) != known => {
                *current = CurrentLogin { login: Some(login), unsaved: false };
                Ok(true)
            }
            Some(_) | None => Ok(false),
        }
    }

    /// Takes over a login a person has just made, and keeps it in `store` where this keeps logins.
    ///
    /// # Errors
    /// [`ApiError::Credentials`] when it cannot be kept; it is used all the same.
    pub(crate) async fn adopt(
        &self,
        login: StoredLogin,
        store: Option<CredentialStore>,
    ) -> Result<Option<StoreLocation>, ApiError> {
        let mut current = self.0.current.lock().await;
        *current = CurrentLogin { login: Some(login.clone()), unsaved: true };
        let TokenSource::Stored(_, credentials) = &self.0.source else { return Ok(None) };
        let place = credentials.save(&login, store).await?;
        current.unsaved = false;
        Ok(Some(place))
    }

    /// Ends the login here and on the server; false when nobody was logged in.
    ///
    /// # Errors
    /// [`ApiError`] when the server could not be told; the login is forgotten here all the same.
    pub async fn logout(&self) -> Result<bool, ApiError> {
        let mut current = self.0.current.lock().await;
        let (http, credentials) = match &self.0.source {
            TokenSource::Anonymous | TokenSource::Given(_) => return Ok(false),
            TokenSource::Memory(http) => (http, None),
            TokenSource::Stored(http, credentials) => (http, Some(credentials)),
        };
        let login = match (credentials, current.login.take()) {
            (Some(credentials), known) => {
                let stored = credentials.load().await;
                credentials.clear().await?;
                stored.ok().flatten().or(known)
            }
            (None, known) => known,
        };
        let Some(login) = login else { return Ok(false) };
        let body = RefreshRequest { refresh_token: login.refresh.expose().to_owned() };
        let reply = http.post("auth/logout", &body, RequestOptions::default()).await?;
        if reply.status < 300 { Ok(true) } else { Err(refusal(http, &reply, "logging out")) }
    }
}

/// Trades a name and a password for a login.
///
/// # Errors
/// [`ApiError::Refused`] with `INVALID_CREDENTIALS` or `RATE_LIMITED`, or what stood in the way.
pub async fn login(http: &HttpClient, username: &str, password: &Secret) -> Result<StoredLogin, ApiError> {
    let body = LoginRequest { username: username.to_owned(), password: password.expose().to_owned() };
    let reply = http.post("auth/login", &body, RequestOptions::default()).await?;
    tokens(http, &reply, "logging in")
}

async fn refresh(http: &HttpClient, token: &Secret) -> Result<StoredLogin, ApiError> {
    let body = RefreshRequest { refresh_token: token.expose().to_owned() };
    let reply = http.post("auth/refresh", &body, RequestOptions::default()).await?;
    match tokens(http, &reply, "refreshing a login") {
        Err(ApiError::Refused { code, .. }) if !matches!(code, ErrorCode::RateLimited | ErrorCode::Internal) => {
            Err(login_required("your login has ended; run `scry login`"))
        }
        other => other,
    }
}

/// Refreshes what the store holds, unless another program has done so already.
async fn renew_stored(
    http: &HttpClient,
    credentials: &Credentials,
    current: &mut CurrentLogin,
    refused: Option<&Secret>,
) -> Result<UsableToken, ApiError> {
    let _lock = credentials.lock().await?;
    let held = current.login.take();
    let known = if current.unsaved { held } else { credentials.load().await? };
    let known = known.ok_or_else(|| login_required("you are not logged in; run `scry login`"))?;
    current.login = Some(known.clone());
    if is_usable(&known, refused) {
        return Ok(access_of(known));
    }
    let login = refresh(http, &known.refresh).await?;
    current.login = Some(login.clone());
    let saved = credentials.save(&login, None).await;
    current.unsaved = saved.is_err();
    if let Err(error) = saved {
        tracing::warn!(%error, "the refreshed login could not be stored; it lasts until this program ends");
    }
    Ok(access_of(login))
}

fn tokens(http: &HttpClient, reply: &HttpReply, what: &str) -> Result<StoredLogin, ApiError> {
    if reply.status != 200 {
        return Err(refusal(http, reply, what));
    }
    let strange = |_| ApiError::Strange { url: http.base().to_string(), status: reply.status };
    let response: TokenResponse = serde_json::from_value(reply.value()).map_err(strange)?;
    Ok(StoredLogin::from_response(response, Timestamp::now()))
}

/// Turns an answer that grants nothing into an error.
pub(super) fn refusal(http: &HttpClient, reply: &HttpReply, what: &str) -> ApiError {
    let url = http.base().to_string();
    if let Ok(ErrorResponse { error }) = serde_json::from_value::<ErrorResponse>(reply.value()) {
        return ApiError::Refused { code: error.code, message: text::line(&error.message).into_owned() };
    }
    match reply.status {
        404 | 405 | 501 => ApiError::NotOffered { url, what: what.to_owned() },
        401 => ApiError::Refused {
            code: ErrorCode::TokenInvalid,
            message: "the server does not accept this token".to_owned(),
        },
        status => ApiError::Strange { url, status },
    }
}

fn owner(token: &Secret) -> UserInfo {
    let claims = token.expose().split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Option<serde_json::Value> = claims.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let claim = |name: &str| claims.as_ref()?.get(name)?.as_str().map(str::to_owned);
    if let Some(id) = claim("sub").and_then(|sub| Id::parse(&sub).ok()) {
        let username = claim("name").unwrap_or_else(|| id.to_string());
        return UserInfo { id, username: text::line(&username).into_owned() };
    }
    // Hexadecimal digits are an id for sure.
    let digest = Sha256::digest(token.expose());
    let tag: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    UserInfo {
        id: Id::parse(&format!("token-{tag}")).unwrap_or_else(|_| uuid::Uuid::nil().into()),
        username: "token".to_owned(),
    }
}

fn login_required(reason: &str) -> ApiError {
    ApiError::LoginRequired { reason: reason.to_owned() }
}

fn is_usable(login: &StoredLogin, refused: Option<&Secret>) -> bool {
    Some(&login.access) != refused && is_fresh(login)
}

fn is_fresh(login: &StoredLogin) -> bool {
    login.access_expires_at.duration_since(Timestamp::now())
        > jiff::SignedDuration::try_from(REFRESH_MARGIN).unwrap_or_default()
}

fn access_of(login: StoredLogin) -> UsableToken {
    UsableToken { token: login.access, expires_at: Some(login.access_expires_at), user: Some(login.user) }
}

impl From<CredentialError> for ApiError {
    fn from(error: CredentialError) -> Self {
        Self::Credentials(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn token_identifies_its_own_user() {
        let user = async |token: &str| Auth::with_token(Secret::new(token)).user().await.unwrap();
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"0197-ana","name":"ana"}"#);
        let named = user(&format!("e30.{claims}.c2ln")).await;
        assert_eq!((named.id.as_str(), &*named.username), ("0197-ana", "ana"));
        let (one, other) = (user("opaque-1").await, user("opaque-2").await);
        assert_ne!(one.id, other.id);
        assert!(!one.id.as_str().contains("opaque"), "the token itself is told to nobody");
    }
}
