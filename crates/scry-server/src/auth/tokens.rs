//! Access tokens: HS256 JWTs, and nothing but HS256.

use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::errors::Error as JwtError;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use scry_protocol::{ErrorCode, Id};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::limits::LimitKind;

/// Bounds a token, in bytes: a longer one is none of ours, and not worth the work of looking at it.
pub const MAX_TOKEN_BYTES: usize = 4 * 1024;
/// How far the clocks of two nodes may be apart, in seconds: a token may come from a moment that is still ahead.
const CLOCK_SKEW_SECONDS: i64 = 60;

/// Issues and verifies access tokens; clones share one key.
#[derive(Clone)]
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    ttl: Duration,
}

/// What an access token says; times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user's id.
    pub sub: Id,
    /// The user's name.
    pub name: String,
    /// When the token was issued.
    pub iat: i64,
    /// When it expires.
    pub exp: i64,
    /// The token's own id.
    pub jti: Id,
    /// The session that the token was issued to.
    pub sid: Id,
    /// What else it says of the user; catalogues may ask for it.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The claims of a token whose signature is right, with those that none of ours has.
///
/// A key that signs for other services too must not open this server with their tokens.
#[derive(Deserialize)]
struct UncheckedClaims {
    sub: Id,
    name: String,
    iat: i64,
    exp: i64,
    jti: Id,
    sid: Id,
    nbf: Option<i64>,
    aud: Option<IgnoredAny>,
    iss: Option<IgnoredAny>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Claims {
    /// Returns whether a claim is this value, or a list with it.
    #[must_use]
    pub fn has_claim(&self, claim: &str, value: &str) -> bool {
        let is_it = |said: &Value| match said {
            Value::String(text) => text == value,
            Value::Number(number) => number.to_string() == value,
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        };
        match (claim, self.more.get(claim)) {
            ("sub", _) => self.sub.as_str() == value,
            ("name", _) => self.name == value,
            (_, Some(Value::Array(list))) => list.iter().any(is_it),
            (_, said) => said.is_some_and(is_it),
        }
    }
}

/// Why a token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The request carries no token.
    #[error("an access token is needed; log in first")]
    Missing,
    /// The token is malformed, is signed with another key, or its session has ended.
    #[error("the access token is not valid; log in again")]
    Invalid,
    /// The token has expired.
    #[error("the access token has expired; refresh it or log in again")]
    Expired,
}

impl TokenError {
    /// Returns the code that goes over the wire.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Missing => ErrorCode::TokenMissing,
            Self::Invalid => ErrorCode::TokenInvalid,
            Self::Expired => ErrorCode::TokenExpired,
        }
    }

    /// Returns the limit that the error counts for; none for an expired token, which is normal.
    #[must_use]
    pub const fn limit_kind(self) -> Option<LimitKind> {
        match self {
            Self::Missing | Self::Invalid => Some(LimitKind::Token),
            Self::Expired => None,
        }
    }
}

impl Tokens {
    /// Builds an issuer around a signing key; tokens are good for `ttl`.
    #[must_use]
    pub fn new(key: &[u8], ttl: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Expiry is compared below, with the time that the caller passes in and without leeway.
        validation.validate_exp = false;
        Self { encoding: EncodingKey::from_secret(key), decoding: DecodingKey::from_secret(key), validation, ttl }
    }

    /// Builds an issuer with the same key whose tokens are good for `ttl`.
    #[must_use]
    pub fn with_ttl(&self, ttl: Duration) -> Self {
        Self { ttl, ..self.clone() }
    }

    /// Issues an access token for a session; returns it with its expiry in Unix seconds.
    ///
    /// # Errors
    /// The signing library's, which for HS256 has no reason to fail.
    pub fn issue(&self, user: &Id, name: &str, sid: &Id, now: Timestamp) -> Result<(String, i64), JwtError> {
        self.issue_with(user, name, sid, now, Map::new())
    }

    /// Issues an access token again and again as the same text: whoever has the key and the id builds it from these.
    ///
    /// # Errors
    /// As for [`Tokens::issue`].
    pub fn issue_same(
        &self,
        (user, name): (&Id, &str),
        sid: &Id,
        jti: Id,
        (issued, latest_expiry): (Timestamp, Timestamp),
    ) -> Result<(String, i64), JwtError> {
        let iat = issued.as_second();
        let exp = iat.saturating_add_unsigned(self.ttl.as_secs()).min(latest_expiry.as_second());
        let claims =
            Claims { sub: user.clone(), name: name.to_owned(), iat, exp, jti, sid: sid.clone(), more: Map::new() };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)?;
        Ok((token, exp))
    }

    /// Derives a secret from another: only a holder of the key can, and every one of them derives the same.
    ///
    /// # Errors
    /// As for [`Tokens::issue`].
    pub fn derive(&self, purpose: &str, secret: &str) -> Result<[u8; 32], JwtError> {
        // What is signed of a JWT never has a colon, so that neither can be taken for the other.
        let message = format!("{purpose}:{secret}");
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.encoding, Algorithm::HS256)?;
        Ok(Sha256::digest(signature.as_bytes()).into())
    }

    /// Does the same with further claims; those that every token has cannot be among them.
    ///
    /// # Errors
    /// As for [`Tokens::issue`].
    pub fn issue_with(
        &self,
        user: &Id,
        name: &str,
        sid: &Id,
        now: Timestamp,
        more: Map<String, Value>,
    ) -> Result<(String, i64), JwtError> {
        let iat = now.as_second();
        let exp = iat.saturating_add_unsigned(self.ttl.as_secs());
        let jti = Id::from(uuid::Uuid::now_v7());
        let claims = Claims { sub: user.clone(), name: name.to_owned(), iat, exp, jti, sid: sid.clone(), more };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)?;
        Ok((token, exp))
    }

    /// Verifies an access token.
    ///
    /// # Errors
    /// [`TokenError`] saying whether it is missing, not ours, or too old.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        if token.is_empty() {
            return Err(TokenError::Missing);
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let token = jsonwebtoken::decode::<UncheckedClaims>(token, &self.decoding, &self.validation)
            .map_err(|_| TokenError::Invalid)?;
        if !is_plain(&token.header) {
            return Err(TokenError::Invalid);
        }
        token.claims.validate(now.as_second())
    }
}

