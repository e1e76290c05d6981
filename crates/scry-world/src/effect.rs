//! Scheduled effects, checked against their target and the calendar.

use scry_calendar::Calendar;
use scry_protocol::variable::VariableKind;
use scry_text::toml_file::{Keyed, SpannedError};
use serde_json::{Map, Value};

use super::build::{error_at, world_time};
use super::model::{Campaign, Effect, Sheet, When};
use super::raw::{self, Every};

/// Builds an effect of a campaign whose settlements and structures stand already.
pub(super) fn build(raw: raw::Effect, campaign: &Campaign) -> Result<Effect, SpannedError> {
    let place = format!("effect {}", raw.slug.get_ref());
    let when = when(&raw, &place, &campaign.calendar)?;
    let Some(sheet) = campaign.sheet(raw.target.get_ref()) else {
        let text = format!("{:?} is not a settlement or structure", raw.target.get_ref());
        return Err(error_at(&raw.target, &format!("{place}, target"), text));
    };
    if raw.set.0.is_empty() && raw.add.0.is_empty() {
        return Err(error_at(&raw.slug, &place, "changes nothing; give set or add"));
    }
    Ok(Effect {
        set: changes(raw.set, &format!("{place}, set"), sheet, EffectOperation::Set)?,
        add: changes(raw.add, &format!("{place}, add"), sheet, EffectOperation::Add)?,
        slug: raw.slug.into_inner(),
        name: raw.name,
        description: raw.description,
        target: raw.target.into_inner(),
        when,
    })
}

fn when(raw: &raw::Effect, place: &str, calendar: &Calendar) -> Result<When, SpannedError> {
    match (&raw.at, raw.every, &raw.month, &raw.day) {
        (Some(at), None, None, None) => Ok(When::Once { at: world_time(at)? }),
        (None, Some(Every::Month), None, Some(day)) => {
            let longest = calendar.definition().months.iter().map(|month| month.days).max().unwrap_or(0);
            if !(1..=longest).contains(day.get_ref()) {
                return Err(error_at(day, &format!("{place}, day"), format!("must lie between 1 and {longest}")));
            }
            Ok(When::Month { day: *day.get_ref() })
        }
        (None, Some(Every::Year), Some(month), Some(day)) => {
            if !has_day(calendar, month.get_ref(), *day.get_ref()) {
                let text = format!("the calendar has no {} {}", day.get_ref(), month.get_ref());
                return Err(error_at(month, &format!("{place}, month"), text));
            }
            Ok(When::Year { month: month.get_ref().clone(), day: *day.get_ref() })
        }
        _ => {
            let text = "needs either at, or every = \"month\" with a day, or every = \"year\" with a month and a day";
            Err(error_at(&raw.slug, place, text))
        }
    }
}

fn has_day(calendar: &Calendar, name: &str, day: i64) -> bool {
    let definition = calendar.definition();
    let months = definition.months.iter().map(|month| (&month.name, month.days, month.leap));
    let outside = definition.intercalary.iter().map(|days| (&days.name, days.days, days.leap));
    months
        .chain(outside)
        .any(|(known, days, leap)| known == name && (1..=leap.unwrap_or(days).max(days)).contains(&day))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum EffectOperation {
    Set,
    Add,
}

fn changes(
    keyed: Keyed<Value>,
    place: &str,
    sheet: &Sheet,
    change: EffectOperation,
) -> Result<Map<String, Value>, SpannedError> {
    let mut changes = Map::new();
    for (key, value) in keyed.0 {
        let wrong = |text: String| error_at(&key, &format!("{place}.{}", key.get_ref()), text);
        let schema = sheet.schema(key.get_ref()).ok_or_else(|| wrong("is not a variable of the target".to_owned()))?;
        match change {
            EffectOperation::Set => schema.check(&value).map_err(wrong)?,
            EffectOperation::Add if schema.kind == VariableKind::Number && value.is_number() => {}
            EffectOperation::Add => return Err(wrong("must add a number to a number".to_owned())),
        }
        changes.insert(key.into_inner(), value);
    }
    Ok(changes)
}
