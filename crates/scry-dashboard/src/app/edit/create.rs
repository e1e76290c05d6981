//! Creating: what, where it belongs, and what it is called.

use scry_model::cache::Entity;
use scry_model::outbox::EditChange;
use scry_protocol::{EntityRef, EntityType, Id};
use serde_json::{Map, Value};

use super::field::{ENCOUNTER_STATUSES, EditField, FieldKind};
use super::field_input::{FieldInput, KeyOutcome};
use super::{Dialog, EditCommand, moved};
use crate::app::command::{Action, KeyContext};
use crate::app::key::Key;
use crate::app::value::label;
use crate::app::{App, AppEffect};

/// A dialog that creates an entity: first its type, then its name.
#[derive(Debug, Clone)]
pub struct CreateDialog {
    pub(crate) plans: Vec<CreateChoice>,
    pub(crate) chosen: usize,
    /// The lines to fill in, once it is chosen what to create.
    pub(crate) form: Option<CreateForm>,
}

/// A type of entity that could be created here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateChoice {
    pub kind: EntityType,
    /// The field that names where it belongs, and that entity.
    pub parent: Option<(&'static str, Id)>,
    /// `structure in Harrow's Rest`.
    pub words: String,
}

/// The lines to fill in.
#[derive(Debug, Clone)]
pub(crate) struct CreateForm {
    pub lines: Vec<(EditField, FieldInput)>,
    pub at: usize,
    pub error: Option<String>,
    pub asks: bool,
}

impl CreateDialog {
    pub(super) fn context(&self) -> KeyContext {
        let line = self.form.as_ref().and_then(|form| form.lines.get(form.at));
        line.map_or(KeyContext::Fields, |(_, field_input)| field_input.context())
    }

    pub(super) fn paste(&mut self, pasted: &str) {
        if let Some(form) = &mut self.form
            && let Some((_, field_input)) = form.lines.get_mut(form.at)
        {
            field_input.paste(pasted);
        }
    }

    /// Returns what is about to be created.
    #[must_use]
    pub(crate) fn plan(&self) -> Option<&CreateChoice> {
        self.plans.get(self.chosen)
    }
}

impl CreateForm {
    fn of(kind: &EntityType) -> Self {
        let field = |name: &str, kind: FieldKind| {
            (
                EditField { name: name.to_owned(), label: label(name), kind, unit: String::new(), note: String::new() },
                Value::Null,
            )
        };
        let name = field("name", FieldKind::Name);
        let more = match kind {
            EntityType::Structure => {
                vec![field("type", FieldKind::Line), (field("level", FieldKind::Level).0, 1.into())]
            }
            EntityType::Settlement => vec![(field("level", FieldKind::Level).0, 1.into())],
            EntityType::Location => vec![field("type", FieldKind::Line)],
            EntityType::Encounter => {
                vec![field("status", FieldKind::Choice(ENCOUNTER_STATUSES.map(str::to_owned).into()))]
            }
            EntityType::Campaign | EntityType::Kingdom | EntityType::Member | EntityType::Other(_) => Vec::new(),
        };
        let lines = std::iter::once(name).chain(more);
        let drafted = lines.map(|(field, value)| {
            let field_input = FieldInput::from_value(&field.kind, &value);
            (field, field_input)
        });
        Self { lines: drafted.collect(), at: 0, error: None, asks: false }
    }

    /// Fills in a name and leaves everything else as it begins.
    pub(super) fn named(kind: &EntityType, name: &str) -> Option<Map<String, Value>> {
        let mut form = Self::of(kind);
        if let Some((field, field_input)) = form.lines.first_mut() {
            *field_input = FieldInput::from_value(&field.kind, &name.into());
        }
        form.read()
    }

    /// Reads every line, or goes to the first that is wrong and says why.
    fn read(&mut self) -> Option<Map<String, Value>> {
        let mut input = Map::new();
        for (index, (field, field_input)) in self.lines.iter().enumerate() {
            match field.kind.read(field_input.text(), &field.unit) {
                Ok(value) => {
                    input.insert(field.name.clone(), value);
                }
                Err(fault) => {
                    self.at = index;
                    self.error = Some(format!("{} {fault}", field.label));
                    return None;
                }
            }
        }
        Some(input)
    }

    fn is_begun(&self) -> bool {
        self.lines.first().is_some_and(|(_, field_input)| !field_input.text().is_empty())
    }

    fn go(&mut self, by: isize) {
        let last = self.lines.len().saturating_sub(1);
        self.at = match self.at.checked_add_signed(by) {
            Some(at) if at <= last => at,
            Some(_) => 0,
            None => last,
        };
    }
}

impl App {
    pub(super) fn open_create(&mut self) {
        let Some(campaign) = self.cache.campaign() else {
            return self.say("this campaign has not been loaded yet");
        };
        let plans = self.plans(campaign);
        self.dialog = Some(Dialog::Create(Box::new(CreateDialog { plans, chosen: 0, form: None })));
    }

