//! Frames on their way to the library: bounded by their header, and checked before it decodes them.

use std::collections::HashMap;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use opcua_client::transport::SecureChannelState;
use opcua_core::comms::message_chunk::MessageIsFinalType;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::bytes::Bytes;

use crate::limits::{MAX_CHUNK_BYTES, MAX_MESSAGE_BYTES};
use crate::shape;

const HEADER_BYTES: usize = 8;
/// Messages that may be unfinished at the same time.
const MAX_UNFINISHED: usize = 4;

/// Collects whole frames, checks each, and hands it on; anything wrong ends the connection.
///
/// One frame is handed on at a time, so that keys which the library takes from one frame are there for the next.
pub(crate) struct CheckedReader<R> {
    inner: R,
    frame: Box<[u8]>,
    /// Bytes of the frame that have arrived.
    n_arrived: usize,
    /// Size of the frame, once its header has told.
    size: usize,
    /// Bytes of the frame that were handed on; nothing is before the frame is complete.
    n_passed: usize,
    messages: Messages,
}

impl<R> CheckedReader<R> {
    pub(crate) fn new(inner: R, channel: Arc<SecureChannelState>) -> Self {
        Self {
            inner,
            frame: vec![0; MAX_CHUNK_BYTES].into_boxed_slice(),
            n_arrived: 0,
            size: HEADER_BYTES,
            n_passed: 0,
            messages: Messages { channel: Some(channel), unfinished: HashMap::new(), n_bytes: 0 },
        }
    }

    /// Hands on what is left of a complete frame.
    fn pass(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = self.frame.get(self.n_passed..self.size).unwrap_or_default();
        let n = rest.len().min(buf.remaining());
        buf.put_slice(rest.get(..n).unwrap_or_default());
        self.n_passed += n;
        if self.n_passed == self.size {
            (self.n_arrived, self.n_passed, self.size) = (0, 0, HEADER_BYTES);
        }
    }

    /// Takes note of bytes that arrived; `true` once the frame is complete and good.
    fn arrived(&mut self, n: usize) -> io::Result<bool> {
        self.n_arrived += n;
        if self.n_arrived < self.size {
            return Ok(false);
        }
        if self.size == HEADER_BYTES {
            let size = match self.frame.first_chunk::<HEADER_BYTES>() {
                Some([_, _, _, _, a, b, c, d]) => u32::from_le_bytes([*a, *b, *c, *d]) as usize,
                None => 0,
            };
            // The library takes a frame of eight bytes for an unfinished one (OPC UA Part 6, 7.1.2.2).
            if !(HEADER_BYTES + 1..=MAX_CHUNK_BYTES).contains(&size) {
                return Err(invalid(&format!("frame of {size} bytes")));
            }
            self.size = size;
            return Ok(false);
        }
        let frame = self.frame.get(..self.size).unwrap_or_default();
        self.messages.check(frame)?;
        Ok(true)
    }

    const fn is_complete(&self) -> bool {
        self.size > HEADER_BYTES && self.n_arrived == self.size
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for CheckedReader<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while !this.is_complete() {
            let place = this.frame.get_mut(this.n_arrived..this.size).unwrap_or_default();
            let mut arriving = ReadBuf::new(place);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut arriving))?;
            let n = arriving.filled().len();
            if n == 0 {
                return Poll::Ready(Ok(()));
            }
            this.arrived(n)?;
        }
        this.pass(buf);
        Poll::Ready(Ok(()))
    }
}

