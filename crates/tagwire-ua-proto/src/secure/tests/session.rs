//! Signatures and secrets of sessions.

use super::pair::{client_identity, long_identity, parties, peer, server_identity};
use crate::secure::{
    OwnIdentity, POLICIES, SecretError, SecurityPolicy, SessionFacts, SignatureError, Signer, decrypt_secret,
    encrypt_secret, session_nonce, sign_session, verify_session,
};

/// What is signed, with fields that differ from each other.
fn facts<'a>(server: &'a OwnIdentity, client: &'a OwnIdentity, server_nonce: &'a [u8]) -> SessionFacts<'a> {
    SessionFacts {
        channel_thumbprint: b"thumbprint",
        server_certificate: server.certificate().chain(),
        server_channel_certificate: server.certificate().chain(),
        client_certificate: client.certificate().chain(),
        client_channel_certificate: client.certificate().chain(),
        server_nonce,
        client_nonce: b"nonce of the client",
    }
}

#[test]
fn a_signature_holds_for_certificate_and_nonce_only() {
    for policy in &POLICIES[1..] {
        let (server, client) = parties(policy);
        let nonce = session_nonce().expect("random");
        let signed = facts(&server, &client, &nonce);
        for (signer, own) in [(Signer::Client, &client), (Signer::Server, &server), (Signer::User, &client)] {
            let signature = sign_session(policy, own, signer, &signed).expect("signed");
            let verify = |facts: &_, signature: &_| verify_session(policy, &peer(own), signer, facts, signature);
            assert_eq!(verify(&signed, &signature), Ok(()), "{} {signer:?}", policy.name);
            let other = [1; 32];
            let wrong_nonce = SessionFacts { server_nonce: &other, client_nonce: &other, ..signed };
            assert_eq!(verify(&wrong_nonce, &signature), Err(SignatureError));
            let swapped = facts(&client, &server, &nonce);
            assert_eq!(verify(&swapped, &signature), Err(SignatureError));
            assert_eq!(verify(&signed, &Default::default()), Err(SignatureError));
            let (stranger, _) = parties(policy);
            let stranger = if policy.curve().is_some() { stranger } else { long_identity() };
            let verified = verify_session(policy, &peer(&stranger), signer, &signed, &signature);
            assert_eq!(verified, Err(SignatureError));
            let elsewhere = SessionFacts { channel_thumbprint: b"another channel", ..signed };
            let expected = if policy.is_bound { Err(SignatureError) } else { Ok(()) };
            assert_eq!(verify(&elsewhere, &signature), expected, "{}", policy.name);
            let unbound = SessionFacts { channel_thumbprint: b"", ..signed };
            assert_eq!(verify(&unbound, &signature), expected, "{}", policy.name);
        }
    }
}

#[test]
fn the_name_of_the_algorithm_counts_unless_the_policy_says_it_all() {
    for policy in &POLICIES[1..] {
        let (server, client) = parties(policy);
        let signed = facts(&server, &client, b"nonce");
        let mut signature = sign_session(policy, &client, Signer::Client, &signed).expect("signed");
        assert_eq!(signature.algorithm.is_null(), policy.curve().is_some());
        for (name, good) in
            [("http://www.w3.org/2000/09/xmldsig#rsa-sha1", policy.is_bound), (policy.uri, policy.curve().is_some())]
        {
            signature.algorithm = name.into();
            let verified = verify_session(policy, &peer(&client), Signer::Client, &signed, &signature);
            assert_eq!(verified.is_ok(), good, "{} {name}", policy.name);
        }
    }
}

#[test]
fn a_peer_may_sign_the_chain_or_the_certificate_alone() {
    let policy = SecurityPolicy::BASIC256_SHA256;
    let client = client_identity();
    let leaf = server_identity().certificate().leaf().to_vec();
    let chain = [&leaf[..], long_identity().certificate().leaf()].concat();
    for signed in [&leaf, &chain] {
        let facts = SessionFacts { server_certificate: signed, server_nonce: b"nonce", ..SessionFacts::default() };
        let signature = sign_session(policy, &client, Signer::Client, &facts).expect("signed");
        let facts = SessionFacts { server_certificate: &chain, ..facts };
        assert_eq!(verify_session(policy, &peer(&client), Signer::Client, &facts, &signature), Ok(()));
    }
}

#[test]
fn no_policy_no_signature() {
    let (none, facts) = (SecurityPolicy::NONE, SessionFacts::default());
    let signature = sign_session(none, &client_identity(), Signer::Server, &facts).expect("none");
    assert!(signature.algorithm.is_null() && signature.signature.is_null());
    assert_eq!(verify_session(none, &peer(&client_identity()), Signer::Server, &facts, &signature), Ok(()));
}

#[test]
fn a_secret_is_good_for_its_nonce_only() {
    for policy in POLICIES.iter().filter(|policy| !policy.is_none() && policy.curve().is_none()) {
        for server in [server_identity(), long_identity()] {
            let nonce = session_nonce().expect("random");
            for secret in [&b""[..], b"pa\xC3\x9Fwort", &[7; 400]] {
                let (encrypted, uri) = encrypt_secret(policy, &peer(&server), secret, &nonce).expect("encrypted");
                let decrypt = |nonce: &[u8], uri: &str, bytes: &[u8]| {
                    decrypt_secret(policy, &server, uri, bytes, nonce).map(|secret| secret.to_vec())
                };
                assert_eq!(decrypt(&nonce, uri, &encrypted).as_deref(), Ok(secret));
                assert_eq!(decrypt(&[1; 32], uri, &encrypted), Err(SecretError));
                assert_eq!(decrypt(&[], uri, &encrypted), Err(SecretError));
                assert_eq!(decrypt(&nonce, "", &encrypted), Err(SecretError));
                assert_eq!(decrypt(&nonce, uri, &encrypted[1..]), Err(SecretError));
                assert_eq!(decrypt(&nonce, uri, &[]), Err(SecretError));
                let mut tampered = encrypted.clone();
                tampered[9] ^= 1;
                assert_eq!(decrypt(&nonce, uri, &tampered), Err(SecretError));
            }
        }
    }
}

#[test]
fn a_stated_length_beyond_the_content_or_below_the_nonce_is_refused() {
    let policy = SecurityPolicy::BASIC256_SHA256;
    let encryption = policy.encryption().expect("suite");
    let server = server_identity();
    let nonce = [5_u8; 32];
    for (len, filling, good) in
        [(40_u32, 0_u8, true), (41, 0, false), (31, 0, false), (u32::MAX, 0, false), (40, 1, false)]
    {
        let mut plain = len.to_le_bytes().to_vec();
        plain.extend_from_slice(b"password");
        plain.extend_from_slice(&nonce);
        // Filling behind the stated length must be zeros.
        if len == 40 {
            plain.extend_from_slice(&[filling; 3]);
        }
        let mut encrypted = Vec::new();
        peer(&server).encrypt(encryption, &plain, &mut encrypted).expect("encrypted");
        let secret = decrypt_secret(policy, &server, encryption.uri(), &encrypted, &nonce);
        assert_eq!(secret.is_ok(), good, "{len} {filling}");
    }
    let huge = vec![0; 33 * 256];
    assert_eq!(decrypt_secret(policy, &server, encryption.uri(), &huge, &nonce), Err(SecretError));
}
