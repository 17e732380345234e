//! The supervisor's rehearsal of faults over the driver, the whole codec and simulated devices, on a simulated clock.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{framing, link};
use tagwire_driver::testing::{Fault, Line, Plug, Rig, rehearse};
use tagwire_driver::{DeviceSettings, Driver, LinkSettings, LinkSetup, SystemTags};
use tagwire_modbus::ModbusDriver;
use tagwire_modbus::simulator::{self, On, RefuseConfig, Shape, SignalConfig, Simulator, SimulatorConfig, UnitConfig};
use tagwire_model::TagId;

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
        let (simulator, framing) = (self.simulator.clone(), framing(self.kind));
        let serve = move |device| {
            let simulator = simulator.clone();
            tokio::spawn(async move { simulator.serve(device, framing).await });
        };
        let plug = Plug { line: self.line.clone(), serve };
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
        self.line.break_with(fault);
        match fault {
            Fault::Killed => self.simulator.hang_up(),
            Fault::Silent(device) => self.simulator.set_silent(device as u8 + 1, true),
            Fault::Late(late) => self.simulator.set_chances(vec![(1.0, simulator::Fault::Late(late))]),
            Fault::Refused(device, tag) => {
                let refused = RefuseConfig { address: address(tag), count: 2, exception: 2, on: On::Read };
                self.simulator.set_refusals(device as u8 + 1, &[refused]).expect("an address");
            }
            Fault::Unreachable | Fault::HalfOpen | Fault::Garbage => {}
        }
    }

    fn repair(&self) {
        self.line.repair();
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
