//! A simulator on real streams: many clients at once over TCP, or one line of any kind.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tagwire_driver::simulation::{Conversation, Farewell, Reply, SimulatorListener, serve};
use tagwire_model::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::ToSocketAddrs;
use tokio::sync::watch;
use tokio::time::Instant;

use super::bank::{self, Bad, Bank};
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

impl Simulator {
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
        let serve = move |it: Self, stream| async move { it.serve(stream, framing).await };
        SimulatorListener::bind(addr, self.clone(), serve).await
    }

    /// Answers one stream until its other end closes it or a fault does.
    ///
    /// # Errors
    /// What the stream says.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin, framing: Framing) -> io::Result<()> {
        let reader = FrameReader::new(framing, Role::Server);
        serve(stream, Talk { simulator: self, framing, reader }, self.hang_up.subscribe()).await
    }

    /// Closes every connection; clients may come back at once.
    pub fn hang_up(&self) {
        self.hang_up.send_replace(());
    }

    /// Spoils the next request to `unit`, or to any unit; several wait in order.
    pub fn inject(&self, unit: Option<u8>, fault: Fault) {
        self.bank.lock().faults.inject((unit, fault));
    }

    /// Spoils requests by chance, each fault with a probability of 0 to 1, drawn from the seed.
    pub fn set_chances(&self, chances: Vec<(f64, Fault)>) {
        let chances = chances.into_iter().map(|(chance, fault)| (chance, (None, fault))).collect();
        self.bank.lock().faults.set_chances(chances);
    }

    /// Ends all faults that wait or happen by chance.
    pub fn clear_faults(&self) {
        self.bank.lock().faults.clear();
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

/// What the devices make of one stream.
struct Talk<'a> {
    simulator: &'a Simulator,
    framing: Framing,
    reader: FrameReader,
}

impl Conversation for Talk<'_> {
    fn space(&mut self) -> &mut [u8] {
        self.reader.space()
    }

    fn filled(&mut self, n: usize) {
        self.reader.filled(n);
    }

    fn reply(&mut self) -> Result<Option<Reply>, Farewell> {
        // Messaging guide 4.4.2: a stream without frames is closed.
        let Some(frame) = self.reader.next(&[]).map_err(|_| Farewell)? else { return Ok(None) };
        let now = self.simulator.epoch.elapsed();
        let mut bank = self.simulator.bank.lock();
        Ok(Some(bank.answer(self.framing, frame.transaction, frame.unit, frame.pdu, now)))
    }

    fn patience(&self) -> Option<Duration> {
        (self.framing != Framing::Tcp && self.reader.is_partial()).then_some(Simulator::SILENCE)
    }

    fn forget(&mut self) {
        self.reader.clear();
    }
}
