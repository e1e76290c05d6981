//! nginx with the configuration that operators get.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::wait::{WAIT_TIMEOUT, becomes_true};

const NGINX_SITE: &str = include_str!("../../../assets/deploy/nginx.conf");

/// Runs nginx before some servers until stopped or dropped.
pub struct Nginx {
    /// Its address.
    pub url: String,
    process: Child,
    dir: TempDir,
}

impl Nginx {
    /// Starts one before servers such as `http://127.0.0.1:4600`, three at most.
    pub async fn before(nodes: &[&str]) -> Self {
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

    fn start(nodes: &[&str]) -> Self {
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
        let options = "max_fails=2 fail_timeout=5s;";
        let site = (1..=3).fold(NGINX_SITE.to_owned(), |site, number| {
            let node = nodes.get(number - 1).map(|url| url.trim_start_matches("http://"));
            let line = node.map_or_else(String::new, |address| format!("    server {address} {options}\n"));
            replaced(&site, &[(&format!("    server node-{number}:4600 {options}\n"), &line)])
        });
        let site = replaced(
            &site,
            &[
                ("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl")),
                ("/var/log/nginx/", &format!("{}/", dir.path().display())),
                ("/etc/nginx/tls/scry.pem", cert.to_str().unwrap()),
                ("/etc/nginx/tls/scry.key", key.to_str().unwrap()),
            ],
        );
        let root = dir.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {root}/{kind};\n"))
            .concat();
        let main = format!(
            "daemon off;\nmaster_process off;\npid {root}/pid;\nerror_log {root}/error.log;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}{site}\n}}\n"
        );
        std::fs::write(dir.path().join("nginx.conf"), main).unwrap();
        let process = run(dir.path());
        Self { url: format!("https://127.0.0.1:{port}"), process, dir }
    }

    /// Returns everything that it has logged.
    pub fn logged(&self) -> String {
        let files = std::fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let logs = files.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    /// Kills it without a warning.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again on the same port.
    pub async fn restart(&mut self) {
        self.process = run(self.dir.path());
        assert!(self.answers().await, "nginx answers again");
    }

    async fn answers(&mut self) -> bool {
        let mut healthy = false;
        let settled = becomes_true(WAIT_TIMEOUT, async || {
            healthy = self.get("/health").await == Some(200);
            healthy || self.process.try_wait().unwrap().is_some()
        });
        settled.await && healthy
    }

    /// Gets a path; returns the status, or nothing where nobody answers.
    pub async fn get(&self, path: &str) -> Option<u16> {
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

fn run(dir: &Path) -> Child {
    Command::new("nginx")
        .arg("-p")
        .arg(dir)
        .arg("-e")
        .arg(dir.join("error.log"))
        .arg("-c")
        .arg(dir.join("nginx.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("these tests need nginx: tests/setup.sh servers installs it")
}

fn replaced(site: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(site.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "assets/deploy/nginx.conf has no {from:?}");
        text.replace(from, to)
    })
}
