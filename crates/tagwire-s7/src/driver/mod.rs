//! The polled driver: one connection to one CPU, whose items may be split over several devices.

mod cut;
mod exchange;
mod kind;
mod pack;
mod read;
mod settings;
mod status;
mod trace;
mod write;

use std::io;
use std::sync::Arc;

use tagwire_driver::{
    AddressError, Block, BoxFuture, BuildError, Connector, DeviceSpec, LinkError, LinkSpec, PolledDriver, Readings,
    Refusal, Span, Wire, plan,
};
use tagwire_model::Value;

use crate::codec::{
    ANSWER_OVERHEAD, AnswerBody, Area, Connect, ITEM_OVERHEAD, MIN_PDU, Pointer, Setup, encode_read, encode_setup,
};
use crate::item::{Item, unit_bytes};
use exchange::{Event, Exchange};
use pack::Limits;
use settings::{DeviceSettings, LinkSettings};
use trace::Trace;

pub use kind::S7Kind;

/// The driver of one link to an S7 CPU.
pub struct S7Driver {
    name: Arc<str>,
    settings: LinkSettings,
    wire: Wire,
    exchange: Exchange,
    /// What the CPU agreed on.
    agreed: Setup,
    /// The other end carries out the first item of a write only.
    writes_single_items: bool,
    devices: Vec<Device>,
}

struct Device {
    settings: DeviceSettings,
    items: Vec<Item>,
    /// Bytes of an average block.
    block_len: usize,
}

/// Bytes of the longest block that joins several tags: what fits the shortest message that a CPU agrees on, so that
/// neighbours are never of two moments. Longer messages carry several of them.
const MAX_BLOCK: u32 = MIN_PDU as u32 - (ANSWER_OVERHEAD + ITEM_OVERHEAD) as u32;

impl Device {
    fn new(index: usize, spec: &DeviceSpec) -> Result<Self, AddressError> {
        let items = spec.tags.iter().map(kind::item).collect::<Result<Vec<_>, _>>()?;
        let mut device = Self { settings: DeviceSettings::new(&spec.settings), items, block_len: 1 };
        let all: Vec<u32> = (0..device.items.len() as u32).collect();
        let blocks = device.plan(index, &all, &[]);
        let n_bytes: usize = blocks.iter().map(|block| block.len as usize).sum();
        device.block_len = (n_bytes / blocks.len().max(1)).max(1);
        Ok(device)
    }

    fn plan(&self, index: usize, tags: &[u32], cuts: &[Span]) -> Vec<Block> {
        let (mut bytes, mut words) = (Vec::with_capacity(tags.len()), Vec::new());
        for tag in tags {
            let Some(item) = self.items.get(*tag as usize) else { continue };
            let spans = if item.area.is_words() { &mut words } else { &mut bytes };
            spans.push((*tag, Span { area: item.space(), start: item.start, len: item.len }));
        }
        let gap = self.settings.max_gap;
        let mut blocks = plan::merge(index, &bytes, plan::Limits { max_len: MAX_BLOCK, max_gap: gap }, cuts);
        let limits = plan::Limits { max_len: MAX_BLOCK / 2, max_gap: gap / 2 };
        blocks.extend(plan::merge(index, &words, limits, cuts));
        blocks
    }
}

impl S7Driver {
    /// A driver whose stream comes from `connector`, whatever the address of the link says.
    ///
    /// # Errors
    /// [`BuildError`] for a link or device that cannot work.
    pub fn new(link: &LinkSpec, connector: Box<dyn Connector>) -> Result<Self, BuildError> {
        let settings = LinkSettings::new(&link.settings)?;
        let devices = link.devices.iter().enumerate().map(|(index, device)| Device::new(index, device));
        let devices = devices.collect::<Result<Vec<_>, _>>().map_err(|error| BuildError {
            key: "tag",
            problem: error.problem,
            fix: error.fix,
        })?;
        Ok(Self {
            name: Arc::from(link.name.as_str()),
            settings,
            wire: Wire::new(connector),
            exchange: Exchange::new(),
            agreed: Setup { n_calling: 1, n_called: 1, pdu_len: MIN_PDU },
            writes_single_items: false,
            devices,
        })
    }

    /// Longest message in bytes and most jobs under way at once that the CPU agreed on.
    pub const fn agreed(&self) -> (u16, u16) {
        (self.agreed.pdu_len, self.agreed.n_calling)
    }

    /// Reads units of an area as they are: bytes, or two bytes for each timer or counter.
    ///
    /// # Errors
    /// [`LinkError`] as [`PolledDriver::read`]; the inner [`Refusal`] when the CPU says no.
    pub async fn read_raw(
        &mut self,
        area: Area,
        block: u16,
        start: u32,
        count: u32,
    ) -> Result<Result<Vec<u8>, Refusal>, LinkError> {
        self.begin()?;
        let n_unit = unit_bytes(area);
        let most = (self.limits().read_len() / n_unit).max(1) as u32;
        let mut data = Vec::new();
        let mut done = 0;
        while done < count {
            let len = most.min(count - done);
            let pointer = Pointer::units(area, block, start + done, len as u16);
            self.exchange.send(0, |reference, out| encode_read(reference, std::iter::once(pointer), out));
            let part = self.single(len as usize * n_unit).await?;
            match part {
                Ok(bytes) => data.extend_from_slice(&bytes),
                Err(refusal) => return Ok(Err(refusal)),
            }
            done += len;
        }
        Ok(Ok(data))
    }

