//! Jobs: what a client asks of a CPU.

use std::fmt;

use super::header::{self, JOB, PduError, READ, SETUP, WRITE};
use super::pointer::{Area, Pointer, Size};
use super::{POINTER_LEN, word};

/// What both ends agree on before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Jobs that the client may have under way at once.
    pub n_calling: u16,
    /// Jobs that the CPU may have under way at once.
    pub n_called: u16,
    /// Longest message in bytes.
    pub pdu_len: u16,
}

impl Setup {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[SETUP, 0]);
        for field in [self.n_calling, self.n_called, self.pdu_len] {
            out.extend_from_slice(&field.to_be_bytes());
        }
    }

    pub(super) fn decode(parameters: &[u8]) -> Result<Self, PduError> {
        let field = |at| word(parameters, at).ok_or(PduError::Length);
        if parameters.len() != 8 {
            return Err(PduError::Length);
        }
        Ok(Self { n_calling: field(2)?, n_called: field(4)?, pdu_len: field(6)? })
    }
}

/// The kinds of data in an item, with their code.
pub(super) mod kind {
    /// One bit in a byte; the length counts bits.
    pub(in crate::codec) const BIT: u8 = 3;
    /// Bytes; the length counts bits.
    pub(in crate::codec) const BYTES: u8 = 4;
    /// 16-bit integers; the length counts bits.
    pub(in crate::codec) const INTEGERS: u8 = 5;
    /// Octets, and timers and counters; the length counts bytes.
    pub(in crate::codec) const OCTETS: u8 = 9;
}

/// Appends the head of an item's data.
pub(super) fn item_head(code: u8, size: Size, len: usize, out: &mut Vec<u8>) {
    let (kind, len) = match size {
        Size::BIT => (kind::BIT, len),
        Size::COUNTER | Size::TIMER => (kind::OCTETS, len),
        _ => (kind::BYTES, len * 8),
    };
    out.extend_from_slice(&[code, kind]);
    out.extend_from_slice(&(len as u16).to_be_bytes());
}

/// Bytes of an item's data by its head.
pub(super) fn item_len(head: &[u8]) -> Result<usize, PduError> {
    let len = usize::from(word(head, 2).ok_or(PduError::Length)?);
    Ok(match head.get(1) {
        Some(&(kind::BYTES | kind::INTEGERS)) => len.div_ceil(8),
        Some(_) => len,
        None => return Err(PduError::Length),
    })
}

/// Appends a job that agrees on lengths.
pub fn encode_setup(reference: u16, setup: &Setup, out: &mut Vec<u8>) {
    header::encode(JOB, reference, 0, out, |out| setup.encode(out), |_| {});
}

/// Appends a job that reads items, at most 255.
pub fn encode_read(reference: u16, items: impl ExactSizeIterator<Item = Pointer>, out: &mut Vec<u8>) {
    let parameters = |out: &mut Vec<u8>| {
        out.extend_from_slice(&[READ, items.len() as u8]);
        items.for_each(|item| item.encode(out));
    };
    header::encode(JOB, reference, 0, out, parameters, |_| {});
}

/// One item to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteItem<'a> {
    /// Where.
    pub pointer: Pointer,
    /// The bytes; one byte, 0 or 1, for a bit.
    pub data: &'a [u8],
}

/// Appends a job that writes items, at most 255.
pub fn encode_write(reference: u16, items: &[WriteItem<'_>], out: &mut Vec<u8>) {
    let parameters = |out: &mut Vec<u8>| {
        out.extend_from_slice(&[WRITE, items.len() as u8]);
        items.iter().for_each(|item| item.pointer.encode(out));
    };
    let data = |out: &mut Vec<u8>| {
        for (idx, item) in items.iter().enumerate() {
            item_head(0, item.pointer.size, item.data.len(), out);
            out.extend_from_slice(item.data);
            if !item.data.len().is_multiple_of(2) && idx + 1 < items.len() {
                out.push(0);
            }
        }
    };
    header::encode(JOB, reference, 0, out, parameters, data);
}

/// The addresses in a job, 12 bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointers<'a>(&'a [u8]);

impl Pointers<'_> {
    /// The addresses in order; an address of another syntax than S7-ANY is an error of that item alone.
    pub fn iter(&self) -> impl Iterator<Item = Result<Pointer, PduError>> {
        self.0.chunks_exact(POINTER_LEN).map(Pointer::decode)
    }

    /// Number of addresses.
    pub const fn len(&self) -> usize {
        self.0.len() / POINTER_LEN
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The data in a job that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteItems<'a>(&'a [u8]);

impl<'a> WriteItems<'a> {
    /// The data of each item, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (data, tail) = split_item(rest).ok()?;
            rest = tail;
            Some(data)
        })
    }
}

/// The data of the item at the front, and what follows its padding.
pub(super) fn split_item(bytes: &[u8]) -> Result<(&[u8], &[u8]), PduError> {
    let len = item_len(bytes)?;
    let data = bytes.get(4..).and_then(|rest| rest.get(..len)).ok_or(PduError::Length)?;
    let padded = 4 + len + len % 2;
    Ok((data, bytes.get(padded..).unwrap_or_default()))
}

/// A job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The number that the answer carries too.
    pub reference: u16,
    /// What is asked.
    pub body: RequestBody<'a>,
}

/// What a job asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBody<'a> {
    /// Agree on lengths.
    Setup(Setup),
    /// Read items.
    Read(Pointers<'a>),
    /// Write items.
    Write(Pointers<'a>, WriteItems<'a>),
    /// Something else, with its function.
    Other(u8),
}

