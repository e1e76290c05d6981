//! Tokens that are not ours, or not any more: each is refused with the right code, wherever it comes in.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use reqwest::Client;
use scry_server::config::ConfigSecret;
use serde_json::{Value, json};

use scry_testkit::raw_socket::RawSocketClient;
use scry_testkit::server::{BUNDLED_PASSWORD, TestServer};

const SIGNING_KEY: &str = "0123456789abcdef0123456789abcdef";
const PLAIN_HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;
const INVALID: &str = "TOKEN_INVALID";
const EXPIRED: &str = "TOKEN_EXPIRED";

/// A token with the code of its refusal.
struct HostileToken {
    what: String,
    token: String,
    code: &'static str,
}

/// Builds hostile tokens around the claims of a good one.
struct TokenForger {
    claims: Value,
    now: i64,
    made: Vec<HostileToken>,
}

impl TokenForger {
    fn add(&mut self, what: impl Into<String>, token: impl Into<String>, code: &'static str) {
        self.made.push(HostileToken { what: what.into(), token: token.into(), code });
    }

    /// Adds a token with another head, signed with our own key and algorithm.
    fn head(&mut self, head: &str) {
        self.add(format!("head {head}"), sign(head, &self.claims.to_string(), SIGNING_KEY, Algorithm::HS256), INVALID);
    }

    /// Adds a token with other claims, written as text.
    fn body(&mut self, what: &str, body: &str, code: &'static str) {
        self.add(what, sign(PLAIN_HEADER, body, SIGNING_KEY, Algorithm::HS256), code);
    }

    /// Adds a token with one claim changed, or removed.
    fn claim(&mut self, name: &str, value: Option<Value>, code: &'static str) {
        let mut claims = self.claims.clone();
        let what = format!("{name}: {value:?}");
        match value {
            Some(value) => claims[name] = value,
            None => {
                claims.as_object_mut().unwrap().shift_remove(name);
            }
        }
        self.body(&what, &claims.to_string(), code);
    }
}

#[tokio::test]
async fn no_hostile_token_opens_any_door() {
    let server = TestServer::with(|config| config.auth.jwt_secret = Some(ConfigSecret::new(SIGNING_KEY))).await;
    let http = Client::new();
    let good = server.login("gm").await;
    let claims: Value = serde_json::from_slice(&BASE64.decode(good.split('.').nth(1).unwrap()).unwrap()).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let mut forge = TokenForger { claims, now, made: Vec::new() };
    algorithms(&mut forge, &good);
    heads(&mut forge);
    times(&mut forge);
    shapes(&mut forge);
    pieces(&mut forge, &good);
    letters(&mut forge, &good);
    let mut entered = RawSocketClient::connect(&server.url, &good).await.unwrap();
    assert!(forge.made.len() >= 60, "there are {} tokens", forge.made.len());
    let same = sign(PLAIN_HEADER, &forge.claims.to_string(), SIGNING_KEY, Algorithm::HS256);
    for accepted in [&good, &same] {
        for (door, code) in answers(&server, &http, &mut entered, accepted).await {
            assert_eq!(code, "", "{door} is open to a good token");
        }
    }
    let mut faults = String::new();
    for HostileToken { what, token, code } in &forge.made {
        // Anew each time, because a connection may not ask so often.
        entered = RawSocketClient::connect(&server.url, &good).await.unwrap();
        for (door, answer) in answers(&server, &http, &mut entered, token).await {
            if answer != *code {
                writeln!(faults, "{what}, by {door}: {answer:?} instead of {code}").unwrap();
            }
        }
    }
    assert_eq!(faults, "");
}

