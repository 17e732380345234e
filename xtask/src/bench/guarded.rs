//! What authorisation, audit and diagnostics cost the main job: the same server with all of them and with none, in turn.

use std::fmt::Write as _;

use anyhow::Result;

use super::servers::{Programs, Running, Setting, Size};
use super::{Effort, median};
use crate::loadgen::{self, Operation};

const TAGS: usize = 100_000;
const BATCH: usize = 1_000;
const DEPTH: usize = 8;

/// One figure of the main job without and with the guards.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) what: &'static str,
    pub(super) off: f64,
    pub(super) on: f64,
    /// Median of on over off, round by round, which a machine that gets slower meanwhile does not change.
    pub(super) ratio: f64,
}

pub(super) fn pairs(programs: &Programs, effort: Effort) -> Result<Vec<Pair>> {
    let size = Size { tags: TAGS, changing: 0, children: 1 };
    let (off, on) = (without(), with_all());
    let off = Setting { tables: &off, data: "off", ..Setting::PLAIN };
    let on = Setting { tables: &on, data: "on", ..Setting::PLAIN };
    let servers = [Running::start_tagwire(programs, size, off)?, Running::start_tagwire(programs, size, on)?];
    let mut pairs = Vec::new();
    for (operation, what) in
        [(Operation::Read, "Read, 1,000 nodes per request"), (Operation::Write, "Write, 1,000 nodes per request")]
    {
        let mut found = [Vec::new(), Vec::new()];
        // One round says nothing here: what is looked for is smaller than the noise of a shared machine.
        for round in 0..effort.rounds.max(5) {
            // Who begins changes, so that a machine that gets slower or faster favours nobody.
            for at in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
                let (Some(server), Some(values)) = (servers.get(at), found.get_mut(at)) else { continue };
                let run = loadgen::throughput(&server.target, operation, BATCH, 1, DEPTH, effort.seconds)?;
                println!("# guards {}: {operation:?} {:.1} ns", ["off", "on"][at], run.seconds_per_value * 1e9);
                values.push(run.seconds_per_value * 1e9);
            }
        }
        let [off, on] = found;
        let ratio = median(on.iter().zip(&off).map(|(on, off)| on / off).collect());
        if let (Some(off), Some(on), Some(ratio)) = (median(off), median(on), ratio) {
            pairs.push(Pair { what, off, on, ratio });
        }
    }
    Ok(pairs)
}

fn without() -> String {
    "diagnostics = false\n[audit]\nfile = false\n".to_owned()
}

/// A rule for each device, the audit log with its writes, and diagnostics of every session.
fn with_all() -> String {
    let mut text = "diagnostics = true\n[audit]\nfile = true\nwrites = true\n".to_owned();
    for device in 0..TAGS / 1_000 {
        let _ = write!(
            text,
            "[[access.rule]]\npath = \"Ch1.Dev{device}\"\nread = [\"anonymous\", \"operator\"]\n\
             write = [\"anonymous\", \"operator\"]\n"
        );
    }
    text
}
