//! A step in the life of a tag.

use crate::{Status, TagId, Timestamp, Value};

/// New state of one tag, as a link reports it to the live table.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Which tag.
    pub tag: TagId,
    /// The new value; `None` keeps the last one, as after a failure.
    pub value: Option<Value>,
    /// The new quality.
    pub status: Status,
    /// When the value was true at its source; for a failure the time it was noticed. [`Timestamp::NONE`] keeps the last
    /// one, as for a value that the source has not touched since.
    pub source_time: Timestamp,
    /// When the server learned it.
    pub server_time: Timestamp,
}
