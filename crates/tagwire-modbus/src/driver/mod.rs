//! The polled driver: one stream, several devices, requests answered one by one or pipelined.

mod chunk;
mod connect;
mod exchange;
mod kind;
mod plan;
mod read;
mod settings;
mod status;
mod trace;
mod write;

use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::{
    AddressError, Block, BoxFuture, BuildError, Connector, DeviceSpec, LinkError, LinkSpec, PolledDriver, Readings,
    Refusal, Span, Wire,
};
use tagwire_model::Value;
use tokio::time::Instant;

use crate::codec::{Request, Response};
use crate::item::Item;
use connect::Carrier;
use exchange::{Exchange, Precaution};
use settings::DeviceSettings;
use trace::Trace;

pub use kind::ModbusKind;

/// The driver of one Modbus link.
pub struct ModbusDriver {
    link: LinkSpec,
    carrier: Carrier,
    wire: Wire,
    exchange: Exchange,
    /// The stream must be opened anew, because a late answer on it could be taken for a new one.
    is_stale: bool,
    devices: Vec<Device>,
    epoch: Instant,
}

struct Device {
    settings: DeviceSettings,
    items: Vec<Item>,
}

impl Device {
    fn new(link: &LinkSpec, spec: &DeviceSpec) -> Result<Self, AddressError> {
        let settings = kind::device(link, &spec.settings)
            .map_err(|error| AddressError { problem: format!("{}: {}", error.key, error.problem), fix: error.fix })?;
        let items = spec.tags.iter().map(|tag| kind::item(&settings, tag)).collect::<Result<_, _>>()?;
        Ok(Self { settings, items })
    }
}

impl ModbusDriver {
    /// A driver whose stream comes from `connector`, whatever the address of the link says.
    ///
    /// # Errors
    /// [`BuildError`] for a link or device that cannot work.
    pub fn new(link: &LinkSpec, connector: Box<dyn Connector>) -> Result<Self, BuildError> {
        let (carrier, framing) = connect::kind(&link.kind).ok_or_else(|| kind::unknown_kind(&link.kind))?;
        for device in &link.devices {
            kind::device(link, &device.settings)?;
        }
        let devices = link.devices.iter().map(|device| Device::new(link, device)).collect::<Result<_, _>>();
        let devices: Vec<Device> =
            devices.map_err(|error| BuildError { key: "tag", problem: error.problem, fix: error.fix })?;
        let link = LinkSpec { devices: Vec::new(), ..link.clone() };
        let mut driver = Self {
            link,
            carrier,
            wire: Wire::new(connector),
            exchange: Exchange::new(framing),
            is_stale: false,
            devices,
            epoch: Instant::now(),
        };
        driver.note_lenience();
        Ok(driver)
    }

    /// Reads units of a device as they are: register bytes, or packed bits.
    ///
    /// # Errors
    /// [`LinkError`] as [`PolledDriver::read`]; the inner [`Refusal`] when the device says no.
    pub async fn read_raw(
        &mut self,
        unit: u8,
        table: crate::address::Table,
        start: u16,
        count: u16,
    ) -> Result<Result<Vec<u8>, Refusal>, LinkError> {
        self.begin().await?;
        let request = Request::Read { function: table.read_function(), start, count };
        self.ask(unit, &request, |outcome| match outcome {
            Ok(Response::Data { data, .. }) => Ok(data.to_vec()),
            other => Err(refusal(other)),
        })
        .await
    }

