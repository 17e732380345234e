//! History of values as clients see it (OPC UA Part 11 and Part 13).
//!
//! - [`HistorySource`]: the historian, and how the history of each tag is to be understood.
//! - [`Points`]: continuation points of a session.
//! - [`EventJournal`]: events on their way to the historian.
//! - [`Page`]: the result for one node, written in place.
//! - One file per kind of read and of update.

mod annotation;
mod at_time;
mod event;
mod event_delete;
mod journal;
mod modified;
mod page;
mod points;
mod processed;
mod raw;
mod reading;
mod source;
mod update;

use tagwire_history::HistoryError;
use tagwire_model::{Status, Timestamp};

pub(crate) use event_delete::delete_events;
pub use journal::EventJournal;
pub(crate) use points::{Point, Points};
pub(crate) use reading::{Details, Job, Of, Reading, Subject, write_failed};
pub use source::{HistorySource, Kept, SOURCE_NUMBERS};
pub(crate) use update::{Done, Update, check_count, parse as parse_update};

/// What a client is told when the files cannot be read or written.
pub(crate) fn history_status(error: &HistoryError) -> Status {
    tracing::error!(%error, "history cannot be used");
    Status::BAD_RESOURCE_UNAVAILABLE
}

/// A time that a client left out.
pub(crate) fn given(time: Timestamp) -> Option<Timestamp> {
    (time.ticks() > 0).then_some(time)
}
