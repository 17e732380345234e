//! An operation on its way.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyCFunction;

use crate::fault::Fault;
use crate::{exit, runtime};

/// Time between two looks for Ctrl-C.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(100);

type Outcome = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;
type Work = Pin<Box<dyn Future<Output = Result<Outcome, Fault>> + Send>>;

/// An operation on its way: `wait()` blocks the thread, `await` does not block the event loop. Once only.
#[pyclass(frozen, module = "tagwire._native")]
pub(crate) struct Pending {
    work: Mutex<Option<Work>>,
}

impl Pending {
    /// An operation whose result becomes a Python object.
    pub(crate) fn new<T>(work: impl Future<Output = Result<T, Fault>> + Send + 'static) -> Self
    where
        T: for<'py> IntoPyObjectExt<'py> + Send + 'static,
    {
        Self::converted(work, |py, value| value.into_py_any(py))
    }

    /// An operation whose result becomes a Python object in its own way.
    pub(crate) fn converted<T: Send + 'static>(
        work: impl Future<Output = Result<T, Fault>> + Send + 'static,
        convert: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> Self {
        let work = async move {
            let value = work.await?;
            let outcome: Outcome = Box::new(move |py| convert(py, value));
            Ok(outcome)
        };
        Self { work: Mutex::new(Some(Box::pin(work))) }
    }

    fn take(&self) -> PyResult<Work> {
        self.work.lock().take().ok_or_else(|| PyRuntimeError::new_err("operation was waited for already"))
    }
}

#[pymethods]
impl Pending {
    /// Waits for the result; Ctrl-C ends the waiting, and the operation.
    fn wait(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let mut work = self.take()?;
        let owned = runtime::current()?;
        let mut wait = || {
            let waited = owned.runtime().block_on(async { tokio::time::timeout(SIGNAL_INTERVAL, &mut work).await });
            exit::hold_others();
            waited.ok()
        };
        let mut outcome = py.detach(&mut wait);
        while outcome.is_none() {
            if is_main_thread(py)? {
                py.check_signals()?;
                outcome = py.detach(&mut wait);
            } else {
                // Signals are the main thread's, so that this one needs the interpreter only for the result.
                outcome = Some(py.detach(|| {
                    loop {
                        if let Some(outcome) = wait() {
                            return outcome;
                        }
                    }
                }));
            }
        }
        match outcome {
            Some(outcome) => finish(py, outcome),
            None => Err(PyRuntimeError::new_err("operation gave no result")),
        }
    }

    fn __await__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let work = self.take()?;
        let event_loop = py.import("asyncio")?.call_method0("get_running_loop")?;
        let future = event_loop.call_method0("create_future")?;
        let (loop_ref, future_ref) = (event_loop.unbind(), future.clone().unbind());
        let task = runtime::current()?.runtime().spawn(async move {
            let outcome = work.await;
            // Waiting for the interpreter must not hold up the connections that the runtime drives.
            let delivering = tokio::task::spawn_blocking(move || {
                exit::attach(|py| {
                    deliver_soon(py, &loop_ref, &future_ref, outcome);
                    drop((loop_ref, future_ref));
                });
            });
            let _ = delivering.await;
        });
        let handle = task.abort_handle();
        let on_done = PyCFunction::new_closure(py, None, None, move |args, _| -> PyResult<()> {
            if args.get_item(0)?.call_method0("cancelled")?.is_truthy()? {
                handle.abort();
            }
            Ok(())
        })?;
        future.call_method1("add_done_callback", (on_done,))?;
        future.call_method0("__await__")
    }
}

fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import("threading")?;
    let own: u64 = threading.call_method0("get_ident")?.extract()?;
    let main: Option<u64> = threading.call_method0("main_thread")?.getattr("ident")?.extract()?;
    Ok(main == Some(own))
}

fn finish(py: Python<'_>, outcome: Result<Outcome, Fault>) -> PyResult<Py<PyAny>> {
    match outcome {
        Ok(outcome) => outcome(py),
        Err(fault) => Err(fault.into_exception(py)),
    }
}

/// Hands the result to the event loop's thread.
fn deliver_soon(py: Python<'_>, event_loop: &Py<PyAny>, future: &Py<PyAny>, outcome: Result<Outcome, Fault>) {
    let (is_good, value) = match finish(py, outcome) {
        Ok(value) => (true, value),
        Err(error) => (false, error.into_value(py).into_any()),
    };
    let scheduled = wrap_pyfunction!(deliver, py)
        .and_then(|deliver| event_loop.call_method1(py, "call_soon_threadsafe", (deliver, future, is_good, value)));
    // The loop was closed in the meantime, so that nobody waits.
    drop(scheduled);
}

#[pyfunction]
fn deliver(future: &Bound<'_, PyAny>, is_good: bool, value: Py<PyAny>) -> PyResult<()> {
    if !future.call_method0("done")?.is_truthy()? {
        future.call_method1(if is_good { "set_result" } else { "set_exception" }, (value,))?;
    }
    Ok(())
}
