//! How an event is written: as JSON for programs, as a line for people, or by a template (pure).

use scry_catalogue::EventDisplays;
use scry_text as text;
use serde_json::Value;

use super::event_context::EventContext;
use super::line;

/// A way to write events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LineFormat {
    /// One JSON object, as the documented lines are.
    #[default]
    Json,
    /// The frame alone as it came: `["name",body]`.
    Raw,
    /// A line for people; an event that a catalogue declares is said as it would have it.
    Text(EventDisplays),
    /// A text with the values of names in it.
    Template(LineTemplate),
}

/// A template: `{payload.operation} of {entity.name}`; `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineTemplate(Vec<LinePart>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum LinePart {
    Text(String),
    Name(String),
}

impl std::str::FromStr for LineFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text(EventDisplays::default())),
            template if template.contains('{') => template.parse().map(Self::Template),
            other => Err(format!("“{other}” is not a format; write json, text or a template like '{{type}} {{room}}'")),
        }
    }
}

impl std::str::FromStr for LineTemplate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '{' | '}' if rest.peek() == Some(&c) => {
                    rest.next();
                    plain.push(c);
                }
                '{' => {
                    let name: String = rest.by_ref().take_while(|c| *c != '}').collect();
                    check(&name)?;
                    parts.push(LinePart::Text(std::mem::take(&mut plain)));
                    parts.push(LinePart::Name(name));
                }
                '}' => return Err("a “}” stands alone; write “}}” for a brace".to_owned()),
                c => plain.push(c),
            }
        }
        parts.push(LinePart::Text(plain));
        Ok(Self(parts))
    }
}

/// Refuses a name that no event could have, as an expression would.
fn check(name: &str) -> Result<(), String> {
    if name == "time" {
        return Ok(());
    }
    scry_query::expr::Expr::value(name, &[]).map(|_| ()).map_err(|error| format!("“{{{name}}}”: {}", error.message()))
}

impl LineFormat {
    /// Returns whether entities are needed.
    #[must_use]
    pub fn uses_entities(&self) -> bool {
        match self {
            Self::Json | Self::Raw | Self::Text(_) => false,
            Self::Template(LineTemplate(parts)) => parts.iter().any(|part| match part {
                LinePart::Name(name) => name.starts_with("entity") || name.starts_with("before"),
                LinePart::Text(_) => false,
            }),
        }
    }

    /// Writes an event on one line.
    #[must_use]
    pub fn write(&self, event_context: &EventContext) -> String {
        match self {
            Self::Json => line::event(&event_context.delivery),
            Self::Raw => line::json(&(&*event_context.delivery.name, &*event_context.delivery.raw)),
            Self::Text(looks) => for_people(event_context, looks),
            Self::Template(template) => template.fill(event_context),
        }
    }
}

impl LineTemplate {
    fn fill(&self, event_context: &EventContext) -> String {
        let view = event_context.view();
        let value = |name: &str| match name {
            "time" => line::rfc3339(event_context.delivery.received_at),
            _ => view.lookup(name).map(|value| plain(&value)).unwrap_or_default(),
        };
        let filled: String = self
            .0
            .iter()
            .map(|part| match part {
                LinePart::Text(text) => text.clone(),
                LinePart::Name(name) => value(name),
            })
            .collect();
        text::line(&filled).into_owned()
    }
}

fn for_people(event_context: &EventContext, looks: &EventDisplays) -> String {
    let time = event_context.delivery.received_at.strftime("%H:%M:%S");
    let delivery = &event_context.delivery;
    if let Some((sentence, severity)) = looks.render(&delivery.name, &delivery.raw) {
        let severity = severity.as_str();
        return text::line(&format!("{time} {} ({severity}): {sentence}", delivery.name)).into_owned();
    }
    let fields = event_context.delivery.event.as_ref().map(|event| event.payload.changed_fields().join(", "));
    let fields = fields.filter(|fields| !fields.is_empty()).map(|fields| format!(": {fields}")).unwrap_or_default();
    let name = event_context.entity.as_ref().and_then(|entity| entity["name"].as_str());
    let name = name.map(|name| format!(" “{name}”")).unwrap_or_default();
    text::line(&format!("{time} {}{name}{fields}", event_context.title())).into_owned()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use scry_model::event::Delivery;
    use scry_protocol::Event;
    use serde_json::json;

    use super::*;

    fn event_context() -> EventContext {
        let raw = json!({"type": "structure_updated", "payload": {"structureId": "t", "settlementId": "s",
            "operation": "update", "campaignId": "c", "changedFields": ["level", "name\u{1b}"]}, "metadata": {"v": 1, "seq": 7}});
        let event = Event::from_value(&raw).map(Arc::new);
        let at: Timestamp = "2026-02-03T04:05:06.789Z".parse().unwrap();
        EventContext::without_entity(Delivery {
            received_at: at,
            room: None,
            name: "structure_updated".into(),
            raw: Arc::new(raw),
            event,
        })
    }

    #[test]
    fn an_event_can_be_written_for_people_and_by_a_template() {
        let text: LineFormat = "text".parse().unwrap();
        assert_eq!(text.write(&event_context()), "04:05:06 #7 structure_updated (update structure t): level, name�");
        let template: LineFormat =
            "{time} {{{payload.operation}}} {payload.changedFields} {metadata.causedBy}.".parse().unwrap();
        assert_eq!(
            template.write(&event_context()),
            "2026-02-03T04:05:06.789Z {update} [\"level\",\"name�\"] .".replace("�", "\\u001b")
        );
        assert!(!template.uses_entities());
        assert!("{entity.name}".parse::<LineFormat>().unwrap().uses_entities());
    }

    #[test]
    fn a_raw_frame_is_as_it_came() {
        let value: Value = serde_json::from_str(&LineFormat::Raw.write(&event_context())).unwrap();
        assert_eq!((&value[0], &value[1]["metadata"]["seq"]), (&json!("structure_updated"), &json!(7)));
    }

    #[test]
    fn a_misspelt_template_is_refused() {
        assert!("yaml".parse::<LineFormat>().is_err());
        let error = "{payload.operatoin}".parse::<LineFormat>().unwrap_err();
        assert!(error.contains("did you mean “operation”?"), "{error}");
        assert!("{type} }".parse::<LineFormat>().is_err());
    }
}
