//! Kepware's project in JSON: channels become links, devices devices, tag groups groups.

use serde_json::{Map, Value as Json};
use tagwire_gateway::drivers::DRIVERS;

use super::kepware_list::{KepwareTag, row};
use super::plan::{Device, Keys, Link, usable_part};
use super::report::Report;
use super::words::kepware_type_word;

type Object = Map<String, Json>;

/// How our driver is reached, for a driver of Kepware.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Each device names its host, in `<host>.unit` or `host`, and a port has a key of its own.
    Host { port_key: &'static str, default_port: u16 },
    /// The channel names a serial port.
    Serial,
    /// There is nothing to reach.
    Nowhere,
}

const LOGIX: Way = Way::Host { port_key: "controllogix_ethernet.DEVICE_PORT_NUMBER", default_port: 44_818 };

/// Drivers of Kepware that have a counterpart here, where this program was built with it.
const KNOWN: [(&str, &str, Way); 8] = [
    (
        "Modbus TCP/IP Ethernet",
        "modbus-tcp",
        Way::Host { port_key: "modbus_ethernet.DEVICE_ETHERNET_PORT_NUMBER", default_port: 502 },
    ),
    ("Modbus RTU Serial", "modbus-rtu", Way::Serial),
    ("Modbus ASCII Serial", "modbus-ascii", Way::Serial),
    ("Simulator", "sim", Way::Nowhere),
    ("Allen-Bradley ControlLogix Ethernet", "enip", LOGIX),
    ("Allen-Bradley Micro800 Ethernet", "enip", LOGIX),
    ("Allen-Bradley Ethernet", "pccc", LOGIX),
    (
        "Siemens TCP/IP Ethernet",
        "s7",
        Way::Host { port_key: "siemens_tcpip_ethernet.DEVICE_COMMUNICATIONS_PORT_NUMBER", default_port: 102 },
    ),
];

/// Keys of a project with tags and devices; whatever else is in it is told.
const PLAIN_KEYS: [&str; 3] = ["channels", "common.ALLTYPES_DESCRIPTION", "servermain.PROJECT_TITLE"];

/// Deepest nesting of tag groups.
const MAX_DEPTH: usize = 32;

/// Reads a project.
pub(super) fn read(text: &str, report: &mut Report) -> Result<Vec<Link>, String> {
    let json: Json = serde_json::from_str(&without_comments(text)).map_err(|error| format!("no JSON: {error}"))?;
    let project = json.get("project").unwrap_or(&json).as_object().ok_or("the file holds no project")?;
    let channels = list(project, "channels");
    if channels.is_empty() {
        return Err("the project has no channels".to_owned());
    }
    for (key, value) in project {
        let entries = value.as_array().map_or(0, Vec::len);
        if !PLAIN_KEYS.contains(&key.as_str()) && entries > 0 {
            report.remark(&format!("\"{key}\" was not taken over ({entries} entries): make its counterpart by hand"));
        }
    }
    let mut links = Vec::new();
    for channel in channels {
        links.extend(read_channel(channel, report));
    }
    Ok(links)
}

fn list<'a>(object: &'a Object, key: &str) -> Vec<&'a Object> {
    object
        .get(key)
        .and_then(Json::as_array)
        .map(|list| list.iter().filter_map(Json::as_object).collect())
        .unwrap_or_default()
}

fn text<'a>(object: &'a Object, key: &str) -> &'a str {
    object.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn integer(object: &Object, key: &str) -> Option<i64> {
    object.get(key).and_then(|value| value.as_i64().or_else(|| value.as_f64().map(|number| number as i64)))
}

fn flag(object: &Object, key: &str) -> Option<bool> {
    object.get(key).and_then(|value| value.as_bool().or_else(|| value.as_i64().map(|number| number != 0)))
}

fn name_of(object: &Object) -> &str {
    text(object, "common.ALLTYPES_NAME")
}

/// A project as Kepware saves it may have comments, which JSON has not.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '/']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = if from.starts_with('"') {
            let mut is_escaped = false;
            let close = from.char_indices().skip(1).find(|(_, c)| {
                let closes = *c == '"' && !is_escaped;
                is_escaped = *c == '\\' && !is_escaped;
                closes
            });
            let end = close.map_or(from.len(), |(at, _)| at + 1);
            out.push_str(from.get(..end).unwrap_or_default());
            end
        } else if from.starts_with("//") {
            from.find('\n').unwrap_or(from.len())
        } else if from.starts_with("/*") {
            from.find("*/").map_or(from.len(), |at| at + 2)
        } else {
            out.push('/');
            1
        };
        rest = from.get(end..).unwrap_or_default();
    }
    out + rest
}

