//! Any query, however it is put together, costs a bounded time and answers a bounded number of bytes.

use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::{Value, json};

use scry_testkit::queries::{aliases, expensive, fragments};
use scry_testkit::server::TestServer;

/// How long queries are made up.
const FUZZ_TIME: Duration = Duration::from_secs(6);
/// The most time that one may take of all processors, in a build without optimisation.
const MAX_CPU_TIME: Duration = Duration::from_secs(8);
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// The most memory that all of them may have added at any time.
const MAX_MEMORY_GROWTH_BYTES: u64 = 400 * 1024 * 1024;
/// Names that the schema has, at its root and inside, and some that it has not.
const ROOT_FIELDS: &[&str] = &[
    "me",
    "campaigns",
    "notifications",
    "notifications(unread:$b)",
    "campaign(id:$id)",
    "nodes(ids:$ids)",
    "nodes(ids:[$id,$id,\"x\"])",
    "events(campaignId:$id,limit:$n)",
    "events(campaignId:$id)",
    "dueEffects(campaignId:$id,until:\"1208-01-01T00:00:00Z\",limit:$n)",
    "snapshot(campaignId:$id)",
    "kingdomsByCampaign(campaignId:$id)",
    "settlement(id:$v)",
    "catalogueEvents",
    "__schema",
    "__type(name:$v)",
    "nothing(a:$v)",
];
const INNER_FIELDS: &[&str] = &[
    "id",
    "name",
    "username",
    "campaignId",
    "variables",
    "computed",
    "calendar",
    "position",
    "seq",
    "settlements",
    "structures",
    "kingdoms",
    "campaign",
    "members",
    "body",
    "title",
    "event",
    "at",
    "types",
    "fields",
    "type",
    "ofType",
    "args",
    "possibleTypes",
    "description",
    "nothing",
    "kind",
];
const TYPES: &[&str] =
    &["Query", "Campaign", "Settlement", "Snapshot", "Node", "Member", "__Type", "__Field", "Nobody"];
const DIRECTIVES: &[&str] = &["@skip(if:$b)", "@include(if:true)", "@include(if:$v)", "@x(a:[$v,$v])", "@deprecated"];

/// Makes up a document.
struct QueryGenerator {
    chance: Rng,
    text: String,
    fragments: usize,
}

impl QueryGenerator {
    fn write(seed: u64) -> String {
        let mut chance = Rng::with_seed(seed);
        let fragments = *chance.choice(&[0, 1, 3, 8, 40, 210]).unwrap();
        let mut author = Self { chance, text: String::new(), fragments };
        author.text.push_str("query($id:ID!=\"c\",$ids:[ID!]!=[],$n:Int=10,$b:Boolean!=true,$v:String=\"v\")");
        let width = author.width();
        author.set(ROOT_FIELDS, width, 0);
        for number in 0..fragments {
            let condition = if author.chance.u8(..4) > 0 { "Query" } else { author.pick(TYPES) };
            author.text.push_str(&format!(" fragment f{number} on {condition} "));
            let width = author.width().min(40);
            author.set(if condition == "Query" { ROOT_FIELDS } else { INNER_FIELDS }, width, 0);
        }
        author.text
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        self.chance.choice(from).unwrap()
    }

    /// Most sets are narrow, some are not.
    fn width(&mut self) -> usize {
        let most = *self.chance.choice(&[1, 2, 3, 5, 20, 300]).unwrap();
        self.chance.usize(1..=most)
    }

