//! The keys of the configuration that belong to Modbus.

use tagwire_driver::{Key, KeyKind, Settings};

use crate::address::Numbering;
use crate::codec::{MAX_READ_BITS, MAX_READ_REGISTERS, MAX_WRITE_BITS, MAX_WRITE_REGISTERS};
use crate::item::Encoding;
use crate::order::Order;

const fn key(name: &'static str, kind: KeyKind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default, doc }
}

const fn integer(min: i64, max: i64) -> KeyKind {
    KeyKind::Integer { min, max }
}

/// Keys of a serial link.
pub(super) const LINK_KEYS: &[Key] = &[
    key("baud", integer(50, 4_000_000), "19200", "Speed of the serial line in bits per second."),
    key("parity", KeyKind::Choice(&["none", "even", "odd"]), "none", "Parity bit of the serial line."),
    key("data_bits", integer(7, 8), "8", "Data bits per character; RTU needs 8."),
    key("stop_bits", integer(1, 2), "1", "Stop bits per character."),
];

/// Keys of a device.
pub(super) const DEVICE_KEYS: &[Key] = &[
    key("unit", integer(0, 255), "1", "Unit identifier of the device; 1 to 247 on a serial line."),
    key("device_id", KeyKind::Text, "", "The unit as Kepware writes it, 1 or <10.0.0.5>.1, instead of unit."),
    key("order", KeyKind::Choice(&Order::NAMES), "ABCD", "Byte and word order of numbers; that of a tag wins."),
    key("first_address", integer(0, 1), "1", "Number of the first item of each table: 40001 (1) or 40000 (0)."),
    key("first_bit", integer(0, 1), "0", "Number of the least significant bit of a register."),
    key(
        "modicon_bit_order",
        KeyKind::Bool,
        "false",
        "Whether the first bit of a register is its most significant one.",
    ),
    key("longs_as_decimals", KeyKind::Bool, "false", "Whether 32-bit integers are two registers of 0 to 9999."),
    key(
        "max_read_registers",
        integer(1, MAX_READ_REGISTERS as i64),
        "125",
        "Most registers that the device gives in one answer.",
    ),
    key("max_read_coils", integer(1, MAX_READ_BITS as i64), "2000", "Most coils that the device gives in one answer."),
    key(
        "max_write_registers",
        integer(1, MAX_WRITE_REGISTERS as i64),
        "123",
        "Most registers that the device takes in one request.",
    ),
    key(
        "max_write_coils",
        integer(1, MAX_WRITE_BITS as i64),
        "1968",
        "Most coils that the device takes in one request.",
    ),
    key("max_gap", integer(0, 124), "16", "Most unwanted registers read to join two blocks; 16 times as many coils."),
    key("function_5", KeyKind::Bool, "true", "Whether single coils are written with function 5 instead of 15."),
    key("function_6", KeyKind::Bool, "true", "Whether single registers are written with function 6 instead of 16."),
    key(
        "holding_bit_write",
        KeyKind::Choice(&["off", "mask", "read-modify-write"]),
        "off",
        "How a bit of a holding register is written: function 22, or by reading and writing the whole register.",
    ),
    key("in_flight", integer(1, 16), "1", "Most requests under way at once, modbus-tcp only."),
    key(
        "header_check",
        KeyKind::Choice(&["strict", "lenient"]),
        "strict",
        "Whether an answer with another transaction, protocol or unit number in its TCP header is refused.",
    ),
];

/// Keys of a tag.
pub(super) const TAG_KEYS: &[Key] =
    &[key("order", KeyKind::Choice(&Order::NAMES), "", "Byte and word order of this tag; wins over the device's.")];

/// How bits of holding registers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HoldingBitWrite {
    Off,
    Mask,
    ReadModifyWrite,
}

/// A device's keys, checked.
#[derive(Clone, Debug)]
pub(super) struct DeviceSettings {
    pub unit: u8,
    /// The host in `device_id`.
    pub host: Option<String>,
    pub encoding: Encoding,
    pub numbering: Numbering,
    pub max_read_registers: u32,
    pub max_read_coils: u32,
    pub max_write_registers: u32,
    pub max_write_coils: u32,
    pub max_gap: u32,
    pub function_5: bool,
    pub function_6: bool,
    pub holding_bit_write: HoldingBitWrite,
    pub in_flight: usize,
    pub lenient: bool,
}

/// A key with a value that cannot be used.
pub(super) struct BadKey {
    pub key: &'static str,
    pub problem: String,
    pub fix: String,
}

