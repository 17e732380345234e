//! History as a client of OPC UA reads it: a year of one sample a second, served by the product.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::median;
use super::servers::free_port;
use crate::loadgen::{Target, history};
use crate::process::{program, run, target};

const TAG: &str = "plant.all.flow";
const ROUNDS: usize = 5;
const AVERAGE: u16 = 2342;
/// Begin of the load, and its length.
const EPOCH: i64 = 133_600_320_000_000_000;
const SECOND: i64 = 10_000_000;
const YEAR: i64 = 365 * 86_400 * SECOND;

/// Ends the server with the measurement.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself, which the measurement has reported then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves the history in a folder and reads it; lines of a table.
pub(super) fn table(folder: &Path) -> Result<String> {
    run(&mut program("cargo", &["build", "--release", "-p", "tagwire"]))?;
    let port = free_port()?;
    let config = folder.join("tagwire.toml");
    std::fs::write(
        &config,
        format!(
            "version = 1\n[server]\nname = \"bench\"\n[ua]\nlisten = \"127.0.0.1:{port}\"\nsecurity = [\"none\"]\n\
             anonymous = \"read\"\n[[link]]\nname = \"plant\"\ndriver = \"sim\"\n[[link.device]]\nname = \"all\"\n\
             [[link.device.tag]]\nname = \"flow\"\naddress = \"static\"\ntype = \"f64\"\n\
             [history]\nfolder = \"{}\"\n[[history.rule]]\npath = \"plant\"\n",
            folder.join("year").display()
        ),
    )?;
    let mut command = Command::new(target().join("release/tagwire"));
    let child = command.args(["serve", "--config"]).arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let served = Target { address: format!("127.0.0.1:{port}"), pid: child.id(), tags: 1 };
    let serving = Serving(child);
    let begun = Instant::now();
    while history::raw(&served, TAG, (EPOCH, EPOCH + 10 * SECOND), 1).is_err() {
        if begun.elapsed() > Duration::from_secs(60) {
            bail!("the history is not served");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let (mut raw, mut processed) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let read = history::raw(&served, TAG, (EPOCH, EPOCH + YEAR), 1_000_000)?;
        raw.push(read.values as f64 / read.cpu_seconds / 1e6);
        let hour = 3_600_000.0;
        let read = history::processed(&served, TAG, (EPOCH, EPOCH + YEAR), hour, AVERAGE)?;
        if read.values < 8_760 {
            bail!("{} hours of a year", read.values);
        }
        processed.push(read.seconds * 1e3);
    }
    drop(serving);
    let mut lines = String::from(
        "\n## As a client of OPC UA reads it\n\nThe same year, served by the product and read over the network: a million raw values in pages, and the average of each hour of the year.\n\n| what | unit | goal | tagwire |\n|---|---|---|---|\n",
    );
    let _ = writeln!(
        lines,
        "| HistoryRead of raw values | M/s per core of the server | ≥ 3 | {:.1} |",
        median(raw).unwrap_or(f64::NAN)
    );
    let _ = writeln!(
        lines,
        "| HistoryRead of 8,760 averages | ms until the answer is there | ≤ 100 | {:.0} |",
        median(processed).unwrap_or(f64::NAN)
    );
    Ok(lines)
}
