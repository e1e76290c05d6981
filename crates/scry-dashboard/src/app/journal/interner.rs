//! What rows have in common, each kept once.

use std::collections::HashSet;
use std::sync::Arc;

use crate::app::entry::SharedRowData;

/// How many may be held before those that no row needs any more are looked for.
const MIN_SWEEP_SIZE: usize = 1_024;

/// A table of the data that the journal's rows share.
#[derive(Debug, Default)]
pub(super) struct Interner {
    known: HashSet<Arc<SharedRowData>>,
    /// How many were left when they were last looked through.
    left: usize,
}

impl Interner {
    /// Puts what is known already in place of what says the same.
    pub(super) fn intern(&mut self, common: &mut Arc<SharedRowData>) {
        if let Some(known) = self.known.get(common) {
            *common = Arc::clone(known);
            return;
        }
        // Looking through them only when they have doubled costs each a constant, however many come and go.
        if self.known.len() >= MIN_SWEEP_SIZE.max(self.left * 2) {
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

    fn by(who: usize) -> Arc<SharedRowData> {
        Arc::new(SharedRowData { who: Some(Id::parse(&who.to_string()).unwrap()), ..SharedRowData::default() })
    }

    #[test]
    fn equal_values_are_shared_and_unused_ones_dropped() {
        let mut interner = Interner::default();
        let (mut first, mut second) = (by(0), by(0));
        interner.intern(&mut first);
        interner.intern(&mut second);
        assert!(Arc::ptr_eq(&first, &second));
        (1..10 * MIN_SWEEP_SIZE).for_each(|who| interner.intern(&mut by(who)));
        assert!(interner.known.len() <= MIN_SWEEP_SIZE + 1, "{}", interner.known.len());
        let mut third = by(0);
        interner.intern(&mut third);
        assert!(Arc::ptr_eq(&first, &third));
    }
}
