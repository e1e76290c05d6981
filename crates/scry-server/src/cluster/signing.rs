//! Messages between nodes, signed with a key that only nodes have (pure: the time is an argument).
//!
//! Redis carries them, but does not have to be trusted: a message that no node signed, that is too old, or that was
//! taken in before is refused. What Redis or somebody in between can still do is to read messages and to hold them back.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::Sha256;

use super::{ClusterMessage, Envelope};
use crate::auth::digest::hex;

/// Separates this use of the shared key from every other one.
const KEY_LABEL: &[u8] = b"scry cluster message v1";
/// How far the sender's clock and ours may be apart, with the way in between; an older message is a replay.
pub(super) const MAX_AGE_MS: i64 = 60_000;
/// Bounds a message: nobody has so many people to name.
const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;
/// Bounds the name of a node.
const MAX_NODE_NAME_BYTES: usize = 64;
/// The length of a signature in hexadecimal digits.
const TAG_LEN: usize = 64;

/// A key for signatures, derived from the key that signs access tokens; its `Debug` output does not show it.
#[derive(Clone)]
pub struct MessageKey(Hmac<Sha256>);

/// The reason why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VerifyErrorKind {
    /// It is not in the form of a signed message.
    Malformed,
    /// No node with our key has signed it.
    Signature,
    /// It was signed more than a minute ago, or in the future.
    Stale,
    /// A later message of the same node, or this one, was taken in before.
    Replayed,
}

/// A message that is not believed; the sender is known only where the signature was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyError {
    pub reason: VerifyErrorKind,
    pub sender: Option<Arc<str>>,
}

/// Signs what one node says.
#[derive(Debug)]
pub(super) struct Signer {
    key: MessageKey,
    node: Arc<str>,
    sequence: AtomicU64,
}

/// Checks what nodes say, and remembers how far each has got.
#[derive(Debug)]
pub(super) struct Verifier {
    key: MessageKey,
    senders: HashMap<Arc<str>, NodeSequence>,
}

/// How far a node has got: nothing up to this is taken in again.
#[derive(Debug, Clone, Copy)]
struct NodeSequence {
    sequence: u64,
    sent_at_ms: i64,
}

/// What is signed; a node's messages are numbered in the order in which it sends them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signed<W> {
    from: Arc<str>,
    sent_at_ms: i64,
    sequence: u64,
    #[serde(rename = "word")]
    message: W,
}

impl MessageKey {
    /// Derives the key from the secret that all nodes share.
    #[must_use]
    pub fn derive(secret: &[u8]) -> Option<Self> {
        let derived = tag(&keyed(secret)?, KEY_LABEL).into_bytes();
        keyed(&derived).map(Self)
    }

    fn verifies(&self, signature: &[u8], body: &[u8]) -> bool {
        // Compared in constant time: how long it takes says nothing about the right signature.
        self.0.clone().chain_update(body).verify_slice(signature).is_ok()
    }
}

fn keyed(secret: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(secret).ok()
}

fn tag(keyed: &Hmac<Sha256>, body: &[u8]) -> hmac::digest::CtOutput<Hmac<Sha256>> {
    keyed.clone().chain_update(body).finalize()
}

impl std::fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<key>")
    }
}

impl VerifyErrorKind {
    /// Every reason, in the order of their declaration.
    pub const ALL: [Self; 4] = [Self::Malformed, Self::Signature, Self::Stale, Self::Replayed];

    /// Returns the name that logs and metrics have for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Signature => "signature",
            Self::Stale => "stale",
            Self::Replayed => "replayed",
        }
    }
}

impl Signer {
    /// Builds what signs for a node.
    #[must_use]
    pub(super) const fn new(key: MessageKey, node: Arc<str>) -> Self {
        Self { key, node, sequence: AtomicU64::new(0) }
    }

    /// Writes a message with its signature in front: hexadecimal digits, a blank, JSON.
    ///
    /// # Errors
    /// When the message cannot be written as JSON.
    pub(super) fn sign(&self, message: &ClusterMessage, now_ms: i64) -> Result<String, serde_json::Error> {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let body = serde_json::to_string(&Signed { from: self.node.clone(), sent_at_ms: now_ms, sequence, message })?;
        let signature = hex(&tag(&self.key.0, body.as_bytes()).into_bytes());
        Ok(format!("{signature} {body}"))
    }
}

