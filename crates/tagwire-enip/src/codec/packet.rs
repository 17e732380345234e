//! The Multiple Service Packet: several requests, or several answers, in one message.

use super::{CodecError, Reader};

/// Where a packet goes: the message router.
pub const PATH: [u8; 4] = [0x20, 0x02, 0x24, 0x01];
/// Bytes of the request around what it carries: service, path, count.
pub const OVERHEAD: usize = 2 + PATH.len() + 2;
/// Bytes of the answer around what it carries: header and count.
pub const ANSWER_OVERHEAD: usize = 4 + 2;
/// Bytes that each request and each answer takes beyond its own.
pub const PER_MESSAGE: usize = 2;

/// Appends a packet's data with `n` messages, each appended by `message`.
pub fn encode(out: &mut Vec<u8>, n: usize, mut message: impl FnMut(usize, &mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&(n as u16).to_le_bytes());
    out.resize(out.len() + 2 * n, 0);
    for idx in 0..n {
        let offset = (out.len() - start) as u16;
        if let Some(place) = out.get_mut(start + 2 + 2 * idx..start + 4 + 2 * idx) {
            place.copy_from_slice(&offset.to_le_bytes());
        }
        message(idx, out);
    }
}

/// The messages of a packet, in order.
///
/// # Errors
/// [`CodecError`] when an offset leads nowhere or does not lie behind the one before: a message has a first byte.
pub fn decode(data: &[u8]) -> Result<impl Iterator<Item = &[u8]>, CodecError> {
    let mut reader = Reader::new(data, "packet");
    let n = usize::from(reader.u16()?);
    let offsets = reader.bytes(2 * n)?;
    let offset = move |idx: usize| match offsets.get(2 * idx..2 * idx + 2) {
        Some(&[low, high]) => usize::from(u16::from_le_bytes([low, high])),
        _ => data.len(),
    };
    for idx in 0..n {
        let (from, to) = (offset(idx), offset(idx + 1));
        if from < 2 + 2 * n || from >= to || to > data.len() {
            return Err(CodecError::Value { what: "offset in a packet", value: from as u32 });
        }
    }
    Ok((0..n).map(move |idx| data.get(offset(idx)..offset(idx + 1)).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_back() {
        let messages: [&[u8]; 3] = [&[1, 2, 3], &[5], &[4]];
        let mut out = Vec::new();
        encode(&mut out, 3, |idx, out| out.extend_from_slice(messages[idx]));
        assert_eq!(out, [3, 0, 8, 0, 11, 0, 12, 0, 1, 2, 3, 5, 4]);
        assert_eq!(decode(&out).expect("a packet").collect::<Vec<_>>(), messages);
    }

    #[test]
    fn offsets_that_lead_nowhere_are_refused() {
        for bad in [&[1, 0][..], &[1, 0, 3, 0], &[1, 0, 9, 0, 1], &[2, 0, 7, 0, 6, 0, 1, 1]] {
            assert!(decode(bad).is_err(), "{bad:?}");
        }
        assert_eq!(decode(&[0, 0]).expect("none").count(), 0);
    }

    #[test]
    fn offsets_that_do_not_rise_are_refused() {
        for offsets in [[8, 8, 10], [8, 10, 10], [8, 10, 12], [10, 8, 9]] {
            let mut data = vec![3, 0];
            offsets.into_iter().for_each(|offset: u16| data.extend_from_slice(&offset.to_le_bytes()));
            data.extend_from_slice(&[1, 2, 3, 4]);
            assert!(decode(&data).is_err(), "{offsets:?}");
        }
    }
}
