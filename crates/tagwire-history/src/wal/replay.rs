//! Reading the log after a start.

use super::{FRAME_LEN, FrameHead, HEAD_LEN, Kind, MAGIC, wal_name};
use crate::bytes::Reader;
use crate::storage::{Storage, read_vec};
use crate::{Damage, FORMAT_VERSION, HistoryError};

/// A whole frame.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) head: FrameHead,
    pub(crate) payload: &'a [u8],
}

/// What the log told.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    /// Number, first sample and length of each file, oldest first.
    pub(crate) files: Vec<(u64, u64, u64)>,
    /// The number that the next sample gets.
    pub(crate) next_no: u64,
    pub(crate) damage: Vec<Damage>,
    /// Bytes that belong to no whole frame.
    pub(crate) cut: u64,
}

/// Files of the log, oldest first.
pub(super) fn numbers(storage: &dyn Storage) -> Result<Vec<u64>, HistoryError> {
    let names = storage.list().map_err(HistoryError::io("history"))?;
    let mut numbers: Vec<u64> =
        names.iter().filter_map(|name| name.strip_suffix(".wal")).filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Hands every frame to `each` once, in the order of the numbers, and tells what is not whole. Nobody misses samples
/// below `released`, whose files may be gone or half gone.
pub(crate) fn replay(
    storage: &dyn Storage,
    released: u64,
    mut each: impl FnMut(&Frame<'_>) -> Result<(), HistoryError>,
) -> Result<Replayed, HistoryError> {
    let mut told = Replayed::default();
    let mut acknowledged = 0_u64;
    let mut missing: Vec<(String, u64, u64)> = Vec::new();
    let mut expected: Option<u64> = None;
    for number in numbers(storage)? {
        let name = wal_name(number);
        let file = storage.open(&name, false).map_err(HistoryError::io(&name))?;
        let len = file.len().map_err(HistoryError::io(&name))?;
        let bytes = read_vec(&*file, 0, len as usize).map_err(HistoryError::io(&name))?;
        let first_no = file_head(&name, &bytes)?;
        told.files.push((number, first_no.unwrap_or_else(|| expected.unwrap_or(0)), len));
        if expected.is_none() {
            expected = first_no;
        }
        let mut at = HEAD_LEN;
        let mut good_end = HEAD_LEN.min(bytes.len());
        while at < bytes.len() {
            let Some((head, payload)) = frame_at(&bytes, at) else {
                match find_frame(&bytes, at + 1) {
                    Some(next) => {
                        told.cut += (next - at) as u64;
                        at = next;
                    }
                    None => break,
                }
                continue;
            };
            at += FRAME_LEN + payload.len();
            good_end = at;
            acknowledged = acknowledged.max(head.durable_no);
            let next = expected.unwrap_or(head.first_no);
            if head.first_no < next || head.first_no == next && head.count == 0 && head.kind == Kind::Samples {
                continue;
            }
            if head.first_no > next {
                missing.push((name.clone(), next, head.first_no));
            }
            each(&Frame { head, payload })?;
            expected = Some(head.first_no + u64::from(head.count));
        }
        told.cut += (bytes.len() - good_end) as u64;
    }
    told.next_no = expected.unwrap_or(0).max(acknowledged);
    if let Some(expected) = expected
        && acknowledged > expected
    {
        missing.push(("log".to_owned(), expected, acknowledged));
    }
    // Samples beyond what any frame knows to be lasting were never acknowledged.
    for (name, from, to) in missing {
        let (from, to) = (from.max(released), to.min(acknowledged));
        if from < to {
            told.damage.push(Damage::unknown(name, Some(to - from)));
        }
    }
    Ok(told)
}

/// The number of the first sample; `None` when the head is damaged.
pub(super) fn file_head(name: &str, bytes: &[u8]) -> Result<Option<u64>, HistoryError> {
    let Some(head) = bytes.get(..HEAD_LEN) else { return Ok(None) };
    let version = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
    let mut reader = Reader::new(&head[12..]);
    let (Ok(_), Ok(first_no), Ok(crc)) = (reader.u64(), reader.u64(), reader.u32()) else { return Ok(None) };
    if !head.starts_with(&MAGIC) || crc32c::crc32c(&head[..HEAD_LEN - 4]) != crc {
        return Ok(None);
    }
    if version > FORMAT_VERSION {
        return Err(HistoryError::Newer { file: name.to_owned(), found: version, known: FORMAT_VERSION });
    }
    Ok(Some(first_no))
}

pub(crate) fn frame_at(bytes: &[u8], at: usize) -> Option<(FrameHead, &[u8])> {
    let rest = bytes.get(at..)?;
    let head = FrameHead::read(rest).ok()?;
    let payload = rest.get(FRAME_LEN..)?.get(..head.len as usize)?;
    (crc32c::crc32c(payload) == head.crc).then_some((head, payload))
}

pub(super) fn find_frame(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(rest) = bytes.get(at..) {
        let found = rest.windows(4).position(|window| window == super::FRAME_MAGIC)?;
        at += found;
        if frame_at(bytes, at).is_some() {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// No number in the log is lower than this; `None` when there is no log.
pub(crate) fn first_number(storage: &dyn Storage) -> Result<Option<u64>, HistoryError> {
    let mut least = None;
    for number in numbers(storage)? {
        let name = wal_name(number);
        let file = storage.open(&name, false).map_err(HistoryError::io(&name))?;
        let len = file.len().map_err(HistoryError::io(&name))?;
        let bytes = read_vec(&*file, 0, HEAD_LEN.min(len as usize)).map_err(HistoryError::io(&name))?;
        // A file whose head is damaged may hold anything.
        let first_no = file_head(&name, &bytes)?.unwrap_or(0);
        least = Some(least.map_or(first_no, |least: u64| least.min(first_no)));
    }
    Ok(least)
}
