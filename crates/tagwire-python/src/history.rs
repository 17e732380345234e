//! History as columns: to Arrow without a copy, to NumPy with one.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, UInt64Builder};
use arrow_array::cast::AsArray as _;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    Array as _, ArrayRef, DictionaryArray, Int32Array, RecordBatch, RecordBatchIterator, StringArray,
    TimestampNanosecondArray, UInt32Array,
};
use arrow_schema::{ArrowError, DataType as Column, Field, Schema, TimeUnit};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyList};
use tagwire_model::{DataType, Status, Timestamp, Value};
use tagwire_ua_client::NodeHistory;

use crate::convert::Tags;
use crate::fault::Fault;
use crate::sample;

/// Nanoseconds per tick of a timestamp.
const NANOS: i64 = 100;

/// Samples of several tags as columns `tag`, `time`, `value` and `status`.
#[pyclass(frozen, module = "tagwire._native")]
pub(crate) struct History {
    tags: Tags,
    results: Vec<Status>,
    batch: RecordBatch,
}

impl History {
    pub(crate) fn new(tags: Tags, found: Vec<NodeHistory>) -> Result<Self, Fault> {
        let results = found.iter().map(|history| history.status).collect();
        let batch = columns(&tags, &found).map_err(|error| Fault::usage(error.to_string()))?;
        Ok(Self { tags, results, batch })
    }

    fn stream(&self) -> FFI_ArrowArrayStream {
        let batches = [Ok(self.batch.clone())];
        FFI_ArrowArrayStream::new(Box::new(RecordBatchIterator::new(batches, self.batch.schema())))
    }
}

#[pymethods]
impl History {
    fn __len__(&self) -> usize {
        self.batch.num_rows()
    }

    /// The names that were asked for.
    #[getter]
    fn tags(&self) -> Vec<String> {
        self.tags.to_vec()
    }

    /// Whether each tag's history could be read.
    #[getter]
    fn results(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        self.results.iter().map(|status| sample::status(py, *status)).collect()
    }

    /// The Arrow C stream of all rows.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // Converting to another schema is the consumer's affair, as the protocol permits.
        drop(requested_schema);
        PyCapsule::new_with_value(py, self.stream(), c"arrow_array_stream")
    }

    /// The kind of a column: `bool`, `int`, `uint`, `float` or `text`.
    fn kind(&self, name: &str) -> PyResult<&'static str> {
        Ok(match self.column(name)?.data_type() {
            Column::Boolean => "bool",
            Column::Int64 | Column::Timestamp(..) => "int",
            Column::UInt64 | Column::UInt32 => "uint",
            Column::Float64 => "float",
            _ => "text",
        })
    }

    /// The numbers of a column as bytes in the order of this machine (`status` and codes of `tag` in 4 bytes, others in
    /// 8, Booleans in 1), with anything where there is no value.
    fn numbers<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyBytes>> {
        let column = self.column(name)?;
        if let Some(flags) = column.as_boolean_opt() {
            let found: Vec<u8> = flags.values().iter().map(u8::from).collect();
            return Ok(PyBytes::new(py, &found));
        }
        let data = match column.as_any_dictionary_opt() {
            Some(codes) => codes.keys().to_data(),
            None => column.to_data(),
        };
        let width = data.data_type().primitive_width();
        let bytes = width.and_then(|width| {
            let from = data.offset() * width;
            data.buffers().first()?.as_slice().get(from..from + data.len() * width)
        });
        match bytes {
            Some(bytes) => Ok(PyBytes::new(py, bytes)),
            None => Err(PyKeyError::new_err(format!("column {name} holds no numbers"))),
        }
    }

    /// One byte per row, 1 where the column has a value; `None` when all rows have one.
    fn validity<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let column = self.column(name)?;
        let Some(nulls) = column.nulls().filter(|nulls| nulls.null_count() > 0) else { return Ok(None) };
        let found: Vec<u8> = nulls.iter().map(u8::from).collect();
        Ok(Some(PyBytes::new(py, &found)))
    }

    /// The texts of a column of kind `text`.
    fn texts<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyList>> {
        let column = self.column(name)?;
        let Some(texts) = column.as_string_opt::<i32>() else {
            return Err(PyKeyError::new_err(format!("column {name} holds no text")));
        };
        PyList::new(py, texts.iter().map(|text| text.into_py_any(py)).collect::<PyResult<Vec<_>>>()?)
    }
}

impl History {
    fn column(&self, name: &str) -> PyResult<&ArrayRef> {
        self.batch.column_by_name(name).ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }
}

