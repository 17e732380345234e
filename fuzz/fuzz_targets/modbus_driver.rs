//! The whole driver against a device that answers whatever it likes: it never panics and never reads more than it asked.
#![no_main]

#[path = "common/driver.rs"]
mod driver;

use libfuzzer_sys::fuzz_target;
use tagwire_driver::Settings;
use tagwire_modbus::ModbusDriver;

fuzz_target!(|data: &[u8]| {
    let Some((&kind, answers)) = data.split_first() else { return };
    let kind = ["modbus-tcp", "modbus-rtu", "modbus-ascii", "modbus-rtu-over-tcp"][usize::from(kind % 4)];
    let link = driver::link(kind, Settings::new(), ["40001", "40010.4H", "00001"]);
    driver::use_all(&mut ModbusDriver::new(&link, driver::answering(answers.to_vec())).expect("a driver"));
});
