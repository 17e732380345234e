//! Signal generators as a driver: values without a device, and the model to copy for a new driver.
//!
//! - [`SimKind`]: what the gateway sees, with all checks of the configuration.
//! - `driver`: the polled driver that the supervisor asks.
//! - `signal`: the addresses, such as `sine(period=10s, low=0, high=100)`, and the values they stand for.

mod driver;
mod signal;

use tagwire_driver::{AddressError, BuildError, Driver, DriverKind, LinkSpec, PolledDriver, Settings, TagSpec};
use tagwire_model::ValueType;

use driver::SimDriver;
use signal::Signal;

/// The driver kind `sim`.
#[derive(Clone, Copy, Debug)]
pub struct SimKind;

impl DriverKind for SimKind {
    fn names(&self) -> &'static [&'static str] {
        &["sim"]
    }

    fn check_link(&self, _kind: &str, address: &str, _settings: &Settings) -> Result<(), BuildError> {
        if address.is_empty() {
            return Ok(());
        }
        let problem = format!("a sim link leads nowhere, not to \"{address}\"");
        Err(BuildError { key: "address", problem, fix: "leave the address out".to_owned() })
    }

    fn check_tag(&self, _device: &Settings, tag: &TagSpec) -> Result<(), AddressError> {
        Signal::of(tag).map(|_| ())
    }

    fn default_type(&self, address: &str) -> Option<ValueType> {
        signal::default_type(address).map(ValueType::scalar)
    }

    fn build(&self, link: &LinkSpec) -> Result<Driver, BuildError> {
        let mut driver = SimDriver::new();
        for (index, device) in link.devices.iter().enumerate() {
            driver.set_device(index, device).map_err(|AddressError { problem, fix }| BuildError {
                key: "device",
                problem: format!("device {}: {problem}", device.name),
                fix,
            })?;
        }
        Ok(Driver::Polled(Box::new(driver)))
    }
}
