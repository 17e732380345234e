//! The log: text for people or one JSON object per line, to standard error.

use std::io;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};

/// Starts the log of this process; a second call changes nothing. A filter that is not understood counts as `info`.
pub fn start(log: &Log) {
    let filter = filter(&log.level);
    let registry = tracing_subscriber::registry().with(filter);
    let is_terminal = io::IsTerminal::is_terminal(&io::stderr());
    let started = match log.format {
        LogFormat::Text => registry
            .with(tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(is_terminal).with_target(false))
            .try_init(),
        LogFormat::Json => registry.with(tracing_subscriber::fmt::layer().json().with_writer(io::stderr)).try_init(),
    };
    if started.is_err() {
        tracing::debug!("the log was started already");
    }
}

/// The filter of a level or of several targets; the libraries below speak only when something is wrong.
fn filter(text: &str) -> Targets {
    let asked: Targets = text.parse().unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    let mut filter = asked.clone();
    for library in ["opcua", "opcua_client", "opcua_core", "opcua_crypto"] {
        let is_named = text.contains(library);
        if !is_named {
            filter = filter.with_target(library, tracing::Level::ERROR);
        }
    }
    // What a person switches on for one link must be seen whatever the level.
    filter.with_target("tagwire::trace", tracing::Level::INFO)
}
