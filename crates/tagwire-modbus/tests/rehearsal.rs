//! The supervisor's rehearsal of faults over the driver, the whole codec and simulated devices, on a simulated clock.

mod common;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use common::{framing, link};
use tagwire_driver::testing::{Fault, Rig, rehearse};
use tagwire_driver::{BoxFuture, DeviceSettings, Driver, LinkSettings, LinkSetup, SystemTags};
use tagwire_modbus::codec::Framing;
use tagwire_modbus::simulator::{self, On, RefuseConfig, Shape, SignalConfig, Simulator, SimulatorConfig, UnitConfig};
use tagwire_modbus::{Connector, ModbusDriver, Stream};
use tagwire_model::TagId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, split};

/// A line to simulated devices that can be cut in every way.
#[derive(Default)]
struct Line {
    is_killed: AtomicBool,
    is_unreachable: AtomicBool,
    is_garbled: AtomicBool,
    n_connections: AtomicU64,
    /// Connections up to this one carry nothing any more.
    half_open_before: AtomicU64,
}

impl Line {
    fn carries(&self, connection: u64) -> bool {
        !self.is_unreachable.load(Ordering::SeqCst) && connection > self.half_open_before.load(Ordering::SeqCst)
    }
}

struct Modbus {
    kind: &'static str,
    keys: &'static str,
    simulator: Simulator,
    line: Arc<Line>,
}

const N_DEVICES: u8 = 3;

fn address(tag: u32) -> String {
    format!("4{:05}", 1 + tag * 2)
}

impl Modbus {
    fn new(kind: &'static str, keys: &'static str, seed: u64) -> Self {
        let clock = |tag| SignalConfig {
            address: address(tag),
            value_type: Some("u32".to_owned()),
            order: None,
            shape: Shape::Counter,
            period: Duration::from_millis(1),
            low: 0.0,
            high: f64::from(u32::MAX),
        };
        let unit = |id| UnitConfig {
            signals: (0..Self::N_TAGS).map(clock).collect(),
            delay: Duration::from_millis(1 + seed % 5),
            ..UnitConfig::new(id)
        };
        let config = SimulatorConfig { seed, units: (1..=N_DEVICES).map(unit).collect() };
        let simulator = Simulator::new(&config).expect("valid");
        Self { kind, keys, simulator, line: Arc::default() }
    }
}

struct Plug {
    framing: Framing,
    simulator: Simulator,
    line: Arc<Line>,
}

impl Connector for Plug {
    fn connect(&mut self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if self.line.is_killed.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            if self.line.is_unreachable.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            let connection = self.line.n_connections.fetch_add(1, Ordering::SeqCst) + 1;
            let (near, far) = tokio::io::duplex(1024);
            let (inner, device) = tokio::io::duplex(1024);
            let (simulator, framing) = (self.simulator.clone(), self.framing);
            tokio::spawn(async move { simulator.serve(device, framing).await });
            let (from_driver, to_driver) = split(far);
            let (from_device, to_device) = split(inner);
            tokio::spawn(carry(self.line.clone(), connection, from_driver, to_device, false));
            tokio::spawn(carry(self.line.clone(), connection, from_device, to_driver, true));
            Ok(Box::new(near) as Box<dyn Stream>)
        })
    }
}

/// Carries bytes in one direction, as long as the line does.
async fn carry(
    line: Arc<Line>,
    connection: u64,
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    is_answer: bool,
) -> io::Result<()> {
    let mut rng = fastrand::Rng::with_seed(connection);
    let mut buf = [0; 512];
    loop {
        let n = from.read(&mut buf).await?;
        if n == 0 {
            return to.shutdown().await;
        }
        if is_answer && line.is_garbled.load(Ordering::SeqCst) {
            rng.fill(&mut buf[..n]);
        }
        if line.carries(connection) {
            to.write_all(&buf[..n]).await?;
        }
    }
}

