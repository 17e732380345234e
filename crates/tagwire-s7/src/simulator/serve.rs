//! A simulator on real streams: many clients at once.

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

impl Simulator {
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
        SimulatorListener::bind(addr, self.clone(), |it, stream| async move { it.serve(stream).await }).await
    }

    /// Answers one stream until its other end closes it or a fault does.
    ///
    /// # Errors
    /// What the stream says.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let talk = Talk {
            simulator: self,
            reader: FrameReader::new(),
            session: Session::default(),
            max_frame: u16::MAX.into(),
            n_at_once: 0,
        };
        serve(stream, talk, self.hang_up.subscribe()).await
    }

    fn accepts(&self, connect: &Connect) -> bool {
        let [_, low] = connect.called.0.to_be_bytes();
        self.cpu.lock().slot.is_none_or(|slot| slot == low & 31)
    }

    fn reply(&self, pdu: &[u8], session: &mut Session, n_at_once: usize, max_frame: usize) -> Reply {
        let now = self.epoch.elapsed();
        let mut cpu = self.cpu.lock();
        let fault = cpu.faults.next(|_| true);
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
        self.cpu.lock().faults.inject(fault);
    }

    /// Spoils jobs by chance, each fault with a probability of 0 to 1, drawn from the seed.
    pub fn set_chances(&self, chances: Vec<(f64, Fault)>) {
        self.cpu.lock().faults.set_chances(chances);
    }

    /// Ends all faults that wait or happen by chance.
    pub fn clear_faults(&self) {
        self.cpu.lock().faults.clear();
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

/// What the CPU makes of one stream.
struct Talk<'a> {
    simulator: &'a Simulator,
    reader: FrameReader,
    session: Session,
    max_frame: usize,
    /// Jobs that lie here together are under way at once.
    n_at_once: usize,
}

impl Conversation for Talk<'_> {
    fn space(&mut self) -> &mut [u8] {
        self.reader.space()
    }

    fn filled(&mut self, n: usize) {
        self.reader.filled(n);
    }

    fn reply(&mut self) -> Result<Option<Reply>, Farewell> {
        let Self { simulator, reader, session, max_frame, n_at_once } = self;
        match reader.read() {
            Ok(Some(Tpdu::Data(pdu))) => {
                *n_at_once += 1;
                Ok(Some(simulator.reply(pdu, session, *n_at_once, *max_frame)))
            }
            Ok(Some(Tpdu::ConnectRequest(connect))) => {
                if !simulator.accepts(&connect) {
                    return Err(Farewell);
                }
                let size = connect.size.map(|size| size.min(Simulator::MAX_SIZE));
                *max_frame = size.map_or(*max_frame, |size| 1 << size);
                let mut reply = Reply::default();
                let confirm = Connect { destination: connect.source, source: 1, size, ..connect };
                confirm.encode_confirm(&mut reply.bytes);
                Ok(Some(reply))
            }
            Ok(None) => {
                *n_at_once = 0;
                Ok(None)
            }
            // A stream without frames is closed, and so is one whose client says farewell.
            Ok(Some(_)) | Err(_) => Err(Farewell),
        }
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
