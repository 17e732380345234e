//! What a peer must not get away with.

use std::time::Duration;

use super::pair::{Pair, SECURITY, Seen, client_identity, server_identity};
use crate::codec::{Encode, write_str};
use crate::secure::{SecurityPolicy, SymmetricSuite};
use crate::services::MessageSecurityMode;
use crate::status;
use crate::transport::{ChunkKind, Fault, FrameHeader, Limits, MessageKind, TransportError};

fn fault<T>(result: Result<T, TransportError>) -> Fault {
    result.err().expect("refused").fault()
}

/// A chunk in Galois/counter mode is sealed for its place in the sequence.
fn out_of_sequence(policy: &SecurityPolicy) -> Fault {
    if matches!(policy.symmetric, Some(SymmetricSuite::AesGcm { .. })) { Fault::NotAuthentic } else { Fault::Sequence }
}

#[test]
fn a_replayed_message_closes_the_channel_without_saying_why() {
    for security in SECURITY {
        let mut pair = Pair::connect(security);
        let (_, bytes) = pair.request(b"body");
        pair.server_takes(bytes.clone()).expect("first");
        let error = pair.server_takes(bytes).expect_err("replayed");
        assert_eq!(error.fault(), out_of_sequence(security.0));
        assert_eq!(error.status(), status::BAD_SECURITY_CHECKS_FAILED);
    }
}

#[test]
fn a_gap_in_the_sequence_closes_the_channel() {
    for security in SECURITY {
        let mut pair = Pair::connect(security);
        pair.request(b"lost");
        let (_, bytes) = pair.request(b"body");
        assert_eq!(fault(pair.server_takes(bytes)), out_of_sequence(security.0));
    }
}

#[test]
fn every_tampered_byte_of_a_message_looks_the_same_to_the_peer() {
    for security in &SECURITY[1..] {
        let mut pair = Pair::connect(*security);
        let (request_id, bytes) = pair.request(b"some body of a request");
        for at in 8..bytes.len() {
            for bit in [0x01, 0x80] {
                let mut tampered = bytes.clone();
                tampered[at] ^= bit;
                let error = pair.server_takes(tampered).expect_err("tampered");
                match at {
                    8..12 => assert_eq!(error.fault(), Fault::ChannelId),
                    12..16 => assert_eq!(error.fault(), Fault::Token),
                    _ => {
                        assert_eq!(error.fault(), Fault::NotAuthentic, "{security:?} byte {at}");
                        assert_eq!(error.status(), status::BAD_SECURITY_CHECKS_FAILED);
                    }
                }
            }
        }
        // A cut message is not authentic either, however its size was adjusted.
        for len in 16..bytes.len() {
            let mut cut = bytes[..len].to_vec();
            FrameHeader::close(0, &mut cut);
            assert_eq!(fault(pair.server_takes(cut)), Fault::NotAuthentic, "{security:?} length {len}");
        }
        let (seen, _) = pair.server_takes(bytes).expect("the real one");
        assert_eq!(seen, [Seen::Message(request_id, b"some body of a request".to_vec())]);
    }
}

#[test]
fn tampered_open_requests_are_refused() {
    for policy in [SecurityPolicy::BASIC256_SHA256, SecurityPolicy::AES256_SHA256_RSA_PSS] {
        let security = (policy, MessageSecurityMode::SIGN_AND_ENCRYPT);
        let (mut pair, hello) = Pair::unconnected(security, &server_identity(), &client_identity(), Limits::default());
        let (_, answer) = pair.server_takes(hello).expect("hello");
        pair.client_takes(answer).expect("acknowledge");
        let bytes = pair.open_request();
        let uri_at = 16;
        let certificate_at = uri_at + policy.uri.len() + 4;
        let certificate_len = client_identity().certificate().leaf().len();
        let thumbprint_at = certificate_at + certificate_len + 4;
        let cipher_at = thumbprint_at + 20;
        let mut tamper = |at: usize| {
            let mut tampered = bytes.clone();
            tampered[at] ^= 1;
            fault(pair.server_takes(tampered))
        };
        assert_eq!(tamper(8), Fault::ChannelId);
        assert_eq!(tamper(uri_at + 5), Fault::Policy);
        assert_eq!(tamper(certificate_at + certificate_len - 1), Fault::NotAuthentic);
        assert_eq!(tamper(certificate_at), Fault::Certificate);
        assert_eq!(tamper(thumbprint_at), Fault::Thumbprint);
        for at in (cipher_at..bytes.len()).step_by(37) {
            assert_eq!(tamper(at), Fault::NotAuthentic, "byte {at}");
        }
        for fault in [Fault::Certificate, Fault::Thumbprint, Fault::NotAuthentic] {
            assert_eq!(TransportError(fault).status(), status::BAD_SECURITY_CHECKS_FAILED);
        }
        assert_eq!(pair.server_takes(bytes).expect("the real one").0, [Seen::Open { renew: false }]);
    }
}

