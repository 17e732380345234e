//! An S7 CPU made of memory: data blocks and areas from a configuration, values that move by themselves, refusals of
//! single items, limits of messages and jobs, and every fault that a line can have. The server role of the same codec
//! that the driver speaks.

mod config;
mod cpu;
mod fault;
mod serve;

pub use config::{BlockConfig, RefuseConfig, SignalConfig, SimulatorConfig, ValueConfig};
pub use cpu::SimulatorError;
pub use fault::Fault;
pub use serve::Simulator;
pub use tagwire_driver::simulation::{On, Plain, Shape, SimulatorListener};
