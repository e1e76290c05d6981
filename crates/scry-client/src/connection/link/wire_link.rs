//! Connections as `scry-wire` makes them, on the runtime of the caller.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use scry_model::event::Transport;
use scry_text as text;
use scry_wire::client::{Client, ClientOptions, ConnectError, Connection, Incoming, Proxies};
use scry_wire::session::{CloseReason, EventAnswer, ServerEvent, TransportKind};
use serde_json::{Value, json};

use super::{BATCH_EVENTS, LinkTarget, LinkTask, ended};
use crate::connection::LinkEvent;
use crate::http::is_certificate_problem;
use crate::secret::Secret;

/// How long a WebSocket's handshake may take before long-polling is tried, where the attempt as a whole may take long.
const MAX_OPEN_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest binary attachment that is shown whole.
const MAX_SHOWN_BYTES: usize = 64 * 1024;
/// How many bytes of a larger one are shown.
const SHOWN_PREFIX_BYTES: usize = 1024;
/// The most answers that are waited for; a gateway that never answers gets to this.
const MAX_AWAITED_ANSWERS: usize = 1024;

/// Makes connections to one server, and keeps what each learns for the next.
#[derive(Debug)]
pub(super) struct WireFactory {
    url: Arc<str>,
    client: Result<Arc<Client>, ConnectError>,
}

impl WireFactory {
    pub(super) fn new(target: &LinkTarget) -> Self {
        let limit = target.connect_timeout;
        let mut options = ClientOptions::new(target.url.clone())
            .header("user-agent", concat!("scry/", env!("CARGO_PKG_VERSION")))
            .proxies(Proxies::from_env())
            .dial_timeout(limit)
            .open_timeout((limit / 3).min(MAX_OPEN_TIMEOUT))
            .join_timeout(limit);
        if let Some(tls) = &target.tls {
            options = options.tls(tls.clone());
        }
        Self { url: target.url.as_str().into(), client: Client::new(options).map(Arc::new) }
    }

    pub(super) fn open(&self, token: Option<Secret>, task: LinkTask) {
        let (url, client) = (self.url.clone(), self.client.clone());
        tokio::spawn(async move {
            match client {
                Ok(client) => run(&client, &url, token, task).await,
                Err(error) => {
                    // The actor is gone when this fails, and then nobody wants to know.
                    let _ = task.inbox.send((task.generation, vec![ended(&url, &error.to_string(), false)])).await;
                }
            }
        });
    }

    pub(super) fn forget_session(&self) {
        if let Ok(client) = &self.client {
            client.forget_session();
        }
    }
}

/// Connects and converses until the connection ends or is no longer wanted.
async fn run(client: &Client, url: &str, token: Option<Secret>, mut task: LinkTask) {
    let auth = token.map(|token| json!({"token": token.expose()}));
    let connected = tokio::select! {
        connected = client.connect(auth) => connected,
        _ = &mut task.stopped => return,
    };
    match connected {
        Ok(mut connection) => {
            let transport = match connection.transport() {
                TransportKind::WebSocket => Transport::WebSocket,
                TransportKind::Polling => Transport::Polling,
            };
            let ping_interval = connection.ping_interval();
            if task.report(vec![LinkEvent::Connected { transport, ping_interval }]).await
                && OpenLink::new(url).hold(&mut connection, &mut task).await
            {
                return;
            }
            connection.close().await;
        }
        Err(error) => {
            task.report(vec![failed(url, error)]).await;
        }
    }
    // Nobody listens when the link was dropped without waiting for its end.
    let _ = task.finished.send(());
}

impl LinkTask {
    /// Hands events on, and returns whether they were wanted. Where there is no room, the reading of the socket stops.
    async fn report(&mut self, events: Vec<LinkEvent>) -> bool {
        tokio::select! {
            sent = self.inbox.send((self.generation, events)) => sent.is_ok(),
            _ = &mut self.stopped => false,
        }
    }
}

/// What is under way on an open connection.
struct OpenLink<'a> {
    url: &'a str,
    /// Which request each of the gateway's answers belongs to.
    awaited: VecDeque<(u64, u64)>,
    /// Events that the gateway wants to be told of.
    to_answer: Vec<u64>,
}

impl<'a> OpenLink<'a> {
    const fn new(url: &'a str) -> Self {
        Self { url, awaited: VecDeque::new(), to_answer: Vec::new() }
    }

