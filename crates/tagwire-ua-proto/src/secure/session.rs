//! Signatures and secrets of sessions (OPC UA Part 4, 5.7.2, 5.7.3 and 7.41).

use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{CryptoFailed, Curve, OwnIdentity, PeerCertificate, SecurityPolicy, split_chain};
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

/// What both sides have told each other by the time one of them signs. Certificates are as they were sent, perhaps followed
/// by those of issuers; nonces are those of the session.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionFacts<'a> {
    /// The thumbprint of the channel; empty unless its policy binds sessions to it.
    pub channel_thumbprint: &'a [u8],
    /// The certificate in the response of CreateSession.
    pub server_certificate: &'a [u8],
    /// The certificate that the server opened the channel with.
    pub server_channel_certificate: &'a [u8],
    /// The certificate in the request of CreateSession.
    pub client_certificate: &'a [u8],
    /// The certificate that the client opened the channel with.
    pub client_channel_certificate: &'a [u8],
    /// The last nonce of the server.
    pub server_nonce: &'a [u8],
    /// The nonce in the request of CreateSession.
    pub client_nonce: &'a [u8],
}

/// Who signs for a session, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The server, in the response of CreateSession.
    Server,
    /// The client, in the request of ActivateSession.
    Client,
    /// The user, in the request of ActivateSession.
    User,
}

impl SessionFacts<'_> {
    /// What is signed under a policy that binds sessions to their channel (Part 4, 6.1.8): thumbprint, a nonce, hashes of
    /// certificates, the other nonce. `None` on a channel without a thumbprint.
    fn bound(&self, curve: Curve, signer: Signer) -> Option<Vec<u8>> {
        let server = [self.server_certificate, self.server_channel_certificate];
        let (first, certificates, last) = match signer {
            Signer::Server => (
                self.client_nonce,
                &[self.server_channel_certificate, self.client_channel_certificate][..],
                self.server_nonce,
            ),
            Signer::Client => {
                (self.server_nonce, &[server[0], server[1], self.client_channel_certificate][..], self.client_nonce)
            }
            Signer::User => (
                self.server_nonce,
                &[server[0], server[1], self.client_certificate, self.client_channel_certificate][..],
                self.client_nonce,
            ),
        };
        if self.channel_thumbprint.is_empty() {
            return None;
        }
        let mut data = [self.channel_thumbprint, first].concat();
        for certificate in certificates {
            data.extend_from_slice(curve.hash(split_chain(certificate).ok()?.first()?).as_ref());
        }
        data.extend_from_slice(last);
        Some(data)
    }

    /// What is signed under all other policies: the certificate of the other side and its last nonce.
    const fn unbound(&self, signer: Signer) -> (&[u8], &[u8]) {
        match signer {
            Signer::Server => (self.client_certificate, self.client_nonce),
            Signer::Client | Signer::User => (self.server_certificate, self.server_nonce),
        }
    }
}

/// Proves to the peer that this application, or this user, owns its certificate. Empty for the policy None.
///
/// # Errors
/// [`CryptoFailed`], also when the policy binds sessions to their channel and there is no thumbprint.
pub fn sign_session(
    policy: &SecurityPolicy,
    own: &OwnIdentity,
    signer: Signer,
    facts: &SessionFacts<'_>,
) -> Result<SignatureData, CryptoFailed> {
    let Some(suite) = &policy.asymmetric else {
        return Ok(SignatureData::default());
    };
    let message = match policy.curve().filter(|_| policy.is_bound) {
        Some(curve) => facts.bound(curve, signer).ok_or(CryptoFailed)?,
        None => {
            let (certificate, nonce) = facts.unbound(signer);
            [certificate, nonce].concat()
        }
    };
    let signature = own.sign(suite.signature, &message)?;
    let algorithm = match suite.signature.uri() {
        "" => UaString::NULL,
        uri => UaString::from(uri),
    };
    Ok(SignatureData { algorithm, signature: ByteString::from(signature) })
}

/// Checks the proof that the peer, or the user, owns its certificate. Under policies that do not bind sessions to their
/// channel peers sign the certificate alone or the chain that was sent to them; both are accepted. Holds always for the
/// policy None.
///
/// # Errors
/// [`SignatureError`].
pub fn verify_session(
    policy: &SecurityPolicy,
    peer: &PeerCertificate,
    signer: Signer,
    facts: &SessionFacts<'_>,
    signature: &SignatureData,
) -> Result<(), SignatureError> {
    let Some(suite) = &policy.asymmetric else {
        return Ok(());
    };
    if let Some(curve) = policy.curve().filter(|_| policy.is_bound) {
        // The name of the algorithm is to be ignored (Part 4, 7.36).
        let message = facts.bound(curve, signer).ok_or(SignatureError)?;
        let verified = peer.verifies(suite.signature, &message, &signature.signature);
        return if verified { Ok(()) } else { Err(SignatureError) };
    }
    let named = signature.algorithm.as_str();
    // Signatures over a curve come without a name, or with that of the policy.
    if named != suite.signature.uri() && (policy.curve().is_none() || named != policy.uri) {
        return Err(SignatureError);
    }
    let (certificate, nonce) = facts.unbound(signer);
    let chain = split_chain(certificate).map_err(|_| SignatureError)?;
    let leaf = *chain.first().ok_or(SignatureError)?;
    let candidates = if chain.len() > 1 { &[certificate, leaf][..] } else { &[leaf] };
    let verified = candidates
        .iter()
        .any(|certificate| peer.verifies(suite.signature, &[certificate, nonce].concat(), &signature.signature));
    if verified { Ok(()) } else { Err(SignatureError) }
}

/// Decrypts a password or another token that was encrypted for our RSA key with `policy`, and checks that it was made for
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
    let encryption = policy.encryption().ok_or(SecretError)?;
    if encryption_algorithm != encryption.uri() {
        return Err(SecretError);
    }
    let plain = own.decrypt(encryption, encrypted, MAX_SECRET_BLOCKS).map_err(|_| SecretError)?;
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
/// [`CryptoFailed`], also for a policy whose keys cannot encrypt.
pub fn encrypt_secret(
    policy: &SecurityPolicy,
    server: &PeerCertificate,
    secret: &[u8],
    server_nonce: &[u8],
) -> Result<(Vec<u8>, &'static str), CryptoFailed> {
    let encryption = policy.encryption().ok_or(CryptoFailed)?;
    let mut plain = Zeroizing::new(Vec::new());
    let len = u32::try_from(secret.len() + server_nonce.len()).map_err(|_| CryptoFailed)?;
    plain.extend_from_slice(&len.to_le_bytes());
    plain.extend_from_slice(secret);
    plain.extend_from_slice(server_nonce);
    let mut encrypted = Vec::new();
    server.encrypt(encryption, &plain, &mut encrypted)?;
    Ok((encrypted, encryption.uri()))
}
