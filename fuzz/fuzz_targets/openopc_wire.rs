//! Messages of Pyro4 and Pyro5, and the literals in them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_openopc::wire::Decoder;
use tagwire_openopc::{Literal, parse};

fuzz_target!(|data: &[u8]| {
    if let Ok(literal) = parse(data) {
        let again = parse(&literal.to_payload()).expect("what is written is read");
        assert!(same(&again, &literal));
    }
    let mut decoder = Decoder::default();
    decoder.push(data);
    while let Ok(Some(message)) = decoder.next_message() {
        let mut echo = Decoder::default();
        echo.push(&message.encode());
        assert_eq!(echo.next_message(), Ok(Some(message)));
    }
});

/// Equal, where not-a-number is equal to itself.
fn same(a: &Literal, b: &Literal) -> bool {
    format!("{a:?}") == format!("{b:?}")
}
