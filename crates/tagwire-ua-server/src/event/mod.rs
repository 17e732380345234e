//! Events: what happens, told to the clients that subscribed for it (Part 3, 4.7; Part 5, 6.4).
//!
//! - [`Events`]: where everything that happens is told; [`NewEvent`] says what.
//! - [`Event`], [`Field`]: an event as subscribers get it.
//! - [`Filter`]: which events an item wants, and which of their fields.
//! - `audit`: the events that security wants.

pub(crate) mod audit;
mod feed;
mod fields;
mod filter;
mod history_audit;
mod queue;
mod record;
pub(crate) mod stored;

pub use feed::Events;
pub(crate) use feed::Listening;
pub use fields::Field;
pub use filter::{Filter, FilterRefused};
pub(crate) use queue::{EventQueue, Fields, Scope};
pub use record::{Audience, Event, NewEvent, Source};
