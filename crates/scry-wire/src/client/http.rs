//! HTTP requests of the polling transport: one connection, kept for the next request, and bounded answers.

use std::future::Future;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION, PROXY_AUTHORIZATION};
use hyper::{Method, Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use url::{Position, Url};

use super::error::{ConnectError, of_response};
use super::stream::{Connector, Route};

/// The most of an error's body that is read.
const MAX_ERROR_BYTES: usize = 16 * 1024;

/// Sends requests to one server, one at a time.
pub(super) struct HttpRequester {
    connector: Connector,
    max_bytes: usize,
    open: Option<HttpConnection>,
}

struct HttpConnection {
    sender: SendRequest<Full<Bytes>>,
    route: Route,
    driver: JoinHandle<()>,
}

impl Drop for HttpConnection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl HttpRequester {
    /// Returns a sender of requests whose answers may have `max_bytes`.
    pub(super) const fn new(connector: Connector, max_bytes: usize) -> Self {
        Self { connector, max_bytes, open: None }
    }

    /// Sends a request and returns the body of its answer; any status but 200 is an error.
    pub(super) async fn send(&mut self, method: Method, url: &Url, body: Bytes) -> Result<Bytes, ConnectError> {
        let reused = self.open.is_some();
        let response = match self.try_send(&method, url, body.clone()).await {
            // The server closed a connection that had been idle; the request has not left this side.
            Err(error) if reused && error.is_canceled() => {
                self.open = None;
                self.connect().await?;
                self.try_send(&method, url, body).await
            }
            other => other,
        };
        let outcome = match response.map_err(|error| broken(&error)) {
            Ok(response) => self.read(response).await,
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            self.open = None;
        }
        outcome
    }

    /// Makes the connection, if there is none that still works.
    pub(super) async fn connect(&mut self) -> Result<(), ConnectError> {
        if let Some(open) = &mut self.open
            && open.sender.ready().await.is_ok()
        {
            return Ok(());
        }
        let (stream, route) = self.connector.for_requests().await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        // What goes wrong here is told by the request that it concerns.
        let driver = tokio::spawn(async { drop(connection.await) });
        self.open = Some(HttpConnection { sender, route, driver });
        Ok(())
    }

    fn try_send(
        &mut self,
        method: &Method,
        url: &Url,
        body: Bytes,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + use<> {
        let request = self.request(method, url, body);
        let sent = self.open.as_mut().zip(request).map(|(open, request)| open.sender.send_request(request));
        async move {
            match sent {
                Some(sent) => sent.await,
                None => std::future::pending().await,
            }
        }
    }

    fn request(&self, method: &Method, url: &Url, body: Bytes) -> Option<Request<Full<Bytes>>> {
        let endpoint = &self.connector.endpoint;
        let (target, authorization) = match &self.open.as_ref()?.route {
            Route::Direct => (&url[Position::BeforePath..Position::AfterQuery], None),
            Route::ThroughProxy { authorization } => (url.as_str(), authorization.as_deref()),
        };
        let mut request = Request::builder().method(method).uri(target).body(Full::new(body)).ok()?;
        let headers = request.headers_mut();
        endpoint.add_host(headers);
        endpoint.add_headers(headers);
        if method == Method::POST {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
        }
        if let Some(value) = authorization.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(PROXY_AUTHORIZATION, value);
        }
        Some(request)
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Bytes, ConnectError> {
        let (head, body) = response.into_parts();
        self.connector.endpoint.cookies.keep(&head.headers);
        let is_fine = head.status == 200;
        let limit = if is_fine { self.max_bytes } else { MAX_ERROR_BYTES };
        let body = Limited::new(body, limit).collect().await.map(|collected| collected.to_bytes());
        if !is_fine {
            let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
            let (location, kind) = (header(LOCATION), header(CONTENT_TYPE));
            return Err(of_response(head.status.as_u16(), location, kind, &body.unwrap_or_default()));
        }
        body.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(error) => broken(&error),
            Err(_) => ConnectError::TooLarge { limit },
        })
    }
}

/// Returns what went wrong with a connection; hyper's own words are about hyper.
fn broken(error: &hyper::Error) -> ConnectError {
    if error.is_incomplete_message() {
        return ConnectError::Broken("the server closed it in the middle of an answer".to_owned());
    }
    if error.is_parse() {
        return ConnectError::NotSocketIo("its answer is not HTTP".to_owned());
    }
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    ConnectError::Broken(deepest.to_string())
}
