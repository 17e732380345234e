//! Writes namespace 0 as a compact read-only table (`namespace0.bin`), so that the server links no node set, parses
//! nothing at start and pays no heap for standard nodes.

mod definitions;
mod initial_values;
#[path = "../src/address_space/layout.rs"]
#[allow(dead_code, reason = "the server uses what the script does not")]
mod layout;
mod source;
mod table;

use std::error::Error;
use std::path::PathBuf;

#[expect(clippy::print_stdout, reason = "a build script talks to cargo over its standard output")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/address_space/layout.rs");
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let mut nodes = source::NodeSet::load()?;
    nodes.offer_aggregates();
    // What the tests compare the table with.
    std::fs::write(out_dir.join("namespace0.txt"), nodes.listing())?;
    definitions::complete(&mut nodes);
    initial_values::fill(&mut nodes);
    std::fs::write(out_dir.join("namespace0.bin"), table::encode(&nodes)?)?;
    Ok(())
}
