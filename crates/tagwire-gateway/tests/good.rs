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
