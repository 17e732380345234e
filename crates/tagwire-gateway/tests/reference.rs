//! The reference page and the JSON schema are what the program checks with; `UPDATE_EXPECT=1` writes them anew.

use std::fs;
use std::path::Path;

use tagwire_gateway::config::{reference, schema};
use tagwire_gateway::drivers::DRIVERS;

fn compare(file: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(file);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::create_dir_all(path.parent().expect("folder")).expect("made");
        fs::write(&path, found).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == found, "{} is out of date: UPDATE_EXPECT=1 cargo test -p tagwire-gateway", path.display());
}

#[test]
fn the_reference_page_is_up_to_date() {
    compare("configuration.md", &reference(DRIVERS));
}

#[test]
fn the_schema_is_up_to_date() {
    let schema = schema(DRIVERS);
    serde_json::from_str::<serde_json::Value>(&schema).expect("JSON");
    compare("tagwire.schema.json", &schema);
}
