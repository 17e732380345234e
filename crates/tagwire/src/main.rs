//! The command `tagwire`: an OPC server in one program, and the tools to look at one.
//!
//! - `args`: what can be typed.
//! - `command`: one file per command.
//! - `failure`: what goes wrong, with exit codes.
//! - `terminal`: size, colours, live tables, sparklines.

mod args;
mod command;
mod failure;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match command::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit.into()
        }
    }
}
