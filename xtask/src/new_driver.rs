//! `cargo xtask new-driver NAME`: the shape of `tagwire-sim` under a new name.

use anyhow::{Result, bail};

/// Copies the model driver and registers the new crate.
pub(crate) fn run(_args: &[String]) -> Result<()> {
    bail!("not yet")
}
