//! A link from configuration text, for the tests of drivers.

use tagwire_model::{Access, TagId, ValueType};
use toml::{Table, Value as Toml};

use crate::{DeviceSpec, DriverKind, Key, KeyKind, LinkSpec, Setting, Settings, TagSpec};

/// The first link of a configuration in the product's own shape, each key checked as the gateway checks it.
///
/// # Panics
/// Where the text is no such configuration, with what is wrong.
pub fn link(kind: &dyn DriverKind, text: &str) -> LinkSpec {
    let config: Table = text.parse().expect("TOML");
    let link = config["link"][0].as_table().expect("a link");
    let devices = link.get("device").and_then(Toml::as_array).map_or(&[][..], Vec::as_slice);
    let spec = LinkSpec {
        name: string(link, "name"),
        kind: string(link, "driver"),
        address: string(link, "address"),
        settings: settings(link, kind.link_keys(), &["name", "driver", "address", "device"]),
        devices: devices.iter().map(|device| self::device(kind, device.as_table().expect("a device"))).collect(),
    };
    kind.check_link(&spec.kind, &spec.address, &spec.settings).unwrap_or_else(|e| panic!("{e}: {}", e.fix));
    for device in &spec.devices {
        for tag in &device.tags {
            kind.check_tag(&device.settings, tag).unwrap_or_else(|e| panic!("{}: {e}: {}", tag.address, e.fix));
        }
    }
    spec
}

fn device(kind: &dyn DriverKind, device: &Table) -> DeviceSpec {
    let tags = device.get("tag").and_then(Toml::as_array).map_or(&[][..], Vec::as_slice);
    let common = ["name", "scan", "tag"];
    DeviceSpec {
        name: string(device, "name"),
        settings: settings(device, kind.device_keys(), &common),
        tags: tags.iter().enumerate().map(|(idx, tag)| self::tag(kind, idx, tag.as_table().expect("a tag"))).collect(),
    }
}

fn tag(kind: &dyn DriverKind, idx: usize, tag: &Table) -> TagSpec {
    let address = string(tag, "address");
    let value_type = match tag.get("type") {
        Some(name) => ValueType::parse(name.as_str().expect("text")).expect("type"),
        None => kind.default_type(&address).expect("an address with a type"),
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
        settings: settings(tag, kind.tag_keys(), &["name", "address", "type", "access", "scan"]),
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
            (KeyKind::Float, Toml::Float(number)) => Setting::Float(*number),
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
