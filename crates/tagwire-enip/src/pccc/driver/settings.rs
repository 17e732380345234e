//! The keys of the configuration that belong to data tables.

use tagwire_driver::{AddressError, BuildError, Key, KeyKind, Settings};

use crate::codec::path::parse_route;
use crate::pccc::address::Dialect;
use crate::pccc::command::MAX_DATA;

/// Keys of a device.
pub(super) const DEVICE_KEYS: &[Key] = &[
    Key {
        name: "family",
        kind: KeyKind::Choice(&["slc", "plc5"]),
        default: "slc",
        doc: "Kind of processor: SLC 500 and MicroLogix, or PLC-5.",
    },
    Key {
        name: "path",
        kind: KeyKind::Text,
        default: "",
        doc: "Way from the address to the processor, pairs of port and address; none when it has the address itself.",
    },
    Key {
        name: "max_bytes",
        kind: KeyKind::Integer { min: 84, max: MAX_DATA as i64 },
        default: "236",
        doc: "Most bytes of data in one command or reply.",
    },
    Key {
        name: "max_gap",
        kind: KeyKind::Integer { min: 0, max: 100 },
        default: "16",
        doc: "Most unwanted words read to join two blocks of a file.",
    },
];

/// Settings of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeviceSettings {
    pub dialect: Dialect,
    pub route: Vec<u8>,
    pub max_words: u32,
    pub max_gap: u32,
}

/// A key whose value cannot work.
#[derive(Debug)]
pub(super) struct BadKey {
    pub problem: String,
    pub fix: String,
}

impl DeviceSettings {
    pub(super) fn new(given: &Settings) -> Result<Self, BadKey> {
        let route = parse_route(given.text("path").unwrap_or_default()).map_err(|error| BadKey {
            problem: error.to_string(),
            fix: "write pairs of port and address, as in \"1,0\"".to_owned(),
        })?;
        let number = |name, default| given.integer(name).and_then(|n| u32::try_from(n).ok()).unwrap_or(default);
        Ok(Self {
            dialect: if given.text("family") == Some("plc5") { Dialect::Plc5 } else { Dialect::Slc },
            route,
            max_words: number("max_bytes", 236) / 2,
            max_gap: number("max_gap", 16),
        })
    }
}

impl From<BadKey> for AddressError {
    fn from(bad: BadKey) -> Self {
        Self { problem: format!("path: {}", bad.problem), fix: bad.fix }
    }
}

impl From<BadKey> for BuildError {
    fn from(bad: BadKey) -> Self {
        Self { key: "path", problem: bad.problem, fix: bad.fix }
    }
}