/// The links of a channel: one for each host that its devices are at.
fn read_channel(channel: &Object, report: &mut Report) -> Vec<Link> {
    let name = name_of(channel);
    let kepware = text(channel, "servermain.MULTIPLE_TYPES_DEVICE_DRIVER");
    let is_here = |driver: &str| DRIVERS.iter().any(|kind| kind.names().contains(&driver));
    let known = KNOWN.iter().find(|(known, driver, _)| known.eq_ignore_ascii_case(kepware) && is_here(driver));
    let Some((_, driver, way)) = known else {
        for device in list(channel, "devices") {
            let n_tags = count(device, 0);
            let what = format!("{name}.{} with {n_tags} tags", name_of(device));
            report.leave_out(&what, name, format!("the driver \"{kepware}\" has no counterpart here"));
        }
        return Vec::new();
    };
    let mut links: Vec<Link> = Vec::new();
    for device in list(channel, "devices") {
        let place = format!("{name}.{}", name_of(device));
        let address = match way {
            Way::Host { port_key, default_port } => {
                let id = text(device, "servermain.DEVICE_ID_STRING");
                let Some(host) = host_of(id) else {
                    report.leave_out(&place, &place, format!("the device id \"{id}\" names no host"));
                    continue;
                };
                match integer(device, port_key) {
                    Some(port) if port != i64::from(*default_port) => format!("{host}:{port}"),
                    _ => format!("{host}:{default_port}"),
                }
            }
            Way::Serial => match integer(channel, "servermain.CHANNEL_SERIAL_COMMUNICATIONS_COM_ID") {
                Some(port) => format!("COM{port}"),
                None => "COM1".to_owned(),
            },
            Way::Nowhere => String::new(),
        };
        let at = links.iter().position(|link| link.address == address).unwrap_or_else(|| {
            let is_first = links.is_empty();
            let host = address.split(':').next().unwrap_or_default();
            let link_name = usable_part(&if is_first { name.to_owned() } else { format!("{name}_{host}") });
            if *way == Way::Serial {
                report.remark(&format!(
                    "the link {link_name} leads to {address}: on Linux that is a path such as /dev/ttyS0"
                ));
            }
            let keys = link_keys(channel, *way);
            links.push(Link { name: link_name, driver: (*driver).to_owned(), address, keys, devices: Vec::new() });
            links.len() - 1
        });
        let made = read_device(device, &place, (driver, at == 0), report);
        let link = &mut links[at];
        if *driver == "s7" {
            s7_keys(device, &mut link.keys);
        }
        for (key, unit, factor) in [
            ("servermain.DEVICE_INTER_REQUEST_DELAY_MILLISECONDS", "inter_request_delay", 1),
            ("servermain.DEVICE_CONNECTION_TIMEOUT_SECONDS", "connect_timeout", 1_000),
        ] {
            let millis = integer(device, key).map(|number| number * factor).filter(|millis| *millis > 0);
            if let Some(millis) = millis.filter(|_| *way != Way::Nowhere) {
                raise(&mut link.keys, unit, millis);
            }
        }
        link.devices.push(made);
    }
    if let [first, others @ ..] = &links[..] {
        for other in others {
            let what = format!("the devices of channel {name} at {} are on the link {} now", other.address, other.name);
            report.remark(&format!("{what}, with the NodeIds that they had beside those of {}", first.name));
        }
    }
    links
}

/// Sets a duration in milliseconds, or raises the one that another device of the link has set.
fn raise(keys: &mut Keys, name: &'static str, millis: i64) {
    let value = |millis: i64| toml::Value::String(format!("{millis}ms"));
    match keys.iter_mut().find(|(known, _)| *known == name) {
        Some((_, old)) => {
            let before = old.as_str().and_then(|text| text.strip_suffix("ms")?.parse().ok()).unwrap_or(0);
            *old = value(millis.max(before));
        }
        None => keys.push((name, value(millis))),
    }
}

/// The host of `<host>.unit`, of `<host>,1,0` and of a bare host.
fn host_of(id: &str) -> Option<&str> {
    let inner = match id.trim().strip_prefix('<') {
        Some(rest) => rest.split_once('>')?.0,
        None => id.trim(),
    };
    let host = inner.split(',').next().unwrap_or_default().trim();
    (!host.is_empty() && !host.contains(char::is_whitespace)).then_some(host)
}

