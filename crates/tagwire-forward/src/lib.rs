//! Store-and-forward: the samples of the historian, continuously, in PostgreSQL, and history served from there.
//!
//! - [`Forwarder`] is the task that sends: it follows the write-ahead log with a cursor that stands in the database itself
//!   and moves in the same transaction as the samples, so that an outage on either side loses and doubles nothing.
//! - [`Settings`] says where to; [`Progress`] tells how far it has come.
//! - [`Shared`] reads history back, for servers that share one.
//! - [`compare`] tells what differs between the store and the database.
//!
//! The tables are described in `docs/history-postgres.md`.

mod backoff;
mod cell;
mod compare;
mod connect;
mod error;
mod feed;
mod forwarder;
mod lag;
mod rows;
mod schema;
mod send;
mod serve;
mod settings;
mod tls;

pub use compare::{Compared, Difference, Side, compare};
pub use error::ForwardError;
pub use forwarder::{Forwarder, Progress};
pub use schema::SCHEMA_VERSION;
pub use serve::Shared;
pub use settings::{Password, Settings, Tls, UrlError};
