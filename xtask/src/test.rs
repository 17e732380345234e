//! `cargo xtask test`: everything that proves the product, with one count at the end.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::check;
use crate::peers::{self, Peers};
use crate::process::{cargo, exists, output, passes, program, root, target};
use crate::tally::Tally;

/// What unit tests and the binary under test are built with, both the same, so that nothing is built twice.
pub(crate) const FEATURES: &str = "tagwire/parquet";
/// With SQL, which takes a quarter of an hour to build.
const SQL: &str = "tagwire/sql";

/// Runs the whole-product tests against a binary, with further variables in their environment.
pub(crate) fn run_product(
    peers: &Peers,
    binary: &Path,
    pytest: &[String],
    environment: &[(&str, String)],
) -> Result<Tally> {
    let report = target().join("pytest.xml");
    if report.exists() {
        std::fs::remove_file(&report)?;
    }
    crate::wheel::install(&peers.python, "ci")?;
    let mut command = python(peers, binary, &["-m", "pytest", "tests", "--numprocesses=3", "-rxs"]);
    command.arg(format!("--junitxml={}", report.display())).args(pytest);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let passed = passes(&mut command)?;
    let tally = std::fs::read_to_string(&report).map(|xml| Tally::from_junit(&xml)).unwrap_or_default();
    if passed == (tally.failed > 0) || tally.passed == 0 {
        bail!("pytest did not run to its end");
    }
    Ok(tally)
}

/// Runs the parts asked for, prints the count, and fails when a test failed.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let (own, pytest) = match args.iter().position(|arg| arg == "--") {
        Some(at) => (args.get(..at).unwrap_or_default(), args.get(at + 1..).unwrap_or_default()),
        None => (args, [].as_slice()),
    };
    let with_sql = own.first().is_some_and(|flag| flag == "--sql");
    let only = match own.get(usize::from(with_sql)..).unwrap_or_default() {
        [] => None,
        [flag, part] if flag == "--only" => Some(part.as_str()),
        _ => bail!("usage: cargo xtask test [--sql] [--only check|units|product] [-- pytest arguments]"),
    };
    let features = if with_sql { SQL } else { FEATURES };
    let wants = |part: &str| only.is_none_or(|only| only == part);
    let mut tally = Tally::default();
    if wants("check") {
        tally += check::all()?;
    }
    if wants("units") {
        tally += units(features)?;
    }
    if wants("product") {
        let peers = peers::install()?;
        // The client over async-opcua-client is a program of the workspace.
        crate::process::run(&mut cargo(&["build", "--quiet", "--profile", "ci", "--package", "tagwire-tests"]))?;
        tally += run_product(&peers, &product_with("ci", features)?, pytest, &[])?;
    }
    println!("{tally}");
    if tally.failed > 0 || tally.passed == 0 {
        bail!("tests failed");
    }
    Ok(())
}

/// Builds the `tagwire` command and returns its path; a command named in `TAGWIRE_BIN` is taken as it is.
pub(crate) fn product(profile: &str) -> Result<PathBuf> {
    product_with(profile, "")
}

fn product_with(profile: &str, features: &str) -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os("TAGWIRE_BIN") {
        return Ok(binary.into());
    }
    let flags = ["build", "--quiet", "--profile", profile, "--package", "tagwire", "--features", features];
    crate::process::run(&mut cargo(&flags))?;
    Ok(target().join(if profile == "dev" { "debug" } else { profile }).join("tagwire"))
}

/// The Python of the test environment, told where everything is.
pub(crate) fn python(peers: &Peers, binary: &Path, args: &[&str]) -> Command {
    let mut command = program(&peers.python, args);
    command
        .env("TAGWIRE_BIN", binary)
        .env("TAGWIRE_PEERS_OPENOPC", &peers.openopc)
        .env("TAGWIRE_PEERS_NODE", &peers.node)
        .env("TAGWIRE_PEERS_C", &peers.programs)
        .env("TAGWIRE_PEERS_OPEN62541", &peers.open62541)
        .env("TAGWIRE_PEERS_S7", &peers.s7)
        .env("TAGWIRE_PEERS_RUST", target().join("ci"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Regenerates the JSON schema and the reference page from the command itself, and the tables of conformance rows and
/// of clients from the tests.
pub(crate) fn generate() -> Result<()> {
    let binary = product("dev")?;
    let folder = root().join("docs/reference");
    std::fs::create_dir_all(&folder)?;
    for (flag, file) in [("--schema", "tagwire.schema.json"), ("--reference", "configuration.md")] {
        let text = output(&mut program(&binary, &["check", flag]))?;
        std::fs::write(folder.join(file), text)?;
        println!("written: docs/reference/{file}");
    }
    let peers = peers::install()?;
    for (module, file) in
        [("tests.harness.conformance", "docs/conformance.md"), ("tests.harness.clients", "docs/clients.md")]
    {
        crate::process::run(&mut python(&peers, &binary, &["-m", module, file]))?;
        println!("written: {file}");
    }
    Ok(())
}

fn units(features: &str) -> Result<Tally> {
    let mut tally = Tally::default();
    let with = ["--workspace", "--features", features];
    if exists("cargo-nextest", "--version") {
        let flags = ["--cargo-profile", "ci", "--no-fail-fast", "--status-level=fail"];
        tally += counted(cargo(&["nextest", "run"]).args(with).args(flags))?;
        tally += counted(cargo(&["test"]).args(with).args(["--profile", "ci", "--doc", "--quiet"]))?;
    } else {
        tally += counted(cargo(&["test"]).args(with).args(["--profile", "ci", "--no-fail-fast"]))?;
    }
    Ok(tally)
}

/// Runs a test runner of cargo's, shows what it prints, and counts.
fn counted(command: &mut Command) -> Result<Tally> {
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    println!("$ cargo {}", words.join(" "));
    let output = command.stdin(Stdio::null()).output().context("cannot start cargo")?;
    let text = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{}", text.trim());
    let mut tally = Tally::from_cargo(&text);
    if !output.status.success() && tally.failed == 0 {
        tally += Tally::one(false);
    }
    Ok(tally)
}
