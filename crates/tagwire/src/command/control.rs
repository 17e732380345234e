//! Commands that a running server carries out: plan, reload, status, trace.

use std::io::{self, Write as _};
use std::path::Path;

use serde_json::{Value, json};
use tagwire_gateway::config::{Config, counted};
use tagwire_gateway::control::{Answer, ControlClient, ControlError, Request};
use tagwire_gateway::drivers::DRIVERS;

use crate::args::{ConfigArgs, TraceArgs};
use crate::failure::{Exit, Failure};
use crate::terminal::shown;

pub(crate) fn plan(args: &ConfigArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    match ask(&config, &Request::Plan {}) {
        Err(failure) if failure.exit == Exit::Connect => {
            let n_tags = config.n_tags();
            let mut out = io::stdout().lock();
            if args.json {
                return Ok(writeln!(out, "{}", json!({ "running": false, "tags": n_tags }))?);
            }
            let text = "no server runs with this configuration; a start would make";
            Ok(writeln!(out, "{text} {} and {}", counted(config.links.len(), "link"), counted(n_tags, "tag"))?)
        }
        answer => show(&answer?, args.json),
    }
}

pub(crate) fn reload(args: &ConfigArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let answer = ask(&config, &Request::Reload {})?;
    show(&answer, args.json)?;
    let waiting: Vec<&str> =
        answer.answer["needs_restart"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if waiting.is_empty() {
        return Ok(());
    }
    let message = format!("a part of the changes counts only after a restart of the server: {}", waiting.join(", "));
    Err(Failure::new(Exit::Restart, message, "all other changes count now"))
}

pub(crate) fn status(args: &ConfigArgs) -> Result<(), Failure> {
    show(&ask_server(&Config::data_dir_of(&args.config), &Request::Status {})?, args.json)
}

pub(crate) fn trace(args: &TraceArgs) -> Result<(), Failure> {
    let request = Request::Trace { link: args.link.clone(), on: args.switch == "on" };
    show(&ask_server(&Config::data_dir_of(&args.config.config), &request)?, args.config.json)
}

/// The configuration, or every mistake in it on the screen.
pub(crate) fn load(path: &Path) -> Result<Config, Failure> {
    Config::load(path, DRIVERS).map_err(|problems| {
        let _ = writeln!(io::stderr().lock(), "{problems}");
        Failure::silent(Exit::Config)
    })
}

/// Asks the server that owns the data folder of the configuration.
pub(crate) fn ask(config: &Config, request: &Request) -> Result<Answer, Failure> {
    ask_server(&config.data_dir(), request)
}

/// The number of the user who types the command.
pub(crate) fn own_uid() -> Option<u32> {
    Some(rustix::process::getuid().as_raw())
}

/// Asks the server that owns a data folder, whatever its file says by now.
pub(crate) fn ask_server(data_dir: &Path, request: &Request) -> Result<Answer, Failure> {
    let mut client = ControlClient::connect(data_dir).map_err(|error| unreachable_server(&error))?;
    let answer = client.ask(request).map_err(|error| unreachable_server(&error))?;
    if answer.ok { Ok(answer) } else { Err(Failure::new(Exit::Failed, answer.error, answer.fix)) }
}

pub(crate) fn unreachable_server(error: &ControlError) -> Failure {
    let hint = match error {
        ControlError::NotRunning(_) => "start one with: tagwire serve --config FILE",
        ControlError::Denied(_) => "run this command as the user that runs the server",
        _ => "",
    };
    Failure::new(Exit::Connect, error.to_string(), hint)
}

/// Prints what the server has to say: its text, or all of it as JSON.
pub(crate) fn show(answer: &Answer, as_json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match &answer.answer {
        Value::Object(fields) if !as_json => match fields.get("text") {
            Some(Value::String(text)) => {
                let lines: Vec<_> = text.split('\n').map(shown).collect();
                Ok(writeln!(out, "{}", lines.join("\n"))?)
            }
            _ => Ok(writeln!(out, "{}", answer.answer)?),
        },
        Value::Null if !as_json => Ok(writeln!(out, "done")?),
        other => Ok(writeln!(out, "{other}")?),
    }
}
