//! A connection without security: arbitrary bytes, cut in pieces, before and after the handshake.
#![no_main]

#[path = "common/channels.rs"]
mod common;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use tagwire_model::Timestamp;
use tagwire_ua_proto::secure::{Event, OwnIdentities, OwnIdentity, SecurityPolicy, ServerChannel, ServerConfig};
use tagwire_ua_proto::services::MessageSecurityMode;

static IDENTITY: OnceLock<Arc<OwnIdentity>> = OnceLock::new();

/// Cuts `data` into chunks of the open channel, each with the right ids and the next sequence number, so that what
/// lies behind these checks is reached.
fn framed(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = data;
    let mut sequence_number = 2_u32;
    while let Some((&[how, len], behind)) = rest.split_first_chunk() {
        let (content, behind) = behind.split_at(usize::from(len).min(behind.len()));
        rest = behind;
        let code = match how % 8 {
            0..3 => b"MSGC",
            3..6 => b"MSGF",
            6 => b"MSGA",
            _ => b"CLOF",
        };
        out.extend_from_slice(code);
        let len = 24 + content.len() as u32;
        for number in [len, 7, 1, sequence_number, u32::from(how >> 6)] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(content);
        sequence_number += 1;
    }
    out
}

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_first() else {
        return;
    };
    let identity = IDENTITY.get_or_init(common::identity);
    let security = (SecurityPolicy::NONE, MessageSecurityMode::NONE);
    let now = Instant::now();
    let mut server = if how & 1 == 0 {
        let config = ServerConfig::new(OwnIdentities::from_iter([identity.clone()]), vec![security], common::LIMITS);
        ServerChannel::new(Arc::new(config), 7, now)
    } else {
        common::connected(security, identity, identity, now).0
    };
    let piece = usize::from(how >> 2) * 16 + 1;
    let framed = (how & 3 == 3).then(|| framed(data));
    let data = framed.as_deref().unwrap_or(data);
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
