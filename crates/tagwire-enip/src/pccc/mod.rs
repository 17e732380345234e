//! The data tables of PLC-5, SLC 500 and MicroLogix processors, by PCCC inside EtherNet/IP (1770-6.5.16).
//!
//! - [`command`]: commands and replies inside the service Execute PCCC, for both ends.
//! - [`Address`]: `N7:0`, `B3:1/2`, `T4:0.ACC`; an [`Item`] joins it with a type, a [`FileType`] says what it holds.
//! - [`PcccKind`]: what the gateway registers; [`PcccDriver`] reads and writes over any [`tagwire_driver::Connector`].
//! - [`explain`]: the address lens.
//! - [`DataTables`]: the memory of a simulated processor.

mod address;
pub mod command;
mod driver;
mod explain;
mod file;
mod item;
mod tables;

pub use address::{Address, Dialect, Member};
pub use driver::{PcccDriver, PcccKind};
pub use explain::{Explanation, explain};
pub use file::FileType;
pub use item::{Form, Item};
pub use tables::{DataConfig, DataSignalConfig, DataTables, FileConfig, RefuseDataConfig, TablesError};
