//! `s7-clients check HOST:PORT` lets foreign clients read and write a simulated CPU; `s7-clients bench SECONDS` races
//! them against our driver, all on one simulated CPU of ours in another process: `s7-clients cpu`.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rust7::client::S7Client as Rust7;
use snap7_client::transport::TcpTransport;
use snap7_client::{ConnectParams, MultiReadItem, S7Client};
use tagwire_driver::{DeviceSpec, LinkSpec, PolledDriver as _, Readings, Settings, TagSpec};
use tagwire_model::{Access, TagId, ValueType};
use tagwire_s7::simulator::{BlockConfig, Simulator, SimulatorConfig};
use tagwire_s7::{S7Driver, S7Kind};

type Failure = Box<dyn std::error::Error>;

/// Values that lie so far apart that nobody joins them.
const SCATTERED: u32 = 2000;
const APART: u32 = 250;
const BLOCK: usize = 20_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["check", addr] => check(addr.parse()?).await,
        ["cpu"] => cpu().await,
        ["bench", seconds] => bench(Duration::from_secs_f64(seconds.parse()?)).await,
        _ => Err("usage: s7-clients check HOST:PORT | cpu | bench SECONDS".into()),
    }
}

fn params() -> ConnectParams {
    ConnectParams { pdu_size: 960, ..ConnectParams::default() }
}

async fn check(addr: SocketAddr) -> Result<(), Failure> {
    let ip = addr.ip().to_string();
    tokio::task::spawn_blocking(move || -> Result<(), String> {
        let mut client = Rust7::new();
        client.set_connection_port(addr.port()).map_err(|e| e.to_string())?;
        client.connect_rack_slot(&ip, 0, 1).map_err(|e| e.to_string())?;
        client.write_db(1, 0, &block()).map_err(|e| e.to_string())?;
        let mut found = vec![0; BLOCK];
        client.read_db(1, 0, &mut found).map_err(|e| e.to_string())?;
        if found == block() { Ok(()) } else { Err("rust7: a long block differs".to_owned()) }
    })
    .await??;
    // snap7-client reads only: it puts the data of its writes among the parameters, where no CPU looks for it.
    let client = S7Client::<TcpTransport>::connect(addr, params()).await?;
    for n in [1_usize, 2, 19, 20, 21, 100] {
        let range = |idx: usize| idx * 64..idx * 64 + 1 + idx % 7;
        let reads: Vec<MultiReadItem> =
            (0..n).map(|idx| MultiReadItem::db(1, range(idx).start as u32, range(idx).len() as u16)).collect();
        let found = client.read_multi_vars(&reads).await?;
        for (idx, bytes) in found.iter().enumerate() {
            if bytes[..] != block()[range(idx)] {
                return Err(format!("item {idx} of {n}: {bytes:?}").into());
            }
        }
    }
    if client.db_read(99, 0, 2).await.is_ok() {
        return Err("a data block that does not exist was read".into());
    }
    println!("done");
    Ok(())
}

/// Bytes that repeat too late for a shifted read to go unnoticed.
fn block() -> Vec<u8> {
    (0..BLOCK).map(|at| (at % 251) as u8).collect()
}

/// Serves the CPU of the race and prints its address.
async fn cpu() -> Result<(), Failure> {
    let config = SimulatorConfig {
        pdu: 960,
        jobs: 8,
        blocks: vec![BlockConfig { number: 1, size: SCATTERED * APART + 64, optimised: false }],
        ..SimulatorConfig::default()
    };
    let (_simulator, listener) = Simulator::spawn(&config, "127.0.0.1:0").await?;
    println!("{}", listener.local_addr());
    std::future::pending().await
}

struct Cpu {
    child: Child,
    addr: SocketAddr,
}

impl Cpu {
    fn start() -> Result<Self, Failure> {
        let mut child =
            Command::new(std::env::current_exe()?).arg("cpu").stdout(Stdio::piped()).stdin(Stdio::null()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { child, addr: line.trim().parse()? })
    }
}

impl Drop for Cpu {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of this process so far, in seconds.
fn cpu_seconds() -> f64 {
    let mut nanos = 0_u64;
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        nanos += text.split(' ').next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
    }
    nanos as f64 / 1e9
}

/// Prints what was read in a second of time and of processor time: `name unit per_second per_cpu_second`.
fn report(name: &str, unit: &str, n: u64, begun: Instant, cpu: f64) {
    let (time, cpu) = (begun.elapsed().as_secs_f64(), (cpu_seconds() - cpu).max(1e-9));
    println!("{name} {unit} {:.0} {:.0}", n as f64 / time, n as f64 / cpu);
}

