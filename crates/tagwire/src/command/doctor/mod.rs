//! `tagwire doctor`: what is wrong with this installation, or with the way to a server, and what to do about it.
//!
//! - `report`: one line per check.
//! - `own`: this installation, from the configuration to the port.
//! - `certificate`, `trust`: its certificate and its trust lists.
//! - `peer`: the way to a server step by step, and trust in both directions.
//! - `clock`: the clock of this machine, and how far another one is off.

mod certificate;
mod clock;
mod own;
mod peer;
mod report;
mod trust;

use crate::args::DoctorArgs;
use crate::client::block_on;
use crate::failure::Failure;
use report::Report;

pub(crate) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let mut report = Report::new(args.json);
    match &args.url {
        Some(url) => block_on(peer::examine(url, args, &mut report))?,
        None => own::examine(&args.config, &mut report)?,
    }
    report.finish()
}
