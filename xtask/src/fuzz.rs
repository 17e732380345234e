//! `cargo xtask fuzz`: every target of `fuzz/`, one after the other.

use anyhow::{Context as _, Result, bail};

use crate::process::{exists, output, passes, program, root};
use crate::tally::Tally;

/// Fuzzes the targets named, or all, for a number of seconds each.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let mut seconds: u64 = 60;
    let mut wanted = Vec::new();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if word == "--seconds" {
            let value = words.next().context("--seconds takes a number")?;
            seconds = value.parse().context("--seconds takes a number")?;
        } else {
            wanted.push(word.clone());
        }
    }
    if !exists("cargo-fuzz", "--version") {
        bail!("cargo-fuzz is not installed: cargo install cargo-fuzz --locked");
    }
    let fuzz = root().join("fuzz");
    let listed = output(program("cargo", &["+nightly", "fuzz", "list"]).current_dir(&fuzz))?;
    let targets: Vec<&str> =
        listed.lines().filter(|name| wanted.is_empty() || wanted.iter().any(|w| w == name)).collect();
    if targets.is_empty() {
        bail!("no such target; there are: {}", listed.trim().replace('\n', ", "));
    }
    let mut tally = Tally::default();
    for name in targets {
        let mut fuzz_one = program("cargo", &["+nightly", "fuzz", "run", name, "--"]);
        fuzz_one.arg(format!("-max_total_time={seconds}")).args(["-rss_limit_mb=2048", "-timeout=10"]);
        tally += Tally::one(passes(fuzz_one.current_dir(&fuzz))?);
    }
    println!("{tally}");
    if tally.failed > 0 {
        bail!("findings are kept below fuzz/artifacts");
    }
    Ok(())
}
