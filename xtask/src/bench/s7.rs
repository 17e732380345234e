//! S7: the driver beside the fastest free clients, on one simulated CPU of ours.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::peers;
use crate::process::{output, program};

/// What one client did with one load.
#[derive(Debug)]
pub(super) struct Lap {
    client: String,
    load: String,
    /// Values or bytes in a second.
    per_second: f64,
    /// Values or bytes in a second of processor time.
    per_cpu_second: f64,
}

/// Lets each client read each load for that long.
pub(super) fn laps(seconds: Duration) -> Result<Vec<Lap>> {
    let clients = peers::rust_peer("s7")?.join("s7-clients");
    let text = output(&mut program(&clients, &["bench", &seconds.as_secs_f64().to_string()]))?;
    let lap = |line: &str| {
        let mut words = line.split(' ');
        let mut word = || words.next().context("a short line");
        let (client, load) = (word()?.to_owned(), word()?.to_owned());
        Ok(Lap { client, load, per_second: word()?.parse()?, per_cpu_second: word()?.parse()? })
    };
    text.lines().map(lap).collect()
}

/// The laps as a part of the page.
pub(super) fn page(laps: &[Lap]) -> String {
    if laps.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\n## S7 clients\n\n\
         One connection to a simulated CPU in another process, messages of 960 bytes, 8 jobs at once where the client can.\n\
         Scattered are 2,000 REAL values too far apart to be joined; bytes are a block of 20,000.\n\
         snap7-client does not split long blocks, so its user does; rust7 reads one value at a time.\n\n\
         | load | client | per second | per second of processor time |\n|---|---|---|---|\n",
    );
    for load in ["scattered", "bytes"] {
        for lap in laps.iter().filter(|lap| lap.load == load) {
            let _ = writeln!(text, "| {load} | {} | {:.0} | {:.0} |", lap.client, lap.per_second, lap.per_cpu_second);
        }
    }
    text
}
