//! Passwords and other tokens under policies over curves: EccEncryptedSecret (Part 4, 7.40.2.5; Part 6, 6.8.3).

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use aws_lc_rs::cipher::{
    AES_128, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use subtle::ConstantTimeEq;
use tagwire_model::Timestamp;
use zeroize::Zeroizing;

use super::aead::{AeadKeys, gcm_key};
use super::curve::{EphemeralKey, Label};
use super::{CryptoFailed, Curve, OwnIdentity, PeerCertificate, SecretError, SecurityPolicy, SymmetricSuite};
use crate::codec::{Decode, DecodeError, Encode, Reader, write_bytes, write_str};
use crate::ids::data_type::ECC_ENCRYPTED_SECRET;
use crate::services::EphemeralKeyType;
use crate::types::{ByteString, IdentifierRef, NodeId, NodeIdRef};

/// The mask of an ExtensionObject whose body is binary.
const BINARY: u8 = 1;

/// The parts of a secret as it is sent. What is encrypted is found behind [`Self::parse`] only.
struct Sealed<'a> {
    policy_uri: &'a str,
    certificate: &'a [u8],
    sender_key: &'a [u8],
    receiver_key: &'a [u8],
    /// Where the encrypted part starts.
    header_len: usize,
}

impl<'a> Sealed<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let type_id = NodeIdRef::decode(&mut reader)?;
        let is_secret =
            type_id.namespace == 0 && matches!(type_id.identifier, IdentifierRef::Numeric(ECC_ENCRYPTED_SECRET));
        let is_binary = reader.u8()? == BINARY;
        let len = reader.u32()? as usize;
        if !is_secret || !is_binary || len != reader.rest().len() {
            return Err(DecodeError::Form);
        }
        let policy_uri = reader.str()?.unwrap_or_default();
        let certificate = reader.byte_string()?.unwrap_or_default();
        // The nonce within says that the secret is fresh; clocks differ.
        let _signing_time = reader.timestamp()?;
        let keys_len = usize::from(reader.u16()?);
        let keys_start = reader.position();
        let sender_key = reader.byte_string()?.unwrap_or_default();
        let receiver_key = reader.byte_string()?.unwrap_or_default();
        let header_len = reader.position();
        if header_len - keys_start != keys_len {
            return Err(DecodeError::Form);
        }
        Ok(Self { policy_uri, certificate, sender_key, receiver_key, header_len })
    }
}

/// The public key for the next secret, signed so that the client knows whose it is (Part 4, 7.15).
///
/// # Errors
/// [`CryptoFailed`], also for a policy without a curve.
pub fn sign_key(
    policy: &SecurityPolicy,
    own: &OwnIdentity,
    key: &EphemeralKey,
) -> Result<EphemeralKeyType, CryptoFailed> {
    let suite = policy.asymmetric.as_ref().ok_or(CryptoFailed)?;
    let signature = own.sign(suite.signature, key.public())?;
    Ok(EphemeralKeyType { public_key: ByteString::from(key.public()), signature: ByteString::from(signature) })
}

/// Whether the owner of `server` gave this key.
pub fn verify_key(policy: &SecurityPolicy, server: &PeerCertificate, key: &EphemeralKeyType) -> bool {
    let suite = policy.asymmetric.as_ref();
    suite.is_some_and(|suite| server.verifies(suite.signature, &key.public_key, &key.signature))
}

