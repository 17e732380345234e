//! `cargo xtask check`: what must hold before a change is worth testing.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{cargo, exists, passes, target};
use crate::tally::Tally;

/// Runs all checks and fails when one of them does.
pub(crate) fn run() -> Result<()> {
    let tally = all()?;
    println!("{tally}");
    if tally.failed > 0 {
        bail!("{} checks failed", tally.failed);
    }
    Ok(())
}

/// Runs all checks, each counting as one test.
pub(crate) fn all() -> Result<Tally> {
    let mut tally = Tally::default();
    for mut check in checks() {
        tally += Tally::one(passes(&mut check)?);
    }
    Ok(tally)
}

fn checks() -> Vec<Command> {
    let features = ["--features", crate::test::FEATURES];
    let clippy = ["--workspace", "--all-targets", "--profile", "ci", "--", "-D", "warnings"];
    let mut checks = vec![cargo(&["fmt", "--all", "--check"])];
    let mut lints = cargo(&["clippy"]);
    lints.args(features).args(clippy);
    checks.push(lints);
    checks.push(cargo(&["test", "--quiet", "--profile", "ci", "--package", "xtask"]));
    // libFuzzer itself is C++.
    if exists("c++", "--version") {
        let mut fuzz = cargo(&["check", "--quiet", "--manifest-path", "fuzz/Cargo.toml"]);
        fuzz.env("CARGO_TARGET_DIR", target());
        checks.push(fuzz);
    } else {
        println!("# there is no C++ compiler: the fuzz targets are not compiled");
    }
    if exists("cargo-deny", "--version") {
        checks.push(cargo(&["deny", "--offline", "check", "licenses", "bans", "sources"]));
    } else {
        println!("# cargo-deny is not installed: licences are checked by the tidy tests only");
    }
    checks
}
