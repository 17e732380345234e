//! EtherNet/IP: the driver of Logix controllers, the address lens and a controller simulator, on one sans-IO codec.
//!
//! - [`codec`]: encapsulation, CIP requests and answers, for both ends of the line.
//! - [`address`]: the grammar of addresses; an [`Item`] joins an address with a type.
//! - [`EnipKind`]: what the gateway registers; [`EnipDriver`] reads and writes over any connector.
//! - [`explain()`]: what an address means on the wire, and what a controller has there.
//! - [`upload`]: the tag list and the structures of a controller.
//! - [`pccc`]: the data tables of PLC-5, SLC 500 and MicroLogix: codec, driver, simulated memory.
//! - [`simulator`]: a controller made of memory, with every fault a line can have.

pub mod address;
pub mod codec;
pub mod pccc;
pub mod simulator;
pub mod upload;

mod decode;
mod driver;
mod encode;
mod exact;
mod explain;
mod item;

pub use driver::{EnipDriver, EnipKind, ListError};
pub use explain::{Explanation, Found, explain};
pub use item::{Form, Item};
