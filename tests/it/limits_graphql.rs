//! GraphQL cannot stop or exhaust the server: each limit holds, and others are served meanwhile.

#[allow(dead_code, reason = "the benchmarks use all of it")]
#[path = "../../benches/load/world.rs"]
mod large;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use scry_protocol::Id;
use scry_server::config::ServerConfig;
use scry_server::limits::LimitKind;
use scry_server::seed;
use scry_world::World;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use scry_testkit::people::{api, emberfall};
use scry_testkit::queries::{aliases, expensive, fragments};
use scry_testkit::raw_socket::RawSocketClient;
use scry_testkit::server::TestServer;
use scry_testkit::wait::{WAIT_TIMEOUT, until};

/// How long queries attack while others work.
const ATTACK_TIME: Duration = Duration::from_secs(2);
const ATTACKERS: usize = 8;

fn limit(error: &Value) -> (&str, &str) {
    let word = |name: &str| error["extensions"][name].as_str().unwrap_or_default();
    (word("code"), word("limit"))
}

#[tokio::test]
async fn fragments_that_multiply_are_refused_at_once() {
    let server = TestServer::start().await;
    let token = server.login("outsider").await;
    let bombs = [fragments(30, 2), fragments(60, 2), fragments(3, 300), fragments(4, 100)];
    for (count, bomb) in (1..).zip(&bombs) {
        let refused = timeout(WAIT_TIMEOUT, server.refused(&token, bomb, json!({}))).await.expect("it is answered");
        assert_eq!(limit(&refused), ("INVALID_PAYLOAD", "query_complexity"), "{refused}");
        assert_eq!(server.limit_metrics.of(LimitKind::QueryComplexity), count);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_and_health_are_served_while_queries_attack_and_the_server_ends_in_time() {
    let mut server = TestServer::start().await;
    let (gm, outsider) = (server.login("gm").await, server.login("outsider").await);
    let campaign = server.graphql(&outsider, "{campaigns{id}}", json!({})).await["campaigns"][0]["id"].clone();
    let queries = Arc::new(expensive(campaign.as_str().unwrap()));
    let (attackers, stop, answered) = (TaskTracker::new(), CancellationToken::new(), Arc::new(AtomicU64::new(0)));
    for number in 0..ATTACKERS {
        let (url, token, queries) = (format!("{}/graphql", server.url), outsider.clone(), queries.clone());
        let (http, answered) = (reqwest::Client::new(), answered.clone());
        let attack = async move {
            for turn in number.. {
                let query = json!({"query": queries[turn % queries.len()]});
                if let Ok(answer) = http.post(&url).bearer_auth(&token).json(&query).send().await {
                    let _ = answer.bytes().await;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        attackers.spawn(stop.clone().run_until_cancelled_owned(attack));
    }
    let mut honest = RawSocketClient::connect(&server.url, &gm).await.unwrap();
    let end = Instant::now() + ATTACK_TIME;
    while Instant::now() < end {
        let answer = timeout(WAIT_TIMEOUT, honest.ask("latency", &json!({}))).await.expect("the socket answers");
        assert!(answer.is_some_and(|answer| answer["success"] == true || answer["code"] == "RATE_LIMITED"));
        assert_eq!(timeout(WAIT_TIMEOUT, server.get("/health")).await.expect("health answers").status, 200);
    }
    until("the attackers' answers", async || answered.load(Ordering::Relaxed) >= queries.len() as u64).await;
    let (began, allowed) = (Instant::now(), server.config.shutdown_timeout);
    server.stop().await;
    assert!(began.elapsed() < allowed + Duration::from_secs(2), "it took {:?} to end", began.elapsed());
    stop.cancel();
    attackers.close();
    attackers.wait().await;
}

#[tokio::test]
async fn an_answer_that_grows_too_large_is_stopped_and_names_its_limit() {
    let server = TestServer::with(|config| config.http.max_answer_bytes = 256 * 1024).await;
    let token = server.login("outsider").await;
    let notify = "mutation($to:[ID!]!,$body:String!){notify(userIds:$to,title:\"t\",body:$body)}";
    let me = server.graphql(&token, "{me{id}}", json!({})).await["me"]["id"].clone();
    for _ in 0..4 {
        server.graphql(&token, notify, json!({"to": [me], "body": "🏰".repeat(4_000)})).await;
    }
    // 64 KiB each time.
    assert!(server.graphql(&token, &aliases("notifications{body}", 3), json!({})).await["a2"].is_array());
    let refused = server.execute(&token, &aliases("notifications{body}", 100), json!({})).await;
    assert_eq!(refused["data"], Value::Null);
    assert_eq!(refused["errors"].as_array().unwrap().len(), 1);
    assert_eq!(limit(&refused["errors"][0]), ("ANSWER_TOO_LARGE", "answer_size"));
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("max_answer_bytes"), "{refused}");
    assert_eq!(server.limit_metrics.of(LimitKind::AnswerSize), 1);
    // One field of one row may be too much by itself.
    let server = TestServer::with(|config| config.http.max_answer_bytes = 2_000).await;
    let token = server.login("gm").await;
    let refused = server.refused(&token, "{campaigns{calendar}}", json!({})).await;
    assert_eq!(limit(&refused), ("ANSWER_TOO_LARGE", "answer_size"), "{refused}");
}

#[tokio::test]
async fn lists_aliases_and_effects_cost_what_they_may_answer_with() {
    let server = TestServer::start().await;
    let token = server.login("viewer").await;
    let campaign = server.graphql(&token, "{campaigns{id}}", json!({})).await["campaigns"][0]["id"].clone();
    let campaign = campaign.as_str().unwrap();
    let effects = format!("dueEffects(campaignId:\"{campaign}\",until:\"1300-01-01T00:00:00Z\",limit:1){{at}}");
    for (field, few, many) in [
        ("notifications{body}", 200, 300),
        (effects.as_str(), 10, 20),
        ("campaigns{id name description}", 200, 300),
        ("me{id username}", 1_000, 3_000),
    ] {
        let answer = server.execute(&token, &aliases(field, few), json!({})).await;
        assert!(answer["errors"].is_null(), "{few} times {field}: {}", answer["errors"]);
        let refused = server.refused(&token, &aliases(field, many), json!({})).await;
        assert!(["query_complexity", "query_size"].contains(&limit(&refused).1), "{many} times {field}: {refused}");
    }
    let page = format!("{{events(campaignId:\"{campaign}\",limit:200000){{seq}}}}");
    assert_eq!(limit(&server.refused(&token, &page, json!({})).await).1, "query_complexity");
}

#[tokio::test]
async fn errors_are_few_and_short_whatever_is_asked() {
    let server = TestServer::start().await;
    let token = server.login("outsider").await;
    for query in [
        format!("{{me {}{{id}}}}", "@x ".repeat(300_000)),
        format!("{{me {}{{id}}}}", "@x ".repeat(150)),
        aliases("nothing", 150),
        format!("{{{}", "x".repeat(900_000)),
        format!("{{ me {{ id }} {} ?", " ".repeat(900_000)),
        aliases("campaign(id:\"\"){nothing}", 100),
    ] {
        let answer = server.execute(&token, &query, json!({})).await;
        let (shown, bytes) = (&query[..40], answer.to_string().len());
        assert!(bytes < 32 * 1024, "{shown}: {bytes} bytes");
        let errors = answer["errors"].as_array().unwrap();
        assert!((1..=21).contains(&errors.len()), "{shown}: {} errors", errors.len());
        assert!(errors.iter().all(|error| error["extensions"]["code"] == "INVALID_PAYLOAD"), "{answer}");
    }
    let answer = server.execute(&token, &aliases("nothing", 150), json!({})).await;
    assert_eq!(answer["errors"][20]["message"], "130 more errors are left out");
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_stopped() {
    let server = TestServer::with(|config| config.http.query_timeout = Duration::from_millis(1)).await;
    let token = server.login("gm").await;
    let refused = server.refused(&token, &aliases("campaigns{id calendar}", 200), json!({})).await;
    assert_eq!(limit(&refused), ("QUERY_TIMEOUT", "query_time"), "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("0.001 s (query_timeout)"), "{refused}");
    assert_eq!(server.limit_metrics.of(LimitKind::QueryTime), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_of_one_user_wait_for_each_other_and_not_those_of_another() {
    let server = TestServer::with(|config| config.http.queries_per_user = 1).await;
    let (gm, viewer) = (server.login("gm").await, server.login("viewer").await);
    let slow = aliases("campaigns{id calendar}", 200);
    let query = json!({"query": slow});
    let asked = (0..40).map(|_| server.post_as(&gm, "/graphql", &query));
    let other = async {
        until("a refusal", async || server.limit_metrics.of(LimitKind::QueryConcurrency) > 0).await;
        server.graphql(&viewer, "{me{id}}", json!({})).await
    };
    let (answers, _) = tokio::join!(futures_util::future::join_all(asked), other);
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(!refused.is_empty() && refused.len() < 40, "{} of 40 were refused", refused.len());
    assert_eq!(server.limit_metrics.of(LimitKind::QueryConcurrency), refused.len() as u64);
    assert_eq!(refused[0].retry_after.as_deref(), Some("1"));
    assert_eq!(limit(&refused[0].body["errors"][0]), ("RATE_LIMITED", "query_concurrency"));
    let served = answers.iter().filter(|answer| answer.status == 200);
    assert!(served.clone().count() >= 2 && served.clone().all(|answer| answer.body["errors"].is_null()));
}

#[tokio::test]
async fn a_snapshot_of_ten_thousand_entities_fits_into_half_the_limit() {
    let server = TestServer::with(|config| {
        config.http.max_answer_bytes /= 2;
        // It takes a second without optimisation, and the machine may have other work.
        config.http.query_timeout = Duration::from_secs(60);
    })
    .await;
    let world = World::parse(&large::file(10_000)).unwrap();
    assert_eq!(seed(&server.config, &world).await.unwrap().campaigns, 1);
    let login = server.post("/auth/login", &json!({"username": large::user(0), "password": "measured"})).await;
    let token = login.body["accessToken"].as_str().unwrap().to_owned();
    let id = server.graphql(&token, "{campaigns{id}}", json!({})).await["campaigns"][0]["id"].clone();
    let common = "__typename id campaignId name version createdAt updatedAt description";
    let rest = "level variables variableSchemas computed conditions";
    let query = format!(
        "query($id:ID!){{snapshot(campaignId:$id){{position{{epoch seq}} settlements{{{common} kingdomId {rest}}}
            structures{{{common} settlementId type {rest}}}}}}}"
    );
    let snapshot = server.graphql(&token, &query, json!({"id": id})).await["snapshot"].take();
    let count = |list: &str| snapshot[list].as_array().unwrap().len();
    assert_eq!((count("settlements"), count("structures")), (2_000, 8_000));
    println!("{} bytes", snapshot.to_string().len());
}

#[tokio::test]
async fn the_programs_own_queries_need_a_tenth_of_the_limit() {
    let tenth = |config: &mut ServerConfig| config.http.query_complexity /= 10;
    let server = TestServer::with(tenth).await;
    let api = api(&server.url, "gm").await;
    let campaign = emberfall(&api).await;
    let snapshot = api.snapshot(&campaign).await.unwrap();
    let ids: Vec<Id> = (0..200).map(|number| Id::parse(&format!("unknown-{number}")).unwrap()).collect();
    assert!(!snapshot.nodes.is_empty() && api.nodes(&ids).await.unwrap().is_empty());
    assert_eq!(api.campaigns().await.unwrap().len(), 1);
    api.me().await.unwrap();
    api.inbox().await.unwrap();
    api.event_displays().await.unwrap();
    api.events(&campaign, None, Some(1_000)).await.unwrap();
    api.due_effects(&campaign, "1300-01-01T00:00:00Z").await.unwrap();
}

#[tokio::test]
async fn the_page_to_try_queries_on_loads_nothing_from_elsewhere() {
    let server = TestServer::start().await;
    let answer = reqwest::get(format!("{}/graphql", server.url)).await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    for rule in ["default-src 'none'", "connect-src 'self'", "form-action 'none'", "frame-ancestors 'none'"] {
        assert!(policy.split("; ").any(|given| given == rule), "{rule} in {policy}");
    }
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    let others = ["x-frame-options", "x-content-type-options", "referrer-policy", "cache-control"].map(header);
    assert_eq!(others, ["DENY", "nosniff", "no-referrer", "no-store"]);
    let page = answer.text().await.unwrap();
    assert!(page.contains("<script>") && !page.contains("{script}") && !page.contains("{style}"));
    for elsewhere in ["http:", "https:", "//", "src=", "href=", "@import", "url("] {
        let code = page.lines().filter(|line| !line.trim_start().starts_with("// "));
        assert!(code.clone().all(|line| !line.contains(elsewhere)), "{elsewhere} is in the page");
    }
    // The browser runs only what has this digest.
    let script = page.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    let digest = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, {
        use sha2::Digest;
        sha2::Sha256::digest(script)
    });
    assert!(policy.contains(&format!("'sha256-{digest}'")), "{policy}");
    let server = TestServer::with(|config| config.graphiql = Some(false)).await;
    assert_eq!(server.get("/graphql").await.status, 405);
}
