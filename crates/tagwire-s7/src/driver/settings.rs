//! The keys of the configuration that belong to S7.

use tagwire_driver::{BuildError, Key, KeyKind, Settings};

use crate::codec::{MAX_PDU, MIN_PDU, Tsap};

const fn key(name: &'static str, kind: KeyKind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default, doc }
}

const fn integer(min: i64, max: i64) -> KeyKind {
    KeyKind::Integer { min, max }
}

/// Keys of a link.
pub(super) const LINK_KEYS: &[Key] = &[
    key("rack", integer(0, 7), "0", "Rack of the CPU."),
    key(
        "slot",
        integer(0, 31),
        "1",
        "Slot of the CPU: 1 for an S7-1200/1500, 2 for an S7-300, as configured for an S7-400.",
    ),
    key(
        "connection",
        KeyKind::Choice(&["pg", "op", "basic"]),
        "op",
        "Kind of connection: as a programming device, as an operator panel, or basic.",
    ),
    key("local_tsap", KeyKind::Text, "01.00", "Transport selector of this end, two bytes in hexadecimal."),
    key(
        "remote_tsap",
        KeyKind::Text,
        "",
        "Transport selector of the CPU instead of rack, slot and connection, as for LOGO! and S7-200.",
    ),
    key(
        "pdu",
        integer(MIN_PDU as i64, MAX_PDU as i64),
        "960",
        "Longest message in bytes that is asked for; the CPU may agree on less.",
    ),
    key("jobs", integer(1, 32), "8", "Most jobs under way at once that are asked for; the CPU may agree on less."),
    key("max_items", integer(1, 255), "20", "Most items in one job."),
];

/// Keys of a device.
pub(super) const DEVICE_KEYS: &[Key] = &[key(
    "max_gap",
    integer(0, 200),
    "32",
    "Most unwanted bytes read to join two blocks; half as many timers or counters.",
)];

/// A link's keys, checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkSettings {
    pub local: Tsap,
    pub remote: Tsap,
    pub pdu: u16,
    pub jobs: u16,
    pub max_items: usize,
}

impl LinkSettings {
    pub(super) fn new(given: &Settings) -> Result<Self, BuildError> {
        let number = |name, default: u16| given.integer(name).and_then(|n| u16::try_from(n).ok()).unwrap_or(default);
        let kind = match given.text("connection") {
            Some("pg") => 1,
            Some("basic") => 3,
            _ => 2,
        };
        let remote = match tsap(given, "remote_tsap")? {
            None => Tsap::cpu(kind, number("rack", 0) as u8, number("slot", 1) as u8),
            Some(tsap) => {
                if let Some(key) = ["rack", "slot", "connection"].into_iter().find(|key| given.setting(key).is_some()) {
                    let problem = format!("both {key} and remote_tsap are given");
                    return Err(BuildError { key: "remote_tsap", problem, fix: "leave one of them out".to_owned() });
                }
                tsap
            }
        };
        Ok(Self {
            local: tsap(given, "local_tsap")?.unwrap_or(Tsap(0x0100)),
            remote,
            pdu: number("pdu", MAX_PDU),
            jobs: number("jobs", 8),
            max_items: usize::from(number("max_items", 20)),
        })
    }
}

fn tsap(given: &Settings, name: &'static str) -> Result<Option<Tsap>, BuildError> {
    let Some(text) = given.text(name) else { return Ok(None) };
    Tsap::parse(text).map(Some).ok_or_else(|| BuildError {
        key: name,
        problem: format!("\"{text}\" is no transport selector"),
        fix: "write two bytes in hexadecimal, as in \"10.00\"".to_owned(),
    })
}

/// A device's keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeviceSettings {
    pub max_gap: u32,
}

impl DeviceSettings {
    pub(super) fn new(given: &Settings) -> Self {
        Self { max_gap: given.integer("max_gap").and_then(|n| u32::try_from(n).ok()).unwrap_or(32) }
    }
}

#[cfg(test)]
mod tests {
    use tagwire_driver::Setting;

    use super::*;

    #[test]
    fn rack_slot_and_connection_make_the_selector() {
        let remote = |keys: &[(&'static str, Setting)]| {
            let mut given = Settings::new();
            keys.iter().for_each(|(name, setting)| given.set(name, setting.clone()));
            LinkSettings::new(&given).map(|settings| settings.remote.to_string()).map_err(|error| error.key)
        };
        let text = |text: &str| Setting::Text(text.to_owned());
        assert_eq!(remote(&[]).as_deref(), Ok("02.01"));
        assert_eq!(remote(&[("slot", Setting::Integer(2)), ("connection", text("pg"))]).as_deref(), Ok("01.02"));
        assert_eq!(remote(&[("rack", Setting::Integer(1)), ("connection", text("basic"))]).as_deref(), Ok("03.21"));
        assert_eq!(remote(&[("remote_tsap", text("10.00"))]).as_deref(), Ok("10.00"));
        assert_eq!(remote(&[("remote_tsap", text("ten"))]), Err("remote_tsap"));
        assert_eq!(remote(&[("remote_tsap", text("10.00")), ("slot", Setting::Integer(2))]), Err("remote_tsap"));
        assert_eq!(remote(&[("local_tsap", text("1"))]), Err("local_tsap"));
    }

    #[test]
    fn defaults_in_the_reference_are_those_that_apply() {
        let settings = LinkSettings::new(&Settings::new()).unwrap_or_else(|e| panic!("{e}"));
        let keys = [LINK_KEYS, DEVICE_KEYS].concat();
        let shown = |name: &str| keys.iter().find(|key| key.name == name).map_or("", |key| key.default);
        for (name, applied) in [
            ("local_tsap", settings.local.to_string()),
            ("pdu", settings.pdu.to_string()),
            ("jobs", settings.jobs.to_string()),
            ("max_items", settings.max_items.to_string()),
            ("max_gap", DeviceSettings::new(&Settings::new()).max_gap.to_string()),
        ] {
            assert_eq!(shown(name), applied, "{name}");
        }
        let default = Tsap::cpu(2, shown("rack").parse().expect("rack"), shown("slot").parse().expect("slot"));
        assert_eq!(settings.remote, default);
    }
}
