//! Connections as the library `rust_socketio` makes them: the only file that names it.
//!
//! The library reconnects by itself when it likes and does not always tell when a connection has
//! ended, so each connection gets a fresh one on its own runtime and thread. Its `on_reconnect`
//! callback, which every end of the stream reaches, reports the end and never returns: the library
//! never reconnects, and dropping the runtime frees whatever it still holds.
//!
//! It takes events named `open`, `close` and `error` for its own, answers no event, knows no proxies, and tries one
//! address after the other. It follows redirects when it polls, so it never polls with a token.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::FutureExt;
use futures_util::future::{self, BoxFuture};
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use scry_model::event::Transport;
use scry_text as text;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::{BATCH_EVENTS, InboxSender, LinkRequest, LinkTarget, LinkTask, ended};
use crate::connection::{Generation, LinkEvent};
use crate::http::is_certificate_problem;
use crate::secret::Secret;

/// How often to see whether the library's own task still lives.
const WATCHDOG_INTERVAL: Duration = Duration::from_secs(10);
/// How long saying goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);
/// Our own deadline is the connection state's; the library merely must not forget the callback before.
const ACK_TIMEOUT: Duration = Duration::from_secs(3600);

/// Makes connections to one server.
#[derive(Debug)]
pub(super) struct RustSocketioFactory {
    target: LinkTarget,
}

impl RustSocketioFactory {
    pub(super) const fn new(target: LinkTarget) -> Self {
        Self { target }
    }

    pub(super) fn open(&self, token: Option<Secret>, task: LinkTask) -> std::io::Result<()> {
        let attempt = ConnectAttempt { target: self.target.clone(), token };
        let LinkTask { generation, inbox, requests, stopped, finished } = task;
        std::thread::Builder::new().name(format!("link-{generation}")).spawn(move || {
            run(&attempt, generation, &inbox, requests, stopped);
            // Nobody listens when the link was dropped without waiting for its end.
            let _ = finished.send(());
        })?;
        Ok(())
    }
}

/// One connection to make: where to, and as whom.
#[derive(Debug)]
struct ConnectAttempt {
    target: LinkTarget,
    token: Option<Secret>,
}

#[derive(Clone)]
struct EventSink {
    events: mpsc::Sender<LinkEvent>,
    /// The server's address, for sentences that name it.
    url: Arc<str>,
}

impl EventSink {
    /// Waits for room: where there is none, the reading of the socket stops, not the program.
    async fn report(&self, event: LinkEvent) {
        // The actor is gone when this fails, and then nobody wants to know.
        let _ = self.events.send(event).await;
    }

    async fn ended(&self, reason: &str) {
        self.report(ended(&self.url, reason, is_certificate_problem(reason))).await;
    }
}

fn run(
    attempt: &ConnectAttempt,
    generation: Generation,
    inbox: &InboxSender,
    requests: mpsc::Receiver<LinkRequest>,
    mut stopped: oneshot::Receiver<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let event =
                LinkEvent::Ended { reason: format!("no runtime for a connection: {error}"), certificate: false };
            let _ = inbox.blocking_send((generation, vec![event]));
            return;
        }
    };
    let (events, mut reported) = mpsc::channel(BATCH_EVENTS);
    let sink = EventSink { events, url: attempt.target.url.as_str().into() };
    runtime.block_on(async {
        let end = tokio::select! {
            end = connect_and_serve(attempt, &sink, requests, &mut stopped) => end,
            () = forward(&mut reported, generation, inbox) => LinkEnd::Dropped,
        };
        if end == LinkEnd::Failed {
            // The last words; the library keeps its callbacks, so the channel does not end by itself.
            reported.close();
            tokio::select! {
                () = forward(&mut reported, generation, inbox) => {}
                _ = &mut stopped => {}
            }
        }
    });
    runtime.shutdown_background();
}

/// The way in which a connection ended.
#[derive(PartialEq, Eq)]
enum LinkEnd {
    Failed,
    Dropped,
}

/// Hands on what is reported. This runs when the library has nothing more to read for now, so what arrived together
/// goes together, and nothing waits.
async fn forward(reported: &mut mpsc::Receiver<LinkEvent>, generation: Generation, inbox: &InboxSender) {
    let mut batch = Vec::new();
    while reported.recv_many(&mut batch, BATCH_EVENTS).await > 0 {
        if inbox.send((generation, std::mem::take(&mut batch))).await.is_err() {
            return;
        }
    }
}

/// Connects and converses until the connection ends or is no longer wanted.
async fn connect_and_serve(
    attempt: &ConnectAttempt,
    sink: &EventSink,
    requests: mpsc::Receiver<LinkRequest>,
    stopped: &mut oneshot::Receiver<()>,
) -> LinkEnd {
    let client = tokio::select! {
        client = connect(attempt, sink) => client,
        _ = &mut *stopped => return LinkEnd::Dropped,
    };
    let reason = match client {
        Err(reason) => reason,
        Ok(client) => tokio::select! {
            reason = serve_requests(&client, sink, requests) => reason,
            _ = &mut *stopped => {
                let _ = tokio::time::timeout(CLOSE_TIMEOUT, client.disconnect()).await;
                return LinkEnd::Dropped;
            }
        },
    };
    tokio::select! {
        () = sink.ended(&reason) => LinkEnd::Failed,
        _ = stopped => LinkEnd::Dropped,
    }
}

