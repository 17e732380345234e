//! Policies over curves: keys for one use, channels that sessions are bound to, secrets of users.

use super::pair::{Pair, Seen, UTC, curve_identity, parties, peer, server_identity};
use crate::secure::{
    Curve, EphemeralKey, POLICIES, SecretError, SecurityPolicy, ServerChannel, open_secret, seal_secret, session_nonce,
};
use crate::services::MessageSecurityMode;
use crate::status;
use crate::transport::{Fault, Limits};

fn policies() -> impl Iterator<Item = &'static SecurityPolicy> {
    POLICIES.iter().filter(|policy| policy.curve().is_some())
}

fn encrypted(policy: &'static SecurityPolicy) -> (&'static SecurityPolicy, MessageSecurityMode) {
    (policy, MessageSecurityMode::SIGN_AND_ENCRYPT)
}

/// A pair whose Hello was answered.
fn acknowledged(policy: &'static SecurityPolicy) -> Pair {
    let (server, client) = parties(policy);
    let (mut pair, hello) = Pair::unconnected(encrypted(policy), &server, &client, Limits::default());
    let (_, answer) = pair.server_takes(hello).expect("hello");
    pair.client_takes(answer).expect("acknowledge");
    pair
}

#[test]
fn every_exchange_has_new_keys_and_old_tokens_still_open_old_messages() {
    for policy in policies() {
        let mut pair = Pair::connect(encrypted(policy));
        for round in 0..3_u8 {
            let nonce = pair.server.last_nonce.clone();
            let (request_id, before) = pair.request(&[round; 100]);
            let thumbprint = pair.server.thumbprint().to_vec();
            assert_eq!(pair.server_takes(before).expect("request").0, [Seen::Message(request_id, vec![round; 100])]);
            pair.renew();
            assert_ne!(pair.server.last_nonce, nonce);
            assert_eq!(pair.server.thumbprint(), thumbprint, "a renewal is the same channel");
            let (request_id, after) = pair.request(&[round; 100]);
            assert_eq!(pair.server_takes(after).expect("request").0, [Seen::Message(request_id, vec![round; 100])]);
            let response = pair.response(request_id, b"answer");
            assert_eq!(pair.client_takes(response), Ok(vec![(request_id, b"answer".to_vec())]));
        }
    }
}

#[test]
fn both_sides_of_a_bound_channel_know_its_thumbprint_and_no_two_have_the_same() {
    for policy in policies() {
        let (one, two) = (Pair::connect(encrypted(policy)), Pair::connect(encrypted(policy)));
        assert_eq!(one.server.thumbprint(), one.client.thumbprint());
        assert_eq!(one.server.thumbprint().is_empty(), !policy.is_bound);
        assert_eq!(one.server.thumbprint() == two.server.thumbprint(), !policy.is_bound);
    }
}

#[test]
fn a_response_to_another_request_is_not_authentic_on_a_bound_channel() {
    for policy in policies().filter(|policy| policy.is_bound) {
        let mut pair = acknowledged(policy);
        let request = pair.open_request();
        pair.server_takes(request).expect("open");
        let (_, response) = pair.accept();
        // The client has sent another request meanwhile, as one that somebody in between replaced.
        let (server, client) = parties(policy);
        let (mut other, hello) = Pair::unconnected(encrypted(policy), &server, &client, Limits::default());
        let (_, answer) = other.server_takes(hello).expect("hello");
        other.client.config.clone_from(&pair.client.config);
        other.client_takes(answer).expect("acknowledge");
        other.open_request();
        assert_eq!(other.client_takes(response), Err(Fault::NotAuthentic.into()));
    }
}

