//! Messages put together from chunks (Part 6, 6.7.3).

use std::ops::Deref;

use super::{ChunkKind, Fault, Negotiated, TransportError};

/// The body of a message: where it lay in the receive buffer, or the chunks put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// The only chunk, in the receive buffer.
    Borrowed(&'a [u8]),
    /// Several chunks.
    Assembled(Vec<u8>),
}

impl Deref for Body<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Assembled(bytes) => bytes,
        }
    }
}

/// Collects the chunks of one message. It never holds more than the limits of the connection allow, and gives its
/// memory back with each message.
#[derive(Debug, Default)]
pub struct Assembler {
    request_id: u32,
    n_chunks: usize,
    bytes: Vec<u8>,
}

impl Assembler {
    /// Bytes of the unfinished message, for the budget of the server.
    pub fn unfinished_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Takes the content of a chunk; returns the body when it was the last one. [`ChunkKind::Abort`] drops the
    /// unfinished message.
    ///
    /// # Errors
    /// [`Fault::MessageTooLarge`] and [`Fault::TooManyChunks`] as soon as a limit is passed, [`Fault::Interleaved`].
    #[inline]
    pub fn add<'a>(
        &mut self,
        chunk: ChunkKind,
        request_id: u32,
        content: &'a [u8],
        limits: &Negotiated,
    ) -> Result<Option<Body<'a>>, TransportError> {
        if self.n_chunks == 0 && chunk == ChunkKind::Final {
            if content.len() > limits.max_receive_message {
                return Err(Fault::MessageTooLarge.into());
            }
            return Ok(Some(Body::Borrowed(content)));
        }
        if self.n_chunks > 0 && request_id != self.request_id {
            return Err(Fault::Interleaved.into());
        }
        if chunk == ChunkKind::Abort {
            *self = Self::default();
            return Ok(None);
        }
        if self.n_chunks >= limits.max_receive_chunks {
            return Err(Fault::TooManyChunks.into());
        }
        if self.bytes.len() + content.len() > limits.max_receive_message {
            return Err(Fault::MessageTooLarge.into());
        }
        self.request_id = request_id;
        self.n_chunks += 1;
        self.bytes.extend_from_slice(content);
        if chunk == ChunkKind::Intermediate {
            return Ok(None);
        }
        Ok(Some(Body::Assembled(std::mem::take(self).bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Limits;

    fn limits() -> Negotiated {
        let hello = super::super::Hello {
            protocol_version: 0,
            receive_buffer: 8192,
            send_buffer: 8192,
            max_message: 0,
            max_chunks: 0,
            endpoint_url: "",
        };
        Limits { max_message: 10, max_chunks: 3, ..Limits::default() }.answer(&hello).1
    }

    #[test]
    fn a_single_chunk_is_not_copied() {
        let content = *b"hello";
        let body = Assembler::default().add(ChunkKind::Final, 1, &content, &limits());
        assert_eq!(body, Ok(Some(Body::Borrowed(&content))));
    }

    #[test]
    fn chunks_are_put_together_in_order() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.add(ChunkKind::Intermediate, 1, b"abc", &limits()), Ok(None));
        assert_eq!(assembler.add(ChunkKind::Intermediate, 1, b"def", &limits()), Ok(None));
        assert_eq!(assembler.unfinished_bytes(), 6);
        let body = assembler.add(ChunkKind::Final, 1, b"gh", &limits());
        assert_eq!(body, Ok(Some(Body::Assembled(b"abcdefgh".to_vec()))));
        assert_eq!(assembler.unfinished_bytes(), 0);
    }

    #[test]
    fn limits_hold_while_chunks_arrive() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.add(ChunkKind::Intermediate, 1, b"12345678", &limits()), Ok(None));
        let too_large = assembler.add(ChunkKind::Intermediate, 1, b"901", &limits());
        assert_eq!(too_large, Err(Fault::MessageTooLarge.into()));
        let mut assembler = Assembler::default();
        for _ in 0..3 {
            assert_eq!(assembler.add(ChunkKind::Intermediate, 1, b"", &limits()), Ok(None));
        }
        assert_eq!(assembler.add(ChunkKind::Final, 1, b"", &limits()), Err(Fault::TooManyChunks.into()));
        let single = Assembler::default().add(ChunkKind::Final, 1, b"12345678901", &limits());
        assert_eq!(single, Err(Fault::MessageTooLarge.into()));
    }

    #[test]
    fn an_aborted_message_leaves_nothing_behind() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.add(ChunkKind::Intermediate, 1, b"abc", &limits()), Ok(None));
        assert_eq!(assembler.add(ChunkKind::Abort, 1, b"", &limits()), Ok(None));
        assert_eq!(assembler.unfinished_bytes(), 0);
        assert_eq!(assembler.add(ChunkKind::Final, 2, b"x", &limits()), Ok(Some(Body::Borrowed(b"x"))));
    }

    #[test]
    fn messages_may_not_interleave() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.add(ChunkKind::Intermediate, 1, b"abc", &limits()), Ok(None));
        assert_eq!(assembler.add(ChunkKind::Final, 2, b"", &limits()), Err(Fault::Interleaved.into()));
    }
}
