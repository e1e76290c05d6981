use serde_json::json;

use super::*;

fn bundled(name: &str) -> Catalogue {
    let (_, text) = BUNDLED.into_iter().find(|(known, _)| *known == name).unwrap();
    Catalogue::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn minimal(change: impl Fn(&str) -> String) -> Result<Catalogue, String> {
    let text = r#"name = "shop"
[rooms.company]
members = true
[events."order:placed"]
rooms = ["company:{companyId}"]
durability = "journaled"
summary = "order {id} over {total.amount}"
[events."order:placed".schema]
type = "object"
required = ["companyId"]
[events."order:placed".schema.properties]
companyId = { type = "string" }
"#;
    Catalogue::parse(&change(text)).map_err(|error| error.to_string())
}

fn refused(from: &str, to: &str) -> String {
    minimal(|text| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
    .unwrap_err()
}

#[test]
fn every_bundled_catalogue_can_be_loaded_and_declares_what_it_should() {
    let names = |catalogue: &Catalogue| {
        let mut names: Vec<_> = catalogue.events.iter().map(|event| event.name.to_string()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&bundled("capacity")), ["alert:new", "capacity:updated", "project:updated"]);
    let erp = [
        "expense:approved",
        "expense:rejected",
        "invoice:paid",
        "item:added",
        "notification:new",
        "payment:processed",
        "project:created",
        "project:deleted",
        "project:updated",
        "reorder:triggered",
        "stock:updated",
        "task:assigned",
    ];
    assert_eq!(names(&bundled("erp")), erp);
}

#[test]
fn a_payload_names_its_rooms_each_once() {
    let capacity = bundled("capacity");
    let alert = capacity.events.iter().find(|event| &*event.name == "alert:new").unwrap();
    let payload = json!({"projectId": "p1", "divisionId": "d1", "alertId": "a", "message": "too much"});
    let rooms: Vec<_> = alert.admit(&payload).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(rooms, ["project:p1", "division:d1"]);
    assert_eq!(alert.summary.fill(&payload), "too much");
    let twice =
        minimal(|text| text.replace("[\"company:{companyId}\"]", "[\"company:{companyId}\", \"company:{companyId}\"]"));
    assert_eq!(twice.unwrap().events[0].admit(&json!({"companyId": "a"})).unwrap().len(), 1);
}

#[test]
fn a_payload_that_fails_is_refused_with_the_path_and_without_its_values() {
    let erp = bundled("erp");
    let event = |name: &str| erp.events.iter().find(|event| &*event.name == name).unwrap();
    let paid = json!({"companyId": "acme", "invoiceId": "i", "number": "7", "amount": 12.5, "currency": "EUR"});
    event("invoice:paid").admit(&paid).unwrap();
    let with = |key: &str, value: Value| {
        let mut payload = paid.clone();
        payload[key] = value;
        event("invoice:paid").admit(&payload).unwrap_err()
    };
    assert_eq!(with("amount", json!(-3)).path, "payload.amount");
    assert_eq!(with("currency", json!("secret")).path, "payload.currency");
    assert!(!with("currency", json!("secret")).to_string().contains("secret"));
    assert_eq!(with("paidAt", json!("yesterday")).path, "payload.paidAt");
    assert_eq!(event("invoice:paid").admit(&json!({"companyId": "acme"})).unwrap_err().path, "payload");
    assert_eq!(event("invoice:paid").admit(&json!("x")).unwrap_err().path, "payload");
    let fields = json!({"companyId": "a", "projectId": "p", "changedFields": ["name", 3]});
    assert_eq!(event("project:updated").admit(&fields).unwrap_err().path, "payload.changedFields[1]");
    // It is as the schema wants it, and still no name.
    let fault = with("companyId", json!("two words"));
    assert!(fault.path == "payload.companyId" && fault.problem.starts_with("cannot name a room"), "{fault}");
}

#[test]
fn invalid_catalogue_error_names_line_and_remedy() {
    let told = refused("{companyId}", "{companyid}");
    assert!(
        told.starts_with("line 5: events.\"order:placed\": rooms: “company:{companyid}” ")
            && told.ends_with("did you mean {companyId}?"),
        "{told}"
    );
    assert!(refused("company:{companyId}", "compny:{companyId}").ends_with("did you mean company?"));
    assert!(refused("company:{companyId}", "campaign:{companyId}").contains("the gateway's own"));
    assert!(refused("company:{companyId}", "company:all").contains("one room for all payloads"));
    assert!(refused("company:{companyId}", "company:{").contains("a { without a }"));
    assert!(refused("\"company:{companyId}\"", "").contains("name at least one"));
    assert!(refused("journaled", "eternal").contains("unknown variant"));
    assert!(refused("journaled", "queued").contains("name only user:{…}"));
    assert!(refused("company:{companyId}", "user:{companyId}").contains("make it queued"));
    assert!(refused("order:placed", "entity_updated").contains("the wire already"));
    assert!(refused("order:placed", "notification:new").contains("queued, to user:"));
    assert!(refused("members = true", "members = false").starts_with("line 2: rooms.company: nobody could subscribe"));
    assert!(refused("required = [\"companyId\"]", "").contains("add it to the schema's required"));
    assert!(refused("type = \"string\"", "type = \"text\"").contains("schema.properties.companyId.type"));
    assert!(refused("companyId = {", "metadata = {").contains("the gateway adds this itself"));
    assert!(refused("type = \"string\"", "format = \"dat\"").contains("schema.properties.companyId"));
    assert!(refused("type = \"string\"", "\"$ref\" = \"https://example.org/s\"").starts_with("line"));
    assert!(refused("name = \"shop\"", "name = \"The Shop\"").starts_with("line 1: catalogue: name"));
    assert!(refused("summary", "sumary").contains("unknown field"));
    assert!(
        refused("{id}", "{compnyId}").ends_with("summary: {compnyId} is not a property; did you mean {companyId}?")
    );
    assert!(refused("members = true", "claim = \"sid\"").contains("claim: sid does not describe the user"));
    assert!(refused("[\"companyId\"]", "[\"companyId\", \"metadata\"]").contains("the gateway adds this itself"));
}

#[test]
fn a_summary_shows_what_there_is_and_a_dash_for_the_rest() {
    let event = minimal(str::to_owned).unwrap().events.remove(0);
    assert_eq!(event.summary.fill(&json!({"id": 7, "total": {"amount": 1.5}})), "order 7 over 1.5");
    assert_eq!(event.summary.fill(&json!({"total": 3})), "order – over –");
    assert_eq!(event.display().summary, "order {id} over {total.amount}");
    assert_eq!("{{{a}}}".parse::<PayloadTemplate>().unwrap().to_string(), "{{{a}}}");
}

#[test]
fn duplicate_event_name_is_refused() {
    let set = |names: &[&str]| Catalogues::new(names.iter().map(|name| bundled(name)).collect());
    assert_eq!(
        set(&["erp", "capacity"]).unwrap_err(),
        "the event project:updated is declared by erp and by capacity; on the wire it can mean only one thing"
    );
    assert!(set(&["erp", "erp"]).unwrap_err().contains("two catalogues are named erp"));
    let erp = set(&["erp"]).unwrap();
    assert_eq!(erp.nearest_event("invoice:payed"), Some("invoice:paid"));
    assert!(erp.event("invoice:paid").is_some() && erp.event("alert:new").is_none());
    assert_eq!(Catalogues::default().iter().count(), 0);
}

/// A catalogue whose event has more in its schema.
fn with_schema(more: &str) -> Result<Catalogue, String> {
    minimal(|text| format!("{text}{more}"))
}

fn with_pattern(pattern: &str) -> Result<Catalogue, String> {
    with_schema(&format!("text = {{ type = \"string\", pattern = {} }}\n", json!(pattern)))
}

/// How long one payload may take; what a pattern that goes back and forth takes is counted in years.
const MAX_TIME: std::time::Duration = std::time::Duration::from_secs(10);

#[test]
fn time_for_a_pattern_grows_with_the_text_and_no_faster() {
    let text = format!("{}!", "a".repeat(100_000));
    for pattern in ["^(a+)+$", "^(a|aa)+$", "^(a|a?)+$", "(a+a+)+b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*a){12}b"] {
        let catalogue = with_pattern(pattern).unwrap();
        let began = std::time::Instant::now();
        let fault = catalogue.events[0].admit(&json!({"companyId": "c", "text": text})).unwrap_err();
        assert!(began.elapsed() < MAX_TIME, "{pattern}: {:?}", began.elapsed());
        assert!(
            fault.path == "payload.text" && fault.problem.len() < 1_000,
            "{pattern}: {} {}",
            fault.path,
            fault.problem
        );
        assert!(!fault.problem.contains("aaaa"), "the text is not repeated: {}", fault.problem);
    }
}

#[test]
fn patterns_that_grow_too_large_or_look_around_are_refused_with_the_catalogue() {
    for pattern in [
        "(a{1000}){1000}",
        "((a{100}){100}){100}",
        "\\p{L}{50000}",
        "(?=a)b",
        "(a)\\1",
        "(?<!a)b",
        "(",
        "a{99999999999}",
    ] {
        let began = std::time::Instant::now();
        let problem = with_pattern(pattern).expect_err(pattern);
        assert!(began.elapsed() < MAX_TIME, "{pattern}: {:?}", began.elapsed());
        assert!(problem.starts_with("line ") && problem.contains("schema"), "{pattern}: {problem}");
        assert!(problem.len() < 2_000, "{pattern}: {} bytes", problem.len());
    }
}

#[test]
fn schemas_that_lead_elsewhere_are_refused() {
    for reference in ["http://127.0.0.1:1/schema", "file:///etc/passwd", "../../etc/passwd", "#/nowhere"] {
        let problem = with_schema(&format!("other = {{ \"$ref\" = \"{reference}\" }}\n")).expect_err(reference);
        assert!(problem.starts_with("line ") && !problem.contains("root:"), "{reference}: {problem}");
    }
}

#[test]
fn schema_that_refers_to_itself_is_checked_to_an_end() {
    let own = "[events.\"order:placed\".schema.properties]\n";
    let again =
        minimal(|text| text.replace("type = \"object\"\n", "type = \"object\"\nallOf = [{ \"$ref\" = \"#\" }]\n"))
            .unwrap();
    let nested = minimal(|text| text.replace(own, &format!("{own}parent = {{ \"$ref\" = \"#\" }}\n"))).unwrap();
    let mut deep = json!({"companyId": "a"});
    for _ in 0..100 {
        deep = json!({"companyId": "a", "parent": deep});
    }
    for catalogue in [again, nested] {
        let schema = &catalogue.events[0].schema;
        assert_eq!(schema.check(&deep), Ok(()));
        assert!(schema.check(&json!({"companyId": 1})).is_err());
    }
}
