//! The polled driver: there is nothing to connect to, and every answer is there at once.

use tagwire_driver::{
    AddressError, Block, BoxFuture, DeviceSpec, LinkError, PolledDriver, Readings, Refusal, Span, TagSpec,
};
use tagwire_model::{Status, TagId, Timestamp, Value};
use tokio::time::Instant;

use crate::signal::Signal;

/// Tags per request, so that a long list does not keep others waiting.
const MAX_TAGS: usize = 1_000;

/// All devices of one link.
pub(crate) struct SimDriver {
    started: Instant,
    devices: Vec<Vec<(TagId, Signal)>>,
}

impl SimDriver {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), devices: Vec::new() }
    }
}

impl PolledDriver for SimDriver {
    fn connect(&mut self) -> BoxFuture<'_, Result<(), LinkError>> {
        Box::pin(async { Ok(()) })
    }

    fn disconnect(&mut self) {}

    fn set_device(&mut self, index: usize, device: &DeviceSpec) -> Result<(), AddressError> {
        let signal = |tag: &TagSpec| Ok((tag.id, Signal::of(tag)?));
        let mut tags = device.tags.iter().map(signal).collect::<Result<Vec<_>, AddressError>>()?;
        tags.shrink_to_fit();
        match self.devices.get_mut(index) {
            Some(old) => {
                keep_memory(&mut tags, old);
                *old = tags;
            }
            None => self.devices.push(tags),
        }
        Ok(())
    }

    fn plan(&self, device: usize, tags: &[u32], _cuts: &[Span]) -> Vec<Block> {
        let block = |tags: &[u32]| Block { device, area: 0, start: 0, len: 0, tags: tags.to_vec() };
        tags.chunks(MAX_TAGS).map(block).collect()
    }

    fn read<'a>(&'a mut self, blocks: &'a [Block], readings: &'a mut Readings) -> BoxFuture<'a, Result<(), LinkError>> {
        let seconds = self.started.elapsed().as_secs_f64();
        for (idx, block) in blocks.iter().enumerate() {
            if let Some(signals) = self.devices.get(block.device) {
                readings.values.reserve(block.tags.len());
                for &tag in &block.tags {
                    if let Some((id, signal)) = signals.get(tag as usize) {
                        // Memory is as old as the last write, not as the last look at it.
                        let time = matches!(signal, Signal::Static(_)).then_some(Timestamp::NONE);
                        readings.values.push((block.device, tag, signal.value(seconds, id.0), time));
                    }
                }
            }
            readings.answers.push((idx, Ok(())));
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn writes_per_request(&self, _device: usize) -> usize {
        MAX_TAGS
    }

    fn write<'a>(
        &'a mut self,
        device: usize,
        writes: &'a [(u32, Value)],
        results: &'a mut Vec<Result<(), Refusal>>,
    ) -> BoxFuture<'a, Result<(), LinkError>> {
        let signals = self.devices.get_mut(device).map_or(&mut [][..], Vec::as_mut_slice);
        results.extend(writes.iter().map(|(tag, value)| match signals.get_mut(*tag as usize) {
            Some((_, Signal::Static(memory))) => {
                memory.clone_from(value);
                Ok(())
            }
            _ => Err(refusal()),
        }));
        Box::pin(std::future::ready(Ok(())))
    }
}

#[cold]
fn refusal() -> Refusal {
    let reason = "only static signals can be written".to_owned();
    Refusal { status: Status::BAD_NOT_WRITABLE, reason, divisible: false }
}

/// What was written to static signals survives a change of the device, as in a real one.
fn keep_memory(tags: &mut [(TagId, Signal)], old: &[(TagId, Signal)]) {
    let memories: std::collections::HashMap<TagId, &Value> = old
        .iter()
        .filter_map(|(id, signal)| match signal {
            Signal::Static(value) => Some((*id, value)),
            _ => None,
        })
        .collect();
    for (id, signal) in tags {
        if let Signal::Static(value) = signal
            && let Some(memory) = memories.get(id).filter(|memory| memory.value_type() == value.value_type())
        {
            *value = (*memory).clone();
        }
    }
}
