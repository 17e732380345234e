//! Jobs and answers: what decodes can be walked through, and a CPU in memory answers every job with an answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_s7::codec::{Answer, AnswerBody, Request, RequestBody, WriteItem, encode_read, encode_write};

fuzz_target!(|pdu: &[u8]| {
    if let Ok(request) = Request::decode(pdu) {
        let _ = request.to_string();
        match request.body {
            RequestBody::Read(pointers) => {
                let plain: Vec<_> = pointers.iter().flatten().collect();
                if plain.len() == pointers.len() {
                    let mut out = Vec::new();
                    encode_read(request.reference, plain.iter().copied(), &mut out);
                    assert_eq!(Request::decode(&out).map(|again| again.body), Ok(request.body));
                }
            }
            RequestBody::Write(pointers, data) => {
                assert_eq!(data.iter().count(), pointers.len());
                let plain: Vec<_> = pointers.iter().flatten().collect();
                let items: Vec<_> = plain.iter().zip(data.iter()).map(|(pointer, data)| WriteItem { pointer: *pointer, data }).collect();
                let mut out = Vec::new();
                encode_write(request.reference, &items, &mut out);
                assert!(items.is_empty() || Request::decode(&out).is_ok());
            }
            RequestBody::Setup(_) | RequestBody::Other(_) => {}
        }
    }
    if let Ok(answer) = Answer::decode(pdu) {
        let _ = answer.to_string();
        if let AnswerBody::Read(items) = answer.body {
            assert_eq!(items.iter().count(), items.len());
        }
    }
});
