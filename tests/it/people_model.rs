//! Any interleaving of edits comes to what a plain model of whole states says: in the pure decision, and in the
//! database with its versions, its messages to those who lost a value, and its requests that come twice.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use scry_protocol::{Id, OnConflict};
use scry_server::AppState;
use scry_server::domain::{Caller, Domain, DomainError, EditPrecondition, Entity, EntityKind, FieldMap};
use scry_server::rules::fields::{self, Flat};
use scry_server::rules::merge::{MergeInput, MergeOutcome, PastEdit, PastEdits, decide};
use serde_json::{Map, Value, json};
use sqlx::Row;

use scry_testkit::edit_fixture::EditFixture;
use scry_testkit::reference_model::{ExpectedOutcome, FieldValues, LostValue, ReferenceModel};

const EDITORS: usize = 3;
const FIELDS: [&str; 5] = ["level", "name", "variables.a", "variables.b", "variables.c"];

/// One thing that one of the editors does.
#[derive(Debug, Clone)]
struct EditStep {
    editor: usize,
    /// How many versions ago they looked; `None` does not say.
    stale: Option<usize>,
    wishes: BTreeMap<usize, u8>,
    policy: OnConflict,
    /// Which earlier request is sent once more before it, counted from the latest.
    again: Option<usize>,
    /// Whether the journal forgets its older half before it; only where there is no database.
    forget: bool,
}

fn moves() -> impl Strategy<Value = Vec<EditStep>> {
    let policy = prop::sample::select(vec![OnConflict::Reject, OnConflict::Merge, OnConflict::LastWriteWins]);
    let one = (
        0..EDITORS,
        prop::option::weighted(0.9, 0..5_usize),
        prop::collection::btree_map(0..FIELDS.len(), 0..4_u8, 1..4),
        policy,
        prop::option::weighted(0.2, 0..6_usize),
        prop::bool::weighted(0.05),
    );
    let read =
        |(editor, stale, wishes, policy, again, forget)| EditStep { editor, stale, wishes, policy, again, forget };
    prop::collection::vec(one.prop_map(read), 1..30)
}

/// Values repeat, so that people come to want the same, and to take things back; 0 removes a variable.
fn value(field: &str, number: u8) -> Value {
    match (field, number) {
        ("level", number) => json!(number + 1),
        ("name", number) => json!(format!("Anvil {number}")),
        (_, 0) => Value::Null,
        (_, number) => json!(number),
    }
}

fn wishes(step: &EditStep) -> FieldValues {
    step.wishes.iter().map(|(&field, &number)| (FIELDS[field].to_owned(), value(FIELDS[field], number))).collect()
}

fn expected(step: &EditStep, reference: &ReferenceModel) -> Option<usize> {
    step.stale.map(|stale| reference.version().saturating_sub(stale).max(1))
}

fn editor(number: usize) -> Id {
    Id::parse(&format!("editor-{number}")).unwrap()
}

/// Returns a state as a flat list of fields, in which what is null is absent.
fn flat(state: &FieldValues) -> Flat {
    state.iter().filter(|(_, value)| !value.is_null()).map(|(field, value)| (field.clone(), value.clone())).collect()
}

