//! One frame in, one frame out: what the three framings have in common.

use std::ops::Range;

use tagwire_driver::Intake;
use thiserror::Error;

use super::{Function, ascii, rtu, tcp};

/// How a PDU is wrapped, whatever carries the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// MBAP header with a transaction number (Modbus messaging on TCP/IP 1.0b, 3.1.3).
    Tcp,
    /// Unit, PDU, CRC (Modbus over serial line 1.02, 2.5.1).
    Rtu,
    /// Hexadecimal text from `:` to line feed, with LRC (2.5.2).
    Ascii,
}

/// Which end of the line reads: a client reads answers, a server reads requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Asks.
    Client,
    /// Answers.
    Server,
}

/// An answer that a client still waits for; RTU has no other way to know where an answer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The unit that was asked.
    pub unit: u8,
    /// The function that was asked for.
    pub function: u8,
    /// Length of the normal answer's PDU.
    pub pdu_len: usize,
}

impl Expected {
    /// Whether an answer with this unit and function code can be the one, as a normal answer or as an exception.
    pub const fn matches(&self, unit: u8, function: u8) -> bool {
        self.unit == unit && self.function == function & !Function::EXCEPTION_BIT
    }
}

/// A complete frame inside the reader's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Transaction number; 0 in framings without one.
    pub transaction: u16,
    /// Unit identifier.
    pub unit: u8,
    /// Function code and what belongs to it, 1 to 253 bytes.
    pub pdu: &'a [u8],
    /// The frame as it came.
    pub raw: &'a [u8],
}

/// The stream cannot be followed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The protocol identifier of an MBAP header is not 0.
    #[error("header names protocol {0} instead of 0")]
    Protocol(u16),
    /// The length of an MBAP header is no length of a Modbus message.
    #[error("header announces {0} bytes")]
    Length(u16),
}

/// What the bytes at the front of a buffer are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// A frame may begin here, more bytes are needed.
    More,
    /// That many bytes belong to no frame.
    Skip(usize),
    /// A frame of `len` bytes whose PDU lies at `pdu`.
    Frame { len: usize, transaction: u16, unit: u8, pdu: Range<usize> },
}

/// Cuts a byte stream into frames. Its buffer has a fixed size, whatever the peer announces or sends.
#[derive(Debug)]
pub struct FrameReader {
    framing: Framing,
    role: Role,
    any_protocol: bool,
    intake: Intake,
    /// The bytes of the last ASCII frame.
    plain: Vec<u8>,
    n_skipped: u64,
}

impl FrameReader {
    /// Size of the buffer: several frames of any framing.
    pub const CAPACITY: usize = 2048;

    /// A reader with an empty buffer.
    pub fn new(framing: Framing, role: Role) -> Self {
        let intake = Intake::new(Self::CAPACITY / 2, Self::CAPACITY);
        Self { framing, role, any_protocol: false, intake, plain: Vec::new(), n_skipped: 0 }
    }

    /// Accepts any protocol identifier in MBAP headers.
    pub const fn accept_any_protocol(&mut self, yes: bool) {
        self.any_protocol = yes;
    }

    /// Room for the next bytes of the stream, never empty.
    pub fn space(&mut self) -> &mut [u8] {
        self.intake.space()
    }

    /// Takes over the first `n` bytes of [`FrameReader::space`].
    pub fn filled(&mut self, n: usize) {
        self.intake.filled(n);
    }

    /// Forgets everything that was not handed out, as after a silence on a serial line.
    pub const fn clear(&mut self) {
        self.intake.clear();
    }

    /// Whether the beginning of a frame waits for its rest.
    pub fn is_partial(&self) -> bool {
        !self.intake.waiting().is_empty()
    }

    /// Bytes that belonged to no frame.
    pub const fn n_skipped(&self) -> u64 {
        self.n_skipped
    }

