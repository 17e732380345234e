//! `cargo xtask soak`: the fault suite in real time over many seeds, or a million spoilt requests.

use anyhow::{Context as _, Result, bail};

use crate::peers;
use crate::process::cargo;
use crate::test::{product, run_product};

/// Spoilt requests of one batch.
const MESSAGES_PER_BATCH: u64 = 100_000;

/// Runs the fault suite with the number of seeds asked for, or the spoilt requests.
pub(crate) fn run(args: &[String]) -> Result<()> {
    match args {
        [] => faults(500),
        [flag, n] if flag == "--seeds" => faults(n.parse().context("--seeds takes a number")?),
        [word] if word == "mutations" => mutations(1_000_000),
        [word, flag, n] if word == "mutations" && flag == "--messages" => {
            mutations(n.parse().context("--messages takes a number")?)
        }
        _ => bail!("usage: cargo xtask soak [--seeds N] | cargo xtask soak mutations [--messages N]"),
    }
}

fn faults(seeds: u32) -> Result<()> {
    suite(&["-m", "fault_suite", "--fault-seeds", &seeds.to_string()], &[])
}

fn mutations(messages: u64) -> Result<()> {
    crate::process::run(&mut cargo(&["build", "--quiet", "--profile", "ci", "--package", "tagwire-tests"]))?;
    let (batches, each) = (messages.div_ceil(MESSAGES_PER_BATCH), messages.min(MESSAGES_PER_BATCH));
    let environment = [("TAGWIRE_ABUSE_BATCHES", batches.to_string()), ("TAGWIRE_ABUSE_MESSAGES", each.to_string())];
    suite(&["-k", "test_spoilt_requests_do_no_harm"], &environment)
}

/// Runs some of the whole-product tests against a release.
fn suite(choice: &[&str], environment: &[(&str, String)]) -> Result<()> {
    let peers = peers::install()?;
    let pytest: Vec<String> = choice.iter().chain(&["--numprocesses=0", "-s"]).map(ToString::to_string).collect();
    let tally = run_product(&peers, &product("release")?, &pytest, environment)?;
    println!("{tally}");
    if tally.failed > 0 {
        bail!("the soak failed");
    }
    Ok(())
}
