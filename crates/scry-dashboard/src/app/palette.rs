//! The palette: commands, campaigns and entities by a few letters of their name.

use scry_protocol::{EntityRef, EntityType, Id};

use super::command::{Action, KeyContext};
use super::fuzzy::FuzzyMatcher;
use super::{App, AppEffect, AppStage};

/// How many candidates are kept; nobody reads more.
const MAX_ITEMS: usize = 50;

/// The items that fit the line typed so far, the best first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Palette {
    pub candidates: Vec<PaletteItem>,
    pub selected: usize,
}

/// An item of the palette.
#[derive(Debug, Clone)]
pub(crate) struct PaletteItem {
    pub label: String,
    /// What it is, or the keys that do the same.
    pub note: String,
    pub target: PaletteTarget,
}

/// What choosing an item does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PaletteTarget {
    Command(Action),
    Campaign(Id),
    Entity(EntityRef),
    Theme(String),
    Profile(String),
}

impl Palette {
    /// Looks for what fits a line.
    #[must_use]
    pub(crate) fn new(app: &App, line: &str) -> Self {
        let fuzzy = FuzzyMatcher::new(line.trim());
        let mut found: Vec<_> =
            candidates(app).filter_map(|candidate| Some((fuzzy.score(&candidate.label)?, candidate))).collect();
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        found.truncate(MAX_ITEMS);
        Self { candidates: found.into_iter().map(|(_, candidate)| candidate).collect(), selected: 0 }
    }

    /// Moves the selection, stopping at the ends.
    pub(crate) fn step(&mut self, by: isize) {
        self.selected = self.selected.saturating_add_signed(by).min(self.candidates.len().saturating_sub(1));
    }

    /// Returns the selected candidate.
    #[must_use]
    pub(crate) fn chosen(&self) -> Option<&PaletteItem> {
        self.candidates.get(self.selected)
    }
}

fn candidates(app: &App) -> impl Iterator<Item = PaletteItem> {
    let commands = app.keymap.bindings(app.explained()).filter(|bound| bound.binding.context != KeyContext::Prompt);
    let commands = commands.filter(|bound| bound.binding.action != Action::Command).map(|bound| PaletteItem {
        label: format!("{}: {}", bound.binding.command, bound.binding.help),
        note: bound.keys.iter().map(|key| key.label(false)).collect::<Vec<_>>().join(" "),
        target: PaletteTarget::Command(bound.binding.action),
    });
    let campaigns = app.campaigns.iter().map(|choice| PaletteItem {
        label: format!("campaign: {}", scry_text::line(&choice.name)),
        note: choice.role.to_lowercase(),
        target: PaletteTarget::Campaign(choice.id.clone()),
    });
    let kinds = EntityType::KNOWN.iter().filter(|kind| **kind != EntityType::Member);
    let entities = kinds.flat_map(|kind| app.cache.of_type(kind)).map(|entity| PaletteItem {
        label: entity.name.to_string(),
        note: entity.key.entity_type.to_string(),
        target: PaletteTarget::Entity(entity.key.clone()),
    });
    let other = app.options.profiles.iter().filter(|profile| **profile != app.options.profile);
    let profiles = other.map(|profile| PaletteItem {
        label: format!("profile: {profile}"),
        note: "another server".to_owned(),
        target: PaletteTarget::Profile(profile.clone()),
    });
    let themes = app.options.themes.iter().map(|theme| PaletteItem {
        label: format!("theme: {theme}"),
        note: "look".to_owned(),
        target: PaletteTarget::Theme(theme.clone()),
    });
    commands.chain(campaigns).chain(profiles).chain(themes).chain(entities)
}

impl App {
    /// Carries out what was chosen.
    pub(super) fn go_to_target(&mut self, target: PaletteTarget) -> Vec<AppEffect> {
        match target {
            PaletteTarget::Command(action) => self.perform(action),
            PaletteTarget::Campaign(id) if matches!(&self.stage, AppStage::Watching(now) if *now == id) => Vec::new(),
            PaletteTarget::Campaign(id) => self.switch_campaign(id),
            PaletteTarget::Theme(theme) => vec![AppEffect::UseTheme(theme)],
            PaletteTarget::Profile(profile) => vec![AppEffect::UseProfile(profile)],
            PaletteTarget::Entity(key) => {
                self.show_entity(&key);
                Vec::new()
            }
        }
    }
}
