//! The whole driver against a CPU that answers whatever it likes: it never panics and never reads more than it asked.
#![no_main]

#[path = "common/driver.rs"]
mod driver;

use libfuzzer_sys::fuzz_target;
use tagwire_driver::Settings;
use tagwire_s7::S7Driver;
use tagwire_s7::codec::{Connect, Setup, Tsap, encode_data, encode_setup_answer};

fuzz_target!(|data: &[u8]| {
    let Some((&is_connected, rest)) = data.split_first() else { return };
    let mut answers = Vec::new();
    if is_connected & 1 == 1 {
        let selectors = Connect { destination: 1, source: 1, size: Some(10), calling: Tsap(0x100), called: Tsap(0x201) };
        selectors.encode_confirm(&mut answers);
        let setup = Setup { n_calling: 4, n_called: 4, pdu_len: 240 };
        encode_data(1024, &mut answers, |out| encode_setup_answer(1, &setup, out));
    }
    answers.extend_from_slice(rest);
    let link = driver::link("s7", Settings::new(), ["DB1,REAL0", "DB2,STRING10.20", "M0.1"]);
    driver::use_all(&mut S7Driver::new(&link, driver::answering(answers)).expect("a driver"));
});
