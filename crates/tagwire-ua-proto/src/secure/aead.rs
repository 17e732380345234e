//! Chunks that are encrypted and signed in one, or signed by the same means (Part 6, 6.7.2 and 6.8.1).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::derive::KeyMaterial;
use super::symmetric::{BODY_AT, CLEAR_LEN};
use super::{CryptoFailed, SymmetricSuite};
use crate::transport::{Fault, FrameHeader, TransportError};

/// The key of one direction. Nothing is padded; the tag stands where the signature of other policies does.
pub(super) struct AeadKeys {
    key: LessSafeKey,
    iv: [u8; SymmetricSuite::GCM_IV_LEN],
    encrypts: bool,
    /// Chunks sealed so far: beyond all sequence numbers an initialization vector would come back.
    n_sealed: u32,
}

impl AeadKeys {
    /// Bytes at the end of a chunk.
    pub(super) const TAG_LEN: usize = 16;

    pub(super) fn new(encrypts: bool, material: &KeyMaterial) -> Result<Self, CryptoFailed> {
        let iv = *material.iv().first_chunk().ok_or(CryptoFailed)?;
        Ok(Self { key: gcm_key(material.encryption())?, iv, encrypts, n_sealed: 0 })
    }

    /// Both sides know the number of the chunk before without reading this one.
    fn nonce(&self, token_id: u32, last_number: u32) -> Nonce {
        let mut iv = self.iv;
        let mask = token_id.to_le_bytes().into_iter().chain(last_number.to_le_bytes());
        iv.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        Nonce::assume_unique_for_key(iv)
    }

    pub(super) fn seal(
        &mut self,
        token_id: u32,
        number: u32,
        start: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoFailed> {
        self.n_sealed = self.n_sealed.checked_add(1).ok_or(CryptoFailed)?;
        let content_end = out.len();
        // The size in the header is authenticated too, so it must already count the tag.
        out.resize(content_end + Self::TAG_LEN, 0);
        FrameHeader::close(start, out);
        let (content, place) = out.split_at_mut(content_end);
        let frame = content.get_mut(start..).ok_or(CryptoFailed)?;
        let clear_len = if self.encrypts { CLEAR_LEN } else { frame.len() };
        let (clear, secret) = frame.split_at_mut_checked(clear_len).ok_or(CryptoFailed)?;
        let nonce = self.nonce(token_id, number.wrapping_sub(1));
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(&*clear), secret).map_err(|_| CryptoFailed)?;
        place.copy_from_slice(tag.as_ref());
        Ok(())
    }

    pub(super) fn open(&self, token_id: u32, last_number: u32, frame: &mut [u8]) -> Result<usize, TransportError> {
        let body_end =
            frame.len().checked_sub(Self::TAG_LEN).filter(|end| *end >= BODY_AT).ok_or(Fault::NotAuthentic)?;
        let clear_len = if self.encrypts { CLEAR_LEN } else { body_end };
        let (clear, secret) = frame.split_at_mut(clear_len);
        let nonce = self.nonce(token_id, last_number);
        self.key.open_in_place(nonce, Aad::from(&*clear), secret).map_err(|_| Fault::NotAuthentic)?;
        Ok(body_end)
    }
}

/// A key for AES-GCM, of 16 or 32 bytes.
pub(super) fn gcm_key(bytes: &[u8]) -> Result<LessSafeKey, CryptoFailed> {
    let algorithm = if bytes.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
    UnboundKey::new(algorithm, bytes).map(LessSafeKey::new).map_err(|_| CryptoFailed)
}
