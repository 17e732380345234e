//! The PyO3 extension.
//!
//! - [`connect`](session::connect), [`Session`]: one session with one server.
//! - [`Pending`]: an operation on its way, waited for by a thread or awaited by an event loop.
//! - [`Sample`], [`Node`], [`Subscription`], [`EventStream`], [`History`]: what operations give.
//!
//! The Python package `tagwire` wraps this module; nobody else imports it. Every operation exists once, as a future
//! that a [`Pending`] holds, so that the synchronous and the asynchronous interface cannot differ.

// What the macros of PyO3 write calls the interpreter's C interface; the code of this crate itself holds none.
#![allow(unsafe_code)]

mod convert;
mod exit;
mod fault;
mod fit;
mod history;
mod named;
mod node;
mod pending;
mod runtime;
mod sample;
mod session;
mod subscription;

use pyo3::prelude::*;
use tagwire_model::Status;
use tagwire_ua_client::{Aggregate, Identity, StatusName};

use crate::history::History;
use crate::node::Node;
use crate::pending::Pending;
use crate::sample::Sample;
use crate::session::Session;
use crate::subscription::{EventStream, Subscription};

/// The name of a status code, such as `BadNodeIdUnknown`.
#[pyfunction]
fn status_name(code: u32) -> String {
    StatusName::plain(Status(code))
}

/// The names of the aggregates that history is summed up by.
#[pyfunction]
fn aggregate_names() -> Vec<&'static str> {
    Aggregate::names().collect()
}

/// The folder of the key and the trust lists of this user.
#[pyfunction]
fn user_folder() -> std::path::PathBuf {
    Identity::user_folder()
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<Pending>()?;
    module.add_class::<Session>()?;
    module.add_class::<Sample>()?;
    module.add_class::<Node>()?;
    module.add_class::<Subscription>()?;
    module.add_class::<EventStream>()?;
    module.add_class::<History>()?;
    module.add_function(wrap_pyfunction!(session::connect, module)?)?;
    module.add_function(wrap_pyfunction!(exit::shut_down, module)?)?;
    let on_exit = module.getattr("shut_down")?;
    module.py().import("atexit")?.call_method1("register", (on_exit,))?;
    module.add_function(wrap_pyfunction!(status_name, module)?)?;
    module.add_function(wrap_pyfunction!(aggregate_names, module)?)?;
    module.add_function(wrap_pyfunction!(user_folder, module)?)?;
    Ok(())
}