fn link_keys(channel: &Object, way: Way) -> Keys {
    let mut keys: Keys = Vec::new();
    match integer(channel, "servermain.CHANNEL_WRITE_OPTIMIZATIONS_METHOD") {
        Some(1) => keys.push(("write_optimisation", "latest_non_boolean".into())),
        Some(2) => keys.push(("write_optimisation", "latest".into())),
        _ => {}
    }
    if let Some(duty) = integer(channel, "servermain.CHANNEL_WRITE_OPTIMIZATIONS_DUTY_CYCLE").filter(|duty| *duty > 0) {
        keys.push(("writes_per_read", duty.into()));
    }
    if way == Way::Serial {
        const SERIAL: &str = "servermain.CHANNEL_SERIAL_COMMUNICATIONS_";
        let number = |name: &str| integer(channel, &format!("{SERIAL}{name}"));
        for (name, key) in [("BAUD_RATE", "baud"), ("DATA_BITS", "data_bits"), ("STOP_BITS", "stop_bits")] {
            keys.extend(number(name).map(|number| (key, number.into())));
        }
        // Kepware counts parities by the letters N, O and E.
        let parity = match number("PARITY") {
            Some(79) => Some("odd"),
            Some(69) => Some("even"),
            Some(78) => Some("none"),
            _ => None,
        };
        keys.extend(parity.map(|parity| ("parity", parity.into())));
    }
    keys
}

fn read_device(json: &Object, place: &str, (driver, keeps_path): (&str, bool), report: &mut Report) -> Device {
    let mut device = Device { name: usable_part(name_of(json)), ..Device::default() };
    if device.name != name_of(json) {
        report.change(place, place, format!("is called \"{}\" here", device.name));
    }
    common_keys(json, &mut device);
    if driver.starts_with("modbus") {
        modbus_keys(json, &mut device);
    }
    if driver == "enip" {
        enip_keys(json, &mut device);
    }
    let has_own_rates = integer(json, "servermain.DEVICE_SCAN_MODE") == Some(4);
    let mut reader = TagReader { driver, has_own_rates, keeps_path, device: &mut device, report };
    reader.group(json, place, "", 0);
    device
}

fn common_keys(json: &Object, device: &mut Device) {
    const MODES: [&str; 5] = ["client", "not_faster", "all", "demand", "tag"];
    let mode = integer(json, "servermain.DEVICE_SCAN_MODE").and_then(|mode| usize::try_from(mode).ok());
    if let Some(mode) = mode.and_then(|mode| MODES.get(mode)) {
        device.set("scan_mode", *mode);
    }
    let millis = |key: &str, least: i64| integer(json, key).map(|number| format!("{}ms", number.max(least)));
    if let Some(scan) = millis("servermain.DEVICE_SCAN_MODE_RATE_MS", 10) {
        device.set("scan", scan);
    }
    if let Some(timeout) = millis("servermain.DEVICE_REQUEST_TIMEOUT_MILLISECONDS", 50) {
        device.set("request_timeout", timeout);
    }
    if let Some(attempts) = integer(json, "servermain.DEVICE_RETRY_ATTEMPTS") {
        device.set("attempts", attempts.clamp(1, 10));
    }
    if flag(json, "servermain.DEVICE_SCAN_MODE_PROVIDE_INITIAL_UPDATES_FROM_CACHE") == Some(true) {
        device.set("initial_updates_from_cache", true);
    }
    if flag(json, "servermain.DEVICE_DATA_COLLECTION") == Some(false) {
        device.set("enabled", false);
    }
    if flag(json, "servermain.DEVICE_SIMULATED") == Some(true) {
        device.set("simulated", true);
    }
    if flag(json, "servermain.DEVICE_AUTO_DEMOTION_ENABLE_ON_COMMUNICATIONS_FAILURES") == Some(true) {
        device.set("auto_demotion", true);
        if let Some(failures) = integer(json, "servermain.DEVICE_AUTO_DEMOTION_DEMOTE_AFTER_SUCCESSIVE_TIMEOUTS") {
            device.set("demotion_failures", failures.clamp(1, 30));
        }
        if let Some(period) = millis("servermain.DEVICE_AUTO_DEMOTION_PERIOD_MS", 100) {
            device.set("demotion_period", period);
        }
        if flag(json, "servermain.DEVICE_AUTO_DEMOTION_DISCARD_WRITES") == Some(true) {
            device.set("demotion_discard_writes", true);
        }
    }
}

