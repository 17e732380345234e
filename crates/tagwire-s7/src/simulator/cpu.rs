//! The memory of a CPU, and what it answers. No I/O; time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tagwire_driver::AddressError;
use tagwire_driver::simulation::{Faults, On, Shape};
use tagwire_model::{ConvertError, Value, ValueType};
use thiserror::Error;

use super::config::{RefuseConfig, SimulatorConfig};
use super::fault::Fault;
use crate::address::Address;
use crate::codec::{
    Area, HeaderError, MAX_PDU, MIN_PDU, PduError, Pointer, ReadAnswer, Request, RequestBody, ReturnCode, Setup, Size,
    encode_refusal, encode_setup_answer, encode_write_answer, word,
};
use crate::item::{Item, space, unit_bytes};

/// A configuration that describes no CPU.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// An address or a type cannot be used.
    #[error("address {address}: {error}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong.
        error: AddressError,
    },
    /// A value does not fit its address.
    #[error("address {address}: {error}")]
    Value {
        /// The address.
        address: String,
        /// What is wrong.
        error: ConvertError,
    },
    /// A type with an unknown name.
    #[error("\"{0}\" is no type")]
    Type(String),
    /// Two data blocks with one number.
    #[error("data block {0} is there twice")]
    Twice(u16),
}

/// An area or block that takes memory only up to the highest byte ever written.
#[derive(Debug, Default)]
struct Cells {
    /// Length in bytes.
    size: usize,
    is_optimised: bool,
    bytes: Vec<u8>,
}

impl Cells {
    fn put(&mut self, at: usize, data: &[u8]) {
        let end = (at + data.len()).min(self.size);
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        if let Some(place) = self.bytes.get_mut(at..end) {
            place.copy_from_slice(&data[..place.len()]);
        }
    }

    fn take(&self, at: usize, len: usize, out: &mut Vec<u8>) {
        let have = self.bytes.get(at..).unwrap_or_default();
        let have = &have[..have.len().min(len)];
        out.extend_from_slice(have);
        out.resize(out.len() + len - have.len(), 0);
    }
}

#[derive(Clone, Copy, Debug)]
struct Refused {
    space: u32,
    start: u32,
    end: u32,
    code: ReturnCode,
    on: On,
}

#[derive(Clone, Copy, Debug)]
struct Signal {
    item: Item,
    shape: Shape,
    period: Duration,
    low: f64,
    high: f64,
}

/// What one client agreed on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub pdu: usize,
    pub jobs: usize,
}

impl Default for Session {
    fn default() -> Self {
        Self { pdu: usize::from(MIN_PDU), jobs: 1 }
    }
}

/// Everything of one CPU, the faults in force and the number of jobs seen.
#[derive(Debug)]
pub(super) struct Cpu {
    spaces: BTreeMap<u32, Cells>,
    signals: Vec<Signal>,
    refused: Vec<Refused>,
    pub silent: BTreeSet<u16>,
    pub delay: Duration,
    pub put_get: bool,
    pub slot: Option<u8>,
    pdu: u16,
    jobs: u16,
    max_items: usize,
    pub faults: Faults<Fault>,
    pub n_jobs: u64,
    pub n_items: u64,
    scratch: Vec<u8>,
}

