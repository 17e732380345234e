//! Samples, and the types of `tagwire` that describe them.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use tagwire_model::{Status, Timestamp, Value};
use tagwire_ua_client::StatusName;

use crate::convert::{self, Tags};

/// A value with its quality and its times.
#[pyclass(frozen, module = "tagwire")]
pub(crate) struct Sample {
    tags: Tags,
    idx: usize,
    sample: tagwire_model::Sample,
    /// A value that no tag of OPC UA can hold, such as an array of mixed kinds; the sample's own is null then.
    foreign: Option<Py<PyAny>>,
}

impl Sample {
    pub(crate) const fn new(tags: Tags, idx: usize, sample: tagwire_model::Sample) -> Self {
        Self { tags, idx, sample, foreign: None }
    }

    fn name(&self) -> &str {
        self.tags.get(self.idx).map_or("", String::as_str)
    }
}

#[pymethods]
impl Sample {
    /// A sample from elsewhere than a session: the times are aware, and a value of any kind is kept.
    #[new]
    #[pyo3(signature = (tag, value=None, status=0, source_time=None, server_time=None))]
    fn made(
        tag: String,
        value: Option<Bound<'_, PyAny>>,
        status: u32,
        source_time: Option<Bound<'_, PyAny>>,
        server_time: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let time =
            |time: Option<Bound<'_, PyAny>>| time.map_or(Ok(Timestamp::NONE), |time| convert::time_from_py(&time));
        let (value, foreign) = match value {
            None => (Value::Null, None),
            Some(given) => match convert::from_py(&given) {
                Ok(value) => (value, None),
                Err(_) => (Value::Null, Some(given.unbind())),
            },
        };
        let (source_time, server_time) = (time(source_time)?, time(server_time)?);
        let sample = tagwire_model::Sample { value, status: Status(status), source_time, server_time };
        Ok(Self { tags: Arc::new([tag]), idx: 0, sample, foreign })
    }

    /// The name as it was asked for.
    #[getter]
    fn tag(&self) -> &str {
        self.name()
    }

    /// The value; `None` where there is none.
    #[getter]
    fn value(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match &self.foreign {
            Some(foreign) => Ok(foreign.clone_ref(py)),
            None => convert::to_py(py, &self.sample.value),
        }
    }

    /// The status code with its name.
    #[getter]
    fn status(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        status(py, self.sample.status)
    }

    /// Good, uncertain or bad.
    #[getter]
    fn quality(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        status(py, self.sample.status)?.getattr(py, "quality")
    }

    /// Whether the quality is good.
    #[getter]
    fn is_good(&self) -> bool {
        self.sample.status.is_good()
    }

    /// When the value was true at its source, in UTC; `None` when the server did not say.
    #[getter]
    fn source_time(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        convert::time_to_py(py, self.sample.source_time)
    }

    /// When the server last confirmed the value, in UTC; `None` when the server did not say.
    #[getter]
    fn server_time(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        convert::time_to_py(py, self.sample.server_time)
    }

    /// The type of the value as the configuration names it, such as `f32` or `i16[3]`; `None` where there is none.
    #[getter]
    fn data_type(&self) -> Option<String> {
        self.sample.value.value_type().map(|value_type| value_type.to_string())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = other.py();
        let Ok(other) = other.cast::<Self>() else { return Ok(false) };
        let other = other.get();
        if self.name() != other.name() || self.sample != other.sample {
            return Ok(false);
        }
        match (&self.foreign, &other.foreign) {
            (Some(one), Some(another)) => one.bind(py).eq(another),
            (one, another) => Ok(one.is_none() && another.is_none()),
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let value = self.value(py)?.bind(py).repr()?.to_string();
        let time = self.sample.source_time;
        let time = if time == Timestamp::NONE { "None".to_owned() } else { time.to_string() };
        let status = StatusName::plain(self.sample.status);
        Ok(format!("Sample(tag={:?}, value={value}, status={status}, source_time={time})", self.name()))
    }
}

/// A status code as `tagwire.Status`.
pub(crate) fn status(py: Python<'_>, status: Status) -> PyResult<Py<PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class =
        CLASS.get_or_try_init(py, || Ok::<_, PyErr>(py.import("tagwire._types")?.getattr("Status")?.unbind()))?;
    class.call1(py, (status.0,))
}
