//! The whole driver against a device that answers whatever it likes: it never panics and never reads more than it asked.
#![no_main]

#[path = "common/driver.rs"]
mod driver;
#[path = "common/enip.rs"]
mod enip;

use libfuzzer_sys::fuzz_target;
use tagwire_driver::Settings;
use tagwire_enip::pccc::PcccDriver;

fuzz_target!(|data: &[u8]| {
    let link = driver::link("pccc", Settings::new(), ["F8:1", "ST9:0", "B3/17"]);
    driver::use_all(&mut PcccDriver::new(&link, driver::answering(enip::answers(data))).expect("a driver"));
});
