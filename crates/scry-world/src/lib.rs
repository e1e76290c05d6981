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
mod sheet;

pub use model::{
    Campaign, Effect, Encounter, EncounterStatus, Kingdom, Location, Member, Settlement, Sheet, StoredDefinition,
    Structure, User, When, World,
};
pub use scry_protocol::variable::{VariableKind, VariableSchema};

use scry_text::toml_file::{self, TomlFileError};

/// The world that comes with the program.
pub const EMBERFALL: &str = include_str!("../../../assets/worlds/emberfall.toml");

/// What is wrong with a world file, and where.
pub type WorldError = TomlFileError;

impl World {
    /// Reads and checks a world file.
    ///
    /// # Errors
    /// The first fault found.
    pub fn parse(toml: &str) -> Result<Self, WorldError> {
        toml_file::read(toml, "world file", build::world)
    }

    /// Returns the world that comes with the program.
    #[must_use]
    pub fn bundled() -> Self {
        #[expect(clippy::expect_used, reason = "a file of the program itself, read by a test")]
        Self::parse(EMBERFALL).expect("the bundled world is sound")
    }
}

#[cfg(test)]
mod tests;