impl<'a> Request<'a> {
    /// Reads a job and checks that its lengths agree.
    ///
    /// # Errors
    /// [`PduError`] says what is wrong.
    pub fn decode(pdu: &'a [u8]) -> Result<Self, PduError> {
        let parts = header::parts(pdu)?;
        if parts.kind != JOB {
            return Err(PduError::Kind(parts.kind));
        }
        let function = *parts.parameters.first().ok_or(PduError::Length)?;
        let body = match function {
            SETUP => RequestBody::Setup(Setup::decode(parts.parameters)?),
            READ => RequestBody::Read(pointers(parts.parameters)?),
            WRITE => {
                let pointers = pointers(parts.parameters)?;
                let mut rest = parts.data;
                for _ in 0..pointers.len() {
                    (_, rest) = split_item(rest)?;
                }
                if !rest.is_empty() {
                    return Err(PduError::Length);
                }
                RequestBody::Write(pointers, WriteItems(parts.data))
            }
            other => RequestBody::Other(other),
        };
        Ok(Self { reference: parts.reference, body })
    }
}

fn pointers(parameters: &[u8]) -> Result<Pointers<'_>, PduError> {
    let Some((&[_, count], items)) = parameters.split_first_chunk() else { return Err(PduError::Length) };
    if count == 0 {
        return Err(PduError::Field);
    }
    if items.len() == usize::from(count) * POINTER_LEN { Ok(Pointers(items)) } else { Err(PduError::Length) }
}

/// One line for the decode trace.
impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, verb: &str, pointers: &Pointers<'_>| {
            write!(f, "job {}: {verb}", self.reference)?;
            pointers.iter().enumerate().try_for_each(|(idx, pointer)| {
                f.write_str(if idx == 0 { " " } else { ", " })?;
                match pointer {
                    Ok(pointer) => write!(f, "{pointer}"),
                    Err(_) => f.write_str("an address of another syntax"),
                }
            })
        };
        match &self.body {
            RequestBody::Setup(setup) => write!(
                f,
                "job {}: setup, {} bytes per message, {} jobs at once",
                self.reference, setup.pdu_len, setup.n_calling
            ),
            RequestBody::Read(pointers) => list(f, "read", pointers),
            RequestBody::Write(pointers, _) => list(f, "write", pointers),
            RequestBody::Other(function) => write!(f, "job {}: function 0x{function:02X}", self.reference),
        }
    }
}

impl Area {
    /// The size in which a whole unit of the area is counted.
    pub const fn unit_size(self) -> Size {
        match self {
            Self::Counters => Size::COUNTER,
            Self::Timers => Size::TIMER,
            _ => Size::BYTE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_of_two_items_is_the_one_that_cpus_know() {
        let mut out = Vec::new();
        let items = [Pointer::units(Area::DataBlock, 1, 4, 8), Pointer::bit(Area::Memory, 0, 83)];
        encode_read(0x0102, items.into_iter(), &mut out);
        #[rustfmt::skip]
        assert_eq!(out, [
            0x32, 1, 0, 0, 1, 2, 0, 26, 0, 0, 4, 2,
            0x12, 10, 0x10, 2, 0, 8, 0, 1, 0x84, 0, 0, 32,
            0x12, 10, 0x10, 1, 0, 1, 0, 0, 0x83, 0, 0, 83,
        ]);
        let request = Request::decode(&out).expect("valid");
        let RequestBody::Read(found) = request.body else { panic!("{request}") };
        assert_eq!(found.iter().collect::<Vec<_>>(), items.map(Ok));
        assert_eq!(request.to_string(), "job 258: read DB1 byte 4 count 8, bit memory bit 10.3");
    }

    #[test]
    fn items_of_a_write_are_padded_except_the_last() {
        let mut out = Vec::new();
        let items = [
            WriteItem { pointer: Pointer::units(Area::DataBlock, 7, 0, 3), data: &[1, 2, 3] },
            WriteItem { pointer: Pointer::bit(Area::Outputs, 0, 5), data: &[1] },
            WriteItem { pointer: Pointer::units(Area::Timers, 0, 5, 1), data: &[0x10, 0x20] },
            WriteItem { pointer: Pointer::units(Area::Memory, 0, 9, 1), data: &[9] },
        ];
        encode_write(1, &items, &mut out);
        let data = &out[12 + 4 * POINTER_LEN..];
        #[rustfmt::skip]
        assert_eq!(data, [
            0, 4, 0, 24, 1, 2, 3, 0,
            0, 3, 0, 1, 1, 0,
            0, 9, 0, 2, 0x10, 0x20,
            0, 4, 0, 8, 9,
        ]);
        let RequestBody::Write(_, found) = Request::decode(&out).expect("valid").body else { panic!("no write") };
        assert!(found.iter().eq(items.iter().map(|item| item.data)));
    }

    #[test]
    fn every_truncation_of_a_job_is_refused() {
        let mut setup = Vec::new();
        encode_setup(9, &Setup { n_calling: 8, n_called: 8, pdu_len: 960 }, &mut setup);
        assert_eq!(setup, [0x32, 1, 0, 0, 0, 9, 0, 8, 0, 0, 0xF0, 0, 0, 8, 0, 8, 3, 0xC0]);
        let mut write = Vec::new();
        let item = WriteItem { pointer: Pointer::units(Area::DataBlock, 1, 0, 2), data: &[1, 2] };
        encode_write(1, &[item, item], &mut write);
        for job in [setup, write] {
            assert!(Request::decode(&job).is_ok());
            for len in 0..job.len() {
                assert!(Request::decode(&job[..len]).is_err(), "{len} of {job:02X?}");
            }
            assert_eq!(Request::decode(&[&job[..], &[0]].concat()), Err(PduError::Length));
        }
    }
}
