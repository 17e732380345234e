//! What `docs/drivers/opcua.md` shows is what works.

use tagwire_driver::{DriverKind as _, Key, Setting, Settings, TagSpec};
use tagwire_model::{Access, TagId, ValueType};
use tagwire_upstream::OpcUaKind;
use toml::{Table, Value};

const TEXT: &str = include_str!("../../../docs/drivers/opcua.md");

#[test]
fn the_tables_of_keys_are_those_of_the_driver() {
    let row = |key: &Key| {
        let default = if key.default.is_empty() { String::new() } else { format!(" {}", key.default) };
        format!("| `{}` |{default} | {} |", key.name, key.doc)
    };
    for key in [OpcUaKind.link_keys(), OpcUaKind.device_keys(), OpcUaKind.tag_keys()].concat() {
        assert!(TEXT.contains(&row(&key)), "the reference lacks this line:\n{}", row(&key));
    }
    for name in OpcUaKind.names() {
        assert!(TEXT.contains(&format!("| `{name}` |")), "{name}");
    }
}

/// The driver's own keys of a table.
fn settings(table: &Table, keys: &[Key]) -> Settings {
    let mut settings = Settings::new();
    for key in keys {
        match table.get(key.name) {
            Some(Value::String(text)) => settings.set(key.name, Setting::Text(text.clone())),
            Some(Value::Integer(number)) => settings.set(key.name, Setting::Integer(*number)),
            Some(Value::Boolean(on)) => settings.set(key.name, Setting::Bool(*on)),
            _ => {}
        }
    }
    settings
}

#[test]
fn the_sample_is_a_link_that_passes_every_check() {
    let sample = TEXT.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a sample");
    let config: Table = sample.parse().expect("TOML");
    let link = config["link"][0].as_table().expect("a link");
    let text = |table: &Table, key: &str| table[key].as_str().expect("text").to_owned();
    let own = settings(link, OpcUaKind.link_keys());
    OpcUaKind.check_link(&text(link, "driver"), &text(link, "address"), &own).expect("the link");
    let device = link["device"][0].as_table().expect("a device");
    let of_device = settings(device, OpcUaKind.device_keys());
    assert!(OpcUaKind.has_source_history(&of_device));
    let tags = device["tag"].as_array().expect("tags");
    assert_eq!(tags.len(), 4);
    for tag in tags.iter().map(|tag| tag.as_table().expect("a tag")) {
        let spec = TagSpec {
            id: TagId(0),
            address: text(tag, "address"),
            value_type: ValueType::parse(&text(tag, "type")).expect("a type"),
            access: Access::READ,
            scan: None,
            scaling: None,
            settings: settings(tag, OpcUaKind.tag_keys()),
        };
        OpcUaKind.check_tag(&of_device, &spec).unwrap_or_else(|error| panic!("{}: {error}", spec.address));
    }
}
