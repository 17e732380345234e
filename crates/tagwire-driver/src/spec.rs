//! What a driver is built from: links, devices and tags after the configuration was checked.

use std::time::Duration;

use tagwire_model::{Access, Scaling, TagId, ValueType};

use crate::Settings;

/// One link: one connection, one protocol, one task.
#[derive(Clone, Debug)]
pub struct LinkSpec {
    /// Name, unique on the server.
    pub name: String,
    /// Kind as written in the configuration, for example `modbus-tcp`.
    pub kind: String,
    /// Where the link leads: `host:port`, a serial port; empty for drivers without a transport.
    pub address: String,
    /// The driver's own keys of `[[link]]`.
    pub settings: Settings,
    /// The devices, in the order of the configuration; a device's index is its identity towards the driver.
    pub devices: Vec<DeviceSpec>,
}

/// One device behind a link.
#[derive(Clone, Debug)]
pub struct DeviceSpec {
    /// Name, unique on its link.
    pub name: String,
    /// The driver's own keys of `[[link.device]]`.
    pub settings: Settings,
    /// The tags, in the order of the configuration; a tag's index is its identity towards the driver.
    pub tags: Vec<TagSpec>,
}

/// One tag of a device.
#[derive(Clone, Debug)]
pub struct TagSpec {
    /// Number in the live table.
    pub id: TagId,
    /// Address in the driver's own syntax.
    pub address: String,
    /// Type of the raw value that the driver delivers and takes.
    pub value_type: ValueType,
    /// What clients may do.
    pub access: Access,
    /// Scan interval of this tag alone; the device's applies when absent.
    pub scan: Option<Duration>,
    /// Scaling that the supervisor applies to raw values.
    pub scaling: Option<Box<Scaling>>,
    /// The driver's own keys of `[[link.device.tag]]`.
    pub settings: Settings,
}
