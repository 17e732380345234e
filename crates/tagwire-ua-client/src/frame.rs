//! Frames are refused by their header, before the library collects them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::limits::MAX_CHUNK_BYTES;

const HEADER_BYTES: usize = 8;

/// Passes bytes on and follows the frames in them: one larger than the limit, or smaller than its header, ends the
/// connection (OPC UA Part 6, 7.1.2.2).
#[derive(Debug)]
pub(crate) struct FrameGuard<R> {
    inner: R,
    header: [u8; HEADER_BYTES],
    n_header: usize,
    body_left: usize,
}

impl<R> FrameGuard<R> {
    pub(crate) const fn new(inner: R) -> Self {
        Self { inner, header: [0; HEADER_BYTES], n_header: 0, body_left: 0 }
    }

    fn follow(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.body_left > 0 {
                let n = self.body_left.min(bytes.len());
                self.body_left -= n;
                bytes = bytes.get(n..).unwrap_or_default();
                continue;
            }
            let n = (HEADER_BYTES - self.n_header).min(bytes.len());
            let (start, rest) = bytes.split_at(n);
            if let Some(place) = self.header.get_mut(self.n_header..self.n_header + n) {
                place.copy_from_slice(start);
            }
            self.n_header += n;
            bytes = rest;
            if self.n_header == HEADER_BYTES {
                let [.., a, b, c, d] = self.header;
                let size = u32::from_le_bytes([a, b, c, d]) as usize;
                if !(HEADER_BYTES + 1..=MAX_CHUNK_BYTES).contains(&size) {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, format!("frame of {size} bytes")));
                }
                self.n_header = 0;
                self.body_left = size - HEADER_BYTES;
            }
        }
        Ok(())
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for FrameGuard<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let followed = self.follow(buf.filled().get(before..).unwrap_or_default());
        if followed.is_err() {
            buf.set_filled(before);
        }
        Poll::Ready(followed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(size: u32, body: usize) -> Vec<u8> {
        let mut bytes = b"MSGF".to_vec();
        bytes.extend(size.to_le_bytes());
        bytes.resize(bytes.len() + body, 0);
        bytes
    }

    fn follow(bytes: &[u8], step: usize) -> io::Result<()> {
        let mut guard = FrameGuard::new(());
        bytes.chunks(step).try_for_each(|part| guard.follow(part))
    }

    #[test]
    fn good_frames_pass_however_they_are_cut() {
        let bytes = [frame(9, 1), frame(100, 92), frame(65_535, 65_527), frame(28, 20)].concat();
        for step in [1, 3, 8, 9, 1000, bytes.len()] {
            assert!(follow(&bytes, step).is_ok(), "{step}");
        }
    }

    #[test]
    fn a_frame_is_refused_as_soon_as_its_header_is_there() {
        for size in [0, 7, 8, 65_536, u32::MAX] {
            let bytes = [frame(30, 22), frame(size, 0)].concat();
            assert!(follow(&bytes, 1).is_err(), "{size}");
            assert!(follow(&bytes[..bytes.len() - 1], 5).is_ok(), "{size}");
        }
    }
}