    fn set(&mut self, names: &[&'static str], width: usize, depth: usize) {
        self.text.push('{');
        for number in 0..width {
            self.selection(names, number, depth);
        }
        self.text.push('}');
    }

    fn selection(&mut self, names: &[&'static str], number: usize, depth: usize) {
        let spreads = self.fragments > 0 && self.chance.u8(..3) == 0;
        if spreads {
            let fragment = self.chance.usize(..=self.fragments);
            self.text.push_str(&format!("...f{fragment} "));
        } else if self.chance.u8(..8) == 0 {
            let condition = self.pick(TYPES);
            self.text.push_str(&format!("...on {condition} "));
            self.directive();
            self.inner(depth);
        } else {
            if self.chance.bool() {
                self.text.push_str(&format!("a{number}:"));
            }
            let name = self.pick(names);
            self.text.push_str(name);
            self.text.push(' ');
            self.directive();
            if depth < 20 && (names == ROOT_FIELDS || self.chance.u8(..3) == 0) {
                self.inner(depth);
            }
        }
    }

    fn inner(&mut self, depth: usize) {
        let widest = if depth < 2 { 12 } else { 2 };
        let width = self.chance.usize(1..=widest);
        self.set(INNER_FIELDS, width, depth + 1);
    }

    fn directive(&mut self) {
        if self.chance.u8(..30) == 0 {
            let directive = self.pick(DIRECTIVES);
            self.text.push_str(directive);
            self.text.push(' ');
        }
    }
}

/// Makes up the variables that documents name.
fn variables(chance: &mut Rng, campaign: &Value) -> Value {
    let text = |chance: &mut Rng| "é\u{1}\"x".repeat(*chance.choice(&[1, 10, 20_000]).unwrap());
    let ids = *chance.choice(&[0, 1, 200, 2_000]).unwrap();
    let number = *chance.choice(&[-1_i64, 0, 1, 100, 1_000, i64::from(u32::MAX)]).unwrap();
    let id = if chance.u8(..4) > 0 { campaign.clone() } else { json!(text(chance)) };
    json!({"id": id, "ids": vec![campaign; ids], "n": number, "b": chance.bool(), "v": text(chance)})
}

/// Returns the time of all processors that this process has had.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Returns the most memory that this process has had.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_query_is_answered_in_bounded_time_and_bytes() {
    let server = TestServer::with(|config| {
        config.http.max_answer_bytes = MAX_ANSWER_BYTES;
        config.quota.api_requests_per_minute = 1_000_000;
    })
    .await;
    let token = server.login("gm").await;
    let campaign = server.graphql(&token, "{campaigns{id}}", json!({})).await["campaigns"][0]["id"].clone();
    let seed = std::env::var("FUZZ_SEED").map_or_else(|_| fastrand::u64(..), |text| text.parse().unwrap());
    println!("FUZZ_SEED={seed}");
    let mut chance = Rng::with_seed(seed);
    let known = expensive(campaign.as_str().unwrap()).into_iter().chain([fragments(8, 3), aliases("me{id}", 900)]);
    let mut known = known.collect::<Vec<_>>().into_iter();
    let (end, before, mut answered, mut dearest) = (Instant::now() + FUZZ_TIME, peak(), 0, Duration::ZERO);
    loop {
        let query = match known.next() {
            Some(query) => query,
            None if Instant::now() < end => QueryGenerator::write(chance.u64(..)),
            None => break,
        };
        let body = json!({"query": query, "variables": variables(&mut chance, &campaign)});
        let shown = &query[..query.floor_char_boundary(2_000)];
        let began = cpu();
        let answer = server.post_as(&token, "/graphql", &body).await;
        let spent = cpu().saturating_sub(began);
        assert!(spent < MAX_CPU_TIME, "{spent:?} for {shown}");
        assert!([200, 413].contains(&answer.status.as_u16()), "{:?} for {shown}", answer.status);
        let bytes = answer.body.to_string().len();
        assert!(bytes <= MAX_ANSWER_BYTES, "{bytes} bytes for {shown}");
        let errors = answer.body["errors"].as_array().map_or(&[][..], Vec::as_slice);
        assert!(errors.len() <= 21, "{} errors for {shown}", errors.len());
        let codes = errors.iter().map(|error| error["extensions"]["code"].as_str().unwrap_or_default());
        for code in codes {
            assert!(!code.is_empty() && code != "INTERNAL", "{code}: {} for {shown}", answer.body);
        }
        answered += u32::from(answer.body["data"].is_object());
        dearest = dearest.max(spent);
    }
    let grown = peak().saturating_sub(before);
    println!("{answered} with data, the dearest took {dearest:?}, {} MiB more", grown >> 20);
    assert!(answered > 0, "some are executed");
    assert!(grown < MAX_MEMORY_GROWTH_BYTES, "{} MiB more", grown >> 20);
    assert!(server.graphql(&token, "{me{id}}", json!({})).await["me"]["id"].is_string());
}
