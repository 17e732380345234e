//! The polled driver: one stream, several controllers behind it, one request at a time.

mod circuit;
mod device;
mod exchange;
mod kind;
mod list;
mod pool;
mod read;
mod request;
mod settings;
mod status;
mod trace;
mod wire;
mod write;

use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::{
    AddressError, Block, BoxFuture, BuildError, Connector, DeviceSpec, LinkError, LinkSpec, PolledDriver, Readings,
    Refusal, Span,
};
use tagwire_model::Value;
use tokio::time::Instant;

use crate::codec::connection::Originator;
use device::{Device, UploadState};

pub(crate) use exchange::Outcome;
pub use kind::EnipKind;
pub use list::ListError;
pub(crate) use trace::Trace;
pub(crate) use wire::Wire;

/// The driver of one EtherNet/IP link.
pub struct EnipDriver {
    name: Arc<str>,
    /// Where the link leads, when what is learned there concerns other links too.
    shared_address: Option<String>,
    wire: Wire,
    /// The stream must be opened anew, because a transaction on it was never completed.
    is_stale: bool,
    devices: Vec<Device>,
    /// The request under construction; what is sent again after a connection was lost.
    message: Vec<u8>,
    /// Writes that wait for their packet.
    pending: Vec<write::Pending>,
    originator: Originator,
    next_serial: u16,
    epoch: Instant,
}

impl EnipDriver {
    /// How long a failed upload is left alone.
    const UPLOAD_PAUSE: Duration = Duration::from_secs(60);

    /// A driver whose stream comes from `connector`, whatever the address of the link says.
    ///
    /// # Errors
    /// [`BuildError`] for a link or device that cannot work.
    pub fn new(link: &LinkSpec, connector: Box<dyn Connector>) -> Result<Self, BuildError> {
        for device in &link.devices {
            settings::DeviceSettings::new(&device.settings)?;
        }
        let devices = link.devices.iter().map(Device::new).collect::<Result<_, _>>();
        let devices: Vec<Device> =
            devices.map_err(|error| BuildError { key: "tag", problem: error.problem, fix: error.fix })?;
        Ok(Self {
            name: Arc::from(link.name.as_str()),
            shared_address: None,
            wire: Wire::new(connector),
            is_stale: false,
            devices,
            message: Vec::new(),
            pending: Vec::new(),
            originator: Originator { vendor: 0x7467, serial: fastrand::u32(..) },
            next_serial: fastrand::u16(..),
            epoch: Instant::now(),
        })
    }

    /// Lets all drivers with this address share one upload of each controller's tag list.
    pub(super) fn share(&mut self, address: String) {
        self.devices.iter_mut().for_each(|device| device.share(&address));
        self.shared_address = Some(address);
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    async fn open(&mut self) -> Result<(), LinkError> {
        self.close();
        self.wire.connect().await?;
        self.is_stale = false;
        self.wire.register().await
    }

    fn close(&mut self) {
        self.wire.close();
        self.devices.iter_mut().for_each(|device| device.circuit = None);
    }

    /// Makes the stream fit for a new call: what an earlier call left behind, because it was dropped, is given up.
    async fn begin(&mut self) -> Result<(), LinkError> {
        let now = self.now();
        for device in &mut self.devices {
            if matches!(device.upload, UploadState::Asking) {
                device.fail_upload(now + Self::UPLOAD_PAUSE);
            }
        }
        self.pending.clear();
        self.is_stale |= self.wire.exchange.is_waiting();
        if self.is_stale { self.open().await } else { self.wire.check_open() }
    }
}

impl PolledDriver for EnipDriver {
    fn connect(&mut self) -> BoxFuture<'_, Result<(), LinkError>> {
        Box::pin(self.open())
    }

    fn disconnect(&mut self) {
        self.close();
        self.is_stale = false;
    }

    fn reconnect_after_timeout(&self) -> bool {
        true
    }

    fn set_device(&mut self, index: usize, device: &DeviceSpec) -> Result<(), AddressError> {
        let mut device = Device::new(device)?;
        if let Some(address) = &self.shared_address {
            device.share(address);
        }
        match self.devices.get_mut(index) {
            Some(old) => {
                std::mem::swap(old, &mut device);
                old.inherit(device);
            }
            None => self.devices.push(device),
        }
        Ok(())
    }

    fn plan(&self, device: usize, tags: &[u32], cuts: &[Span]) -> Vec<Block> {
        self.devices.get(device).map(|known| known.plan(device, tags, cuts)).unwrap_or_default()
    }

    fn n_in_flight(&self, device: usize) -> usize {
        match self.devices.get(device) {
            // Blocks of one call share packets, and the whole call has the time of one request.
            Some(device) if device.packs && device.size > 511 => 1000,
            Some(device) if device.packs => 150,
            _ => 1,
        }
    }

    fn read<'a>(&'a mut self, blocks: &'a [Block], readings: &'a mut Readings) -> BoxFuture<'a, Result<(), LinkError>> {
        Box::pin(self.read_blocks(blocks, readings))
    }

    fn writes_per_request(&self, device: usize) -> usize {
        if self.devices.get(device).is_some_and(|device| device.packs) { 20 } else { 1 }
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
        self.wire.exchange.trace = on.then(|| Trace { link: Arc::clone(&self.name) });
    }
}
