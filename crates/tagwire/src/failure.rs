//! What goes wrong, told so that a person can act on it and a script can tell it apart.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::terminal::shown;

/// Exit codes; part of the command's interface and documented in its help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// The operation failed, or a status is bad.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The configuration is invalid.
    Config = 3,
    /// There is no server to talk to.
    Connect = 4,
    /// The server refused the log-in or the certificate.
    Refused = 5,
    /// The changes were taken over, but a part of them counts only after a restart.
    Restart = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The end of a command that did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What happened; empty when everything was said already.
    pub(crate) message: String,
    /// What to do about it; may be empty.
    pub(crate) hint: String,
    is_closed_pipe: bool,
}

impl Failure {
    /// Whether the reader of standard output went away.
    pub(crate) const fn is_closed_pipe(&self) -> bool {
        self.is_closed_pipe
    }

    pub(crate) fn new(exit: Exit, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: hint.into(), is_closed_pipe: false }
    }

    /// A failure whose reason is on the screen already.
    pub(crate) const fn silent(exit: Exit) -> Self {
        Self { exit, message: String::new(), hint: String::new(), is_closed_pipe: false }
    }

    /// Writes the failure to standard error.
    pub(crate) fn print(&self) {
        let mut out = io::stderr().lock();
        if !self.message.is_empty() {
            let _ = writeln!(out, "tagwire: {self}");
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a server or a file says may hold characters that steer the terminal; the lines are ours.
        let lines = |text: &str, indent: &str| text.split('\n').map(shown).collect::<Vec<_>>().join(indent);
        f.write_str(&lines(&self.message, "\n"))?;
        if !self.hint.is_empty() {
            write!(f, "\n    {}", lines(&self.hint, "\n    "))?;
        }
        Ok(())
    }
}

/// Writing to standard output fails when its reader went away, as `head` does; that ends the command quietly.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self { is_closed_pipe: true, ..Self::silent(Exit::Failed) }
        } else {
            Self::new(Exit::Failed, error.to_string(), "")
        }
    }
}
