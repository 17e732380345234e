//! Reads `REAL` tags `T0`, `T1` and so on of a controller as fast as it can and prints values per second and processor
//! time per value: `enip-client MODE HOST:PORT TAGS SECONDS`. `enip-client check HOST:PORT` tests a controller with
//! ciplink instead.

mod check;

use std::error::Error;
use std::time::{Duration, Instant};

use rust_ethernet_ip::{BatchConfig, BatchOperation, EipClient, RoutePath};
use tagwire_driver::{DeviceSpec, LinkSpec, PolledDriver as _, Readings, Setting, Settings, TagSpec};
use tagwire_enip::{EnipDriver, EnipKind};
use tagwire_model::{Access, DataType, TagId, ValueType};

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["check", address] => check::run(address),
        [mode, address, n, seconds] => {
            let names: Vec<String> = (0..n.parse::<usize>()?).map(|n| format!("T{n}")).collect();
            let limit = Duration::from_secs_f64(seconds.parse()?);
            let run = match mode {
                "single" => ours(address, &names, limit, true).await?,
                "tagwire" => ours(address, &names, limit, false).await?,
                "ciplink" => ciplink(address, &names, limit)?,
                "rust-ethernet-ip" => rust_ethernet_ip(address, &names, limit).await?,
                _ => return Err("mode is not known".into()),
            };
            println!("{:.0} values/s, {:.0} ns of processor time each", run.rate(), run.cost());
            Ok(())
        }
        _ => Err("usage: enip-client MODE HOST:PORT TAGS SECONDS".into()),
    }
}

/// What was read.
struct Run {
    n_values: usize,
    took: Duration,
    cpu: f64,
}

impl Run {
    fn rate(&self) -> f64 {
        self.n_values as f64 / self.took.as_secs_f64()
    }

    fn cost(&self) -> f64 {
        self.cpu * 1e9 / self.n_values as f64
    }
}

/// Processor seconds of this process.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// Measures rounds that are over when the time is.
struct Meter {
    n_values: usize,
    begun: Instant,
    cpu: f64,
    limit: Duration,
}

impl Meter {
    fn start(limit: Duration) -> Self {
        Self { n_values: 0, begun: Instant::now(), cpu: cpu(), limit }
    }

    fn goes_on(&mut self, n: usize) -> bool {
        self.n_values += n;
        self.begun.elapsed() < self.limit
    }

    fn end(self) -> Run {
        Run { n_values: self.n_values, took: self.begun.elapsed(), cpu: cpu() - self.cpu }
    }
}

fn driver(address: &str, names: &[String], is_single: bool) -> Outcome<EnipDriver> {
    let tag = |(id, name): (u32, &String)| TagSpec {
        id: TagId(id),
        address: name.clone(),
        value_type: ValueType::scalar(DataType::Float),
        access: Access::READ,
        scan: None,
        scaling: None,
        settings: Settings::new(),
    };
    let mut settings = Settings::new();
    settings.set("upload", Setting::Bool(!is_single));
    let link = LinkSpec {
        name: "line".to_owned(),
        kind: "enip".to_owned(),
        address: address.to_owned(),
        settings: Settings::new(),
        devices: vec![DeviceSpec { name: "plc".to_owned(), settings, tags: (0..).zip(names).map(tag).collect() }],
    };
    EnipKind.driver(&link).map_err(|error| error.problem.into())
}

/// Our driver: everything at once, or one tag in each request.
async fn ours(address: &str, names: &[String], limit: Duration, is_single: bool) -> Outcome<Run> {
    let mut driver = driver(address, names, is_single)?;
    driver.connect().await?;
    let all: Vec<u32> = (0..names.len() as u32).collect();
    let blocks = driver.plan(0, &all, &[]);
    let step = if is_single { 1 } else { driver.n_in_flight(0) };
    let mut readings = Readings::default();
    // The tag list is learned in the first rounds.
    for part in blocks.chunks(step.max(100)).take(20) {
        driver.read(part, &mut readings).await?;
    }
    let mut meter = Meter::start(limit);
    loop {
        for part in blocks.chunks(step) {
            readings.clear();
            driver.read(part, &mut readings).await?;
            if readings.values.len() != part.len() {
                return Err(format!("{} of {} values", readings.values.len(), part.len()).into());
            }
            if !meter.goes_on(part.len()) {
                return Ok(meter.end());
            }
        }
    }
}

fn ciplink(address: &str, names: &[String], limit: Duration) -> Outcome<Run> {
    let plc = ciplink::logix::driver::LogixDriver::new(&format!("{address}/0"), Default::default())?;
    plc.open()?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    plc.read(&names)?;
    let mut meter = Meter::start(limit);
    loop {
        let found = plc.read(&names)?;
        if let Some(bad) = found.iter().find(|one| one.value.is_none()) {
            return Err(format!("{}: {:?}", bad.tag, bad.error).into());
        }
        if !meter.goes_on(found.len()) {
            return Ok(meter.end());
        }
    }
}

async fn rust_ethernet_ip(address: &str, names: &[String], limit: Duration) -> Outcome<Run> {
    let mut client = EipClient::with_route_path(address, RoutePath::new().add_slot(0)).await?;
    // Its best on this load: as many operations as an unconnected message of 504 bytes takes.
    client.configure_batch_operations(BatchConfig {
        max_operations_per_packet: 30,
        max_packet_size: 504,
        ..Default::default()
    });
    let reads: Vec<BatchOperation> = names.iter().map(|name| BatchOperation::Read { tag_name: name.clone() }).collect();
    client.execute_batch(&reads).await?;
    let mut meter = Meter::start(limit);
    loop {
        let found = client.execute_batch(&reads).await?;
        if let Some(bad) = found.iter().find(|one| one.result.is_err()) {
            return Err(format!("{:?}", bad.result).into());
        }
        if !meter.goes_on(found.len()) {
            return Ok(meter.end());
        }
    }
}
