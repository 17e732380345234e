//! OpenSecureChannel messages: signed with the keys of the certificates, and encrypted where these can (Part 6, 6.7.2
//! and 6.7.4).

use super::{AsymmetricEncryption, CryptoFailed, KeyExchange, OwnIdentity, PeerCertificate, SecurityPolicy};
use crate::codec::{DecodeError, Encode, Reader, write_bytes, write_str};
use crate::transport::{ChunkKind, Fault, FrameHeader, MessageKind, TransportError};

/// Longest policy URI in bytes (Part 6, Table 43).
const POLICY_URI_MAX: usize = 255;

/// Most blocks of an OpenSecureChannel message: its few fields and a signature take two to five.
const MAX_BLOCKS: usize = 16;

/// The part of an OpenSecureChannel frame that is never encrypted.
pub(super) struct OpenHeader<'a> {
    pub(super) channel_id: u32,
    pub(super) policy_uri: &'a str,
    pub(super) sender_certificate: Option<&'a [u8]>,
    pub(super) receiver_thumbprint: Option<&'a [u8]>,
    /// Where the encrypted part starts.
    pub(super) len: usize,
}

impl<'a> OpenHeader<'a> {
    pub(super) fn parse(frame: &'a [u8]) -> Result<Self, TransportError> {
        let mut reader = Reader::new(frame);
        reader.bytes(8)?;
        let channel_id = reader.u32()?;
        let policy_uri = reader.str()?.unwrap_or_default();
        if policy_uri.len() > POLICY_URI_MAX {
            return Err(Fault::Policy.into());
        }
        let sender_certificate = reader.byte_string()?;
        let receiver_thumbprint = reader.byte_string()?;
        Ok(Self { channel_id, policy_uri, sender_certificate, receiver_thumbprint, len: reader.position() })
    }
}

/// What an OpenSecureChannel frame carries once it is proved to be authentic.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) sequence_number: u32,
    pub(super) request_id: u32,
    pub(super) body: Vec<u8>,
    /// Empty for the policy None.
    pub(super) signature: Vec<u8>,
}

/// Decrypts and verifies. Every failure looks the same. `also_signed` is what the sender signed behind the message: for
/// the first response of a bound channel the signature of the request (Part 6, 6.7.5).
pub(super) fn open(
    policy: &SecurityPolicy,
    parties: Option<(&OwnIdentity, &PeerCertificate)>,
    frame: &[u8],
    clear_len: usize,
    also_signed: &[u8],
) -> Result<Opened, TransportError> {
    let (clear, content) = frame.split_at_checked(clear_len).ok_or(DecodeError::End)?;
    let (Some(suite), Some((own, sender))) = (&policy.asymmetric, parties) else {
        return split(content, Vec::new(), DecodeError::End.into());
    };
    let plain;
    let content = match suite.exchange {
        KeyExchange::Encrypted { algorithm, .. } => {
            plain = own.decrypt(algorithm, content, MAX_BLOCKS).map_err(|_| Fault::NotAuthentic)?;
            plain.as_slice()
        }
        KeyExchange::Agreed(_) => content,
    };
    let signed_end = content.len().checked_sub(sender.signature_len()).ok_or(Fault::NotAuthentic)?;
    let (signed, signature) = content.split_at(signed_end);
    let message = [clear, signed, also_signed].concat();
    if !sender.verifies(suite.signature, &message, signature) {
        return Err(Fault::NotAuthentic.into());
    }
    let body_end = match suite.exchange {
        KeyExchange::Encrypted { .. } => padding_start(signed, own.signature_len()).ok_or(Fault::NotAuthentic)?,
        KeyExchange::Agreed(_) => signed_end,
    };
    split(signed.get(..body_end).unwrap_or_default(), signature.to_vec(), Fault::NotAuthentic.into())
}

/// Checks that nothing follows the structure in the body of a message. Where nothing is encrypted nothing is padded, but
/// some peers (open62541 1.5) write the length of no padding, a zero that their signature covers.
pub(super) fn finish(policy: &SecurityPolicy, reader: &Reader<'_>) -> Result<(), DecodeError> {
    match reader.rest() {
        [] => Ok(()),
        [0] if policy.curve().is_some() => Ok(()),
        _ => Err(DecodeError::Trailing),
    }
}

