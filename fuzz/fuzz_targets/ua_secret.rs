//! Secrets under policies over curves: arbitrary bytes, and changed secrets whose sender signs the change; none opens, and
//! the untouched one does.
#![no_main]

#[path = "common/channels.rs"]
mod common;

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use tagwire_model::Timestamp;
use tagwire_ua_proto::secure::{
    Curve, EphemeralKey, OwnIdentity, SecurityPolicy, SessionFacts, Signer, open_secret, seal_secret, sign_session,
};

/// Bytes of a signature on P-256.
const SIGNATURE_LEN: usize = 64;
const NONCE: [u8; 32] = [7; 32];

static SENDER: OnceLock<Arc<OwnIdentity>> = OnceLock::new();

/// Signs `bytes`: under this policy a session's signature is over a certificate and a nonce, whatever they are.
fn signed(sender: &OwnIdentity, mut bytes: Vec<u8>) -> Vec<u8> {
    let facts = SessionFacts { server_certificate: &bytes, ..SessionFacts::default() };
    let signature = sign_session(SecurityPolicy::ECC_NIST_P256, sender, Signer::Client, &facts).expect("signed");
    bytes.extend_from_slice(&signature.signature);
    bytes
}

fuzz_target!(|data: &[u8]| {
    let Some((&how, changes)) = data.split_first() else {
        return;
    };
    let sender = SENDER.get_or_init(common::curve_identity);
    let certificate = sender.certificate();
    let policy =
        if how & 1 == 0 { SecurityPolicy::ECC_NIST_P256_AES_GCM } else { SecurityPolicy::ECC_NIST_P256 };
    let key = EphemeralKey::new(Curve::P256).expect("key");
    if how & 6 == 0 {
        assert!(open_secret(policy, key, certificate, &signed(sender, changes.to_vec()), &NONCE).is_err());
        return;
    }
    let secret = &changes[..changes.len().min(usize::from(how >> 3))];
    let sealed = seal_secret(policy, sender, key.public(), secret, &NONCE, Timestamp::NONE).expect("sealed");
    if how & 6 == 2 {
        assert_eq!(open_secret(policy, key, certificate, &sealed, &NONCE).as_deref().map(|v| &v[..]), Ok(secret));
        return;
    }
    let mut changed = sealed[..sealed.len() - SIGNATURE_LEN].to_vec();
    let original = changed.clone();
    for change in changes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % changed.len();
        changed[at] ^= change[2];
    }
    if changed == original {
        return;
    }
    // Without a tag a change of what is encrypted may go unnoticed where the sender signed it; it must not panic.
    let opened = open_secret(policy, key, certificate, &signed(sender, changed), &NONCE);
    assert!(opened.is_err() || how & 1 == 1, "a changed secret opened");
});
