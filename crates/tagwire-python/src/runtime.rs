//! The runtime of the process, made anew after a fork.

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::runtime::{Builder, Runtime};

use crate::exit;

/// Threads that drive connections; a synchronous call does its own work in the caller's thread.
const N_THREADS: usize = 2;

static CURRENT: ArcSwapOption<Owned> = ArcSwapOption::const_empty();

/// A runtime, and the process whose threads it has.
pub(crate) struct Owned {
    pid: u32,
    runtime: Runtime,
}

impl Owned {
    pub(crate) const fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

/// The runtime of this process, started when there is none yet.
pub(crate) fn current() -> io::Result<Arc<Owned>> {
    let pid = std::process::id();
    let seen = CURRENT.load_full();
    if let Some(owned) = &seen
        && owned.pid == pid
    {
        return Ok(Arc::clone(owned));
    }
    let runtime = Builder::new_multi_thread().worker_threads(N_THREADS).thread_name("tagwire").enable_all().build()?;
    let made = Arc::new(Owned { pid, runtime });
    let before = CURRENT.compare_and_swap(&seen, Some(Arc::clone(&made)));
    if let Some(other) = before.as_ref()
        && other.pid == pid
    {
        // Another thread was faster.
        return Ok(Arc::clone(other));
    }
    // The runtime of the parent has no threads here, so that ending it would wait for ever.
    if seen.is_some() {
        exit::forget_parent();
    }
    std::mem::forget(seen);
    Ok(made)
}
