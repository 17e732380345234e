//! EtherNet/IP: 2,000 scattered tags of a simulated controller, read by our driver and by two other clients.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{Row, servers::free_port};
use crate::peers;
use crate::process::target;

const TAGS: usize = 2000;

/// A child that ends with the measurement.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Measures our driver, reading everything and one tag at a time, beside ciplink and rust-ethernet-ip; each is a row of
/// its own, because the other servers of the page speak no EtherNet/IP.
pub(super) fn rows(tagwire: &Path, seconds: Duration) -> Result<Vec<Row>> {
    let client = peers::rust_peer("enip")?.join("enip-client");
    let folder = target().join("bench/enip");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("controller.toml");
    std::fs::write(&file, format!("[[tag]]\nname = \"T\"\ntype = \"REAL\"\ncount = {TAGS}\n"))?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let mut command = Command::new(tagwire);
    command.args(["sim", "enip", "--listen", &address, "--map"]).arg(&file);
    let _controller = Ended(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    let begun = Instant::now();
    while std::net::TcpStream::connect(&address).is_err() {
        if begun.elapsed() > Duration::from_secs(30) {
            bail!("the simulated controller does not listen");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let measure = |mode: &str| -> Result<(f64, f64)> {
        let seconds = seconds.as_secs_f64().to_string();
        let output = Command::new(&client).args([mode, &address, &TAGS.to_string(), &seconds]).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!("{mode}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        println!("# {mode}: {}", text.trim());
        let mut numbers = text.split([' ', ',']).filter_map(|word| word.parse::<f64>().ok());
        numbers.next().zip(numbers.next()).with_context(|| format!("{mode}: no figures in {text:?}"))
    };
    let (single, _) = measure("single")?;
    let (rate, cost) = measure("tagwire")?;
    let alone = |value| vec![Some(value), None, None];
    let mut rows = vec![
        Row {
            what: "EtherNet/IP, 2,000 scattered tags on one connection",
            unit: "values per second",
            goal: Some(20.0 * single),
            values: alone(rate),
        },
        Row { what: "· processor", unit: "ns per value", goal: None, values: alone(cost) },
        Row {
            what: "· one tag in each request, by name",
            unit: "values per second",
            goal: None,
            values: alone(single),
        },
    ];
    let others = [
        ("ciplink", "· the same by ciplink 0.3.5", "· its processor"),
        ("rust-ethernet-ip", "· the same by rust-ethernet-ip 1.2.1", "· its processor"),
    ];
    for (mode, what, processor) in others {
        let (rate, cost) = measure(mode)?;
        rows.push(Row { what, unit: "values per second", goal: None, values: alone(rate) });
        rows.push(Row { what: processor, unit: "ns per value", goal: None, values: alone(cost) });
    }
    Ok(rows)
}
