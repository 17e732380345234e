//! `cargo xtask soak`: the fuzzer of the OPC UA server on a simulated clock, then the fault suite in real time, over many
//! seeds; or a million spoilt requests; or every abuse test in full.

use anyhow::{Context as _, Result, bail};

use crate::peers;
use crate::process::{cargo, run as run_command};
use crate::test::{product, run_product};

/// Spoilt requests of one batch.
const MESSAGES_PER_BATCH: u64 = 100_000;
/// Seeds of the fuzzer of the server.
const SERVER_SEEDS: u32 = 100_000;
/// Seeds of the model test of the history store, each with two crashes or so.
const HISTORY_SEEDS: u32 = 2_500;
/// Kills of the historian under load.
const KILLS: u32 = 200;
/// Seeds of the fault suite.
const FAULT_SEEDS: u32 = 500;

/// Runs the fuzzer and the fault suite with the numbers of seeds asked for (none leaves that part out), or the spoilt
/// requests, or the abuse tests in full, or the outages of a database.
pub(crate) fn run(args: &[String]) -> Result<()> {
    match args {
        [word] if word == "mutations" => return mutations(1_000_000),
        [word] if word == "abuse" => return abuse(),
        [word] if word == "postgres" => return postgres(),
        [word] if word == "kills" => return kills(KILLS),
        [word, flag, n] if word == "kills" && flag == "--rounds" => {
            return kills(n.parse().context("--rounds takes a number")?);
        }
        [word] if word == "history" => return history(HISTORY_SEEDS),
        [word, flag, n] if word == "history" && flag == "--seeds" => {
            return history(n.parse().context("--seeds takes a number")?);
        }
        [word, flag, n] if word == "mutations" && flag == "--messages" => {
            return mutations(n.parse().context("--messages takes a number")?);
        }
        _ => {}
    }
    let (mut server_seeds, mut seeds) = (SERVER_SEEDS, FAULT_SEEDS);
    for option in args.chunks(2) {
        match option {
            [flag, n] if flag == "--seeds" => seeds = n.parse().context("--seeds takes a number")?,
            [flag, n] if flag == "--server-seeds" => {
                server_seeds = n.parse().context("--server-seeds takes a number")?;
            }
            _ => bail!(
                "usage: cargo xtask soak [--server-seeds N] [--seeds N] | cargo xtask soak mutations [--messages N] | \
                 cargo xtask soak abuse | cargo xtask soak postgres | cargo xtask soak history [--seeds N] | \
                 cargo xtask soak kills [--rounds N]"
            ),
        }
    }
    if server_seeds > 0 {
        let test = ["test", "--profile", "ci", "--package", "tagwire-ua-server", "--lib", "soak::no_seed", "--"];
        let mut command = cargo(&test);
        command.arg("--nocapture").env("TAGWIRE_SOAK_SEEDS", server_seeds.to_string());
        run_command(&mut command)?;
    }
    if seeds > 0 { faults(seeds) } else { Ok(()) }
}

fn faults(seeds: u32) -> Result<()> {
    suite(&["-m", "fault_suite", "--fault-seeds", &seeds.to_string()], &[])
}

fn history(seeds: u32) -> Result<()> {
    let test = ["test", "--profile", "ci", "--package", "tagwire-history", "--test", "model", "--", "--nocapture"];
    run_command(cargo(&test).env("TAGWIRE_HISTORY_SEEDS", seeds.to_string()))
}

/// Outages of a minute and more between the historian and a database, at 50,000 samples a second.
fn postgres() -> Result<()> {
    let environment = [("TAGWIRE_SOAK_AWAY", "60".to_owned()), ("TAGWIRE_SOAK_TAGS", "1000".to_owned())];
    suite(&["-k", "test_under_load_all_outages", "--timeout", "3600"], &environment)
}

/// Kills a server under load again and again, and looks for what it said was on the disk.
fn kills(rounds: u32) -> Result<()> {
    let environment = [("TAGWIRE_HISTORY_KILLS", rounds.to_string())];
    suite(&["-k", "test_kills_under_load", "--timeout", "7200"], &environment)
}

fn mutations(messages: u64) -> Result<()> {
    run_command(&mut cargo(&["build", "--quiet", "--profile", "ci", "--package", "tagwire-tests"]))?;
    let (batches, each) = (messages.div_ceil(MESSAGES_PER_BATCH), messages.min(MESSAGES_PER_BATCH));
    let environment = [("TAGWIRE_ABUSE_BATCHES", batches.to_string()), ("TAGWIRE_ABUSE_MESSAGES", each.to_string())];
    suite(&["-k", "test_spoilt_requests_do_no_harm"], &environment)
}

/// The loops of the abuse tests in the numbers that the list of abuse names, which takes hours.
fn abuse() -> Result<()> {
    let environment = [("TAGWIRE_ABUSE_FULL", "1".to_owned())];
    suite(&["-k", "test_abuse_ and not spoilt", "--timeout", "14400", "--durations=0"], &environment)
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
