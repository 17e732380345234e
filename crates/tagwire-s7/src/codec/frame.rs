//! Frames of a stream: TPKT (RFC 1006, 6) around COTP data and connection frames.

use std::ops::Range;

use tagwire_driver::Intake;
use thiserror::Error;

use super::cotp::Connect;
use super::word;

/// TPKT header.
const TPKT: usize = 4;
/// TPKT header and COTP header of data.
const DATA_HEADER: usize = 7;
const DATA: u8 = 0xF0;
/// Set in the last frame of a message (ISO 8073, 13.7.3).
const LAST: u8 = 0x80;

/// The stream cannot be followed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The first byte of a frame is not 3.
    #[error("frame has version {0} instead of 3")]
    Version(u8),
    /// The length of a frame is shorter than its header or beyond what anybody sends.
    #[error("frame announces {0} bytes")]
    Length(u16),
    /// A frame of a kind that does not occur here, or with a header that does not fit it.
    #[error("frame of kind 0x{0:02X} cannot be read")]
    Kind(u8),
    /// A message in several frames grows beyond what anybody sends.
    #[error("message in several frames is too long")]
    Message,
}

/// What one frame, or the frames of one message, carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tpdu<'a> {
    /// A client wants to connect.
    ConnectRequest(Connect),
    /// A server agrees.
    ConnectConfirm(Connect),
    /// The other end ends the connection, with this reason.
    Disconnect(u8),
    /// A whole message.
    Data(&'a [u8]),
}

/// Cuts a byte stream into frames and joins the frames of a message. It takes no memory for bytes that were only
/// announced.
#[derive(Debug)]
pub struct FrameReader {
    intake: Intake,
    /// The frames of a message so far.
    joined: Vec<u8>,
    /// The joined message was handed out, so that the next frame begins a new one.
    is_whole: bool,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameReader {
    /// Longest frame and longest message: four times what CPUs negotiate.
    pub const MAX_LEN: usize = 4096;
    /// Size of the buffer: the answers to as many jobs as are ever under way at once.
    pub const CAPACITY: usize = 8 * Self::MAX_LEN;

    /// A reader with an empty buffer.
    pub fn new() -> Self {
        let intake = Intake::new(Self::CAPACITY / 2, Self::CAPACITY);
        Self { intake, joined: Vec::new(), is_whole: false }
    }

    /// Room for the next bytes of the stream, never empty.
    pub fn space(&mut self) -> &mut [u8] {
        self.intake.space()
    }

    /// Takes over the first `n` bytes of [`FrameReader::space`].
    pub fn filled(&mut self, n: usize) {
        self.intake.filled(n);
    }

    /// Forgets everything that was not handed out.
    pub fn clear(&mut self) {
        self.intake.clear();
        self.joined.clear();
        self.is_whole = false;
    }

    /// The next frame or whole message; `None` until more bytes came.
    ///
    /// # Errors
    /// [`FrameError`] when the stream lost its frames for good.
    pub fn read(&mut self) -> Result<Option<Tpdu<'_>>, FrameError> {
        Ok(self.advance()?.map(|place| self.tpdu(&place)))
    }

    /// As [`FrameReader::read`], without holding on to the buffer.
    pub(crate) fn advance(&mut self) -> Result<Option<Place>, FrameError> {
        if self.is_whole {
            self.is_whole = false;
            self.joined.clear();
        }
        loop {
            let bytes = self.intake.waiting();
            let Some(len) = frame_len(bytes)? else { return Ok(None) };
            let Some(frame) = bytes.get(..len) else { return Ok(None) };
            // Where a frame was cut short, the next one fills it up, and only what follows shows it.
            frame_len(&bytes[len..])?;
            let (header_len, kind) = (usize::from(frame[4]), frame[5]);
            let header = frame.get(5..5 + header_len).filter(|header| header.len() >= 2);
            let header = header.ok_or(FrameError::Kind(kind))?;
            let what = match kind & 0xF0 {
                DATA if header_len == 2 => {
                    let is_last = header[1] & LAST != 0;
                    let raw = self.intake.take(len);
                    let payload = raw.start + DATA_HEADER..raw.end;
                    if is_last && self.joined.is_empty() {
                        return Ok(Some(Place { what: What::Data(payload), raw }));
                    }
                    let payload = self.intake.taken(payload);
                    if self.joined.len() + payload.len() > Self::MAX_LEN {
                        return Err(FrameError::Message);
                    }
                    self.joined.extend_from_slice(payload);
                    if !is_last {
                        continue;
                    }
                    self.is_whole = true;
                    return Ok(Some(Place { what: What::Joined, raw }));
                }
                Connect::REQUEST => What::Request(Connect::decode(header).ok_or(FrameError::Kind(kind))?),
                Connect::CONFIRM => What::Confirm(Connect::decode(header).ok_or(FrameError::Kind(kind))?),
                Connect::DISCONNECT => What::Disconnect(header.get(5).copied().unwrap_or(0)),
                _ => return Err(FrameError::Kind(kind)),
            };
            let raw = self.intake.take(len);
            return Ok(Some(Place { what, raw }));
        }
    }

