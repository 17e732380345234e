//! Data tables: what the driver reads and writes over a simulated processor, faults included.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::simulation::On;
use tagwire_driver::testing::{self, Bench, Fault, Line, Outcome, Plug, Rig, rehearse};
use tagwire_driver::{DeviceSettings, Driver, LinkSettings, LinkSetup, LinkSpec, PolledDriver as _, SystemTags};
use tagwire_enip::pccc::{DataSignalConfig, FileConfig, PcccDriver, PcccKind, RefuseDataConfig};
use tagwire_enip::simulator::{self, Shape, Simulator, SimulatorConfig};
use tagwire_model::{Status, TagId, Value, ValueType};

fn files(plc5: bool) -> Vec<FileConfig> {
    let file = |(name, elements): &(&str, u16)| FileConfig { name: (*name).to_owned(), elements: *elements, words: 4 };
    let names = [
        ("O", 16),
        ("I", 16),
        ("S", 64),
        ("B3", 64),
        ("T4", 40),
        ("C5", 40),
        ("R6", 40),
        ("N7", 255),
        ("F8", 100),
        ("ST9", 10),
        ("L10", 100),
        ("A12", 20),
        ("D13", 20),
    ];
    names.iter().filter(|(name, _)| !plc5 || *name != "L10").map(file).collect()
}

fn config(device_keys: &str, tags: &[(&str, &str)]) -> String {
    let mut text = format!(
        "[[link]]\nname = \"line\"\ndriver = \"pccc\"\naddress = \"127.0.0.1\"\n[[link.device]]\nname = \"slc\"\n\
         {device_keys}\n"
    );
    for (idx, (address, value_type)) in tags.iter().enumerate() {
        text += &format!("[[link.device.tag]]\nname = \"t{idx}\"\naddress = \"{address}\"\naccess = \"rw\"\n");
        if !value_type.is_empty() {
            text += &format!("type = \"{value_type}\"\n");
        }
    }
    text
}

async fn bench(device_keys: &str, tags: &[(&str, &str)]) -> Bench<PcccDriver, Simulator> {
    let plc5 = device_keys.contains("plc5");
    let config_of = SimulatorConfig { plc5, files: files(plc5), ..SimulatorConfig::default() };
    let simulator = Simulator::new(&config_of).expect("a processor");
    let far = simulator.clone();
    let serve = move |end| {
        let far = far.clone();
        tokio::spawn(async move { far.serve(end).await });
    };
    let link = testing::link(&PcccKind, &config(device_keys, tags));
    let build = |link: &LinkSpec, connector| PcccDriver::new(link, connector).expect("a driver");
    Bench::new(link, simulator, serve, build).await
}

/// Address, type, value, and whether a PLC-5 has it too.
const TYPES: &[(&str, &str, &str, bool)] = &[
    ("N7:0", "", "-12345", true),
    ("N7:1", "u16", "54321", true),
    ("N7:2/5", "", "true", true),
    ("N7:3[4]", "", "[1, -2, 3, -4]", true),
    ("N7:10", "i32", "-123456789", true),
    ("N7:12", "f32", "0.5", true),
    ("B3/17", "", "true", true),
    ("B3:2", "", "4660", true),
    ("B3/62", "bool[5]", "[true, false, true, true, false]", true),
    ("T4:0.PRE", "", "500", true),
    ("T4:0.ACC", "", "123", true),
    ("T4:39.ACC", "", "7", true),
    ("T4:1/DN", "", "true", true),
    ("C5:0.PRE", "", "9", true),
    ("C5:0/CU", "", "true", true),
    ("R6:0.LEN", "", "12", true),
    ("R6:0.POS", "", "3", true),
    ("F8:0", "", "12.5", true),
    ("F8:1[3]", "", "[0.5, -1, 2]", true),
    ("ST9:0", "", "Presse 7", true),
    ("ST9:1", "", "", true),
    ("L10:0", "", "-2000000000", false),
    ("L10:1/17", "", "true", false),
    ("A12:0", "", "AB", true),
    ("D13:0", "", "1234", true),
    ("S:40", "", "77", true),
    ("O:2", "", "255", true),
    ("O:3/7", "", "true", true),
    ("I:1", "", "3", true),
];

