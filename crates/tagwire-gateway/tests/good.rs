//! Configurations that must pass, and what comes of them.

use std::io;
use std::path::Path;
use std::time::Duration;

use tagwire_gateway::config::{Anonymous, Config, Files, Security};
use tagwire_gateway::drivers::DRIVERS;
use tagwire_model::{Access, Deadband};

/// Files in memory.
struct Memory(Vec<(&'static str, String)>);

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let found = self.0.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| text.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn load(toml: &str, lists: &[(&'static str, &str)]) -> Config {
    let lists = lists.iter().map(|(name, text)| (*name, (*text).to_owned()));
    let files = Memory(std::iter::once(("plant.toml", toml.to_owned())).chain(lists).collect());
    Config::load_from(Path::new("plant.toml"), &files, DRIVERS).unwrap_or_else(|problems| panic!("{problems}"))
}

const SAMPLE: &str = r#"
version = 1
[server]
name = "plant-a"
data_dir = "tagwire-data"
[ua]
listen = "127.0.0.1:4840"
security = ["none", "basic256sha256"]
anonymous = "write"
[[link]]
name = "line1"
driver = "modbus-tcp"
address = "127.0.0.1:5020"
  [[link.device]]
  name = "press"
  unit = 1
  scan = "100ms"
  tags_csv = "press.csv"
    [[link.device.tag]]
    name = "temperature"
    address = "40001"
    type = "f32"
    order = "CDAB"
    access = "rw"
"#;

const KEPWARE: &str = "; exported\r\nTag Name,Address,Data Type,Respect Data Type,Client Access,Scan Rate,Scaling,Raw Low,Raw High,Scaled Low,Scaled High,Scaled Data Type,Clamp Low,Clamp High,Eng Units,Description,Negate Value\r\n\
\"Level\",\"40010\",Word,1,R/W,100,Linear,0,1000,0,100,Double,0,1,\"%\",\"how full, roughly\",0\r\n\
\"Hall.Lamp\",\"000017\",Boolean,1,RO,100,,,,,,,,,,\"\",\r\n\
\"Shifts\",\"40020[8]\",Short Array,1,RO,100,None,,,,,,,,,\"\",\r\n\
\"Count\",\"40040\",LBCD,1,RO,100,,,,,,,,,,\"\",\r\n";

#[test]
fn the_shape_of_the_sample_holds() {
    let config = load(SAMPLE, &[("press.csv", KEPWARE)]);
    assert_eq!((config.server.name.as_str(), config.n_tags()), ("plant-a", 5));
    assert_eq!(config.ua.security, [Security::None, Security::Basic256Sha256]);
    assert_eq!(config.ua.anonymous, Anonymous::Write);
    let device = &config.links[0].devices[0];
    assert_eq!(device.common.duration("scan"), Some(Duration::from_millis(100)));
    let temperature = &device.tags[0];
    assert_eq!(temperature.spec.value_type.to_string(), "f32");
    assert_eq!(temperature.spec.settings.text("order"), Some("CDAB"));
    assert_eq!(temperature.spec.access, Access::READ_WRITE);
}

#[test]
fn a_list_of_kepware_is_taken_unchanged() {
    let config = load(SAMPLE, &[("press.csv", KEPWARE)]);
    let tags = &config.links[0].devices[0].tags[1..];
    let shown: Vec<String> = tags
        .iter()
        .map(|tag| format!("{} {} {} {}", tag.name, tag.spec.address, tag.spec.value_type, tag.spec.access))
        .collect();
    let expected =
        ["Level 40010 u16 rw", "Hall.Lamp 000017 bool ro", "Shifts 40020[8] i16[8] ro", "Count 40040:LBCD u32 ro"];
    assert_eq!(shown, expected);
    let level = &tags[0];
    assert_eq!(level.client_type().to_string(), "f64");
    let info = level.info.as_ref().expect("unit and description");
    assert_eq!((info.unit.as_str(), info.description.as_str()), ("%", "how full, roughly"));
    assert!(tags.iter().all(|tag| tag.spec.scan.is_none()), "the device does not respect the tags' rates");
}

#[test]
fn a_list_of_kepware_for_another_driver_is_taken_unchanged() {
    let toml = "version = 1\n[[link]]\nname = \"line2\"\ndriver = \"s7\"\naddress = \"127.0.0.1\"\n\
        [[link.device]]\nname = \"press\"\ntags_csv = \"press.csv\"\n";
    let list = "Tag Name,Address,Data Type\nA,\"DB1,W10\",BCD\nB,\"MD4\",LBCD\nC,\"DB1,W30[4]\",BCD Array\n";
    let config = load(toml, &[("press.csv", list)]);
    let tags = &config.links[0].devices[0].tags;
    let shown: Vec<String> = tags.iter().map(|tag| format!("{} {}", tag.spec.address, tag.spec.value_type)).collect();
    assert_eq!(shown, ["DB1,BCD10 u16", "MLBCD4 u32", "DB1,BCD30[4] u16[4]"]);
}

#[test]
fn a_slash_in_the_address_of_a_text_is_a_part_of_it() {
    let toml = "version = 1\n[[link]]\nname = \"line2\"\ndriver = \"opcua\"\naddress = \"opc.tcp://127.0.0.1\"\n\
        [[link.device]]\nname = \"press\"\ntags_csv = \"press.csv\"\n";
    let config = load(toml, &[("press.csv", "name,address,type\na,nsu=urn:p;s=Plant/Line/20,string\n")]);
    assert_eq!(config.links[0].devices[0].tags[0].spec.address, "nsu=urn:p;s=Plant/Line/20");
}

#[test]
fn rates_of_a_list_count_where_the_device_respects_them() {
    let config = load(&SAMPLE.replace("unit = 1", "unit = 1\nscan_mode = \"tag\""), &[("press.csv", KEPWARE)]);
    assert_eq!(config.links[0].devices[0].tags[1].spec.scan, Some(Duration::from_millis(100)));
}

#[test]
fn a_list_of_our_own_has_every_key_of_a_tag() {
    let list = "name,address,type,order,access,scan,unit,eu_low,eu_high,deadband,description,node_id\n\
        a,40001,f32,CDAB,rw,50ms,bar,0,10,5%,pressure,ns=3;i=7\n";
    let toml = SAMPLE.replace("anonymous = \"write\"", "anonymous = \"write\"\nnamespaces = [\"urn:old\"]");
    let config = load(&toml, &[("press.csv", list)]);
    let tag = &config.links[0].devices[0].tags[1];
    assert_eq!(tag.spec.scan, Some(Duration::from_millis(50)));
    let info = tag.info.as_ref().expect("info");
    assert_eq!(info.deadband, Deadband::Percent(5.0));
    assert_eq!(info.node_id.as_ref().map(ToString::to_string).as_deref(), Some("ns=3;i=7"));
}

#[test]
fn a_server_without_a_word_about_security_is_safe_and_reachable() {
    let config = load("version = 1\n", &[]);
    let listen: Vec<String> = config.ua.listen_or_default().iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["0.0.0.0:4840", "[::]:4840"]);
    assert_eq!(
        (config.ua.security.as_slice(), config.ua.anonymous),
        (
            &[
                Security::Basic256Sha256,
                Security::Aes128Sha256RsaOaep,
                Security::Aes256Sha256RsaPss,
                Security::EccNistP256AesGcm,
                Security::EccNistP384AesGcm,
            ][..],
            Anonymous::None
        )
    );
    assert!(config.warnings.iter().any(|warning| warning.problem.starts_with("nobody can log in")));
    let open = load("version = 1\n[ua]\nanonymous = \"read\"\n", &[]);
    assert_eq!(open.ua.listen_or_default().len(), 1);
    assert!(open.ua.listen_or_default()[0].is_loopback());
}

#[test]
fn what_is_open_to_the_network_is_pointed_out() {
    let toml = "version = 1\n[ua]\nlisten = \"0.0.0.0:4840\"\nsecurity = [\"none\"]\nanonymous = \"write\"\n";
    let lines: Vec<u32> = load(toml, &[]).warnings.iter().map(|warning| warning.line).collect();
    assert_eq!(lines, [4, 5]);
}

const TEMPLATE: &str = r#"
version = 1
[[template]]
name = "Motor"
parameters = ["base"]
defaults = { hall = "A" }
structure = true
  [[template.tag]]
  name = "speed"
  address = "4{base + 1:05}"
  type = "u16"
  description = "Speed in hall {hall}"
  [[template.tag]]
  name = "current"
  address = "4{base + 2:05}"
  type = "f32"
[[link]]
name = "line1"
driver = "modbus-tcp"
address = "127.0.0.1:5020"
  [[link.device]]
  name = "plc1"
    [[link.device.instance]]
    template = "Motor"
    name = "drive.M{n}"
    parameters = { base = "{n * 10 + 90}" }
    repeat = [1, 3]
  [[link.device]]
  name = "plc2"
  unit = 2
    [[link.device.instance]]
    template = "Motor"
    name = "M9"
    parameters = { base = 500, hall = "B" }
"#;

#[test]
fn one_template_makes_the_tags_of_many_devices() {
    let config = load(TEMPLATE, &[]);
    let tags = |device: usize| -> Vec<String> {
        let tags = &config.links[0].devices[device].tags;
        tags.iter().map(|tag| format!("{} {} {}", tag.name, tag.spec.address, tag.spec.value_type)).collect()
    };
    let expected = [
        "drive.M1.speed 400101 u16",
        "drive.M1.current 400102 f32",
        "drive.M2.speed 400111 u16",
        "drive.M2.current 400112 f32",
        "drive.M3.speed 400121 u16",
        "drive.M3.current 400122 f32",
    ];
    assert_eq!(tags(0), expected);
    assert_eq!(tags(1), ["M9.speed 400501 u16", "M9.current 400502 f32"]);
    let described =
        |device: usize| config.links[0].devices[device].tags[0].info.as_ref().map(|info| info.description.as_str());
    assert_eq!((described(0), described(1)), (Some("Speed in hall A"), Some("Speed in hall B")));
    assert_eq!(config.structures.types.len(), 1, "all instances have one type");
    assert_eq!(config.structures.groups.len(), 4);
}

#[test]
fn derived_tags_have_the_type_that_their_kind_gives() {
    let toml = SAMPLE.to_owned()
        + r#"
[[derived]]
name = "calc.copy"
kind = "link"
inputs = ["line1.press.Count"]
output = "line1.press.Level"
on = "rate"
rate = "2s"
[[derived]]
name = "calc.hot"
kind = "expression"
inputs = ["line1.press.temperature", "level=line1.press.Level", "up=line1.press._System._NoError"]
expression = "if up { temperature > 50 && level > 10 } else { false }"
type = "bool"
[[derived]]
name = "calc.mean"
kind = "average"
inputs = "line1.press.temperature"
window = "10m"
"#;
    let config = load(&toml, &[("press.csv", KEPWARE)]);
    let shown: Vec<String> = config
        .derived
        .iter()
        .map(|derived| format!("{} {} {}", derived.name, derived.value_type, derived.source()))
        .collect();
    let expected = [
        "calc.copy u32 line1.press.Count -> line1.press.Level",
        "calc.hot bool if up { temperature > 50 && level > 10 } else { false }",
        "calc.mean f64 average(line1.press.temperature)",
    ];
    assert_eq!(shown, expected);
    assert_eq!(config.n_tags(), 8);
}
