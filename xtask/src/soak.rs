//! `cargo xtask soak`: the fuzzer of the OPC UA server on a simulated clock, then the fault suite in real time, over many
//! seeds.

use anyhow::{Context as _, Result, bail};

use crate::peers;
use crate::process::{cargo, run as run_command};
use crate::test::{product, run_product};

/// Seeds of the fuzzer of the server.
const SERVER_SEEDS: u32 = 100_000;
/// Seeds of the fault suite.
const FAULT_SEEDS: u32 = 500;

/// Runs both with the numbers of seeds asked for; none leaves that part out.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let (mut server_seeds, mut seeds) = (SERVER_SEEDS, FAULT_SEEDS);
    for option in args.chunks(2) {
        match option {
            [flag, n] if flag == "--seeds" => seeds = n.parse().context("--seeds takes a number")?,
            [flag, n] if flag == "--server-seeds" => {
                server_seeds = n.parse().context("--server-seeds takes a number")?;
            }
            _ => bail!("usage: cargo xtask soak [--server-seeds N] [--seeds N]"),
        }
    }
    if server_seeds > 0 {
        let test = ["test", "--profile", "ci", "--package", "tagwire-ua-server", "--lib", "soak::no_seed", "--"];
        let mut command = cargo(&test);
        command.arg("--nocapture").env("TAGWIRE_SOAK_SEEDS", server_seeds.to_string());
        run_command(&mut command)?;
    }
    if seeds == 0 {
        return Ok(());
    }
    let peers = peers::install()?;
    let pytest = ["-m", "fault_suite", "--fault-seeds", &seeds.to_string(), "--numprocesses=0", "-s"];
    let pytest: Vec<String> = pytest.iter().map(ToString::to_string).collect();
    let tally = run_product(&peers, &product("release")?, &pytest)?;
    println!("{tally}");
    if tally.failed > 0 {
        bail!("the fault suite failed");
    }
    Ok(())
}