/// Carries requests until the connection fails, and returns why.
async fn serve_requests(client: &Client, sink: &EventSink, mut requests: mpsc::Receiver<LinkRequest>) -> String {
    let mut watch = tokio::time::interval(WATCHDOG_INTERVAL);
    loop {
        tokio::select! {
            Some((id, name, body)) = requests.recv() => {
                if let Err(error) = request_answer(client, sink, id, name, body).await {
                    return strip_library_prefix(&cause(&error)).to_owned();
                }
            }
            _ = watch.tick() => {
                // The library reads in one task of this runtime; if that panicked, nothing tells us.
                if tokio::runtime::Handle::current().metrics().num_alive_tasks() == 0 {
                    return "the connection stopped inside the library".to_owned();
                }
            }
        }
    }
}

/// Tries WebSocket, and long-polling if that is not let through and there is no token: the library follows redirects when
/// it polls, and what it posts has the token in it.
async fn connect(attempt: &ConnectAttempt, sink: &EventSink) -> Result<Client, String> {
    let refused = match builder(attempt, sink, Transport::WebSocket).connect().await {
        Ok(client) => return Ok(client),
        Err(error) => cause(&error),
    };
    if !is_refused_upgrade(&refused) {
        return Err(strip_library_prefix(&refused).to_owned());
    }
    if attempt.token.is_some() {
        return Err(without_polling(&refused));
    }
    tracing::info!(reason = %text::line(&refused), "no WebSocket here; trying long-polling");
    builder(attempt, sink, Transport::Polling)
        .connect()
        .await
        .map_err(|error| strip_library_prefix(&cause(&error)).to_owned())
}

/// Returns why there is no connection where the WebSocket was refused.
fn without_polling(refused: &str) -> String {
    format!(
        "the gateway refused the WebSocket ({}); with connection.link = \"rust_socketio\" a login is not sent by \
         long-polling, because that library would send the token to wherever it is redirected: set connection.link = \
         \"wire\", or let WebSockets through",
        strip_library_prefix(refused)
    )
}

fn builder(attempt: &ConnectAttempt, sink: &EventSink, transport: Transport) -> ClientBuilder {
    let kind = match transport {
        Transport::WebSocket => TransportType::Websocket,
        Transport::Polling => TransportType::Polling,
    };
    let reason = Arc::new(Mutex::new(None::<String>));
    let (welcomed, closed, ended, heard) = (sink.clone(), sink.clone(), sink.clone(), sink.clone());
    let (told, known) = (reason.clone(), reason);
    let mut builder = ClientBuilder::new(socket_url(&attempt.target.url))
        .transport_type(kind)
        .reconnect(true)
        .reconnect_on_disconnect(true)
        .on("open", move |_, _| {
            let sink = welcomed.clone();
            // The library keeps the pings to itself, and ends the connection when they stay away.
            async move { sink.report(LinkEvent::Connected { transport, ping_interval: None }).await }.boxed()
        })
        .on("close", move |_, _| {
            let sink = closed.clone();
            // The transport stays open after this; for us it is the end.
            async move { sink.ended("the gateway ended the connection").await }.boxed()
        })
        .on("error", {
            let sink = sink.clone();
            move |payload, _| on_error(&sink, &told, &payload)
        })
        .on_any(move |event, payload, _| {
            let sink = heard.clone();
            async move {
                if let Some((name, body)) = message(event, payload) {
                    sink.report(LinkEvent::Message { name, body }).await;
                }
            }
            .boxed()
        })
        .on_reconnect(move || {
            let sink = ended.clone();
            let reason = known.lock().unwrap_or_else(PoisonError::into_inner).take();
            async move {
                sink.ended(reason.as_deref().unwrap_or("the connection was closed")).await;
                future::pending().await
            }
            .boxed()
        });
    if let Some(tls) = &attempt.target.tls {
        builder = builder.tls_config(tls.clone());
    }
    if let Some(token) = &attempt.token {
        builder = builder.auth(json!({"token": token.expose()}));
    }
    builder
}

/// Handles an error: a refused handshake, which the library leaves hanging, ends the connection here.
fn on_error(sink: &EventSink, reason: &Arc<Mutex<Option<String>>>, payload: &Payload) -> BoxFuture<'static, ()> {
    let words = words(payload);
    let Some(refusal) = words.strip_prefix("Received an ConnectError frame: ") else {
        remember(reason, &format!("the connection failed ({words})"));
        return future::ready(()).boxed();
    };
    let message = serde_json::from_str::<Value>(refusal)
        .ok()
        .and_then(|frame| frame.get("message").and_then(Value::as_str).map(str::to_owned))
        .unwrap_or_else(|| refusal.to_owned());
    let sink = sink.clone();
    async move { sink.report(LinkEvent::Refused { message: text::line(&message).into_owned() }).await }.boxed()
}

