//! One file per command.

mod check;
mod control;
mod user;

use std::io::{self, Write as _};

use clap::CommandFactory as _;

use crate::args::{Args, Command};
use crate::failure::Failure;

/// Runs what was typed.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Check(args) => check::run(&args),
        Command::Plan(args) => control::plan(&args),
        Command::Reload(args) => control::reload(&args),
        Command::Status(args) => control::status(&args),
        Command::Trace(args) => control::trace(&args),
        Command::User(command) => user::run(&command),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "tagwire", &mut text);
            Ok(io::stdout().write_all(&text)?)
        }
        _ => todo!(),
    }
}
