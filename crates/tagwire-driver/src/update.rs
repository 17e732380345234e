//! What a link delivers to the live table, and what it may ask of it.

use std::time::Duration;

use tagwire_model::{Status, TagId, Timestamp, Value};

/// New state of one tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Which tag.
    pub tag: TagId,
    /// The new value; `None` keeps the last one, as after a failure.
    pub value: Option<Value>,
    /// The new quality.
    pub status: Status,
    /// When the value was true at its source; for a failure the time it was noticed.
    pub source_time: Timestamp,
    /// When the supervisor learned it.
    pub server_time: Timestamp,
}

/// Where a supervisor delivers; the gateway ties it to the hub. No method blocks.
pub trait Sink: Send + Sync {
    /// Takes over all updates and leaves `batch` empty with its capacity kept.
    fn apply(&self, batch: &mut Vec<Update>);

    /// The fastest interval at which any client wants this tag; `None` when nobody does.
    fn demand(&self, tag: TagId) -> Option<Duration>;

    /// Grows whenever any answer of [`Sink::demand`] may have changed.
    fn demand_version(&self) -> u64;
}