    /// What lies at the place that the last [`FrameReader::advance`] found.
    pub(crate) fn tpdu(&self, place: &Place) -> Tpdu<'_> {
        match &place.what {
            What::Request(connect) => Tpdu::ConnectRequest(*connect),
            What::Confirm(connect) => Tpdu::ConnectConfirm(*connect),
            What::Disconnect(reason) => Tpdu::Disconnect(*reason),
            What::Data(payload) => Tpdu::Data(self.intake.taken(payload.clone())),
            What::Joined => Tpdu::Data(&self.joined),
        }
    }

    /// The last frame found, as it came.
    pub(crate) fn raw(&self, place: &Place) -> &[u8] {
        self.intake.taken(place.raw.clone())
    }
}

/// Length of the frame at the front, once its header is there.
fn frame_len(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
    if let Some(&version) = bytes.first()
        && version != 3
    {
        return Err(FrameError::Version(version));
    }
    let Some(len) = word(bytes, 2) else { return Ok(None) };
    if !(DATA_HEADER..=FrameReader::MAX_LEN).contains(&usize::from(len)) {
        return Err(FrameError::Length(len));
    }
    Ok(Some(usize::from(len)))
}

/// Where in the buffer a frame lies.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    what: What,
    raw: Range<usize>,
}

#[derive(Clone, Debug)]
enum What {
    Request(Connect),
    Confirm(Connect),
    Disconnect(u8),
    Data(Range<usize>),
    Joined,
}

/// Appends frames around the message that `pdu` appends, none longer than `max_frame` bytes without its TPKT header.
pub fn encode_data(max_frame: usize, out: &mut Vec<u8>, pdu: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[3, 0, 0, 0, 2, DATA, LAST]);
    pdu(out);
    let len = out.len() - at;
    if len - TPKT <= max_frame {
        out[at + 2..at + 4].copy_from_slice(&(len as u16).to_be_bytes());
        return;
    }
    let message = out.split_off(at + DATA_HEADER);
    out.truncate(at);
    let n_per_frame = max_frame.saturating_sub(DATA_HEADER - TPKT).max(1);
    let mut parts = message.chunks(n_per_frame).peekable();
    while let Some(part) = parts.next() {
        let [high, low] = ((part.len() + DATA_HEADER) as u16).to_be_bytes();
        out.extend_from_slice(&[3, 0, high, low, 2, DATA, if parts.peek().is_none() { LAST } else { 0 }]);
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Tsap;

    fn feed(reader: &mut FrameReader, bytes: &[u8]) {
        reader.space()[..bytes.len()].copy_from_slice(bytes);
        reader.filled(bytes.len());
    }

    const CONNECT: Connect =
        Connect { destination: 0, source: 1, size: Some(10), calling: Tsap(0x0100), called: Tsap(0x0301) };

    #[test]
    fn a_connect_request_is_the_one_that_cpus_know() {
        let mut out = Vec::new();
        CONNECT.encode_request(&mut out);
        assert_eq!(
            out,
            [3, 0, 0, 22, 17, 0xE0, 0, 0, 0, 1, 0, 0xC0, 1, 10, 0xC1, 2, 1, 0, 0xC2, 2, 3, 1],
            "TPKT, COTP, size, calling and called selector"
        );
        let mut reader = FrameReader::new();
        feed(&mut reader, &out);
        assert_eq!(reader.read(), Ok(Some(Tpdu::ConnectRequest(CONNECT))));
        assert_eq!(reader.read(), Ok(None));
    }

    #[test]
    fn messages_are_found_byte_by_byte_and_in_pieces() {
        let message: Vec<u8> = (0..200).collect();
        for max_frame in [5, 64, 1024] {
            let mut bytes = Vec::new();
            encode_data(max_frame, &mut bytes, |out| out.extend_from_slice(&message));
            encode_data(max_frame, &mut bytes, |out| out.extend_from_slice(b"next"));
            let mut reader = FrameReader::new();
            let mut found = Vec::new();
            for byte in bytes {
                feed(&mut reader, &[byte]);
                while let Some(tpdu) = reader.read().expect("in step") {
                    let Tpdu::Data(data) = tpdu else { panic!("{tpdu:?}") };
                    found.push(data.to_vec());
                }
            }
            assert_eq!(found, [message.clone(), b"next".to_vec()], "{max_frame}");
        }
    }

    #[test]
    fn a_stream_without_frames_is_an_error() {
        for (bytes, error) in [
            (&[5, 0, 0, 7][..], FrameError::Version(5)),
            (&[3, 0, 0, 6], FrameError::Length(6)),
            (&[3, 0, 0xFF, 0xFF], FrameError::Length(0xFFFF)),
            (&[3, 0, 0, 7, 2, 0x10, 0x80], FrameError::Kind(0x10)),
            (&[3, 0, 0, 7, 9, 0xF0, 0x80], FrameError::Kind(0xF0)),
            (&[3, 0, 0, 11, 6, 0xD0, 0, 0, 0, 1, 0, 9], FrameError::Version(9)),
        ] {
            let mut reader = FrameReader::new();
            feed(&mut reader, bytes);
            assert_eq!(reader.read(), Err(error), "{bytes:02X?}");
        }
    }

    #[test]
    fn a_message_without_end_is_an_error_and_takes_no_more_memory() {
        let mut reader = FrameReader::new();
        let frame = [&[3, 0, 0x04, 0x07, 2, 0xF0, 0][..], &[0; 1024]].concat();
        for n in 0..4 {
            feed(&mut reader, &frame);
            assert_eq!(reader.read(), Ok(None), "{n}");
        }
        feed(&mut reader, &frame);
        assert_eq!(reader.read(), Err(FrameError::Message));
    }
}