fn invalid(problem: &str) -> io::Error {
    tracing::warn!(problem, "server broke the protocol");
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// The messages of which not all chunks have arrived.
struct Messages {
    /// The channel whose keys open the chunks; `None` in tests, where nothing is closed.
    channel: Option<Arc<SecureChannelState>>,
    unfinished: HashMap<u32, Unfinished>,
    n_bytes: usize,
}

#[derive(Default)]
struct Unfinished {
    body: Vec<u8>,
    last_sequence: u32,
}

impl Messages {
    fn check(&mut self, frame: &[u8]) -> io::Result<()> {
        match frame.get(..3) {
            // The library reads a few numbers and one bounded text from these.
            Some(b"ACK" | b"ERR" | b"RHE") => Ok(()),
            Some(b"MSG" | b"OPN") => {
                let channel = self.channel.clone();
                let opened = std::panic::catch_unwind(AssertUnwindSafe(|| open(channel.as_deref(), frame)));
                match opened {
                    Ok(Some(chunk)) => self.take(&chunk),
                    Ok(None) => Err(invalid("chunk that fails the security checks")),
                    Err(_panic) => Err(invalid("chunk that cannot be handled")),
                }
            }
            _ => Err(invalid("frame of an unknown kind")),
        }
    }

    fn take(&mut self, chunk: &Chunk) -> io::Result<()> {
        let earlier = self.unfinished.remove(&chunk.request_id);
        self.n_bytes -= earlier.as_ref().map_or(0, |earlier| earlier.body.len());
        if let Some(earlier) = &earlier {
            // The library puts chunks in the order of their numbers, which differs from that of their arrival once the
            // numbers start again.
            if Some(chunk.sequence) != earlier.last_sequence.checked_add(1) {
                return Err(invalid("chunks out of sequence"));
            }
        }
        let body = chunk.body();
        match chunk.last {
            MessageIsFinalType::FinalError => Ok(()),
            MessageIsFinalType::Final => {
                let shape = match earlier {
                    None => shape::check_answer(body),
                    Some(mut earlier) => {
                        earlier.body.extend_from_slice(body);
                        shape::check_answer(&earlier.body)
                    }
                };
                shape.map_err(|misshapen| invalid(&misshapen.to_string()))
            }
            MessageIsFinalType::Intermediate => {
                let mut message = earlier.unwrap_or_default();
                message.body.extend_from_slice(body);
                message.last_sequence = chunk.sequence;
                self.n_bytes += message.body.len();
                self.unfinished.insert(chunk.request_id, message);
                if self.n_bytes > MAX_MESSAGE_BYTES || self.unfinished.len() > MAX_UNFINISHED {
                    return Err(invalid("message that is too large"));
                }
                Ok(())
            }
        }
    }
}

/// A chunk without its protection.
struct Chunk {
    data: Bytes,
    body_offset: usize,
    request_id: u32,
    sequence: u32,
    last: MessageIsFinalType,
}

impl Chunk {
    fn body(&self) -> &[u8] {
        self.data.get(self.body_offset..).unwrap_or_default()
    }
}

fn open(channel: Option<&SecureChannelState>, frame: &[u8]) -> Option<Chunk> {
    let secure = channel?.secure_channel().read();
    let chunk = secure.verify_and_remove_security(Bytes::copy_from_slice(frame)).ok()?;
    let info = chunk.chunk_info(&secure).ok()?;
    Some(Chunk {
        body_offset: info.body_offset,
        request_id: info.sequence_header.request_id,
        sequence: info.sequence_header.sequence_number,
        last: info.message_header.is_final,
        data: chunk.data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn frame(kind: &[u8; 4], size: u32, body: usize) -> Vec<u8> {
        let mut bytes = kind.to_vec();
        bytes.extend(size.to_le_bytes());
        bytes.resize(bytes.len() + body, 7);
        bytes
    }

    async fn read(bytes: Vec<u8>, step: usize) -> io::Result<Vec<u8>> {
        let (mut client, server) = tokio::io::duplex(step);
        let writing = tokio::spawn(async move {
            // The reader may have had enough before the end.
            let _ = client.write_all(&bytes).await;
        });
        let mut reader = CheckedReader {
            inner: server,
            frame: vec![0; MAX_CHUNK_BYTES].into_boxed_slice(),
            n_arrived: 0,
            size: HEADER_BYTES,
            n_passed: 0,
            messages: Messages { channel: None, unfinished: HashMap::new(), n_bytes: 0 },
        };
        let mut found = Vec::new();
        let outcome = reader.read_to_end(&mut found).await;
        drop(reader);
        writing.await.expect("ends");
        outcome.map(|_| found)
    }

    #[tokio::test]
    async fn good_frames_pass_however_they_are_cut() {
        let bytes = [frame(b"ACKF", 28, 20), frame(b"ERRF", 9, 1), frame(b"ERRF", 65_535, 65_527)].concat();
        for step in [1, 3, 8, 9, 1_000, bytes.len()] {
            assert_eq!(read(bytes.clone(), step).await.expect("passes"), bytes, "{step}");
        }
    }

    #[tokio::test]
    async fn a_frame_is_refused_as_soon_as_its_header_is_there() {
        for size in [0, 7, 8, 65_536, u32::MAX] {
            let bytes = [frame(b"ACKF", 30, 22), frame(b"MSGF", size, 0)].concat();
            assert!(read(bytes.clone(), 1).await.is_err(), "{size}");
            assert_eq!(read(bytes[..bytes.len() - 1].to_vec(), 5).await.expect("cut short"), bytes[..30]);
        }
        assert!(read(frame(b"HTTP", 100, 92), 50).await.is_err());
    }

    fn chunk(request_id: u32, sequence: u32, last: MessageIsFinalType, len: usize) -> Chunk {
        Chunk { data: Bytes::from(vec![0; len]), body_offset: 0, request_id, sequence, last }
    }

    #[test]
    fn unfinished_messages_are_bounded_and_freed() {
        use MessageIsFinalType::{Final, FinalError, Intermediate};
        let mut messages = Messages { channel: None, unfinished: HashMap::new(), n_bytes: 0 };
        for sequence in 0..256 {
            messages.take(&chunk(1, sequence, Intermediate, 65_000)).expect("fits");
        }
        assert!(messages.take(&chunk(1, 256, Intermediate, MAX_CHUNK_BYTES * 3)).is_err());
        messages.take(&chunk(1, 257, FinalError, 0)).expect("aborted");
        assert_eq!((messages.n_bytes, messages.unfinished.len()), (0, 0));

        messages.take(&chunk(2, 1, Intermediate, 10)).expect("fits");
        assert!(messages.take(&chunk(2, 3, Intermediate, 10)).is_err(), "gap");
        messages.take(&chunk(3, u32::MAX, Intermediate, 10)).expect("fits");
        assert!(messages.take(&chunk(3, 0, Final, 10)).is_err(), "numbers start again");
        for request_id in 10..14 {
            messages.take(&chunk(request_id, 1, Intermediate, 10)).expect("fits");
        }
        assert!(messages.take(&chunk(14, 1, Intermediate, 10)).is_err(), "too many at once");
    }
}
