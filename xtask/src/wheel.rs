//! `cargo xtask wheel`: the three Python distributions.

use std::path::Path;

use anyhow::Result;

use crate::process::{program, run, target};

/// The extension with its package, the drop-in for OpenOPC, and the shim for pywintypes.
const DISTRIBUTIONS: [&str; 3] = [".", "./python/tagwire-openopc", "./python/tagwire-pywintypes"];

/// Builds all wheels into `wheels` below the target folder.
pub(crate) fn build() -> Result<()> {
    let folder = target().join("wheels");
    let mut pip = program("python3", &["-m", "pip", "wheel", "--no-deps", "--wheel-dir"]);
    run(pip.arg(&folder).args(DISTRIBUTIONS))?;
    println!("written: {}", folder.display());
    Ok(())
}

/// Installs all three into the environment of the tests, as `pip install .` does, but with what is built already in a
/// profile.
pub(crate) fn install(python: &Path, profile: &str) -> Result<()> {
    let flags = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--force-reinstall"];
    let mut pip = program(python, &["-m", "pip", "install", "--config-settings"]);
    pip.arg(format!("build-args=--profile {profile}"));
    // Without a build environment of its own, pip finds maturin on the path only.
    let mut path = python.parent().unwrap_or_else(|| Path::new(".")).as_os_str().to_owned();
    if let Some(rest) = std::env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    run(pip.args(flags).args(DISTRIBUTIONS).env("CARGO_TARGET_DIR", target()).env("PATH", path))
}
