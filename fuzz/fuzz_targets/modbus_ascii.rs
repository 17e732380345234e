//! The frame reader of both roles on a stream cut into pieces; the first byte sets their size.
#![no_main]

#[path = "common/modbus.rs"]
mod modbus;

use libfuzzer_sys::fuzz_target;
use tagwire_modbus::codec::Framing;

fuzz_target!(|data: &[u8]| {
    modbus::read(Framing::Ascii, data, |encoded, raw| {
        // A line may end without a carriage return, and its digits may be small.
        encoded.starts_with(&raw.to_ascii_uppercase()[..encoded.len() - 2])
    });
});
