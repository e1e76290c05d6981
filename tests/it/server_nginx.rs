//! The nginx configuration that operators get, run as it is before two nodes.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::support::emberfall::Emberfall;
use crate::support::node::Node;
use crate::support::server::TestServer;
use crate::support::wait::{PATIENCE, becomes_true};

const SITE: &str = include_str!("../../assets/deploy/nginx.conf");

/// Runs nginx before two servers until dropped.
struct Nginx {
    url: String,
    process: Child,
    dir: TempDir,
}

impl Nginx {
    async fn before(nodes: [&TestServer; 2]) -> Self {
        let mut log = String::new();
        // nginx cannot say which port it was given; another program may take this one first.
        for _ in 0..5 {
            let mut nginx = Self::start(nodes);
            if nginx.answers().await {
                return nginx;
            }
            log = std::fs::read_to_string(nginx.dir.path().join("error.log")).unwrap_or_default();
        }
        panic!("nginx does not answer: {log}");
    }

    fn start(nodes: [&TestServer; 2]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = (dir.path().join("scry.pem"), dir.path().join("scry.key"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=127.0.0.1", "-out"])
            .arg(&cert)
            .arg("-keyout")
            .arg(&key)
            .stderr(Stdio::null())
            .status();
        assert!(made.expect("these tests need openssl").success());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let upstream = |node: &TestServer| format!("server {}", node.url.trim_start_matches("http://"));
        let site = replaced(&[
            ("server node-1:4600", &upstream(nodes[0])),
            ("server node-2:4600", &upstream(nodes[1])),
            ("    server node-3:4600 max_fails=2 fail_timeout=5s;\n", ""),
            ("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl")),
            ("/etc/nginx/tls/scry.pem", cert.to_str().unwrap()),
            ("/etc/nginx/tls/scry.key", key.to_str().unwrap()),
        ]);
        let root = dir.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {root}/{kind};\n"))
            .concat();
        let main = format!(
            "daemon off;\nmaster_process off;\npid {root}/pid;\nerror_log {root}/error.log;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}{site}\n}}\n"
        );
        let path = dir.path().join("nginx.conf");
        std::fs::write(&path, main).unwrap();
        let process = Command::new("nginx")
            .args(["-p", dir.path().to_str().unwrap(), "-e"])
            .arg(dir.path().join("error.log"))
            .arg("-c")
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("these tests need nginx: tests/setup.sh servers installs it");
        Self { url: format!("https://127.0.0.1:{port}"), process, dir }
    }

    async fn answers(&mut self) -> bool {
        let mut healthy = false;
        let settled = becomes_true(PATIENCE, async || {
            healthy = self.get("/health").await == Some(200);
            healthy || self.process.try_wait().unwrap().is_some()
        });
        settled.await && healthy
    }

    async fn get(&self, path: &str) -> Option<u16> {
        let http = reqwest::Client::builder().danger_accept_invalid_certs(true).build().unwrap();
        Some(http.get(format!("{}{path}", self.url)).send().await.ok()?.status().as_u16())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn replaced(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(SITE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "assets/deploy/nginx.conf has no {from:?}");
        text.replace(from, to)
    })
}

#[tokio::test]
async fn both_transports_pass_and_a_node_may_go() {
    let mut first = TestServer::start().await;
    let mut second = TestServer::beside(&first).await;
    let (nginx, node) = (Nginx::before([&first, &second]).await, Node::start().await);
    let world = Emberfall::on(&first).await;
    let options = |transport: &str| {
        json!({"transports": [transport], "auth": {"token": world.gm}, "rejectUnauthorized": false,
               "reconnectionDelay": 50, "reconnectionDelayMax": 200})
    };
    let wire = node.connect("wire", &nginx.url, options("websocket")).await;
    let poll = node.connect("poll", &nginx.url, options("polling")).await;
    for socket in [&wire, &poll] {
        assert_eq!(socket.ask("subscribe_campaign", json!(world.id)).await["success"], true);
        for _ in 0..10 {
            assert_eq!(socket.ask("latency", json!({})).await["success"], true, "a session stays on its node");
        }
    }
    world.advance(1).await;
    for socket in [&wire, &poll] {
        socket.wait("world_time_changed", 1).await;
    }
    for hidden in ["/metrics", "/socket-stats"] {
        assert_eq!(nginx.get(hidden).await, Some(404));
    }
    assert_eq!(nginx.get("/nothing").await, Some(404));
    // Whichever node the clients are on, it goes; the other one answers for both.
    for stopped in [&mut first, &mut second] {
        stopped.stop().await;
        assert_eq!(nginx.get("/health").await, Some(200));
        stopped.restart().await;
    }
}