/// Where the padding at the end starts. Keys beyond 2048 bits have a second byte for its length.
fn padding_start(signed: &[u8], key_bytes: usize) -> Option<usize> {
    let (high, signed) = if key_bytes > 256 {
        let (high, signed) = signed.split_last()?;
        (usize::from(*high), signed)
    } else {
        (0, signed)
    };
    let low = *signed.last()?;
    let start = signed.len().checked_sub((high << 8 | usize::from(low)) + 1)?;
    let intact = signed.get(start..)?.iter().all(|byte| *byte == low);
    intact.then_some(start)
}

fn split(content: &[u8], signature: Vec<u8>, too_short: TransportError) -> Result<Opened, TransportError> {
    let mut reader = Reader::new(content);
    let (Ok(sequence_number), Ok(request_id)) = (reader.u32(), reader.u32()) else {
        return Err(too_short);
    };
    Ok(Opened { sequence_number, request_id, body: reader.rest().to_vec(), signature })
}

/// Appends a whole frame: header, then sequence number, request id and body, signed, and encrypted where the keys can.
/// Returns the signature, which is empty for the policy None.
pub(super) fn seal(
    policy: &SecurityPolicy,
    parties: Option<(&OwnIdentity, &PeerCertificate)>,
    channel_id: u32,
    (sequence_number, request_id): (u32, u32),
    (body, also_signed): (&[u8], &[u8]),
    out: &mut Vec<u8>,
) -> Result<Vec<u8>, CryptoFailed> {
    let start = FrameHeader::open(MessageKind::Open, ChunkKind::Final, out);
    channel_id.encode(out);
    write_str(policy.uri, out);
    let (Some(suite), Some((own, receiver))) = (&policy.asymmetric, parties) else {
        // No certificate, no thumbprint.
        (-1_i32).encode(out);
        (-1_i32).encode(out);
        sequence_number.encode(out);
        request_id.encode(out);
        out.extend_from_slice(body);
        FrameHeader::close(start, out);
        return Ok(Vec::new());
    };
    write_bytes(own.certificate().chain(), out);
    write_bytes(receiver.thumbprint(), out);
    let clear_end = out.len();
    sequence_number.encode(out);
    request_id.encode(out);
    out.extend_from_slice(body);
    let encrypted_len = match suite.exchange {
        KeyExchange::Encrypted { algorithm, .. } => pad(own, receiver, algorithm, clear_end, out),
        KeyExchange::Agreed(_) => out.len() - clear_end + own.signature_len(),
    };
    // The size in the header is signed too, so it must be the final one.
    let frame_len = (clear_end - start + encrypted_len) as u32;
    out.get_mut(start + 4..start + 8).ok_or(CryptoFailed)?.copy_from_slice(&frame_len.to_le_bytes());
    let message = [out.get(start..).ok_or(CryptoFailed)?, also_signed].concat();
    let signature = own.sign(suite.signature, &message)?;
    out.extend_from_slice(&signature);
    if let KeyExchange::Encrypted { algorithm, .. } = suite.exchange {
        let plain = zeroize::Zeroizing::new(out.split_off(clear_end));
        receiver.encrypt(algorithm, &plain, out)?;
    }
    Ok(signature)
}

/// Pads what follows `clear_end` so that it fills blocks together with the signature; returns its length encrypted.
fn pad(
    own: &OwnIdentity,
    receiver: &PeerCertificate,
    algorithm: AsymmetricEncryption,
    clear_end: usize,
    out: &mut Vec<u8>,
) -> usize {
    // A key that cannot encrypt has no blocks; encryption fails afterwards.
    let plain_block = receiver.max_plain_block(algorithm).max(1);
    let extra = usize::from(receiver.signature_len() > 256);
    let unpadded = out.len() - clear_end + 1 + extra + own.signature_len();
    let padding = (plain_block - unpadded % plain_block) % plain_block;
    let [low, high, ..] = padding.to_le_bytes();
    out.resize(out.len() + padding + 1, low);
    if extra == 1 {
        out.push(high);
    }
    (unpadded + padding) / plain_block * receiver.signature_len()
}
