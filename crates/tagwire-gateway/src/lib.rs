//! The only crate that sees both drivers and faces: it reads the configuration and ties everything together.
//!
//! - [`config`]: `tagwire.toml` and tag lists, checked in one pass; reference page and JSON schema.
//! - [`drivers`]: the kinds of driver that there are.
//! - [`Gateway`]: a running server; [`Changes`] is what a reload makes of it.
//! - [`control`]: commands to a running server through the socket in its [`data_dir`].
//! - [`http`]: the page for Prometheus.
//! - [`logging`]: the log.
//! - [`audit`]: the audit log.
//! - [`trust`], [`users`]: trust lists and users, while no server runs.

pub mod audit;
mod changes;
mod commands;
pub mod config;
pub mod control;
pub mod data_dir;
mod derived;
pub mod drivers;
mod durable;
mod dynamic;
mod events;
mod expiry;
mod gateway;
mod history;
mod history_commands;
mod history_processed;
mod history_views;
pub mod http;
pub mod logging;
mod metrics;
mod openopc;
mod plant;
mod register;
pub mod renewal;
mod running;
mod service_level;
mod sink;
mod source_history;
mod system;
mod tree;
pub mod trust;
mod ua;
pub mod users;

pub use changes::{Action, Changes, DeviceChange, LinkChange};
pub use derived::Measure;
pub use gateway::{Gateway, ReloadError, StartError};
pub use history::HistoryStartError;
pub use history_views::{clear_views, view_of_command};
pub use plant::PlantError;
pub use tagwire_ua_server::limits::MAX_CONNECTIONS;
