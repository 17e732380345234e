//! Durable subscriptions: their items and what waits in their queues survive the end of the server (Part 4, 6.8;
//! Part 5, 9.3).
//!
//! - [`DurableStore`]: who keeps their bytes; the server itself touches no file.
//! - [`Stored`]: those bytes, read with every bound checked (docs/formats/durable.md).
//! - `side`: what a durable subscription has beside an ordinary one.
//! - `server`: which ones there are, when they are kept, and how they come back.

mod format;
mod server;
mod side;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use format::Stored;
pub(crate) use format::{StoredEvent, StoredItem, StoredQueue, VOLATILE, list, write_item, write_subscription};
pub(crate) use server::Durables;
pub use server::RestoreError;
pub(crate) use side::{Kept, Side, cycles};

/// Keeps the bytes of durable subscriptions for the server's next start.
pub trait DurableStore: Send + Sync {
    /// Keeps these bytes of a subscription instead of those before. It must not wait for a disk.
    fn keep(&self, id: u32, bytes: Vec<u8>);

    /// Forgets a subscription. It must not wait for a disk.
    fn forget(&self, id: u32);
}

/// Whether clients can have durable subscriptions, and how much of them is kept.
#[derive(Clone)]
pub struct DurableSettings {
    /// Who keeps them; `None` when there are none.
    pub store: Option<Arc<dyn DurableStore>>,
    /// Longest time in hours that one lives without its client; 0 when there are none.
    pub max_hours: u32,
    /// Bytes of all of them; one may take a quarter.
    pub max_bytes: usize,
}

impl DurableSettings {
    /// Clients cannot have any.
    pub const OFF: Self = Self { store: None, max_hours: 0, max_bytes: 0 };
}