impl Rig for Modbus {
    fn setup(&self, devices: &[DeviceSettings]) -> LinkSetup {
        let address_of_link = if self.kind.ends_with("tcp") { "127.0.0.1:502" } else { "/dev/ttyS0" };
        let mut text =
            format!("[[link]]\nname = \"line\"\ndriver = \"{}\"\naddress = \"{address_of_link}\"\n", self.kind);
        for device in 1..=devices.len() {
            text += &format!("[[link.device]]\nname = \"d{device}\"\nunit = {device}\n{}\n", self.keys);
            for tag in 0..Self::N_TAGS {
                let address = address(tag);
                text += &format!(
                    "[[link.device.tag]]\nname = \"t{tag}\"\naddress = \"{address}\"\ntype = \"u32\"\naccess = \"rw\"\n"
                );
            }
        }
        let mut spec = link(&text);
        for (device, spec) in spec.devices.iter_mut().enumerate() {
            for (tag, spec) in spec.tags.iter_mut().enumerate() {
                spec.id = TagId(device as u32 * Self::N_TAGS + tag as u32);
            }
        }
        let plug = Plug { framing: framing(self.kind), simulator: self.simulator.clone(), line: self.line.clone() };
        let driver = ModbusDriver::new(&spec, Box::new(plug)).expect("a driver");
        LinkSetup {
            spec,
            driver: Driver::Polled(Box::new(driver)),
            settings: LinkSettings::default(),
            devices: devices.to_vec(),
            system: SystemTags::default(),
        }
    }

    fn break_with(&self, fault: Fault) {
        let line = &self.line;
        match fault {
            Fault::Killed => {
                line.is_killed.store(true, Ordering::SeqCst);
                self.simulator.hang_up();
            }
            Fault::Unreachable => line.is_unreachable.store(true, Ordering::SeqCst),
            Fault::HalfOpen => {
                line.half_open_before.store(line.n_connections.load(Ordering::SeqCst), Ordering::SeqCst);
            }
            Fault::Silent(device) => self.simulator.set_silent(device as u8 + 1, true),
            Fault::Late(late) => self.simulator.set_chances(vec![(1.0, simulator::Fault::Late(late))]),
            Fault::Garbage => line.is_garbled.store(true, Ordering::SeqCst),
            Fault::Refused(device, tag) => {
                let refused = RefuseConfig { address: address(tag), count: 2, exception: 2, on: On::Read };
                self.simulator.set_refusals(device as u8 + 1, &[refused]).expect("an address");
            }
        }
    }

    fn repair(&self) {
        self.line.is_killed.store(false, Ordering::SeqCst);
        self.line.is_unreachable.store(false, Ordering::SeqCst);
        self.line.is_garbled.store(false, Ordering::SeqCst);
        self.simulator.clear_faults();
        for unit in 1..=N_DEVICES {
            self.simulator.set_silent(unit, false);
            self.simulator.set_refusals(unit, &[]).expect("none");
        }
    }
}

fn run(kind: &'static str, keys: &'static str, seeds: std::ops::Range<u64>) {
    let one = |seed| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("runtime");
        runtime.block_on(async { rehearse(&Modbus::new(kind, keys, seed), seed, 3).await })
    };
    let broken: Vec<String> =
        seeds.filter_map(|seed| one(seed).err().map(|error| format!("seed {seed}: {error}"))).collect();
    assert!(broken.is_empty(), "{kind}: {} seeds broke a promise:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn tcp_keeps_every_promise() {
    run("modbus-tcp", "", 0..400);
    run("modbus-tcp", "in_flight = 4\nmax_read_registers = 7", 400..450);
    run("modbus-tcp", "header_check = \"lenient\"", 450..500);
}

#[test]
fn rtu_keeps_every_promise() {
    run("modbus-rtu", "", 0..100);
}

#[test]
fn ascii_keeps_every_promise() {
    run("modbus-ascii", "", 0..100);
}

#[test]
fn serial_frames_over_tcp_keep_every_promise() {
    run("modbus-rtu-over-tcp", "", 0..100);
    run("modbus-ascii-over-tcp", "", 100..200);
}
