//! Addresses of Logix tags: nothing panics, and what parses comes back from its own text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_enip::address::Address;
use tagwire_enip::codec::path;
use tagwire_enip::explain;

fuzz_target!(|text: &str| {
    let Ok(address) = Address::parse(text) else { return };
    assert_eq!(Address::parse(&address.to_string()).as_ref(), Ok(&address));
    let mut out = Vec::new();
    address.encode(&mut out);
    assert!(path::segments(&out).all(|segment| segment.is_ok()));
    let _ = explain(text, None).map(|explanation| explanation.to_string());
    let _ = path::parse_route(text);
});