    /// The one item of the job that was just sent.
    async fn single(&mut self, n_bytes: usize) -> Result<Result<Vec<u8>, Refusal>, LinkError> {
        loop {
            self.flush().await?;
            if let Some(Event::Answer { answer, .. }) = self.exchange.next()? {
                return Ok(match answer.map(|answer| answer.body) {
                    Ok(AnswerBody::Read(items)) => match items.iter().next() {
                        Some(Ok(data)) if data.len() == n_bytes => Ok(data.to_vec()),
                        Some(Err(code)) => Err(status::from_code(code)),
                        _ => Err(status::malformed("item has a wrong length")),
                    },
                    Ok(AnswerBody::Refused(error)) => Err(status::from_error(error)),
                    Ok(_) => Err(status::malformed("answer is not that of the job")),
                    Err(error) => Err(status::malformed(format!("answer is malformed: {error}"))),
                });
            }
            self.receive().await?;
        }
    }

    fn limits(&self) -> Limits {
        Limits { pdu: usize::from(self.agreed.pdu_len), max_items: self.settings.max_items }
    }

    fn n_jobs(&self) -> usize {
        usize::from(self.agreed.n_calling)
    }

    async fn open(&mut self) -> Result<(), LinkError> {
        self.close();
        self.wire.connect().await?;
        let LinkSettings { local, remote, pdu, jobs, .. } = self.settings;
        // Frames of 1024 bytes hold the longest message.
        self.exchange.connect(&Connect { destination: 0, source: 1, size: Some(10), calling: local, called: remote });
        self.flush().await?;
        while !matches!(self.exchange.next()?, Some(Event::Connected)) {
            self.receive().await.map_err(|error| refused_connection(error, &remote.to_string()))?;
        }
        let asked = Setup { n_calling: jobs, n_called: jobs, pdu_len: pdu };
        self.exchange.send(0, |reference, out| encode_setup(reference, &asked, out));
        loop {
            self.flush().await?;
            if let Some(Event::Answer { answer, .. }) = self.exchange.next()? {
                let problem = match answer.map(|answer| answer.body) {
                    Ok(AnswerBody::Setup(setup)) if setup.pdu_len >= MIN_PDU / 2 => {
                        self.agreed = Setup {
                            n_calling: setup.n_calling.clamp(1, jobs),
                            n_called: setup.n_called.clamp(1, jobs),
                            pdu_len: setup.pdu_len.min(pdu),
                        };
                        return Ok(());
                    }
                    Ok(AnswerBody::Setup(setup)) => format!("CPU agrees on {} bytes per message", setup.pdu_len),
                    Ok(AnswerBody::Refused(error)) => format!("CPU refuses the setup: {error}"),
                    Ok(_) => "answer is not that of the setup".to_owned(),
                    Err(error) => format!("answer to the setup is malformed: {error}"),
                };
                return Err(LinkError::Protocol(problem));
            }
            self.receive().await?;
        }
    }

    fn close(&mut self) {
        self.wire.close();
        self.exchange.restart();
        self.writes_single_items = false;
    }

    /// Makes the stream fit for a new call: what an earlier call left behind, because it was dropped, is given up.
    fn begin(&mut self) -> Result<(), LinkError> {
        self.exchange.abandon();
        self.wire.check_open()
    }

    async fn flush(&mut self) -> Result<(), LinkError> {
        self.wire.flush(&mut self.exchange).await
    }

    async fn receive(&mut self) -> Result<(), LinkError> {
        self.wire.receive(&mut self.exchange).await
    }
}

/// A CPU that does not know the selector closes the connection without a word.
fn refused_connection(error: LinkError, tsap: &str) -> LinkError {
    match error {
        LinkError::Transport(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            let text = format!(
                "CPU closes the connection to TSAP {tsap}; usually rack, slot or TSAP are wrong, or all connections are \
                 taken"
            );
            io::Error::new(io::ErrorKind::ConnectionRefused, text).into()
        }
        error => error,
    }
}

impl PolledDriver for S7Driver {
    fn connect(&mut self) -> BoxFuture<'_, Result<(), LinkError>> {
        Box::pin(self.open())
    }

    fn disconnect(&mut self) {
        self.close();
    }

    fn set_device(&mut self, index: usize, device: &DeviceSpec) -> Result<(), AddressError> {
        let device = Device::new(index, device)?;
        match self.devices.get_mut(index) {
            Some(old) => *old = device,
            None => self.devices.push(device),
        }
        Ok(())
    }

    fn plan(&self, device: usize, tags: &[u32], cuts: &[Span]) -> Vec<Block> {
        self.devices.get(device).map(|known| known.plan(device, tags, cuts)).unwrap_or_default()
    }

    fn n_in_flight(&self, device: usize) -> usize {
        let block_len = self.devices.get(device).map_or(1, |device| device.block_len);
        self.limits().n_items(block_len) * self.n_jobs()
    }

    fn read<'a>(&'a mut self, blocks: &'a [Block], readings: &'a mut Readings) -> BoxFuture<'a, Result<(), LinkError>> {
        Box::pin(self.read_blocks(blocks, readings))
    }

    fn writes_per_request(&self, _device: usize) -> usize {
        // About as many scattered values as the shortest message carries.
        10
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
        self.exchange.set_trace(on.then(|| Trace { link: self.name.clone() }));
    }
}