impl UncheckedClaims {
    /// Accepts the claims if they are meant for this server and for now, in Unix seconds.
    fn validate(self, now: i64) -> Result<Claims, TokenError> {
        let Self { sub, name, iat, exp, jti, sid, nbf, aud, iss, more } = self;
        let soonest = now.saturating_add(CLOCK_SKEW_SECONDS);
        let is_early = iat > soonest || nbf.is_some_and(|nbf| nbf > soonest);
        let is_foreign = aud.is_some() || iss.is_some();
        if is_early || is_foreign || iat < 0 || name.is_empty() || Timestamp::from_second(exp).is_err() {
            return Err(TokenError::Invalid);
        }
        if exp <= now { Err(TokenError::Expired) } else { Ok(Claims { sub, name, iat, exp, jti, sid, more }) }
    }
}

/// Returns whether a header only says what kind of token it is: one that names a key, or rules that must be
/// understood, is not ours.
fn is_plain(header: &Header) -> bool {
    let names_key = header.jku.is_some()
        || header.jwk.is_some()
        || header.kid.is_some()
        || header.x5u.is_some()
        || header.x5c.is_some()
        || header.x5t.is_some()
        || header.x5t_s256.is_some();
    let is_jwt = header.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    is_jwt && !names_key && header.crit.is_none() && header.enc.is_none() && header.zip.is_none()
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("ttl", &self.ttl).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn tokens() -> Tokens {
        Tokens::new(KEY, Duration::from_secs(900))
    }

    fn issued() -> String {
        let id = Id::parse("u").unwrap();
        tokens().issue(&id, "gm", &Id::parse("s").unwrap(), at(1_000)).unwrap().0
    }

    #[test]
    fn a_token_is_good_until_its_last_second() {
        let claims = tokens().verify(&issued(), at(1_899)).unwrap();
        assert_eq!((claims.name.as_str(), claims.iat, claims.exp), ("gm", 1_000, 1_900));
        assert_eq!(tokens().verify(&issued(), at(1_900)), Err(TokenError::Expired));
    }

    #[test]
    fn claim_is_a_value_or_a_list() {
        let id = |text| Id::parse(text).unwrap();
        let more = [("company", json!("acme")), ("divisions", json!(["d1", 7])), ("deep", json!({"acme": true}))];
        let more = more.into_iter().map(|(claim, said)| (claim.to_owned(), said)).collect();
        let (token, _) = tokens().issue_with(&id("u"), "gm", &id("s"), at(1_000), more).unwrap();
        let claims = tokens().verify(&token, at(1_000)).unwrap();
        assert!(
            claims.has_claim("company", "acme")
                && claims.has_claim("divisions", "d1")
                && claims.has_claim("divisions", "7")
        );
        assert!(claims.has_claim("sub", "u") && claims.has_claim("name", "gm"));
        for (claim, value) in
            [("company", "acm"), ("deep", "acme"), ("divisions", "d2"), ("nothing", ""), ("sub", "gm")]
        {
            assert!(!claims.has_claim(claim, value), "{claim} {value}");
        }
    }

    #[test]
    fn token_signed_by_others_is_refused() {
        let other = Tokens::new(b"another key, also 32 bytes long!", Duration::from_secs(900));
        assert_eq!(other.verify(&issued(), at(1_000)), Err(TokenError::Invalid));
        assert_eq!(tokens().verify("not a token", at(1_000)), Err(TokenError::Invalid));
        assert_eq!(tokens().verify("", at(1_000)), Err(TokenError::Missing));
    }

    #[test]
    fn only_hs256_is_accepted() {
        let claims = tokens().verify(&issued(), at(1_000)).unwrap();
        let hs512 =
            jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims, &EncodingKey::from_secret(KEY)).unwrap();
        assert_eq!(tokens().verify(&hs512, at(1_000)), Err(TokenError::Invalid));
        let parts: Vec<_> = hs512.split('.').collect();
        // {"alg":"none","typ":"JWT"}
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts[1]);
        assert_eq!(tokens().verify(&unsigned, at(1_000)), Err(TokenError::Invalid));
    }
}