    /// The next complete frame; `None` until more bytes came. An RTU client finds only answers that are `expected`.
    ///
    /// # Errors
    /// [`FrameError`] when a TCP stream lost its frames for good; RTU and ASCII skip to the next frame instead.
    pub fn next(&mut self, expected: &[Expected]) -> Result<Option<Frame<'_>>, FrameError> {
        Ok(self.advance(expected)?.map(|place| self.frame(&place)))
    }

    /// As [`FrameReader::next`], without holding on to the buffer.
    pub(crate) fn advance(&mut self, expected: &[Expected]) -> Result<Option<Place>, FrameError> {
        loop {
            let bytes = self.intake.waiting();
            if bytes.is_empty() {
                return Ok(None);
            }
            let scan = match (self.framing, self.role) {
                (Framing::Tcp, _) => tcp::scan(bytes, self.any_protocol)?,
                (Framing::Rtu, Role::Client) => rtu::scan_answer(bytes, expected),
                (Framing::Rtu, Role::Server) => rtu::scan_request(bytes),
                (Framing::Ascii, _) => ascii::scan(bytes, &mut self.plain),
            };
            match scan {
                Scan::More => return Ok(None),
                Scan::Skip(n) => {
                    self.intake.take(n);
                    self.n_skipped += n as u64;
                }
                Scan::Frame { len, transaction, unit, pdu } => {
                    // Where an answer was cut short, the next one fills it up, and only what follows shows it.
                    if (self.framing, self.role) == (Framing::Tcp, Role::Client) {
                        tcp::scan(&bytes[len..], self.any_protocol)?;
                    }
                    let raw = self.intake.take(len);
                    return Ok(Some(Place { transaction, unit, pdu, raw }));
                }
            }
        }
    }

    /// The frame at the place that the last [`FrameReader::advance`] found.
    pub(crate) fn frame(&self, place: &Place) -> Frame<'_> {
        let raw = self.intake.taken(place.raw.clone());
        let pdu = if self.framing == Framing::Ascii { &self.plain[place.pdu.clone()] } else { &raw[place.pdu.clone()] };
        Frame { transaction: place.transaction, unit: place.unit, pdu, raw }
    }
}

/// Where in the buffer a frame lies.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    transaction: u16,
    unit: u8,
    pdu: Range<usize>,
    raw: Range<usize>,
}