/// Brings a token to every door; returns the code with which each answers, empty if it opens.
async fn answers(
    server: &TestServer,
    http: &Client,
    entered: &mut RawSocketClient,
    token: &str,
) -> Vec<(&'static str, String)> {
    let mut answers = Vec::new();
    for (door, path, body) in [
        ("GraphQL", "/graphql", json!({"query": "{ me { id } }"})),
        ("HTTP", "/events", json!({"type": "nothing", "payload": {}})),
    ] {
        if let Some((status, code)) = post(server, http, path, token, &body).await {
            let code = if status == 401 { code } else { String::new() };
            answers.push((door, code));
        }
    }
    let by_auth = RawSocketClient::connect(&server.url, token).await.err().unwrap_or_default();
    answers.push(("auth.token", code_of(&by_auth)));
    let mut raw = RawSocketClient::open(&server.url, &format!("&token={}", percent(token))).await;
    let by_query = raw.greet(&json!({})).await.err().unwrap_or_default();
    answers.push(("query.token", code_of(&by_query)));
    let ack = entered.ask("authenticate", &json!({"token": token})).await.unwrap();
    answers.push(("authenticate", ack["code"].as_str().unwrap_or_default().to_owned()));
    answers
}

/// Posts with a bearer token; `None` if no header can carry it.
async fn post(server: &TestServer, http: &Client, path: &str, token: &str, body: &Value) -> Option<(u16, String)> {
    let bearer = reqwest::header::HeaderValue::from_bytes(format!("Bearer {token}").as_bytes()).ok()?;
    // White space around a header's value is not part of it.
    if token != token.trim_end() {
        return None;
    }
    let request = http.post(format!("{}{path}", server.url)).header("authorization", bearer);
    let answer = request.json(body).send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    Some((status, body["error"]["code"].as_str().unwrap_or_default().to_owned()))
}

