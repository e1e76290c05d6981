//! A gateway that sends its clients elsewhere: the token does not go along, on any way.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;

const ROOM: &str = "campaign:01970000-0000-7000-8000-000000000001";
const TOKEN: &str = "eyJ-a-secret-token";
const OPEN: &str = r#"0{"sid":"sid","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

/// What a host was sent: each request with its body.
type RecordedRequests = Arc<Mutex<Vec<String>>>;

/// Which requests of a way are answered by a redirect; the others are answered as a gateway would.
#[derive(Clone, Copy, PartialEq)]
enum RedirectedRequests {
    Upgrade,
    Open,
    Post,
    Everything,
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// Runs a host that answers by `answer`, which is given the request with its body; returns what it is asked.
fn serve(listener: TcpListener, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> RecordedRequests {
    let requests = RecordedRequests::default();
    let (asked, answer) = (Arc::clone(&requests), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
            tokio::spawn(async move {
                let mut stream = stream;
                let request = read(&mut stream).await;
                asked.lock().unwrap().push(request.clone());
                let _ = stream.write_all(answer(&request).as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    requests
}

async fn read(stream: &mut TcpStream) -> String {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:").map(|it| it.trim().parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return text,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

fn said(status: &str, more: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

async fn scry(url: &str, config: &str, args: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.toml"), config).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_scry"))
        .env_clear()
        .envs([("SCRY_URL", url), ("SCRY_TOKEN", TOKEN), ("SCRY_PASSWORD", "emberfall")])
        .envs([("SCRY_CONFIG_DIR", dir.path()), ("SCRY_DATA_DIR", dir.path())])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = timeout(Duration::from_secs(60), child.wait_with_output()).await.unwrap().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_never_follows_a_redirect_to_another_host() {
    for redirects in [RedirectedRequests::Upgrade, RedirectedRequests::Open, RedirectedRequests::Everything] {
        nothing_goes_elsewhere(redirects, "").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_never_follows_a_redirect_of_what_long_polling_posts() {
    nothing_goes_elsewhere(RedirectedRequests::Post, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn library_that_follows_redirects_never_polls_with_a_token() {
    for redirects in [RedirectedRequests::Open, RedirectedRequests::Post, RedirectedRequests::Everything] {
        let stderr = nothing_goes_elsewhere(redirects, "[connection]\nlink = \"rust_socketio\"\n").await;
        // Where everything is redirected, the WebSocket is as well.
        for part in ["connection.link = \"rust_socketio\"", "set connection.link = \"wire\""] {
            assert!(stderr.contains(part), "{stderr}");
        }
    }
}

/// Runs every command that has a secret to send; returns what the first, a watch, says on stderr.
async fn nothing_goes_elsewhere(redirects: RedirectedRequests, config: &str) -> String {
    let (other, elsewhere) = listen().await;
    let other = serve(other, |_| said("200 OK", "", "ok"));
    let (gateway, url) = listen().await;
    let gateway = serve(gateway, move |request| {
        let is_upgrade = request.to_ascii_lowercase().contains("upgrade: websocket");
        let away = match redirects {
            RedirectedRequests::Upgrade => is_upgrade,
            RedirectedRequests::Open => request.starts_with("GET") && !is_upgrade,
            RedirectedRequests::Post => request.starts_with("POST"),
            RedirectedRequests::Everything => true,
        };
        if away {
            return said("307 Temporary Redirect", &format!("location: {elsewhere}/socket.io/\r\n"), "");
        }
        match (is_upgrade, request.contains("sid=")) {
            (true, _) => said("400 Bad Request", "", "no WebSocket here"),
            (false, false) if request.starts_with("GET") => said("200 OK", "", OPEN),
            (false, _) => said("200 OK", "", "6"),
        }
    });
    let stderr = scry(&url, config, &["watch", "--room", ROOM, "--for", "4s"]).await;
    if config.contains("rust_socketio") {
        let asked = gateway.lock().unwrap().join("\n");
        assert!(!asked.contains("transport=polling"), "it polls: {asked}");
    }
    let publish = ["publish", "state_invalidated", "--json", "{}"];
    for command in [&["get", "campaign"][..], &["doctor"], &publish, &["login", "--username", "gm", "--store", "file"]]
    {
        scry(&url, config, command).await;
    }
    assert!(gateway.lock().unwrap().len() > 3, "the gateway was asked");
    let told = other.lock().unwrap().join("\n");
    for secret in [TOKEN, "emberfall"] {
        assert!(!told.contains(secret), "the other host was told: {told}");
    }
    stderr
}