/// Appends a frame around what `pdu` appends. The transaction number is dropped by framings without one.
pub fn encode_frame(framing: Framing, transaction: u16, unit: u8, out: &mut Vec<u8>, pdu: impl FnOnce(&mut Vec<u8>)) {
    match framing {
        Framing::Tcp => tcp::encode(transaction, unit, out, pdu),
        Framing::Rtu => rtu::encode(unit, out, pdu),
        Framing::Ascii => ascii::encode(unit, out, pdu),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: [u8; 5] = [3, 0, 0x6B, 0, 3];

    fn feed(reader: &mut FrameReader, bytes: &[u8]) {
        reader.space()[..bytes.len()].copy_from_slice(bytes);
        reader.filled(bytes.len());
    }

    fn frame(framing: Framing, transaction: u16) -> Vec<u8> {
        let mut out = Vec::new();
        encode_frame(framing, transaction, 0x11, &mut out, |out| out.extend_from_slice(&READ));
        out
    }

    #[test]
    fn golden_frames() {
        assert_eq!(frame(Framing::Tcp, 0x1501), [0x15, 1, 0, 0, 0, 6, 0x11, 3, 0, 0x6B, 0, 3]);
        assert_eq!(frame(Framing::Rtu, 9), [0x11, 3, 0, 0x6B, 0, 3, 0x76, 0x87]);
        assert_eq!(frame(Framing::Ascii, 9), b":1103006B00037E\r\n");
    }

    #[test]
    fn frames_are_found_byte_by_byte_and_several_at_once() {
        for framing in [Framing::Tcp, Framing::Rtu, Framing::Ascii] {
            let bytes = frame(framing, 7);
            let mut reader = FrameReader::new(framing, Role::Server);
            for (idx, byte) in bytes.iter().enumerate() {
                assert_eq!(reader.next(&[]), Ok(None), "{framing:?} after {idx} bytes");
                feed(&mut reader, &[*byte]);
            }
            for _ in 0..3 {
                feed(&mut reader, &bytes);
            }
            for _ in 0..4 {
                let found = reader.next(&[]).expect("in step").expect("complete");
                assert_eq!((found.unit, found.pdu, found.raw), (0x11, &READ[..], &bytes[..]), "{framing:?}");
            }
            assert_eq!(reader.next(&[]), Ok(None));
        }
    }

    #[test]
    fn rtu_and_ascii_find_a_request_behind_garbage() {
        for framing in [Framing::Rtu, Framing::Ascii] {
            let mut reader = FrameReader::new(framing, Role::Server);
            feed(&mut reader, &[&[0x55, 3, 0xAA, b':', b'4', 0, 1, 5], &frame(framing, 0)[..]].concat());
            feed(&mut reader, &[0; 16]);
            let found = reader.next(&[]).expect("in step").expect("found");
            assert_eq!((found.unit, found.pdu), (0x11, &READ[..]), "{framing:?}");
            assert_eq!(reader.n_skipped(), 8, "{framing:?}");
        }
    }

    #[test]
    fn an_rtu_client_takes_only_expected_answers() {
        let mut answer = Vec::new();
        encode_frame(Framing::Rtu, 0, 0x11, &mut answer, |out| out.extend_from_slice(&[3, 2, 0, 5]));
        let mut reader = FrameReader::new(Framing::Rtu, Role::Client);
        let expected = |unit, pdu_len| [Expected { unit, function: 3, pdu_len }];
        feed(&mut reader, &answer);
        assert_eq!(reader.next(&expected(0x12, 4)), Ok(None));
        feed(&mut reader, &answer);
        assert_eq!(reader.next(&expected(0x11, 6)), Ok(None));
        feed(&mut reader, &answer);
        assert_eq!(reader.next(&expected(0x11, 4)).expect("in step").expect("found").pdu, [3, 2, 0, 5]);
    }

    #[test]
    fn a_lost_tcp_stream_is_an_error_and_lenience_is_a_choice() {
        let mut odd = frame(Framing::Tcp, 1);
        odd[3] = 5;
        let mut reader = FrameReader::new(Framing::Tcp, Role::Client);
        feed(&mut reader, &odd);
        assert_eq!(reader.next(&[]), Err(FrameError::Protocol(5)));
        reader.accept_any_protocol(true);
        assert_eq!(reader.next(&[]).expect("lenient").expect("complete").pdu, READ);
        feed(&mut reader, &[0, 1, 0, 0, 0xFF, 0xFF]);
        assert_eq!(reader.next(&[]), Err(FrameError::Length(0xFFFF)));
    }

    #[test]
    fn a_corrupt_checksum_never_yields_a_frame() {
        for framing in [Framing::Rtu, Framing::Ascii] {
            let good = frame(framing, 0);
            for idx in 0..good.len() * 8 {
                let mut bad = good.clone();
                bad[idx / 8] ^= 1 << (idx % 8);
                let mut reader = FrameReader::new(framing, Role::Server);
                feed(&mut reader, &bad);
                let found = reader.next(&[]).expect("resynchronises");
                // A lower-case digit and a changed end of line spell the same frame.
                let same = framing == Framing::Ascii && bad.to_ascii_uppercase()[..15] == good[..15];
                assert!(found.is_none() || same, "{framing:?} bit {idx}: {found:?}");
            }
        }
    }

    #[test]
    fn endless_garbage_fits_the_buffer() {
        let mut rng = fastrand::Rng::with_seed(1);
        for framing in [Framing::Rtu, Framing::Ascii] {
            let mut reader = FrameReader::new(framing, Role::Server);
            for _ in 0..2_000 {
                let space = reader.space();
                assert!(!space.is_empty());
                let n = rng.usize(1..=space.len());
                rng.fill(&mut space[..n]);
                reader.filled(n);
                while reader.next(&[]).expect("resynchronises").is_some() {}
            }
        }
    }
}