    /// Carries requests and events; returns whether the connection ended by itself.
    async fn hold(&mut self, connection: &mut Connection, task: &mut LinkTask) -> bool {
        loop {
            let first = tokio::select! {
                biased;
                _ = &mut task.stopped => return false,
                Some((id, name, body)) = task.requests.recv() => {
                    self.ask(connection, id, name, body);
                    continue;
                }
                incoming = connection.next() => incoming,
            };
            let Some(first) = first else { return true };
            let mut events = Vec::new();
            self.take(first, &mut events);
            // What arrived together goes together, and nothing waits.
            while events.len() < BATCH_EVENTS
                && let Some(incoming) = connection.try_next()
            {
                self.take(incoming, &mut events);
            }
            if !events.is_empty() && !task.report(events).await {
                return false;
            }
            for id in self.to_answer.drain(..) {
                // It cannot be said any more when the connection has ended.
                let _ = connection.answer(id, &[]);
            }
        }
    }

    fn ask(&mut self, connection: &mut Connection, id: u64, name: &str, body: Value) {
        // It cannot be asked any more when the connection has ended, which is told by reading.
        let Ok(number) = connection.ask(name, body) else { return };
        if self.awaited.len() >= MAX_AWAITED_ANSWERS
            && let Some((oldest, _)) = self.awaited.pop_front()
        {
            connection.forget(oldest);
        }
        self.awaited.push_back((number, id));
    }

    fn take(&mut self, incoming: Incoming, events: &mut Vec<LinkEvent>) {
        match incoming {
            Incoming::Event(event) => {
                self.to_answer.extend(event.id);
                events.push(message(event));
            }
            Incoming::Answer(answer) => {
                let place = self.awaited.iter().position(|(number, _)| *number == answer.id);
                if let Some((_, id)) = place.and_then(|place| self.awaited.remove(place)) {
                    events.push(LinkEvent::Answer { id, body: body_of_answer(answer) });
                }
            }
            Incoming::Ping => events.push(LinkEvent::Ping),
            Incoming::Closed(reason) => events.push(failed(self.url, ConnectError::Closed(reason))),
        }
    }
}

/// Returns the end of a connection that could not be made, or has failed.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are told in their own words")]
fn failed(url: &str, error: ConnectError) -> LinkEvent {
    match error {
        ConnectError::Closed(CloseReason::Refused(refusal)) => {
            LinkEvent::Refused { message: text::line(&refusal.message).into_owned() }
        }
        ConnectError::Tls(reason) if is_certificate_problem(&reason) => ended(url, &reason, true),
        other => ended(url, &other.to_string(), false),
    }
}

fn message(mut event: ServerEvent) -> LinkEvent {
    // A placeholder without an attachment stays as it came.
    let _ = event.fill(&mut |bytes| show(bytes));
    LinkEvent::Message { name: event.name, body: single(event.arguments) }
}

fn body_of_answer(mut answer: EventAnswer) -> Value {
    let _ = answer.fill(&mut |bytes| show(bytes));
    single(answer.arguments)
}

/// Puts arguments into one value: none is null, several are a list.
fn single(mut arguments: Vec<Value>) -> Value {
    if arguments.len() > 1 { Value::Array(arguments) } else { arguments.pop().unwrap_or_default() }
}

/// Shows bytes as JSON: whole, or the beginning of many.
fn show(bytes: &[u8]) -> Value {
    match bytes.get(..SHOWN_PREFIX_BYTES) {
        Some(beginning) if bytes.len() > MAX_SHOWN_BYTES => {
            json!({"$binary": BASE64.encode(beginning), "bytes": bytes.len(), "truncated": true})
        }
        Some(_) | None => json!({"$binary": BASE64.encode(bytes)}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_one_value() {
        assert_eq!(single(vec![]), Value::Null);
        assert_eq!(single(vec![json!({"a": 1})]), json!({"a": 1}));
        assert_eq!(single(vec![json!(1), json!(2)]), json!([1, 2]));
    }

    #[test]
    fn bytes_are_shown_whole_unless_they_are_many() {
        assert_eq!(show(&[1]), json!({"$binary": "AQ=="}));
        assert_eq!(show(&vec![0; MAX_SHOWN_BYTES])["truncated"], Value::Null);
        let many = show(&vec![0; MAX_SHOWN_BYTES + 1]);
        assert_eq!((&many["bytes"], &many["truncated"]), (&json!(MAX_SHOWN_BYTES + 1), &json!(true)));
        assert_eq!(many["$binary"].as_str().map(str::len), Some(1368));
    }
}
