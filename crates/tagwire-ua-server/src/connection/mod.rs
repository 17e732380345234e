//! One connection: a task that reads requests, has them handled in order, runs the subscriptions of its sessions, and
//! sends what comes of it with one write per drained batch.

mod buffers;
mod diagnostics;
mod dispatch;
mod requests;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::StreamExt;
use tagwire_ua_proto::secure::PeerCertificate;
use tagwire_ua_proto::transport::ErrorMessage;
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use buffers::{ReceiveBuffer, SendBuffer};
use requests::{Ended, Requests};
pub(crate) use stream::Stream;

use crate::limits;
use crate::quota::Share;
use crate::server::Server;

/// What the listener knows of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    /// Whether a session lives on the connection.
    pub(crate) has_session: Arc<AtomicBool>,
    /// Asks the connection to close.
    pub(crate) close: Arc<Notify>,
    /// Who the client is, once it opened a channel with security.
    pub(crate) certificate: Arc<OnceLock<Arc<PeerCertificate>>>,
    /// [`Server::identity_generation`] when the connection began.
    pub(crate) identity_generation: u64,
}

/// One connection.
pub(crate) struct Connection<S> {
    stream: S,
    peer: SocketAddr,
    server: Arc<Server>,
    links: Links,
    shutdown: watch::Receiver<bool>,
    receive: ReceiveBuffer,
    send: SendBuffer,
    /// What waits to be sent.
    unsent: Share,
    requests: Requests,
    /// Until when the client must have made a session; the channel itself watches over its opening.
    patience: Instant,
    /// When the client last took bytes that wait for it.
    last_sent: Instant,
    /// When bytes last came or a message was handled.
    last_active: Instant,
    had_session: bool,
}

/// Why the loop goes round again.
enum Woken {
    Readable,
    Writable,
    Later,
    Session,
    Time,
    Close,
}

impl Connection<TcpStream> {
    /// A connection that was just accepted; `None` when it is gone already.
    pub(crate) fn new(stream: TcpStream, peer: SocketAddr, server: Arc<Server>, links: Links) -> Option<Self> {
        stream.set_nodelay(true).ok()?;
        let local = stream.local_addr().ok()?;
        Some(Self::over(stream, (peer, local), server, links))
    }
}

impl<S: Stream> Connection<S> {
    /// A connection over any stream, between these addresses: the client's and the one that it reached.
    pub(crate) fn over(stream: S, (peer, local): (SocketAddr, SocketAddr), server: Arc<Server>, links: Links) -> Self {
        let now = Instant::now();
        Self {
            requests: Requests::new(Arc::clone(&server), links.clone(), peer, local),
            shutdown: server.shutdown_signal(),
            stream,
            peer,
            unsent: server.quota.unsent(),
            server,
            links,
            receive: ReceiveBuffer::default(),
            send: SendBuffer::default(),
            patience: now + limits::SESSION_TIMEOUT,
            last_sent: now,
            last_active: now,
            had_session: false,
        }
    }

    /// Sends these bytes before anything else.
    pub(crate) fn saying(mut self, bytes: &[u8]) -> Self {
        self.send.bytes.extend_from_slice(bytes);
        self
    }

    /// Runs until the client goes, breaks the rules, or the server stops; returns whether a session lived on it.
    pub(crate) async fn run(&mut self) -> bool {
        let ended = self.run_to_end().await;
        self.end(ended);
        self.had_session
    }

