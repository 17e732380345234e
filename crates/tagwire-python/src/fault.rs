//! What went wrong, as the exceptions of `tagwire.errors`.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tagwire_access::Reason;
use tagwire_model::Status;
use tagwire_ua_client::Error;

/// A failed operation, before the interpreter is at hand to make an exception of it.
#[derive(Debug)]
pub(crate) enum Fault {
    /// An exception of the package.
    Named {
        /// The name of the class in `tagwire.errors`.
        class: &'static str,
        /// What happened, and what to do about it.
        message: String,
        /// The status code behind it.
        status: Option<Status>,
        /// The certificate that is not trusted.
        fingerprint: Option<String>,
    },
    /// An exception that Python code raised.
    Raised(PyErr),
}

impl Fault {
    /// The caller asked for something that makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Named { class: "UsageError", message: message.into(), status: None, fingerprint: None }
    }

    /// The client was closed.
    pub(crate) fn closed() -> Self {
        Self::Named { class: "ClosedError", message: "client is closed".to_owned(), status: None, fingerprint: None }
    }

    pub(crate) fn into_exception(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Raised(error) => error,
            Self::Named { class, message, status, fingerprint } => {
                exception(py, class, &message, status, fingerprint).unwrap_or_else(|error| error)
            }
        }
    }
}

fn exception(
    py: Python<'_>,
    class: &str,
    message: &str,
    status: Option<Status>,
    fingerprint: Option<String>,
) -> PyResult<PyErr> {
    let named = PyDict::new(py);
    named.set_item("status", status.map(|status| status.0))?;
    if let Some(fingerprint) = fingerprint {
        named.set_item("fingerprint", fingerprint)?;
    }
    let made = py.import("tagwire.errors")?.getattr(class)?.call((message,), Some(&named))?;
    Ok(PyErr::from_value(made))
}

impl From<PyErr> for Fault {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Raised(PyRuntimeError::new_err(format!("cannot start threads: {error}")))
    }
}

impl From<tagwire_ua_client::NodeIdError> for Fault {
    fn from(error: tagwire_ua_client::NodeIdError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let status = error.status();
        let mut message = error.to_string();
        let mut fingerprint = None;
        let (class, hint) = match &error {
            Error::Url(_) | Error::NodeId(_) | Error::Value { .. } | Error::Fraction { .. } | Error::Options(_) => {
                ("UsageError", String::new())
            }
            Error::NoEndpoint(offers) if offers.ends_with("offers no endpoint") => {
                ("ConnectError", "a server that starts for the first time makes its key first; try again".to_owned())
            }
            Error::NoEndpoint(_) => (
                "AccessError",
                "security=\"none\" or security=\"auto\", user= and password= choose among what it offers".to_owned(),
            ),
            Error::Own(_) | Error::File(_) => ("UsageError", String::new()),
            Error::Unreachable { .. } => ("ConnectError", "is the server running, and is this its address?".to_owned()),
            Error::Timeout { .. } => ("TimeoutError", "timeout= waits longer".to_owned()),
            Error::Lost(_) => ("ConnectError", String::new()),
            Error::Untrusted(refusal) => {
                fingerprint = refusal.fingerprint.map(|fingerprint| fingerprint.to_string());
                let shown = fingerprint.as_deref().unwrap_or("unknown");
                message = format!("{message} (fingerprint {shown})");
                let hint = if refusal.reason == Reason::Untrusted {
                    "compare the fingerprint with the one that the server prints at its start; when they are equal, \
                     connect with trust=True once"
                } else {
                    "the certificate must be made anew on the server"
                };
                ("TrustError", hint.to_owned())
            }
            Error::Distrusted { fingerprint: own, .. } => {
                fingerprint = Some(own.clone());
                ("TrustError", format!("its operator accepts it with: tagwire trust accept {own}"))
            }
            Error::Refused { what: "CreateSession" | "ActivateSession", .. } => {
                ("AccessError", "check user= and password=".to_owned())
            }
            Error::Refused { .. } => ("RefusedError", String::new()),
            Error::Peer(_) => ("PeerError", String::new()),
        };
        if !hint.is_empty() {
            message = format!("{message}; {hint}");
        }
        Self::Named { class, message, status, fingerprint }
    }
}
