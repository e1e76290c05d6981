//! The way to the server: its name, its port, its certificate.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use scry_command::exit::Exit;
use scry_config::client::ServerAddress;
use scry_text as text;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::{Host, Url};

use super::report::{CheckStep, DoctorReport, Finding};
use crate::http::{is_certificate_problem, is_loopback, tls};

/// Takes the steps from the server's name to an encrypted connection; each may take `limit`.
pub(super) async fn examine(report: &mut DoctorReport, server: &ServerAddress, limit: Duration) {
    let started = Instant::now();
    let (addresses, finding) = dns(&server.url, limit).await;
    report.record(CheckStep::Dns, finding.within(started.elapsed()));
    if !report.allows(CheckStep::Tcp) {
        return;
    }
    let started = Instant::now();
    let (stream, finding) = tcp(&server.url, &addresses, limit).await;
    report.record(CheckStep::Tcp, finding.within(started.elapsed()));
    let Some(stream) = stream else { return };
    if server.url.scheme() == "https" {
        let started = Instant::now();
        let finding = encrypted(server, stream, limit).await;
        report.record(CheckStep::Tls, finding.within(started.elapsed()));
    } else {
        report.record(CheckStep::Tls, plain(&server.url));
    }
}

async fn dns(url: &Url, limit: Duration) -> (Vec<SocketAddr>, Finding) {
    let host = host(url);
    let port = url.port_or_known_default().unwrap_or_default();
    let remedy = "check the spelling of the address, and the network's name server";
    let found = match timeout(limit, lookup_host((host.as_str(), port))).await {
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
        Ok(Err(error)) => {
            let detail = format!("{host} has no address: {}", text::line(&error.to_string()));
            return (Vec::new(), Finding::fail(Exit::Connection, detail, remedy));
        }
        Err(_) => {
            let detail = format!("no answer about {host} within {} s", limit.as_secs());
            return (Vec::new(), Finding::fail(Exit::Connection, detail, remedy));
        }
    };
    if found.is_empty() {
        return (found, Finding::fail(Exit::Connection, format!("{host} has no address"), remedy));
    }
    let addresses: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
    (found, Finding::ok(format!("{host} is {}", addresses.join(", "))))
}

/// Tries one address after the other, as every connection does.
async fn tcp(url: &Url, addresses: &[SocketAddr], limit: Duration) -> (Option<TcpStream>, Finding) {
    let reason = match timeout(limit, TcpStream::connect(addresses)).await {
        Ok(Ok(stream)) => {
            let peer = stream.peer_addr().map_or_else(|_| host(url), |peer| peer.to_string());
            return (Some(stream), Finding::ok(format!("{peer} accepts connections")));
        }
        Ok(Err(error)) => text::line(&error.to_string()).into_owned(),
        Err(_) => format!("no answer within {} s", limit.as_secs()),
    };
    let remedy = "start the server, or check the port and the firewalls on the way";
    (None, Finding::fail(Exit::Connection, format!("cannot connect to {url}: {reason}"), remedy))
}

fn plain(url: &Url) -> Finding {
    if is_loopback(url) {
        return Finding::skipped("not needed: the server is on this machine");
    }
    Finding::warn("the connection is not encrypted", "use an https address, or others can read tokens on the way")
}

async fn encrypted(server: &ServerAddress, stream: TcpStream, limit: Duration) -> Finding {
    let connector = match tls(server.ca_file.as_deref()) {
        Ok(Some(connector)) => Ok(connector),
        Ok(None) => native_tls::TlsConnector::new().map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let connector = match connector {
        Ok(connector) => tokio_native_tls::TlsConnector::from(connector),
        Err(reason) => return Finding::fail(Exit::Usage, reason, "name a readable PEM file as ca_file in the profile"),
    };
    let trust = if server.ca_file.is_some() { "the profile's ca_file" } else { "the system's authorities" };
    match timeout(limit, connector.connect(&host(&server.url), stream)).await {
        Ok(Ok(_)) => Finding::ok(format!("the certificate is trusted by {trust}")),
        Ok(Err(error)) => refused(&error.to_string(), trust),
        Err(_) => refused(&format!("no answer within {} s", limit.as_secs()), trust),
    }
}

fn refused(reason: &str, trust: &str) -> Finding {
    let reason = text::line(reason);
    if is_certificate_problem(&reason) {
        let detail = format!("the certificate is not trusted by {trust}: {reason}");
        return Finding::fail(Exit::Connection, detail, "name its authority with ca_file in the profile");
    }
    let remedy = "check that this port speaks TLS; an http address needs none";
    Finding::fail(Exit::Connection, format!("no encrypted connection: {reason}"), remedy)
}

/// Returns the host as resolvers and certificates write it: an IPv6 address without brackets.
fn host(url: &Url) -> String {
    match url.host() {
        Some(Host::Ipv6(ip)) => ip.to_string(),
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Domain(name)) => name.to_owned(),
        None => String::new(),
    }
}
