//! Addresses of nodes and methods: any text is taken or refused, and what is taken is printed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_upstream::Address;

fuzz_target!(|text: &str| {
    if let Ok(address) = Address::parse(text) {
        let printed = address.to_string();
        assert!(!printed.is_empty());
        let namespaces = ["ua".to_owned(), "urn:a".to_owned()];
        let _ = address.resolve(&namespaces, &namespaces);
        let _ = Address::parse(&printed);
    }
});
