//! The simulated devices of a scene.

use std::io;

use serde::de::DeserializeOwned;
use tagwire_driver::simulation::SimulatorListener;
use tagwire_enip::simulator as enip;
use tagwire_modbus::simulator as modbus;
use tagwire_s7::simulator as s7;

/// The simulators there are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Family {
    Modbus,
    EtherNetIp,
    S7,
}

/// A simulated device.
#[derive(Debug)]
pub(super) struct Device {
    /// Name of the link that polls it.
    pub(super) name: &'static str,
    pub(super) family: Family,
    /// What it consists of, as a TOML file says it.
    pub(super) map: &'static str,
}

impl Device {
    /// Lets the device answer at an address, until the listener is dropped.
    pub(super) async fn spawn(&self, addr: &str) -> io::Result<SimulatorListener> {
        Ok(match self.family {
            Family::Modbus => modbus::Simulator::spawn(&config(self.map)?, addr).await?.1,
            Family::EtherNetIp => enip::Simulator::spawn(&config(self.map)?, addr).await?.1,
            Family::S7 => s7::Simulator::spawn(&config(self.map)?, addr).await?.1,
        })
    }
}

fn config<C: DeserializeOwned>(map: &str) -> io::Result<C> {
    toml::from_str(map).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
