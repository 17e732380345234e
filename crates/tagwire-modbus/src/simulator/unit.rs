//! The memory of one device, and what it answers.

use std::time::Duration;

use tagwire_driver::simulation::On;

use super::signal::Signal;
use crate::address::Table;
use crate::codec::{Exception, Function, PduError, Request, Response, word};
use crate::item::Item;

/// A range that is refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub table: Table,
    pub start: u32,
    pub end: u32,
    pub exception: Exception,
    pub on: On,
}

/// One device.
#[derive(Debug)]
pub(super) struct Unit {
    pub id: u8,
    pub is_silent: bool,
    pub delay: Duration,
    tables: [Cells; 4],
    signals: Vec<Signal>,
    pub refused: Vec<Refused>,
}

/// A table that takes memory only up to the highest unit ever written.
#[derive(Debug)]
struct Cells {
    size: u32,
    units: Vec<u16>,
}

impl Cells {
    fn unit(&self, idx: u32) -> u16 {
        self.units.get(idx as usize).copied().unwrap_or(0)
    }

    fn set(&mut self, idx: u32, value: u16) {
        let idx = idx as usize;
        if idx >= self.units.len() {
            self.units.resize(idx + 1, 0);
        }
        self.units[idx] = value;
    }
}

const fn slot(table: Table) -> usize {
    match table {
        Table::Coils => 0,
        Table::DiscreteInputs => 1,
        Table::InputRegisters => 2,
        Table::HoldingRegisters => 3,
    }
}

impl Unit {
    /// A device with tables of these sizes: coils, discrete inputs, input registers, holding registers.
    pub(super) fn new(id: u8, sizes: [u32; 4]) -> Self {
        let tables = sizes.map(|size| Cells { size: size.min(0x1_0000), units: Vec::new() });
        Self { id, is_silent: false, delay: Duration::ZERO, tables, signals: Vec::new(), refused: Vec::new() }
    }

    pub(super) fn set_signals(&mut self, mut signals: Vec<Signal>) {
        signals.sort_by_key(|signal| (signal.item.table, signal.item.start));
        self.signals = signals;
    }

    pub(super) fn unit(&self, table: Table, idx: u16) -> u16 {
        self.tables[slot(table)].unit(idx.into())
    }

    pub(super) fn set_unit(&mut self, table: Table, idx: u16, value: u16) {
        self.tables[slot(table)].set(idx.into(), value);
    }

    /// The data of units as an answer carries it.
    pub(super) fn data(&self, table: Table, start: u32, count: u32, out: &mut Vec<u8>) {
        let cells = &self.tables[slot(table)];
        if table.is_bits() {
            let at = out.len();
            out.resize(at + count.div_ceil(8) as usize, 0);
            for idx in 0..count {
                out[at + idx as usize / 8] |= u8::from(cells.unit(start + idx) != 0) << (idx % 8);
            }
        } else {
            (start..start + count).for_each(|idx| out.extend_from_slice(&cells.unit(idx).to_be_bytes()));
        }
    }

    /// Stores data as a request carries it.
    pub(super) fn store(&mut self, table: Table, start: u32, count: u32, data: &[u8]) {
        let cells = &mut self.tables[slot(table)];
        for idx in 0..count {
            let at = idx as usize;
            let value = if table.is_bits() {
                data.get(at / 8).map(|byte| u16::from(byte >> (at % 8) & 1))
            } else {
                word(data, at * 2)
            };
            if let Some(value) = value {
                cells.set(start + idx, value);
            }
        }
    }

    /// Stores the units of an item.
    pub(super) fn store_item(&mut self, item: &Item, data: &[u8]) {
        self.store(item.table, item.start.into(), item.len, data);
    }