fn modbus_keys(json: &Object, device: &mut Device) {
    // The drivers for TCP and for serial lines give the same settings other prefixes.
    let key = |name: &str| {
        let key = ["modbus_ethernet.DEVICE_", "modbus.DEVICE_"].map(|prefix| format!("{prefix}{name}"));
        key.into_iter().find(|key| json.contains_key(key))
    };
    let is = |name: &str| key(name).and_then(|key| flag(json, &key));
    let number = |name: &str| key(name).and_then(|key| integer(json, &key));
    let id = text(json, "servermain.DEVICE_ID_STRING");
    let unit = id.rsplit_once('.').map_or(id, |(_, unit)| unit).trim().parse::<i64>().ok();
    let unit = unit.or_else(|| integer(json, "servermain.DEVICE_ID_DECIMAL"));
    if let Some(unit) = unit.filter(|unit| (0..=255).contains(unit)) {
        device.set("unit", unit);
    }
    let order = match (is("MODBUS_BYTE_ORDER"), is("FIRST_WORD_LOW"), is("FIRST_DWORD_LOW")) {
        (None, None, None) => "CDAB",
        (byte, word, dword) => match (byte.unwrap_or(true), word.unwrap_or(true), dword.unwrap_or(true)) {
            (true, true, true) => "CDAB",
            (true, true, false) => "CDABGHEF",
            (true, false, true) => "EFGHABCD",
            (true, false, false) => "ABCD",
            (false, true, true) => "DCBA",
            (false, true, false) => "DCBAHGFE",
            (false, false, true) => "FEHGBADC",
            (false, false, false) => "BADC",
        },
    };
    device.set("order", order);
    if is("ZERO_BASED_ADDRESSING") == Some(false) {
        device.set("first_address", 0);
    }
    if is("ZERO_BASED_BIT_ADDRESSING") == Some(false) {
        device.set("first_bit", 1);
    }
    let has_mask = is("HOLDING_REGISTER_BIT_MASK_WRITES").or_else(|| is("HOLDING_REGISTER_BIT_MASK"));
    device.set("holding_bit_write", if has_mask == Some(true) { "mask" } else { "read-modify-write" });
    for (name, ours, default) in [
        ("MODBUS_FUNCTION_05", "function_5", true),
        ("MODBUS_FUNCTION_06", "function_6", true),
        ("MODICON_BIT_ORDER", "modicon_bit_order", false),
        ("TREAT_LONGS_AS_DOUBLE_PRECISION_UNSIGNED_DECIMAL", "longs_as_decimals", false),
    ] {
        if let Some(given) = is(name).filter(|given| *given != default) {
            device.set(ours, given);
        }
    }
    let least = |names: [&str; 2]| names.into_iter().filter_map(number).filter(|n| *n > 0).min();
    if let Some(n) = least(["OUTPUT_COILS", "INPUT_COILS"]) {
        device.set("max_read_coils", n.min(2_000));
    }
    if let Some(n) = least(["INTERNAL_REGISTERS", "HOLDING_REGISTERS"]) {
        device.set("max_read_registers", n.min(125));
    }
}

/// The way from the host to a controller, which Kepware writes behind the host: `<10.0.0.7>,1,0`.
fn enip_keys(json: &Object, device: &mut Device) {
    let id = text(json, "servermain.DEVICE_ID_STRING");
    if let Some((_, path)) = id.split_once(',').filter(|(_, path)| !path.trim().is_empty()) {
        device.set("path", path.trim());
    }
    if text(json, "servermain.MULTIPLE_TYPES_DEVICE_DRIVER").contains("Micro800") {
        device.set("family", "micro800");
    }
}

/// Rack and slot of a CPU, which belong to the connection.
fn s7_keys(json: &Object, keys: &mut Keys) {
    for (name, ours) in [("CPU_RACK", "rack"), ("CPU_SLOT", "slot")] {
        let found = json.iter().find(|(key, _)| key.ends_with(name)).and_then(|(_, value)| value.as_i64());
        if let Some(number) = found.filter(|_| keys.iter().all(|(known, _)| *known != ours)) {
            keys.push((ours, number.into()));
        }
    }
}

/// Number of tags of a device or group.
fn count(json: &Object, depth: usize) -> usize {
    let groups = if depth < MAX_DEPTH { list(json, "tag_groups") } else { Vec::new() };
    list(json, "tags").len() + groups.into_iter().map(|group| count(group, depth + 1)).sum::<usize>()
}

struct TagReader<'a> {
    driver: &'a str,
    has_own_rates: bool,
    /// Whether the paths of tags begin as they did in Kepware.
    keeps_path: bool,
    device: &'a mut Device,
    report: &'a mut Report,
}

