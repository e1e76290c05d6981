//! The file that describes a world: users, campaigns and everything in them.
//!
//! [`World::parse`] reads TOML and checks it as a whole: names are unique, parents exist, every variable
//! fits its schema, every effect has a target, and every value that a rule gives is worked out. An error
//! names the line, the table and the key. What comes out has no loose ends: schemas, values, formulas and
//! reasons stand with each entity, as they are stored.

mod build;
mod derive;
mod effect;
mod model;
mod raw;
mod rules;
mod schema;
mod sheet;

pub use model::{
    Campaign, Definition, Effect, Encounter, EncounterStatus, Kingdom, Location, Member, Settlement, Sheet, Structure,
    User, When, World,
};
pub use schema::{VariableKind, VariableSchema};

/// The world that comes with the program.
pub const EMBERFALL: &str = include_str!("../../assets/worlds/emberfall.toml");

/// Says what is wrong with a world file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {place}: {fault}")]
pub struct WorldError {
    /// Counted from 1.
    pub line: usize,
    /// The table and the key, such as `settlement harrows-rest, variables.population`.
    pub place: String,
    pub fault: String,
}

impl World {
    /// Reads and checks a world file.
    ///
    /// # Errors
    /// The first fault found.
    pub fn parse(toml: &str) -> Result<Self, WorldError> {
        let file = toml::from_str(toml).map_err(|error| WorldError {
            line: line_of(toml, error.span().map_or(0, |span| span.start)),
            place: "world file".to_owned(),
            fault: error.message().to_owned(),
        })?;
        build::world(file).map_err(|fault| WorldError {
            line: line_of(toml, fault.at),
            place: fault.place,
            fault: fault.text,
        })
    }

    /// Returns the world that comes with the program.
    #[must_use]
    pub fn bundled() -> Self {
        #[expect(clippy::expect_used, reason = "a file of the program itself, read by a test")]
        Self::parse(EMBERFALL).expect("the bundled world is sound")
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests;