impl Cpu {
    pub(super) fn new(config: &SimulatorConfig) -> Result<Self, SimulatorError> {
        let mut spaces = BTreeMap::new();
        for (area, n_units) in [
            (Area::Inputs, config.inputs),
            (Area::Outputs, config.outputs),
            (Area::Memory, config.memory),
            (Area::Peripheral, config.peripheral),
            (Area::Timers, config.timers),
            (Area::Counters, config.counters),
        ] {
            let size = n_units.min(Address::N_BYTES) as usize * unit_bytes(area);
            spaces.insert(space(area, 0), Cells { size, ..Cells::default() });
        }
        for block in &config.blocks {
            let cells = Cells {
                size: block.size.min(Address::N_BYTES) as usize,
                is_optimised: block.optimised,
                bytes: Vec::new(),
            };
            if spaces.insert(space(Area::DataBlock, block.number), cells).is_some() {
                return Err(SimulatorError::Twice(block.number));
            }
        }
        if config.blocks.is_empty() {
            spaces.insert(space(Area::DataBlock, 1), Cells { size: 0x1_0000, ..Cells::default() });
        }
        let mut cpu = Self {
            spaces,
            signals: Vec::new(),
            refused: refusals(&config.refusals)?,
            silent: BTreeSet::new(),
            delay: config.delay,
            put_get: config.put_get,
            slot: config.slot,
            pdu: config.pdu.clamp(MIN_PDU, MAX_PDU),
            jobs: config.jobs.max(1),
            max_items: usize::from(config.max_items.max(1)),
            faults: Faults::new(config.seed),
            n_jobs: 0,
            n_items: 0,
            scratch: Vec::new(),
        };
        for one in &config.values {
            let item = item(&one.address, one.value_type.as_deref())?;
            let wrong = |error| SimulatorError::Value { address: one.address.clone(), error };
            let value = one.value.value(item.value_type).map_err(wrong)?;
            cpu.store(&item, &value).map_err(wrong)?;
        }
        for one in &config.signals {
            let item = item(&one.address, one.value_type.as_deref())?;
            let signal = Signal { item, shape: one.shape, period: one.period, low: one.low, high: one.high };
            let start = Value::Double(one.shape.value(Duration::ZERO, one.period, one.low, one.high));
            let wrong = |error| SimulatorError::Value { address: one.address.clone(), error };
            cpu.store(&item, &start).map_err(wrong)?;
            cpu.signals.push(signal);
        }
        cpu.signals.sort_by_key(|signal| (signal.item.space(), signal.item.start));
        Ok(cpu)
    }

    pub(super) fn set_refusals(&mut self, configs: &[RefuseConfig]) -> Result<(), SimulatorError> {
        self.refused = refusals(configs)?;
        Ok(())
    }

    /// Puts a value where an item lies, whoever may write there.
    pub(super) fn store(&mut self, item: &Item, value: &Value) -> Result<(), ConvertError> {
        let at = item.start as usize * unit_bytes(item.area);
        let mut data = Vec::new();
        let Some(cells) = self.spaces.get_mut(&item.space()) else { return Ok(()) };
        cells.take(at, item.n_bytes(), &mut data);
        item.encode(value, &mut data)?;
        cells.put(at, &data);
        Ok(())
    }

    /// The value of an item now; `None` when the memory holds no such value.
    pub(super) fn value(&mut self, item: &Item, now: Duration) -> Option<Value> {
        self.move_signals(item.space(), item.start, item.end(), now);
        let mut data = Vec::new();
        let at = item.start as usize * unit_bytes(item.area);
        self.spaces.get(&item.space())?.take(at, item.n_bytes(), &mut data);
        item.decode(&data).ok()
    }

    /// Moves the signals that lie in a range on to a moment.
    fn move_signals(&mut self, space: u32, start: u32, end: u32, now: Duration) {
        let first = self.signals.partition_point(|signal| (signal.item.space(), signal.item.end()) <= (space, start));
        let mut idx = first;
        while let Some(signal) = self.signals.get(idx).copied() {
            if signal.item.space() != space || signal.item.start >= end {
                break;
            }
            let value = signal.shape.value(now, signal.period, signal.low, signal.high);
            // The type was checked when the signal was taken in.
            let _ = self.store(&signal.item, &Value::Double(value));
            idx += 1;
        }
    }

