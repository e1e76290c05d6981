//! Editors: they change, build and raze, and send most of it twice.

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::api_client::RecordingClient;
use super::cluster::millis;
use super::history::{HistoryAnswer, HistoryRequest};

/// Of a hundred requests, so many are sent twice at the same time.
const REPEATED_PERCENT: u32 = 80;
/// How many structures an editor has built and not razed at most.
const MAX_STRUCTURES: usize = 5;

/// One editor.
pub struct RecordingEditor {
    client: RecordingClient,
    towns: Vec<String>,
    /// The structures that this editor has built, and nobody else touches; each with its version.
    structures: Vec<(String, i64)>,
    /// The version of a settlement that the last answer told of.
    seen: Option<(String, i64)>,
}

impl RecordingEditor {
    pub fn new(client: RecordingClient, towns: Vec<String>) -> Self {
        Self { client, towns, structures: Vec::new(), seen: None }
    }

    /// Edits until stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let request = self.choose();
            let answer = ask(&mut self.client, &request).await;
            self.learn(&request, &answer);
            let rest = millis(&mut self.client.rng, 0..40);
            sleep(rest).await;
        }
    }

    fn choose(&mut self) -> HistoryRequest {
        let number = self.client.recorder.number();
        let (key, mark) = (format!("edit-{number}"), i64::try_from(number).unwrap());
        let rng = &mut self.client.rng;
        let town = self.towns[rng.usize(..self.towns.len())].clone();
        match rng.u32(..100) {
            0..10 if self.structures.len() < MAX_STRUCTURES => {
                let name = format!("Structure {number}");
                HistoryRequest::Create { key, settlement: town, name, mark }
            }
            0..15 if !self.structures.is_empty() => {
                let (entity, _) = self.structures.swap_remove(rng.usize(..self.structures.len()));
                HistoryRequest::Delete { key, entity }
            }
            15..40 if !self.structures.is_empty() => {
                let (entity, version) = self.structures[rng.usize(..self.structures.len())].clone();
                // Nobody else edits it, so this must be accepted, unless an answer was lost.
                let expected = rng.bool().then_some(version);
                HistoryRequest::Edit { key, entity, structure: true, mark, expected }
            }
            40..55 => match self.seen.take() {
                // Others edit it as well, so this is often refused.
                Some((entity, version)) => {
                    HistoryRequest::Edit { key, entity, structure: false, mark, expected: Some(version) }
                }
                None => HistoryRequest::Edit { key, entity: town, structure: false, mark, expected: None },
            },
            _ => HistoryRequest::Edit { key, entity: town, structure: false, mark, expected: None },
        }
    }

    fn learn(&mut self, request: &HistoryRequest, answer: &HistoryAnswer) {
        match (request, answer) {
            (HistoryRequest::Create { .. }, HistoryAnswer::Written { entity, version, .. }) => {
                self.structures.push((entity.clone(), *version));
            }
            (HistoryRequest::Edit { structure: true, .. }, HistoryAnswer::Written { entity, version, .. }) => {
                self.structures.retain(|(known, _)| known != entity);
                self.structures.push((entity.clone(), *version));
            }
            // What became of it is not known, so it is left alone.
            (HistoryRequest::Edit { structure: true, entity, .. }, _) => {
                self.structures.retain(|(known, _)| known != entity);
            }
            (HistoryRequest::Edit { .. }, HistoryAnswer::Written { entity, version, .. }) => {
                self.seen = Some((entity.clone(), *version));
            }
            _ => {}
        }
    }
}

/// Asks, mostly twice at the same time.
pub async fn ask(client: &mut RecordingClient, request: &HistoryRequest) -> HistoryAnswer {
    let op = client.recorder.number();
    if client.rng.u32(..100) < REPEATED_PERCENT {
        client.ask_twice(op, request).await
    } else {
        client.ask(op, request).await
    }
}
