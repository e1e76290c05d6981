//! GraphQL queries that come to far more than their text says.

use std::fmt::Write;

use serde_json::json;

/// Writes a chain of fragments of which each spreads the next so many times.
pub fn fragments(levels: usize, width: usize) -> String {
    let mut query = "{...f0}".to_owned();
    for level in 0..levels {
        let spreads = format!("...f{} ", level + 1).repeat(width);
        let _ = write!(query, " fragment f{level} on Query{{{spreads}}}");
    }
    query + &format!(" fragment f{levels} on Query{{me{{id}}}}")
}

/// Writes one field under many names.
pub fn aliases(field: &str, count: usize) -> String {
    let fields: String = (0..count).map(|number| format!("a{number}:{field} ")).collect();
    format!("{{{fields}}}")
}

/// Returns queries of which each would cost much, were it executed.
pub fn expensive(campaign: &str) -> Vec<String> {
    let effects = format!("dueEffects(campaignId:\"{campaign}\",until:\"1300-01-01T00:00:00Z\",limit:1){{at}}");
    let snapshot = format!("snapshot(campaignId:\"{campaign}\"){{structures{{id variables computed}}}}");
    vec![
        fragments(30, 2),
        fragments(60, 2),
        fragments(3, 300),
        fragments(30, 2).replacen("{...f0}", "{me{id}}", 1),
        "{...a} fragment a on Query{...b ...b} fragment b on Query{...a ...a}".to_owned(),
        aliases("notifications{body}", 1_000),
        aliases("campaigns{id name description calendar}", 1_000),
        aliases(&effects, 600),
        aliases(&effects, 19),
        aliases(&snapshot, 200),
        aliases(&snapshot, 20),
        format!("{{me {}{{id}}}}", "@x ".repeat(5_000)),
        aliases("nothing", 10_000),
        format!("{{__schema{{types{{{}name{}}}}}}}", "fields{type{".repeat(6), "}}".repeat(6)),
        format!("{{a(b:{}{})}}", "[".repeat(10_000), "]".repeat(10_000)),
        aliases("me{id username}", 3_000),
    ]
}

/// Writes the HTTP request of a query, for one who does not come back.
pub fn request(token: &str, query: &str) -> String {
    let body = json!({"query": query}).to_string();
    format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
