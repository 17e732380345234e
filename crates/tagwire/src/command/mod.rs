//! One file per command.

mod check;

use std::io::{self, Write as _};

use clap::CommandFactory as _;

use crate::args::{Args, Command};
use crate::failure::Failure;

/// Runs what was typed.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Check(args) => check::run(&args),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "tagwire", &mut text);
            Ok(io::stdout().write_all(&text)?)
        }
        _ => todo!(),
    }
}