/// Opens a secret that was made for `key`, which is good for this one only, and checks that the owner of `sender` made it
/// for `server_nonce`, the last nonce that the session was given.
///
/// # Errors
/// [`SecretError`], the same whatever was wrong.
pub fn open_secret(
    policy: &SecurityPolicy,
    key: EphemeralKey,
    sender: &PeerCertificate,
    encrypted: &[u8],
    server_nonce: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let (Some(curve), Some(symmetric), Some(suite)) = (policy.curve(), policy.symmetric, &policy.asymmetric) else {
        return Err(SecretError);
    };
    let sealed = Sealed::parse(encrypted).map_err(|_| SecretError)?;
    let is_sender = sealed.certificate.is_empty() || sender.is_first_of(sealed.certificate);
    if sealed.policy_uri != policy.uri || !is_sender || sealed.receiver_key != key.public() {
        return Err(SecretError);
    }
    let signed_len = encrypted.len().checked_sub(curve.point_len()).ok_or(SecretError)?;
    let (signed, signature) = encrypted.split_at(signed_len);
    let (header, cipher) = signed.split_at_checked(sealed.header_len).ok_or(SecretError)?;
    if !sender.verifies(suite.signature, signed, signature) {
        return Err(SecretError);
    }
    let public = key.public().to_vec();
    let agreed = key.agree(curve, sealed.sender_key).map_err(|_| SecretError)?;
    let keys = Keys::derive(curve, symmetric, &agreed, sealed.sender_key, &public).map_err(|_| SecretError)?;
    let mut plain = Zeroizing::new(cipher.to_vec());
    let len = keys.open(header, &mut plain).map_err(|_| SecretError)?;
    let (nonce, secret) = content(plain.get(..len).unwrap_or_default()).map_err(|_| SecretError)?;
    let fresh = bool::from(nonce.ct_eq(server_nonce)) && !server_nonce.is_empty();
    if fresh { Ok(Zeroizing::new(secret.to_vec())) } else { Err(SecretError) }
}

/// Nonce and secret in what was encrypted; the padding behind them says how long it is.
fn content(plain: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let mut reader = Reader::new(plain);
    let nonce = reader.byte_string()?.unwrap_or_default();
    let secret = reader.byte_string()?.unwrap_or_default();
    let (padding, len) = reader.rest().split_last_chunk::<2>().ok_or(DecodeError::End)?;
    let [low, _] = *len;
    let intact = usize::from(u16::from_le_bytes(*len)) == padding.len() && padding.iter().all(|byte| *byte == low);
    if intact { Ok((nonce, secret)) } else { Err(DecodeError::Form) }
}

/// The client's counterpart of [`open_secret`]: `receiver_key` is what the server gave for this secret. `utc` tells when.
///
/// # Errors
/// [`CryptoFailed`], also when the key is no point of the curve, and for a policy without one.
pub fn seal_secret(
    policy: &SecurityPolicy,
    own: &OwnIdentity,
    receiver_key: &[u8],
    secret: &[u8],
    server_nonce: &[u8],
    utc: Timestamp,
) -> Result<Vec<u8>, CryptoFailed> {
    let (Some(curve), Some(symmetric), Some(suite)) = (policy.curve(), policy.symmetric, &policy.asymmetric) else {
        return Err(CryptoFailed);
    };
    let key = EphemeralKey::new(curve)?;
    let sender_key = key.public().to_vec();
    let agreed = key.agree(curve, receiver_key).map_err(|_| CryptoFailed)?;
    let keys = Keys::derive(curve, symmetric, &agreed, &sender_key, receiver_key)?;

    let mut plain = Zeroizing::new(Vec::new());
    write_bytes(server_nonce, &mut plain);
    write_bytes(secret, &mut plain);
    let unpadded = plain.len() + 2;
    // Short secrets get a whole block more, so that their length does not show.
    let least = SymmetricSuite::BLOCK_LEN.saturating_sub(secret.len());
    let padding = least + (SymmetricSuite::BLOCK_LEN - (unpadded + least) % SymmetricSuite::BLOCK_LEN) % 16;
    let [low, high, ..] = padding.to_le_bytes();
    let padded = plain.len() + padding;
    plain.resize(padded, low);
    plain.extend_from_slice(&[low, high]);

    let mut out = Vec::new();
    NodeId::ns0(ECC_ENCRYPTED_SECRET).encode(&mut out);
    out.push(BINARY);
    let len_at = out.len();
    0_u32.encode(&mut out);
    write_str(policy.uri, &mut out);
    write_bytes(own.certificate().chain(), &mut out);
    utc.encode(&mut out);
    let keys_len = u16::try_from(2 * (4 + curve.point_len())).map_err(|_| CryptoFailed)?;
    keys_len.encode(&mut out);
    write_bytes(&sender_key, &mut out);
    write_bytes(receiver_key, &mut out);
    let len = out.len() - len_at - 4 + plain.len() + keys.tag_len() + curve.point_len();
    let len = u32::try_from(len).map_err(|_| CryptoFailed)?;
    out.get_mut(len_at..len_at + 4).ok_or(CryptoFailed)?.copy_from_slice(&len.to_le_bytes());
    keys.seal(&out, &mut plain)?;
    out.extend_from_slice(&plain);
    let signature = own.sign(suite.signature, &out)?;
    out.extend_from_slice(&signature);
    Ok(out)
}