    async fn run_to_end(&mut self) -> Ended {
        let mut n_bytes_of_turn = 0;
        loop {
            let is_unfinished = match self.step() {
                Ok(is_unfinished) => is_unfinished,
                Err(ended) => return ended,
            };
            match self.wait(is_unfinished).await {
                Woken::Readable => match self.receive.fill(&self.stream) {
                    Ok(0) => return Ended::Gone,
                    Ok(n) => {
                        self.last_active = Instant::now();
                        n_bytes_of_turn += n;
                        // A client that sends without end must not keep the others waiting.
                        if n_bytes_of_turn >= limits::BYTES_PER_TURN {
                            n_bytes_of_turn = 0;
                            tokio::task::yield_now().await;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return Ended::Gone,
                },
                Woken::Close => return Ended::Asked,
                Woken::Writable | Woken::Later | Woken::Session | Woken::Time => {}
            }
        }
    }

    /// Handles what came, runs what is due, and sends what came of it. Returns whether there is more to handle, which
    /// waits until others had their turn.
    fn step(&mut self) -> Result<bool, Ended> {
        let begun = Instant::now();
        let mut is_unfinished = false;
        while !is_unfinished && !self.is_congested() && self.requests.handle_next(&mut self.receive, &mut self.send)? {
            is_unfinished = begun.elapsed() >= limits::TURN;
        }
        if !self.is_congested() {
            self.requests.run_sessions(&mut self.send)?;
        }
        let before = self.send.len();
        if before > 0 && self.send.flush(&self.stream).map_err(|_| Ended::Gone)? {
            self.last_sent = Instant::now();
        }
        if before == 0 {
            self.last_sent = Instant::now();
        }
        self.unsent.resize(self.send.len());
        let has_session = self.requests.has_session();
        self.links.has_session.store(has_session, Ordering::Relaxed);
        self.had_session |= has_session;
        let now = Instant::now();
        if !self.send.is_empty() && now.duration_since(self.last_sent) >= limits::SEND_TIMEOUT {
            return Err(Ended::SlowReader);
        }
        if has_session {
            self.patience = now + limits::SESSION_TIMEOUT;
        } else if now >= self.patience {
            return Err(Ended::Idle);
        }
        Ok(is_unfinished)
    }

    /// Whether so much waits to be sent that nothing more is handled before the client reads.
    fn is_congested(&self) -> bool {
        let n_bytes = self.send.len();
        n_bytes >= limits::MAX_UNSENT_BYTES || (n_bytes >= limits::FAIR_UNSENT_BYTES && self.unsent.is_overdrawn())
    }

    async fn wait(&mut self, is_unfinished: bool) -> Woken {
        let next = self.requests.next_deadline();
        let now = Instant::now();
        let in_time = next.map(|millis| now + Duration::from_millis(millis.saturating_sub(self.server.millis())));
        let give_up = if self.send.is_empty() { self.patience } else { self.last_sent + limits::SEND_TIMEOUT };
        // While the client does not read, the sessions' cycles wait with it.
        let mut deadline = match in_time {
            Some(in_time) if !self.is_congested() => in_time.min(give_up),
            _ => give_up,
        };
        let release_at = self.last_active + limits::RELEASE_AFTER;
        if now >= release_at {
            self.receive.release();
            self.send.release();
        } else if self.receive.is_held() || self.send.is_held() {
            deadline = deadline.min(release_at);
        }
        let congested = self.is_congested();
        let wake = Arc::clone(self.requests.wake());
        tokio::select! {
            biased;
            _ = self.links.close.notified() => Woken::Close,
            _ = self.shutdown.wait_for(|stop| *stop) => Woken::Close,
            _ = self.stream.readable(), if !congested && !is_unfinished => Woken::Readable,
            _ = self.stream.writable(), if !self.send.is_empty() => Woken::Writable,
            Some(done) = self.requests.later.next(), if !congested && !self.requests.later.is_empty() => {
                self.requests.done = Some(done);
                Woken::Later
            }
            _ = wake.notified() => Woken::Session,
            () = tokio::task::yield_now(), if is_unfinished => Woken::Time,
            _ = tokio::time::sleep_until(deadline) => Woken::Time,
        }
    }

    /// Says goodbye as far as the client still listens, and lets the sessions go.
    fn end(&mut self, ended: Ended) {
        match &ended {
            Ended::Refused(error) => {
                tracing::info!(peer = %self.peer, "connection closed: {error}");
                let status = error.status();
                self.requests.note_refusal(status);
                ErrorMessage { error: status, reason: "" }.write(&mut self.send.bytes);
            }
            Ended::SlowReader => tracing::warn!(peer = %self.peer, "connection closed: the client does not read"),
            Ended::Idle => tracing::debug!(peer = %self.peer, "connection closed: no session was made in time"),
            Ended::Asked | Ended::Gone | Ended::Closed => tracing::debug!(peer = %self.peer, "connection closed"),
        }
        let _ = self.send.flush(&self.stream);
        self.requests.let_go();
    }
}
