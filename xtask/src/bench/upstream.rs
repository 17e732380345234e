//! OPC UA upstream: 5,000 tags of another server that change every 100 ms.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{Row, cpu_seconds, resident_bytes, servers::free_port};
use crate::process::target;

const TAGS: usize = 5_000;

/// A server that is ended with its owner.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Measures tagwire alone, as the client of a tagwire that makes the changes; what counts is the client's processor time.
pub(super) fn rows(tagwire: &Path, seconds: Duration) -> Result<Vec<Row>> {
    let folder = target().join("bench/upstream");
    let (source_port, port, page) = (free_port()?, free_port()?, free_port()?);
    let source = configuration(&folder.join("source"), source_port, None, "driver = \"sim\"", |i| {
        format!("t{i},counter(period=10ms),u32,ro")
    })?;
    let link = format!("driver = \"opcua\"\naddress = \"opc.tcp://127.0.0.1:{source_port}\"");
    let client = configuration(&folder.join("client"), port, Some(page), &link, |i| {
        format!("t{i},\"ns=2;s=line.plc.t{i}\",u32,ro")
    })?;
    let _source = start(tagwire, &source)?;
    let client = start(tagwire, &client)?;
    let pid = client.0.id();
    let begun = Instant::now();
    while changes(page).unwrap_or(0.0) < TAGS as f64 {
        if begun.elapsed() > Duration::from_secs(60) {
            bail!("the changes do not arrive");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_secs(3));
    let (before, cpu, begun) = (changes(page)?, cpu_seconds(pid)?, Instant::now());
    std::thread::sleep(seconds.max(Duration::from_secs(5)));
    let took = begun.elapsed().as_secs_f64();
    let rate = (changes(page)? - before) / took;
    let cores = (cpu_seconds(pid)? - cpu) / took;
    let alone = |value| vec![Some(value), None, None];
    let what = "OPC UA upstream, 5,000 tags that change every 100 ms";
    Ok(vec![
        Row { what, unit: "changes per second", goal: Some(50_000.0), values: alone(rate) },
        Row { what: "· processor", unit: "cores", goal: Some(0.3), values: alone(cores) },
        Row { what: "· memory", unit: "MB", goal: None, values: alone(resident_bytes(pid)? / 1e6) },
    ])
}

fn start(tagwire: &Path, file: &Path) -> Result<Server> {
    let mut command = Command::new(tagwire);
    command.arg("serve").arg("--config").arg(file);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    Ok(Server(child))
}

fn configuration(
    folder: &Path,
    port: u16,
    page: Option<u16>,
    link: &str,
    tag: impl Fn(usize) -> String,
) -> Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let mut list = String::from("name,address,type,access\n");
    for i in 0..TAGS {
        writeln!(list, "{}", tag(i))?;
    }
    std::fs::write(folder.join("tags.csv"), list)?;
    let page = page.map_or_else(String::new, |page| format!("[http]\nlisten = \"127.0.0.1:{page}\"\n"));
    let text = format!(
        "version = 1\n[server]\nname = \"bench\"\ndata_dir = \"data\"\n[ua]\nlisten = \"127.0.0.1:{port}\"\n\
         security = [\"none\"]\nanonymous = \"read\"\n{page}[[link]]\nname = \"line\"\n{link}\n[[link.device]]\n\
         name = \"plc\"\nscan = \"100ms\"\ntags_csv = \"tags.csv\"\n"
    );
    let file = folder.join("tagwire.toml");
    std::fs::write(&file, text)?;
    Ok(file)
}

/// Values that the client took so far, from its page of figures.
fn changes(port: u16) -> Result<f64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    let line = page.lines().find(|line| line.starts_with("tagwire_tag_reads_total{")).context("no figure of values")?;
    Ok(line.rsplit(' ').next().context("no number")?.parse()?)
}
