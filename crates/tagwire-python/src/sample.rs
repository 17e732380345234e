//! Samples, and the types of `tagwire` that describe them.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use tagwire_model::{Status, Timestamp};
use tagwire_ua_client::StatusName;

use crate::convert::{self, Tags};

/// A value with its quality and its times.
#[pyclass(frozen, module = "tagwire")]
pub(crate) struct Sample {
    tags: Tags,
    idx: usize,
    sample: tagwire_model::Sample,
}

impl Sample {
    pub(crate) const fn new(tags: Tags, idx: usize, sample: tagwire_model::Sample) -> Self {
        Self { tags, idx, sample }
    }

    fn name(&self) -> &str {
        self.tags.get(self.idx).map_or("", String::as_str)
    }
}

#[pymethods]
impl Sample {
    /// The name as it was asked for.
    #[getter]
    fn tag(&self) -> &str {
        self.name()
    }

    /// The value; `None` where there is none.
    #[getter]
    fn value(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        convert::to_py(py, &self.sample.value)
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

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| {
            let other = other.get();
            self.name() == other.name() && self.sample == other.sample
        })
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
