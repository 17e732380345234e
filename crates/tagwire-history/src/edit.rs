//! Changes of history by users, with the record of who made them, and when.

use std::sync::Arc;

use tagwire_model::{DataType, Sample, Status, Timestamp, Value};

use crate::bytes::{Reader, Short, put_text};
use crate::values::ColumnType;
use crate::{Reason, TagNumber, blob};

/// What was done to a sample (OPC UA Part 11, HistoryUpdateType).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// There was none at its time.
    Inserted = 1,
    /// Another took its place.
    Replaced = 2,
    /// It is gone.
    Deleted = 4,
}

impl ChangeKind {
    const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Inserted,
            2 => Self::Replaced,
            4 => Self::Deleted,
            _ => return None,
        })
    }
}

/// Who changed something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Name of the user.
    pub user: Arc<str>,
    /// When the change was made.
    pub time: Timestamp,
}

impl Author {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.time.ticks().to_le_bytes());
        put_text(out, &self.user);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Short> {
        let time = Timestamp::from_ticks(reader.i64()?);
        Ok(Self { user: reader.text()?.into(), time })
    }
}

/// The change of one sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) time: Timestamp,
    pub(crate) kind: ChangeKind,
    /// Samples from this number on came later and are not changed.
    pub(crate) no: u64,
    pub(crate) author: Author,
    /// What stands there now.
    pub(crate) sample: Option<(Sample, Reason)>,
}

impl Change {
    pub(crate) fn put(&self) -> Vec<u8> {
        let mut out = vec![self.kind as u8];
        out.extend_from_slice(&self.no.to_le_bytes());
        self.author.put(&mut out);
        let Some((sample, reason)) = &self.sample else {
            out.push(0);
            return out;
        };
        out.push(1);
        out.extend_from_slice(&sample.status.0.to_le_bytes());
        out.extend_from_slice(&sample.server_time.ticks().to_le_bytes());
        out.push(*reason as u8);
        put_value(&mut out, &sample.value);
        out
    }

    pub(crate) fn read(time: Timestamp, bytes: &[u8]) -> Result<Self, Short> {
        let mut reader = Reader::new(bytes);
        let kind = ChangeKind::from_code(reader.u8()?).ok_or(Short)?;
        let no = reader.u64()?;
        let author = Author::read(&mut reader)?;
        let sample = if reader.u8()? == 0 {
            None
        } else {
            let status = Status(reader.u32()?);
            let server_time = Timestamp::from_ticks(reader.i64()?);
            let reason = Reason::from_code(reader.u8()?);
            Some((Sample { value: take_value(&mut reader)?, status, source_time: time, server_time }, reason))
        };
        Ok(Self { time, kind, no, author, sample })
    }
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(14),
        Value::Array(_) => {
            out.push(0);
            blob::put(out, value);
        }
        value => {
            out.push(value.value_type().map_or(14, |value_type| value_type.data_type.ua_id()));
            blob::element(out, value);
        }
    }
}

fn take_value(reader: &mut Reader<'_>) -> Result<Value, Short> {
    match reader.u8()? {
        14 => Ok(Value::Null),
        0 => blob::take(reader, ColumnType::Array),
        code => blob::take_element(reader, DataType::from_ua_id(code).ok_or(Short)?),
    }
}

/// A range of time whose samples a user deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RangeDelete {
    pub(crate) from: Timestamp,
    /// Without this moment.
    pub(crate) to: Timestamp,
    pub(crate) no: u64,
    pub(crate) author: Author,
}

impl RangeDelete {
    pub(crate) fn put(&self) -> Vec<u8> {
        let mut out = self.no.to_le_bytes().to_vec();
        out.extend_from_slice(&self.from.ticks().to_le_bytes());
        out.extend_from_slice(&self.to.ticks().to_le_bytes());
        self.author.put(&mut out);
        out
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Short> {
        let mut reader = Reader::new(bytes);
        let no = reader.u64()?;
        let (from, to) = (Timestamp::from_ticks(reader.i64()?), Timestamp::from_ticks(reader.i64()?));
        Ok(Self { from, to, no, author: Author::read(&mut reader)? })
    }
}

/// Anything a user did to the samples of a tag.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Edit {
    Change(Change),
    Range(RangeDelete),
}

/// Something that a user did to the samples of a tag, for whoever sends it elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Edited {
    /// Grows from change to change.
    pub serial: u64,
    /// The change concerns no sample with this number or a higher one.
    pub number: u64,
    /// The tag.
    pub tag: TagNumber,
    /// By whom, and when.
    pub author: Author,
    /// What was done.
    pub what: What,
}

/// What was done.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A sample was inserted or replaced.
    Put(Sample, Reason),
    /// All samples from the first time up to but without the second are gone.
    Deleted(Timestamp, Timestamp),
}

/// A change as ModifiedHistory tells it (OPC UA Part 11, 6.5.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Modification {
    /// Source time of the sample.
    pub time: Timestamp,
    /// What was done.
    pub kind: ChangeKind,
    /// By whom, and when.
    pub author: Author,
    /// What stood there before; `None` for an insertion.
    pub before: Option<Sample>,
    /// What stands there after; `None` for a deletion.
    pub after: Option<Sample>,
}

/// How HistoryUpdate treats samples that are there already (OPC UA Part 11, PerformUpdateType).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateMode {
    /// Only where there is none.
    Insert,
    /// Only where there is one.
    Replace,
    /// Either.
    Update,
}

/// What became of one sample of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// There was none before.
    Inserted,
    /// There was one before.
    Replaced,
    /// It is gone.
    Deleted,
    /// There is one already, and only insertion was asked for.
    Exists,
    /// There is none, and one was to be replaced or deleted.
    Missing,
    /// The value has another type than its tag.
    WrongType,
}
