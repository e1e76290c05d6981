//! Texts with values of a payload in them: `company:{companyId}`, `invoice {number} is paid`.

use std::borrow::Cow;
use std::fmt;

use scry_protocol::{Id, ParseRoomError, Room, RoomKind};
use serde_json::Value;

use super::PayloadError;

/// A text whose `{a.b}` are paths into a payload; `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadTemplate(Vec<TemplatePart>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum TemplatePart {
    Text(String),
    /// A dotted path.
    Path(String),
}

impl std::str::FromStr for PayloadTemplate {
    type Err = String;

    fn from_str(source: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = source.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '{' | '}' if rest.peek() == Some(&c) => {
                    rest.next();
                    text.push(c);
                }
                '{' => {
                    let mut path = String::new();
                    while let Some(c) = rest.next_if(|c| *c != '}') {
                        path.push(c);
                    }
                    if rest.next().is_none() {
                        return Err("has a { without a }; write {{ for a brace".to_owned());
                    }
                    if !is_path(&path) {
                        let path = scry_text::line(&path);
                        return Err(format!("{{{path}}} is not a path into the payload, such as {{lines.total}}"));
                    }
                    pieces.extend([TemplatePart::Text(std::mem::take(&mut text)), TemplatePart::Path(path)]);
                }
                '}' => return Err("has a } without a {; write }} for a brace".to_owned()),
                c => text.push(c),
            }
        }
        pieces.push(TemplatePart::Text(text));
        pieces.retain(|piece| *piece != TemplatePart::Text(String::new()));
        Ok(Self(pieces))
    }
}

fn is_path(text: &str) -> bool {
    let is_key = |key: &str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    text.split('.').all(is_key)
}

/// Stands for what a payload does not have.
const MISSING_VALUE: &str = "–";

/// Writes a value for people; a list as its items.
fn display_text(value: &Value) -> String {
    match value {
        Value::Null => MISSING_VALUE.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(display_text).collect::<Vec<_>>().join(", "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

impl PayloadTemplate {
    /// Returns the paths in it.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            TemplatePart::Text(_) => None,
            TemplatePart::Path(path) => Some(path.as_str()),
        })
    }

    /// Writes the text for people; what the payload does not have is a dash. It is as safe as the payload.
    #[must_use]
    pub fn fill(&self, payload: &Value) -> String {
        let piece = |piece: &TemplatePart| match piece {
            TemplatePart::Text(text) => text.clone(),
            TemplatePart::Path(path) => find(payload, path).map_or_else(|| MISSING_VALUE.to_owned(), display_text),
        };
        self.0.iter().map(piece).collect()
    }
}

impl fmt::Display for PayloadTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                TemplatePart::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}"))?,
                TemplatePart::Path(path) => write!(f, "{{{path}}}")?,
            }
        }
        Ok(())
    }
}

/// A room by a payload; the kind is the same for all payloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RoomTemplate {
    /// `None` for the rooms of users.
    pub kind: Option<RoomKind>,
    key: PayloadTemplate,
}

impl std::str::FromStr for RoomTemplate {
    type Err = String;

    fn from_str(source: &str) -> Result<Self, String> {
        let (kind, key) =
            source.split_once(':').ok_or("is not a room; write kind:{path}, such as company:{companyId}")?;
        let is_users = kind == RoomKind::BUILT_IN[3];
        let kind =
            if is_users { None } else { Some(RoomKind::parse(kind).map_err(|error| room_kind_error(kind, &error))?) };
        Ok(Self { kind, key: key.parse()? })
    }
}

fn room_kind_error(kind: &str, error: &ParseRoomError) -> String {
    if RoomKind::BUILT_IN.contains(&kind) {
        format!("rooms of the kind {kind} are the gateway's own; only its five events go there")
    } else {
        error.to_string()
    }
}

impl RoomTemplate {
    /// Returns the paths in it.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.key.paths()
    }

    /// Names the room.
    ///
    /// # Errors
    /// [`PayloadError`] naming the value that cannot name a room.
    pub(crate) fn fill(&self, payload: &Value) -> Result<Room, PayloadError> {
        let mut key = String::new();
        for piece in &self.key.0 {
            match piece {
                TemplatePart::Text(text) => key.push_str(text),
                TemplatePart::Path(path) => key.push_str(&name(payload, path)?),
            }
        }
        let fault = |problem: String| {
            let path = self.paths().next().unwrap_or_default();
            PayloadError { path: format!("payload.{path}"), problem: format!("cannot name a room: {problem}") }
        };
        let id = Id::parse(&key).map_err(|error| fault(error.to_string()))?;
        Ok(self.kind.clone().map_or_else(|| Room::User(id.clone()), |kind| Room::Custom(kind, id.clone())))
    }
}

/// Returns a value that may be part of a room's name.
fn name<'a>(payload: &'a Value, path: &str) -> Result<Cow<'a, str>, PayloadError> {
    let fault = |problem: &str| PayloadError { path: format!("payload.{path}"), problem: problem.to_owned() };
    match find(payload, path) {
        Some(Value::String(text)) => Ok(text.into()),
        Some(Value::Number(number)) if !number.is_f64() => Ok(number.to_string().into()),
        Some(_) => Err(fault("names a room, so it must be a text or a whole number")),
        None => Err(fault("is missing; it names a room")),
    }
}

fn find<'a>(payload: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(payload, |value, key| value.get(key))
}
