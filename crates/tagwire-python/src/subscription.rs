//! Changes and events as they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyList;
use tagwire_model::Status;
use tagwire_ua_client::{Change, Event, Subscription as Feed};
use tokio::sync::{Mutex, watch};

use crate::convert::{self, Tags};
use crate::fault::Fault;
use crate::pending::Pending;
use crate::runtime;
use crate::sample::{self, Sample};

/// The part that changes and events have in common.
struct Shared<T: Send + 'static> {
    feed: Mutex<Option<Feed<T>>>,
    is_closed: watch::Sender<bool>,
    n_lost: AtomicU64,
    pid: u32,
}

impl<T: Send + 'static> Shared<T> {
    fn new(feed: Feed<T>) -> Arc<Self> {
        Arc::new(Self {
            feed: Mutex::new(Some(feed)),
            is_closed: watch::Sender::new(false),
            n_lost: AtomicU64::new(0),
            pid: std::process::id(),
        })
    }

    /// What has come, `None` when nothing comes any more; nothing after the time is up.
    async fn next(&self, max: usize, timeout: Option<Duration>) -> Result<Option<Vec<T>>, Fault> {
        let mut closed = self.is_closed.subscribe();
        let mut guard = self.feed.lock().await;
        let Some(feed) = guard.as_mut() else { return Ok(None) };
        let mut found = Vec::new();
        let taking = async {
            tokio::select! {
                n = feed.next_many(&mut found, max.max(1)) => n > 0,
                _ = closed.wait_for(|is_closed| *is_closed) => false,
            }
        };
        let is_open = match timeout {
            Some(timeout) => tokio::time::timeout(timeout, taking).await.unwrap_or(true),
            None => taking.await,
        };
        self.n_lost.store(feed.n_lost(), Ordering::Relaxed);
        if let Some(status) = feed.ended().filter(|_| found.is_empty()) {
            return Err(tagwire_ua_client::Error::Lost(tagwire_ua_client::StatusName(status)).into());
        }
        Ok(is_open.then_some(found))
    }

    async fn close(&self) -> Result<(), Fault> {
        self.is_closed.send_replace(true);
        let feed = self.feed.lock().await.take();
        match feed {
            // A server that is gone has no subscription to end.
            Some(feed) => feed.close().await.or(Ok(())),
            None => Ok(()),
        }
    }
}

impl<T: Send + 'static> Drop for Shared<T> {
    fn drop(&mut self) {
        let feed = self.feed.get_mut().take();
        if self.pid != std::process::id() {
            // The connection belongs to the parent.
            std::mem::forget(feed);
        } else if let Ok(owned) = runtime::current() {
            let _guard = owned.runtime().enter();
            drop(feed);
        }
    }
}

fn duration(seconds: Option<f64>) -> Result<Option<Duration>, Fault> {
    let wrong = |_| Fault::usage("a time is a number of seconds, 0 or more");
    seconds.map(|seconds| Duration::try_from_secs_f64(seconds).map_err(wrong)).transpose()
}

/// Changes of a list of tags.
#[pyclass(frozen, module = "tagwire._native")]
pub(crate) struct Subscription {
    shared: Arc<Shared<Change>>,
    tags: Tags,
    results: Vec<Status>,
}

impl Subscription {
    pub(crate) fn new(feed: Feed<Change>, tags: Tags) -> Self {
        let results = feed.results().to_vec();
        Self { shared: Shared::new(feed), tags, results }
    }
}

#[pymethods]
impl Subscription {
    /// The changes that have come, `max` at most; an empty list after `timeout` seconds without one, `None` at the end.
    #[pyo3(signature = (max, timeout=None))]
    fn next(&self, max: usize, timeout: Option<f64>) -> PyResult<Pending> {
        let (shared, tags) = (Arc::clone(&self.shared), Arc::clone(&self.tags));
        let work = async move { shared.next(max, duration(timeout)?).await };
        Ok(Pending::converted(work, move |py, found| {
            let Some(found) = found else { return Ok(py.None()) };
            let list = PyList::empty(py);
            for change in found {
                list.append(Sample::new(Arc::clone(&tags), change.index, change.sample))?;
            }
            list.into_py_any(py)
        }))
    }

    /// Whether each tag is watched.
    #[getter]
    fn results(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        self.results.iter().map(|status| sample::status(py, *status)).collect()
    }

    /// Changes that were dropped because nobody took them in time.
    #[getter]
    fn n_lost(&self) -> u64 {
        self.shared.n_lost.load(Ordering::Relaxed)
    }

    fn close(&self) -> Pending {
        let shared = Arc::clone(&self.shared);
        Pending::new(async move { shared.close().await })
    }
}

/// Events of one node.
#[pyclass(frozen, module = "tagwire._native")]
pub(crate) struct EventStream {
    shared: Arc<Shared<Event>>,
    result: Status,
}

impl EventStream {
    pub(crate) fn new(feed: Feed<Event>) -> Self {
        let result = feed.results().first().copied().unwrap_or(Status::GOOD);
        Self { shared: Shared::new(feed), result }
    }
}

#[pymethods]
impl EventStream {
    /// The events that have come as lists of fields, `max` at most; an empty list after `timeout` seconds without one,
    /// `None` at the end.
    #[pyo3(signature = (max, timeout=None))]
    fn next(&self, max: usize, timeout: Option<f64>) -> PyResult<Pending> {
        let shared = Arc::clone(&self.shared);
        let work = async move { shared.next(max, duration(timeout)?).await };
        Ok(Pending::converted(work, move |py, found| {
            let Some(found) = found else { return Ok(py.None()) };
            let list = PyList::empty(py);
            for event in found {
                let fields = event.fields.iter().map(|field| convert::to_py(py, field));
                list.append(PyList::new(py, fields.collect::<PyResult<Vec<_>>>()?)?)?;
            }
            list.into_py_any(py)
        }))
    }

    /// Whether the node tells events.
    #[getter]
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        sample::status(py, self.result)
    }

    /// Events that were dropped because nobody took them in time.
    #[getter]
    fn n_lost(&self) -> u64 {
        self.shared.n_lost.load(Ordering::Relaxed)
    }

    fn close(&self) -> Pending {
        let shared = Arc::clone(&self.shared);
        Pending::new(async move { shared.close().await })
    }
}
