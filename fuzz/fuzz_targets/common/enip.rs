//! Answers of EtherNet/IP.

use tagwire_enip::codec::cpf::encode_unconnected;
use tagwire_enip::codec::frame::{REGISTER_DATA, command, encode_frame};

/// What the device sends: frames around pieces of the input, or the input as it is; the first byte tells which.
pub fn answers(data: &[u8]) -> Vec<u8> {
    match data.split_first() {
        Some((kind, rest)) if kind % 2 == 0 => frames(rest),
        Some((_, rest)) => rest.to_vec(),
        None => Vec::new(),
    }
}

/// Frames around the answers, so that the driver looks at what is inside: sessions, then whatever the input says.
fn frames(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_frame(&mut out, command::REGISTER_SESSION, 1, 0, 1_u64.to_le_bytes(), |out| {
        out.extend_from_slice(&REGISTER_DATA);
    });
    for (request, message) in (2_u64..).zip(data.split(|byte| *byte == 0xEE)) {
        encode_frame(&mut out, command::SEND_RR_DATA, 1, 0, request.to_le_bytes(), |out| {
            encode_unconnected(out, |out| out.extend_from_slice(message));
        });
    }
    out
}