    /// Lists what could be created where the person is, the nearest first.
    pub(super) fn plans(&self, campaign: &Entity) -> Vec<CreateChoice> {
        let mut plans = Vec::new();
        let mut add = |kind: EntityType, parent: Option<(&'static str, &Entity)>, word: &str| {
            let place = parent.map(|(_, entity)| format!(" {word} {}", entity.name)).unwrap_or_default();
            let parent = parent.map(|(field, entity)| (field, entity.key.id.clone()));
            let words = format!("{kind}{place}");
            if !plans.iter().any(|plan: &CreateChoice| plan.words == words) {
                plans.push(CreateChoice { kind, parent, words });
            }
        };
        for entity in self.line_of_selected() {
            match entity.key.entity_type {
                EntityType::Settlement => {
                    add(EntityType::Structure, Some(("settlementId", entity)), "in");
                    add(EntityType::Location, Some(("settlementId", entity)), "in");
                }
                EntityType::Kingdom => {
                    add(EntityType::Settlement, Some(("kingdomId", entity)), "in");
                    add(EntityType::Location, Some(("kingdomId", entity)), "in");
                }
                EntityType::Location => add(EntityType::Encounter, Some(("locationId", entity)), "at"),
                EntityType::Campaign
                | EntityType::Structure
                | EntityType::Encounter
                | EntityType::Member
                | EntityType::Other(_) => {}
            }
        }
        add(EntityType::Kingdom, None, "");
        add(EntityType::Location, None, "");
        add(EntityType::Encounter, None, "");
        for plan in plans.iter_mut().filter(|plan| plan.parent.is_none()) {
            plan.words = format!("{} in {}", plan.kind, campaign.name);
        }
        plans
    }

    /// Lists the selected entity and what it stands in, the nearest first.
    fn line_of_selected(&self) -> Vec<&Entity> {
        let mut line = Vec::new();
        let mut next = self.tree.entity().and_then(|key| self.cache.get(key));
        while let Some(entity) = next {
            line.push(entity);
            let above = |kind| {
                let parent = entity.parent.clone()?;
                self.cache.get(&EntityRef::new(kind, parent))
            };
            next = EntityType::KNOWN.into_iter().find_map(above).filter(|_| line.len() < 8);
        }
        line
    }

    pub(super) fn create_key(&mut self, mut dialog: CreateDialog, key: Key) -> Vec<AppEffect> {
        let mut effects = Vec::new();
        let stays = if dialog.form.is_some() {
            self.form_key(&mut dialog, key, &mut effects)
        } else {
            self.plan_key(&mut dialog, key, &mut effects)
        };
        if stays {
            self.dialog = Some(Dialog::Create(Box::new(dialog)));
        }
        effects
    }

    /// Chooses what to create; false when the sheet is closed.
    fn plan_key(&mut self, dialog: &mut CreateDialog, key: Key, effects: &mut Vec<AppEffect>) -> bool {
        let Some(action) = self.keymap.action(KeyContext::Fields, key) else { return true };
        match (moved(dialog.chosen, dialog.plans.len(), action), action) {
            (Some(chosen), _) => dialog.chosen = chosen,
            (None, Action::Edit(EditCommand::Open)) => {
                dialog.form = dialog.plan().map(|plan| CreateForm::of(&plan.kind))
            }
            (None, Action::Edit(EditCommand::Cancel)) => return false,
            (None, other) => effects.extend(self.unhandled(other)),
        }
        true
    }

    /// Fills in the lines; false when the sheet is closed.
    fn form_key(&mut self, dialog: &mut CreateDialog, key: Key, effects: &mut Vec<AppEffect>) -> bool {
        let columns = self.prose_columns();
        let Some(form) = &mut dialog.form else { return true };
        let asked = std::mem::replace(&mut form.asks, false);
        let at = form.at;
        let Some((field, field_input)) = form.lines.get_mut(at) else { return false };
        match field_input.key(key, field, &self.keymap, columns) {
            KeyOutcome::Changed => form.error = None,
            KeyOutcome::Nothing => {}
            KeyOutcome::Go(by) => form.go(by),
            KeyOutcome::Cancel if form.is_begun() && !asked => form.asks = true,
            KeyOutcome::Cancel => return false,
            KeyOutcome::Unhandled(Action::Edit(EditCommand::PreviousLine)) => form.go(-1),
            KeyOutcome::Unhandled(Action::Edit(EditCommand::NextLine)) => form.go(1),
            KeyOutcome::Unhandled(action) => effects.extend(self.unhandled(action)),
            KeyOutcome::Save => {
                let Some(input) = form.read() else { return true };
                let Some(plan) = dialog.plan() else { return false };
                effects.extend(self.create(plan, input));
                return false;
            }
        }
        true
    }

    /// Creates what is planned, with these values.
    pub(super) fn create(&mut self, plan: &CreateChoice, mut input: Map<String, Value>) -> Vec<AppEffect> {
        if let Some((field, id)) = &plan.parent {
            input.insert((*field).to_owned(), id.as_str().into());
        }
        // Towns and buildings belong to a campaign through what they stand in.
        if !matches!(plan.kind, EntityType::Settlement | EntityType::Structure)
            && let Some(campaign) = self.cache.campaign()
        {
            input.insert("campaignId".to_owned(), campaign.key.id.as_str().into());
        }
        self.submit(EditChange::Create { entity_type: plan.kind.clone(), input }, Vec::new())
    }
}
