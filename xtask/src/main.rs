//! The project's own commands: `cargo xtask <command>`.
//!
//! - [`check`]: formatting, lints, the tidy tests, licences.
//! - [`test`]: everything that proves the product, peers included; CI runs this and nothing else.
//! - [`bench`]: the figures of `docs/benchmarks.md`, side by side with two other servers.
//! - [`fuzz`] and [`soak`]: the long runs.
//! - [`wheel`]: the Python distributions.
//! - [`new_driver`]: a crate for a new protocol, ready to compile.

#![allow(clippy::print_stdout, reason = "a command line tool prints")]

mod bench;
mod check;
mod fuzz;
mod loadgen;
mod new_driver;
mod peers;
mod process;
mod soak;
mod tally;
mod test;
mod wheel;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  check                     formatting, lints, tidy tests, licences (when cargo-deny is installed)
  test [--sql] [--only PART] [-- ARGS]
                            all tests; PART is one of check, units, product; ARGS go to pytest; with --sql those of
                            history query, too, whose engine takes a quarter of an hour to build
  soak [--server-seeds N] [--seeds N]
                            the server fuzzer on a simulated clock, 100,000 seeds when not told otherwise, and the fault
                            suite in real time, 500 seeds; 0 leaves one out
  soak history [--seeds N]  the history store over simulated power cuts, 2,500 seeds when not told otherwise
  soak kills [--rounds N]   the historian killed under load, 200 times when not told otherwise
  soak mutations            a million spoilt requests over real connections; another number with --messages N
  soak abuse                every abuse test in full, which takes hours; the tests alone run a part of each loop
  bench [--quick] [--only services|secured|modbus|enip|s7|upstream|guarded]
                            figures beside open62541 and async-opcua; rewrites docs/benchmarks.md unless told only a part
  bench history [--quick]   the history store beside redb, SQLite and DuckDB; rewrites docs/benchmarks-history.md unless quick
  bench python              the Python package beside asyncua and python-opcua; rewrites docs/benchmarks-python.md
  fuzz [--seconds N] [TARGET ...]
                            every decoder, 60 seconds each when not told otherwise (needs cargo-fuzz and nightly)
  peers                     install the test peers and stop
  wheel                     the three Python distributions, below target/wheels
  gen                       regenerate reference pages and the JSON schema
  new-driver NAME           a new driver crate in the shape of tagwire-sim
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rest = args.get(1..).unwrap_or_default();
    let outcome = match args.first().map(String::as_str) {
        Some("check") => check::run(),
        Some("test") => test::run(rest),
        Some("soak") => soak::run(rest),
        Some("bench") => bench::run(rest),
        Some("fuzz") => fuzz::run(rest),
        Some("peers") => peers::install().map(|_| ()),
        Some("wheel") => wheel::build(),
        Some("gen") => test::generate(),
        Some("new-driver") => new_driver::run(rest),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
