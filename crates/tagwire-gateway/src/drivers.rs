//! The drivers that this program has: one line each.

use tagwire_driver::{BuildError, Driver, DriverKind, LinkSpec};
use tagwire_ua_client::Identity;
use tagwire_upstream::OpcUaKind;

/// Every kind of driver.
pub const DRIVERS: &[&'static dyn DriverKind] = &[
    &tagwire_modbus::ModbusKind,
    &tagwire_enip::EnipKind,
    &tagwire_enip::pccc::PcccKind,
    &tagwire_s7::S7Kind,
    &tagwire_sim::SimKind,
    &OpcUaKind,
];

/// Builds the driver of a link; one whose protocol has certificates gets those of this server.
pub(crate) fn build(kind: &dyn DriverKind, link: &LinkSpec, identity: Option<&Identity>) -> Result<Driver, BuildError> {
    if kind.names().contains(&OpcUaKind::NAME) {
        return OpcUaKind.driver(link, identity.cloned()).map(|driver| Driver::Pushed(Box::new(driver)));
    }
    kind.build(link)
}
