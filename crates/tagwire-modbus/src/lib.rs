//! Modbus.
pub mod address;
pub mod codec;
mod decode;
mod encode;
mod item;
mod order;
pub use item::*;
pub use order::*;
pub use encode::*;