#[tokio::test(start_paused = true)]
async fn every_type_is_written_and_comes_back() {
    for family in ["slc", "plc5"] {
        let types: Vec<_> = TYPES.iter().filter(|(.., both)| family == "slc" || *both).collect();
        let tags: Vec<(&str, &str)> = types.iter().map(|(address, value_type, ..)| (*address, *value_type)).collect();
        let mut bench = bench(&format!("family = \"{family}\""), &tags).await;
        let declared: Vec<ValueType> = bench.link.devices[0].tags.iter().map(|tag| tag.value_type).collect();
        let value = |(tag, (.., text, _)): (usize, &&(&str, &str, &str, bool))| {
            (tag as u32, Value::parse(text, declared[tag]).expect("a value"))
        };
        let writes: Vec<(u32, Value)> = types.iter().enumerate().map(value).collect();
        for write in &writes {
            let (outcome, results) = bench.write(0, std::slice::from_ref(write)).await;
            assert_eq!((outcome, results), (Outcome::Done, vec![Ok(())]), "{family} {}", tags[write.0 as usize].0);
        }
        let poll = bench.poll(0).await;
        assert_eq!((poll.outcome, &poll.refused), (Outcome::Done, &Vec::new()), "{family}");
        for (tag, written) in &writes {
            let address = tags[*tag as usize].0;
            assert_eq!(poll.value(*tag), written, "{family} {address}");
            let name = declared[*tag as usize].to_string();
            let held = bench.simulator.tables(0, |tables| tables.value(address, Some(&name)));
            assert_eq!(held.expect("a processor").expect("an address").as_ref(), Some(written), "{family} {address}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_in_blocks_as_long_as_a_reply() {
    let tags: Vec<String> = (0..250).map(|n| format!("N7:{n}")).collect();
    let tags: Vec<(&str, &str)> = tags.iter().map(|address| (address.as_str(), "")).collect();
    let mut bench = bench("", &tags).await;
    let blocks: Vec<u32> = bench.blocks(0).iter().map(|block| block.len).collect();
    assert_eq!(blocks, [118, 118, 14]);
    let before = bench.simulator.n_messages();
    assert_eq!(bench.poll(0).await.values.len(), 250);
    assert_eq!(bench.simulator.n_messages() - before, 3);
}

#[tokio::test(start_paused = true)]
async fn slots_are_never_joined_and_timers_are_read_whole() {
    let bench = bench("", &[("I:1.0", ""), ("I:1.2", ""), ("I:2.0", ""), ("T4:1.ACC", ""), ("T4:2/DN", "")]).await;
    let blocks: Vec<(u32, u32)> = bench.blocks(0).iter().map(|block| (block.start, block.len)).collect();
    assert_eq!(blocks, [(3, 6), (0, 3), (0, 1)]);
}

#[tokio::test(start_paused = true)]
async fn an_array_longer_than_one_reply_is_cut_and_joined() {
    let mut bench = bench("max_bytes = 100", &[("N7:0[250]", ""), ("F8:0[90]", "")]).await;
    let numbers: Vec<String> = (0..250).map(|n| (n * 3 - 300).to_string()).collect();
    let long = Value::parse(&numbers.join(","), ValueType::parse("i16[250]").expect("type")).expect("numbers");
    let (_, results) = bench.write(0, &[(0, long.clone())]).await;
    assert_eq!(results, [Ok(())]);
    let poll = bench.poll(0).await;
    assert_eq!(poll.value(0), &long);
    assert!(poll.values.contains_key(&1));
}

#[tokio::test(start_paused = true)]
async fn refusals_are_told_with_their_cause_and_spare_the_others() {
    let mut bench = bench("", &[("N7:0", ""), ("N99:0", ""), ("F8:99", ""), ("F8:0[101]", "")]).await;
    let poll = bench.poll(0).await;
    assert_eq!(poll.values.keys().copied().collect::<Vec<_>>(), [0]);
    assert!(poll.refused_tags.values().all(|status| *status == Status::BAD_CONFIGURATION_ERROR));
    assert!(poll.refused.iter().any(|refusal| refusal.reason.contains("data file")), "{:?}", poll.refused);
    let (_, results) = bench.write(0, &[(1, Value::Int16(1)), (0, Value::Int16(5))]).await;
    assert!(results[0].is_err() && results[1].is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_never_becomes_the_answer_to_a_later_read() {
    for late in [1001, 1500, 2500] {
        let mut bench = bench("", &[("N7:0", "")]).await;
        bench.simulator.inject(simulator::Fault::Late(Duration::from_millis(late)));
        assert_eq!(bench.poll(0).await.outcome, Outcome::TimedOut);
        for value in 2..10 {
            bench.simulator.tables(0, |tables| tables.set("N7:0", &Value::Int16(value))).expect("slot").expect("fits");
            assert_eq!(bench.poll(0).await.value(0), &Value::Int16(value), "{late} ms late");
            tokio::time::sleep(Duration::from_millis(137)).await;
        }
    }
}

/// Devices behind one address, each in a slot of its own.
struct Tables {
    family: &'static str,
    simulator: Simulator,
    line: Arc<Line>,
}

const N_DEVICES: u8 = 3;

fn address(tag: u32) -> String {
    format!("N7:{}", tag * 2)
}

impl Tables {
    fn new(family: &'static str, seed: u64) -> Self {
        let clock = |tag| DataSignalConfig {
            address: address(tag),
            value_type: Some("u32".to_owned()),
            shape: Shape::Counter,
            period: Duration::from_millis(1),
            low: 0.0,
            high: f64::from(u32::MAX),
        };
        let processor = |slot| SimulatorConfig {
            seed,
            slot,
            delay: Duration::from_millis(1 + seed % 5),
            plc5: family == "plc5",
            files: files(family == "plc5"),
            data_signals: (0..Self::N_TAGS).map(clock).collect(),
            ..SimulatorConfig::default()
        };
        let configs: Vec<SimulatorConfig> = (0..N_DEVICES).map(processor).collect();
        Self { family, simulator: Simulator::chassis(&configs).expect("valid"), line: Arc::default() }
    }
}

impl Rig for Tables {
    fn setup(&self, devices: &[DeviceSettings]) -> LinkSetup {
        let mut text = "[[link]]\nname = \"line\"\ndriver = \"pccc\"\naddress = \"127.0.0.1\"\n".to_owned();
        for device in 0..devices.len() {
            text += &format!(
                "[[link.device]]\nname = \"d{device}\"\nfamily = \"{}\"\npath = \"1,{device}\"\n",
                self.family
            );
            for tag in 0..Self::N_TAGS {
                text += &format!(
                    "[[link.device.tag]]\nname = \"t{tag}\"\naddress = \"{}\"\ntype = \"u32\"\naccess = \"rw\"\n",
                    address(tag)
                );
            }
        }
        let mut spec = testing::link(&PcccKind, &text);
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
        let driver = PcccDriver::new(&spec, Box::new(Plug { line: self.line.clone(), serve })).expect("a driver");
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
            Fault::Refused(device, tag) => {
                let refused = RefuseDataConfig { address: address(tag), count: 2, extended: 6, on: On::Read };
                let set = self.simulator.tables(device as u8, |tables| tables.set_refusals(&[refused]));
                set.expect("a processor").expect("an address");
            }
            Fault::Unreachable | Fault::HalfOpen | Fault::Garbage => {}
        }
    }

    fn repair(&self) {
        self.line.repair();
        self.simulator.clear_faults();
        for slot in 0..N_DEVICES {
            self.simulator.set_silent(slot, false);
            self.simulator.tables(slot, |tables| tables.set_refusals(&[])).expect("a processor").expect("none");
        }
    }
}

#[test]
fn data_tables_keep_every_promise() {
    let mut broken = Vec::new();
    for seed in 0..500 {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("runtime");
        let family = if seed < 400 { "slc" } else { "plc5" };
        let run = async { rehearse(&Tables::new(family, seed), seed, 3).await };
        broken.extend(runtime.block_on(run).err().map(|error| format!("seed {seed}: {error}")));
    }
    assert!(broken.is_empty(), "{} seeds broke a promise:\n{}", broken.len(), broken.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_know_commands_is_told_so() {
    let simulator = Simulator::new(&SimulatorConfig::default()).expect("a controller");
    let link = testing::link(&PcccKind, &config("", &[("N7:0", "")]));
    let connector = move || {
        let (near, end) = tokio::io::duplex(4096);
        let simulator = simulator.clone();
        tokio::spawn(async move { simulator.serve(end).await });
        Ok::<_, io::Error>(near)
    };
    let mut driver = PcccDriver::new(&link, Box::new(connector)).expect("a driver");
    driver.connect().await.expect("in memory");
    let blocks = driver.plan(0, &[0], &[]);
    let mut readings = tagwire_driver::Readings::default();
    driver.read(&blocks, &mut readings).await.expect("answered");
    let (_, refusal) = &readings.answers[0];
    assert_eq!(refusal.as_ref().map_err(|refusal| refusal.status), Err(Status::BAD_NOT_SUPPORTED));
}

const TEXT: &str = include_str!("../../../docs/drivers/pccc.md");

fn sample(n: usize) -> &'static str {
    let rest = TEXT.split("```toml\n").nth(n + 1).expect("a sample");
    rest.split("```").next().expect("its end")
}

#[tokio::test(start_paused = true)]
async fn the_samples_of_the_documentation_work_together() {
    let config: SimulatorConfig = toml::from_str(sample(1)).expect("TOML");
    let simulator = Simulator::new(&config).expect("a processor");
    let far = simulator.clone();
    let serve = move |end| {
        let far = far.clone();
        tokio::spawn(async move { far.serve(end).await });
    };
    let link = testing::link(&PcccKind, sample(0));
    let build = |link: &LinkSpec, connector| PcccDriver::new(link, connector).expect("a driver");
    let mut bench = Bench::new(link, simulator, serve, build).await;
    let writes = [(0, Value::Int16(7)), (1, Value::Boolean(true)), (4, Value::text("Recipe 8"))];
    assert_eq!(bench.write(0, &writes).await.1, [Ok(()), Ok(()), Ok(())]);
    let poll = bench.poll(0).await;
    assert_eq!((poll.value(0), poll.value(1)), (&Value::Int16(7), &Value::Boolean(true)));
    assert_eq!((poll.value(2), poll.value(4)), (&Value::Float(21.5), &Value::text("Recipe 8")));
    assert!(matches!(poll.value(3), Value::Int16(0..=1000)));
    assert_eq!(poll.value(5).to_string(), "[1, 2, 3, 4, 5]");
}

#[test]
fn the_table_of_keys_is_that_of_the_driver() {
    use tagwire_driver::DriverKind as _;
    for key in PcccKind.device_keys() {
        let default = if key.default.is_empty() { String::new() } else { format!(" {}", key.default) };
        let row = format!("| `{}` |{default} | {} |", key.name, key.doc);
        assert!(TEXT.contains(&row), "the reference lacks this line:\n{row}");
    }
}
