//! Modbus as the gateway sees it: names, keys, checks, constructor.

use tagwire_driver::{
    AddressError, BuildError, Connector, Driver, DriverKind, Key, LinkSpec, Settings, TagSpec, TcpConnector,
};
use tagwire_model::{DataType, ValueType};

use super::ModbusDriver;
use super::connect::{Carrier, KINDS, SerialConnector, host, kind};
use super::settings::{BadKey, DEVICE_KEYS, DeviceSettings, HoldingBitWrite, LINK_KEYS, TAG_KEYS, order};
use crate::address::{Address, Numbering, Table, bad};
use crate::codec::Framing;
use crate::explain::Explanation;
use crate::item::Item;

/// The five kinds of Modbus link.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModbusKind;

impl ModbusKind {
    /// As [`DriverKind::build`], with the driver's own type, which can also read units as they are.
    ///
    /// # Errors
    /// [`BuildError`] as [`DriverKind::check_link`].
    pub fn driver(&self, link: &LinkSpec) -> Result<ModbusDriver, BuildError> {
        ModbusDriver::new(link, connector(&link.kind, &link.address, &link.settings)?)
    }

    /// What a tag's address means on a device with these settings, and the unit it asks.
    ///
    /// # Errors
    /// [`AddressError`] as [`DriverKind::check_tag`].
    pub fn explain(&self, device: &Settings, tag: &TagSpec) -> Result<(u8, Explanation), AddressError> {
        let device = DeviceSettings::new(device)?;
        Ok((device.unit, Explanation::new(&item(&device, tag)?)))
    }
}

/// Names of [`KINDS`].
const NAMES: [&str; KINDS.len()] = {
    let mut names = [""; KINDS.len()];
    let mut idx = 0;
    while idx < names.len() {
        names[idx] = KINDS[idx].0;
        idx += 1;
    }
    names
};

impl DriverKind for ModbusKind {
    fn names(&self) -> &'static [&'static str] {
        &NAMES
    }

    fn link_keys(&self) -> &'static [Key] {
        LINK_KEYS
    }

    fn device_keys(&self) -> &'static [Key] {
        DEVICE_KEYS
    }

    fn tag_keys(&self) -> &'static [Key] {
        TAG_KEYS
    }

    fn check_link(&self, kind: &str, address: &str, settings: &Settings) -> Result<(), BuildError> {
        connector(kind, address, settings).map(|_| ())
    }

    fn check_tag(&self, device: &Settings, tag: &TagSpec) -> Result<(), AddressError> {
        let device = DeviceSettings::new(device)?;
        item(&device, tag).map(|_| ())
    }

    fn doubt(&self, device: &Settings, tag: &TagSpec) -> Option<AddressError> {
        // Most addresses are no bits, and lists are long.
        if !tag.access.write || !tag.address.contains('.') || tag.value_type.data_type != DataType::Boolean {
            return None;
        }
        let device = DeviceSettings::new(device).ok()?;
        let address = Address::parse(&tag.address, device.numbering).ok()?;
        let is_stuck = address.table == Table::HoldingRegisters && device.holding_bit_write == HoldingBitWrite::Off;
        is_stuck.then(|| {
            bad(
                "clients may write this bit of a holding register, but the device takes no such writes",
                "set holding_bit_write = \"mask\" or \"read-modify-write\" on the device, or access = \"ro\"",
            )
        })
    }

    fn default_type(&self, address: &str) -> Option<ValueType> {
        // Whatever the device's first number is, it does not change the type.
        let from_one = Address::parse(address, Numbering::default());
        let parsed = from_one.or_else(|_| Address::parse(address, Numbering { first_address: 0, first_bit: 0 }));
        // A number behind the dot that is too large for a bit is a length of text only where a type says so.
        parsed.ok().filter(|address| !address.is_text_length()).map(|address| address.default_type())
    }

    fn build(&self, link: &LinkSpec) -> Result<Driver, BuildError> {
        self.driver(link).map(|driver| Driver::Polled(Box::new(driver)))
    }
}