#[test]
fn the_own_certificate_is_no_client() {
    let security = SECURITY[2];
    let (mut pair, hello) = Pair::unconnected(security, &server_identity(), &server_identity(), Limits::default());
    let (_, answer) = pair.server_takes(hello).expect("hello");
    pair.client_takes(answer).expect("acknowledge");
    let bytes = pair.open_request();
    assert_eq!(fault(pair.server_takes(bytes)), Fault::Certificate);
}

/// An OpenSecureChannel frame without security, so that every field can be chosen.
fn plain_open(policy_uri: &str, channel_id: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let start = FrameHeader::open(MessageKind::Open, ChunkKind::Final, &mut out);
    channel_id.encode(&mut out);
    write_str(policy_uri, &mut out);
    out.extend_from_slice(&[0xFF; 8]);
    1_u32.encode(&mut out);
    1_u32.encode(&mut out);
    out.extend_from_slice(body);
    FrameHeader::close(start, &mut out);
    out
}

fn after_hello() -> Pair {
    let (mut pair, hello) = Pair::unconnected(SECURITY[0], &server_identity(), &client_identity(), Limits::default());
    let (_, answer) = pair.server_takes(hello).expect("hello");
    pair.client_takes(answer).expect("acknowledge");
    pair
}

#[test]
fn policies_and_modes_that_are_not_offered_are_refused() {
    let unknown = "http://opcfoundation.org/UA/SecurityPolicy#Basic128Rsa15";
    let error = after_hello().server_takes(plain_open(unknown, 0, &[])).expect_err("unknown policy");
    assert_eq!(error.status(), status::BAD_SECURITY_POLICY_REJECTED);
    let mut pair = after_hello();
    pair.client.config.mode = MessageSecurityMode::SIGN;
    let bytes = pair.open_request();
    assert_eq!(pair.server_takes(bytes).expect_err("mode").status(), status::BAD_SECURITY_MODE_REJECTED);
    let error = after_hello().server_takes(plain_open(SecurityPolicy::BASIC256_SHA256.uri, 0, &[]));
    assert_eq!(fault(error), Fault::Thumbprint);
    assert!(matches!(
        fault(after_hello().server_takes(plain_open(SecurityPolicy::NONE.uri, 0, b"x"))),
        Fault::Decode(_)
    ));
    assert_eq!(fault(after_hello().server_takes(plain_open(SecurityPolicy::NONE.uri, 5, b"x"))), Fault::ChannelId);
}

#[test]
fn messages_out_of_turn_are_refused() {
    let unconnected = || Pair::unconnected(SECURITY[0], &server_identity(), &client_identity(), Limits::default());
    let (mut pair, hello) = unconnected();
    assert_eq!(fault(pair.server_takes(plain_open(SecurityPolicy::NONE.uri, 0, &[]))), Fault::OutOfTurn);
    let mut twice = hello.clone();
    twice.extend_from_slice(&hello);
    assert_eq!(fault(unconnected().0.server_takes(twice)), Fault::OutOfTurn);
    let message = [b"MSGF\x18\0\0\0", &[0; 16][..]].concat();
    assert_eq!(fault(after_hello().server_takes(message)), Fault::OutOfTurn);
    assert_eq!(fault(unconnected().0.server_takes(b"GET / HTTP/1.1\r\n".to_vec())), Fault::MessageType);
    assert_eq!(fault(Pair::connect(SECURITY[0]).server_takes(hello)), Fault::OutOfTurn);
}

#[test]
fn claimed_sizes_are_judged_by_the_header() {
    let limits = Limits { receive_buffer: 8192, ..Limits::default() };
    let mut pair = Pair::connect_with(SECURITY[0], &server_identity(), &client_identity(), limits);
    for (size, expected) in [
        (0, Fault::FrameTooShort),
        (7, Fault::FrameTooShort),
        (8193, Fault::FrameTooLarge),
        (u32::MAX, Fault::FrameTooLarge),
    ] {
        let mut bytes = b"MSGF".to_vec();
        size.encode(&mut bytes);
        let error = pair.server_takes(bytes).expect_err("size");
        assert_eq!((error.fault(), error.status()), (expected, status::BAD_TCP_MESSAGE_TOO_LARGE));
    }
    // Shorter than the header of a message, longer than that of a frame.
    for size in 8..24_u32 {
        let mut bytes = b"MSGF".to_vec();
        size.encode(&mut bytes);
        bytes.resize(size as usize, 0);
        assert!(pair.server_takes(bytes).is_err(), "{size}");
    }
}

#[test]
fn a_message_of_another_channel_is_refused() {
    for security in SECURITY {
        let mut pair = Pair::connect(security);
        let (_, mut bytes) = pair.request(b"body");
        bytes[8] ^= 1;
        let error = pair.server_takes(bytes).expect_err("other channel");
        assert_eq!(error.status(), status::BAD_TCP_SECURE_CHANNEL_UNKNOWN);
    }
}

