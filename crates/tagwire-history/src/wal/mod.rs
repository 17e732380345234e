//! The write-ahead log: what is in it and synced outlives the process.

mod ahead;
mod log;
mod record;
mod replay;
mod tail;

pub(crate) use ahead::{Entry, read_ahead};
pub(crate) use log::Log;
pub(crate) use record::{Decoded, put_scan, take_scans};
pub(crate) use replay::{Frame, first_number, replay};
pub use tail::{Arrival, Followed, Tail};

use crate::bytes::{Reader, Short};

const MAGIC: [u8; 8] = *b"TWHISWAL";
const FRAME_MAGIC: [u8; 4] = *b"TWRC";
/// Bytes before the first frame of a file.
const HEAD_LEN: usize = 32;
/// Bytes before the payload of a frame.
pub(crate) const FRAME_LEN: usize = 40;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Samples,
    Barrier,
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHead {
    pub(crate) len: u32,
    pub(crate) first_no: u64,
    pub(crate) count: u32,
    pub(crate) kind: Kind,
    pub(crate) durable_no: u64,
    pub(crate) crc: u32,
}

impl FrameHead {
    fn put(&self) -> [u8; FRAME_LEN] {
        let mut bytes = [0; FRAME_LEN];
        let mut at = 0;
        let mut put = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        put(&FRAME_MAGIC);
        put(&self.len.to_le_bytes());
        put(&self.first_no.to_le_bytes());
        put(&self.count.to_le_bytes());
        put(&[if self.kind == Kind::Samples { 1 } else { 2 }, 0, 0, 0]);
        put(&self.durable_no.to_le_bytes());
        put(&self.crc.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..FRAME_LEN - 4]);
        bytes[FRAME_LEN - 4..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Self, Short> {
        let bytes = bytes.get(..FRAME_LEN).ok_or(Short)?;
        let (content, crc) = bytes.split_last_chunk::<4>().ok_or(Short)?;
        if !content.starts_with(&FRAME_MAGIC) || crc32c::crc32c(content) != u32::from_le_bytes(*crc) {
            return Err(Short);
        }
        let mut reader = Reader::new(content);
        reader.u32()?;
        let (len, first_no, count) = (reader.u32()?, reader.u64()?, reader.u32()?);
        let kind = match reader.u8()? {
            1 => Kind::Samples,
            2 => Kind::Barrier,
            _ => return Err(Short),
        };
        reader.take(3)?;
        Ok(Self { len, first_no, count, kind, durable_no: reader.u64()?, crc: reader.u32()? })
    }
}

/// The name of a file of the log.
pub(crate) fn wal_name(number: u64) -> String {
    format!("{number:010}.wal")
}
