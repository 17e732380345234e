//! The result for one node, written in place: the values never exist as DataValues.

use tagwire_history::{Values, View};
use tagwire_model::{DataType, Sample, Status, Timestamp, Value};
use tagwire_ua_proto::codec::{Encode, write_len};
use tagwire_ua_proto::hot::{write_fixed_data_value, write_model_data_value};
use tagwire_ua_proto::services::TimestampsToReturn;
use tagwire_ua_proto::types::{DataValue, NodeId, NumericRange};

use super::points::ID_LEN;
use crate::event::Fields;

/// Bytes of a scalar with status and both times at most.
const MAX_FIXED: usize = 30;

/// A HistoryReadResult that is being written.
pub(super) struct Page<'a> {
    pub(super) out: &'a mut Vec<u8>,
    start: usize,
    body: usize,
    /// Where the answer has its share of bytes used up.
    end: usize,
    n: usize,
    max: usize,
    wanted: TimestampsToReturn,
    range: Option<&'a NumericRange>,
}

impl<'a> Page<'a> {
    /// Begins a result of at most `max` values and about `budget` bytes whose data are a structure that begins with an
    /// array.
    pub(super) fn new(
        encoding: u32,
        out: &'a mut Vec<u8>,
        (budget, max): (usize, usize),
        wanted: TimestampsToReturn,
        range: Option<&'a NumericRange>,
    ) -> Self {
        let start = out.len();
        Status::GOOD.encode(out);
        write_len(ID_LEN, out);
        out.extend_from_slice(&[0; ID_LEN]);
        NodeId::ns0(encoding).encode(out);
        out.push(0x01);
        write_len(0, out);
        let body = out.len();
        write_len(0, out);
        Self { out, start, body, end: start + budget, n: 0, max, wanted, range }
    }

    /// How many more scalars fit; a page that has none yet takes one in any case.
    pub(super) fn room(&self) -> usize {
        let bytes = self.end.saturating_sub(self.out.len()) / MAX_FIXED;
        let bytes = if self.n == 0 { bytes.max(1) } else { bytes };
        bytes.min(self.max - self.n.min(self.max))
    }

    /// Whether values of this type all have about the same few bytes.
    pub(super) fn is_fixed(&self, values: &Values) -> bool {
        let is_text = matches!(values, Values::String(_) | Values::ByteString(_) | Values::Array(_));
        self.range.is_none() && !is_text
    }

    /// Writes all samples of a view.
    pub(super) fn view(&mut self, view: &View<'_>) {
        let (values, range) = view.values();
        if view.missing().is_some() || !self.is_fixed(values) {
            (0..view.len()).filter_map(|idx| view.sample(idx)).for_each(|sample| self.sample(&sample));
            return;
        }
        let range = range.start..range.start + view.len();
        macro_rules! column {
            ($data_type:ident, $column:expr, $bits:expr) => {
                self.column(view, DataType::$data_type, $column.get(range).unwrap_or_default(), $bits)
            };
        }
        match values {
            Values::Boolean(column) => column!(Boolean, column, u64::from),
            Values::Int8(column) => column!(Int8, column, |v| v as u64),
            Values::UInt8(column) => column!(UInt8, column, u64::from),
            Values::Int16(column) => column!(Int16, column, |v| v as u64),
            Values::UInt16(column) => column!(UInt16, column, u64::from),
            Values::Int32(column) => column!(Int32, column, |v| v as u64),
            Values::UInt32(column) => column!(UInt32, column, u64::from),
            Values::Int64(column) => column!(Int64, column, |v| v as u64),
            Values::UInt64(column) => column!(UInt64, column, |v| v),
            Values::Float(column) => column!(Float, column, |v: f32| u64::from(v.to_bits())),
            Values::Double(column) => column!(Double, column, f64::to_bits),
            Values::DateTime(column) => column!(DateTime, column, |v| v as u64),
            Values::String(_) | Values::ByteString(_) | Values::Array(_) => {}
        }
    }

    #[inline]
    fn column<T: Copy>(&mut self, view: &View<'_>, data_type: DataType, values: &[T], bits: impl Fn(T) -> u64) {
        self.out.reserve(values.len() * MAX_FIXED + 2);
        let times = view.times().iter().zip(view.server_times());
        for ((value, status), (time, server)) in values.iter().zip(view.statuses()).zip(times) {
            let time = Timestamp::from_ticks(*time);
            let server = if *server == 0 { time } else { Timestamp::from_ticks(*server) };
            write_fixed_data_value((data_type, bits(*value)), Status(*status), time, server, self.wanted, self.out);
        }
        self.n += values.len();
    }

    /// Writes one sample, or the part of it that is wanted.
    pub(super) fn sample(&mut self, sample: &Sample) {
        match self.range {
            Some(range) if sample.value != Value::Null => match range.read(&sample.value) {
                Ok(part) => self.value(&part, sample.status, sample),
                Err(error) => self.value(&Value::Null, error.status(), sample),
            },
            _ => self.value(&sample.value, sample.status, sample),
        }
    }

    fn value(&mut self, value: &Value, status: Status, sample: &Sample) {
        let server = if sample.server_time.is_none() { sample.source_time } else { sample.server_time };
        write_model_data_value(value, status, sample.source_time, server, self.wanted, self.out);
        self.n += 1;
    }

    /// Writes that there is no value at a time, and why.
    pub(super) fn nothing(&mut self, status: Status, time: Timestamp) {
        write_model_data_value(&Value::Null, status, time, time, self.wanted, self.out);
        self.n += 1;
    }

    /// Writes any value at a time.
    pub(super) fn data_value(&mut self, mut value: DataValue, time: Timestamp) {
        value.source_time = Some(time).filter(|_| self.wanted.source());
        value.server_time = Some(time).filter(|_| self.wanted.server());
        value.encode(self.out);
        self.n += 1;
    }

    /// Writes an event, unless the page is full.
    pub(super) fn event(&mut self, fields: &Fields<'_>) -> bool {
        let start = self.out.len();
        if self.n >= self.max {
            return false;
        }
        fields.write(self.out);
        if self.n > 0 && self.out.len() > self.end {
            self.out.truncate(start);
            return false;
        }
        self.n += 1;
        true
    }

    /// Ends the array of values, so that more of the structure can follow.
    pub(super) fn end_values(&mut self) {
        self.patch(self.body, self.n as u32);
    }

    /// Ends the result.
    pub(super) fn finish(mut self, point: Option<[u8; ID_LEN]>, if_empty: Status) {
        self.end_values();
        let len = self.out.len() - self.body;
        self.patch(self.body - 4, len as u32);
        let status = if self.n == 0 && point.is_none() { if_empty } else { Status::GOOD };
        self.patch(self.start, status.0);
        let id = self.start + 8..self.start + 8 + ID_LEN;
        match point {
            Some(point) => {
                if let Some(place) = self.out.get_mut(id) {
                    place.copy_from_slice(&point);
                }
            }
            None => {
                self.patch(self.start + 4, u32::MAX);
                self.out.drain(id);
            }
        }
    }

    fn patch(&mut self, at: usize, number: u32) {
        if let Some(place) = self.out.get_mut(at..at + 4) {
            place.copy_from_slice(&number.to_le_bytes());
        }
    }
}
