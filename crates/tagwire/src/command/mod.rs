//! One file per command.

mod audit;
mod browse;
mod ca;
mod check;
mod control;
mod controller;
mod demo;
mod device;
mod doctor;
mod explain;
mod explain_enip;
mod explain_pccc;
mod explain_s7;
mod history;
mod import;
mod read;
mod serve;
mod sim;
mod trust;
mod upstream;
mod user;
mod watch;
mod write;

use std::io::{self, Write as _};

use clap::CommandFactory as _;

use crate::args::{Args, Command};
use crate::failure::Failure;

/// Runs what was typed.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Plan(args) => control::plan(&args),
        Command::Reload(args) => control::reload(&args),
        Command::Status(args) => control::status(&args),
        Command::Trace(args) => control::trace(&args),
        Command::Read(args) => read::run(&args),
        Command::Write(args) => write::run(&args),
        Command::Browse(args) => browse::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Import(command) => import::run(&command),
        Command::Sim(command) => sim::run(&command),
        Command::Trust(command) => trust::run(&command),
        Command::Ca(command) => ca::run(&command),
        Command::User(command) => user::run(&command),
        Command::Audit(command) => audit::run(&command),
        Command::History(command) => history::run(&command),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "tagwire", &mut text);
            Ok(io::stdout().write_all(&text)?)
        }
    }
}
