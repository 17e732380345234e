//! A connection without security: arbitrary bytes, cut in pieces, before and after the handshake.
#![no_main]

mod common;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use tagwire_model::Timestamp;
use tagwire_ua_proto::secure::{Event, OwnIdentity, SecurityPolicy, ServerChannel, ServerConfig};
use tagwire_ua_proto::services::MessageSecurityMode;

static IDENTITY: OnceLock<Arc<OwnIdentity>> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_first() else {
        return;
    };
    let identity = IDENTITY.get_or_init(common::identity);
    let security = (SecurityPolicy::NONE, MessageSecurityMode::NONE);
    let now = Instant::now();
    let mut server = if how & 1 == 0 {
        let config = ServerConfig::new(identity.clone(), vec![security], common::LIMITS);
        ServerChannel::new(Arc::new(config), 7, now)
    } else {
        common::connected(security, identity, identity, now).0
    };
    let piece = usize::from(how >> 1) + 1;
    let (mut buffer, mut out) = (Vec::new(), Vec::new());
    for part in data.chunks(piece) {
        buffer.extend_from_slice(part);
        loop {
            let Ok(received) = server.receive(&mut buffer, now, &mut out) else {
                return;
            };
            let consumed = received.consumed;
            assert!(server.unfinished_bytes() <= 2 << 20);
            match received.event {
                Some(Event::Open(_)) => {
                    server.accept_open(now, Timestamp::NONE, &mut out).expect("accepted");
                }
                Some(Event::Close) => return,
                _ => {}
            }
            if consumed == 0 {
                break;
            }
            buffer.drain(..consumed);
        }
        assert!(buffer.len() <= 16_384 + piece);
    }
});
