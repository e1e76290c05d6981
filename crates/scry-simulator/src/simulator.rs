//! The table: who does what next, and when.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use scry_protocol::{EntityType, Id};
use serde_json::{Map, Value, json};

use super::action::{ActionKind, PlayerAction, PlayerRole};
use super::moves;
use super::stall;
use super::world_view::{SimulatedEntity, WorldView};

/// Decides acts. With the same seed, and seeing the same, it decides the same.
#[derive(Debug, Clone)]
pub struct Simulator {
    rng: Rng,
    campaign_id: Id,
    world: WorldView,
    /// What follows from earlier acts and comes first.
    next: VecDeque<PlayerAction>,
    /// How many more acts follow in quick succession.
    burst: u32,
    /// The stalls this table has set up, oldest first.
    stalls: VecDeque<Id>,
}

/// Bounds how many stalls stand at a time.
const MAX_STALLS: usize = 3;

impl Simulator {
    /// Sits down at a campaign, having seen the nodes of its snapshot.
    #[must_use]
    pub fn new(seed: u64, campaign_id: Id, nodes: &[Value]) -> Self {
        let mut world = WorldView::default();
        world.look(nodes);
        let rng = Rng::with_seed(seed);
        Self { rng, campaign_id, world, next: VecDeque::new(), burst: 0, stalls: VecDeque::new() }
    }

    /// Looks at the campaign again: others change it too.
    pub(crate) fn look(&mut self, nodes: &[Value]) {
        self.world.look(nodes);
        let standing = &self.world.structures;
        self.stalls.retain(|stall| standing.iter().any(|structure| structure.id == *stall));
        self.next.clear();
    }

    /// Decides how long to wait before the next act: mostly 0.7 to 3 s, now and then a burst.
    pub(crate) fn pause(&mut self) -> Duration {
        if self.burst > 0 {
            self.burst -= 1;
            return Duration::from_millis(self.rng.u64(80..=250));
        }
        if self.rng.f64() < 0.08 {
            self.burst = self.rng.u32(3..=6);
        }
        Duration::from_millis(self.rng.u64(700..=3000))
    }

    /// Decides the next act; `None` if the campaign offers nothing to do.
    pub fn decide(&mut self) -> Option<PlayerAction> {
        if let Some(action) = self.next.pop_front() {
            return Some(action);
        }
        // Most things lend themselves to some moves only; twenty tries find one unless there is none.
        (0..20).find_map(|_| self.attempt())
    }

    /// Remembers what an act did; `answer` is the API's.
    pub fn done(&mut self, action: &PlayerAction, answer: &Value) {
        match &action.action_kind {
            ActionKind::UpdateSettlement { id, input } => {
                apply(&mut self.world.settlements, id, input);
                self.follow_up(EntityType::Settlement, id, if input.contains_key("level") { 1.0 } else { 0.25 });
            }
            ActionKind::UpdateStructure { id, input } => {
                apply(&mut self.world.structures, id, input);
                self.follow_up(EntityType::Structure, id, 0.15);
            }
            ActionKind::UpdateEncounter { id, input } => self.set_encounter(id, input),
            ActionKind::CreateStructure { input } => self.remember_stall(input, answer),
            ActionKind::DeleteStructure { id } => {
                self.world.structures.retain(|structure| structure.id != *id);
                self.stalls.retain(|stall| stall != id);
            }
            ActionKind::AdvanceTime { campaign_id, .. } => {
                let (campaign_id, fields) = (campaign_id.clone(), self.world.timely.clone());
                if !fields.is_empty() {
                    let action_kind = ActionKind::Invalidate { campaign_id, entity: None, fields };
                    self.next.push_back(PlayerAction { role: PlayerRole::Bot, action_kind });
                }
            }
            ActionKind::Invalidate { .. } => {}
        }
    }

    fn attempt(&mut self) -> Option<PlayerAction> {
        match self.rng.u32(..100) {
            0..24 => self.settlement(PlayerRole::Player, moves::drift),
            24..46 => self.structure(PlayerRole::Player, moves::drift),
            46..54 => self.settlement(PlayerRole::Player, moves::shift),
            54..58 => self.structure(PlayerRole::Player, moves::shift),
            58..61 => self.structure(PlayerRole::Player, moves::switch),
            61..63 => self.settlement(PlayerRole::Gm, moves::switch),
            63..66 => self.structure(PlayerRole::Player, moves::sail),
            66..80 => self.structure(PlayerRole::Player, moves::work),
            80..82 => self.settlement(PlayerRole::Gm, moves::level),
            82..88 => self.encounter(),
            88..97 => Some(self.clock()),
            _ => self.stall(),
        }
    }