/// What opens the stream of a link of this kind.
fn connector(name: &str, address: &str, settings: &Settings) -> Result<Box<dyn Connector>, BuildError> {
    let (carrier, framing) = kind(name).ok_or_else(|| unknown_kind(name))?;
    match carrier {
        Carrier::Serial => Ok(Box::new(SerialConnector::new(address, framing, settings)?)),
        Carrier::Tcp => {
            if let Some(key) = LINK_KEYS.iter().find(|key| settings.setting(key.name).is_some()) {
                let problem = format!("{} belongs to a serial line and the link is {name}", key.name);
                let fix = format!("leave {} out, or take driver = \"modbus-rtu\"", key.name);
                return Err(BuildError { key: key.name, problem, fix });
            }
            Ok(Box::new(TcpConnector { host: host(address)? }))
        }
    }
}

pub(super) fn unknown_kind(name: &str) -> BuildError {
    let problem = format!("\"{name}\" is no kind of Modbus link");
    BuildError { key: "driver", problem, fix: format!("write one of {}", NAMES.join(", ")) }
}

/// Checks a device's keys against its link.
pub(super) fn device(link: &LinkSpec, given: &Settings) -> Result<DeviceSettings, BuildError> {
    let device = DeviceSettings::new(given)?;
    let (carrier, framing) = kind(&link.kind).ok_or_else(|| unknown_kind(&link.kind))?;
    let wrong = |key, problem: String, fix: &str| Err(BuildError { key, problem, fix: fix.to_owned() });
    match (carrier, &device.host) {
        (Carrier::Serial, Some(host)) => {
            let problem = format!("device_id names host {host} and the link is a serial line");
            return wrong("device_id", problem, "write the unit alone");
        }
        (Carrier::Tcp, Some(named)) if *host(&link.address)?.name != **named => {
            let problem = format!("device_id names host {named} and the link leads to {}", link.address);
            return wrong("device_id", problem, "write the unit alone, or put the device on a link to its own host");
        }
        _ => {}
    }
    if framing != Framing::Tcp && device.unit == 0 {
        let problem = "unit 0 is the broadcast of a serial line, to which no device answers".to_owned();
        return wrong("unit", problem, "write the unit of the device, 1 to 247");
    }
    Ok(device)
}

/// A tag's item, when the device can serve it.
pub(super) fn item(device: &DeviceSettings, tag: &TagSpec) -> Result<Item, AddressError> {
    let mut address = Address::parse(&tag.address, device.numbering)?;
    if let Some(order) = order(&tag.settings, "order")? {
        if address.order.is_some_and(|own| own != order) {
            let problem = format!("address \"{}\" and the key order name different orders", tag.address);
            return Err(bad(problem, "leave one of them out"));
        }
        address.order = Some(order);
    }
    let item = Item::new(&address, tag.value_type, &device.encoding)?;
    if tag.access.write && !item.table.is_writable() {
        let problem = format!("{}s cannot be written", item.table);
        return Err(bad(problem, "declare access = \"ro\", or take a coil (0) or a holding register (4)"));
    }
    let (reads, writes) = limits(device, item.table);
    for (limit, wanted, verb) in [(reads, tag.access.read, "read"), (writes, tag.access.write, "write")] {
        if wanted && item.unit_group() > limit {
            let (units, key) = if item.table.is_bits() { ("coils", "coils") } else { ("registers", "registers") };
            let problem = format!("one value takes {} {units} and the device takes {limit}", item.unit_group());
            return Err(bad(problem, format!("raise max_{verb}_{key} on the device, or declare a smaller type")));
        }
    }
    Ok(item)
}

/// Most units in one read and in one write.
pub(super) const fn limits(device: &DeviceSettings, table: Table) -> (u32, u32) {
    if table.is_bits() {
        (device.max_read_coils, device.max_write_coils)
    } else {
        (device.max_read_registers, device.max_write_registers)
    }
}

impl From<BadKey> for AddressError {
    fn from(bad: BadKey) -> Self {
        Self { problem: format!("{}: {}", bad.key, bad.problem), fix: bad.fix }
    }
}

impl From<BadKey> for BuildError {
    fn from(bad: BadKey) -> Self {
        Self { key: bad.key, problem: bad.problem, fix: bad.fix }
    }
}