proptest! {
    #![proptest_config(Config { cases: 2_000, ..Config::default() })]

    /// The decision, computed from stored changes, is that of the model, computed from whole states.
    #[test]
    fn the_decision_agrees_with_a_model_of_whole_states(moves in moves()) {
        let first: FieldValues = FIELDS.iter().map(|field| ((*field).to_owned(), value(field, 1))).collect();
        let mut model = ReferenceModel::new(first);
        let mut journal: Vec<PastEdit> = Vec::new();
        for step in &moves {
            if step.forget {
                model.forget(model.version() / 2);
            }
            let (stored, mine, expected) = (flat(model.state()), wishes(step), expected(step, &model));
            let since = expected.unwrap_or(model.version());
            let kept = since.max(model.known_since()) - 1;
            let past = PastEdits { edits: journal[kept..].to_vec(), complete: since >= model.known_since() };
            let version = i64::try_from(model.version()).unwrap();
            let edit = MergeInput {
                mine: &mine,
                stored: &stored,
                version,
                expected: expected.map(|version| i64::try_from(version).unwrap()),
                policy: step.policy,
            };
            let outcome = decide(edit, &past);
            let before = model.version();
            match (model.edit(step.editor, expected, &mine, step.policy), outcome) {
                (ExpectedOutcome::Accepted { losses, .. }, MergeOutcome::Apply { replaced }) => {
                    let replaced: Vec<LostValue> = replaced.into_iter().map(|value| LostValue {
                        loser: value.by.map(|by| (0..EDITORS).find(|number| editor(*number) == by).unwrap()),
                        field: value.field,
                    }).collect();
                    prop_assert_eq!(replaced, losses);
                }
                (ExpectedOutcome::Refused { current, fields }, MergeOutcome::Reject(conflict)) => {
                    prop_assert_eq!(conflict.current_version, i64::try_from(current).unwrap());
                    prop_assert_eq!(conflict.fields, fields);
                }
                (wanted, outcome) => prop_assert!(false, "the model says {wanted:?}, not {outcome:?}"),
            }
            if model.version() > before {
                let changes = fields::changes(&stored, &flat(model.state()));
                journal.push(PastEdit { by: Some(editor(step.editor)), changes });
            }
        }
    }
}

/// A request as it was sent, and the version that it answered.
struct SentEdit {
    editor: usize,
    input: FieldMap,
    expectation: EditPrecondition,
    key: String,
    answered: i64,
}

/// A settlement in a real database, and the model of it.
struct DatabaseModel<'a> {
    domain: &'a Domain,
    settlement: Id,
    model: ReferenceModel,
    sent: Vec<SentEdit>,
    /// What each editor must have been told: field, theirs, mine.
    losses: HashMap<usize, Vec<(String, Value, Value)>>,
}

