//! Market stalls, which come and go.

use fastrand::Rng;
use scry_protocol::Id;
use serde_json::{Map, Value, json};

/// Whose stall, what it sells, and a word about it.
const STALL_KINDS: [(&str, &str, &str); 6] = [
    ("Nan Burdock", "remedies", "Dried roots, a brass scale, and a cat that nobody may touch."),
    ("Tobin Lark", "ballads", "Broadsheets a copper each, sung on request, loudest when asked to stop."),
    ("the Widow Gorse", "candles", "Tallow in front, beeswax behind, and something black under the cloth."),
    ("Iskander", "spices", "A painted cart from very far away. Iskander never says where."),
    ("Pell's nephew", "river fish", "Caught this morning, he swears, though it is not clear which."),
    ("Hedda Flint", "knives", "Seconds from the Emberforge. They stay a little warm."),
];

/// Returns the input that sets up a stall in a settlement.
pub(super) fn open(rng: &mut Rng, settlement: &Id) -> Map<String, Value> {
    let (keeper, wares, description) = STALL_KINDS[rng.usize(..STALL_KINDS.len())];
    let initial: String = keeper.chars().take(1).flat_map(char::to_uppercase).chain(keeper.chars().skip(1)).collect();
    Map::from_iter([
        ("settlementId".to_owned(), json!(settlement)),
        ("type".to_owned(), json!("stall")),
        ("name".to_owned(), json!(format!("{initial}: {wares}"))),
        ("description".to_owned(), json!(description)),
        ("level".to_owned(), json!(1)),
        ("variables".to_owned(), variables(rng, keeper, wares)),
        ("variableSchemas".to_owned(), schemas()),
    ])
}

fn variables(rng: &mut Rng, keeper: &str, wares: &str) -> Value {
    json!({
        "status": "building", "condition": rng.i32(60..=90), "upkeep": 1, "keeper": keeper,
        "wares": [wares], "takings": rng.i32(4..=20),
    })
}

fn schemas() -> Value {
    json!({
        "status": {"type": "choice", "label": "Status", "values": ["sound", "building", "damaged", "destroyed"]},
        "condition": {"type": "number", "label": "Condition", "unit": "%", "min": 0, "max": 100},
        "upkeep": {"type": "number", "label": "Upkeep", "unit": "gp a month", "min": 0, "max": 100},
        "keeper": {"type": "text", "label": "Keeper"},
        "wares": {"type": "list", "label": "Wares"},
        "takings": {"type": "number", "label": "Takings", "unit": "sp a day", "min": 0, "max": 200},
    })
}
