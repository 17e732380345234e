//! A simulator on real streams: many clients at once.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tagwire_model::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::config::{RefuseConfig, SimulatorConfig};
use super::cpu::{Cpu, Session, SimulatorError, item};
use super::fault::Fault;
use crate::codec::{Connect, FrameReader, HeaderError, Tpdu, encode_data, encode_refusal, word};

/// A handle on a simulated CPU; clones share it. Memory and faults can be changed while clients are connected.
#[derive(Clone, Debug)]
pub struct Simulator {
    cpu: Arc<Mutex<Cpu>>,
    epoch: Instant,
    hang_up: Arc<watch::Sender<()>>,
}

/// A simulator that listens for TCP clients; dropping it stops listening and closes every connection.
#[derive(Debug)]
pub struct SimulatorListener {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl SimulatorListener {
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

/// What goes back for one job.
#[derive(Debug, Default)]
struct Reply {
    bytes: Vec<u8>,
    delay: Duration,
    late: Duration,
    close: bool,
}

impl Simulator {
    /// Most connections of one listener; further ones are closed at once.
    pub const MAX_CONNECTIONS: usize = 1000;
    /// Most answers of one connection that are on their way late.
    const MAX_LATE: usize = 1000;
    /// Frames that a client may ask for are no longer than this.
    const MAX_SIZE: u8 = 13;

    /// A CPU in memory, connected to nothing yet.
    ///
    /// # Errors
    /// [`SimulatorError`] when the configuration describes no CPU.
    pub fn new(config: &SimulatorConfig) -> Result<Self, SimulatorError> {
        let cpu = Arc::new(Mutex::new(Cpu::new(config)?));
        Ok(Self { cpu, epoch: Instant::now(), hang_up: Arc::new(watch::Sender::new(())) })
    }

    /// Listens for clients; port 0 takes a free one.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a configuration that describes no CPU, else what the socket says.
    pub async fn spawn(config: &SimulatorConfig, addr: impl ToSocketAddrs) -> io::Result<(Self, SimulatorListener)> {
        let simulator = Self::new(config).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let listener = simulator.listen(addr).await?;
        Ok((simulator, listener))
    }

