//! What a link delivers to the live table, and what it may ask of it.

use std::time::Duration;

use tagwire_model::TagId;
pub use tagwire_model::Update;

/// Where a supervisor delivers; the gateway ties it to the hub. No method blocks.
pub trait Sink: Send + Sync {
    /// Takes over all updates and leaves `batch` empty with its capacity kept.
    fn apply(&self, batch: &mut Vec<Update>);

    /// The fastest interval at which any client wants this tag; `None` when nobody does.
    fn demand(&self, tag: TagId) -> Option<Duration>;

    /// Grows whenever any answer of [`Sink::demand`] may have changed.
    fn demand_version(&self) -> u64;

    /// What people call this tag, for the log.
    fn tag_name(&self, tag: TagId) -> String {
        format!("number {}", tag.0)
    }
}