fn algorithms(forge: &mut TokenForger, good: &str) {
    let body = forge.claims.to_string();
    for (name, algorithm) in [("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
        let head = format!(r#"{{"typ":"JWT","alg":"{name}"}}"#);
        forge.add(format!("really {name}"), sign(&head, &body, SIGNING_KEY, algorithm), INVALID);
    }
    for name in [
        "none", "None", "NONE", "nOnE", "", "hs256", "Hs256", "HS256 ", "HS384", "HS512", "RS256", "RS512", "ES256",
        "PS256", "EdDSA", "HMAC",
    ] {
        let head = format!(r#"{{"typ":"JWT","alg":"{name}"}}"#);
        forge.add(format!("claims to be {name:?}"), sign(&head, &body, SIGNING_KEY, Algorithm::HS256), INVALID);
        forge.add(
            format!("{name:?} without a signature"),
            format!("{}.{}.", BASE64.encode(&head), BASE64.encode(&body)),
            INVALID,
        );
    }
    for (what, key) in [
        ("another key", "another key, also 32 bytes long!"),
        ("an empty key", ""),
        ("the name of the algorithm as key", "HS256"),
        ("our key and a line break", "0123456789abcdef0123456789abcdef\n"),
        ("our key but for its last byte", "0123456789abcdef0123456789abcdee"),
    ] {
        forge.add(what, sign(PLAIN_HEADER, &body, key, Algorithm::HS256), INVALID);
    }
    let mut other = forge.claims.clone();
    other["name"] = json!("someone");
    let parts: Vec<&str> = good.split('.').collect();
    forge.add("other claims", format!("{}.{}.{}", parts[0], BASE64.encode(other.to_string()), parts[2]), INVALID);
}

fn heads(forge: &mut TokenForger) {
    for extra in [
        r#""kid":"../../dev/null""#,
        r#""kid":"' OR 1=1 --""#,
        r#""jku":"https://evil.example/keys""#,
        r#""x5u":"https://evil.example/cert""#,
        r#""x5c":["MIIB"]"#,
        r#""jwk":{"kty":"oct","k":"AAAA"}"#,
        r#""crit":["exp"],"exp":1"#,
        r#""zip":"DEF""#,
        r#""enc":"A128GCM""#,
        r#""alg":"none""#,
    ] {
        forge.head(&format!(r#"{{"typ":"JWT","alg":"HS256",{extra}}}"#));
    }
    for head in ["{}", "[]", "null", "\"HS256\"", r#"{"typ":"JWT"}"#, r#"{"alg":["HS256"]}"#, r#"{"alg":null}"#] {
        forge.head(head);
    }
    forge.head(r#"{"typ":"JWE","alg":"HS256"}"#);
    forge.head("{\"typ\":\"JWT\",\"alg\":\"HS256\"");
}

fn times(forge: &mut TokenForger) {
    let now = forge.now;
    forge.claim("exp", Some(json!(now)), EXPIRED);
    forge.claim("exp", Some(json!(now - 1)), EXPIRED);
    forge.claim("exp", Some(json!(0)), EXPIRED);
    forge.claim("exp", Some(json!(-5)), INVALID);
    for exp in
        [json!(i64::MAX), json!(1e300), json!(u64::MAX), json!("9999999999"), json!(true), json!(9_999_999_999.5)]
    {
        forge.claim("exp", Some(exp), INVALID);
    }
    forge.claim("iat", Some(json!(now + 3_600)), INVALID);
    forge.claim("iat", Some(json!(-1)), INVALID);
    forge.claim("nbf", Some(json!(now + 3_600)), INVALID);
    forge.claim("nbf", Some(json!("tomorrow")), INVALID);
}

fn shapes(forge: &mut TokenForger) {
    for aud in [json!("other"), json!(["other"]), json!([]), json!(""), json!(5), json!({"a": 1}), json!("scry-server")]
    {
        forge.claim("aud", Some(aud), INVALID);
    }
    for iss in [json!("https://evil.example"), json!(["scry"]), json!("")] {
        forge.claim("iss", Some(iss), INVALID);
    }
    for name in ["sub", "name", "iat", "exp", "jti", "sid"] {
        forge.claim(name, None, INVALID);
        forge.claim(name, Some(Value::Null), INVALID);
        forge.claim(name, Some(json!({"$ne": null})), INVALID);
    }
    for sub in ["", "a b", "a\u{0}b", "g\u{43c}", "\"", &"x".repeat(200)] {
        forge.claim("sub", Some(json!(sub)), INVALID);
    }
    forge.claim("name", Some(json!("")), INVALID);
    let text = forge.claims.to_string();
    let twice = text.replacen('{', r#"{"sub":"somebody-else","#, 1);
    forge.body("a claim twice", &twice, INVALID);
    forge.body("a claim twice, by its escape", &text.replacen('{', r#"{"\u0073ub":"x","#, 1), INVALID);
    for body in ["", "{}", "[]", "null", "5", "\"gm\"", "{\"sub\":", "\u{feff}{}"] {
        forge.body(&format!("claims {body:?}"), body, INVALID);
    }
    forge.body("claims and more", &format!("{text}{text}"), INVALID);
    forge.body("claims cut off", &text[..text.len() - 1], INVALID);
}

fn pieces(forge: &mut TokenForger, good: &str) {
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let cuts = [head, body, signature, &format!("{head}."), &format!("{head}.{body}"), &format!("{head}.{body}.")]
        .map(str::to_owned);
    for cut in cuts {
        forge.add(format!("only {} bytes of it", cut.len()), cut, INVALID);
    }
    for length in [1, head.len() / 2, head.len() + 5, good.len() - 10, good.len() - 1] {
        forge.add(format!("its first {length} bytes"), &good[..length], INVALID);
        forge.add(format!("all after its first {length} bytes"), &good[length..], INVALID);
    }
    for token in [
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{head}..{signature}"),
        format!(".{body}.{signature}"),
        format!("{head}.{body}..{signature}"),
        format!("{body}.{head}.{signature}"),
        "...".to_owned(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{good}{good}"),
        format!("{head}.{body}.{signature}="),
        format!("{head}=.{body}.{signature}"),
        format!("{head}.{body}==.{signature}"),
        format!("{head}.{body}.{}", &signature[..signature.len() - 2]),
        format!("{head}.{body}.{}", signature.chars().rev().collect::<String>()),
        format!("{}.{body}.{signature}", head.to_lowercase()),
        "x".repeat(5_000),
        format!("{head}.{}.{signature}", "A".repeat(20_000)),
        sign(PLAIN_HEADER, &padded(&forge.claims), SIGNING_KEY, Algorithm::HS256),
    ] {
        let shown: String = token.chars().take(40).collect();
        forge.add(format!("pieces {shown}… of {} bytes", token.len()), token, INVALID);
    }
}

fn letters(forge: &mut TokenForger, good: &str) {
    let dot = good.find('.').unwrap();
    for (what, token) in [
        ("a space in front", format!(" {good}")),
        ("a space behind", format!("{good} ")),
        ("a line break behind", format!("{good}\n")),
        ("a tab inside", format!("{}\t{}", &good[..dot], &good[dot..])),
        ("a NUL behind", format!("{good}\0")),
        ("a NUL inside", format!("{}\0{}", &good[..dot], &good[dot..])),
        ("a zero-width space", format!("{}\u{200b}{}", &good[..dot], &good[dot..])),
        ("a byte order mark", format!("\u{feff}{good}")),
        ("a full-width dot", good.replacen('.', "\u{ff0e}", 1)),
        ("a Cyrillic e", good.replacen('e', "\u{435}", 1)),
        ("a combining accent", good.replacen('e', "e\u{301}", 1)),
        ("a right-to-left mark", format!("\u{200f}{good}")),
        ("percent signs", good.replacen('.', "%2e", 1)),
        ("the other alphabet of base64", format!("{}+/", &good[..good.len() - 2])),
        ("its scheme twice", format!("Bearer {good}")),
        ("quotes", format!("\"{good}\"")),
        ("two tokens", format!("{good},{good}")),
    ] {
        forge.add(what, token, INVALID);
    }
}

/// Writes claims that are right in everything but their length.
fn padded(claims: &Value) -> String {
    let mut claims = claims.clone();
    claims["name"] = json!("x".repeat(8_000));
    claims.to_string()
}

fn sign(head: &str, body: &str, key: &str, algorithm: Algorithm) -> String {
    let signed = format!("{}.{}", BASE64.encode(head), BASE64.encode(body));
    let signature = crypto::sign(signed.as_bytes(), &EncodingKey::from_secret(key.as_bytes()), algorithm).unwrap();
    format!("{signed}.{signature}")
}

fn code_of(refusal: &str) -> String {
    refusal.split(':').next().unwrap_or_default().to_owned()
}

fn percent(token: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    token.bytes().fold(String::new(), |mut text, byte| {
        if plain(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").unwrap();
        }
        text
    })
}

#[tokio::test]
async fn no_token_at_all_is_missing_and_one_of_an_ended_login_is_worth_nothing() {
    let (server, http) = (TestServer::start().await, Client::new());
    let query = json!({"query": "{ me { id } }"});
    assert_eq!(server.post("/graphql", &query).await.code(), "TOKEN_MISSING");
    assert_eq!(server.post("/events", &json!({})).await.code(), "TOKEN_MISSING");
    for auth in [json!({}), json!({"token": ""}), json!({"token": null}), json!({"token": 5}), json!([])] {
        let refusal = RawSocketClient::open(&server.url, "").await.greet(&auth).await.err().unwrap();
        assert_eq!(code_of(&refusal), "TOKEN_MISSING", "{auth}");
    }
    let login =
        || async { server.post("/auth/login", &json!({"username": "gm", "password": BUNDLED_PASSWORD})).await.body };
    let (ended, other) = (login().await, login().await);
    let (token, valid) = (ended["accessToken"].as_str().unwrap(), other["accessToken"].as_str().unwrap());
    let mut open = RawSocketClient::connect(&server.url, token).await.unwrap();
    let mut entered = RawSocketClient::connect(&server.url, valid).await.unwrap();
    assert_eq!(server.post("/auth/logout", &json!({"refreshToken": ended["refreshToken"]})).await.status, 204);
    open.closed().await;
    for (door, code) in answers(&server, &http, &mut entered, token).await {
        assert_eq!(code, INVALID, "{door}");
    }
    assert_eq!(entered.ask("latency", &json!({})).await.unwrap()["success"], true, "the other login goes on");
}