/// What a secret is encrypted with. The signature over it all stands in for a key that signs.
enum Keys {
    Cbc { key: Zeroizing<Vec<u8>>, iv: [u8; SymmetricSuite::BLOCK_LEN] },
    Gcm { key: LessSafeKey, iv: [u8; SymmetricSuite::GCM_IV_LEN] },
}

impl Keys {
    fn derive(
        curve: Curve,
        suite: SymmetricSuite,
        agreed: &[u8],
        sender_key: &[u8],
        receiver_key: &[u8],
    ) -> Result<Self, CryptoFailed> {
        let len = suite.key_len() + suite.iv_len();
        let bytes = curve.derive(agreed, Label::SECRET, (sender_key, receiver_key), len)?;
        let (key, iv) = bytes.split_at(suite.key_len());
        Ok(match suite {
            SymmetricSuite::AesCbcHmac { .. } => {
                Self::Cbc { key: Zeroizing::new(key.to_vec()), iv: *iv.first_chunk().ok_or(CryptoFailed)? }
            }
            SymmetricSuite::AesGcm { .. } => {
                Self::Gcm { key: gcm_key(key)?, iv: *iv.first_chunk().ok_or(CryptoFailed)? }
            }
        })
    }

    const fn tag_len(&self) -> usize {
        match self {
            Self::Cbc { .. } => 0,
            Self::Gcm { .. } => AeadKeys::TAG_LEN,
        }
    }

    /// Encrypts in place; a tag is appended.
    fn seal(&self, header: &[u8], plain: &mut Vec<u8>) -> Result<(), CryptoFailed> {
        match self {
            Self::Cbc { key, iv } => {
                let key = EncryptingKey::cbc(cipher_key(key)?).map_err(|_| CryptoFailed)?;
                let context = EncryptionContext::Iv128(FixedLength::from(*iv));
                key.less_safe_encrypt(plain, context).map(drop).map_err(|_| CryptoFailed)
            }
            Self::Gcm { key, iv } => {
                let nonce = Nonce::assume_unique_for_key(*iv);
                key.seal_in_place_append_tag(nonce, Aad::from(header), plain).map_err(|_| CryptoFailed)
            }
        }
    }

    /// Decrypts in place; returns how many bytes the content has.
    fn open(&self, header: &[u8], cipher: &mut [u8]) -> Result<usize, CryptoFailed> {
        match self {
            Self::Cbc { key, iv } => {
                if cipher.is_empty() || !cipher.len().is_multiple_of(SymmetricSuite::BLOCK_LEN) {
                    return Err(CryptoFailed);
                }
                let key = DecryptingKey::cbc(cipher_key(key)?).map_err(|_| CryptoFailed)?;
                let context = DecryptionContext::Iv128(FixedLength::from(*iv));
                key.decrypt(cipher, context).map(|plain| plain.len()).map_err(|_| CryptoFailed)
            }
            Self::Gcm { key, iv } => {
                let nonce = Nonce::assume_unique_for_key(*iv);
                key.open_in_place(nonce, Aad::from(header), cipher).map(|plain| plain.len()).map_err(|_| CryptoFailed)
            }
        }
    }
}

fn cipher_key(bytes: &[u8]) -> Result<UnboundCipherKey, CryptoFailed> {
    let algorithm = if bytes.len() == 16 { &AES_128 } else { &AES_256 };
    UnboundCipherKey::new(algorithm, bytes).map_err(|_| CryptoFailed)
}
