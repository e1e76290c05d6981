//! The palette: commands, campaigns and entities by a few letters of their name.

use scry_protocol::{EntityRef, EntityType, Id};

use super::command::{Action, Context};
use super::fuzzy::Fuzzy;
use super::{App, Effect, Stage};

/// How many candidates are kept; nobody reads more.
const MOST: usize = 50;

/// Holds what fits the line typed so far, the best first.
#[derive(Debug, Clone, Default)]
pub struct Palette {
    pub candidates: Vec<Candidate>,
    pub selected: usize,
}

/// Describes one thing to choose.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub label: String,
    /// What it is, or the keys that do the same.
    pub note: String,
    pub target: Target,
}

/// Names what choosing leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Command(Action),
    Campaign(Id),
    Entity(EntityRef),
    Theme(String),
    Profile(String),
}

impl Palette {
    /// Looks for what fits a line.
    #[must_use]
    pub fn new(app: &App, line: &str) -> Self {
        let fuzzy = Fuzzy::new(line.trim());
        let mut found: Vec<_> =
            candidates(app).filter_map(|candidate| Some((fuzzy.score(&candidate.label)?, candidate))).collect();
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        found.truncate(MOST);
        Self { candidates: found.into_iter().map(|(_, candidate)| candidate).collect(), selected: 0 }
    }

    /// Moves the selection, stopping at the ends.
    pub fn step(&mut self, by: isize) {
        self.selected = self.selected.saturating_add_signed(by).min(self.candidates.len().saturating_sub(1));
    }

    /// Returns the selected candidate.
    #[must_use]
    pub fn chosen(&self) -> Option<&Candidate> {
        self.candidates.get(self.selected)
    }
}

fn candidates(app: &App) -> impl Iterator<Item = Candidate> {
    let commands = app.keymap.bindings(app.explained()).filter(|bound| bound.binding.context != Context::Prompt);
    let commands = commands.filter(|bound| bound.binding.action != Action::Command).map(|bound| Candidate {
        label: format!("{}: {}", bound.binding.command, bound.binding.help),
        note: bound.keys.iter().map(|key| key.label(false)).collect::<Vec<_>>().join(" "),
        target: Target::Command(bound.binding.action),
    });
    let campaigns = app.campaigns.iter().map(|choice| Candidate {
        label: format!("campaign: {}", scry_text::line(&choice.name)),
        note: choice.role.to_lowercase(),
        target: Target::Campaign(choice.id.clone()),
    });
    let kinds = EntityType::KNOWN.iter().filter(|kind| **kind != EntityType::Member);
    let entities = kinds.flat_map(|kind| app.cache.of_type(kind)).map(|entity| Candidate {
        label: entity.name.to_string(),
        note: entity.key.entity_type.to_string(),
        target: Target::Entity(entity.key.clone()),
    });
    let other = app.options.profiles.iter().filter(|profile| **profile != app.options.profile);
    let profiles = other.map(|profile| Candidate {
        label: format!("profile: {profile}"),
        note: "another server".to_owned(),
        target: Target::Profile(profile.clone()),
    });
    let themes = app.options.themes.iter().map(|theme| Candidate {
        label: format!("theme: {theme}"),
        note: "look".to_owned(),
        target: Target::Theme(theme.clone()),
    });
    commands.chain(campaigns).chain(profiles).chain(themes).chain(entities)
}

impl App {
    /// Carries out what was chosen.
    pub(super) fn go_to_target(&mut self, target: Target) -> Vec<Effect> {
        match target {
            Target::Command(action) => self.perform(action),
            Target::Campaign(id) if matches!(&self.stage, Stage::Watching(now) if *now == id) => Vec::new(),
            Target::Campaign(id) => self.switch_campaign(id),
            Target::Theme(theme) => vec![Effect::UseTheme(theme)],
            Target::Profile(profile) => vec![Effect::UseProfile(profile)],
            Target::Entity(key) => {
                self.show_entity(&key);
                Vec::new()
            }
        }
    }
}