    /// Does what a job asks and appends the answer; false when the CPU keeps silent.
    pub(super) fn answer(
        &mut self,
        pdu: &[u8],
        session: &mut Session,
        fault: Option<&Fault>,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> bool {
        self.n_jobs += 1;
        let request = match (Request::decode(pdu), word(pdu, 4)) {
            (Ok(request), _) => request,
            // What is another kind of message, or none, gets no answer.
            (Err(PduError::Kind(_) | PduError::Protocol(_)), _) | (Err(_), None) => return false,
            (Err(_), Some(reference)) => {
                encode_refusal(reference, HeaderError::PDU_SIZE, out);
                return true;
            }
        };
        let reference = request.reference;
        if let Some(Fault::Refuse(error)) = fault {
            encode_refusal(reference, *error, out);
            return true;
        }
        if pdu.len() > session.pdu {
            encode_refusal(reference, HeaderError::PDU_SIZE, out);
            return true;
        }
        match request.body {
            RequestBody::Setup(asked) => {
                session.pdu = usize::from(asked.pdu_len.clamp(MIN_PDU, self.pdu));
                session.jobs = usize::from(asked.n_calling.clamp(1, self.jobs));
                let agreed = Setup {
                    n_calling: session.jobs as u16,
                    n_called: asked.n_called.clamp(1, self.jobs),
                    pdu_len: session.pdu as u16,
                };
                encode_setup_answer(reference, &agreed, out);
            }
            RequestBody::Read(pointers) => {
                let is_silent = pointers.iter().flatten().any(|pointer| self.silent.contains(&pointer.block));
                if is_silent {
                    return false;
                }
                if !self.put_get || pointers.len() > self.max_items {
                    encode_refusal(reference, self.too_much(), out);
                    return true;
                }
                let mut answer = ReadAnswer::default();
                let mut data = std::mem::take(&mut self.scratch);
                for (idx, pointer) in pointers.iter().enumerate() {
                    self.n_items += 1;
                    data.clear();
                    let spoiled = if let (0, Some(Fault::Item(code))) = (idx, fault) { Err(*code) } else { Ok(()) };
                    let place = pointer.map_err(|_| ReturnCode::TYPE_NOT_SUPPORTED);
                    let outcome = spoiled.and(place).and_then(|pointer| {
                        self.read(&pointer, now, &mut data)?;
                        Ok(pointer.size)
                    });
                    match outcome {
                        Ok(size) => answer.push(size, &data),
                        Err(code) => answer.refuse(code),
                    }
                }
                self.scratch = data;
                if answer.len() > session.pdu {
                    encode_refusal(reference, HeaderError::PDU_SIZE, out);
                } else {
                    answer.encode(reference, out);
                }
            }
            RequestBody::Write(pointers, items) => {
                let is_silent = pointers.iter().flatten().any(|pointer| self.silent.contains(&pointer.block));
                if is_silent {
                    return false;
                }
                if !self.put_get || pointers.len() > self.max_items {
                    encode_refusal(reference, self.too_much(), out);
                    return true;
                }
                let n_taken = if fault == Some(&Fault::FirstItemOnly) { 1 } else { pointers.len() };
                let mut codes = Vec::with_capacity(n_taken);
                for (idx, (pointer, data)) in pointers.iter().zip(items.iter()).take(n_taken).enumerate() {
                    self.n_items += 1;
                    let spoiled = if let (0, Some(Fault::Item(code))) = (idx, fault) { Err(*code) } else { Ok(()) };
                    let place = pointer.map_err(|_| ReturnCode::TYPE_NOT_SUPPORTED);
                    let outcome = spoiled.and(place).and_then(|pointer| self.write(&pointer, data));
                    codes.push(outcome.map_or_else(|code| code, |()| ReturnCode::SUCCESS));
                }
                encode_write_answer(reference, &codes, out);
            }
            RequestBody::Other(_) => encode_refusal(reference, HeaderError::NOT_AVAILABLE, out),
        }
        true
    }

    const fn too_much(&self) -> HeaderError {
        if self.put_get { HeaderError::PDU_SIZE } else { HeaderError::NOT_AVAILABLE }
    }

    /// First byte and length in memory of what a pointer names, once it is known to be allowed.
    fn check(&self, pointer: &Pointer, on: On) -> Result<(u32, usize, usize), ReturnCode> {
        let area = Area::from_code(pointer.area).ok_or(ReturnCode::NO_OBJECT)?;
        let n_bytes = pointer.n_bytes().filter(|n| *n > 0).ok_or(ReturnCode::TYPE_NOT_SUPPORTED)?;
        let is_words = matches!(pointer.size, Size::TIMER | Size::COUNTER);
        if is_words != area.is_words() {
            return Err(ReturnCode::TYPE_INCONSISTENT);
        }
        if pointer.size == Size::BIT && pointer.count != 1
            || pointer.size != Size::BIT && !is_words && !pointer.at.is_multiple_of(8)
        {
            return Err(ReturnCode::TYPE_INCONSISTENT);
        }
        let key = space(area, if area == Area::DataBlock { pointer.block } else { 0 });
        let cells = self.spaces.get(&key).ok_or(ReturnCode::NO_OBJECT)?;
        if cells.is_optimised {
            return Err(ReturnCode::ADDRESS);
        }
        let at = if is_words { pointer.at as usize * 2 } else { pointer.at as usize / 8 };
        if at + n_bytes > cells.size {
            return Err(ReturnCode::ADDRESS);
        }
        let n_unit = unit_bytes(area);
        let (start, end) = ((at / n_unit) as u32, ((at + n_bytes) / n_unit) as u32);
        let refused = self.refused.iter().find(|refused| {
            refused.on.concerns(on) && refused.space == key && refused.start < end && start < refused.end
        });
        refused.map_or(Ok((key, at, n_bytes)), |refused| Err(refused.code))
    }

    fn read(&mut self, pointer: &Pointer, now: Duration, out: &mut Vec<u8>) -> Result<(), ReturnCode> {
        let (key, at, n_bytes) = self.check(pointer, On::Read)?;
        let n_unit = if pointer.size == Size::TIMER || pointer.size == Size::COUNTER { 2 } else { 1 };
        self.move_signals(key, (at / n_unit) as u32, ((at + n_bytes) / n_unit) as u32, now);
        let cells = self.spaces.get(&key).ok_or(ReturnCode::NO_OBJECT)?;
        let first = out.len();
        cells.take(at, n_bytes, out);
        if let (Size::BIT, Some(byte)) = (pointer.size, out.get_mut(first)) {
            *byte = *byte >> (pointer.at % 8) & 1;
        }
        Ok(())
    }

    fn write(&mut self, pointer: &Pointer, data: &[u8]) -> Result<(), ReturnCode> {
        let (key, at, n_bytes) = self.check(pointer, On::Write)?;
        if data.len() != n_bytes {
            return Err(ReturnCode::TYPE_INCONSISTENT);
        }
        let cells = self.spaces.get_mut(&key).ok_or(ReturnCode::NO_OBJECT)?;
        if let (Size::BIT, Some(on)) = (pointer.size, data.first()) {
            let mut byte = Vec::with_capacity(1);
            cells.take(at, 1, &mut byte);
            let mask = 1 << (pointer.at % 8);
            byte[0] = if *on & 1 == 1 { byte[0] | mask } else { byte[0] & !mask };
            cells.put(at, &byte);
        } else {
            cells.put(at, data);
        }
        Ok(())
    }
}

fn refusals(configs: &[RefuseConfig]) -> Result<Vec<Refused>, SimulatorError> {
    let refused = |one: &RefuseConfig| {
        let address = parse(&one.address)?;
        let key = space(address.area, address.block);
        let end = address.start.saturating_add(one.count);
        Ok(Refused { space: key, start: address.start, end, code: ReturnCode(one.code), on: one.on })
    };
    configs.iter().map(refused).collect()
}

fn parse(address: &str) -> Result<Address, SimulatorError> {
    Address::parse(address).map_err(|error| SimulatorError::Address { address: address.to_owned(), error })
}

/// The item at an address; without a type, that of the address.
pub(super) fn item(address: &str, value_type: Option<&str>) -> Result<Item, SimulatorError> {
    let parsed = parse(address)?;
    let value_type = match value_type {
        Some(name) => ValueType::parse(name).map_err(|_| SimulatorError::Type(name.to_owned()))?,
        None => parsed.default_type(),
    };
    Item::new(&parsed, value_type).map_err(|error| SimulatorError::Address { address: address.to_owned(), error })
}
