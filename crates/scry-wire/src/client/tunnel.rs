//! Asking a proxy for a way through it: HTTP `CONNECT` (RFC 9110) and SOCKS 5 (RFC 1928, RFC 1929).

use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::dial::resolve;
use super::error::{ConnectError, beginning};
use super::proxy::{Proxy, ProxyKind};
use super::stream::Stream;

/// The most that a proxy may say before the way is open.
const MAX_HEAD_BYTES: u64 = 16 * 1024;
/// The longest name that SOCKS can carry, and the longest user name and password.
const MAX_SOCKS_TEXT_BYTES: usize = 255;

/// Opens a way to the server through a proxy that is already connected.
pub(super) async fn open(stream: Stream, proxy: &Proxy, host: &str, port: u16) -> Result<Stream, ConnectError> {
    let opened = match proxy.kind {
        ProxyKind::Http | ProxyKind::Https => connect(stream, proxy, host, port).await,
        ProxyKind::Socks5WithNames => socks(stream, proxy, &Destination::Name(host.to_owned(), port)).await,
        ProxyKind::Socks5 => {
            let address = resolve(host, port).await?.into_iter().next();
            let destination = address.map_or_else(|| Destination::Name(host.to_owned(), port), Destination::Address);
            socks(stream, proxy, &destination).await
        }
    };
    opened.map_err(|failure| ConnectError::Proxy {
        proxy: proxy.to_string(),
        reason: failure.reason,
        refuses_tunnel: failure.refuses_tunnel,
    })
}

struct TunnelError {
    reason: String,
    refuses_tunnel: bool,
}

impl From<std::io::Error> for TunnelError {
    fn from(error: std::io::Error) -> Self {
        Self { reason: error.to_string(), refuses_tunnel: false }
    }
}

impl From<String> for TunnelError {
    fn from(reason: String) -> Self {
        Self { reason, refuses_tunnel: false }
    }
}

async fn connect(mut stream: Stream, proxy: &Proxy, host: &str, port: u16) -> Result<Stream, TunnelError> {
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let authorization = proxy.authorization().map(|value| format!("Proxy-Authorization: {value}\r\n"));
    let authorization = authorization.unwrap_or_default();
    let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{authorization}\r\n");
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    // What is read beyond the head, if anything, stays in the buffer for whoever reads next.
    let mut stream = BufReader::with_capacity(1024, stream);
    let status = read_head(&mut stream).await?;
    let code = status.split_whitespace().nth(1).unwrap_or_default();
    if status.starts_with("HTTP/1.") && code.starts_with('2') && code.len() == 3 {
        return Ok(Box::new(stream));
    }
    let reason = match code {
        "407" => "it asks for a user name and a password (407)".to_owned(),
        _ => {
            format!("it answered {}", beginning(status.trim_start_matches("HTTP/1.1 ").trim_start_matches("HTTP/1.0 ")))
        }
    };
    Err(TunnelError { reason, refuses_tunnel: status.starts_with("HTTP/") && code != "407" })
}

/// Reads to the empty line, and returns the first line.
async fn read_head(stream: &mut BufReader<Stream>) -> Result<String, TunnelError> {
    let mut head = stream.take(MAX_HEAD_BYTES);
    let mut first = None;
    loop {
        let mut line = Vec::new();
        head.read_until(b'\n', &mut line).await?;
        if !line.ends_with(b"\n") {
            return Err(TunnelError::from("it closed the connection, or its answer has no end".to_owned()));
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        match (&first, text.is_empty()) {
            (Some(_), true) => return Ok(first.unwrap_or_default()),
            (None, _) => first = Some(text),
            (Some(_), false) => {}
        }
    }
}

/// Where a SOCKS proxy is to connect to.
enum Destination {
    Name(String, u16),
    Address(SocketAddr),
}

impl Destination {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), TunnelError> {
        let (ip, port) = match self {
            Self::Address(address) => (Some(address.ip()), address.port()),
            Self::Name(name, port) => (name.parse::<IpAddr>().ok(), *port),
        };
        match (ip, self) {
            (Some(IpAddr::V4(ip)), _) => {
                out.push(1);
                out.extend(ip.octets());
            }
            (Some(IpAddr::V6(ip)), _) => {
                out.push(4);
                out.extend(ip.octets());
            }
            (None, Self::Name(name, _)) => {
                out.push(3);
                push_text(out, name, "the server's name")?;
            }
            (None, Self::Address(_)) => {}
        }
        out.extend(port.to_be_bytes());
        Ok(())
    }
}

fn push_text(out: &mut Vec<u8>, text: &str, what: &str) -> Result<(), TunnelError> {
    let length = u8::try_from(text.len()).ok().filter(|length| *length > 0);
    let length = length.ok_or_else(|| format!("{what} is empty or longer than {MAX_SOCKS_TEXT_BYTES} bytes"))?;
    out.push(length);
    out.extend(text.as_bytes());
    Ok(())
}

async fn socks(mut stream: Stream, proxy: &Proxy, destination: &Destination) -> Result<Stream, TunnelError> {
    let methods: &[u8] = if proxy.credentials.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    stream.write_all(methods).await?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await?;
    match (chosen, &proxy.credentials) {
        ([5, 0], _) => {}
        ([5, 2], Some((name, password))) => {
            let mut message = vec![1];
            push_text(&mut message, name, "the user name")?;
            push_text(&mut message, password, "the password")?;
            stream.write_all(&message).await?;
            let mut answer = [0; 2];
            stream.read_exact(&mut answer).await?;
            if answer[1] != 0 {
                return Err("it refused the user name or the password".to_owned().into());
            }
        }
        ([5, _], _) => return Err("it asks for a user name and a password".to_owned().into()),
        _ => return Err("it does not speak SOCKS 5".to_owned().into()),
    }
    let mut request = vec![5, 1, 0];
    destination.encode(&mut request)?;
    stream.write_all(&request).await?;
    stream.flush().await?;
    read_socks_answer(&mut stream).await?;
    Ok(stream)
}

async fn read_socks_answer(stream: &mut Stream) -> Result<(), TunnelError> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let reason = match head[1] {
        0 => None,
        2 => Some("its rules do not allow it"),
        3 => Some("the network is unreachable"),
        4 => Some("the host is unreachable"),
        5 => Some("the server refused the connection"),
        6 => Some("the connection took too long"),
        _ => Some("it failed"),
    };
    if let Some(reason) = reason {
        return Err(reason.to_owned().into());
    }
    let length = match head[3] {
        1 => 4,
        4 => 16,
        3 => usize::from(stream.read_u8().await?),
        _ => return Err("it does not speak SOCKS 5".to_owned().into()),
    };
    let mut bound = vec![0; length + 2];
    stream.read_exact(&mut bound).await?;
    Ok(())
}
