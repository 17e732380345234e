//! The drivers that this program has: one line each.

use tagwire_driver::DriverKind;

/// Every kind of driver.
pub const DRIVERS: &[&'static dyn DriverKind] = &[&tagwire_modbus::ModbusKind, &tagwire_enip::EnipKind, &tagwire_sim::SimKind];
