//! The OpenOPC gateway face (TCP 7766).
//!
//! - [`Literal`]: payloads, which are literals of Python, read without evaluating anything.
//! - [`wire`]: messages of Pyro4 and Pyro5, bytes in and bytes out.
//! - [`Face`], [`Settings`]: the objects that clients call, over the live tag table.
//! - [`ItemIds`]: what single tags are called here other than by their paths.
//! - [`serve`]: the sockets.
//!
//! The protocol has no user and no protection: who connects may do what the roles in [`Settings`] may.

mod ask;
mod conversation;
mod face;
mod health;
mod item_ids;
mod items;
mod list;
mod literal;
mod parse;
mod properties;
mod read;
mod server;
mod status;
mod value;
pub mod wire;
mod write;

pub use conversation::Conversation;
pub use face::{Face, Rights, Settings};
pub use item_ids::ItemIds;
pub use literal::Literal;
pub use parse::{LiteralError, parse};
pub use server::serve;
