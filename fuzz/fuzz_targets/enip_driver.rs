//! The whole driver against a device that answers whatever it likes: it never panics and never reads more than it asked.
#![no_main]

#[path = "common/driver.rs"]
mod driver;
#[path = "common/enip.rs"]
mod enip;

use libfuzzer_sys::fuzz_target;
use tagwire_driver::{Setting, Settings};
use tagwire_enip::EnipDriver;

fuzz_target!(|data: &[u8]| {
    let mut settings = Settings::new();
    settings.set("messaging", Setting::Text("unconnected".to_owned()));
    let link = driver::link("enip", settings, ["Level", "Motor.Label", "Flags[5]"]);
    driver::use_all(&mut EnipDriver::new(&link, driver::answering(enip::answers(data))).expect("a driver"));
});
