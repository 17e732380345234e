//! `cargo xtask bench`.

use anyhow::{Result, bail};

/// Measures and writes `docs/benchmarks.md`.
pub(crate) fn run(_args: &[String]) -> Result<()> {
    bail!("not yet")
}
