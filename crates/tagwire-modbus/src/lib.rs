//! Modbus over TCP, RTU and ASCII: the driver, the address lens and a device simulator, all on one sans-IO codec.
//!
//! - [`codec`]: requests, answers and framings, for both ends of the line.
//! - [`address`]: the grammar of addresses; an [`Item`] joins an address with a type and an [`Order`].
//! - [`ModbusKind`]: what the gateway registers; [`ModbusDriver`] reads and writes over any [`tagwire_driver::Connector`].
//! - [`explain`]: what an address means on the wire, and what bytes found there may mean.
//! - [`simulator`]: devices made of memory, with every fault a line can have.

pub mod address;
pub mod codec;
pub mod simulator;

mod decode;
mod driver;
mod encode;
mod explain;
mod item;
mod order;

pub use driver::{ModbusDriver, ModbusKind};
pub use encode::Mask;
pub use explain::{Decoding, Explanation, Unit, decodings, explain};
pub use item::{Encoding, Item, Storage};
pub use order::Order;
