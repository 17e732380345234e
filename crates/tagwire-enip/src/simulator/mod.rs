//! A Logix controller made of memory: tags of all types, structures, programs, the tag list and the templates, and
//! every fault that a line or a controller can have. The server role of the same codec that the driver speaks.

mod config;
mod controller;
mod fault;
mod layout;
mod list;
mod program;
mod serve;
mod session;

pub use config::{MemberConfig, SignalConfig, SimulatorConfig, StructureConfig, TagConfig, ValueConfig};
pub use fault::Fault;
pub use layout::SimulatorError;
pub use serve::Simulator;
pub use tagwire_driver::simulation::{Plain, Shape, SimulatorListener};