impl DeviceSettings {
    pub(super) fn new(given: &Settings) -> Result<Self, BadKey> {
        let number = |name, default| given.integer(name).and_then(|n| u32::try_from(n).ok()).unwrap_or(default);
        let small = |name, default| given.integer(name).and_then(|n| u8::try_from(n).ok()).unwrap_or(default);
        let (host, unit) = match (given.text("device_id"), given.integer("unit")) {
            (Some(_), Some(_)) => {
                let problem = "both unit and device_id are given".to_owned();
                return Err(BadKey { key: "device_id", problem, fix: "leave one of them out".to_owned() });
            }
            (Some(id), None) => device_id(id)?,
            (None, _) => (None, small("unit", 1)),
        };
        let numbering = Numbering { first_address: small("first_address", 1), first_bit: small("first_bit", 0) };
        let encoding = Encoding {
            order: order(given, "order")?.unwrap_or_default(),
            longs_as_decimals: given.bool("longs_as_decimals").unwrap_or(false),
            modicon_bits: given.bool("modicon_bit_order").unwrap_or(false),
            first_bit: numbering.first_bit,
        };
        let holding_bit_write = match given.text("holding_bit_write") {
            Some("mask") => HoldingBitWrite::Mask,
            Some("read-modify-write") => HoldingBitWrite::ReadModifyWrite,
            _ => HoldingBitWrite::Off,
        };
        Ok(Self {
            unit,
            host,
            encoding,
            numbering,
            max_read_registers: number("max_read_registers", u32::from(MAX_READ_REGISTERS)),
            max_read_coils: number("max_read_coils", u32::from(MAX_READ_BITS)),
            max_write_registers: number("max_write_registers", u32::from(MAX_WRITE_REGISTERS)),
            max_write_coils: number("max_write_coils", u32::from(MAX_WRITE_BITS)),
            max_gap: number("max_gap", 16),
            function_5: given.bool("function_5").unwrap_or(true),
            function_6: given.bool("function_6").unwrap_or(true),
            holding_bit_write,
            in_flight: number("in_flight", 1) as usize,
            lenient: given.text("header_check") == Some("lenient"),
        })
    }
}

/// The order under a key, when given.
pub(super) fn order(given: &Settings, name: &'static str) -> Result<Option<Order>, BadKey> {
    let Some(text) = given.text(name) else { return Ok(None) };
    Order::parse(text).map(Some).ok_or_else(|| BadKey {
        key: name,
        problem: format!("\"{text}\" is no byte order"),
        fix: format!("write one of {}", Order::NAMES.join(", ")),
    })
}

/// `1` or `<10.0.0.5>.1`, also without the angle brackets.
fn device_id(text: &str) -> Result<(Option<String>, u8), BadKey> {
    let (host, unit) = match text.trim().rsplit_once('.') {
        Some((host, unit)) => (Some(host.trim_start_matches('<').trim_end_matches('>').to_owned()), unit),
        None => (None, text.trim()),
    };
    match unit.parse() {
        Ok(unit) if host.as_deref() != Some("") => Ok((host, unit)),
        _ => Err(BadKey {
            key: "device_id",
            problem: format!("\"{text}\" is no device id"),
            fix: "write the unit, as in \"1\", or the host and the unit, as in \"<10.0.0.5>.1\"".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_ids_of_both_forms() {
        for (text, host, unit) in [
            ("1", None, 1),
            ("<10.0.0.5>.17", Some("10.0.0.5"), 17),
            ("10.0.0.5.17", Some("10.0.0.5"), 17),
            ("<plc-7.example>.255", Some("plc-7.example"), 255),
        ] {
            let (found_host, found_unit) = device_id(text).unwrap_or_else(|e| panic!("{text}: {}", e.problem));
            assert_eq!((found_host.as_deref(), found_unit), (host, unit), "{text}");
        }
        for text in ["", "256", "press", "<10.0.0.5>", "<10.0.0.5>.x", ".1"] {
            assert!(device_id(text).is_err(), "{text}");
        }
    }

    #[test]
    fn defaults_in_the_reference_are_those_that_apply() {
        let settings = DeviceSettings::new(&Settings::new()).unwrap_or_else(|e| panic!("{}", e.problem));
        let shown = |name: &str| DEVICE_KEYS.iter().find(|key| key.name == name).map_or("", |key| key.default);
        for (name, applied) in [
            ("unit", settings.unit.to_string()),
            ("order", settings.encoding.order.letters(2).to_owned()),
            ("first_address", settings.numbering.first_address.to_string()),
            ("first_bit", settings.encoding.first_bit.to_string()),
            ("max_read_registers", settings.max_read_registers.to_string()),
            ("max_read_coils", settings.max_read_coils.to_string()),
            ("max_write_registers", settings.max_write_registers.to_string()),
            ("max_write_coils", settings.max_write_coils.to_string()),
            ("max_gap", settings.max_gap.to_string()),
            ("function_5", settings.function_5.to_string()),
            ("function_6", settings.function_6.to_string()),
            ("in_flight", settings.in_flight.to_string()),
        ] {
            assert_eq!(shown(name), applied, "{name}");
        }
    }
}