    fn settlement(&mut self, role: PlayerRole, change: EntityMove) -> Option<PlayerAction> {
        let (id, input) = choose(&mut self.rng, &self.world.settlements, change)?;
        Some(PlayerAction { role, action_kind: ActionKind::UpdateSettlement { id, input } })
    }

    fn structure(&mut self, role: PlayerRole, change: EntityMove) -> Option<PlayerAction> {
        let (id, input) = choose(&mut self.rng, &self.world.structures, change)?;
        Some(PlayerAction { role, action_kind: ActionKind::UpdateStructure { id, input } })
    }

    fn encounter(&mut self) -> Option<PlayerAction> {
        let encounter = self.rng.choice(&self.world.encounters)?;
        let status = match encounter.status.as_str() {
            "planned" => "active",
            "active" => "resolved",
            _ => "planned",
        };
        let input = Map::from_iter([("status".to_owned(), json!(status))]);
        Some(PlayerAction {
            role: PlayerRole::Gm,
            action_kind: ActionKind::UpdateEncounter { id: encounter.id.clone(), input },
        })
    }

    /// Moves the clock by ten minutes to eight hours, short steps more often than long ones.
    fn clock(&mut self) -> PlayerAction {
        let seconds = *[600, 600, 1800, 1800, 3600, 7200, 14_400, 28_800].get(self.rng.usize(..8)).unwrap_or(&600);
        PlayerAction {
            role: PlayerRole::Gm,
            action_kind: ActionKind::AdvanceTime { campaign_id: self.campaign_id.clone(), seconds },
        }
    }

    fn stall(&mut self) -> Option<PlayerAction> {
        if self.stalls.len() >= MAX_STALLS || (!self.stalls.is_empty() && self.rng.bool()) {
            let id = self.stalls.front()?.clone();
            return Some(PlayerAction { role: PlayerRole::Player, action_kind: ActionKind::DeleteStructure { id } });
        }
        let settlement = self.rng.choice(&self.world.settlements)?.id.clone();
        let input = stall::open(&mut self.rng, &settlement);
        Some(PlayerAction { role: PlayerRole::Player, action_kind: ActionKind::CreateStructure { input } })
    }

    /// Lets the service say, sometimes, that what is computed from a changed thing no longer holds.
    fn follow_up(&mut self, entity_type: EntityType, id: &Id, chance: f64) {
        let mut things = self.world.settlements.iter().chain(&self.world.structures);
        let fields = things.find(|thing| thing.id == *id).map(|thing| thing.computed.clone()).unwrap_or_default();
        if fields.is_empty() || self.rng.f64() >= chance {
            return;
        }
        let (campaign_id, entity) = (self.campaign_id.clone(), Some((entity_type, id.clone())));
        self.next.push_back(PlayerAction {
            role: PlayerRole::Bot,
            action_kind: ActionKind::Invalidate { campaign_id, entity, fields },
        });
    }

    fn set_encounter(&mut self, id: &Id, input: &Map<String, Value>) {
        let status = input.get("status").and_then(Value::as_str);
        let encounter = self.world.encounters.iter_mut().find(|encounter| encounter.id == *id);
        if let (Some(encounter), Some(status)) = (encounter, status) {
            status.clone_into(&mut encounter.status);
        }
    }

    fn remember_stall(&mut self, input: &Map<String, Value>, answer: &Value) {
        let id = answer.pointer("/createStructure/id").and_then(Value::as_str).and_then(|id| id.parse::<Id>().ok());
        let Some(id) = id else { return };
        let mut node = input.clone();
        node.insert("__typename".to_owned(), json!("Structure"));
        node.insert("id".to_owned(), json!(id));
        let mut seen = WorldView::default();
        seen.look(&[node.into()]);
        self.world.structures.append(&mut seen.structures);
        self.stalls.push_back(id);
    }
}

type EntityMove = fn(&mut Rng, &SimulatedEntity) -> Option<Map<String, Value>>;

fn choose(rng: &mut Rng, things: &[SimulatedEntity], change: EntityMove) -> Option<(Id, Map<String, Value>)> {
    let thing = rng.choice(things)?;
    change(rng, thing).map(|input| (thing.id.clone(), input))
}

fn apply(things: &mut [SimulatedEntity], id: &Id, input: &Map<String, Value>) {
    if let Some(thing) = things.iter_mut().find(|thing| thing.id == *id) {
        thing.apply(input);
    }
}

#[cfg(test)]
mod tests;
