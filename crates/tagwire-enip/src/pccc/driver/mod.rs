//! The polled driver: one stream, one command at a time, a file read in blocks as long as a reply.

mod kind;
mod settings;
mod status;
mod write;

use std::sync::Arc;

use tagwire_driver::{
    AddressError, Block, BoxFuture, BuildError, Connector, DeviceSpec, Flow as _, LinkError, LinkSpec, PolledDriver,
    Readings, Refusal, Span, plan,
};
use tagwire_model::{Status, Value};

use super::address::{Dialect, logical};
use super::command::{EXECUTE, Reply, Typed, encode_execute, encode_word_range_read, function};
use super::file::FileType;
use super::item::Item;
use crate::codec::connection::{Originator, encode_unconnected_send};
use crate::codec::frame::status_text;
use crate::codec::message::{Request, Response};
use crate::codec::{class, path, service};
use crate::driver::{Outcome, Trace, Wire};
use settings::DeviceSettings;

pub use kind::PcccKind;

/// The driver of one link to processors with data tables.
pub struct PcccDriver {
    name: Arc<str>,
    wire: Wire,
    /// The stream must be opened anew, because a request on it was never sent to its end.
    is_stale: bool,
    devices: Vec<Device>,
    originator: Originator,
    transaction: u16,
}

struct Device {
    settings: DeviceSettings,
    items: Vec<Item>,
}

/// Where a block or a part of it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    file_type: FileType,
    file: u8,
    slot: u16,
    /// First word.
    start: u32,
    pub(super) n_words: u32,
}

impl Place {
    /// Where an item lies.
    pub(super) const fn of(item: &Item) -> Self {
        Self { file_type: item.file_type, file: item.file, slot: item.slot, start: item.start, n_words: item.len }
    }

    const fn element(&self) -> u32 {
        if self.slot > 0 || self.file_type.is_io() { self.slot as u32 } else { self.start / self.file_type.n_words() }
    }

    /// The three address fields of an SLC.
    pub(super) fn typed(&self) -> Typed {
        let is_io = self.file_type.is_io();
        Typed {
            size: (self.n_words * 2) as u8,
            file: self.file.into(),
            file_type: self.file_type.code(),
            element: self.element() as u16,
            sub: if is_io { self.start } else { self.start % self.file_type.n_words() } as u16,
        }
    }

    /// The address in ASCII of a PLC-5.
    pub(super) fn logical(&self) -> String {
        let n = self.file_type.n_words();
        logical(self.file_type, self.file, self.start / n, self.start % n)
    }
}

impl Device {
    fn new(spec: &DeviceSpec) -> Result<Self, AddressError> {
        let settings = DeviceSettings::new(&spec.settings)?;
        let items = spec.tags.iter().map(|tag| kind::item(&settings, tag)).collect::<Result<_, _>>()?;
        Ok(Self { settings, items })
    }

    fn plan(&self, index: usize, tags: &[u32], cuts: &[Span]) -> Vec<Block> {
        let span = |tag: &u32| {
            let item = self.items.get(*tag as usize)?;
            // A command begins at an element, so whole elements are read.
            let n = if item.file_type.is_io() { 1 } else { item.file_type.n_words() };
            let (start, end) = (item.start / n * n, item.end().next_multiple_of(n));
            Some((*tag, Span { area: item.space(), start, len: end - start }))
        };
        let spans: Vec<(u32, Span)> = tags.iter().filter_map(span).collect();
        let limits = plan::Limits { max_len: self.settings.max_words, max_gap: self.settings.max_gap };
        plan::merge(index, &spans, limits, cuts)
    }
}

