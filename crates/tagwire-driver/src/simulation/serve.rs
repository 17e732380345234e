//! A simulated device on real streams: many clients at once, answers that come late, streams that end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// Most answers of one stream that are on their way late.
const MAX_LATE: usize = 1000;

/// What goes back for one frame.
#[derive(Debug, Default, PartialEq)]
pub struct Reply {
    /// Bytes for the stream; empty for no answer.
    pub bytes: Vec<u8>,
    /// How long the stream waits before.
    pub delay: Duration,
    /// How much later the bytes go out while the stream goes on.
    pub late: Duration,
    /// The stream is closed after the bytes.
    pub close: bool,
}

/// What a simulated device makes of the bytes of one stream.
pub trait Conversation {
    /// Room for what comes next.
    fn space(&mut self) -> &mut [u8];

    /// `n` bytes of the room were filled.
    fn filled(&mut self, n: usize);

    /// What goes back for the next whole frame; `Ok(None)` when none is there, `Err` when the stream is to be closed.
    ///
    /// # Errors
    /// [`Farewell`] for a stream without frames, or whose client leaves.
    fn reply(&mut self) -> Result<Option<Reply>, Farewell>;

    /// How long silence in the middle of what came so far lasts until it ends that; `None` for never.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// What came so far has ended in silence.
    fn forget(&mut self) {}
}

/// The stream is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Farewell;

/// Answers one stream until its other end closes it, the conversation does, or `hang_up` changes.
///
/// # Errors
/// What the stream says.
pub async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    mut conversation: impl Conversation,
    mut hang_up: watch::Receiver<()>,
) -> io::Result<()> {
    let mut out: Vec<u8> = Vec::new();
    let mut late: Vec<(Instant, Vec<u8>)> = Vec::new();
    loop {
        loop {
            let reply = match conversation.reply() {
                Ok(Some(reply)) => reply,
                Ok(None) => break,
                Err(Farewell) => return Ok(()),
            };
            if !reply.delay.is_zero() {
                stream.write_all(&out).await?;
                out.clear();
                tokio::select! {
                    () = tokio::time::sleep(reply.delay) => {}
                    _ = hang_up.changed() => return Ok(()),
                }
            }
            if reply.late.is_zero() {
                out.extend_from_slice(&reply.bytes);
            } else if late.len() < MAX_LATE {
                late.push((Instant::now() + reply.late, reply.bytes));
            }
            if reply.close {
                stream.write_all(&out).await?;
                return Ok(());
            }
        }
        if !out.is_empty() {
            stream.write_all(&out).await?;
            out.clear();
        }
        let due = late.iter().map(|(at, _)| *at).min();
        let silence = conversation.patience().map(|patience| Instant::now() + patience);
        tokio::select! {
            n = stream.read(conversation.space()) => match n? {
                0 => return Ok(()),
                n => conversation.filled(n),
            },
            () = until(due) => {
                let now = Instant::now();
                for idx in (0..late.len()).rev().filter(|idx| late[*idx].0 <= now).collect::<Vec<_>>() {
                    out.extend_from_slice(&late.remove(idx).1);
                }
            }
            () = until(silence) => conversation.forget(),
            _ = hang_up.changed() => return Ok(()),
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Listens for clients of a simulated device; dropping it stops listening and closes every stream.
#[derive(Debug)]
pub struct SimulatorListener {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl SimulatorListener {
    /// Most streams of one listener; further ones are closed at once.
    pub const MAX_STREAMS: usize = 1000;

    /// Listens, and lets `serve` answer each stream with a handle of its own on the device.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn bind<D, F>(
        addr: impl ToSocketAddrs,
        device: D,
        serve: impl Fn(D, TcpStream) -> F + Send + Copy + 'static,
    ) -> io::Result<Self>
    where
        D: Clone + Send + 'static,
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let task = tokio::spawn(async move {
            let mut streams = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) if streams.len() < Self::MAX_STREAMS => {
                            let device = device.clone();
                            streams.spawn(async move {
                                stream.set_nodelay(true)?;
                                serve(device, stream).await
                            });
                        }
                        Ok(_) => {}
                        // Out of file handles, most likely: they come back when clients leave.
                        Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    },
                    Some(_) = streams.join_next() => {}
                }
            }
        });
        Ok(Self { addr, task })
    }

    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for SimulatorListener {
    fn drop(&mut self) {
        self.task.abort();
    }
}