async fn bench(time: Duration) -> Result<(), Failure> {
    let cpu = Cpu::start()?;
    let ours = |addresses: Vec<(String, &str)>| -> Result<S7Driver, Failure> {
        let tags = addresses.into_iter().enumerate().map(|(idx, (address, value_type))| TagSpec {
            id: TagId(idx as u32),
            address,
            value_type: ValueType::parse(value_type).expect("a type"),
            access: Access::READ,
            scan: None,
            scaling: None,
            settings: Settings::new(),
        });
        let device = DeviceSpec { name: "plc".to_owned(), settings: Settings::new(), tags: tags.collect() };
        let link = LinkSpec {
            name: "cpu".to_owned(),
            kind: "s7".to_owned(),
            address: cpu.addr.to_string(),
            settings: Settings::new(),
            devices: vec![device],
        };
        Ok(S7Kind.driver(&link)?)
    };
    let mut driver = ours((0..SCATTERED).map(|idx| (format!("DB1,REAL{}", idx * APART), "f32")).collect())?;
    driver_race("tagwire", "scattered", &mut driver, time, 1).await?;
    let mut driver = ours(vec![(format!("DB1,B0[{BLOCK}]"), "u8[20000]")])?;
    driver_race("tagwire", "bytes", &mut driver, time, BLOCK as u64).await?;

    let client = S7Client::<TcpTransport>::connect(cpu.addr, params()).await?;
    let items: Vec<MultiReadItem> = (0..SCATTERED).map(|idx| MultiReadItem::db(1, idx * APART, 4)).collect();
    let (begun, used, mut n) = (Instant::now(), cpu_seconds(), 0);
    while begun.elapsed() < time {
        n += client.read_multi_vars(&items).await?.len() as u64;
    }
    report("snap7-client", "scattered", n, begun, used);
    let (begun, used, mut n) = (Instant::now(), cpu_seconds(), 0);
    while begun.elapsed() < time {
        let mut at = 0;
        // It does not split long blocks, so its user does, at what the message holds.
        while at < BLOCK as u32 {
            let len = 942.min(BLOCK as u32 - at);
            n += client.db_read(1, at, len as u16).await?.len() as u64;
            at += len;
        }
    }
    report("snap7-client", "bytes", n, begun, used);

    let addr = cpu.addr;
    tokio::task::spawn_blocking(move || -> Result<(), String> {
        let mut client = Rust7::new();
        client.set_connection_port(addr.port()).map_err(|e| e.to_string())?;
        client.connect_rack_slot(&addr.ip().to_string(), 0, 1).map_err(|e| e.to_string())?;
        let (begun, used, mut n) = (Instant::now(), cpu_seconds(), 0);
        let mut value = [0; 4];
        while begun.elapsed() < time {
            // Its addresses end at 65535, which makes no difference to the time that a read takes.
            for idx in 0..SCATTERED {
                client.read_db(1, (idx % 250 * APART) as u16, &mut value).map_err(|e| e.to_string())?;
            }
            n += u64::from(SCATTERED);
        }
        report("rust7", "scattered", n, begun, used);
        let mut block = vec![0; BLOCK];
        let (begun, used, mut n) = (Instant::now(), cpu_seconds(), 0);
        while begun.elapsed() < time {
            client.read_db(1, 0, &mut block).map_err(|e| e.to_string())?;
            n += BLOCK as u64;
        }
        report("rust7", "bytes", n, begun, used);
        Ok(())
    })
    .await??;
    Ok(())
}

/// Reads all tags over and over, in calls of as many blocks as the supervisor asks for at once.
async fn driver_race(
    name: &str,
    unit: &str,
    driver: &mut S7Driver,
    time: Duration,
    per_value: u64,
) -> Result<(), Failure> {
    driver.connect().await?;
    let all: Vec<u32> = (0..if unit == "bytes" { 1 } else { SCATTERED }).collect();
    let blocks = driver.plan(0, &all, &[]);
    let at_once = driver.n_in_flight(0).max(1);
    let mut readings = Readings::default();
    let (begun, used, mut n) = (Instant::now(), cpu_seconds(), 0);
    while begun.elapsed() < time {
        for some in blocks.chunks(at_once) {
            readings.clear();
            driver.read(some, &mut readings).await?;
            n += readings.values.len() as u64 * per_value;
        }
    }
    report(name, unit, n, begun, used);
    Ok(())
}
