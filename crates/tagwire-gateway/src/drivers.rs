//! The drivers that this program has: one line each.

use tagwire_driver::DriverKind;

/// Every kind of driver.
pub const DRIVERS: &[&'static dyn DriverKind] = &[
    &tagwire_modbus::ModbusKind,
    &tagwire_enip::EnipKind,
    &tagwire_enip::pccc::PcccKind,
    &tagwire_s7::S7Kind,
    &tagwire_sim::SimKind,
];