impl PcccDriver {
    /// A driver whose stream comes from `connector`, whatever the address of the link says.
    ///
    /// # Errors
    /// [`BuildError`] for a link or device that cannot work.
    pub fn new(link: &LinkSpec, connector: Box<dyn Connector>) -> Result<Self, BuildError> {
        for device in &link.devices {
            DeviceSettings::new(&device.settings)?;
        }
        let devices = link.devices.iter().map(Device::new).collect::<Result<Vec<_>, _>>();
        let devices = devices.map_err(|error| BuildError { key: "tag", problem: error.problem, fix: error.fix })?;
        Ok(Self {
            name: Arc::from(link.name.as_str()),
            wire: Wire::new(connector),
            is_stale: false,
            devices,
            originator: Originator { vendor: 0x7467, serial: fastrand::u32(..) },
            transaction: fastrand::u16(..),
        })
    }

    async fn open(&mut self) -> Result<(), LinkError> {
        self.close();
        self.wire.connect().await?;
        self.wire.register().await
    }

    fn close(&mut self) {
        self.wire.close();
        self.is_stale = false;
    }

    /// Makes the stream fit for a new call. A late answer is known by its number, a request cut in the middle is not.
    async fn begin(&mut self) -> Result<(), LinkError> {
        if !self.is_stale {
            self.wire.check_open()?;
        }
        if self.is_stale || !self.wire.exchange.output().is_empty() {
            self.is_stale = true;
            self.open().await?;
        }
        Ok(())
    }