async fn request_answer(
    client: &Client,
    sink: &EventSink,
    id: u64,
    name: &'static str,
    body: Value,
) -> Result<(), rust_socketio::Error> {
    let sink = sink.clone();
    let answered = move |payload: Payload, _: Client| {
        let sink = sink.clone();
        let body = answer(payload);
        async move { sink.report(LinkEvent::Answer { id, body }).await }.boxed()
    };
    client.emit_with_ack(name, body, ACK_TIMEOUT, answered).await
}

/// Puts an event into one form; the library takes an event without arguments for a nameless message.
fn message(event: Event, payload: Payload) -> Option<(String, Value)> {
    let mut arguments = match payload {
        Payload::Text(arguments) => arguments,
        // Of a binary event the library hands on nothing but the bytes.
        Payload::Binary(bytes) => {
            return Some((String::from(event), json!({"$binary": BASE64.encode(&bytes)})));
        }
        #[expect(deprecated, reason = "the library may still send it")]
        Payload::String(text) => vec![Value::String(text)],
    };
    let single = arguments.len() == 1;
    match (event, single) {
        (Event::Message, true) => match arguments.pop() {
            Some(Value::String(name)) => Some((name, Value::Null)),
            Some(other) => Some(("message".to_owned(), other)),
            None => None,
        },
        (event, true) => Some((String::from(event), arguments.pop().unwrap_or_default())),
        (event, false) => Some((String::from(event), Value::Array(arguments))),
    }
}

/// Takes the answer out of the list of arguments it comes in.
fn answer(payload: Payload) -> Value {
    let Payload::Text(mut arguments) = payload else { return Value::Null };
    match arguments.pop() {
        Some(Value::Array(mut inner)) if inner.len() == 1 => inner.pop().unwrap_or_default(),
        Some(other) => other,
        None => Value::Null,
    }
}

fn words(payload: &Payload) -> String {
    let Payload::Text(values) = payload else { return String::new() };
    match values.as_slice() {
        [Value::String(text)] => text.clone(),
        other => other.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}

fn remember(reason: &Mutex<Option<String>>, words: &str) {
    *reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(words.to_owned());
}

/// Returns what lies behind the library's own words, which say nothing ("EngineIO Error").
fn cause(error: &rust_socketio::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Leaves out what only a programmer wants to know.
fn strip_library_prefix(cause: &str) -> &str {
    // All that the library says of a line that was cut while nothing was being sent.
    if cause == "EngineIO Error" {
        return "the line was cut";
    }
    ["Error with websocket connection: ", "Error during connection via http: ", "IO error: ", "TLS error: "]
        .iter()
        .fold(cause, |rest, prefix| rest.strip_prefix(prefix).unwrap_or(rest))
}

/// Returns whether the other side answered, but not with a WebSocket.
fn is_refused_upgrade(reason: &str) -> bool {
    let ours = reason.starts_with("Error with websocket connection: ");
    // Who comes too often comes too often by any way.
    let unreachable = ["IO error", "TLS error", "HTTP error: 429"].iter().any(|kind| reason.contains(kind));
    ours && !unreachable && !is_certificate_problem(reason)
}

fn socket_url(base: &url::Url) -> String {
    base.join("socket.io/").unwrap_or_else(|_| base.clone()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_keep_their_names_and_arguments() {
        let custom = |name: &str| Event::Custom(name.to_owned());
        let one = message(custom("alert"), Payload::Text(vec![json!({"a": 1})]));
        assert_eq!(one, Some(("alert".to_owned(), json!({"a": 1}))));
        let two = message(custom("alert"), Payload::Text(vec![json!(1), json!(2)]));
        assert_eq!(two, Some(("alert".to_owned(), json!([1, 2]))));
        let none = message(Event::Message, Payload::Text(vec![json!("pulse")]));
        assert_eq!(none, Some(("pulse".to_owned(), Value::Null)));
    }

    #[test]
    fn an_answer_is_taken_out_of_its_list() {
        assert_eq!(answer(Payload::Text(vec![json!([{"success": true}])])), json!({"success": true}));
        assert_eq!(answer(Payload::Text(vec![json!([])])), json!([]));
    }

    #[test]
    fn polling_is_tried_only_after_a_refused_upgrade() {
        assert!(is_refused_upgrade("Error with websocket connection: HTTP error: 400 Bad Request"));
        assert!(!is_refused_upgrade("Error with websocket connection: IO error: Connection refused (os error 111)"));
        assert!(!is_refused_upgrade("Error with websocket connection: TLS error: self-signed certificate"));
    }

    #[test]
    fn the_gateway_is_found_below_the_servers_path() {
        let base = url::Url::parse("https://host/campaigns/").unwrap();
        assert_eq!(socket_url(&base), "https://host/campaigns/socket.io/");
    }
}
