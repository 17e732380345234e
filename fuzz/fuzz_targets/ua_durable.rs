//! The file of a durable subscription without its checksum.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_ua_server::durable::Stored;

fuzz_target!(|data: &[u8]| {
    if let Ok(stored) = Stored::read(data) {
        // Every item takes bytes of its own.
        assert!(stored.id() > 0 && stored.n_items() <= data.len());
    }
});