fn columns(tags: &[String], found: &[NodeHistory]) -> Result<RecordBatch, ArrowError> {
    let n_rows = found.iter().map(|history| history.samples.len()).sum();
    let mut codes = Vec::with_capacity(n_rows);
    let mut times = Vec::with_capacity(n_rows);
    let mut statuses = Vec::with_capacity(n_rows);
    for (code, history) in (0_i32..).zip(found) {
        for sample in &history.samples {
            codes.push(code);
            times.push(nanos(sample.source_time));
            statuses.push(sample.status.0);
        }
    }
    let values: Vec<&Value> = found.iter().flat_map(|history| &history.samples).map(|sample| &sample.value).collect();
    let names = StringArray::from_iter_values(tags);
    let tag = DictionaryArray::try_new(Int32Array::from(codes), Arc::new(names))?;
    let time = TimestampNanosecondArray::from(times).with_timezone("UTC");
    let value = value_column(&values);
    let dictionary = Column::Dictionary(Box::new(Column::Int32), Box::new(Column::Utf8));
    let zone: Arc<str> = Arc::from("UTC");
    let schema = Schema::new(vec![
        Field::new("tag", dictionary, false),
        Field::new("time", Column::Timestamp(TimeUnit::Nanosecond, Some(zone)), false),
        Field::new("value", value.data_type().clone(), true),
        Field::new("status", Column::UInt32, false),
    ]);
    RecordBatch::try_new(
        Arc::new(schema),
        vec![Arc::new(tag), Arc::new(time), value, Arc::new(UInt32Array::from(statuses))],
    )
}

/// Nanoseconds since 1970; times that do not fit, before 1677 and after 2262, become the nearest that does.
const fn nanos(time: Timestamp) -> i64 {
    (time.ticks() - Timestamp::UNIX_EPOCH_TICKS).saturating_mul(NANOS)
}

/// The column that holds all values: of Booleans, of whole numbers, of numbers, else of text.
fn value_column(values: &[&Value]) -> ArrayRef {
    let kinds: HashSet<Kind> = values.iter().filter_map(|value| kind(value)).collect();
    let only = |allowed: &[Kind]| kinds.iter().all(|kind| allowed.contains(kind));
    if kinds.contains(&Kind::Boolean) && only(&[Kind::Boolean]) {
        let mut builder = BooleanBuilder::with_capacity(values.len());
        values.iter().for_each(|value| match value {
            Value::Boolean(v) => builder.append_value(*v),
            _ => builder.append_null(),
        });
        return Arc::new(builder.finish());
    }
    if kinds.contains(&Kind::Int) && only(&[Kind::Int]) {
        let mut builder = Int64Builder::with_capacity(values.len());
        values.iter().for_each(|value| {
            builder.append_option(value.as_i128().and_then(|value| i64::try_from(value).ok()));
        });
        return Arc::new(builder.finish());
    }
    let is_small = |value: &&Value| value.as_i128().is_none_or(|value| value >= 0);
    if kinds.contains(&Kind::UInt) && only(&[Kind::Int, Kind::UInt]) && values.iter().all(is_small) {
        let mut builder = UInt64Builder::with_capacity(values.len());
        values.iter().for_each(|value| {
            builder.append_option(value.as_i128().and_then(|value| u64::try_from(value).ok()));
        });
        return Arc::new(builder.finish());
    }
    if only(&[Kind::Int, Kind::UInt, Kind::Float]) {
        let mut builder = Float64Builder::with_capacity(values.len());
        values.iter().for_each(|value| builder.append_option(number(value)));
        return Arc::new(builder.finish());
    }
    let mut builder = StringBuilder::new();
    for value in values {
        match value {
            Value::Null => builder.append_null(),
            Value::String(text) => builder.append_value(text),
            other => builder.append_value(other.to_string()),
        }
    }
    Arc::new(builder.finish())
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Boolean,
    Int,
    /// Unsigned 64-bit, which a signed column cannot hold.
    UInt,
    Float,
    Text,
}

fn kind(value: &Value) -> Option<Kind> {
    let found = value.value_type()?;
    if !found.is_scalar() {
        return Some(Kind::Text);
    }
    Some(match found.data_type {
        DataType::Boolean => Kind::Boolean,
        DataType::UInt64 => Kind::UInt,
        DataType::Float | DataType::Double => Kind::Float,
        DataType::String | DataType::DateTime | DataType::ByteString => Kind::Text,
        _ => Kind::Int,
    })
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(v) => Some(f64::from(*v)),
        Value::Double(v) => Some(*v),
        other => other.as_i128().map(|value| value as f64),
    }
}
