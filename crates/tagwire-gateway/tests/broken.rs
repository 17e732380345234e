//! Broken configurations and tag lists, each with the exact text that a person gets.
//!
//! A case is a folder `testcases/config/<name>/` with `tagwire.toml` and `expected.txt`, or a pair of files
//! `testcases/csv/<name>.csv` and `<name>.txt`. `UPDATE_EXPECT=1 cargo test` writes what the program says.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tagwire_gateway::config::{Config, Files};
use tagwire_gateway::drivers::DRIVERS;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testcases");

/// The files of one folder, under their bare names.
struct Folder {
    path: PathBuf,
    replaced: Option<(&'static str, String)>,
}

impl Files for Folder {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match &self.replaced {
            Some((name, text)) if path == Path::new(name) => Ok(text.clone().into_bytes()),
            _ => fs::read(self.path.join(path)),
        }
    }
}

fn says(folder: &Folder) -> String {
    match Config::load_from(Path::new("tagwire.toml"), folder, DRIVERS) {
        Ok(config) => format!("no mistake found, {} tags\n", config.n_tags()),
        Err(problems) => format!("{problems}\n"),
    }
}

/// Compares what the program says with the file, or writes the file.
fn compare(failures: &mut String, name: &str, expected: &Path, found: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(expected, found).expect("written");
        return;
    }
    let wanted = fs::read_to_string(expected).unwrap_or_default();
    if wanted != found {
        let _ = write!(failures, "--- {name}\nexpected:\n{wanted}\nfound:\n{found}\n");
    }
}

#[test]
fn every_broken_configuration_gets_its_message() {
    let mut failures = String::new();
    let mut n_cases = 0;
    for entry in fs::read_dir(Path::new(CASES).join("config")).expect("cases") {
        let path = entry.expect("entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("name").to_owned();
        let found = says(&Folder { path: path.clone(), replaced: None });
        assert!(!found.starts_with("no mistake"), "{name}: {found}");
        compare(&mut failures, &name, &path.join("expected.txt"), &found);
        n_cases += 1;
    }
    assert!(n_cases >= 30, "{n_cases} cases");
    assert!(failures.is_empty(), "{failures}");
}

const AROUND_A_LIST: &str = r#"
version = 1
[ua]
namespaces = ["urn:old"]
[[link]]
name = "line1"
driver = "modbus-tcp"
address = "127.0.0.1:5020"
  [[link.device]]
  name = "press"
  unit = 1
  tags_csv = "LIST"
    [[link.device.tag]]
    name = "inline"
    address = "40001"
"#;

#[test]
fn every_broken_list_gets_its_message() {
    let mut failures = String::new();
    let mut n_cases = 0;
    let folder = Path::new(CASES).join("csv");
    for entry in fs::read_dir(&folder).expect("cases") {
        let path = entry.expect("entry").path();
        if path.extension().is_none_or(|extension| extension != "csv") {
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).expect("name").to_owned();
        let text = AROUND_A_LIST.replace("LIST", &name);
        let found = says(&Folder { path: folder.clone(), replaced: Some(("tagwire.toml", text)) });
        assert!(!found.starts_with("no mistake"), "{name}: {found}");
        compare(&mut failures, &name, &path.with_extension("txt"), &found);
        n_cases += 1;
    }
    assert!(n_cases >= 30, "{n_cases} cases");
    assert!(failures.is_empty(), "{failures}");
}
