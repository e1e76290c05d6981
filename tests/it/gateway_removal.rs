//! Members are removed while events and subscriptions race: nothing later than the removal reaches them.

use serde_json::{Value, json};

use scry_testkit::gateway::{TestGateway, kingdom, settlement, structure};
use scry_testkit::node::{NodeDriver, NodeSocket};

const ROUNDS: usize = 12;
const EVENTS: usize = 40;

#[tokio::test]
async fn removed_member_gets_no_event_after_the_removal() {
    let unlimited = |config: &mut scry_server::config::ServerConfig| config.socket.requests_per_minute = 1_000_000;
    let (server, node) = (TestGateway::with(unlimited).await, NodeDriver::start().await);
    let gm = node.enter("gm", &server.url, &server.token("gm")).await;
    gm.ask("subscribe_campaign", json!("c1")).await;
    let mut random = fastrand::Rng::with_seed(2026);
    for round in 0..ROUNDS {
        let name = |what: &str| format!("{what}{round}");
        let wide = node.enter(&name("wide"), &server.url, &server.token("viewer")).await;
        let narrow = node.enter(&name("narrow"), &server.url, &server.token("viewer")).await;
        let restless = node.enter(&name("restless"), &server.url, &server.token("viewer")).await;
        wide.ask("subscribe_campaign", json!("c1")).await;
        narrow.ask("subscribe_structure", json!("t1")).await;
        let removal_at = random.usize(1..EVENTS);
        let choices: Vec<u8> = (0..EVENTS).map(|_| random.u8(0..3)).collect();
        let happening = async {
            let mut removal = 0;
            for (number, choice) in choices.iter().enumerate() {
                if number == removal_at {
                    removal = server.remove_member("viewer").await.metadata.seq.unwrap();
                }
                let payload = match choice {
                    0 => kingdom(),
                    1 => settlement("s1"),
                    _ => structure("t1", "s1"),
                };
                server.record(payload).await;
            }
            removal
        };
        let asking = async {
            // From the beginning, again and again, until it is refused.
            loop {
                let since = json!({"campaignId": "c1", "since": {"epoch": "first", "seq": 0}});
                let ack = restless.ask("subscribe_campaign", since).await;
                if ack["success"] != true {
                    assert_eq!(ack["code"], "UNAUTHORIZED");
                    break;
                }
            }
        };
        let (removal, ()) = tokio::join!(happening, asking);
        let head = server.record(kingdom()).await.metadata.seq.unwrap();
        let caught_up = async { while !seqs(&gm).await.contains(&head) {} };
        tokio::time::timeout(std::time::Duration::from_secs(20), caught_up).await.expect("the others go on");
        for socket in [&wide, &narrow, &restless] {
            assert_eq!(socket.ask("subscribe_settlement", json!("s1")).await["code"], "UNAUTHORIZED");
            let latest = seqs(socket).await.into_iter().max().unwrap_or_default();
            assert!(latest < removal, "round {round}: {latest} reached who was removed at {removal}");
        }
        for socket in [wide, narrow, restless] {
            socket.disconnect().await;
        }
        server.admit("viewer").await;
    }
}

async fn seqs(socket: &NodeSocket<'_>) -> Vec<u64> {
    let seq = |(_, event): (String, Value)| event["metadata"]["seq"].as_u64();
    socket.seen().await.into_iter().filter_map(seq).collect()
}
