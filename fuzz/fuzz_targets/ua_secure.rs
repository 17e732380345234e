//! A connection with security: no change to an OpenSecureChannel request or to a message may get through, and the
//! untouched message must.
#![no_main]

#[path = "common/channels.rs"]
mod common;

use std::cell::RefCell;
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use tagwire_ua_proto::secure::{ClientChannel, Event, SecurityPolicy, ServerChannel};
use tagwire_ua_proto::services::MessageSecurityMode;
use tagwire_ua_proto::transport::FrameHeader;

struct Bench {
    now: Instant,
    /// Before the request to open, and that request.
    opening: (ServerChannel, Vec<u8>),
    /// Signed, and signed and encrypted; with RSA, and with keys on a curve.
    open: [(ServerChannel, ClientChannel); 4],
}

thread_local! {
    static BENCH: RefCell<Bench> = RefCell::new(bench());
}

fn bench() -> Bench {
    let now = Instant::now();
    let (server, client) = (common::identity(), common::identity());
    let policy = SecurityPolicy::BASIC256_SHA256;
    let (opening_server, _, request) =
        common::opening((policy, MessageSecurityMode::SIGN_AND_ENCRYPT), &server, &client, now);
    let (curve_server, curve_client) = (common::curve_identity(), common::curve_identity());
    let curve = SecurityPolicy::ECC_NIST_P256_AES_GCM;
    let modes = [MessageSecurityMode::SIGN, MessageSecurityMode::SIGN_AND_ENCRYPT];
    let open = [
        common::connected((policy, modes[0]), &server, &client, now),
        common::connected((policy, modes[1]), &server, &client, now),
        common::connected((curve, modes[0]), &curve_server, &curve_client, now),
        common::connected((curve, modes[1]), &curve_server, &curve_client, now),
    ];
    Bench { now, opening: (opening_server, request), open }
}

/// Applies triples of place, place and mask, then perhaps another length.
fn mutate(original: &[u8], changes: &[u8], new_len: Option<usize>) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for change in changes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len();
        bytes[at] ^= change[2];
    }
    if let Some(len) = new_len.filter(|len| *len >= 8) {
        bytes.resize(len, 0);
        FrameHeader::close(0, &mut bytes);
    }
    bytes
}

fuzz_target!(|data: &[u8]| {
    let Some((&[how, len_low, len_high], changes)) = data.split_first_chunk() else {
        return;
    };
    let new_len = (how & 0x20 != 0).then(|| usize::from(u16::from_le_bytes([len_low, len_high])) % 2048);
    BENCH.with_borrow_mut(|bench| {
        let now = bench.now;
        // A private key operation takes a millisecond, so these come up less often.
        if how & 0x1F == 0x1F {
            let (server, request) = &mut bench.opening;
            let mut bytes = mutate(request, changes, new_len);
            if bytes != *request {
                if let Ok(received) = server.receive(&mut bytes, now, &mut Vec::new()) {
                    assert!(received.event.is_none(), "a changed request got through");
                }
            }
            return;
        }
        let (server, client) = &mut bench.open[usize::from(how & 3)];
        let mut original = Vec::new();
        let start = ClientChannel::begin_message(&mut original);
        original.extend_from_slice(changes);
        client.finish_message(1, start, &mut original).expect("open").expect("fits");
        let mut bytes = mutate(&original, changes, new_len);
        if bytes != original {
            if let Ok(received) = server.receive(&mut bytes, now, &mut Vec::new()) {
                assert!(received.event.is_none(), "a changed message got through");
                assert_eq!(server.unfinished_bytes(), 0);
            }
        }
        let received = server.receive(&mut original, now, &mut Vec::new()).expect("the untouched message");
        let Some(Event::Message { body, .. }) = received.event else {
            panic!("no message");
        };
        assert_eq!(*body, *changes);
    });
});
