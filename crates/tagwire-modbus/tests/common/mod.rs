//! A link from configuration text, and a supervisor's manners in few lines.
#![allow(dead_code, unreachable_pub, reason = "each test file uses another part")]

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tagwire_driver::{
    Block, DeviceSpec, DriverKind, Key, KeyKind, LinkError, LinkSpec, PolledDriver, Readings, Refusal, Setting,
    Settings, TagSpec,
};
use tagwire_modbus::codec::Framing;
use tagwire_modbus::simulator::Simulator;
use tagwire_modbus::{ModbusDriver, ModbusKind};
use tagwire_model::{Access, Status, TagId, Value, ValueType};
use tokio::time::timeout;
use toml::{Table, Value as Toml};

pub const TIMEOUT: Duration = Duration::from_secs(1);

/// The first link of a configuration in the product's own shape, each key checked as the gateway checks it.
pub fn link(text: &str) -> LinkSpec {
    let config: Table = text.parse().expect("TOML");
    let link = config["link"][0].as_table().expect("a link");
    let devices = link.get("device").and_then(Toml::as_array).map_or(&[][..], Vec::as_slice);
    let spec = LinkSpec {
        name: string(link, "name"),
        kind: string(link, "driver"),
        address: string(link, "address"),
        settings: settings(link, ModbusKind.link_keys(), &["name", "driver", "address", "device"]),
        devices: devices.iter().map(|device| self::device(device.as_table().expect("a device"))).collect(),
    };
    ModbusKind.check_link(&spec.kind, &spec.address, &spec.settings).unwrap_or_else(|e| panic!("{e}: {}", e.fix));
    for device in &spec.devices {
        for tag in &device.tags {
            ModbusKind.check_tag(&device.settings, tag).unwrap_or_else(|e| panic!("{}: {e}: {}", tag.address, e.fix));
        }
    }
    spec
}

fn device(device: &Table) -> DeviceSpec {
    let tags = device.get("tag").and_then(Toml::as_array).map_or(&[][..], Vec::as_slice);
    let common = ["name", "scan", "tag"];
    DeviceSpec {
        name: string(device, "name"),
        settings: settings(device, ModbusKind.device_keys(), &common),
        tags: tags.iter().enumerate().map(|(idx, tag)| self::tag(idx, tag.as_table().expect("a tag"))).collect(),
    }
}

fn tag(idx: usize, tag: &Table) -> TagSpec {
    let address = string(tag, "address");
    let value_type = match tag.get("type") {
        Some(name) => ValueType::parse(name.as_str().expect("text")).expect("type"),
        None => ModbusKind.default_type(&address).expect("an address with a type"),
    };
    TagSpec {
        id: TagId(idx as u32),
        address,
        value_type,
        access: tag
            .get("access")
            .map_or(Access::READ, |text| Access::parse(text.as_str().expect("text")).expect("access")),
        scan: None,
        scaling: None,
        settings: settings(tag, ModbusKind.tag_keys(), &["name", "address", "type", "access", "scan"]),
    }
}

fn string(table: &Table, key: &str) -> String {
    table.get(key).map_or("", |text| text.as_str().expect("text")).to_owned()
}

fn settings(table: &Table, keys: &[Key], common: &[&str]) -> Settings {
    let mut settings = Settings::new();
    for (name, value) in table.iter().filter(|(name, _)| !common.contains(&name.as_str())) {
        let key = keys.iter().find(|key| key.name == name).unwrap_or_else(|| panic!("unknown key {name}"));
        let setting = match (key.kind, value) {
            (KeyKind::Bool, Toml::Boolean(on)) => Setting::Bool(*on),
            (KeyKind::Integer { min, max }, Toml::Integer(n)) if (min..=max).contains(n) => Setting::Integer(*n),
            (KeyKind::Text, Toml::String(text)) => Setting::Text(text.clone()),
            (KeyKind::Choice(words), Toml::String(text)) if words.contains(&text.as_str()) => {
                Setting::Text(text.clone())
            }
            _ => panic!("{name} = {value} does not fit"),
        };
        settings.set(key.name, setting);
    }
    settings
}

/// A driver on in-memory streams that lead to a simulator.
pub struct Bench {
    pub driver: ModbusDriver,
    pub simulator: Simulator,
    pub n_connects: Arc<AtomicUsize>,
    pub link: LinkSpec,
}

