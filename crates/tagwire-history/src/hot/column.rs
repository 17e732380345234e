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
    /// The run that grows, beside the rest because every sample touches it.
    run: Run,
    last: u64,
    /// Leading zeros and width of the window of the last difference.
    window: (u8, u8),
    bits: Bits,
    /// Runs that ended.
    ended: Vec<Run>,
    rare: Option<Box<Rare>>,
}

/// What few columns have.
#[derive(Clone, Debug, Default)]
struct Rare {
    /// Each row, once one was left out.
    rows: Option<Vec<u16>>,
    /// Text, bytes and arrays.
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
            run: Run { n: 0, status: 0, flags: 0 },
            last: 0,
            window: (64, 0),
            bits: Bits::default(),
            ended: Vec::new(),
            rare: None,
        }
    }

    /// Bytes in memory that grow with the samples.
    pub(crate) fn size(&self) -> usize {
        let rare = self
            .rare
            .as_ref()
            .map_or(0, |rare| rare.rows.as_ref().map_or(0, |rows| rows.capacity() * 2) + rare.blobs.capacity());
        self.bits.size() + self.ended.capacity() * size_of::<Run>() + rare
    }

    /// Each row, when one was left out.
    pub(crate) fn rows(&self) -> Option<&[u16]> {
        self.rare.as_ref()?.rows.as_deref()
    }

    /// All runs.
    pub(crate) fn runs(&self) -> Vec<Run> {
        let mut runs = self.ended.clone();
        runs.extend((self.run.n > 0).then_some(self.run));
        runs
    }

    /// Adds a value of the column's type, or none, in a row after all former ones.
    #[inline]
    pub(crate) fn push(&mut self, row: u32, value: &Value, status: u32, reason: Reason) {
        self.begin_rows(row, 1);
        let is_null = matches!(value, Value::Null);
        self.count(1, status, reason as u8 | if is_null { NO_VALUE } else { 0 });
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
            _ => blob::put(&mut self.rare.get_or_insert_default().blobs, value),
        }
    }

    /// Adds `n` values of a fixed type, as their bits, in rows that follow each other after all former ones.
    pub(crate) fn push_bits(
        &mut self,
        row: u32,
        (n, values): (u32, impl Iterator<Item = u64>),
        status: u32,
        reason: Reason,
    ) {
        self.begin_rows(row, n);
        self.count(n, status, reason as u8);
        match self.column_type {
            ColumnType::Scalar(DataType::Boolean) => values.for_each(|bits| self.bits.push(bits & 1, 1)),
            ColumnType::Scalar(DataType::Float | DataType::Double) => values.for_each(|bits| self.push_float(bits)),
            _ => values.for_each(|bits| {
                self.bits.push_signed(bits.wrapping_sub(self.last) as i64);
                self.last = bits;
            }),
        }
    }

    /// Notes that samples stand in `n` rows from `row` on.
    #[inline]
    fn begin_rows(&mut self, row: u32, n: u32) {
        if self.n == 0 {
            self.first_row = row;
        } else if row != self.next_row && self.rows().is_none() {
            let rows = (self.first_row..self.next_row).map(|row| row as u16).collect();
            self.rare.get_or_insert_default().rows = Some(rows);
        }
        if let Some(rare) = &mut self.rare
            && let Some(rows) = &mut rare.rows
        {
            rows.extend((row..row + n).map(|row| row as u16));
        }
        self.next_row = row + n;
        self.n += n;
    }

    /// Counts samples of one status to the run that grows, or to a new one.
    #[inline]
    fn count(&mut self, n: u32, status: u32, flags: u8) {
        if self.run.status == status && self.run.flags == flags {
            self.run.n += n;
            return;
        }
        let ended = std::mem::replace(&mut self.run, Run { n, status, flags });
        if ended.n > 0 {
            if self.ended.len() == self.ended.capacity() {
                self.ended.reserve_exact(2 + self.ended.len() / 2);
            }
            self.ended.push(ended);
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
        let n: usize = self.runs().iter().filter(|run| run.flags & NO_VALUE == 0).map(|run| run.n as usize).sum();
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
        let mut reader = Reader::new(self.rare.as_ref().map_or(&[], |rare| &rare.blobs));
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
