//! A load generator of ours.

use anyhow::{Result, bail};

/// Runs one load.
pub(crate) fn run(_args: &[String]) -> Result<()> {
    bail!("not yet")
}
