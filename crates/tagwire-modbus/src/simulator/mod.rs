//! A Modbus device made of memory: register maps from a configuration, values that move by themselves, and every fault
//! that a line or a device can have. The server role of the same codec that the driver speaks.

mod bank;
mod config;
mod fault;
mod serve;
mod signal;
mod unit;

pub use config::{RefuseConfig, SignalConfig, SimulatorConfig, UnitConfig, ValueConfig};
pub use fault::Fault;
pub use serve::{Received, Simulator, SimulatorError};
pub use tagwire_driver::simulation::{On, Plain, Shape, SimulatorListener};
