//! Modbus: 100 links of 1,000 registers each, read once a second.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::{Row, cpu_seconds, resident_bytes, servers::free_port};
use crate::loadgen;
use crate::process::target;

const LINKS: usize = 100;
const REGISTERS: usize = 1000;

/// Measures tagwire alone; the other servers speak no Modbus.
pub(super) fn rows(tagwire: &Path, seconds: Duration) -> Result<Vec<Row>> {
    let served = Arc::new(AtomicU64::new(0));
    let mut ports = Vec::with_capacity(LINKS);
    for _ in 0..LINKS {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        ports.push(listener.local_addr()?.port());
        let served = Arc::clone(&served);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&served);
                std::thread::spawn(move || device(stream, &served));
            }
        });
    }
    let port = free_port()?;
    let folder = target().join("bench/modbus");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("tagwire.toml");
    std::fs::write(&file, configuration(&folder, port, &ports)?)?;
    let mut child = Command::new(tagwire)
        .arg("serve")
        .arg("--config")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let measured = measure(child.id(), port, &served, seconds);
    let _ = child.kill();
    let _ = child.wait();
    let (points, cores, bytes) = measured?;
    let alone = |value| vec![Some(value), None, None];
    let what = "Modbus, 100 links × 1,000 registers at 1 s";
    Ok(vec![
        Row { what, unit: "points per second", goal: Some(100_000.0), values: alone(points) },
        Row { what: "· processor", unit: "cores", goal: Some(0.3), values: alone(cores) },
        Row { what: "· memory", unit: "MB", goal: Some(120.0), values: alone(bytes / 1e6) },
    ])
}

fn measure(pid: u32, port: u16, served: &AtomicU64, seconds: Duration) -> Result<(f64, f64, f64)> {
    let begun = Instant::now();
    while loadgen::Connection::open(&format!("127.0.0.1:{port}")).is_err() {
        if begun.elapsed() > Duration::from_secs(60) {
            bail!("tagwire does not listen");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(5));
    let (before, cpu, begun) = (served.load(Ordering::Relaxed), cpu_seconds(pid)?, Instant::now());
    std::thread::sleep(seconds.max(Duration::from_secs(10)));
    let took = begun.elapsed().as_secs_f64();
    let points = (served.load(Ordering::Relaxed) - before) as f64 / took;
    Ok((points, (cpu_seconds(pid)? - cpu) / took, resident_bytes(pid)?))
}

/// Answers function 3 with numbers that change.
fn device(mut stream: TcpStream, served: &AtomicU64) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = [0_u8; 12];
    let mut round = 0_u16;
    loop {
        stream.read_exact(&mut request)?;
        let [t1, t2, _, _, _, _, unit, function, _, _, c1, c2] = request;
        let count = u16::from_be_bytes([c1, c2]);
        let length = 3 + 2 * count;
        let [l1, l2] = length.to_be_bytes();
        let mut answer = vec![t1, t2, 0, 0, l1, l2, unit, function, (2 * count) as u8];
        round = round.wrapping_add(1);
        answer.extend((0..count).flat_map(|i| i.wrapping_add(round).to_be_bytes()));
        stream.write_all(&answer)?;
        served.fetch_add(u64::from(count), Ordering::Relaxed);
    }
}

fn configuration(folder: &Path, port: u16, ports: &[u16]) -> Result<String> {
    let mut list = String::from("name,address,type,access\n");
    for i in 0..REGISTERS {
        writeln!(list, "r{i},4{:05},u16,ro", i + 1)?;
    }
    std::fs::write(folder.join("registers.csv"), list)?;
    let mut text = format!(
        "version = 1\n[server]\nname = \"bench\"\ndata_dir = \"data\"\n[ua]\nlisten = \"127.0.0.1:{port}\"\n\
         security = [\"none\"]\nanonymous = \"read\"\n"
    );
    for (i, port) in ports.iter().enumerate() {
        write!(
            text,
            "[[link]]\nname = \"line{i}\"\ndriver = \"modbus-tcp\"\naddress = \"127.0.0.1:{port}\"\n[[link.device]]\n\
             name = \"plc\"\nunit = 1\nscan = \"1s\"\ntags_csv = \"registers.csv\"\n"
        )?;
    }
    Ok(text)
}