impl TagReader<'_> {
    fn group(&mut self, json: &Object, place: &str, prefix: &str, depth: usize) {
        for tag in list(json, "tags") {
            self.tag(tag, place, prefix);
        }
        for group in list(json, "tag_groups") {
            let (name, at) = (name_of(group), format!("{place}.{}", name_of(group)));
            if depth == MAX_DEPTH {
                self.report.leave_out(&at, place, "groups lie deeper than 32 levels");
                continue;
            }
            self.group(group, &at, &format!("{prefix}{name}."), depth + 1);
        }
    }

    fn tag(&mut self, json: &Object, place: &str, prefix: &str) {
        let name = format!("{prefix}{}", name_of(json));
        let path = format!("{place}.{}", name_of(json));
        let key = |name: &str| format!("servermain.TAG_{name}");
        let number_text = |name: &str| json.get(&key(name)).map_or_else(String::new, Json::to_string);
        let type_number = |name: &str| integer(json, &key(name)).unwrap_or(-1);
        let type_of = kepware_type_word(type_number("DATA_TYPE"));
        let scaled_of = kepware_type_word(integer(json, &key("SCALING_SCALED_DATA_TYPE")).unwrap_or(9));
        let (Some((type_word, is_array)), Some((scaled_type, _))) = (type_of, scaled_of) else {
            let why = format!("the type {} is not known", type_number("DATA_TYPE"));
            return self.report.leave_out(&path, place, why);
        };
        let mut address = text(json, &key("ADDRESS")).to_owned();
        if self.driver == "sim"
            && let Some(signal) = signal(&address)
        {
            self.report.change(&path, place, format!("the address {address} is {signal} here"));
            signal.clone_into(&mut address);
        }
        let scan = if self.has_own_rates { number_text("SCAN_RATE_MILLISECONDS") } else { String::new() };
        let scaling = match integer(json, &key("SCALING_TYPE")) {
            Some(1) => "linear",
            Some(2) => "square root",
            _ => "none",
        };
        let numbers =
            ["RAW_LOW", "RAW_HIGH", "SCALED_LOW", "SCALED_HIGH"].map(|name| number_text(&format!("SCALING_{name}")));
        let flags = ["CLAMP_LOW", "CLAMP_HIGH", "NEGATE_VALUE"]
            .map(|name| flag(json, &key(&format!("SCALING_{name}"))).unwrap_or_default());
        let tag = KepwareTag {
            origin: place.to_owned(),
            path: path.clone(),
            name: &name,
            address: &address,
            type_word,
            is_array,
            access: if integer(json, &key("READ_WRITE_ACCESS")) == Some(1) { "r/w" } else { "ro" },
            scan: &scan,
            scaling,
            numbers: [&numbers[0], &numbers[1], &numbers[2], &numbers[3]],
            scaled_type,
            flags,
            unit: text(json, &key("SCALING_UNITS")),
            description: text(json, "common.ALLTYPES_DESCRIPTION"),
        };
        if let Some(mut row) = row(tag, self.driver, self.report) {
            if !self.keeps_path {
                row.set("node_id", format!("ns=2;s={path}"));
            }
            self.device.tags.push(row);
        }
    }
}

/// The signal of ours for a register of Kepware's simulator; its functions are understood as they are.
fn signal(address: &str) -> Option<&'static str> {
    let is_register = |letter: char| {
        let rest = address.strip_prefix(letter)?;
        rest.starts_with(|c: char| c.is_ascii_digit()).then_some(())
    };
    if is_register('R').is_some() {
        return Some("counter");
    }
    ['K', 'S', 'B'].into_iter().find_map(is_register).map(|()| "static")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_texts_that_look_like_them_stay() {
        let text = "{ // one\n \"a\": \"http://x\", /* two */ \"b\\\"//\": 1 }";
        let json: Json = serde_json::from_str(&without_comments(text)).expect("JSON");
        assert_eq!(json, serde_json::json!({ "a": "http://x", "b\"//": 1 }));
    }

    #[test]
    fn a_device_id_names_its_host() {
        for (id, host) in [
            ("<192.168.1.5>.1", Some("192.168.1.5")),
            ("<plc.example.org>.17", Some("plc.example.org")),
            ("<10.0.0.7>,1,0", Some("10.0.0.7")),
            ("10.0.0.8", Some("10.0.0.8")),
            ("", None),
            ("<broken", None),
        ] {
            assert_eq!(host_of(id), host, "{id}");
        }
    }

    #[test]
    fn registers_of_the_simulator_become_signals() {
        for (address, ours) in [
            ("R0001", Some("counter")),
            ("K0100.05", Some("static")),
            ("RAMP(100, 1, 2, 1)", None),
            ("S010", Some("static")),
        ] {
            assert_eq!(signal(address), ours, "{address}");
        }
    }
}
