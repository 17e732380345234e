//! Configurations that must pass.

use std::io;
use std::path::Path;

use tagwire_driver::{AddressError, BuildError, Driver, DriverKind, Key, KeyKind, LinkSpec, Settings, TagSpec};
use tagwire_gateway::config::{Config, Files};
use tagwire_model::{DataType, ValueType};

struct Fake;

impl DriverKind for Fake {
    fn names(&self) -> &'static [&'static str] {
        &["modbus-tcp"]
    }
    fn device_keys(&self) -> &'static [Key] {
        &[Key { name: "unit", kind: KeyKind::Integer { min: 0, max: 255 }, default: "1", doc: "unit" }]
    }
    fn tag_keys(&self) -> &'static [Key] {
        &[Key { name: "order", kind: KeyKind::Choice(&["ABCD", "CDAB"]), default: "ABCD", doc: "order" }]
    }
    fn check_link(&self, _: &str, _: &str, _: &Settings) -> Result<(), BuildError> {
        Ok(())
    }
    fn check_tag(&self, _: &Settings, _: &TagSpec) -> Result<(), AddressError> {
        Ok(())
    }
    fn default_type(&self, _: &str) -> Option<ValueType> {
        Some(ValueType::scalar(DataType::UInt16))
    }
    fn build(&self, _: &LinkSpec) -> Result<Driver, BuildError> {
        unreachable!()
    }
}

struct Memory(Vec<(&'static str, String)>);

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let found = self.0.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| text.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
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

#[test]
fn sample() {
    let csv = "Tag Name,Address,Data Type,Respect Data Type,Client Access,Scan Rate,Scaling,Raw Low,Raw High,Scaled Low,Scaled High,Scaled Data Type,Clamp Low,Clamp High,Eng Units,Description,Negate Value\n\"Level\",\"40010\",Word,1,R/W,100,Linear,0,1000,0,100,Double,0,1,\"%\",\"\",0\n";
    let files = Memory(vec![("tagwire.toml", SAMPLE.to_owned()), ("press.csv", csv.to_owned())]);
    let config = Config::load_from(Path::new("tagwire.toml"), &files, &[&Fake]).unwrap_or_else(|p| panic!("{p}"));
    println!("{config:#?}");
}

#[test]
fn speed() {
    let mut csv = String::from(
        "Tag Name,Address,Data Type,Respect Data Type,Client Access,Scan Rate,Scaling,Raw Low,Raw High,Scaled Low,Scaled High,Scaled Data Type,Clamp Low,Clamp High,Eng Units,Description,Negate Value\n",
    );
    for idx in 0..100_000 {
        csv.push_str(&format!("\"Tag{idx}\",\"4{idx:05}\",Word,1,R/W,100,,,,,,,,,,\"\",\n"));
    }
    let files = Memory(vec![("tagwire.toml", SAMPLE.to_owned()), ("press.csv", csv)]);
    let start = std::time::Instant::now();
    let config = Config::load_from(Path::new("tagwire.toml"), &files, &[&Fake]).unwrap_or_else(|p| panic!("{p}"));
    println!("{} tags {:?}", config.n_tags(), start.elapsed());
}

#[test]
fn bad() {
    let text = SAMPLE
        .replace("unit = 1", "unti = 1\nscan_rate = 5")
        .replace("100ms", "100")
        .replace("\"f32\"", "\"float\"")
        .replace("rw", "write")
        .replace("modbus-tcp", "modbus-tpc");
    let files = Memory(vec![("tagwire.toml", text), ("press.csv", "Tag,b\n".to_owned())]);
    println!("{}", Config::load_from(Path::new("tagwire.toml"), &files, &[&Fake]).err().unwrap());
    let text = SAMPLE
        .replace("unit = 1", "unti = 1\nscan_rate = 5")
        .replace("100ms", "100")
        .replace("\"f32\"", "\"float\"")
        .replace("rw", "write")
        .replace("name = \"line1\"", "");
    let files = Memory(vec![
        ("tagwire.toml", text),
        ("press.csv", "name,address\n,\na,\n,b\na.b,1\na,2\n\"x\"x,1\n".to_owned()),
    ]);
    println!("{}", Config::load_from(Path::new("tagwire.toml"), &files, &[&Fake]).err().unwrap());
}
