//! A simulator on real streams: many clients at once over TCP, or one line of any kind.

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

use super::bank::{self, Bad, Bank, Reply};
use super::config::{RefuseConfig, SimulatorConfig};
use super::fault::Fault;
use crate::address::Table;
use crate::codec::{FrameReader, Framing, Role};

pub use super::bank::{Received, SimulatorError};

/// A handle on simulated devices; clones share them. Memory and faults can be changed while clients are connected.
#[derive(Clone, Debug)]
pub struct Simulator {
    bank: Arc<Mutex<Bank>>,
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

impl Simulator {
    /// Most connections of one listener; further ones are closed at once.
    pub const MAX_CONNECTIONS: usize = 1000;
    /// Most answers of one connection that are on their way late.
    const MAX_LATE: usize = 1000;
    /// A serial line silent for so long in the middle of a frame has ended it (serial line 1.02, 2.5.1.1, at leisure).
    const SILENCE: Duration = Duration::from_millis(100);

    /// Devices in memory, connected to nothing yet.
    ///
    /// # Errors
    /// [`SimulatorError`] when the configuration describes no device.
    pub fn new(config: &SimulatorConfig) -> Result<Self, SimulatorError> {
        let bank = Arc::new(Mutex::new(Bank::new(config)?));
        Ok(Self { bank, epoch: Instant::now(), hang_up: Arc::new(watch::Sender::new(())) })
    }

    /// Listens for Modbus TCP clients; port 0 takes a free one.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a configuration that describes no device, else what the socket says.
    pub async fn spawn(config: &SimulatorConfig, addr: impl ToSocketAddrs) -> io::Result<(Self, SimulatorListener)> {
        let simulator = Self::new(config).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let listener = simulator.listen(addr, Framing::Tcp).await?;
        Ok((simulator, listener))
    }

    /// Listens for TCP clients that speak this framing.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn listen(&self, addr: impl ToSocketAddrs, framing: Framing) -> io::Result<SimulatorListener> {
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
                                simulator.serve(stream, framing).await
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
    pub async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, framing: Framing) -> io::Result<()> {
        let mut hang_up = self.hang_up.subscribe();
        let mut reader = FrameReader::new(framing, Role::Server);
        let mut out: Vec<u8> = Vec::new();
        let mut late: Vec<(Instant, Vec<u8>)> = Vec::new();
        loop {
            loop {
                let frame = match reader.next(&[]) {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    // Messaging guide 4.4.2: a stream without frames is closed.
                    Err(_) => return Ok(()),
                };
                let now = self.epoch.elapsed();
                let reply = self.bank.lock().answer(framing, frame.transaction, frame.unit, frame.pdu, now);
                if !reply.delay.is_zero() {
                    stream.write_all(&out).await?;
                    out.clear();
                    tokio::select! {
                        () = tokio::time::sleep(reply.delay) => {}
                        _ = hang_up.changed() => return Ok(()),
                    }
                }
                if !queue(reply, &mut out, &mut late) {
                    stream.write_all(&out).await?;
                    return Ok(());
                }
            }
            if !out.is_empty() {
                stream.write_all(&out).await?;
                out.clear();
            }
            let due = late.iter().map(|(at, _)| *at).min();
            let is_partial = framing != Framing::Tcp && reader.is_partial();
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
                () = tokio::time::sleep(Self::SILENCE), if is_partial => reader.clear(),
                _ = hang_up.changed() => return Ok(()),
            }
        }
    }

    /// Closes every connection; clients may come back at once.
    pub fn hang_up(&self) {
        self.hang_up.send_replace(());
    }

    /// Spoils the next request to `unit`, or to any unit; several wait in order.
    pub fn inject(&self, unit: Option<u8>, fault: Fault) {
        self.bank.lock().inject(unit, fault);
    }

    /// Spoils requests by chance, each fault with a probability of 0 to 1, drawn from the seed.
    pub fn set_chances(&self, chances: Vec<(f64, Fault)>) {
        self.bank.lock().set_chances(chances);
    }

    /// Ends all faults that wait or happen by chance.
    pub fn clear_faults(&self) {
        self.bank.lock().clear_faults();
    }

    /// Replaces the ranges that a unit refuses.
    ///
    /// # Errors
    /// [`SimulatorError::Address`] for an address that means nothing.
    pub fn set_refusals(&self, id: u8, refusals: &[RefuseConfig]) -> Result<(), SimulatorError> {
        let refused = bank::refusals(id, refusals)?;
        if let Some(unit) = self.bank.lock().unit_mut(id) {
            unit.refused = refused;
        }
        Ok(())
    }

    /// Whether a unit gives no answers at all.
    pub fn set_silent(&self, unit: u8, silent: bool) {
        if let Some(unit) = self.bank.lock().unit_mut(unit) {
            unit.is_silent = silent;
        }
    }

    /// How long a unit takes for every answer.
    pub fn set_delay(&self, unit: u8, delay: Duration) {
        if let Some(unit) = self.bank.lock().unit_mut(unit) {
            unit.delay = delay;
        }
    }

    /// Requests received since the start.
    pub fn n_requests(&self) -> u64 {
        self.bank.lock().n_requests()
    }

    /// Starts an empty record of requests, at most 10,000 of them, or ends it.
    pub fn record(&self, on: bool) {
        self.bank.lock().record(on);
    }

    /// The requests recorded, oldest first.
    pub fn recorded(&self) -> Vec<Received> {
        self.bank.lock().recorded()
    }

    /// One unit of a table; `None` when there is no such device.
    pub fn unit(&self, id: u8, table: Table, wire_offset: u16) -> Option<u16> {
        let now = self.epoch.elapsed();
        self.bank.lock().unit_mut(id).map(|unit| {
            unit.move_signals(table, wire_offset.into(), u32::from(wire_offset) + 1, now);
            unit.unit(table, wire_offset)
        })
    }

    /// Sets one unit of a table, also of those that clients cannot write.
    pub fn set_unit(&self, id: u8, table: Table, wire_offset: u16, value: u16) {
        if let Some(unit) = self.bank.lock().unit_mut(id) {
            unit.set_unit(table, wire_offset, value);
        }
    }

    /// Sets the value at an address in the grammar of tags.
    ///
    /// # Errors
    /// [`SimulatorError`] when address, type or value do not fit.
    pub fn set(&self, id: u8, address: &str, value: &Value, order: &str) -> Result<(), SimulatorError> {
        let value_type = value.value_type().map(|value_type| value_type.to_string());
        let item = bank::item(address, value_type.as_deref(), Some(order)).map_err(|error| match error {
            Bad::Name(name) => SimulatorError::Name { unit: id, name },
            Bad::Address(error) => SimulatorError::Address { unit: id, error },
        })?;
        let mut bank = self.bank.lock();
        let Some(unit) = bank.unit_mut(id) else { return Ok(()) };
        bank::store(unit, &item, value).map_err(|error| SimulatorError::Value {
            unit: id,
            address: address.to_owned(),
            error,
        })
    }
}

/// Puts a reply where it belongs; false when the connection ends after it.
fn queue(reply: Reply, out: &mut Vec<u8>, late: &mut Vec<(Instant, Vec<u8>)>) -> bool {
    if reply.late.is_zero() {
        out.extend_from_slice(&reply.bytes);
    } else if late.len() < Simulator::MAX_LATE {
        late.push((Instant::now() + reply.late, reply.bytes));
    }
    !reply.close
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
