//! One event as an expression sees it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use cel::common::types::{CelBool, CelList, CelMap, CelMapKey, CelNull, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use scry_calendar::Calendar;
use scry_protocol::catalogue::METADATA_KEY;
use serde_json::Value;

use super::numbers;
use super::path::{self, Path};

/// The values of `$name` in expressions.
pub type Vars = BTreeMap<String, Value>;

static NULL: Value = Value::Null;
static GREGORIAN: LazyLock<Arc<Calendar>> = LazyLock::new(|| Arc::new(Calendar::gregorian()));

/// Shows one event to expressions: borrowed, and read only where an expression looks.
#[derive(Debug, Clone)]
pub struct EventView<'a> {
    name: &'a str,
    payload: &'a Value,
    metadata: &'a Value,
    room: Option<Cow<'a, str>>,
    entity: &'a Value,
    before: &'a Value,
    vars: Option<&'a Vars>,
    run: Option<&'a str>,
    calendar: Option<Arc<Calendar>>,
}

impl<'a> EventView<'a> {
    /// Views an event by its parts; one of another form than the five has no metadata.
    #[must_use]
    pub fn new(name: &'a str, payload: &'a Value, metadata: Option<&'a Value>) -> Self {
        Self {
            name,
            payload,
            metadata: metadata.unwrap_or(&NULL),
            room: None,
            entity: &NULL,
            before: &NULL,
            vars: None,
            run: None,
            calendar: None,
        }
    }

    /// Views the body of an event as it came: a built-in event has a `payload` and `metadata`, any other body is the
    /// payload itself, with the gateway's metadata inside.
    #[must_use]
    pub fn from_body(name: &'a str, body: &'a Value, is_built_in: bool) -> Self {
        if is_built_in {
            Self::new(name, body.get("payload").unwrap_or(&NULL), body.get("metadata"))
        } else {
            Self::new(name, body, body.get(METADATA_KEY))
        }
    }

    /// Adds the room the event came through.
    #[must_use]
    pub fn in_room(mut self, room: impl Into<Cow<'a, str>>) -> Self {
        self.room = Some(room.into());
        self
    }

    /// Adds the entity after the event and before it: its values by API name, with `id`, `entityType` and `campaignId`.
    #[must_use]
    pub fn with_entity(mut self, entity: Option<&'a Value>, before: Option<&'a Value>) -> Self {
        self.entity = entity.unwrap_or(&NULL);
        self.before = before.unwrap_or(&NULL);
        self
    }

    /// Adds the values of `$name`.
    #[must_use]
    pub fn with_vars(mut self, vars: &'a Vars) -> Self {
        self.vars = Some(vars);
        self
    }

    /// Adds the id of the run whose events are `correlated`; without one no event is.
    #[must_use]
    pub const fn in_run(mut self, run: Option<&'a str>) -> Self {
        self.run = run;
        self
    }

    fn is_correlated(&self) -> bool {
        let named = self.metadata.get("correlationId").and_then(Value::as_str);
        self.run.is_some() && named == self.run
    }

    /// Adds the calendar by which `world_date` reads times; the Gregorian one is used without it.
    #[must_use]
    pub fn with_calendar(mut self, calendar: Arc<Calendar>) -> Self {
        self.calendar = Some(calendar);
        self
    }

    /// Returns the value behind a dotted name or a `$name`; `None` for what this event does not have.
    #[must_use]
    pub fn lookup(&self, path: &str) -> Option<Value> {
        match path {
            "type" => Some(self.name.into()),
            "room" => Some(self.room.as_deref().map_or(Value::Null, Value::from)),
            "correlated" => Some(self.is_correlated().into()),
            _ => match path.strip_prefix('$') {
                Some(name) => self.walk(&format!("_{name}")).cloned(),
                None => self.walk(path).cloned(),
            },
        }
    }

    /// Returns how many of a path's names lead to something in this event.
    pub(super) fn resolved_len(&self, path: &str) -> usize {
        let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
        ends.take_while(|end| self.walk(&path[..*end]).is_some_and(|value| !value.is_null())).count()
    }

    fn walk(&self, path: &str) -> Option<&Value> {
        let mut keys = path.split('.');
        let root = match keys.next()? {
            "payload" => self.payload,
            "metadata" => self.metadata,
            "entity" => self.entity,
            "before" => self.before,
            name => self.vars?.get(name.strip_prefix('_')?)?,
        };
        keys.try_fold(root, |value, key| value.get(key))
    }

    pub(super) fn calendar(&self) -> Arc<Calendar> {
        self.calendar.clone().unwrap_or_else(|| Arc::clone(&GREGORIAN))
    }
}

impl VariableResolver for EventView<'_> {
    /// Resolves `payload.changedFields` as a whole, so that nothing else of the payload is converted.
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        match variable {
            "type" => Some(CowVal::owned(CelString::from(self.name))),
            "correlated" => Some(CowVal::owned(CelBool::from(self.is_correlated()))),
            "room" => Some(match self.room.as_deref() {
                Some(room) => CowVal::owned(CelString::from(room)),
                None => CowVal::owned(CelNull),
            }),
            _ => match path::read(variable) {
                Path::Has(path) => Some(CowVal::owned(CelBool::from(self.walk(&path).is_some()))),
                Path::Value(path) => self.walk(&path).map(|value| CowVal::Owned(convert(value))),
            },
        }
    }
}

/// Shows a JSON value to CEL, its texts borrowed.
pub(super) fn convert<'v>(value: &'v Value) -> Box<dyn Val + 'v> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(flag) => Box::new(CelBool::from(*flag)),
        Value::Number(number) => numbers::from_json(number),
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(items) => Box::new(CelList::from(items.iter().map(convert).collect::<Vec<_>>())),
        Value::Object(fields) => {
            let fields: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> =
                fields.iter().map(|(key, value)| (CelMapKey::from(key.as_str()), convert(value))).collect();
            Box::new(CelMap::from(fields))
        }
    }
}
