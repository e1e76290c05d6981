//! One event with all that an expression may look at (pure).

use std::sync::Arc;

use scry_calendar::Calendar;
use scry_model::event::Delivery;
use scry_query::expr::EventView;
use scry_text as text;
use serde_json::Value;

/// A delivered event, the entity it is about, and the calendar of its campaign.
#[derive(Debug, Clone)]
pub struct EventContext {
    pub(crate) delivery: Delivery,
    /// The entity after the event and before it, in the form expressions see; absent when not looked up.
    pub(crate) entity: Option<Arc<Value>>,
    pub(crate) before: Option<Arc<Value>>,
    pub(crate) calendar: Option<Arc<Calendar>>,
    /// The run whose events are `correlated`.
    pub run: Option<Arc<str>>,
}

impl EventContext {
    /// Takes an event alone.
    #[must_use]
    pub(crate) const fn without_entity(delivery: Delivery) -> Self {
        Self { delivery, entity: None, before: None, calendar: None, run: None }
    }

    /// Shows the event to expressions.
    #[must_use]
    pub(crate) fn view(&self) -> EventView<'_> {
        let delivery = &self.delivery;
        let view = EventView::from_body(&delivery.name, &delivery.raw, delivery.event.is_some());
        let view = match &delivery.room {
            Some(room) => view.in_room(room.to_string()),
            None => view,
        };
        let view = view.with_entity(self.entity.as_deref(), self.before.as_deref());
        let view = view.in_run(self.run.as_deref());
        match &self.calendar {
            Some(calendar) => view.with_calendar(Arc::clone(calendar)),
            None => view,
        }
    }

    /// Returns a title for people: `#12 structure_updated (update structure 0197…)`.
    #[must_use]
    pub fn title(&self) -> String {
        let name = text::line(&self.delivery.name);
        let Some(event) = &self.delivery.event else { return name.into_owned() };
        let subject = event.payload.subject();
        let kind = text::line(subject.entity_type.as_str()).into_owned();
        let what = format!("{name} ({} {kind} {})", event.payload.operation().as_str(), subject.id);
        event.metadata.seq.map_or_else(|| what.clone(), |seq| format!("#{seq} {what}"))
    }
}
