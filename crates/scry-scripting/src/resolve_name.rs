//! Finds what a person named, by id or by name (pure).

use scry_protocol::Id;
use scry_text as text;

/// A thing that a user can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedCandidate {
    /// The candidate's id.
    pub id: Id,
    /// The candidate's name.
    pub name: String,
    /// Where it stands, to tell namesakes apart; empty for a campaign.
    pub place: String,
}

/// The reason why a name stands for nothing; each sentence names the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveNameError {
    /// No candidate has this id or name.
    #[error("no {kind} “{wanted}” that you may view; {known}")]
    Unknown {
        /// What was looked for, for example `settlement`.
        kind: &'static str,
        /// The id or name as it was given, made safe for display.
        wanted: String,
        /// The names that exist, for a sentence.
        known: String,
    },
    /// Several candidates have this name.
    #[error("{kind} “{wanted}” is not unique; use one of the ids {ids}")]
    Ambiguous {
        /// What was looked for, for example `settlement`.
        kind: &'static str,
        /// The name as it was given, made safe for display.
        wanted: String,
        /// The ids of the candidates, with the place of each.
        ids: String,
    },
}

/// How many names an error lists before it says that there are more.
const MAX_LISTED_NAMES: usize = 8;

/// Picks the candidate with this id, or else the only one with this name in any case.
///
/// # Errors
/// [`ResolveNameError`] when none fits, or several do.
pub fn resolve_name<'a>(
    kind: &'static str,
    wanted: &str,
    candidates: &'a [NamedCandidate],
) -> Result<&'a NamedCandidate, ResolveNameError> {
    if let Some(found) = candidates.iter().find(|candidate| candidate.id.as_str() == wanted) {
        return Ok(found);
    }
    let folded = wanted.to_lowercase();
    let named = |matches: &dyn Fn(&str) -> bool| -> Vec<&'a NamedCandidate> {
        candidates.iter().filter(|candidate| matches(&candidate.name)).collect()
    };
    let mut namesakes = named(&|name| name.to_lowercase() == folded);
    if namesakes.is_empty() {
        // As a person sees the name: without what is invisible in it.
        namesakes = named(&|name| text::line(name).to_lowercase() == folded);
    }
    match namesakes.as_slice() {
        [one] => Ok(one),
        [] => Err(ResolveNameError::Unknown {
            kind,
            wanted: text::line(wanted).into_owned(),
            known: known(kind, candidates),
        }),
        several => {
            Err(ResolveNameError::Ambiguous { kind, wanted: text::line(wanted).into_owned(), ids: ids(several) })
        }
    }
}

fn known(kind: &str, candidates: &[NamedCandidate]) -> String {
    if candidates.is_empty() {
        return format!("there is no {kind} that you may view");
    }
    let mut names: Vec<_> =
        candidates.iter().map(|candidate| text::line(&candidate.name)).take(MAX_LISTED_NAMES).collect();
    if candidates.len() > MAX_LISTED_NAMES {
        names.push("…".into());
    }
    format!("there is {}", names.join(", "))
}

fn ids(candidates: &[&NamedCandidate]) -> String {
    let describe = |candidate: &&NamedCandidate| match candidate.place.as_str() {
        "" => candidate.id.to_string(),
        place => format!("{} (in {})", candidate.id, text::line(place)),
    };
    candidates.iter().map(describe).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> Vec<NamedCandidate> {
        [("a", "Emberfall", ""), ("b", "Saltmarch", ""), ("c", "Tower", "Harrow's Rest"), ("d", "Tower", "Saltwick")]
            .map(|(id, name, place)| NamedCandidate {
                id: Id::parse(id).unwrap(),
                name: name.to_owned(),
                place: place.to_owned(),
            })
            .to_vec()
    }

    #[test]
    fn an_id_or_a_name_in_any_case_picks_one() {
        let all = candidates();
        assert_eq!(resolve_name("campaign", "b", &all).unwrap().name, "Saltmarch");
        assert_eq!(resolve_name("campaign", "emberFALL", &all).unwrap().id.as_str(), "a");
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = resolve_name("campaign", "Emberfal\u{1b}", &candidates()[..2]).unwrap_err();
        assert_eq!(error.to_string(), "no campaign “Emberfal�” that you may view; there is Emberfall, Saltmarch");
        let error = resolve_name("campaign", "x", &[]).unwrap_err();
        assert_eq!(error.to_string(), "no campaign “x” that you may view; there is no campaign that you may view");
    }

    #[test]
    fn name_with_control_characters_is_listed_and_resolved_as_displayed() {
        let name = "Salt\u{202e}\u{200b}wick\nscry: all is well";
        let hostile = [NamedCandidate { id: Id::parse("h").unwrap(), name: name.to_owned(), place: String::new() }];
        let error = resolve_name("campaign", "x", &hostile).unwrap_err();
        assert_eq!(error.to_string(), "no campaign “x” that you may view; there is Saltwick scry: all is well");
        for wanted in [name, "saltwick scry: all is well"] {
            assert_eq!(resolve_name("campaign", wanted, &hostile).unwrap().id.as_str(), "h", "{wanted:?}");
        }
    }

    #[test]
    fn equal_names_are_distinguished_by_their_parent() {
        let error = resolve_name("structure", "tower", &candidates()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "structure “tower” is not unique; use one of the ids c (in Harrow's Rest), d (in Saltwick)"
        );
    }
}
