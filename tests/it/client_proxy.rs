//! What goes through a proxy that the surroundings name, and what does not.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;

/// A proxy that notes what it is asked for and grants nothing.
async fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut line = String::new();
            let _ = BufReader::new(stream).read_line(&mut line).await;
            heard.lock().unwrap().push(line.trim().to_owned());
        }
    });
    (url, asked)
}

async fn run(server: &str, proxy: &str, args: &[&str]) -> Option<i32> {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_scry"))
        .env_clear()
        .env("SCRY_URL", server)
        .env("SCRY_TOKEN", "any")
        .env("SCRY_CONFIG_DIR", dir.path())
        .env("SCRY_DATA_DIR", dir.path())
        .env("HTTP_PROXY", proxy)
        .env("HTTPS_PROXY", proxy)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    tokio::time::timeout(Duration::from_secs(30), child.wait()).await.unwrap().unwrap().code()
}

#[tokio::test]
async fn requests_go_through_the_proxy() {
    let (url, asked) = proxy().await;
    assert_eq!(run("https://scry.invalid", &url, &["whoami"]).await, Some(5));
    assert_eq!(asked.lock().unwrap().first().unwrap(), "CONNECT scry.invalid:443 HTTP/1.1");
}

#[tokio::test]
async fn the_websocket_goes_through_the_proxy_too() {
    let (url, asked) = proxy().await;
    let room = "campaign:01970000-0000-7000-8000-000000000001";
    run("https://scry.invalid", &url, &["watch", "--room", room, "--for", "1s"]).await;
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.first().unwrap(), "CONNECT scry.invalid:443 HTTP/1.1");
}

#[tokio::test]
async fn this_machine_is_reached_directly() {
    let (url, asked) = proxy().await;
    let room = "campaign:01970000-0000-7000-8000-000000000001";
    run("http://127.0.0.1:1", &url, &["watch", "--room", room, "--for", "1s"]).await;
    run("http://127.0.0.1:1", &url, &["whoami"]).await;
    assert_eq!(*asked.lock().unwrap(), Vec::<String>::new());
}
