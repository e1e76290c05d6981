//! The gateway that the measured dashboard looks at.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::{Value, json};

pub const BENCH_CAMPAIGN: &str = "01970000-0000-7000-8000-000000000001";

/// Runs `gateway.cjs` until dropped.
pub struct BenchGateway {
    pub url: String,
    child: Child,
    stdin: ChildStdin,
    answers: BufReader<ChildStdout>,
    next: u64,
}

impl BenchGateway {
    /// Starts it on a campaign of this many entities; its answers are written into `dir`.
    pub fn start(dir: &Path, entities: usize) -> Result<Self> {
        let file = dir.join("campaign.json");
        std::fs::write(&file, campaign(entities).to_string())?;
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new("node")
            .arg(here.join("benches/screen/gateway.cjs"))
            .arg(file)
            .env("NODE_PATH", here.join("tests/node/node_modules"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("this needs Node.js: install it so that `node` is on the PATH")?;
        let stdin = child.stdin.take().context("no input")?;
        let mut answers = BufReader::new(child.stdout.take().context("no output")?);
        let mut line = String::new();
        answers.read_line(&mut line)?;
        let said: Value =
            serde_json::from_str(&line).context("the gateway has not started; is tests/node installed?")?;
        Ok(Self { url: format!("http://127.0.0.1:{}", said["port"]), child, stdin, answers, next: 0 })
    }

    /// Tells that the first settlement's ruler has this name now.
    pub fn event(&mut self, text: &str) -> Result<()> {
        self.tell(json!({"op": "event", "text": text}))?;
        self.answered()
    }

    /// Sends this many events at once, and waits until they are on their way.
    pub fn burst(&mut self, count: usize) -> Result<()> {
        self.begin_burst(count)?;
        self.answered()
    }

    /// Lets this many events come at once; [`BenchGateway::answered`] is to be called when that is over.
    pub fn begin_burst(&mut self, count: usize) -> Result<()> {
        self.tell(json!({"op": "burst", "count": count}))
    }

    /// Waits until what it was told to do is done.
    pub fn answered(&mut self) -> Result<()> {
        self.answers.read_line(&mut String::new())?;
        Ok(())
    }

    fn tell(&mut self, mut command: Value) -> Result<()> {
        self.next += 1;
        command["id"] = self.next.into();
        Ok(self.stdin.write_all(format!("{command}\n").as_bytes())?)
    }
}

impl Drop for BenchGateway {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Describes a campaign: a fifth settlements, the rest structures in them.
fn campaign(entities: usize) -> Value {
    let settlements = (entities / 5).max(1);
    let entity = |kind: &str, id: String, parent: (&str, String)| {
        json!({"__typename": kind, "id": id, "campaignId": BENCH_CAMPAIGN, "name": format!("{kind} {id}"), "version": 1,
            "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z", parent.0: parent.1, "type": "works",
            "description": "A walled market town where the road meets the river.", "level": 3,
            "variables": {"population": 1248, "morale": "steady", "treasury": 640, "ruler": "Osric"},
            "variableSchemas": {"population": {"type": "number", "unit": "souls", "min": 0, "max": 20000}},
            "computed": {"defence": {"value": 12, "formula": "towers * 4 + walls"}},
            "conditions": [{"name": "defended", "holds": true, "expression": "defence >= 9", "because": "Defence is 12."}]})
    };
    let position = json!({"epoch": "bench", "seq": 0});
    let own = json!({"__typename": "Campaign", "id": BENCH_CAMPAIGN, "campaignId": BENCH_CAMPAIGN, "name": "Bench", "version": 1, "myRole": "OWNER",
        "worldTime": "1207-09-14T18:20:00.000Z", "position": position});
    let towns: Vec<_> =
        (0..settlements).map(|n| entity("Settlement", format!("s{n}"), ("kingdomId", "k1".to_owned()))).collect();
    let works = (0..entities.saturating_sub(settlements))
        .map(|n| entity("Structure", format!("t{n}"), ("settlementId", format!("s{}", n % settlements))));
    json!({"campaigns": [own], "nodes": towns.iter().take(1).collect::<Vec<_>>(), "events": [], "notifications": [],
        "notificationPreferences": null, "snapshot": {"position": position, "campaign": own,
        "kingdoms": [{"__typename": "Kingdom", "id": "k1", "campaignId": BENCH_CAMPAIGN, "name": "Vael", "version": 1}],
        "settlements": towns, "structures": works.collect::<Vec<_>>(), "locations": [], "encounters": [],
        "members": [{"__typename": "Member", "id": "m1", "campaignId": BENCH_CAMPAIGN, "userId": "u1", "name": "Mira", "role": "EDITOR", "version": 1}]}})
}