impl Verifier {
    /// Builds what checks messages.
    #[must_use]
    pub(super) fn new(key: MessageKey) -> Self {
        Self { key, senders: HashMap::new() }
    }

    /// Reads a message; `None` for one that a node has signed and that this version does not know.
    ///
    /// # Errors
    /// [`VerifyError`] for one that is not to be believed.
    pub(super) fn verify(&mut self, payload: &[u8], now_ms: i64) -> Result<Option<Envelope>, VerifyError> {
        let refuse = |reason| VerifyError { reason, sender: None };
        let (signature, body) = split(payload).ok_or_else(|| refuse(VerifyErrorKind::Malformed))?;
        if !self.key.verifies(&signature, body) {
            return Err(refuse(VerifyErrorKind::Signature));
        }
        let signed: Signed<&RawValue> = serde_json::from_slice(body).map_err(|_| refuse(VerifyErrorKind::Malformed))?;
        if signed.from.len() > MAX_NODE_NAME_BYTES {
            return Err(refuse(VerifyErrorKind::Malformed));
        }
        self.advance(&signed, now_ms).map_err(|reason| VerifyError { reason, sender: Some(signed.from.clone()) })?;
        let message = serde_json::from_str(signed.message.get()).ok();
        Ok(message.map(|message| Envelope { from: signed.from, message }))
    }

    /// Notes how far a node has got, unless the message is old.
    fn advance(&mut self, signed: &Signed<&RawValue>, now_ms: i64) -> Result<(), VerifyErrorKind> {
        let is_old = |sent_at_ms: i64, age_ms: i64| now_ms.saturating_sub(sent_at_ms).saturating_abs() > age_ms;
        if is_old(signed.sent_at_ms, MAX_AGE_MS) {
            return Err(VerifyErrorKind::Stale);
        }
        if self.senders.get(&signed.from).is_some_and(|known| signed.sequence <= known.sequence) {
            return Err(VerifyErrorKind::Replayed);
        }
        if !self.senders.contains_key(&signed.from) {
            // A node that has gone may be forgotten once everything it ever said is too old to be taken in. Its clock
            // may be ahead of ours by as much as a message may be late.
            self.senders.retain(|_, known| !is_old(known.sent_at_ms, 3 * MAX_AGE_MS));
        }
        let progress = NodeSequence { sequence: signed.sequence, sent_at_ms: signed.sent_at_ms };
        self.senders.insert(signed.from.clone(), progress);
        Ok(())
    }
}

/// Takes a message apart into its signature and what is signed.
fn split(payload: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    if payload.len() > MAX_MESSAGE_BYTES {
        return None;
    }
    let (signature, body) = payload.split_at_checked(TAG_LEN)?;
    let signature = signature.chunks_exact(2).map(byte).collect::<Option<Vec<u8>>>()?;
    Some((signature, body.strip_prefix(b" ")?))
}

