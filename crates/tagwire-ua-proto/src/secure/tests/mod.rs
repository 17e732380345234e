//! Server and client channel against each other.

pub(crate) mod pair;

mod curves;
mod hostile;
mod session;
mod tokens;

use super::*;
use crate::services::MessageSecurityMode;
use crate::transport::{ChunkKind, Fault, FrameHeader, Limits, MessageKind};
use pair::{Pair, SECURITY, Seen, client_identity, long_identity, server_identity};

#[test]
fn requests_and_responses_arrive_whole_under_every_policy() {
    for security in SECURITY {
        let mut pair = Pair::connect(security);
        assert_eq!(pair.server.security(), Some(security));
        assert_eq!(pair.server.certificate().is_some(), !security.0.is_none());
        // Lengths around the block size, and messages of many chunks.
        for len in (0..70).chain([65_000, 65_536, 200_000]) {
            let body: Vec<u8> = (0..len).map(|idx| idx as u8).collect();
            let (request_id, bytes) = pair.request(&body);
            let (seen, _) = pair.server_takes(bytes).expect("request");
            assert_eq!(seen, [Seen::Message(request_id, body.clone())], "{security:?} {len}");
            let response = pair.response(request_id, &body);
            assert_eq!(pair.client_takes(response), Ok(vec![(request_id, body)]), "{security:?} {len}");
        }
        assert_eq!(pair.server.unfinished_bytes(), 0);
    }
}

#[test]
fn keys_beyond_2048_bits_work_on_either_side() {
    for policy in [SecurityPolicy::BASIC256_SHA256, SecurityPolicy::AES256_SHA256_RSA_PSS] {
        let security = (policy, MessageSecurityMode::SIGN_AND_ENCRYPT);
        for (server, client) in [(long_identity(), client_identity()), (server_identity(), long_identity())] {
            let mut pair = Pair::connect_with(security, &server, &client, Limits::default());
            let (request_id, bytes) = pair.request(b"body");
            assert_eq!(pair.server_takes(bytes).expect("request").0, [Seen::Message(request_id, b"body".to_vec())]);
        }
    }
}

#[test]
fn a_message_may_arrive_byte_by_byte() {
    let mut pair = Pair::connect(SECURITY[2]);
    let (request_id, bytes) = pair.request(b"body");
    for len in 0..bytes.len() {
        assert_eq!(pair.server_takes(bytes[..len].to_vec()).expect("part").0, []);
    }
    assert_eq!(pair.server_takes(bytes).expect("whole").0, [Seen::Message(request_id, b"body".to_vec())]);
}

#[test]
fn a_single_chunk_is_read_where_it_lies() {
    let mut pair = Pair::connect(SECURITY[0]);
    let (_, mut bytes) = pair.request(b"body");
    let range = bytes.as_ptr_range();
    let received = pair.server.receive(&mut bytes, pair.now, &mut Vec::new()).expect("request");
    let Some(Event::Message { body: crate::transport::Body::Borrowed(body), .. }) = received.event else {
        panic!("not borrowed");
    };
    assert!(range.contains(&body.as_ptr()));
}

#[test]
fn chunks_fit_the_buffer_of_the_peer_and_leave_no_room_unused() {
    let limits = Limits { receive_buffer: 8192, ..Limits::default() };
    for security in SECURITY {
        let (server, client) = pair::parties(security.0);
        let mut pair = Pair::connect_with(security, &server, &client, limits);
        let (_, bytes) = pair.request(&[7; 40_000]);
        let mut at = 0;
        let mut sizes = Vec::new();
        while at < bytes.len() {
            let header = FrameHeader::parse(*bytes[at..].first_chunk().expect("header"), 8192).expect("chunk");
            assert_eq!(header.kind, MessageKind::Message);
            at += header.len;
            assert_eq!(header.chunk == ChunkKind::Final, at == bytes.len());
            sizes.push(header.len);
        }
        assert_eq!(sizes.len(), 5);
        assert!(sizes[..4].iter().all(|size| *size > 8192 - 17), "{sizes:?}");
        assert_eq!(pair.server_takes(bytes).expect("request").0.len(), 1);
    }
}

#[test]
fn a_message_beyond_the_limits_of_the_peer_is_taken_back() {
    let limits = Limits { max_message: 10_000, max_chunks: 1, ..Limits::default() };
    let mut pair = Pair::connect_with(SECURITY[2], &server_identity(), &client_identity(), limits);
    for len in [10_001, 70_000] {
        let mut out = b"before".to_vec();
        let start = ClientChannel::begin_message(&mut out);
        out.resize(out.len() + len, 0);
        assert_eq!(pair.client.finish_message(1, start, &mut out), Ok(Err(MessageTooLarge)));
        assert_eq!(out, b"before");
    }
    let (request_id, bytes) = pair.request(&[0; 10_000]);
    assert_eq!(pair.server_takes(bytes).expect("fits").0, [Seen::Message(request_id, vec![0; 10_000])]);
}

#[test]
fn an_abort_is_protected_like_a_message() {
    for security in SECURITY {
        let mut pair = Pair::connect(security);
        let mut out = Vec::new();
        pair.client.abort(9, tagwire_model::Status::BAD_TIMEOUT, &mut out).expect("abort");
        assert_eq!(pair.server_takes(out).expect("abort").0, [Seen::Aborted(9)]);
        let (request_id, bytes) = pair.request(b"alive");
        assert_eq!(pair.server_takes(bytes).expect("request").0, [Seen::Message(request_id, b"alive".to_vec())]);
    }
}

#[test]
fn a_close_ends_the_channel() {
    for security in SECURITY {
        let mut pair = Pair::connect(security);
        let mut out = Vec::new();
        pair.client.close(pair::UTC, &mut out).expect("close");
        assert_eq!(pair.server_takes(out).expect("close").0, [Seen::Close]);
        assert_eq!(pair.server_takes(Vec::new()).err(), Some(Fault::OutOfTurn.into()));
        assert_eq!(pair.server.deadline(), None);
    }
}

#[test]
fn the_certificate_says_who_the_client_is() {
    let pair = Pair::connect(SECURITY[2]);
    let certificate = pair.server.certificate().expect("certificate");
    assert_eq!(certificate.application_uris(), ["urn:test:client"]);
    assert_eq!(certificate.key_bits(), 2048);
    assert_eq!(certificate.thumbprint(), client_identity().certificate().thumbprint());
}

#[test]
fn a_key_of_another_certificate_is_no_identity() {
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).expect("key");
    let chain = server_identity().certificate().chain().clone();
    assert_eq!(OwnIdentity::new(&chain, key.serialized_der()).err(), Some(IdentityError::Mismatch));
    assert_eq!(OwnIdentity::new(&chain, b"no key").err(), Some(IdentityError::Key));
}
