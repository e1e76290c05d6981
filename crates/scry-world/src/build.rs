//! From a file as written to a world without loose ends.

use std::collections::BTreeSet;

use scry_calendar::{self as calendar, Calendar, WorldTime, WorldTimeError};
use scry_protocol::Role;
use scry_query::formula::RuleSet;
use scry_text::input;
use scry_text::toml_file::SpannedError;
use toml::Spanned;

use super::derive::{self, StatedBySlug, StatedValues};
use super::effect;
use super::model::{Campaign, Encounter, Kingdom, Location, Member, Settlement, Structure, User, World};
use super::raw;
use super::rules;
use super::sheet::SheetDraft;

/// Builds and checks a world.
pub(super) fn world(file: raw::File) -> Result<World, SpannedError> {
    let mut names = BTreeSet::new();
    for user in &file.users {
        unique(&mut names, &user.name, "users")?;
    }
    let rule_set = rules::build(file.rules, &file.schemas)?;
    let mut slugs = BTreeSet::new();
    let mut campaigns = Vec::new();
    for campaign in file.campaigns {
        unique(&mut slugs, &campaign.slug, "campaigns")?;
        campaigns.push(self::campaign(campaign, &names, &file.schemas, &rule_set)?);
    }
    let user = |user: raw::User| User { name: user.name.into_inner(), password: user.password, service: user.service };
    Ok(World { users: file.users.into_iter().map(user).collect(), campaigns })
}

fn campaign(
    raw: raw::Campaign,
    users: &BTreeSet<String>,
    schemas: &raw::Schemas,
    rule_set: &RuleSet,
) -> Result<Campaign, SpannedError> {
    let mut campaign = Campaign {
        calendar: calendar(&raw.calendar)?,
        world_time: world_time(&raw.world_time)?,
        name: name(&raw.slug, "campaign", &raw.name)?,
        slug: raw.slug.into_inner(),
        description: raw.description,
        members: members(raw.members, users)?,
        kingdoms: Vec::new(),
        settlements: Vec::new(),
        structures: Vec::new(),
        locations: Vec::new(),
        encounters: Vec::new(),
        rules: rule_set.rules().map(|(rule, ..)| rule.clone()).collect(),
        effects: Vec::new(),
    };
    let mut slugs = BTreeSet::new();
    for kingdom in raw.kingdoms {
        let slug = unique(&mut slugs, &kingdom.slug, "kingdom")?;
        campaign.kingdoms.push(Kingdom {
            slug,
            name: name(&kingdom.slug, "kingdom", &kingdom.name)?,
            description: kingdom.description,
        });
    }
    let kingdoms = slugs.clone();
    let mut given = StatedBySlug::new();
    for settlement in raw.settlements {
        campaign.settlements.push(self::settlement(settlement, &mut slugs, &kingdoms, schemas, &mut given)?);
    }
    let settlements: BTreeSet<String> = campaign.settlements.iter().map(|it| it.slug.clone()).collect();
    for structure in raw.structures {
        campaign.structures.push(self::structure(structure, &mut slugs, &settlements, schemas, &mut given)?);
    }
    derive::fill(&mut campaign, &given, rule_set)?;
    for location in raw.locations {
        campaign.locations.push(self::location(location, &mut slugs, &kingdoms, &settlements)?);
    }
    let locations: BTreeSet<String> = campaign.locations.iter().map(|it| it.slug.clone()).collect();
    for encounter in raw.encounters {
        campaign.encounters.push(self::encounter(encounter, &mut slugs, &locations)?);
    }
    for effect in raw.effects {
        unique(&mut slugs, &effect.slug, "effect")?;
        let effect = effect::build(effect, &campaign)?;
        campaign.effects.push(effect);
    }
    Ok(campaign)
}

fn settlement(
    raw: raw::Settlement,
    slugs: &mut BTreeSet<String>,
    kingdoms: &BTreeSet<String>,
    schemas: &raw::Schemas,
    given: &mut StatedBySlug,
) -> Result<Settlement, SpannedError> {
    let slug = unique(slugs, &raw.slug, "settlement")?;
    let kingdom = existing(kingdoms, &raw.kingdom, &format!("settlement {slug}, kingdom"))?;
    let draft = SheetDraft {
        place: format!("settlement {slug}"),
        at: raw.slug.span().start,
        sorts: &["settlement"],
        variables: raw.variables,
        schemas: raw.schemas,
    };
    given.insert(slug.clone(), StatedValues::new(&draft, raw.computed, raw.conditions));
    let sheet = draft.build(schemas)?;
    let level = level(raw.level, &raw.slug, "settlement")?;
    let name = name(&raw.slug, "settlement", &raw.name)?;
    Ok(Settlement { slug, kingdom, name, description: raw.description, level, sheet })
}

