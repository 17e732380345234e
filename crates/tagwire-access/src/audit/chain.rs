//! One record as one line, and its link to the record before it (docs/formats/audit.md).

use std::fmt;
use std::io::Write as _;
use std::str::FromStr;

use aws_lc_rs::digest;
use tagwire_model::Timestamp;

use super::{Actor, Details, Fields, What};

/// Digits of a hash.
pub const HASH_DIGITS: usize = 64;

/// What stands between the fields of a record and its two hashes.
const PREV: &[u8] = b",\"prev\":\"";
const HASH: &[u8] = b",\"hash\":\"";

/// Bytes of the field `hash` with the end of the record.
const HASH_LEN: usize = HASH.len() + HASH_DIGITS + 2;
/// Bytes of the field `prev`.
const PREV_LEN: usize = PREV.len() + HASH_DIGITS + 1;

/// A record, by its number and the digits of its hash: the end of a chain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the record, from 1.
    pub seq: u64,
    /// Lower case hexadecimal digits of its hash.
    pub hash: [u8; HASH_DIGITS],
}

impl Head {
    /// What the first record follows.
    pub const START: Self = Self { seq: 0, hash: [b'0'; HASH_DIGITS] };

    /// The digits as text.
    pub fn hash_text(&self) -> &str {
        std::str::from_utf8(&self.hash).unwrap_or_default()
    }
}

/// `12:9f86…`
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash_text())
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Head {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "write the number of a record, a colon and the 64 digits of its hash";
        let (seq, hash) = text.trim().split_once(':').ok_or(WRONG)?;
        let hash = digits(hash.to_ascii_lowercase().as_bytes()).ok_or(WRONG)?;
        Ok(Self { seq: seq.parse().map_err(|_| WRONG)?, hash })
    }
}

/// Appends the digits of each byte.
pub(super) fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

fn digits(bytes: &[u8]) -> Option<[u8; HASH_DIGITS]> {
    let hash: [u8; HASH_DIGITS] = bytes.try_into().ok()?;
    hash.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).then_some(hash)
}

/// Hash of a record: of its bytes without the field `hash`, as if the record ended before it.
fn hash_of(before_hash: &[u8]) -> [u8; HASH_DIGITS] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(before_hash);
    context.update(b"}");
    let mut text = Vec::with_capacity(HASH_DIGITS);
    push_hex(context.finish().as_ref(), &mut text);
    digits(&text).unwrap_or([b'0'; HASH_DIGITS])
}

/// Writes the next record of the chain, with its line end.
pub(super) fn seal(
    head: &mut Head,
    time: Timestamp,
    what: What,
    actor: Option<&Actor>,
    details: &dyn Details,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let seq = head.seq + 1;
    // Writing to memory cannot fail.
    let _ = write!(out, "{{\"seq\":{seq},\"time\":\"");
    write_time(time, out);
    let _ = write!(out, "\",\"what\":\"{}\"", what.word());
    let mut fields = Fields::after_first(out);
    if let Some(actor) = actor {
        actor.write(&mut fields);
    }
    details.write(&mut fields);
    out.extend_from_slice(PREV);
    out.extend_from_slice(&head.hash);
    out.push(b'"');
    let hash = hash_of(&out[start..]);
    out.extend_from_slice(HASH);
    out.extend_from_slice(&hash);
    out.extend_from_slice(b"\"}\n");
    *head = Head { seq, hash };
}

/// All seven digits after the point, so that times sort as text.
fn write_time(time: Timestamp, out: &mut Vec<u8>) {
    let ticks = time.ticks() - Timestamp::UNIX_EPOCH_TICKS;
    let fraction = ticks.rem_euclid(Timestamp::TICKS_PER_SECOND);
    let _ = write!(out, "{}", time.saturating_add_ticks(-fraction));
    if out.last() == Some(&b'Z') {
        out.pop();
    }
    let _ = write!(out, ".{fraction:07}Z");
}

/// The links of a record that was read back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    pub(super) head: Head,
    pub(super) prev: [u8; HASH_DIGITS],
    /// Whether the hash is that of the bytes.
    pub(super) is_intact: bool,
}

/// Reads the links of a line without its end; `None` when it is no record.
pub(super) fn links(line: &[u8]) -> Option<Links> {
    let seq = line.strip_prefix(b"{\"seq\":")?;
    let n_digits = seq.iter().position(|byte| !byte.is_ascii_digit())?;
    let seq = std::str::from_utf8(&seq[..n_digits]).ok()?.parse().ok()?;
    let before_hash = line.len().checked_sub(HASH_LEN)?;
    let hash = line[before_hash..].strip_prefix(HASH)?.strip_suffix(b"\"}")?;
    let prev = line[before_hash.checked_sub(PREV_LEN)?..before_hash].strip_prefix(PREV)?.strip_suffix(b"\"")?;
    let head = Head { seq, hash: digits(hash)? };
    Some(Links { head, prev: digits(prev)?, is_intact: hash_of(&line[..before_hash]) == head.hash })
}
