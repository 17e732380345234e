//! Values and times, to Python and from it.

use std::sync::Arc;

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyList, PyString, PyTuple};
use tagwire_model::{ArrayData, Dims, Timestamp, Value};

/// Most dimensions of an array.
const MAX_RANK: usize = 3;

struct Calendar {
    /// The first of January 1970 in UTC.
    epoch: Py<PyAny>,
    timedelta: Py<PyAny>,
    datetime: Py<PyAny>,
}

fn calendar(py: Python<'_>) -> PyResult<&'static Calendar> {
    static CALENDAR: PyOnceLock<Calendar> = PyOnceLock::new();
    CALENDAR.get_or_try_init(py, || {
        let module = py.import("datetime")?;
        let utc = module.getattr("timezone")?.getattr("utc")?;
        let datetime = module.getattr("datetime")?;
        let epoch = datetime.call1((1970, 1, 1, 0, 0, 0, 0, utc))?;
        Ok(Calendar {
            epoch: epoch.unbind(),
            timedelta: module.getattr("timedelta")?.unbind(),
            datetime: datetime.unbind(),
        })
    })
}

/// A time as an aware `datetime` in UTC, cut to microseconds; `None` for no time.
pub(crate) fn time_to_py(py: Python<'_>, time: Timestamp) -> PyResult<Py<PyAny>> {
    if time.is_none() {
        return Ok(py.None());
    }
    let calendar = calendar(py)?;
    let micros = (time.ticks() - Timestamp::UNIX_EPOCH_TICKS).div_euclid(10);
    let delta = calendar.timedelta.call1(py, (0, 0, micros))?;
    calendar.epoch.call_method1(py, "__add__", (delta,))
}

/// An aware `datetime`; one without a zone is refused, because nobody knows what it means.
pub(crate) fn time_from_py(value: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let py = value.py();
    let calendar = calendar(py)?;
    if value.call_method0("utcoffset")?.is_none() {
        return Err(PyValueError::new_err("datetime has no time zone; add tzinfo=datetime.timezone.utc"));
    }
    let delta = value.call_method1("__sub__", (calendar.epoch.bind(py),))?;
    let part = |name: &str| -> PyResult<i64> { delta.getattr(name)?.extract() };
    let seconds = part("days")? * 86_400 + part("seconds")?;
    let ticks = seconds * Timestamp::TICKS_PER_SECOND + part("microseconds")? * 10;
    Ok(Timestamp::from_ticks(Timestamp::UNIX_EPOCH_TICKS + ticks))
}

fn is_datetime(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.is_instance(calendar(value.py())?.datetime.bind(value.py()))
}

/// A value; arrays become lists, of lists where there are several dimensions.
pub(crate) fn to_py(py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>> {
    match value {
        Value::Null => Ok(py.None()),
        Value::Boolean(v) => v.into_py_any(py),
        Value::Int8(v) => v.into_py_any(py),
        Value::UInt8(v) => v.into_py_any(py),
        Value::Int16(v) => v.into_py_any(py),
        Value::UInt16(v) => v.into_py_any(py),
        Value::Int32(v) => v.into_py_any(py),
        Value::UInt32(v) => v.into_py_any(py),
        Value::Int64(v) => v.into_py_any(py),
        Value::UInt64(v) => v.into_py_any(py),
        // The shortest decimal of a single, so that 18.1 does not become 18.100000381.
        Value::Float(v) => v.to_string().parse::<f64>().unwrap_or_else(|_| f64::from(*v)).into_py_any(py),
        Value::Double(v) => v.into_py_any(py),
        Value::DateTime(v) => time_to_py(py, *v),
        Value::String(v) => v.as_ref().into_py_any(py),
        Value::ByteString(v) => PyBytes::new(py, v).into_py_any(py),
        Value::Array(array) => nested(py, array.data(), array.dims().lens(), &mut 0),
    }
}

fn nested(py: Python<'_>, data: &ArrayData, lens: &[u32], next: &mut usize) -> PyResult<Py<PyAny>> {
    let Some((len, rest)) = lens.split_first() else {
        let element = data.element(*next).unwrap_or(Value::Null);
        *next += 1;
        return to_py(py, &element);
    };
    let list = PyList::empty(py);
    for _ in 0..*len {
        list.append(nested(py, data, rest, next)?)?;
    }
    list.into_py_any(py)
}

/// A value in the type that Python has for it: the widest integer, the double.
pub(crate) fn from_py(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    if value.is_none() {
        return Ok(Value::Null);
    }
    if value.is_instance_of::<PyBool>() {
        return Ok(Value::Boolean(value.extract()?));
    }
    if value.is_instance_of::<PyInt>() {
        return integer(value);
    }
    if value.is_instance_of::<PyFloat>() {
        return Ok(Value::Double(value.extract()?));
    }
    if value.is_instance_of::<PyString>() {
        return Ok(Value::text(&value.extract::<String>()?));
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Value::bytes(bytes.as_bytes()));
    }
    if let Ok(bytes) = value.cast::<PyByteArray>() {
        return Ok(Value::bytes(&bytes.to_vec()));
    }
    if is_datetime(value)? {
        return Ok(Value::DateTime(time_from_py(value)?));
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        return array(value);
    }
    // Scalars and arrays of NumPy know how to become those of Python.
    if value.hasattr("tolist")? {
        return from_py(&value.call_method0("tolist")?);
    }
    Err(PyTypeError::new_err(format!("a {} is no value of a tag", value.get_type().name()?)))
}

fn integer(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    if let Ok(small) = value.extract::<i64>() {
        return Ok(Value::Int64(small));
    }
    match value.extract::<u64>() {
        Ok(large) => Ok(Value::UInt64(large)),
        Err(_) => Err(PyOverflowError::new_err("integer does not fit 64 bits")),
    }
}

fn array(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    let mut lens = Vec::new();
    let mut first = value.clone();
    while first.is_instance_of::<PyList>() || first.is_instance_of::<PyTuple>() {
        let len = first.len()?;
        lens.push(u32::try_from(len).map_err(|_| PyValueError::new_err("array is too long"))?);
        if lens.len() > MAX_RANK {
            return Err(PyValueError::new_err("array has more than three dimensions"));
        }
        if len == 0 {
            break;
        }
        first = first.get_item(0)?;
    }
    let mut elements = Vec::new();
    flatten(value, &lens, &mut elements)?;
    let dims = Dims::new(&lens).ok_or_else(|| PyValueError::new_err("array has more than three dimensions"))?;
    Value::array(dims, typed(elements)?).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn flatten(value: &Bound<'_, PyAny>, lens: &[u32], elements: &mut Vec<Value>) -> PyResult<()> {
    let Some((len, rest)) = lens.split_first() else {
        let element = from_py(value)?;
        if matches!(element, Value::Array(_) | Value::Null) {
            return Err(PyValueError::new_err("rows of the array differ in length"));
        }
        elements.push(element);
        return Ok(());
    };
    let is_row = value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>();
    if !is_row || value.len()? != *len as usize {
        return Err(PyValueError::new_err("rows of the array differ in length"));
    }
    for item in value.try_iter()? {
        flatten(&item?, rest, elements)?;
    }
    Ok(())
}

/// The elements in the one type that holds them all.
fn typed(elements: Vec<Value>) -> PyResult<ArrayData> {
    let mixed = || PyTypeError::new_err("array mixes values of different kinds");
    let Some(first) = elements.first() else { return Ok(ArrayData::Double(Vec::new())) };
    let is_number = |value: &Value| matches!(value, Value::Int64(_) | Value::UInt64(_) | Value::Double(_));
    let mut data = match first {
        value if is_number(value) => {
            return if elements.iter().any(|value| matches!(value, Value::Double(_))) {
                elements.iter().map(as_double).collect::<Option<_>>().map(ArrayData::Double).ok_or_else(mixed)
            } else if elements.iter().any(|value| matches!(value, Value::UInt64(_))) {
                let large = |value: &Value| value.as_i128().and_then(|value| u64::try_from(value).ok());
                elements.iter().map(large).collect::<Option<_>>().map(ArrayData::UInt64).ok_or_else(mixed)
            } else {
                let small = |value: &Value| match value {
                    Value::Int64(small) => Some(*small),
                    _ => None,
                };
                elements.iter().map(small).collect::<Option<_>>().map(ArrayData::Int64).ok_or_else(mixed)
            };
        }
        other => other.value_type().map(|found| ArrayData::empty(found.data_type)).ok_or_else(mixed)?,
    };
    for element in elements {
        data.push(element).map_err(|_| mixed())?;
    }
    Ok(data)
}

fn as_double(value: &Value) -> Option<f64> {
    match value {
        Value::Double(v) => Some(*v),
        Value::Int64(v) => Some(*v as f64),
        Value::UInt64(v) => Some(*v as f64),
        _ => None,
    }
}

/// The names that a list of samples shares.
pub(crate) type Tags = Arc<[String]>;