#[test]
fn nonces_that_are_no_points_of_the_curve_are_refused() {
    for policy in policies() {
        let len = policy.nonce_len;
        for nonce in [vec![0; len], vec![7; len], vec![0xFF; len]] {
            let mut pair = acknowledged(policy);
            let request = pair.open_request_of(nonce, &[]);
            pair.server_takes(request).expect("the signature is right");
            let error = pair.server.accept_open(pair.now, UTC, &mut Vec::new()).expect_err("no point");
            assert_eq!(error.fault(), Fault::Nonce);
            assert_eq!(error.status(), status::BAD_SECURITY_CHECKS_FAILED);
        }
        for nonce in [vec![], vec![7; 32], vec![7; len - 1], vec![7; len + 1]] {
            let mut pair = acknowledged(policy);
            let request = pair.open_request_of(nonce, &[]);
            assert_eq!(pair.server_takes(request).expect_err("length").fault(), Fault::Nonce);
        }
    }
}

#[test]
fn one_zero_behind_an_open_request_is_the_length_of_no_padding() {
    for policy in policies() {
        for (behind, good) in [(&[][..], true), (&[0], true), (&[1], false), (&[0, 0], false)] {
            let mut pair = acknowledged(policy);
            let nonce = EphemeralKey::new(policy.curve().expect("curve")).expect("key").public().to_vec();
            let request = pair.open_request_of(nonce, behind);
            assert_eq!(pair.server_takes(request).is_ok(), good, "{} {behind:?}", policy.name);
        }
    }
}

#[test]
fn open_requests_are_signed_over_every_byte() {
    for policy in policies() {
        let mut pair = acknowledged(policy);
        let bytes = pair.open_request();
        let cipher_at = bytes.len() - policy.nonce_len - 200;
        for at in (cipher_at..bytes.len()).step_by(7) {
            let mut tampered = bytes.clone();
            tampered[at] ^= 1;
            assert!(pair.server_takes(tampered).is_err(), "{} byte {at}", policy.name);
        }
        assert_eq!(pair.server_takes(bytes).expect("the real one").0, [Seen::Open { renew: false }]);
    }
}

#[test]
fn a_certificate_must_fit_the_curve_of_the_policy() {
    for (policy, client) in [
        (SecurityPolicy::ECC_NIST_P256_AES_GCM, curve_identity(Curve::P384, "urn:test:client")),
        (SecurityPolicy::ECC_NIST_P384_AES_GCM, curve_identity(Curve::P256, "urn:test:client")),
        (SecurityPolicy::ECC_NIST_P384_AES_GCM, server_identity()),
        (SecurityPolicy::BASIC256_SHA256, curve_identity(Curve::P256, "urn:test:client")),
    ] {
        let mut pair = acknowledged(policy);
        let mut request = pair.open_request();
        replace_certificate(&mut request, client.certificate().leaf());
        assert_eq!(pair.server_takes(request).expect_err("curve").fault(), Fault::Certificate, "{}", policy.name);
    }
}

/// Writes another certificate into an OpenSecureChannel frame.
fn replace_certificate(frame: &mut Vec<u8>, certificate: &[u8]) {
    let len_at = |at: usize, frame: &[u8]| u32::from_le_bytes(frame[at..at + 4].try_into().expect("length")) as usize;
    let at = 16 + len_at(12, frame);
    let end = at + 4 + len_at(at, frame);
    frame.splice(at..end, (certificate.len() as u32).to_le_bytes().into_iter().chain(certificate.iter().copied()));
    let len = frame.len() as u32;
    frame[4..8].copy_from_slice(&len.to_le_bytes());
}

#[test]
fn numbers_start_at_zero_and_go_around_at_the_last_one() {
    for policy in policies() {
        let mut pair = Pair::connect(encrypted(policy));
        pair.skip_to(u32::MAX - 2);
        for round in 0..6_u8 {
            let (request_id, bytes) = pair.request(&[round]);
            assert_eq!(pair.server_takes(bytes).expect("request").0, [Seen::Message(request_id, vec![round])]);
            let response = pair.response(request_id, &[round]);
            assert_eq!(pair.client_takes(response), Ok(vec![(request_id, vec![round])]));
        }
    }
}

