//! Chunks of the services: signed and encrypted in place (Part 6, 6.7.2).

use aws_lc_rs::cipher::{
    AES_128, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

use super::aead::AeadKeys;
use super::derive::KeyMaterial;
use super::{CryptoFailed, MacHash, SymmetricSuite};
use crate::codec::{DecodeError, Reader};
use crate::transport::{Fault, FrameHeader, TransportError};

/// Frame header, channel id and token id: what is never encrypted.
pub(super) const CLEAR_LEN: usize = 16;
/// Sequence number and request id.
const SEQUENCE_LEN: usize = 8;
/// Where the body of a chunk starts.
pub(super) const BODY_AT: usize = CLEAR_LEN + SEQUENCE_LEN;

/// The keys to send with.
pub(super) enum SealingKeys {
    Cbc(Box<CbcKeys<EncryptingKey>>),
    Aead(AeadKeys),
}

/// The keys to receive with.
pub(super) enum OpeningKeys {
    Cbc(Box<CbcKeys<DecryptingKey>>),
    Aead(AeadKeys),
}

impl SealingKeys {
    pub(super) fn new(suite: SymmetricSuite, encrypts: bool, material: &KeyMaterial) -> Result<Self, CryptoFailed> {
        Ok(match suite {
            SymmetricSuite::AesCbcHmac { hash, .. } => {
                Self::Cbc(Box::new(CbcKeys::new(hash, encrypts, material, EncryptingKey::cbc)?))
            }
            SymmetricSuite::AesGcm { .. } => Self::Aead(AeadKeys::new(encrypts, material)?),
        })
    }

    /// The most bytes of body that a chunk of `chunk_len` bytes can hold.
    pub(super) fn max_body(&self, chunk_len: usize) -> usize {
        match self {
            Self::Cbc(keys) => keys.max_body(chunk_len),
            Self::Aead(_) => chunk_len - BODY_AT - AeadKeys::TAG_LEN,
        }
    }

    /// Completes the chunk that starts at `start` and ends with the buffer: padding, size, signature, encryption.
    /// `token_id` and `number` are those of the chunk.
    #[inline]
    pub(super) fn seal(
        &mut self,
        (token_id, number): (u32, u32),
        start: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoFailed> {
        match self {
            Self::Cbc(keys) => keys.seal(start, out),
            Self::Aead(keys) => keys.seal(token_id, number, start, out),
        }
    }
}

impl OpeningKeys {
    pub(super) fn new(suite: SymmetricSuite, encrypts: bool, material: &KeyMaterial) -> Result<Self, CryptoFailed> {
        Ok(match suite {
            SymmetricSuite::AesCbcHmac { hash, .. } => {
                Self::Cbc(Box::new(CbcKeys::new(hash, encrypts, material, DecryptingKey::cbc)?))
            }
            SymmetricSuite::AesGcm { .. } => Self::Aead(AeadKeys::new(encrypts, material)?),
        })
    }

    /// Decrypts a chunk in place and checks it; returns where its body ends. Every failure looks the same.
    /// `last_number` is the sequence number of the chunk before.
    #[inline]
    pub(super) fn open(&self, (token_id, last_number): (u32, u32), frame: &mut [u8]) -> Result<usize, TransportError> {
        match self {
            Self::Cbc(keys) => keys.open(frame),
            Self::Aead(keys) => keys.open(token_id, last_number, frame),
        }
    }
}

/// The keys of one direction. `cipher` is `None` when messages are signed only.
pub(super) struct CbcKeys<C> {
    hash: MacHash,
    mac: hmac::Key,
    cipher: Option<C>,
    iv: [u8; SymmetricSuite::BLOCK_LEN],
}

impl<C> CbcKeys<C> {
    fn new(
        hash: MacHash,
        encrypts: bool,
        material: &KeyMaterial,
        cipher: fn(UnboundCipherKey) -> Result<C, aws_lc_rs::error::Unspecified>,
    ) -> Result<Self, CryptoFailed> {
        let mac = match hash {
            MacHash::Sha256 => hmac::HMAC_SHA256,
            MacHash::Sha384 => hmac::HMAC_SHA384,
        };
        let (cipher, iv) = if encrypts {
            let algorithm = if material.encryption().len() == 16 { &AES_128 } else { &AES_256 };
            let key = UnboundCipherKey::new(algorithm, material.encryption()).map_err(|_| CryptoFailed)?;
            (Some(cipher(key).map_err(|_| CryptoFailed)?), *material.iv().first_chunk().ok_or(CryptoFailed)?)
        } else {
            (None, [0; SymmetricSuite::BLOCK_LEN])
        };
        Ok(Self { hash, mac: hmac::Key::new(mac, material.signing()), cipher, iv })
    }

    fn max_body(&self, chunk_len: usize) -> usize {
        let content = chunk_len - CLEAR_LEN;
        let taken = SEQUENCE_LEN + self.hash.output_len();
        if self.cipher.is_some() { content - content % SymmetricSuite::BLOCK_LEN - taken - 1 } else { content - taken }
    }
}

impl CbcKeys<EncryptingKey> {
    fn seal(&self, start: usize, out: &mut Vec<u8>) -> Result<(), CryptoFailed> {
        let signature_len = self.hash.output_len();
        if self.cipher.is_some() {
            let block_len = SymmetricSuite::BLOCK_LEN;
            let unpadded = out.len() - start - CLEAR_LEN + 1 + signature_len;
            let padding = (block_len - unpadded % block_len) % block_len;
            out.resize(out.len() + padding + 1, padding as u8);
        }
        let signed_end = out.len();
        // The size in the header is signed too, so it must already count the signature.
        out.resize(signed_end + signature_len, 0);
        FrameHeader::close(start, out);
        let (signed, place) = out.split_at_mut(signed_end);
        let tag = hmac::sign(&self.mac, signed.get(start..).ok_or(CryptoFailed)?);
        place.copy_from_slice(tag.as_ref());
        if let Some(cipher) = &self.cipher {
            let content = out.get_mut(start + CLEAR_LEN..).ok_or(CryptoFailed)?;
            let context = EncryptionContext::Iv128(FixedLength::from(self.iv));
            cipher.less_safe_encrypt(content, context).map_err(|_| CryptoFailed)?;
        }
        Ok(())
    }
}

impl CbcKeys<DecryptingKey> {
    /// Padding is looked at only after the signature has proved that the peer wrote it.
    fn open(&self, frame: &mut [u8]) -> Result<usize, TransportError> {
        let signature_len = self.hash.output_len();
        if let Some(cipher) = &self.cipher {
            let content = frame.get_mut(CLEAR_LEN..).ok_or(Fault::NotAuthentic)?;
            if content.is_empty() || !content.len().is_multiple_of(SymmetricSuite::BLOCK_LEN) {
                return Err(Fault::NotAuthentic.into());
            }
            let context = DecryptionContext::Iv128(FixedLength::from(self.iv));
            cipher.decrypt(content, context).map_err(|_| Fault::NotAuthentic)?;
        }
        let signed_end =
            frame.len().checked_sub(signature_len).filter(|end| *end >= BODY_AT).ok_or(Fault::NotAuthentic)?;
        let (signed, tag) = frame.split_at(signed_end);
        hmac::verify(&self.mac, signed, tag).map_err(|_| Fault::NotAuthentic)?;
        if self.cipher.is_none() {
            return Ok(signed_end);
        }
        let (padding, _) = signed.split_last().ok_or(Fault::NotAuthentic)?;
        let body_end = (signed_end - 1)
            .checked_sub(usize::from(*padding))
            .filter(|end| *end >= BODY_AT)
            .ok_or(Fault::NotAuthentic)?;
        let padded = signed.get(body_end..).ok_or(Fault::NotAuthentic)?;
        if padded.iter().any(|byte| byte != padding) {
            return Err(Fault::NotAuthentic.into());
        }
        Ok(body_end)
    }
}

/// The numbers in the clear part of a chunk: channel id and token id.
#[inline]
pub(super) fn clear_ids(frame: &[u8]) -> Result<(u32, u32), DecodeError> {
    let mut reader = Reader::new(frame.get(8..).ok_or(DecodeError::End)?);
    Ok((reader.u32()?, reader.u32()?))
}

/// Sequence number and request id of an opened chunk.
#[inline]
pub(super) fn sequence_ids(frame: &[u8]) -> Result<(u32, u32), DecodeError> {
    let mut reader = Reader::new(frame.get(CLEAR_LEN..).ok_or(DecodeError::End)?);
    Ok((reader.u32()?, reader.u32()?))
}