fn structure(
    raw: raw::Structure,
    slugs: &mut BTreeSet<String>,
    settlements: &BTreeSet<String>,
    schemas: &raw::Schemas,
    given: &mut StatedBySlug,
) -> Result<Structure, SpannedError> {
    let slug = unique(slugs, &raw.slug, "structure")?;
    let settlement = existing(settlements, &raw.settlement, &format!("structure {slug}, settlement"))?;
    let draft = SheetDraft {
        place: format!("structure {slug}"),
        at: raw.slug.span().start,
        sorts: &["structure", &raw.kind],
        variables: raw.variables,
        schemas: raw.schemas,
    };
    given.insert(slug.clone(), StatedValues::new(&draft, raw.computed, raw.conditions));
    let sheet = draft.build(schemas)?;
    let level = level(raw.level, &raw.slug, "structure")?;
    let name = name(&raw.slug, "structure", &raw.name)?;
    Ok(Structure { slug, settlement, kind: raw.kind, name, description: raw.description, level, sheet })
}

fn location(
    raw: raw::Location,
    slugs: &mut BTreeSet<String>,
    kingdoms: &BTreeSet<String>,
    settlements: &BTreeSet<String>,
) -> Result<Location, SpannedError> {
    let slug = unique(slugs, &raw.slug, "location")?;
    let parent = |known, parent: Option<Spanned<String>>, key: &str| {
        parent.map(|name| existing(known, &name, &format!("location {slug}, {key}"))).transpose()
    };
    Ok(Location {
        kingdom: parent(kingdoms, raw.kingdom, "kingdom")?,
        settlement: parent(settlements, raw.settlement, "settlement")?,
        slug,
        kind: raw.kind,
        name: name(&raw.slug, "location", &raw.name)?,
        description: raw.description,
    })
}

fn encounter(
    raw: raw::Encounter,
    slugs: &mut BTreeSet<String>,
    locations: &BTreeSet<String>,
) -> Result<Encounter, SpannedError> {
    let slug = unique(slugs, &raw.slug, "encounter")?;
    let place = format!("encounter {slug}, location");
    let location = raw.location.map(|name| existing(locations, &name, &place)).transpose()?;
    let name = name(&raw.slug, "encounter", &raw.name)?;
    Ok(Encounter { slug, location, name, description: raw.description, status: raw.status })
}

fn members(raw: Vec<raw::Member>, users: &BTreeSet<String>) -> Result<Vec<Member>, SpannedError> {
    let member = |raw: raw::Member| {
        let user = existing(users, &raw.user, "members, user")?;
        let role: Role =
            raw.role.get_ref().parse().map_err(|error| error_at(&raw.role, "members, role", format!("{error}")))?;
        Ok(Member { user, role })
    };
    raw.into_iter().map(member).collect()
}

fn calendar(name: &Spanned<String>) -> Result<Calendar, SpannedError> {
    let bundled = calendar::BUNDLED.iter().find(|(known, _)| known == name.get_ref());
    let Some((_, toml)) = bundled else {
        let known = calendar::BUNDLED.map(|(known, _)| known).join(", ");
        return Err(error_at(
            name,
            "campaign, calendar",
            format!("{:?} is unknown; known are {known}", name.get_ref()),
        ));
    };
    Calendar::from_toml(toml).map_err(|error| error_at(name, "campaign, calendar", error.to_string()))
}

/// Reads a time and writes it as the wire has it.
pub(super) fn world_time(time: &Spanned<String>) -> Result<String, SpannedError> {
    let instant: Result<WorldTime, WorldTimeError> = time.get_ref().parse();
    instant.map(|instant| instant.to_string()).map_err(|error| error_at(time, "world time", error.to_string()))
}

fn level(level: i64, slug: &Spanned<String>, table: &str) -> Result<i64, SpannedError> {
    if (0..=20).contains(&level) {
        return Ok(level);
    }
    Err(error_at(
        slug,
        &format!("{table} {}, level", slug.get_ref()),
        format!("must lie between 0 and 20, not {level}"),
    ))
}

fn name(slug: &Spanned<String>, table: &str, text: &str) -> Result<String, SpannedError> {
    let place = || format!("{table} {}, name", slug.get_ref());
    input::name(text).map_err(|problem| error_at(slug, &place(), problem.to_string()))
}

fn unique(seen: &mut BTreeSet<String>, name: &Spanned<String>, table: &str) -> Result<String, SpannedError> {
    let text = name.get_ref();
    let sayable = !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !sayable || text.len() > input::MAX_USERNAME_CHARS {
        let most = input::MAX_USERNAME_CHARS;
        return Err(error_at(
            name,
            table,
            format!("{text:?} must be made of a–z, 0–9 and hyphens, at most {most} of them"),
        ));
    }
    if !seen.insert(text.clone()) {
        return Err(error_at(name, table, format!("{text:?} is used twice")));
    }
    Ok(text.clone())
}

fn existing(known: &BTreeSet<String>, name: &Spanned<String>, place: &str) -> Result<String, SpannedError> {
    if known.contains(name.get_ref()) {
        return Ok(name.get_ref().clone());
    }
    let known = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    Err(error_at(name, place, format!("{:?} does not exist; there are {known}", name.get_ref())))
}

/// Builds a fault at a value of the file.
pub(super) fn error_at<T>(at: &Spanned<T>, place: &str, text: impl Into<String>) -> SpannedError {
    SpannedError { at: at.span().start, place: place.to_owned(), text: text.into() }
}