    /// Listens for TCP clients.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn listen(&self, addr: impl ToSocketAddrs) -> io::Result<SimulatorListener> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let simulator = self.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) if connections.len() < Self::MAX_CONNECTIONS => {
                            let simulator = simulator.clone();
                            connections.spawn(async move {
                                stream.set_nodelay(true)?;
                                simulator.serve(stream).await
                            });
                        }
                        Ok(_) => {}
                        // Out of file handles, most likely: they come back when clients leave.
                        Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    },
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok(SimulatorListener { addr, task })
    }

    /// Answers one stream until its other end closes it or a fault does.
    ///
    /// # Errors
    /// What the stream says.
    pub async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut hang_up = self.hang_up.subscribe();
        let mut reader = FrameReader::new();
        let mut session = Session::default();
        let mut max_frame = usize::from(u16::MAX);
        let mut out: Vec<u8> = Vec::new();
        let mut late: Vec<(Instant, Vec<u8>)> = Vec::new();
        loop {
            // Jobs that lie here together are under way at once.
            let mut n_at_once = 0;
            loop {
                let pdu = match reader.read() {
                    Ok(Some(Tpdu::Data(pdu))) => pdu,
                    Ok(Some(Tpdu::ConnectRequest(connect))) => {
                        if !self.accepts(&connect) {
                            return Ok(());
                        }
                        let size = connect.size.map(|size| size.min(Self::MAX_SIZE));
                        max_frame = size.map_or(max_frame, |size| 1 << size);
                        let confirm = Connect { destination: connect.source, source: 1, size, ..connect };
                        confirm.encode_confirm(&mut out);
                        continue;
                    }
                    Ok(None) => break,
                    // A stream without frames is closed, and so is one whose client says farewell.
                    Ok(Some(_)) | Err(_) => return Ok(()),
                };
                n_at_once += 1;
                let reply = self.reply(pdu, &mut session, n_at_once, max_frame);
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
                } else if late.len() < Self::MAX_LATE {
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
            tokio::select! {
                n = stream.read(reader.space()) => match n? {
                    0 => return Ok(()),
                    n => reader.filled(n),
                },
                () = until(due) => {
                    let now = Instant::now();
                    for idx in (0..late.len()).rev().filter(|idx| late[*idx].0 <= now).collect::<Vec<_>>() {
                        out.extend_from_slice(&late.remove(idx).1);
                    }
                }
                _ = hang_up.changed() => return Ok(()),
            }
        }
    }

    fn accepts(&self, connect: &Connect) -> bool {
        let [_, low] = connect.called.0.to_be_bytes();
        self.cpu.lock().slot.is_none_or(|slot| slot == low & 31)
    }

    fn reply(&self, pdu: &[u8], session: &mut Session, n_at_once: usize, max_frame: usize) -> Reply {
        let now = self.epoch.elapsed();
        let mut cpu = self.cpu.lock();
        let fault = cpu.fault();
        // Jobs under way at once take their time together.
        let delay = if n_at_once == 1 { cpu.delay } else { Duration::ZERO };
        let mut reply = Reply { delay, ..Reply::default() };
        if fault == Some(Fault::Drop) {
            return Reply::default();
        }
        let mut answer = Vec::new();
        if n_at_once > session.jobs {
            encode_refusal(word(pdu, 4).unwrap_or(0), HeaderError(0x8302), &mut answer);
        } else if !cpu.answer(pdu, session, fault.as_ref(), now, &mut answer) {
            return Reply::default();
        }
        if fault == Some(Fault::WrongReference)
            && let Some(byte) = answer.get_mut(4)
        {
            *byte ^= 0x55;
        }
        encode_data(max_frame, &mut reply.bytes, |out| out.extend_from_slice(&answer));
        disturb(&mut reply, fault);
        reply
    }

    /// Closes every connection; clients may come back at once.
    pub fn hang_up(&self) {
        self.hang_up.send_replace(());
    }

    /// Spoils the next job; several wait in order.
    pub fn inject(&self, fault: Fault) {
        self.cpu.lock().inject(fault);
    }

    /// Spoils jobs by chance, each fault with a probability of 0 to 1, drawn from the seed.
    pub fn set_chances(&self, chances: Vec<(f64, Fault)>) {
        self.cpu.lock().chances = chances;
    }

    /// Ends all faults that wait or happen by chance.
    pub fn clear_faults(&self) {
        self.cpu.lock().clear_faults();
    }

    /// Replaces the ranges that are refused.
    ///
    /// # Errors
    /// [`SimulatorError::Address`] for an address that means nothing.
    pub fn set_refusals(&self, refusals: &[RefuseConfig]) -> Result<(), SimulatorError> {
        self.cpu.lock().set_refusals(refusals)
    }

    /// Whether jobs that touch a data block get no answer at all.
    pub fn set_silent(&self, block: u16, silent: bool) {
        let mut cpu = self.cpu.lock();
        if silent {
            cpu.silent.insert(block)
        } else {
            cpu.silent.remove(&block)
        };
    }

    /// How long the CPU takes for every answer.
    pub fn set_delay(&self, delay: Duration) {
        self.cpu.lock().delay = delay;
    }

    /// Whether reads and writes of other stations are permitted.
    pub fn set_put_get(&self, on: bool) {
        self.cpu.lock().put_get = on;
    }

    /// Jobs received since the start.
    pub fn n_jobs(&self) -> u64 {
        self.cpu.lock().n_jobs
    }

    /// Items read or written since the start.
    pub fn n_items(&self) -> u64 {
        self.cpu.lock().n_items
    }

    /// Sets the value at an address in the grammar of tags, also of those that clients cannot write.
    ///
    /// # Errors
    /// [`SimulatorError`] when address or value do not fit.
    pub fn set(&self, address: &str, value: &Value) -> Result<(), SimulatorError> {
        let value_type = value.value_type().map(|value_type| value_type.to_string());
        let item = item(address, value_type.as_deref())?;
        let stored = self.cpu.lock().store(&item, value);
        stored.map_err(|error| SimulatorError::Value { address: address.to_owned(), error })
    }

    /// The value at an address in the grammar of tags; without a type, that of the address. `None` when the memory
    /// holds no such value.
    ///
    /// # Errors
    /// [`SimulatorError`] when the address means nothing.
    pub fn value(&self, address: &str, value_type: Option<&str>) -> Result<Option<Value>, SimulatorError> {
        let item = item(address, value_type)?;
        let now = self.epoch.elapsed();
        Ok(self.cpu.lock().value(&item, now))
    }
}

fn disturb(reply: &mut Reply, fault: Option<Fault>) {
    let bytes = &mut reply.bytes;
    match fault {
        Some(Fault::Delay(delay)) => reply.delay += delay,
        Some(Fault::Late(late)) => reply.late = late,
        Some(Fault::Garbage(garbage)) => drop(bytes.splice(0..0, garbage)),
        Some(Fault::Truncate(len)) => bytes.truncate(len),
        Some(Fault::Twice) => bytes.extend_from_within(..),
        Some(Fault::CloseMidFrame) => {
            bytes.truncate(bytes.len() / 2);
            reply.close = true;
        }
        Some(Fault::Close) => {
            bytes.clear();
            reply.close = true;
        }
        _ => {}
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
