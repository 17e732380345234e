//! The end of the interpreter, after which no thread may touch it.
//!
//! A thread that asks for the interpreter while it ends is ended by it, from within, and takes the process along. So
//! threads of ours are kept away from it from the moment on at which the exit functions run.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// Longest wait for results that are being delivered.
const PATIENCE: Duration = Duration::from_secs(2);
/// Time between two looks whether they are.
const STEP: Duration = Duration::from_millis(1);

static IS_ENDING: AtomicBool = AtomicBool::new(false);
static N_ATTACHED: AtomicUsize = AtomicUsize::new(0);
/// The thread that ends the interpreter, and goes on using it.
static LAST: OnceLock<ThreadId> = OnceLock::new();

/// Runs something with the interpreter, unless it ends.
pub(crate) fn attach<T>(run: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    N_ATTACHED.fetch_add(1, Ordering::SeqCst);
    let outcome = if IS_ENDING.load(Ordering::SeqCst) { None } else { Python::try_attach(run) };
    N_ATTACHED.fetch_sub(1, Ordering::SeqCst);
    outcome
}

/// Holds the caller for ever when the interpreter ends, as it does with all threads that nobody waits for.
pub(crate) fn hold_others() {
    while IS_ENDING.load(Ordering::SeqCst) && LAST.get() != Some(&thread::current().id()) {
        thread::park();
    }
}

/// What is counted belongs to threads that a forked child does not have.
pub(crate) fn forget_parent() {
    N_ATTACHED.store(0, Ordering::SeqCst);
}

/// Called when the interpreter begins to end.
#[pyfunction]
pub(crate) fn shut_down(py: Python<'_>) {
    let _ = LAST.set(thread::current().id());
    IS_ENDING.store(true, Ordering::SeqCst);
    py.detach(|| {
        let begun = Instant::now();
        while N_ATTACHED.load(Ordering::SeqCst) > 0 && begun.elapsed() < PATIENCE {
            thread::sleep(STEP);
        }
    });
}
