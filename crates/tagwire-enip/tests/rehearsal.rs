//! The supervisor's rehearsal of faults over the driver, the whole codec and simulated controllers, on a simulated clock.

mod common;

use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::testing::{self, Fault, Line, Plug, Rig, rehearse};
use tagwire_driver::{DeviceSettings, Driver, LinkSettings, LinkSetup, SystemTags};
use tagwire_enip::simulator::{self, Shape, SignalConfig, Simulator, SimulatorConfig, TagConfig};
use tagwire_enip::{EnipDriver, EnipKind};
use tagwire_model::TagId;

struct Enip {
    keys: &'static str,
    simulator: Simulator,
    line: Arc<Line>,
}

const N_DEVICES: u8 = 3;

impl Enip {
    fn new(keys: &'static str, seed: u64) -> Self {
        let clock = |tag| SignalConfig {
            address: format!("T{tag}"),
            shape: Shape::Counter,
            period: Duration::from_millis(1),
            low: 0.0,
            high: f64::from(u32::MAX),
        };
        let tag = |tag| TagConfig {
            name: format!("T{tag}"),
            program: None,
            kind: "UDINT".to_owned(),
            count: None,
            value: None,
            read_only: false,
        };
        let controller = |slot| SimulatorConfig {
            seed,
            slot,
            tags: (0..Self::N_TAGS).map(tag).collect(),
            signals: (0..Self::N_TAGS).map(clock).collect(),
            delay: Duration::from_millis(1 + seed % 5),
            ..SimulatorConfig::default()
        };
        let configs: Vec<SimulatorConfig> = (0..N_DEVICES).map(controller).collect();
        Self { keys, simulator: Simulator::chassis(&configs).expect("valid"), line: Arc::default() }
    }
}

impl Rig for Enip {
    fn setup(&self, devices: &[DeviceSettings]) -> LinkSetup {
        let mut text = "[[link]]\nname = \"line\"\ndriver = \"enip\"\naddress = \"127.0.0.1\"\n".to_owned();
        for slot in 0..devices.len() {
            text += &format!("[[link.device]]\nname = \"d{slot}\"\npath = \"1,{slot}\"\n{}\n", self.keys);
            for tag in 0..Self::N_TAGS {
                text += &format!(
                    "[[link.device.tag]]\nname = \"t{tag}\"\naddress = \"T{tag}\"\ntype = \"u32\"\naccess = \"rw\"\n"
                );
            }
        }
        let mut spec = testing::link(&EnipKind, &text);
        for (device, spec) in spec.devices.iter_mut().enumerate() {
            for (tag, spec) in spec.tags.iter_mut().enumerate() {
                spec.id = TagId(device as u32 * Self::N_TAGS + tag as u32);
            }
        }
        let far = self.simulator.clone();
        let serve = move |end| {
            let far = far.clone();
            tokio::spawn(async move { far.serve(end).await });
        };
        let plug = Plug { line: self.line.clone(), serve };
        let driver = EnipDriver::new(&spec, Box::new(plug)).expect("a driver");
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
            Fault::Silent(device) => self.simulator.set_silent(device as u8, true),
            Fault::Late(late) => self.simulator.set_chances(vec![(1.0, simulator::Fault::Late(late))]),
            Fault::Refused(device, tag) => self.simulator.set_refusals(device as u8, &[&format!("T{tag}")]),
            _ => {}
        }
    }

    fn repair(&self) {
        self.line.repair();
        self.simulator.clear_faults();
        for slot in 0..N_DEVICES {
            self.simulator.set_silent(slot, false);
            self.simulator.set_refusals(slot, &[]);
        }
    }
}

fn run(keys: &'static str, seeds: std::ops::Range<u64>) {
    let one = |seed| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("runtime");
        runtime.block_on(async { rehearse(&Enip::new(keys, seed), seed, 3).await })
    };
    let broken: Vec<String> =
        seeds.filter_map(|seed| one(seed).err().map(|error| format!("seed {seed}: {error}"))).collect();
    assert!(broken.is_empty(), "{keys}: {} seeds broke a promise:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn connections_keep_every_promise() {
    run("", 0..300);
}

#[test]
fn small_connections_keep_every_promise() {
    run("connection_size = 504\nupload = false", 300..400);
}

#[test]
fn unconnected_messages_keep_every_promise() {
    run("messaging = \"unconnected\"", 400..500);
}