fn byte(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use scry_protocol::Id;

    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const NOW: i64 = 1_800_000_000_000;

    fn signer(secret: &[u8], node: &str) -> Signer {
        Signer::new(MessageKey::derive(secret).unwrap(), node.into())
    }

    fn verifier() -> Verifier {
        Verifier::new(MessageKey::derive(SECRET).unwrap())
    }

    fn ended() -> ClusterMessage {
        ClusterMessage::SessionEnded { user_id: Id::parse("u").unwrap(), sid: Id::parse("s").unwrap() }
    }

    fn reason(verifier: &mut Verifier, message: &str, now_ms: i64) -> VerifyErrorKind {
        verifier.verify(message.as_bytes(), now_ms).unwrap_err().reason
    }

    #[test]
    fn signed_message_is_read_by_every_node_with_the_same_secret() {
        let (signer, mut verifier) = (signer(SECRET, "a"), verifier());
        for _ in 0..3 {
            let message = signer.sign(&ended(), NOW).unwrap();
            let envelope = verifier.verify(message.as_bytes(), NOW + 50).unwrap().unwrap();
            assert_eq!(envelope, Envelope { from: "a".into(), message: ended() });
        }
    }

    #[test]
    fn message_signed_with_another_key_is_refused() {
        let mut verifier = verifier();
        let other = signer(b"another secret, also 32 bytes long", "a").sign(&ended(), NOW).unwrap();
        assert_eq!(reason(&mut verifier, &other, NOW), VerifyErrorKind::Signature);
        // The shared secret itself signs tokens, and must not sign messages.
        let direct = Signer::new(MessageKey(keyed(SECRET).unwrap()), "a".into()).sign(&ended(), NOW).unwrap();
        assert_eq!(reason(&mut verifier, &direct, NOW), VerifyErrorKind::Signature);
    }

    #[test]
    fn changing_any_character_makes_a_message_refused() {
        let message = signer(SECRET, "a").sign(&ended(), NOW).unwrap();
        for place in 0..message.len() {
            let mut changed = message.clone().into_bytes();
            changed[place] ^= 1;
            let refused = verifier().verify(&changed, NOW).unwrap_err();
            assert!(
                matches!(refused.reason, VerifyErrorKind::Signature | VerifyErrorKind::Malformed)
                    && refused.sender.is_none(),
                "{place}: {refused:?}"
            );
        }
    }

    #[test]
    fn unsigned_or_cut_message_is_malformed() {
        let message = signer(SECRET, "a").sign(&ended(), NOW).unwrap();
        let body = message.split_once(' ').unwrap().1;
        for text in ["", " ", "{}", body, &message[..TAG_LEN], &message[1..], &"é".repeat(TAG_LEN)] {
            assert_eq!(reason(&mut verifier(), text, NOW), VerifyErrorKind::Malformed, "{text}");
        }
    }

    #[test]
    fn replayed_or_reordered_message_is_refused_and_names_its_sender() {
        let (signer, mut verifier) = (signer(SECRET, "a"), verifier());
        let (first, second) = (signer.sign(&ended(), NOW).unwrap(), signer.sign(&ended(), NOW).unwrap());
        verifier.verify(second.as_bytes(), NOW).unwrap();
        for message in [&second, &first] {
            let refused = verifier.verify(message.as_bytes(), NOW).unwrap_err();
            assert_eq!(refused, VerifyError { reason: VerifyErrorKind::Replayed, sender: Some("a".into()) });
        }
    }

    #[test]
    fn message_older_than_a_minute_or_from_the_future_is_stale() {
        let message = signer(SECRET, "a").sign(&ended(), NOW).unwrap();
        for now in [NOW + MAX_AGE_MS + 1, NOW - MAX_AGE_MS - 1, i64::MAX, i64::MIN] {
            assert_eq!(reason(&mut verifier(), &message, now), VerifyErrorKind::Stale, "{now}");
        }
        assert!(verifier().verify(message.as_bytes(), NOW + MAX_AGE_MS).is_ok());
        assert!(verifier().verify(message.as_bytes(), NOW - MAX_AGE_MS).is_ok());
    }

    #[test]
    fn nodes_that_have_gone_are_forgotten_only_when_their_messages_are_stale() {
        let mut verifier = verifier();
        let old = signer(SECRET, "gone").sign(&ended(), NOW).unwrap();
        verifier.verify(old.as_bytes(), NOW).unwrap();
        for step in 1..=500 {
            let now = NOW + step * 1_000;
            let new = signer(SECRET, &format!("node-{step}")).sign(&ended(), now).unwrap();
            verifier.verify(new.as_bytes(), now).unwrap();
            assert!(verifier.verify(old.as_bytes(), now).is_err(), "replayed after {step} s");
        }
        assert!(verifier.senders.len() < 200, "{}", verifier.senders.len());
    }

    #[test]
    fn unknown_message_of_a_newer_node_is_ignored_and_not_refused() {
        let body = format!("{{\"from\":\"a\",\"sentAtMs\":{NOW},\"sequence\":1,\"word\":{{\"is\":\"news\"}}}}");
        let signature = hex(&tag(&MessageKey::derive(SECRET).unwrap().0, body.as_bytes()).into_bytes());
        assert_eq!(verifier().verify(format!("{signature} {body}").as_bytes(), NOW), Ok(None));
    }
}
