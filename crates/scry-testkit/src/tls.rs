//! TLS before a server that speaks none, with an authority of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use native_tls::{Identity, TlsAcceptor};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// Ends TLS on a free port and passes on what is inside, until dropped.
pub struct TlsFront {
    /// An `https` address.
    pub url: String,
    accepted: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
    dir: TempDir,
}

impl TlsFront {
    /// Starts one before a server such as `http://127.0.0.1:4600`, with a certificate for `names`, for example
    /// `IP:127.0.0.1`.
    pub async fn start(upstream: &str, names: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let acceptor = acceptor(dir.path(), names);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let accepted = Arc::new(AtomicUsize::new(0));
        let accepting = tokio::spawn(accept(listener, acceptor, upstream, accepted.clone()));
        Self { url, accepted, accepting, dir }
    }

    /// Returns the PEM file with the authority that vouches for the certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Counts the connections opened so far, whether they were trusted or not.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: tokio_native_tls::TlsAcceptor,
    upstream: String,
    accepted: Arc<AtomicUsize>,
) {
    while let Ok((client, _)) = listener.accept().await {
        accepted.fetch_add(1, Ordering::SeqCst);
        let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
        tokio::spawn(async move {
            // A client that does not trust us goes away in the middle of the handshake.
            let Ok(mut inside) = acceptor.accept(client).await else { return };
            let mut server = TcpStream::connect(upstream).await.unwrap();
            let _ = copy_bidirectional(&mut inside, &mut server).await;
        });
    }
}

fn acceptor(dir: &Path, names: &str) -> tokio_native_tls::TlsAcceptor {
    let key = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    let authority = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=An authority for one test"];
    openssl(dir, &[&key[..], &authority].concat());
    let names = format!("subjectAltName={names}");
    let leaf = ["-keyout", "leaf.key", "-out", "leaf.pem", "-subj", "/CN=A server for one test", "-CA", "ca.pem"];
    let signed = ["-CAkey", "ca.key", "-addext", &names, "-addext", "basicConstraints=critical,CA:FALSE"];
    openssl(dir, &[&key[..], &leaf, &signed].concat());
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
    let identity = Identity::from_pkcs8(&read("leaf.pem"), &read("leaf.key")).unwrap();
    TlsAcceptor::new(identity).unwrap().into()
}

fn openssl(dir: &Path, args: &[&str]) {
    let done = Command::new("openssl")
        .arg("req")
        .args(args)
        .current_dir(dir)
        .output()
        .expect("these tests need the `openssl` program, version 3 or later, on the PATH");
    assert!(done.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}
