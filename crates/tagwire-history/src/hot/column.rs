//! One tag's part of a page.

use tagwire_model::{DataType, Value};

use super::bits::{BitReader, Bits};
use crate::blob;
use crate::bytes::Reader;
use crate::values::{ColumnType, Values};
use crate::{Reason, TagNumber};

/// Equal status, reason and presence of a value, several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) n: u32,
    pub(crate) status: u32,
    /// Reason; bit 7 for "no value".
    pub(crate) flags: u8,
}

pub(crate) const NO_VALUE: u8 = 0x80;

/// The samples of one tag, compressed.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) tag: TagNumber,
    pub(crate) column_type: ColumnType,
    pub(crate) n: u32,
    pub(crate) first_row: u32,
    /// The row that comes next when none is left out.
    pub(crate) next_row: u32,
    /// Each row, once one was left out.
    pub(crate) rows: Option<Vec<u16>>,
    pub(crate) runs: Vec<Run>,
    bits: Bits,
    last: u64,
    /// Leading zeros and width of the window of the last difference.
    window: (u8, u8),
    blobs: Vec<u8>,
}

impl Column {
    pub(crate) fn new(tag: TagNumber, column_type: ColumnType) -> Self {
        Self {
            tag,
            column_type,
            n: 0,
            first_row: 0,
            next_row: 0,
            rows: None,
            runs: Vec::new(),
            bits: Bits::default(),
            last: 0,
            window: (64, 0),
            blobs: Vec::new(),
        }
    }

    /// Bytes in memory that grow with the samples.
    pub(crate) fn size(&self) -> usize {
        let rows = self.rows.as_ref().map_or(0, |rows| rows.capacity() * 2);
        self.bits.size() + self.blobs.capacity() + rows + self.runs.capacity() * size_of::<Run>()
    }

    /// Adds a value of the column's type, or none, in a row after all former ones.
    #[inline]
    pub(crate) fn push(&mut self, row: u32, value: &Value, status: u32, reason: Reason) {
        if self.n == 0 {
            self.first_row = row;
        } else if row != self.next_row && self.rows.is_none() {
            self.rows = Some((self.first_row..self.next_row).map(|row| row as u16).collect());
        }
        if let Some(rows) = &mut self.rows {
            rows.push(row as u16);
        }
        self.next_row = row + 1;
        self.n += 1;
        let is_null = matches!(value, Value::Null);
        let flags = reason as u8 | if is_null { NO_VALUE } else { 0 };
        match self.runs.last_mut() {
            Some(run) if run.status == status && run.flags == flags => run.n += 1,
            _ => {
                if self.runs.len() == self.runs.capacity() {
                    self.runs.reserve_exact(1 + self.runs.len() / 2);
                }
                self.runs.push(Run { n: 1, status, flags });
            }
        }
        if is_null {
            return;
        }
        match self.column_type {
            ColumnType::Scalar(DataType::Boolean) => {
                self.bits.push(u64::from(matches!(value, Value::Boolean(true))), 1);
            }
            ColumnType::Scalar(DataType::Float | DataType::Double) => {
                let bits = value.to_bits().map_or(0, |(_, bits)| bits);
                self.push_float(bits);
            }
            ColumnType::Scalar(data_type) if data_type.is_fixed() => {
                let bits = value.to_bits().map_or(0, |(_, bits)| bits);
                self.bits.push_signed(bits.wrapping_sub(self.last) as i64);
                self.last = bits;
            }
            _ => blob::put(&mut self.blobs, value),
        }
    }

    /// Floating point numbers by what differs from the one before, in the window of the last difference if it fits.
    #[inline]
    fn push_float(&mut self, bits: u64) {
        let xor = bits ^ self.last;
        self.last = bits;
        if xor == 0 {
            return self.bits.push(0, 1);
        }
        let (lead, trail) = (xor.leading_zeros().min(31) as u8, xor.trailing_zeros() as u8);
        let (window_lead, window_len) = self.window;
        if window_len > 0 && lead >= window_lead && trail >= 64 - window_lead - window_len {
            let shift = 64 - window_lead - window_len;
            self.bits.push(0b01, 2);
            self.bits.push(xor >> shift, u32::from(window_len));
        } else {
            let len = 64 - lead - trail;
            self.bits.push(0b11 | u64::from(lead) << 2 | u64::from(len - 1) << 7, 13);
            self.bits.push(xor >> trail, u32::from(len));
            self.window = (lead, len);
        }
    }

    /// The values that are there, in order; places without one are left out.
    pub(crate) fn decode(&self) -> Values {
        let n: usize = self.runs.iter().filter(|run| run.flags & NO_VALUE == 0).map(|run| run.n as usize).sum();
        let mut reader = self.bits.reader();
        let ColumnType::Scalar(data_type) = self.column_type else { return self.decode_blobs(n) };
        macro_rules! integers {
            ($variant:ident, $type:ty) => {{
                let mut last = 0_u64;
                Values::$variant(
                    (0..n)
                        .map(|_| {
                            last = last.wrapping_add(reader.take_signed() as u64);
                            last as $type
                        })
                        .collect(),
                )
            }};
        }
        match data_type {
            DataType::Boolean => Values::Boolean((0..n).map(|_| reader.take(1) == 1).collect()),
            DataType::Int8 => integers!(Int8, i8),
            DataType::UInt8 => integers!(UInt8, u8),
            DataType::Int16 => integers!(Int16, i16),
            DataType::UInt16 => integers!(UInt16, u16),
            DataType::Int32 => integers!(Int32, i32),
            DataType::UInt32 => integers!(UInt32, u32),
            DataType::Int64 => integers!(Int64, i64),
            DataType::UInt64 => integers!(UInt64, u64),
            DataType::DateTime => integers!(DateTime, i64),
            DataType::Float => {
                let mut floats = Floats::new(reader);
                Values::Float((0..n).map(|_| f32::from_bits(floats.next() as u32)).collect())
            }
            DataType::Double => {
                let mut floats = Floats::new(reader);
                Values::Double((0..n).map(|_| f64::from_bits(floats.next())).collect())
            }
            DataType::String | DataType::ByteString => self.decode_blobs(n),
        }
    }

    fn decode_blobs(&self, n: usize) -> Values {
        let mut values = Values::empty(self.column_type);
        let mut reader = Reader::new(&self.blobs);
        for _ in 0..n {
            match blob::take(&mut reader, self.column_type) {
                Ok(value) => values.push(&value),
                Err(_) => values.push_nothing(),
            }
        }
        values
    }
}

struct Floats<'a> {
    reader: BitReader<'a>,
    last: u64,
    window: (u32, u32),
}

impl<'a> Floats<'a> {
    const fn new(reader: BitReader<'a>) -> Self {
        Self { reader, last: 0, window: (0, 1) }
    }

    #[inline]
    fn next(&mut self) -> u64 {
        if self.reader.take(1) == 1 {
            if self.reader.take(1) == 1 {
                let head = self.reader.take(11);
                self.window = ((head & 31) as u32, (head >> 5) as u32 + 1);
            }
            let (lead, len) = self.window;
            self.last ^= self.reader.take(len) << (64 - lead - len);
        }
        self.last
    }
}