    /// Moves the signals that lie in a range on to a moment.
    pub(super) fn move_signals(&mut self, table: Table, start: u32, end: u32, now: Duration) {
        let first = self.signals.partition_point(|signal| (signal.item.table, signal.item.end()) <= (table, start));
        let mut idx = first;
        while let Some(signal) = self.signals.get(idx) {
            if signal.item.table != table || u32::from(signal.item.start) >= end {
                break;
            }
            if let Some(data) = signal.units(now) {
                let item = signal.item;
                self.store_item(&item, &data);
            }
            idx += 1;
        }
    }

    /// Does what a request asks and appends the answer's PDU.
    pub(super) fn answer(&mut self, pdu: &[u8], now: Duration, out: &mut Vec<u8>) {
        let at = out.len();
        let code = pdu.first().copied().unwrap_or(0) & !Function::EXCEPTION_BIT;
        let result =
            Request::decode(pdu).map_err(PduError::exception).and_then(|request| self.serve(&request, now, out));
        if let Err(exception) = result {
            out.truncate(at);
            Response::Exception { function: code, exception }.encode(out);
        }
    }

    fn serve(&mut self, request: &Request<'_>, now: Duration, out: &mut Vec<u8>) -> Result<(), Exception> {
        let (coils, registers) = (Table::Coils, Table::HoldingRegisters);
        let written = |start, value| Response::Written { function: request.function(), start, value };
        match *request {
            Request::Read { function, start, count } => {
                let table = Table::from_read_function(function).ok_or(Exception::ILLEGAL_FUNCTION)?;
                self.read(function, table, start, count, now, out)?;
            }
            Request::WriteCoil { address, on } => {
                self.check(coils, address, 1, On::Write)?;
                self.set_unit(coils, address, u16::from(on));
                written(address, if on { 0xFF00 } else { 0 }).encode(out);
            }
            Request::WriteRegister { address, value } => {
                self.check(registers, address, 1, On::Write)?;
                self.set_unit(registers, address, value);
                written(address, value).encode(out);
            }
            Request::WriteCoils { start, count, bits } => {
                self.check(coils, start, count, On::Write)?;
                self.store(coils, start.into(), count.into(), bits);
                written(start, count).encode(out);
            }
            Request::WriteRegisters { start, values } => {
                let count = (values.len() / 2) as u16;
                self.check(registers, start, count, On::Write)?;
                self.store(registers, start.into(), count.into(), values);
                written(start, count).encode(out);
            }
            Request::MaskWriteRegister { address, and, or } => {
                self.check(registers, address, 1, On::Write)?;
                let value = self.unit(registers, address) & and | or & !and;
                self.set_unit(registers, address, value);
                Response::Masked { address, and, or }.encode(out);
            }
            Request::ReadWriteRegisters { read_start, read_count, write_start, values } => {
                let count = (values.len() / 2) as u16;
                self.check(registers, write_start, count, On::Write)?;
                self.check(registers, read_start, read_count, On::Read)?;
                self.store(registers, write_start.into(), count.into(), values);
                self.read(request.function(), registers, read_start, read_count, now, out)?;
            }
        }
        Ok(())
    }

    fn read(
        &mut self,
        function: Function,
        table: Table,
        start: u16,
        count: u16,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> Result<(), Exception> {
        self.check(table, start, count, On::Read)?;
        let (start, count) = (u32::from(start), u32::from(count));
        self.move_signals(table, start, start + count, now);
        let n_bytes = if table.is_bits() { count.div_ceil(8) } else { count * 2 };
        out.extend_from_slice(&[function.code(), n_bytes as u8]);
        self.data(table, start, count, out);
        Ok(())
    }

    fn check(&self, table: Table, start: u16, count: u16, on: On) -> Result<(), Exception> {
        let (start, end) = (u32::from(start), u32::from(start) + u32::from(count));
        if end > self.tables[slot(table)].size {
            return Err(Exception::ILLEGAL_DATA_ADDRESS);
        }
        let concerns = |refused: &&Refused| {
            refused.on.concerns(on) && refused.table == table && refused.start < end && start < refused.end
        };
        self.refused.iter().find(concerns).map_or(Ok(()), |refused| Err(refused.exception))
    }
}
