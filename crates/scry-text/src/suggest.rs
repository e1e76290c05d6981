//! Guesses what a misspelt word was meant to be (pure).

/// Returns the candidate nearest to `word`, if one is near enough to be meant.
///
/// Near are two edits (insert, remove, change, swap neighbours) in a word of six letters or more, one in
/// a shorter one; case does not count.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = if word.chars().count() >= 6 { 2 } else { 1 };
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typo_suggests_the_intended_word() {
        let known = ["settlementId", "structureId", "operation"];
        assert_eq!(nearest("setlementId", known), Some("settlementId"));
        assert_eq!(nearest("opertaion", known), Some("operation"));
        assert_eq!(nearest("SettlementID", known), Some("settlementId"));
    }

    #[test]
    fn unrelated_word_has_no_suggestion() {
        assert_eq!(nearest("population", ["operation"]), None);
        assert_eq!(nearest("ab", ["cd"]), None);
        assert_eq!(nearest("", ["id"]), None);
    }
}
