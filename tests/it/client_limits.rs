//! What the client reads of an answer: a bound in bytes and in time, and nothing of a redirect.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use scry_client::api::Api;
use scry_client::auth::{self, Auth};
use scry_client::error::ApiError;
use scry_client::http::HttpClient;
use scry_client::secret::Secret;
use scry_config::client::ServerAddress;
use scry_protocol::Id;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

const RESPONSE_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
/// No answer in these tests may take longer, whatever its own time limit is.
const TEST_DEADLINE: Duration = Duration::from_secs(60);

/// A server that answers every request in the same way.
struct HostileServer {
    url: String,
    sent: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl HostileServer {
    /// Sends `head`, then `piece` again and again, each after `pause`, until the client hangs up.
    async fn start(head: Vec<u8>, piece: Vec<u8>, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sent, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, asked) = (Arc::clone(&sent), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                asked.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(pour(stream, head.clone(), piece.clone(), pause, Arc::clone(&counted)));
            }
        });
        Self { url, sent, requests }
    }

    fn http(&self, limit: Duration) -> HttpClient {
        HttpClient::new(&ServerAddress::new("test", &self.url, "url").unwrap(), limit).unwrap()
    }

    fn api(&self, limit: Duration) -> Api {
        Api::new(self.http(limit), Auth::with_token(Secret::new("token")))
    }
}

async fn pour(mut stream: TcpStream, head: Vec<u8>, piece: Vec<u8>, pause: Duration, sent: Arc<AtomicUsize>) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await;
    if stream.write_all(&head).await.is_err() {
        return;
    }
    while !piece.is_empty() && stream.write_all(&piece).await.is_ok() {
        sent.fetch_add(piece.len(), Ordering::SeqCst);
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_answer_is_given_up_at_its_limit_which_the_error_names() {
    let hostile = HostileServer::start(RESPONSE_HEAD.to_vec(), vec![b' '; 64 << 10], Duration::ZERO).await;
    let (api, campaign) = (hostile.api(TEST_DEADLINE), Id::parse("c").unwrap());
    let login = async || auth::login(&hostile.http(TEST_DEADLINE), "gm", &Secret::new("emberfall")).await.map(|_| ());
    let answers = [
        (login().await, 256 << 10),
        (api.health().await.map(|_| ()), 256 << 10),
        (api.me().await.map(|_| ()), 16 << 20),
        (api.snapshot(&campaign).await.map(|_| ()), 128 << 20),
    ];
    for (answer, limit) in answers {
        let error = answer.unwrap_err();
        assert!(matches!(error, ApiError::TooLarge { max_bytes, .. } if max_bytes == limit), "{error}");
        assert!(error.to_string().contains(&format!("more than {} KiB", limit >> 10)), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_announces_too_much_is_not_read_at_all() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n".to_vec();
    let hostile = HostileServer::start(head, vec![b' '; 1 << 10], Duration::from_millis(50)).await;
    let error = hostile.api(TEST_DEADLINE).me().await.unwrap_err();
    assert!(matches!(error, ApiError::TooLarge { .. }), "{error}");
    assert!(hostile.sent.load(Ordering::SeqCst) < 1 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_trickles_is_given_up_in_time() {
    let hostile = HostileServer::start(RESPONSE_HEAD.to_vec(), vec![b' '], Duration::from_millis(20)).await;
    let started = Instant::now();
    let error = timeout(TEST_DEADLINE, hostile.api(Duration::from_millis(500)).me()).await.unwrap().unwrap_err();
    assert!(matches!(error, ApiError::Timeout { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_by_any_request() {
    let other = HostileServer::start(RESPONSE_HEAD.to_vec(), Vec::new(), Duration::ZERO).await;
    for status in [301, 302, 303, 307, 308] {
        let head = format!(
            "HTTP/1.1 {status} Elsewhere\r\nlocation: {}/graphql\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            other.url
        );
        let hostile = HostileServer::start(head.into_bytes(), Vec::new(), Duration::ZERO).await;
        let api = hostile.api(TEST_DEADLINE);
        assert!(auth::login(&hostile.http(TEST_DEADLINE), "gm", &Secret::new("emberfall")).await.is_err());
        assert!(api.me().await.is_err());
        assert!(api.snapshot(&Id::parse("c").unwrap()).await.is_err());
        assert!(api.publish("state_invalidated", serde_json::json!({})).await.is_err());
        // What a health report is not is said, not sought elsewhere.
        api.health().await.unwrap();
        api.ping().await.unwrap();
        assert!(hostile.requests.load(Ordering::SeqCst) >= 6, "each of them asked");
    }
    assert_eq!(other.requests.load(Ordering::SeqCst), 0, "nobody asked the other host");
}
