//! Reading blocks: several items in one job, several jobs at once, an outcome for each item.

use tagwire_driver::{Block, LinkError, Readings, Refusal};
use tagwire_model::Status;

use super::cut::next_part;
use super::exchange::Event;
use super::pack::Packer;
use super::{Device, S7Driver, status};
use crate::codec::{Answer, AnswerBody, PduError, Pointer, encode_read};
use crate::item::{from_space, unit_bytes};

/// A block, or the part of one that fits a job.
#[derive(Clone, Copy, Debug)]
struct Part {
    block: usize,
    pointer: Pointer,
    /// Bytes before it in the block.
    skip: usize,
    n_bytes: usize,
    is_whole: bool,
}

/// How far a read has come.
struct State {
    parts: Vec<Part>,
    /// Which parts go into each job.
    jobs: Vec<std::ops::Range<usize>>,
    next: usize,
    /// Blocks that need no more answers.
    settled: Vec<bool>,
    /// Blocks that take several parts: index, bytes, bytes missing.
    assemblies: Vec<(usize, Vec<u8>, usize)>,
}

impl S7Driver {
    pub(super) async fn read_blocks(&mut self, blocks: &[Block], readings: &mut Readings) -> Result<(), LinkError> {
        self.begin()?;
        let mut state = self.jobs(blocks, readings);
        while state.next < state.jobs.len() || self.exchange.n_pending() > 0 {
            // Jobs go out several at a time, which costs both ends less than one by one, and none waits for the last.
            let is_low = self.exchange.n_pending() <= self.n_jobs() / 2;
            while is_low && state.next < state.jobs.len() && self.exchange.n_pending() < self.n_jobs() {
                let ticket = state.next;
                state.next += 1;
                let parts = state.parts[state.jobs[ticket].clone()].iter();
                if parts.clone().all(|part| state.settled[part.block]) {
                    continue;
                }
                let pointers = parts.map(|part| part.pointer);
                self.exchange.send(ticket as u32, |reference, out| encode_read(reference, pointers, out));
            }
            self.flush().await?;
            while let Some(event) = self.exchange.next()? {
                if let Event::Answer { ticket, answer } = event {
                    state.take(ticket as usize, answer, blocks, &self.devices, readings);
                }
            }
            if self.exchange.n_pending() > 0 {
                self.receive().await?;
            }
        }
        Ok(())
    }

    /// The jobs that blocks take. Blocks that no device of this link has are refused.
    fn jobs(&self, blocks: &[Block], readings: &mut Readings) -> State {
        let limits = self.limits();
        let mut state = State {
            parts: Vec::with_capacity(blocks.len()),
            jobs: Vec::new(),
            next: 0,
            settled: vec![false; blocks.len()],
            assemblies: Vec::new(),
        };
        for (idx, block) in blocks.iter().enumerate() {
            let device = self.devices.get(block.device);
            let Some((device, (area, number))) = device.zip(from_space(block.area)).filter(|_| block.len > 0) else {
                let refusal = status::refused(Status::BAD_CONFIGURATION_ERROR, "block is not on this link");
                readings.answers.push((idx, Err(refusal)));
                state.settled[idx] = true;
                continue;
            };
            let n_unit = unit_bytes(area);
            let most = (limits.read_len() / n_unit) as u32;
            let items = block.tags.iter().filter_map(|tag| device.items.get(*tag as usize));
            let is_whole = block.len <= most;
            if !is_whole {
                let n_bytes = block.len as usize * n_unit;
                state.assemblies.push((idx, vec![0; n_bytes], n_bytes));
            }
            let mut skip = 0;
            while skip < block.len {
                let len = next_part(items.clone(), (block.start + skip, block.start + block.len), most);
                state.parts.push(Part {
                    block: idx,
                    pointer: Pointer::units(area, number, block.start + skip, len as u16),
                    skip: skip as usize * n_unit,
                    n_bytes: len as usize * n_unit,
                    is_whole,
                });
                skip += len;
            }
        }
        let mut packer = Packer::new(limits, false);
        for (idx, part) in state.parts.iter().enumerate() {
            let fits = packer.take(part.n_bytes);
            match state.jobs.last_mut().filter(|_| fits) {
                Some(job) => job.end = idx + 1,
                None => state.jobs.push(idx..idx + 1),
            }
        }
        state
    }
}

impl State {
    fn take(
        &mut self,
        ticket: usize,
        answer: Result<Answer<'_>, PduError>,
        blocks: &[Block],
        devices: &[Device],
        readings: &mut Readings,
    ) {
        let Some(job) = self.jobs.get(ticket).cloned() else { return };
        let whole_job = match answer.map(|answer| answer.body) {
            Ok(AnswerBody::Read(items)) if items.len() == job.len() => {
                for (idx, item) in job.zip(items.iter()) {
                    let part = self.parts[idx];
                    match item {
                        Ok(data) if data.len() == part.n_bytes => self.add(&part, data, blocks, devices, readings),
                        Ok(data) => {
                            let text = format!("item has {} bytes instead of {}", data.len(), part.n_bytes);
                            self.refuse(&part, status::malformed(text), readings);
                        }
                        Err(code) => self.refuse(&part, status::from_code(code), readings),
                    }
                }
                return;
            }
            Ok(AnswerBody::Refused(error)) => status::from_error(error),
            Ok(_) => status::malformed("answer is not that of the job"),
            Err(error) => status::malformed(format!("answer is malformed: {error}")),
        };
        if job.len() == 1 {
            let part = self.parts[job.start];
            self.refuse(&part, whole_job, readings);
        } else {
            // One item may be to blame for the refusal of all, so each is asked for by itself.
            self.jobs.extend(job.map(|idx| idx..idx + 1));
        }
    }

    fn refuse(&mut self, part: &Part, refusal: Refusal, readings: &mut Readings) {
        if !std::mem::replace(&mut self.settled[part.block], true) {
            readings.answers.push((part.block, Err(refusal)));
        }
    }

    fn add(&mut self, part: &Part, data: &[u8], blocks: &[Block], devices: &[Device], readings: &mut Readings) {
        if self.settled[part.block] {
            return;
        }
        let whole = if part.is_whole {
            data
        } else {
            let Some((_, bytes, n_missing)) = self.assemblies.iter_mut().find(|(idx, ..)| *idx == part.block) else {
                return;
            };
            if let Some(place) = bytes.get_mut(part.skip..part.skip + data.len()) {
                place.copy_from_slice(data);
            }
            *n_missing = n_missing.saturating_sub(data.len());
            if *n_missing > 0 {
                return;
            }
            bytes
        };
        self.settled[part.block] = true;
        let block = &blocks[part.block];
        if let Some(device) = devices.get(block.device) {
            decode(block, device, whole, readings);
        }
        readings.answers.push((part.block, Ok(())));
    }
}

fn decode(block: &Block, device: &Device, data: &[u8], readings: &mut Readings) {
    for tag in &block.tags {
        let Some(item) = device.items.get(*tag as usize) else { continue };
        // A plan of older settings may hold a tag that has moved since.
        let is_inside = item.space() == block.area && item.end() <= block.start + block.len;
        let at = item.start.checked_sub(block.start).filter(|_| is_inside);
        let bytes = at.and_then(|at| data.get(at as usize * unit_bytes(item.area)..));
        let value = match bytes {
            Some(bytes) => item.decode(bytes),
            None => Err(Status::BAD_WAITING_FOR_INITIAL_DATA),
        };
        match value {
            Ok(value) => readings.values.push((block.device, *tag, value, None)),
            Err(status) => readings.failed.push((block.device, *tag, status)),
        }
    }
}
