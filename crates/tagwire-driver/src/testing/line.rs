//! A line between a driver and a simulated device that can be cut in every way.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, split};

use super::Fault;
use crate::{BoxFuture, Connector, Stream};

/// The state of a line.
#[derive(Debug, Default)]
pub struct Line {
    is_killed: AtomicBool,
    is_unreachable: AtomicBool,
    is_garbled: AtomicBool,
    n_connections: AtomicU64,
    /// Connections up to this one carry nothing any more.
    half_open_before: AtomicU64,
}

impl Line {
    /// Breaks the line, where the fault is one of the line; the caller hangs up for [`Fault::Killed`] and sees to the
    /// faults of devices.
    pub fn break_with(&self, fault: Fault) {
        match fault {
            Fault::Killed => self.is_killed.store(true, Ordering::SeqCst),
            Fault::Unreachable => self.is_unreachable.store(true, Ordering::SeqCst),
            Fault::HalfOpen => {
                self.half_open_before.store(self.n_connections.load(Ordering::SeqCst), Ordering::SeqCst);
            }
            Fault::Garbage => self.is_garbled.store(true, Ordering::SeqCst),
            Fault::Silent(_) | Fault::Late(_) | Fault::Refused(..) => {}
        }
    }

    /// Repairs the line.
    pub fn repair(&self) {
        self.is_killed.store(false, Ordering::SeqCst);
        self.is_unreachable.store(false, Ordering::SeqCst);
        self.is_garbled.store(false, Ordering::SeqCst);
    }

    fn carries(&self, connection: u64) -> bool {
        !self.is_unreachable.load(Ordering::SeqCst) && connection > self.half_open_before.load(Ordering::SeqCst)
    }
}

/// Connects to a device over a [`Line`]. The device serves each stream with `serve`, which spawns a task for it.
#[derive(Debug)]
pub struct Plug<S> {
    /// The line.
    pub line: Arc<Line>,
    /// Serves the device's end of a new stream.
    pub serve: S,
}

impl<S: Fn(DuplexStream) + Send + Sync> Connector for Plug<S> {
    fn connect(&mut self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if self.line.is_killed.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            if self.line.is_unreachable.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            let connection = self.line.n_connections.fetch_add(1, Ordering::SeqCst) + 1;
            let (near, far) = tokio::io::duplex(1024);
            let (inner, device) = tokio::io::duplex(1024);
            (self.serve)(device);
            let (from_driver, to_driver) = split(far);
            let (from_device, to_device) = split(inner);
            tokio::spawn(carry(self.line.clone(), connection, from_driver, to_device, false));
            tokio::spawn(carry(self.line.clone(), connection, from_device, to_driver, true));
            Ok(Box::new(near) as Box<dyn Stream>)
        })
    }
}

/// Carries bytes in one direction, as long as the line does.
async fn carry(
    line: Arc<Line>,
    connection: u64,
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    is_answer: bool,
) -> io::Result<()> {
    let mut rng = fastrand::Rng::with_seed(connection);
    let mut buf = [0; 512];
    loop {
        let n = from.read(&mut buf).await?;
        if n == 0 {
            return to.shutdown().await;
        }
        if is_answer && line.is_garbled.load(Ordering::SeqCst) {
            rng.fill(&mut buf[..n]);
        }
        if line.carries(connection) {
            to.write_all(&buf[..n]).await?;
        }
    }
}
