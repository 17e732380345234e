//! `cargo xtask soak`: the fault suite in real time, over many seeds.

use anyhow::{Context as _, Result, bail};

use crate::peers;
use crate::test::{product, run_product};

/// Runs the fault suite with the number of seeds asked for.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let seeds: u32 = match args {
        [] => 500,
        [flag, n] if flag == "--seeds" => n.parse().context("--seeds takes a number")?,
        _ => bail!("usage: cargo xtask soak [--seeds N]"),
    };
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
