//! Siemens S7 over ISO-on-TCP: the driver, the address lens and a CPU simulator, all on one sans-IO codec.
//!
//! - [`codec`]: frames, jobs and answers, for both ends of the line.
//! - [`address`]: the grammar of addresses; an [`Item`] joins an address with a type, a [`Form`] is how it lies there.
//! - [`S7Kind`]: what the gateway registers; [`S7Driver`] reads and writes over any [`tagwire_driver::Connector`].
//! - [`explain`]: what an address means, and what bytes found there may mean.
//! - [`simulator`]: a CPU made of memory, with its limits and with every fault a line can have.

pub mod address;
pub mod codec;
pub mod simulator;

mod clock;
mod decode;
mod driver;
mod encode;
mod explain;
mod form;
mod item;

pub use driver::{S7Driver, S7Kind};
pub use explain::{Decoding, Explanation, decodings, explain};
pub use form::Form;
pub use item::Item;
