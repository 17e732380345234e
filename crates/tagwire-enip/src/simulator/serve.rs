//! A simulator on real streams: many clients at once.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tagwire_driver::simulation::{Conversation, Farewell, Faults, Plain, Reply, SimulatorListener, serve};
use tagwire_model::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::ToSocketAddrs;
use tokio::sync::watch;
use tokio::time::Instant;

use super::config::SimulatorConfig;
use super::controller::Controller;
use super::fault::Fault;
use super::layout::SimulatorError;
use super::session::Session;
use crate::codec::frame::{FrameReader, command};
use crate::pccc::DataTables;

/// A handle on a simulated controller; clones share it. Memory and faults can be changed while clients are connected.
#[derive(Clone, Debug)]
pub struct Simulator {
    state: Arc<Mutex<State>>,
    epoch: Instant,
    hang_up: Arc<watch::Sender<()>>,
}

#[derive(Debug)]
struct State {
    /// In the slots of one chassis; the first one also answers without a route.
    controllers: Vec<Controller>,
    faults: Faults<Fault>,
    n_messages: u64,
}

impl Simulator {
    /// A controller in memory, connected to nothing yet.
    ///
    /// # Errors
    /// [`SimulatorError`] when the configuration describes no controller.
    pub fn new(config: &SimulatorConfig) -> Result<Self, SimulatorError> {
        Self::chassis(std::slice::from_ref(config))
    }

    /// Several controllers behind one address, told apart by their slots.
    ///
    /// # Errors
    /// [`SimulatorError`] when a configuration describes no controller.
    pub fn chassis(configs: &[SimulatorConfig]) -> Result<Self, SimulatorError> {
        let state = State {
            controllers: configs.iter().map(Controller::new).collect::<Result<_, _>>()?,
            faults: Faults::new(configs.first().map_or(0, |config| config.seed)),
            n_messages: 0,
        };
        let state = Arc::new(Mutex::new(state));
        Ok(Self { state, epoch: Instant::now(), hang_up: Arc::new(watch::Sender::new(())) })
    }

    /// Listens for clients; port 0 takes a free one.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a configuration that describes no controller, else what the socket says.
    pub async fn spawn(config: &SimulatorConfig, addr: impl ToSocketAddrs) -> io::Result<(Self, SimulatorListener)> {
        let simulator = Self::new(config).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let listener = simulator.listen(addr).await?;
        Ok((simulator, listener))
    }

    /// Listens for clients.
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
        let talk = Talk { simulator: self, reader: FrameReader::new(), session: Session::default() };
        serve(stream, talk, self.hang_up.subscribe()).await
    }

    fn answer(&self, session: &mut Session, frame: &crate::codec::frame::Frame<'_>) -> Reply {
        let now = self.epoch.elapsed();
        let mut state = self.state.lock();
        let State { controllers, faults, n_messages } = &mut *state;
        if matches!(frame.command, command::SEND_RR_DATA | command::SEND_UNIT_DATA) {
            *n_messages += 1;
        }
        session.answer(frame, controllers, || faults.next(|_| true), now)
    }

    /// Closes every stream; clients may come back at once.
    pub fn hang_up(&self) {
        self.hang_up.send_replace(());
    }

    /// Spoils the answer to the next message; several wait in order.
    pub fn inject(&self, fault: Fault) {
        self.state.lock().faults.inject(fault);
    }

    /// Spoils answers by chance, each fault with a probability of 0 to 1, drawn from the seed.
    pub fn set_chances(&self, chances: Vec<(f64, Fault)>) {
        self.state.lock().faults.set_chances(chances);
    }

    /// Ends all faults that wait or happen by chance.
    pub fn clear_faults(&self) {
        self.state.lock().faults.clear();
    }

    /// Loads another program into the controller of its slot, as a download does: instance and template numbers change,
    /// and so do the change counters. Streams and connections stay.
    ///
    /// # Errors
    /// [`SimulatorError`] when the configuration describes no controller; the old program goes on then.
    pub fn download(&self, config: &SimulatorConfig) -> Result<(), SimulatorError> {
        let mut state = self.state.lock();
        match state.controllers.iter_mut().find(|controller| controller.config.slot == config.slot) {
            Some(controller) => controller.download(config),
            None => Ok(()),
        }
    }

    /// Whether the controller in a slot gives no answers at all.
    pub fn set_silent(&self, slot: u8, is_silent: bool) {
        let mut state = self.state.lock();
        state.controllers.iter_mut().filter(|c| c.config.slot == slot).for_each(|c| c.is_silent = is_silent);
    }

    /// The tags that the controller in a slot refuses to know, by their names in small letters.
    pub fn set_refusals(&self, slot: u8, names: &[&str]) {
        let mut state = self.state.lock();
        let refused: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let of_slot = state.controllers.iter_mut().filter(|c| c.config.slot == slot);
        of_slot.for_each(|controller| controller.refused.clone_from(&refused));
    }

    /// Does something with the data files of the controller in a slot; `None` when there is no such controller.
    pub fn tables<T>(&self, slot: u8, with: impl FnOnce(&mut DataTables) -> T) -> Option<T> {
        let mut state = self.state.lock();
        let found = state.controllers.iter_mut().find(|controller| controller.config.slot == slot);
        found.map(|controller| with(&mut controller.tables))
    }

    /// Messages received since the start, those that open connections included.
    pub fn n_messages(&self) -> u64 {
        self.state.lock().n_messages
    }

    /// The value at an address of the first controller, for elementary types and strings; `None` for other structures.
    ///
    /// # Errors
    /// [`SimulatorError::Address`] for an address that leads nowhere.
    pub fn value(&self, address: &str) -> Result<Option<Value>, SimulatorError> {
        let now = self.epoch.elapsed();
        let mut state = self.state.lock();
        let wrong = || SimulatorError::Address(address.to_owned());
        let controller = state.controllers.first_mut().ok_or_else(wrong)?;
        controller.program.move_signals(now);
        controller.program.value(address)
    }

    /// Sets the value at an address of the first controller, also of tags that clients cannot write.
    ///
    /// # Errors
    /// [`SimulatorError`] when address and value do not fit.
    pub fn set(&self, address: &str, value: &Plain) -> Result<(), SimulatorError> {
        match self.state.lock().controllers.first_mut() {
            Some(controller) => controller.program.set(address, value),
            None => Err(SimulatorError::Address(address.to_owned())),
        }
    }
}

/// What the chassis makes of one stream.
struct Talk<'a> {
    simulator: &'a Simulator,
    reader: FrameReader,
    session: Session,
}

impl Conversation for Talk<'_> {
    fn space(&mut self) -> &mut [u8] {
        self.reader.space()
    }

    fn filled(&mut self, n: usize) {
        self.reader.filled(n);
    }

    fn reply(&mut self) -> Result<Option<Reply>, Farewell> {
        let frame = self.reader.next_frame().map_err(|_| Farewell)?;
        Ok(frame.map(|frame| self.simulator.answer(&mut self.session, &frame)))
    }
}
