//! Modbus.
pub mod address;
pub mod codec;
mod decode;
mod driver;
mod encode;
mod item;
mod order;
pub use driver::{Connector, ModbusDriver, ModbusKind, Stream};
pub use item::*;
pub use order::*;
pub use encode::*;
mod explain;
pub use explain::*;