    fn note_lenience(&mut self) {
        self.exchange.set_lenient(self.devices.iter().any(|device| device.settings.lenient));
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// Whether a late answer makes the stream useless: no number tells answers apart, and a new stream is to be had.
    fn is_spoiled_by_timeout(&self) -> bool {
        !self.exchange.has_numbers() && self.carrier == Carrier::Tcp
    }

    async fn open(&mut self) -> Result<(), LinkError> {
        self.close();
        self.wire.connect().await?;
        self.is_stale = false;
        Ok(())
    }

    fn close(&mut self) {
        self.wire.close();
        let now = self.now();
        self.exchange.restart(now);
    }

    /// Makes the stream fit for a new call: what an earlier call left behind, because it was dropped, is given up.
    async fn begin(&mut self) -> Result<(), LinkError> {
        let now = self.now();
        if self.exchange.abandon(now) && self.is_spoiled_by_timeout() {
            self.is_stale = true;
        }
        if self.is_stale {
            self.open().await?;
        }
        self.wire.check_open()?;
        if !self.exchange.has_numbers() {
            self.drain().await?;
        }
        Ok(())
    }

    /// Takes what has arrived without being asked for, and drops it.
    async fn drain(&mut self) -> Result<(), LinkError> {
        while self.wire.receive_arrived(&mut self.exchange).await? {
            while self.exchange.next().map_err(lost)?.is_some() {}
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), LinkError> {
        self.wire.flush(&mut self.exchange).await
    }

    async fn receive(&mut self) -> Result<(), LinkError> {
        self.wire.receive(&mut self.exchange).await
    }

    /// Sends one request and waits for its answer.
    async fn ask<T>(
        &mut self,
        unit: u8,
        request: &Request<'_>,
        on_answer: impl FnOnce(Result<Response<'_>, String>) -> T,
    ) -> Result<T, LinkError> {
        self.settle(unit, request).await?;
        self.exchange.send(0, unit, request, self.epoch.elapsed());
        loop {
            self.flush().await?;
            if let Some(answer) = self.exchange.next().map_err(lost)? {
                return Ok(on_answer(answer.outcome));
            }
            self.receive().await?;
        }
    }

    /// Makes sure that no answer to an abandoned request can be taken for the answer to this one.
    async fn settle(&mut self, unit: u8, request: &Request<'_>) -> Result<(), LinkError> {
        loop {
            let now = self.now();
            match self.exchange.precaution(unit, request.function(), now) {
                Precaution::Nothing => return Ok(()),
                Precaution::Probe(probe) => {
                    self.exchange.send(0, unit, &probe, now);
                    self.flush().await?;
                    while self.exchange.next().map_err(lost)?.is_none() {
                        self.receive().await?;
                    }
                    self.exchange.settle(unit);
                    return Ok(());
                }
                Precaution::Listen => {
                    self.receive().await?;
                    self.exchange.next().map_err(lost)?;
                }
            }
        }
    }
}

/// The stream cannot be followed any more.
fn lost(error: crate::codec::FrameError) -> LinkError {
    LinkError::Protocol(error.to_string())
}

/// The refusal in an outcome that is not the answer hoped for.
fn refusal(outcome: Result<Response<'_>, String>) -> Refusal {
    match outcome {
        Ok(Response::Exception { exception, .. }) => status::from_exception(exception),
        Ok(_) => status::malformed("answer is not that of the function".to_owned()),
        Err(reason) => status::malformed(reason),
    }
}

impl PolledDriver for ModbusDriver {
    fn connect(&mut self) -> BoxFuture<'_, Result<(), LinkError>> {
        Box::pin(self.open())
    }

    fn disconnect(&mut self) {
        self.close();
        self.is_stale = false;
    }

    fn reconnect_after_timeout(&self) -> bool {
        self.is_spoiled_by_timeout()
    }

    fn set_device(&mut self, index: usize, device: &DeviceSpec) -> Result<(), AddressError> {
        let device = Device::new(&self.link, device)?;
        match self.devices.get_mut(index) {
            Some(old) => *old = device,
            None => self.devices.push(device),
        }
        self.note_lenience();
        Ok(())
    }

    fn plan(&self, device: usize, tags: &[u32], cuts: &[Span]) -> Vec<Block> {
        self.devices
            .get(device)
            .map(|known| plan::plan(device, &known.items, &known.settings, tags, cuts))
            .unwrap_or_default()
    }

    fn n_in_flight(&self, device: usize) -> usize {
        match self.devices.get(device) {
            Some(device) if self.exchange.has_numbers() => device.settings.in_flight,
            _ => 1,
        }
    }

    fn read<'a>(&'a mut self, blocks: &'a [Block], readings: &'a mut Readings) -> BoxFuture<'a, Result<(), LinkError>> {
        Box::pin(self.read_blocks(blocks, readings))
    }

    fn write<'a>(
        &'a mut self,
        device: usize,
        writes: &'a [(u32, Value)],
        results: &'a mut Vec<Result<(), Refusal>>,
    ) -> BoxFuture<'a, Result<(), LinkError>> {
        Box::pin(self.write_items(device, writes, results))
    }

    fn traffic(&self) -> (u64, u64) {
        self.wire.traffic()
    }

    fn set_trace(&mut self, on: bool) {
        self.exchange.set_trace(on.then(|| Trace { link: Arc::from(self.link.name.as_str()) }));
    }
}
