//! A socket in memory: bytes both ways, with as little room as one likes on the way to the client.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::connection::Stream;

/// Both ends of one connection; the server's end is a [`Stream`], the client's end never waits.
pub(super) struct Pipe {
    state: Mutex<Bytes>,
    readable: Notify,
    writable: Notify,
}

struct Bytes {
    to_server: VecDeque<u8>,
    to_client: VecDeque<u8>,
    /// Bytes that fit on the way to the client.
    room: usize,
    /// Whether there was no room left when the client last took what came.
    was_full: bool,
    client_is_gone: bool,
    server_is_gone: bool,
}

/// The server's end, whose drop the client notices.
pub(super) struct ServerEnd(Arc<Pipe>);

impl Pipe {
    pub(super) fn new(room: usize) -> (Arc<Self>, ServerEnd) {
        let state = Bytes {
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            room,
            was_full: false,
            client_is_gone: false,
            server_is_gone: false,
        };
        let pipe = Arc::new(Self { state: Mutex::new(state), readable: Notify::new(), writable: Notify::new() });
        (Arc::clone(&pipe), ServerEnd(pipe))
    }

    /// The client sends.
    pub(super) fn send(&self, bytes: &[u8]) {
        self.state.lock().to_server.extend(bytes);
        self.readable.notify_one();
    }

    /// The client takes what came; true when no more will come.
    pub(super) fn take(&self, into: &mut Vec<u8>) -> bool {
        let mut state = self.state.lock();
        state.was_full = state.to_client.len() == state.room;
        into.extend(state.to_client.drain(..));
        self.writable.notify_one();
        state.server_is_gone
    }

    /// Whether something came that the client has not taken, or may come as soon as there is room.
    pub(super) fn has_untaken(&self) -> bool {
        let state = self.state.lock();
        !state.to_client.is_empty() || state.was_full
    }

    /// The client goes.
    pub(super) fn close(&self) {
        self.state.lock().client_is_gone = true;
        self.readable.notify_one();
        self.writable.notify_one();
    }
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        self.0.state.lock().server_is_gone = true;
    }
}

impl Stream for ServerEnd {
    fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.state.lock();
        if state.to_server.is_empty() {
            return if state.client_is_gone { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        io::Read::read(&mut state.to_server, into)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.state.lock();
        if state.client_is_gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let n = bytes.len().min(state.room - state.to_client.len());
        if n == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.to_client.extend(&bytes[..n]);
        Ok(n)
    }

    async fn readable(&self) -> io::Result<()> {
        loop {
            {
                let state = self.0.state.lock();
                if state.client_is_gone || !state.to_server.is_empty() {
                    return Ok(());
                }
            }
            self.0.readable.notified().await;
        }
    }

    async fn writable(&self) -> io::Result<()> {
        loop {
            {
                let state = self.0.state.lock();
                if state.client_is_gone || state.to_client.len() < state.room {
                    return Ok(());
                }
            }
            self.0.writable.notified().await;
        }
    }
}
