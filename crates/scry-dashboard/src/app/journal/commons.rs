//! What rows have in common, each kept once.

use std::collections::HashSet;
use std::sync::Arc;

use crate::app::entry::Common;

/// How many may be held before those that no row needs any more are looked for.
const FEW: usize = 1_024;

/// Holds what the journal's rows have in common.
#[derive(Debug, Default)]
pub(super) struct Commons {
    known: HashSet<Arc<Common>>,
    /// How many were left when they were last looked through.
    left: usize,
}

impl Commons {
    /// Puts what is known already in place of what says the same.
    pub(super) fn share(&mut self, common: &mut Arc<Common>) {
        if let Some(known) = self.known.get(common) {
            *common = Arc::clone(known);
            return;
        }
        // Looking through them only when they have doubled costs each a constant, however many come and go.
        if self.known.len() >= FEW.max(self.left * 2) {
            self.known.retain(|common| Arc::strong_count(common) > 1);
            self.left = self.known.len();
        }
        self.known.insert(Arc::clone(common));
    }
}

#[cfg(test)]
mod tests {
    use scry_protocol::Id;

    use super::*;

    fn by(who: usize) -> Arc<Common> {
        Arc::new(Common { who: Some(Id::parse(&who.to_string()).unwrap()), ..Common::default() })
    }

    #[test]
    fn what_is_the_same_is_one_and_what_nobody_needs_goes() {
        let mut commons = Commons::default();
        let (mut first, mut second) = (by(0), by(0));
        commons.share(&mut first);
        commons.share(&mut second);
        assert!(Arc::ptr_eq(&first, &second));
        (1..10 * FEW).for_each(|who| commons.share(&mut by(who)));
        assert!(commons.known.len() <= FEW + 1, "{}", commons.known.len());
        let mut third = by(0);
        commons.share(&mut third);
        assert!(Arc::ptr_eq(&first, &third));
    }
}
