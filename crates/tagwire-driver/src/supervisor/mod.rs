//! The link supervisor: one task per link that reads, writes, retries, stamps quality and counts for every protocol.
//!
//! [`supervise`] starts the task of a link and returns a [`LinkHandle`] to it.
//! The task owns the driver and sends one request at a time: writes first, then explicit reads, then the poll whose
//! interval ends first. Devices that do not answer are tried at a back-off, between the polls of their neighbours.

mod backoff;
mod bisect;
mod clock;
mod core;
mod device;
mod handle;
mod health;
mod inbox;
mod learned;
mod line;
mod paths;
mod polled;
mod publish;
mod pushed;
mod read;
mod round;
mod schedule;
mod simulated;
mod standby;
mod statistics;
mod system;
mod tags;
mod task;
mod tickets;
mod watchdog;
mod write;
mod write_queue;

pub use clock::Clock;
pub use handle::{LinkHandle, MAX_QUEUED_ITEMS, ReloadError};
pub use simulated::initial_value;
pub use statistics::{DeviceState, DeviceStatistics, LinkStatistics, Statistics};
pub use system::{DEVICE_ITEMS, DeviceItem, LINK_ITEMS, LinkItem, SystemTag, SystemTags};
pub use task::{LinkSetup, LinkSource, Options, supervise};
pub use watchdog::Watchdog;
