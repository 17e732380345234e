//! Reading blocks.

use tagwire_driver::{Block, LinkError, Readings};
use tagwire_model::Status;

use super::chunk::{Assembly, Chunk, chunks};
use super::{Device, ModbusDriver, kind, lost, refusal, status};
use crate::address::Table;
use crate::codec::{Request, Response};

/// One request of a read.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    block: usize,
    chunk: Chunk,
    is_whole: bool,
}

impl ModbusDriver {
    pub(super) async fn read_blocks(&mut self, blocks: &[Block], readings: &mut Readings) -> Result<(), LinkError> {
        self.begin().await?;
        let mut state = State { settled: vec![false; blocks.len()], assemblies: Vec::new() };
        let wanted = self.requests(blocks, &mut state, readings);
        let mut next = 0;
        while next < wanted.len() || self.exchange.n_pending() > 0 {
            while let Some(one) = wanted.get(next) {
                let block = &blocks[one.block];
                if self.exchange.n_pending() >= self.limit(block.device) {
                    break;
                }
                next += 1;
                let (Some(device), false) = (self.devices.get(block.device), state.settled[one.block]) else {
                    continue;
                };
                let unit = device.settings.unit;
                let Some(table) = Table::from_digit(block.area) else { continue };
                let start = (block.start + one.chunk.skip) as u16;
                let request = Request::Read { function: table.read_function(), start, count: one.chunk.len };
                if self.exchange.n_pending() == 0 {
                    self.settle(unit, &request).await?;
                }
                let now = self.now();
                self.exchange.send((next - 1) as u32, unit, &request, now);
            }
            self.flush().await?;
            while let Some(answer) = self.exchange.next().map_err(lost)? {
                let Some(one) = wanted.get(answer.ticket as usize) else { continue };
                let block = &blocks[one.block];
                if state.settled[one.block] {
                    continue;
                }
                match answer.outcome {
                    Ok(Response::Data { data, .. }) => {
                        let Some(device) = self.devices.get(block.device) else { continue };
                        state.answered(one, block, device, data, readings);
                    }
                    other => {
                        state.settled[one.block] = true;
                        readings.answers.push((one.block, Err(refusal(other))));
                    }
                }
            }
            if self.exchange.n_pending() > 0 {
                self.receive().await?;
            }
        }
        Ok(())
    }

    fn limit(&self, device: usize) -> usize {
        match self.devices.get(device) {
            Some(device) if self.exchange.has_numbers() => device.settings.in_flight,
            _ => 1,
        }
    }

    /// The requests that blocks take; usually one each. Blocks that no device of this link has are refused.
    fn requests(&self, blocks: &[Block], state: &mut State, readings: &mut Readings) -> Vec<Wanted> {
        let mut wanted = Vec::with_capacity(blocks.len());
        for (idx, block) in blocks.iter().enumerate() {
            let known = self.devices.get(block.device).zip(Table::from_digit(block.area));
            let Some((device, table)) = known.filter(|_| block.len > 0 && block.start + block.len <= 0x1_0000) else {
                let refusal = status::refused(Status::BAD_CONFIGURATION_ERROR, "block is not on this link");
                readings.answers.push((idx, Err(refusal)));
                state.settled[idx] = true;
                continue;
            };
            let (limit, _) = kind::limits(&device.settings, table);
            if block.len <= limit {
                let chunk = Chunk { skip: 0, len: block.len as u16 };
                wanted.push(Wanted { block: idx, chunk, is_whole: true });
                continue;
            }
            let first = block.tags.first().and_then(|tag| device.items.get(*tag as usize));
            let group = first.map_or(1, |item| item.unit_group());
            state.assemblies.push((idx, Assembly::new(table, block.len)));
            wanted.extend(chunks(block.len, group, limit).map(|chunk| Wanted { block: idx, chunk, is_whole: false }));
        }
        wanted
    }
}

/// How far a read has come.
struct State {
    /// Blocks that need no more answers.
    settled: Vec<bool>,
    /// Blocks that take several answers.
    assemblies: Vec<(usize, Assembly)>,
}

impl State {
    fn answered(&mut self, one: &Wanted, block: &Block, device: &Device, data: &[u8], readings: &mut Readings) {
        let whole = if one.is_whole {
            Some(data)
        } else {
            let assembly = self.assemblies.iter_mut().find(|(idx, _)| *idx == one.block);
            assembly.and_then(|(_, assembly)| assembly.add(one.chunk, data))
        };
        let Some(whole) = whole else { return };
        self.settled[one.block] = true;
        decode(block, device, whole, readings);
        readings.answers.push((one.block, Ok(())));
    }
}

fn decode(block: &Block, device: &Device, data: &[u8], readings: &mut Readings) {
    readings.values.reserve(block.tags.len());
    for tag in &block.tags {
        let Some(item) = device.items.get(*tag as usize) else { continue };
        // A plan of older settings may hold a tag that has moved since.
        let inside = u32::from(item.start).checked_sub(block.start).filter(|_| item.end() <= block.start + block.len);
        let value = match inside.filter(|_| u32::from(item.table.digit()) == block.area) {
            Some(at) => item.decode(data, at as usize),
            None => Err(Status::BAD_WAITING_FOR_INITIAL_DATA),
        };
        match value {
            Ok(value) => readings.values.push((block.device, *tag, value, None)),
            Err(status) => readings.failed.push((block.device, *tag, status)),
        }
    }
}
