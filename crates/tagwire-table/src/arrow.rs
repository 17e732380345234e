//! Samples as Arrow columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray, TimestampNanosecondArray, UInt32Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use tagwire_history::{Series, View};
use tagwire_model::Status;

use crate::cell::{each_cell, unix_nanos};
use crate::{COLUMNS, StatusNames};

const UTC: &str = "UTC";

/// The columns of the history: times in nanoseconds, texts that repeat as dictionaries.
pub(crate) fn schema() -> SchemaRef {
    let word = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let time = DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into()));
    let columns = [
        (word.clone(), false),
        (time.clone(), false),
        (time, true),
        (word.clone(), false),
        (DataType::Float64, true),
        (DataType::Utf8, true),
        (DataType::UInt32, false),
        (word.clone(), false),
        (word, false),
    ];
    let field = |(name, (data_type, nullable)): (&&str, _)| Field::new(*name, data_type, nullable);
    Arc::new(Schema::new(COLUMNS.iter().zip(columns).map(field).collect::<Vec<_>>()))
}

/// Rows that become a batch.
#[derive(Debug)]
pub(crate) struct Columns {
    schema: SchemaRef,
    /// Places of the wanted columns among all.
    wanted: Vec<usize>,
    names: StatusNames,
    n: usize,
    tags: Words,
    times: Vec<i64>,
    server_times: Vec<Option<i64>>,
    types: Words,
    values: Float64Builder,
    texts: StringBuilder,
    statuses: Vec<u32>,
    qualities: Words,
    quality: Option<(u32, i32)>,
    reasons: Words,
    scratch: String,
}

impl Columns {
    /// No rows yet of these columns.
    pub(crate) fn new(wanted: Vec<usize>, names: StatusNames) -> Result<Self, ArrowError> {
        Ok(Self {
            schema: Arc::new(schema().project(&wanted)?),
            wanted,
            names,
            n: 0,
            tags: Words::default(),
            times: Vec::new(),
            server_times: Vec::new(),
            types: Words::default(),
            values: Float64Builder::new(),
            texts: StringBuilder::new(),
            statuses: Vec::new(),
            qualities: Words::default(),
            quality: None,
            reasons: Words::default(),
            scratch: String::new(),
        })
    }

    /// Rows that wait.
    pub(crate) const fn len(&self) -> usize {
        self.n
    }

    /// Bytes of texts that wait.
    pub(crate) fn text_len(&self) -> usize {
        self.texts.values_slice().len()
    }

    /// Takes samples of one tag; how many of them have a time that nanoseconds since 1970 can tell.
    pub(crate) fn put(&mut self, series: &Series, view: &View<'_>) -> usize {
        let [tag, time, server_time, value_type, value, text, status, quality, reason] =
            std::array::from_fn(|idx| self.wanted.contains(&idx));
        // Times are in order, so that those that do not fit stand at the ends.
        let times = view.times();
        let from = times.partition_point(|ticks| is_early(*ticks));
        let to = from + times[from..].partition_point(|ticks| unix_nanos(*ticks).is_some());
        let n = to - from;
        self.n += n;
        if tag {
            self.tags.push(&series.path, n);
        }
        if time {
            self.times.extend(times[from..to].iter().filter_map(|ticks| unix_nanos(*ticks)));
        }
        if server_time {
            let nanos = |ticks: &i64| if *ticks == 0 { None } else { unix_nanos(*ticks) };
            self.server_times.extend(view.server_times()[from..to].iter().map(nanos));
        }
        if value_type {
            self.types.push(&series.value_type.to_string(), n);
        }
        if value || text {
            let (values, texts) = (&mut self.values, &mut self.texts);
            each_cell(view, &mut self.scratch, |idx, cell| {
                if idx < from || idx >= to {
                    return;
                }
                if value {
                    values.append_option(cell.value);
                }
                if text {
                    texts.append_option(cell.text);
                }
            });
        }
        if status {
            self.statuses.extend_from_slice(&view.statuses()[from..to]);
        }
        if quality {
            for code in &view.statuses()[from..to] {
                let key = match self.quality {
                    Some((known, key)) if known == *code => key,
                    _ => self.qualities.key(&(self.names)(Status(*code))),
                };
                self.quality = Some((*code, key));
                self.qualities.keys.push(key);
            }
        }
        if reason {
            let mut last = None;
            for found in &view.reasons()[from..to] {
                let key = match last {
                    Some((known, key)) if known == *found => key,
                    _ => self.reasons.key(found.word()),
                };
                last = Some((*found, key));
                self.reasons.keys.push(key);
            }
        }
        n
    }

    /// The rows that wait, as a batch.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        let n = std::mem::take(&mut self.n);
        self.quality = None;
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.wanted.len());
        for idx in self.wanted.clone() {
            arrays.push(match idx {
                0 => self.tags.take()?,
                1 => {
                    let times = std::mem::take(&mut self.times);
                    Arc::new(TimestampNanosecondArray::from(times).with_timezone(UTC))
                }
                2 => {
                    let times = std::mem::take(&mut self.server_times);
                    Arc::new(TimestampNanosecondArray::from(times).with_timezone(UTC))
                }
                3 => self.types.take()?,
                4 => Arc::new(self.values.finish()),
                5 => Arc::new(self.texts.finish()),
                6 => Arc::new(UInt32Array::from(std::mem::take(&mut self.statuses))),
                7 => self.qualities.take()?,
                _ => self.reasons.take()?,
            });
        }
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(n));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
    }
}

/// Whether a time lies before what nanoseconds since 1970 can tell.
const fn is_early(ticks: i64) -> bool {
    unix_nanos(ticks).is_none() && ticks < tagwire_model::Timestamp::UNIX_EPOCH_TICKS
}

/// A column of texts that repeat.
#[derive(Debug, Default)]
struct Words {
    keys: Vec<i32>,
    words: Vec<String>,
    places: HashMap<String, i32>,
}

impl Words {
    fn key(&mut self, word: &str) -> i32 {
        if let Some(key) = self.places.get(word) {
            return *key;
        }
        let key = self.words.len() as i32;
        self.words.push(word.to_owned());
        self.places.insert(word.to_owned(), key);
        key
    }

    fn push(&mut self, word: &str, n: usize) {
        if n > 0 {
            let key = self.key(word);
            self.keys.extend(std::iter::repeat_n(key, n));
        }
    }

    fn take(&mut self) -> Result<ArrayRef, ArrowError> {
        let words = StringArray::from(std::mem::take(&mut self.words));
        let keys = Int32Array::from(std::mem::take(&mut self.keys));
        self.places.clear();
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(words))?))
    }
}