impl DatabaseModel<'_> {
    async fn send(&self, sent: &SentEdit) -> Result<Entity, DomainError> {
        let name = format!("editor-{}", sent.editor);
        let caller = Caller { user_id: editor(sent.editor), name, correlation_id: sent.key.clone() };
        let key = Some(sent.key.as_str());
        self.domain.update(&caller, EntityKind::Settlement, &self.settlement, &sent.input, sent.expectation, key).await
    }

    async fn make(&mut self, step: &EditStep, number: usize) {
        if let Some(earlier) = step.again.and_then(|back| self.sent.iter().rev().nth(back)) {
            let repeated = self.send(earlier).await.unwrap();
            assert_eq!(repeated.version, earlier.answered, "a repeat gets the first answer");
        }
        let (mine, expected) = (wishes(step), expected(step, &self.model));
        let version = expected.map(|version| i64::try_from(version).unwrap());
        let mut sent = SentEdit {
            editor: step.editor,
            input: input(&mine),
            expectation: EditPrecondition { version, on_conflict: step.policy },
            key: format!("{}-{number}", self.settlement),
            answered: 0,
        };
        let answer = self.send(&sent).await;
        match (self.model.edit(step.editor, expected, &mine, step.policy), answer) {
            (ExpectedOutcome::Accepted { version, losses }, Ok(entity)) => {
                sent.answered = i64::try_from(version).unwrap();
                assert_eq!(entity.version, sent.answered, "versions count the accepted edits");
                self.sent.push(sent);
                for LostValue { loser, field } in losses {
                    if let Some(loser) = loser.filter(|loser| *loser != step.editor) {
                        self.losses.entry(loser).or_default().push((field.field, field.theirs, field.mine));
                    }
                }
            }
            (ExpectedOutcome::Refused { current, fields }, Err(DomainError::Conflict(conflict))) => {
                assert_eq!(conflict.current_version, i64::try_from(current).unwrap());
                assert_eq!(conflict.fields, fields, "true base, mine and theirs");
            }
            (wanted, answer) => panic!("the model says {wanted:?}, not {answer:?}"),
        }
    }

    async fn check(&self, core: &AppState) {
        let row = sqlx::query("SELECT name, version, fields FROM entities WHERE id = $1")
            .bind(self.settlement.as_str())
            .fetch_one(&core.db.reader)
            .await
            .unwrap();
        let stored: FieldMap = serde_json::from_str(&row.get::<String, _>(2)).unwrap();
        let all = fields::flatten(&row.get::<String, _>(0), &stored);
        let ours: Flat = all.into_iter().filter(|(field, _)| FIELDS.contains(&field.as_str())).collect();
        assert_eq!(ours, flat(self.model.state()));
        assert_eq!(row.get::<i64, _>(1), i64::try_from(self.model.version()).unwrap());
        for number in 0..EDITORS {
            let told = self.told(core, number).await;
            assert_eq!(told, self.losses.get(&number).cloned().unwrap_or_default(), "what editor {number} is told");
        }
    }

    /// Returns the replaced values that an editor was told of, in order.
    async fn told(&self, core: &AppState, number: usize) -> Vec<(String, Value, Value)> {
        let rows =
            sqlx::query("SELECT body FROM inbox WHERE user_id = $1 AND event = 'document:conflict' ORDER BY seq")
                .bind(editor(number).as_str())
                .fetch_all(&core.db.reader)
                .await
                .unwrap();
        let bodies = rows.iter().map(|row| serde_json::from_str::<Value>(&row.get::<String, _>(0)).unwrap());
        let ours = bodies.filter(|body| body["entityId"] == self.settlement.as_str());
        let values = |body: Value| {
            let fields = body["conflictedFields"].as_array().unwrap().clone();
            fields.into_iter().map(move |field| {
                let name = field.as_str().unwrap().to_owned();
                let (theirs, mine) = (body["originalValue"][&name].clone(), body["incomingValue"][&name].clone());
                assert_eq!(body["resolvedValue"][&name], mine);
                (name, theirs, mine)
            })
        };
        ours.flat_map(values).collect()
    }
}

/// Writes wishes as the API takes them.
fn input(wishes: &FieldValues) -> FieldMap {
    let mut input = Map::new();
    for (field, value) in wishes {
        match field.strip_prefix("variables.") {
            Some(key) => {
                let variables = input.entry("variables").or_insert_with(|| json!({}));
                variables[key] = value.clone();
            }
            None => {
                input.insert(field.clone(), value.clone());
            }
        }
    }
    input
}

#[test]
fn the_database_agrees_with_the_model_whatever_the_order() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (database_model, core) = runtime.block_on(async {
        let database_model = EditFixture::open(EDITORS).await;
        let core = AppState::open(database_model.server.config.clone()).await.unwrap();
        (database_model, core)
    });
    let domain = Domain::new(core.clone());
    let mut runner = TestRunner::new(Config { cases: 40, max_shrink_iters: 200, ..Config::default() });
    let checked = runner.run(&moves(), |moves| {
        runtime.block_on(async {
            let start = json!({"a": 1, "b": 1, "c": 1});
            let settlement = Id::parse(&database_model.found("Anvil 1", 2, start).await).unwrap();
            let first = FIELDS.iter().map(|field| ((*field).to_owned(), value(field, 1))).collect();
            let model = ReferenceModel::new(first);
            let mut database_model =
                DatabaseModel { domain: &domain, settlement, model, sent: Vec::new(), losses: HashMap::new() };
            for (number, step) in moves.iter().enumerate() {
                database_model.make(step, number).await;
            }
            database_model.check(&core).await;
        });
        Ok(())
    });
    checked.unwrap_or_else(|failure| panic!("{failure}"));
    runtime.block_on(core.db.close());
}
