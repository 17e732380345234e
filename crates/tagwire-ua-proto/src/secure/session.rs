//! Signatures and secrets of sessions (OPC UA Part 4, 5.7.2, 5.7.3 and 7.41).

use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{CryptoFailed, OwnIdentity, PeerCertificate, SecurityPolicy, split_chain};
use crate::services::SignatureData;
use crate::types::{ByteString, UaString};

/// A signature is missing, of another algorithm, or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("signature is not that of the application")]
pub struct SignatureError;

/// A secret cannot be decrypted, has a wrong length or was made for another nonce; which of them is not told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("secret of the user cannot be used")]
pub struct SecretError;

/// Most blocks of an encrypted secret.
const MAX_SECRET_BLOCKS: usize = 32;

/// Proves to the peer that this application owns its certificate: a signature over the certificate of the peer, as it
/// was received, and the last nonce of the peer. Empty for the policy None.
///
/// # Errors
/// [`CryptoFailed`].
pub fn sign_for_peer(
    policy: &SecurityPolicy,
    own: &OwnIdentity,
    peer_certificate: &[u8],
    peer_nonce: &[u8],
) -> Result<SignatureData, CryptoFailed> {
    let Some(suite) = &policy.asymmetric else {
        return Ok(SignatureData::default());
    };
    let signature = own.sign(suite.signature, &[peer_certificate, peer_nonce].concat())?;
    Ok(SignatureData { algorithm: UaString::from(suite.signature.uri()), signature: ByteString::from(signature) })
}

/// Checks the proof that the peer owns its certificate: its signature over our certificate and our last nonce. Peers
/// sign the certificate alone or the chain that was sent to them; both are accepted. Holds always for the policy None.
///
/// # Errors
/// [`SignatureError`].
pub fn verify_from_peer(
    policy: &SecurityPolicy,
    peer: &PeerCertificate,
    own_certificate: &[u8],
    own_nonce: &[u8],
    signature: &SignatureData,
) -> Result<(), SignatureError> {
    let Some(suite) = &policy.asymmetric else {
        return Ok(());
    };
    if signature.algorithm.as_str() != suite.signature.uri() {
        return Err(SignatureError);
    }
    let chain = split_chain(own_certificate).map_err(|_| SignatureError)?;
    let leaf = *chain.first().ok_or(SignatureError)?;
    let candidates = if chain.len() > 1 { &[own_certificate, leaf][..] } else { &[leaf] };
    let verified = candidates
        .iter()
        .any(|certificate| peer.verifies(suite.signature, &[certificate, own_nonce].concat(), &signature.signature));
    if verified { Ok(()) } else { Err(SignatureError) }
}

/// Decrypts a password or another token that was encrypted for us with `policy`, and checks that it was made for
/// `server_nonce`, the last nonce that the session was given.
///
/// # Errors
/// [`SecretError`], the same whatever was wrong.
pub fn decrypt_secret(
    policy: &SecurityPolicy,
    own: &OwnIdentity,
    encryption_algorithm: &str,
    encrypted: &[u8],
    server_nonce: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let suite = policy.asymmetric.as_ref().ok_or(SecretError)?;
    if encryption_algorithm != suite.encryption.uri() {
        return Err(SecretError);
    }
    let plain = own.decrypt(suite.encryption, encrypted, MAX_SECRET_BLOCKS).map_err(|_| SecretError)?;
    let (len, rest) = plain.split_first_chunk().ok_or(SecretError)?;
    let len = u32::from_le_bytes(*len) as usize;
    // Some clients fill the last block with zeros behind the stated length.
    let (content, filling) = rest.split_at_checked(len).ok_or(SecretError)?;
    let secret_len = content.len().checked_sub(server_nonce.len()).ok_or(SecretError)?;
    let (secret, nonce) = content.split_at(secret_len);
    let fresh = bool::from(nonce.ct_eq(server_nonce)) && !server_nonce.is_empty();
    let clean = filling.iter().fold(0, |all, byte| all | byte) == 0;
    if fresh && clean { Ok(Zeroizing::new(secret.to_vec())) } else { Err(SecretError) }
}

/// The client's counterpart of [`decrypt_secret`]: encrypted bytes and the URI of the algorithm.
///
/// # Errors
/// [`CryptoFailed`], also for the policy None.
pub fn encrypt_secret(
    policy: &SecurityPolicy,
    server: &PeerCertificate,
    secret: &[u8],
    server_nonce: &[u8],
) -> Result<(Vec<u8>, &'static str), CryptoFailed> {
    let suite = policy.asymmetric.as_ref().ok_or(CryptoFailed)?;
    let mut plain = Zeroizing::new(Vec::new());
    let len = u32::try_from(secret.len() + server_nonce.len()).map_err(|_| CryptoFailed)?;
    plain.extend_from_slice(&len.to_le_bytes());
    plain.extend_from_slice(secret);
    plain.extend_from_slice(server_nonce);
    let mut encrypted = Vec::new();
    server.encrypt(suite.encryption, &plain, &mut encrypted)?;
    Ok((encrypted, suite.encryption.uri()))
}
