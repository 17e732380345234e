//! The bytes of one connection: what came and was not handled yet, and what was written and not sent yet.

use std::io;

use super::stream::Stream;

/// Bytes read at once from a client that sends little.
const MIN_READ_SIZE: usize = 4 << 10;
/// Most bytes read at once.
const MAX_READ_SIZE: usize = 128 << 10;

/// Received bytes, in one piece so that messages can be handled where they lie.
#[derive(Debug)]
pub(super) struct ReceiveBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes read at once, which grows with what the client sends.
    read_size: usize,
}

impl Default for ReceiveBuffer {
    fn default() -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0, read_size: MIN_READ_SIZE }
    }
}

impl ReceiveBuffer {
    /// The bytes that were not handled yet.
    pub(super) fn unread(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// Marks bytes as handled.
    pub(super) fn consume(&mut self, n: usize) {
        self.start += n.min(self.end - self.start);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Whether nothing waits to be handled.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Reads what the socket has, up to one read size. `Ok(0)` means that the peer has closed its side.
    ///
    /// # Errors
    /// As the socket; [`io::ErrorKind::WouldBlock`] when nothing is there.
    pub(super) fn fill(&mut self, stream: &impl Stream) -> io::Result<usize> {
        if self.bytes.len() - self.end < self.read_size / 2 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.bytes.len() - self.end < self.read_size / 2 {
                self.bytes.resize(self.end + self.read_size, 0);
            }
        }
        let n = stream.try_read(&mut self.bytes[self.end..])?;
        self.end += n;
        if self.end == self.bytes.len() {
            self.read_size = (self.read_size * 2).min(MAX_READ_SIZE);
        }
        Ok(n)
    }

    /// Whether there is memory to give back.
    pub(super) fn is_held(&self) -> bool {
        self.is_empty() && !self.bytes.is_empty()
    }

    /// Gives memory back while nothing waits: an idle connection costs none.
    pub(super) fn release(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

/// Bytes to send.
#[derive(Debug, Default)]
pub(super) struct SendBuffer {
    pub(super) bytes: Vec<u8>,
    sent: usize,
}

impl SendBuffer {
    /// Number of bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sends as much as the socket takes; returns whether anything went out.
    ///
    /// # Errors
    /// As the socket, but not [`io::ErrorKind::WouldBlock`].
    pub(super) fn flush(&mut self, stream: &impl Stream) -> io::Result<bool> {
        let before = self.sent;
        while self.sent < self.bytes.len() {
            match stream.try_write(&self.bytes[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let progress = self.sent > before;
        if self.sent == self.bytes.len() {
            self.bytes.clear();
            self.sent = 0;
        } else if self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        Ok(progress)
    }

    /// Whether there is memory to give back.
    pub(super) fn is_held(&self) -> bool {
        self.is_empty() && self.bytes.capacity() > 0
    }

    /// Gives memory back while nothing waits.
    pub(super) fn release(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}
