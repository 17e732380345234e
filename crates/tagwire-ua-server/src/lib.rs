//! The OPC UA face: sessions, subscriptions, one file per service set, the address space over the hub.
//!
//! - [`Server`]: what all connections share; [`Listener`] accepts them.
//! - [`address_space`]: namespace 0 and the hub's folders and tags as nodes.
//! - [`event`]: what happens, told to the clients that subscribed for it.
//! - [`durable`]: subscriptions that survive the end of the server.
//! - [`node_set`]: models of others, read from NodeSet2 files.
//! - [`limits`]: every limit, published and enforced from the same constant.

pub mod address_space;
mod aggregates;
mod configuration;
mod connection;
mod counters;
mod diagnostics;
pub mod durable;
mod endpoints;
pub mod event;
#[cfg(test)]
mod fixture;
mod history;
pub mod limits;
mod listener;
mod log;
mod monotonic;
pub mod node_set;
mod ownership;
mod quota;
mod reverse;
mod rights;
mod roles;
mod server;
pub mod services;
mod session;
mod shutdown;
#[cfg(test)]
mod soak;
mod status;
mod subscription;
mod variables;
mod zones;

pub use configuration::{OwnSlot, merge_trust_list};
pub use endpoints::PRODUCT_URI;
pub use history::{EventJournal, HistorySource, Kept, SOURCE_NUMBERS};
pub use listener::Listener;
pub use quota::Usage;
pub use server::{Server, ServerConfig, ServerParts, WallClock};