/// A chunk of channel 77 without security.
fn chunk(kind: ChunkKind, request_id: u32, sequence_number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let start = FrameHeader::open(MessageKind::Message, kind, &mut bytes);
    for number in [77, 1, sequence_number, request_id] {
        number.encode(&mut bytes);
    }
    bytes.extend_from_slice(content);
    FrameHeader::close(start, &mut bytes);
    bytes
}

#[test]
fn an_abort_in_the_middle_drops_the_request_and_the_channel_lives() {
    let mut pair = Pair::connect(SECURITY[0]);
    assert_eq!(pair.server_takes(chunk(ChunkKind::Intermediate, 9, 2, b"lost")).expect("chunk").0, []);
    assert_eq!(pair.server.unfinished_bytes(), 4);
    let abort = chunk(ChunkKind::Abort, 9, 3, &[0; 8]);
    assert_eq!(pair.server_takes(abort).expect("abort").0, [Seen::Aborted(9)]);
    assert_eq!(pair.server.unfinished_bytes(), 0);
    let next = chunk(ChunkKind::Final, 10, 4, b"alive");
    assert_eq!(pair.server_takes(next).expect("request").0, [Seen::Message(10, b"alive".to_vec())]);
}

#[test]
fn endless_chunks_end_at_the_limit() {
    let limits = Limits { max_message: 100_000, max_chunks: 8, ..Limits::default() };
    for (len, expected) in [(60_000, Fault::MessageTooLarge), (1, Fault::TooManyChunks)] {
        let mut pair = Pair::connect_with(SECURITY[0], &server_identity(), &client_identity(), limits);
        let mut sequence = 2_u32;
        let error = loop {
            let bytes = chunk(ChunkKind::Intermediate, 1, sequence, &vec![0; len]);
            match pair.server_takes(bytes) {
                Ok(_) => assert!(pair.server.unfinished_bytes() <= 200_000),
                Err(error) => break error,
            }
            sequence += 1;
        };
        assert_eq!(error.fault(), expected);
    }
}

#[test]
fn half_a_handshake_runs_into_its_deadline() {
    let (mut pair, hello) = Pair::unconnected(SECURITY[0], &server_identity(), &client_identity(), Limits::default());
    let deadline = pair.server.deadline().expect("deadline");
    assert_eq!(deadline, pair.now + Duration::from_secs(10));
    pair.now += Duration::from_secs(9);
    pair.server_takes(hello).expect("in time");
    assert_eq!(pair.server.deadline(), Some(pair.now + Duration::from_secs(10)));
    pair.now += Duration::from_secs(11);
    let open = plain_open(SecurityPolicy::NONE.uri, 0, &[]);
    assert_eq!(fault(pair.server_takes(open)), Fault::TimedOut);
}

#[test]
fn a_reflected_or_short_nonce_is_refused() {
    let mut pair = Pair::connect(SECURITY[2]);
    let reflected = pair.server.last_nonce.clone();
    for nonce in [reflected.to_vec(), vec![1; 31], Vec::new()] {
        let request = crate::services::OpenSecureChannelRequest {
            request_type: crate::services::SecurityTokenRequestType::RENEW,
            security_mode: MessageSecurityMode::SIGN_AND_ENCRYPT,
            client_nonce: nonce.into(),
            requested_lifetime: 60_000,
            ..Default::default()
        };
        let mut body = Vec::new();
        crate::services::write_message(&request, &mut body);
        let (own, server) = pair.client.config.parties.clone().expect("parties");
        let mut out = Vec::new();
        let policy = SecurityPolicy::BASIC256_SHA256;
        let numbers = (pair.client.take_sequence_for_test(), 9);
        crate::secure::asymmetric::seal(policy, Some((&own, &server)), 77, numbers, (&body, &[]), &mut out)
            .expect("seal");
        assert_eq!(fault(pair.server_takes(out)), Fault::Nonce);
    }
}

#[test]
fn arbitrary_bytes_never_panic() {
    let mut random = fastrand::Rng::with_seed(7);
    for security in [SECURITY[0], SECURITY[1], SECURITY[2]] {
        let mut pair = Pair::connect(security);
        for _ in 0..2000 {
            let len = random.usize(..200);
            let mut bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(len).collect();
            if bytes.len() > 16 && random.bool() {
                bytes[..4].copy_from_slice(random.choice([b"MSGF", b"MSGC", b"MSGA", b"OPNF", b"CLOF"]).expect("one"));
                FrameHeader::close(0, &mut bytes);
                bytes[8..12].copy_from_slice(&77_u32.to_le_bytes());
                bytes[12..16].copy_from_slice(&1_u32.to_le_bytes());
            }
            let _ = pair.server.receive(&mut bytes, pair.now, &mut Vec::new());
        }
    }
}
