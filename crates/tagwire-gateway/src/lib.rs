//! The only crate that sees both drivers and faces: it reads the configuration and ties everything together.
//!
//! - [`config`]: `tagwire.toml` and tag lists, checked in one pass.

mod changes;
pub mod config;
pub mod control;
pub mod data_dir;
pub mod drivers;
pub mod http;
mod plant;
mod running;
mod sink;
mod tree;
pub mod users;

pub use changes::{Action, Changes, DeviceChange, LinkChange};