    /// Lets a processor execute a command; gives the data of its reply.
    async fn execute(
        &mut self,
        device: usize,
        function: u8,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Result<Vec<u8>, Refusal>, LinkError> {
        self.transaction = self.transaction.wrapping_add(1);
        let transaction = self.transaction;
        let mut message = Vec::with_capacity(300);
        encode_execute(self.originator, transaction, function, &mut message, body);
        let route = self.devices.get(device).map_or(&[][..], |device| &device.settings.route);
        if !route.is_empty()
            && let Ok(inner) = Request::decode(&message)
        {
            let mut data = Vec::new();
            encode_unconnected_send(&mut data, &inner, route);
            let manager = path::to_instance(class::CONNECTION_MANAGER, 1);
            let mut routed = Vec::new();
            Request { service: service::UNCONNECTED_SEND, path: &manager, data: &data }.encode(&mut routed);
            message = routed;
        }
        self.wire.exchange.send_unconnected(&message);
        if let Outcome::Refused(status) = self.wire.complete().await? {
            return Err(LinkError::Protocol(status_text(status).to_owned()));
        }
        let malformed = |error: &dyn std::fmt::Display| {
            Ok(Err(status::refused(Status::BAD_COMMUNICATION_ERROR, format!("answer is malformed: {error}"))))
        };
        let response = match Response::decode(self.wire.exchange.answer()) {
            Ok(response) => response,
            Err(error) => return malformed(&error),
        };
        if !response.status.is_success() {
            let reason = format!("device does not execute the command: {}", response.status);
            // A module on the way answers in place of the processor.
            let is_route = response.service == service::UNCONNECTED_SEND || response.status.general == 1;
            let status = if is_route { Status::BAD_NO_COMMUNICATION } else { Status::BAD_NOT_SUPPORTED };
            return Ok(Err(status::refused(status, reason)));
        }
        if response.service != EXECUTE {
            return malformed(&"another service");
        }
        match Reply::decode(response.data) {
            Ok(reply) if reply.transaction != transaction => malformed(&"another transaction"),
            Ok(reply) if reply.status.is_success() => Ok(Ok(reply.data.to_vec())),
            Ok(reply) => Ok(Err(status::from_sts(reply.status))),
            Err(error) => malformed(&error),
        }
    }

    /// Reads words, in as many commands as they take.
    pub(super) async fn read_words(
        &mut self,
        device: usize,
        place: Place,
    ) -> Result<Result<Vec<u8>, Refusal>, LinkError> {
        let Some(settings) = self.devices.get(device).map(|device| device.settings.clone()) else {
            return Ok(Err(status::refused(Status::BAD_CONFIGURATION_ERROR, "device is not on this link")));
        };
        let mut data = Vec::with_capacity(place.n_words as usize * 2);
        for part in parts(place, settings.max_words) {
            let n_bytes = part.n_words as usize * 2;
            let reply = match settings.dialect {
                Dialect::Slc => self.execute(device, function::TYPED_READ, |out| part.typed().encode(out)).await?,
                Dialect::Plc5 => {
                    let address = part.logical();
                    let n_words = part.n_words as u16;
                    let body = |out: &mut Vec<u8>| encode_word_range_read(&address, n_words, out);
                    self.execute(device, function::WORD_RANGE_READ, body).await?
                }
            };
            match reply {
                Ok(bytes) if bytes.len() == n_bytes => data.extend_from_slice(&bytes),
                Ok(bytes) => {
                    let reason = format!("reply has {} bytes instead of {n_bytes}", bytes.len());
                    return Ok(Err(status::refused(Status::BAD_COMMUNICATION_ERROR, reason)));
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        Ok(Ok(data))
    }

    async fn read_blocks(&mut self, blocks: &[Block], readings: &mut Readings) -> Result<(), LinkError> {
        self.begin().await?;
        for (idx, block) in blocks.iter().enumerate() {
            let Some(place) = place(block).filter(|_| block.len > 0) else {
                let refusal = status::refused(Status::BAD_CONFIGURATION_ERROR, "block is not on this link");
                readings.answers.push((idx, Err(refusal)));
                continue;
            };
            match self.read_words(block.device, place).await? {
                Ok(data) => {
                    if let Some(device) = self.devices.get(block.device) {
                        decode(block, device, &data, readings);
                    }
                    readings.answers.push((idx, Ok(())));
                }
                Err(refusal) => readings.answers.push((idx, Err(refusal))),
            }
        }
        Ok(())
    }
}

/// The place of a block.
fn place(block: &Block) -> Option<Place> {
    Some(Place {
        file_type: FileType::from_code((block.area >> 24) as u8)?,
        file: (block.area >> 16) as u8,
        slot: block.area as u16,
        start: block.start,
        n_words: block.len,
    })
}

/// Parts of a place of at most so many words, cut between elements where they fit.
fn parts(place: Place, most: u32) -> impl Iterator<Item = Place> {
    let n = if place.file_type.is_io() { 1 } else { place.file_type.n_words() };
    let step = if n <= most { most / n * n } else { most.max(1) };
    (0..place.n_words.div_ceil(step)).map(move |idx| {
        let skip = idx * step;
        Place { start: place.start + skip, n_words: step.min(place.n_words - skip), ..place }
    })
}

fn decode(block: &Block, device: &Device, data: &[u8], readings: &mut Readings) {
    for tag in &block.tags {
        let Some(item) = device.items.get(*tag as usize) else { continue };
        // A plan of older settings may hold a tag that has moved since.
        let is_inside = item.space() == block.area && item.end() <= block.start + block.len;
        let at = item.start.checked_sub(block.start).filter(|_| is_inside);
        let value = match at.and_then(|at| data.get(at as usize * 2..)) {
            Some(bytes) => item.decode(bytes),
            None => Err(Status::BAD_WAITING_FOR_INITIAL_DATA),
        };
        match value {
            Ok(value) => readings.values.push((block.device, *tag, value, None)),
            Err(status) => readings.failed.push((block.device, *tag, status)),
        }
    }
}

impl PolledDriver for PcccDriver {
    fn connect(&mut self) -> BoxFuture<'_, Result<(), LinkError>> {
        Box::pin(self.open())
    }

    fn disconnect(&mut self) {
        self.close();
    }

    fn set_device(&mut self, index: usize, device: &DeviceSpec) -> Result<(), AddressError> {
        let device = Device::new(device)?;
        match self.devices.get_mut(index) {
            Some(old) => *old = device,
            None => self.devices.push(device),
        }
        Ok(())
    }

    fn plan(&self, device: usize, tags: &[u32], cuts: &[Span]) -> Vec<Block> {
        self.devices.get(device).map(|known| known.plan(device, tags, cuts)).unwrap_or_default()
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
        self.wire.exchange.trace = on.then(|| Trace { link: Arc::clone(&self.name) });
    }
}
