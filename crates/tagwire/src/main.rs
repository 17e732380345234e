//! The command `tagwire`: an OPC server in one program, and the tools to look at one.
//!
//! - `args`: what can be typed.
//! - `client`: sessions with servers.
//! - `command`: one file per command.
//! - `nearest`: what a name may have meant that the server does not know.
//! - `failure`: what goes wrong, with exit codes.
//! - `terminal`: size, colours, live tables, sparklines.
//! - `view`: the live table of `watch` and `demo`.

mod args;
mod client;
mod command;
mod failure;
mod moment;
mod nearest;
mod plot;
mod terminal;
mod trend;
mod view;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let args = args::Args::parse_from(args::words(std::env::args_os()));
    match command::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit.into()
        }
    }
}
