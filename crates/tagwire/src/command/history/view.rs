//! The history as it is now, for commands that read much of it: through the server that runs, or from its files.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tagwire_gateway::config::Config;
use tagwire_gateway::control::{ControlClient, ControlError, Request};
use tagwire_gateway::{clear_views, view_of_command};
use tagwire_history::{FrozenHistory, Moment, freeze_folder};
use tagwire_table::TableError;
use tagwire_ua_client::now;

use super::{disk, folder_of, refused};
use crate::args::ConfigArgs;
use crate::command::control::unreachable_server;
use crate::failure::{Exit, Failure};
use crate::terminal::shown;

/// This moment; nothing that commands do with a store has to wait for the steady clock.
pub(super) fn moment() -> Moment {
    Moment { steady: Duration::ZERO, utc: now() }
}

/// A connection to the server that owns the data folder; nothing when none runs.
pub(super) fn server(config: &ConfigArgs) -> Result<Option<ControlClient>, Failure> {
    match ControlClient::connect(&Config::data_dir_of(&config.config)) {
        Ok(client) => Ok(Some(client)),
        Err(ControlError::NotRunning(_)) => Ok(None),
        Err(error) => Err(unreachable_server(&error)),
    }
}

/// Asks a server; what it refuses is a failure.
pub(super) fn ask(client: &mut ControlClient, request: &Request) -> Result<Value, Failure> {
    let answer = client.ask(request).map_err(|error| unreachable_server(&error))?;
    if answer.ok { Ok(answer.answer) } else { Err(Failure::new(Exit::Failed, answer.error, answer.fix)) }
}

/// The history as it is now.
pub(super) fn open(config: &ConfigArgs) -> Result<FrozenHistory, Failure> {
    let folder = match server(config)? {
        Some(mut client) => {
            let answer = ask(&mut client, &Request::HistoryFreeze {})?;
            let folder = answer.get("folder").and_then(Value::as_str).unwrap_or_default();
            Path::new(folder).to_owned()
        }
        None => {
            let history = folder_of(config)?;
            if !history.is_dir() {
                let hint = "see the folder of the history with: tagwire check --reference";
                return Err(Failure::new(Exit::Failed, format!("there is no history in {}", history.display()), hint));
            }
            clear_views(&history);
            let view = view_of_command(&history);
            freeze_folder(&disk(&history)?, &view).map_err(|error| {
                let _ = fs::remove_dir_all(&view);
                refused(&history, &error)
            })?;
            view
        }
    };
    let frozen = FrozenHistory::open(&folder, moment()).map_err(|error| refused(&folder, &error))?;
    for damage in &frozen.opened().damage {
        eprintln!("damage: {}", shown(&damage.to_string()));
    }
    Ok(frozen)
}

/// A failure with its remedy.
pub(super) fn failed(error: &TableError) -> Failure {
    let hint = match error {
        TableError::Exists(_) => "name another file, or write over it with --overwrite",
        TableError::OtherExport(_) => {
            "go on with the same patterns and times, or remove that file and the one ending in .state, or name another file"
        }
        TableError::Busy(_) => "wait until it is done, or name another file",
        TableError::Format(_) => "name it something.csv or something.parquet",
        TableError::Without(_) => "build it with: cargo build --release -p tagwire --features parquet",
        TableError::NoTag(_) => "see which tags have samples with: tagwire history status --json",
        TableError::Header(_) => "see what a head line may say with: tagwire history import --help",
        _ => "",
    };
    let exit = match error {
        TableError::Format(_) | TableError::Sql(_) => Exit::Usage,
        _ => Exit::Failed,
    };
    Failure::new(exit, error.to_string(), hint)
}
