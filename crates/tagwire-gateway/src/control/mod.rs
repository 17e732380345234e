//! The control socket: commands to a running server, one JSON object per line each way.

mod client;
mod place;
mod protocol;
mod server;
mod value;

pub use client::{ControlClient, ControlError};
pub use protocol::{Answer, MAX_LINE, ProcessedAs, Request};
pub use server::{Control, listen, serve};
pub use value::value_json;
