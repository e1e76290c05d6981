//! Edits that wait for the server, in the order in which they were made.
//!
//! | module | contents |
//! |---|---|
//! | `edit` | a change that a person made |
//! | `outcome` | what became of it |
//! | `entry` | an edit as it is stored, and how later edits build on earlier ones |
//! | `queue` | the edits of a campaign, as their outcomes tell it |

mod edit;
mod entry;
mod outcome;
mod queue;

pub use self::edit::{Edit, EditChange};
pub use self::entry::OutboxEntry;
pub use self::outcome::{EditOutcome, EditRefusal, EditState};
pub use self::queue::{Outbox, OutboxItem};
