//! Signatures and secrets of sessions.

use super::pair::{client_identity, long_identity, peer, server_identity};
use crate::secure::{
    POLICIES, SecretError, SecurityPolicy, SignatureError, decrypt_secret, encrypt_secret, session_nonce,
    sign_for_peer, verify_from_peer,
};

#[test]
fn a_signature_holds_for_certificate_and_nonce_only() {
    for policy in &POLICIES[1..] {
        let (server, client) = (server_identity(), client_identity());
        let nonce = session_nonce().expect("random");
        let server_chain = server.certificate().chain();
        let signature = sign_for_peer(policy, &client, server_chain, &nonce).expect("signed");
        let verify = |policy: &SecurityPolicy, own: &[u8], nonce: &[u8], signature: &_| {
            verify_from_peer(policy, &peer(&client), own, nonce, signature)
        };
        assert_eq!(verify(policy, server_chain, &nonce, &signature), Ok(()));
        assert_eq!(verify(policy, server_chain, &[0; 32], &signature), Err(SignatureError));
        assert_eq!(verify(policy, client.certificate().chain(), &nonce, &signature), Err(SignatureError));
        assert_eq!(verify(policy, server_chain, &nonce, &Default::default()), Err(SignatureError));
        let mut other = signature.clone();
        other.algorithm = "http://www.w3.org/2000/09/xmldsig#rsa-sha1".into();
        assert_eq!(verify(policy, server_chain, &nonce, &other), Err(SignatureError));
        assert_eq!(
            verify_from_peer(policy, &peer(&long_identity()), server_chain, &nonce, &signature),
            Err(SignatureError)
        );
    }
}

#[test]
fn a_peer_may_sign_the_chain_or_the_certificate_alone() {
    let policy = SecurityPolicy::BASIC256_SHA256;
    let client = client_identity();
    let leaf = server_identity().certificate().leaf().to_vec();
    let chain = [&leaf[..], long_identity().certificate().leaf()].concat();
    for signed in [&leaf, &chain] {
        let signature = sign_for_peer(policy, &client, signed, b"nonce").expect("signed");
        assert_eq!(verify_from_peer(policy, &peer(&client), &chain, b"nonce", &signature), Ok(()));
    }
}

#[test]
fn no_policy_no_signature() {
    let none = SecurityPolicy::NONE;
    let signature = sign_for_peer(none, &client_identity(), b"", b"").expect("none");
    assert!(signature.algorithm.is_null() && signature.signature.is_null());
    assert_eq!(verify_from_peer(none, &peer(&client_identity()), b"", b"", &signature), Ok(()));
}

#[test]
fn a_secret_is_good_for_its_nonce_only() {
    for policy in &POLICIES[1..] {
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
    let suite = policy.asymmetric.as_ref().expect("suite");
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
        peer(&server).encrypt(suite.encryption, &plain, &mut encrypted).expect("encrypted");
        let secret = decrypt_secret(policy, &server, suite.encryption.uri(), &encrypted, &nonce);
        assert_eq!(secret.is_ok(), good, "{len} {filling}");
    }
    let huge = vec![0; 33 * 256];
    assert_eq!(decrypt_secret(policy, &server, suite.encryption.uri(), &huge, &nonce), Err(SecretError));
}