#[test]
fn a_first_number_other_than_zero_is_refused() {
    for policy in policies() {
        let mut pair = acknowledged(policy);
        pair.open_request();
        let second = pair.open_request();
        assert_eq!(pair.server_takes(second).expect_err("number 1").fault(), Fault::Sequence);
    }
}

#[test]
fn a_secret_is_good_for_its_key_its_nonce_and_its_sender_only() {
    for policy in policies() {
        let curve = policy.curve().expect("curve");
        let (_, client) = parties(policy);
        let nonce = session_nonce().expect("random");
        for secret in [&b""[..], b"pa\xC3\x9Fwort", &[7; 400]] {
            let seal = || {
                let key = EphemeralKey::new(curve).expect("key");
                let sealed = seal_secret(policy, &client, key.public(), secret, &nonce, UTC).expect("sealed");
                (key, sealed)
            };
            let open = |key, sealed: &[u8], nonce: &[u8]| {
                open_secret(policy, key, &peer(&client), sealed, nonce).map(|secret| secret.to_vec())
            };
            let (key, sealed) = seal();
            assert_eq!(open(key, &sealed, &nonce).as_deref(), Ok(secret), "{}", policy.name);
            let (key, sealed) = seal();
            assert_eq!(open(key, &sealed, &[1; 32]), Err(SecretError));
            let (key, sealed) = seal();
            assert_eq!(open(key, &sealed, &[]), Err(SecretError));
            let (key, _) = seal();
            assert_eq!(open(key, &sealed, &nonce), Err(SecretError), "{} made for another key", policy.name);
            let (key, sealed) = seal();
            let (_, stranger) = parties(policy);
            let opened = open_secret(policy, key, &peer(&stranger), &sealed, &nonce);
            assert_eq!(opened, Err(SecretError), "{} sent by somebody else", policy.name);
        }
    }
}

#[test]
fn every_tampered_or_missing_byte_of_a_secret_is_found() {
    for policy in policies() {
        let (_, client) = parties(policy);
        let curve = policy.curve().expect("curve");
        let nonce = [5; 32];
        let model = EphemeralKey::new(curve).expect("key");
        let len = seal_secret(policy, &client, model.public(), b"secret", &nonce, UTC).expect("sealed").len();
        for at in (0..len).step_by(11) {
            let key = EphemeralKey::new(curve).expect("key");
            let mut sealed = seal_secret(policy, &client, key.public(), b"secret", &nonce, UTC).expect("sealed");
            sealed[at] ^= 1;
            assert_eq!(open_secret(policy, key, &peer(&client), &sealed, &nonce), Err(SecretError), "byte {at}");
            let key = EphemeralKey::new(curve).expect("key");
            let sealed = seal_secret(policy, &client, key.public(), b"secret", &nonce, UTC).expect("sealed");
            assert_eq!(
                open_secret(policy, key, &peer(&client), &sealed[..at], &nonce),
                Err(SecretError),
                "length {at}"
            );
        }
    }
}

#[test]
fn a_server_key_with_swapped_coordinates_is_no_key() {
    for policy in policies() {
        let (_, client) = parties(policy);
        let curve = policy.curve().expect("curve");
        let key = EphemeralKey::new(curve).expect("key");
        let (x, y) = key.public().split_at(curve.coordinate_len());
        assert!(seal_secret(policy, &client, &[y, x].concat(), b"secret", &[5; 32], UTC).is_err());
    }
}

#[test]
fn the_channel_signs_with_the_identity_of_its_policy() {
    for policy in policies() {
        let pair = Pair::connect(encrypted(policy));
        let own: Option<&ServerChannel> = Some(&pair.server);
        let identity = own.and_then(ServerChannel::identity).expect("identity");
        assert_eq!(identity.certificate().curve(), policy.curve());
    }
}
