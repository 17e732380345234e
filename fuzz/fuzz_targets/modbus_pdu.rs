//! Requests and answers: what decodes encodes to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_modbus::codec::{Request, Response};

fuzz_target!(|pdu: &[u8]| {
    let mut out = Vec::new();
    if let Ok(request) = Request::decode(pdu) {
        request.encode(&mut out);
        assert_eq!(out, pdu);
        assert!(request.answer_len() <= 253);
        let _ = request.to_string();
    }
    out.clear();
    if let Ok(response) = Response::decode(pdu) {
        response.encode(&mut out);
        assert_eq!(out, pdu);
        let _ = response.to_string();
    }
});