pub fn framing(kind: &str) -> Framing {
    match kind {
        "modbus-tcp" => Framing::Tcp,
        "modbus-rtu" | "modbus-rtu-over-tcp" => Framing::Rtu,
        _ => Framing::Ascii,
    }
}

impl Bench {
    pub async fn new(config: &str, simulator: &str) -> Self {
        let simulator = Simulator::new(&toml::from_str(simulator).expect("simulator")).expect("simulator");
        Self::with(link(config), simulator).await
    }

    pub async fn with(link: LinkSpec, simulator: Simulator) -> Self {
        let n_connects = Arc::new(AtomicUsize::new(0));
        let (far, count, framing) = (simulator.clone(), n_connects.clone(), framing(&link.kind));
        let connector = move || {
            count.fetch_add(1, Ordering::SeqCst);
            let (near, end) = tokio::io::duplex(4096);
            let far = far.clone();
            tokio::spawn(async move { far.serve(end, framing).await });
            Ok::<_, io::Error>(near)
        };
        let mut driver = ModbusDriver::new(&link, Box::new(connector)).expect("a driver");
        driver.connect().await.expect("in memory");
        Self { driver, simulator, n_connects, link }
    }

    pub fn blocks(&self, device: usize) -> Vec<Block> {
        let all: Vec<u32> = (0..self.link.devices[device].tags.len() as u32).collect();
        self.driver.plan(device, &all, &[])
    }

    /// Reads all tags of a device, with one attempt; what a supervisor does after a failure included.
    pub async fn poll(&mut self, device: usize) -> Poll {
        let blocks = self.blocks(device);
        let mut readings = Readings::default();
        let outcome = timeout(TIMEOUT, self.driver.read(&blocks, &mut readings)).await;
        let outcome = self.after(outcome).await;
        let values = readings.values.into_iter().map(|(_, tag, value, _)| (tag, value)).collect();
        let failed = readings.failed.into_iter().map(|(_, tag, status)| (tag, status)).collect();
        let refused = readings.answers.into_iter().filter_map(|(_, answer)| answer.err()).collect();
        Poll { outcome, values, failed, refused }
    }

    pub async fn write(&mut self, device: usize, writes: &[(u32, Value)]) -> (Outcome, Vec<Result<(), Refusal>>) {
        let mut results = Vec::new();
        let outcome = timeout(TIMEOUT, self.driver.write(device, writes, &mut results)).await;
        (self.after(outcome).await, results)
    }

    async fn after(&mut self, outcome: Result<Result<(), LinkError>, tokio::time::error::Elapsed>) -> Outcome {
        let (outcome, reconnect) = match outcome {
            Ok(Ok(())) => (Outcome::Done, false),
            Ok(Err(_)) => (Outcome::LinkFailed, true),
            Err(_) => (Outcome::TimedOut, self.driver.reconnect_after_timeout()),
        };
        if reconnect {
            self.driver.disconnect();
            self.driver.connect().await.expect("in memory");
        }
        outcome
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    LinkFailed,
    TimedOut,
}

#[derive(Debug)]
pub struct Poll {
    pub outcome: Outcome,
    pub values: BTreeMap<u32, Value>,
    pub failed: BTreeMap<u32, Status>,
    pub refused: Vec<Refusal>,
}

impl Poll {
    pub fn value(&self, tag: u32) -> &Value {
        self.values.get(&tag).unwrap_or_else(|| panic!("no value of tag {tag} in {self:?}"))
    }
}

/// A configuration with one device; `tags` are lines of `address type access`.
pub fn config(kind: &str, device_keys: &str, tags: &[(&str, &str)]) -> String {
    let address = if kind.ends_with("tcp") { "127.0.0.1:502" } else { "/dev/ttyS0" };
    let mut text = format!(
        "[[link]]\nname = \"line\"\ndriver = \"{kind}\"\naddress = \"{address}\"\n[[link.device]]\nname = \"press\"\n{device_keys}\n"
    );
    for (idx, (address, value_type)) in tags.iter().enumerate() {
        let access = if address.starts_with(['1', '3']) { "ro" } else { "rw" };
        text += &format!("[[link.device.tag]]\nname = \"t{idx}\"\naddress = \"{address}\"\naccess = \"{access}\"\n");
        if !value_type.is_empty() {
            text += &format!("type = \"{value_type}\"\n");
        }
    }
    text
}
