//! The supervisor's rehearsal of faults over the driver, the whole codec and a simulated CPU, on a simulated clock.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::link;
use tagwire_driver::testing::{Fault, Line, Plug, Rig, rehearse};
use tagwire_driver::{DeviceSettings, Driver, LinkSettings, LinkSetup, SystemTags};
use tagwire_model::TagId;
use tagwire_s7::S7Driver;
use tagwire_s7::simulator::{self, BlockConfig, On, RefuseConfig, Shape, SignalConfig, Simulator, SimulatorConfig};

/// Each device is a data block of the one CPU.
const N_DEVICES: u16 = 3;

struct S7 {
    keys: &'static str,
    /// Bytes between the tags of a device.
    step: u32,
    simulator: Simulator,
    line: Arc<Line>,
}

impl S7 {
    fn address(&self, device: usize, tag: u32) -> String {
        format!("DB{},UDINT{}", device + 1, tag * self.step)
    }

    fn new(keys: &'static str, step: u32, cpu: SimulatorConfig, seed: u64) -> Self {
        let blocks = (1..=N_DEVICES).map(|number| BlockConfig { number, size: 0x8000, optimised: false }).collect();
        let mut config = SimulatorConfig { seed, blocks, delay: Duration::from_millis(1 + seed % 5), ..cpu };
        let mut rig = Self { keys, step, simulator: Simulator::new(&config).expect("valid"), line: Arc::default() };
        for device in 0..usize::from(N_DEVICES) {
            config.signals.extend((0..Self::N_TAGS).map(|tag| SignalConfig {
                address: rig.address(device, tag),
                value_type: None,
                shape: Shape::Counter,
                period: Duration::from_millis(1),
                low: 0.0,
                high: f64::from(u32::MAX),
            }));
        }
        rig.simulator = Simulator::new(&config).expect("valid");
        rig
    }
}

impl Rig for S7 {
    fn setup(&self, devices: &[DeviceSettings]) -> LinkSetup {
        let mut text = format!("[[link]]\nname = \"cpu\"\ndriver = \"s7\"\naddress = \"127.0.0.1\"\n{}\n", self.keys);
        for device in 0..devices.len() {
            text += &format!("[[link.device]]\nname = \"d{device}\"\n");
            for tag in 0..Self::N_TAGS {
                let address = self.address(device, tag);
                text += &format!("[[link.device.tag]]\nname = \"t{tag}\"\naddress = \"{address}\"\naccess = \"rw\"\n");
            }
        }
        let mut spec = link(&text);
        for (device, spec) in spec.devices.iter_mut().enumerate() {
            for (tag, spec) in spec.tags.iter_mut().enumerate() {
                spec.id = TagId(device as u32 * Self::N_TAGS + tag as u32);
            }
        }
        let simulator = self.simulator.clone();
        let serve = move |device| {
            let simulator = simulator.clone();
            tokio::spawn(async move { simulator.serve(device).await });
        };
        let plug = Plug { line: self.line.clone(), serve };
        let driver = S7Driver::new(&spec, Box::new(plug)).expect("a driver");
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
            Fault::Silent(device) => self.simulator.set_silent(device as u16 + 1, true),
            Fault::Late(late) => self.simulator.set_chances(vec![(1.0, simulator::Fault::Late(late))]),
            Fault::Refused(device, tag) => {
                let refused = RefuseConfig { address: self.address(device, tag), count: 4, code: 5, on: On::Read };
                self.simulator.set_refusals(&[refused]).expect("an address");
            }
            Fault::Unreachable | Fault::HalfOpen | Fault::Garbage => {}
        }
    }

    fn repair(&self) {
        self.line.repair();
        self.simulator.clear_faults();
        (1..=N_DEVICES).for_each(|block| self.simulator.set_silent(block, false));
        self.simulator.set_refusals(&[]).expect("none");
    }
}

fn run(keys: &'static str, step: u32, cpu: &SimulatorConfig, seeds: std::ops::Range<u64>) {
    let one = |seed| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("runtime");
        runtime.block_on(async { rehearse(&S7::new(keys, step, cpu.clone(), seed), seed, 3).await })
    };
    let broken: Vec<String> =
        seeds.filter_map(|seed| one(seed).err().map(|error| format!("seed {seed}: {error}"))).collect();
    assert!(broken.is_empty(), "{} seeds broke a promise:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn blocks_of_neighbours_keep_every_promise() {
    run("", 4, &SimulatorConfig::default(), 0..300);
}

#[test]
fn scattered_items_and_parallel_jobs_keep_every_promise() {
    let cpu = SimulatorConfig { pdu: 240, jobs: 3, ..SimulatorConfig::default() };
    run("max_items = 3", 200, &cpu, 300..450);
}

#[test]
fn a_cpu_with_one_job_keeps_every_promise() {
    let cpu = SimulatorConfig { pdu: 240, jobs: 1, ..SimulatorConfig::default() };
    run("", 100, &cpu, 450..500);
}
