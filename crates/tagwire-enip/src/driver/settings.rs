//! The keys of the configuration that belong to EtherNet/IP.

use tagwire_driver::{AddressError, BuildError, Key, KeyKind, Settings};

use crate::codec::connection::{LARGE, SMALL};
use crate::codec::path::parse_route;

const fn key(name: &'static str, kind: KeyKind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default, doc }
}

const fn integer(min: i64, max: i64) -> KeyKind {
    KeyKind::Integer { min, max }
}

/// Keys of a device.
pub(super) const DEVICE_KEYS: &[Key] = &[
    key(
        "family",
        KeyKind::Choice(&["logix", "micro800"]),
        "logix",
        "Controllers with tags: ControlLogix, CompactLogix, GuardLogix and SoftLogix, or Micro800.",
    ),
    key(
        "path",
        KeyKind::Text,
        "1,0",
        "Way from the address to the controller, pairs of port and address: 1,0 is the backplane and slot 0; none for a Micro800.",
    ),
    key(
        "messaging",
        KeyKind::Choice(&["connected", "unconnected"]),
        "connected",
        "Whether requests go over a connection, which is faster, or each by itself.",
    ),
    key(
        "connection_size",
        integer(100, LARGE as i64),
        "4002",
        "Most bytes of a request or an answer; a controller that refuses so many gets 504.",
    ),
    key(
        "upload",
        KeyKind::Bool,
        "true",
        "Whether the driver learns from the controller's tag list how to ask for less: by number, or for whole structures. Links to the same controller with the same route share one upload.",
    ),
    key("array_block", integer(1, 10_000), "120", "Most elements of an array read in one request for several tags."),
    key("max_gap", integer(0, 1_000), "8", "Most unwanted elements of an array read to join two tags."),
];

/// A family of controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Logix,
    Micro800,
}

/// Settings of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeviceSettings {
    pub family: Family,
    pub route: Vec<u8>,
    pub is_connected: bool,
    pub connection_size: u16,
    pub upload: bool,
    pub array_block: u32,
    pub max_gap: u32,
}

/// A key whose value cannot work.
#[derive(Debug)]
pub(super) struct BadKey {
    pub key: &'static str,
    pub problem: String,
    pub fix: String,
}

impl DeviceSettings {
    pub(super) fn new(given: &Settings) -> Result<Self, BadKey> {
        let family = if given.text("family") == Some("micro800") { Family::Micro800 } else { Family::Logix };
        let path = given.text("path").unwrap_or(if family == Family::Logix { "1,0" } else { "" });
        let route = parse_route(path).map_err(|error| BadKey {
            key: "path",
            problem: error.to_string(),
            fix: "write pairs of port and address, as in \"1,0\" or \"1,3,2,10.0.0.7,1,0\"".to_owned(),
        })?;
        let unsigned = |name, default| given.integer(name).and_then(|n| u32::try_from(n).ok()).unwrap_or(default);
        let size = given.integer("connection_size").and_then(|n| u16::try_from(n).ok()).unwrap_or(LARGE);
        Ok(Self {
            family,
            route,
            is_connected: given.text("messaging") != Some("unconnected"),
            // Between the largest small connection and the large ones lies nothing that controllers offer.
            connection_size: if size > SMALL && size < 512 { SMALL } else { size },
            upload: given.bool("upload").unwrap_or(true) && family == Family::Logix,
            array_block: unsigned("array_block", 120).max(1),
            max_gap: unsigned("max_gap", 8),
        })
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
