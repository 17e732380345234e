//! Rules about the repository itself: its arrows, its captions, the size of its files, what it must not mention.

#![allow(clippy::unwrap_used, reason = "every function here is part of a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What each crate may depend on inside the workspace.
const ARROWS: &[(&str, &[&str])] = &[
    ("tagwire-model", &[]),
    ("tagwire-forward", &["history", "model"]),
    ("tagwire-history", &["model", "hub"]),
    ("tagwire-table", &["history", "model"]),
    ("tagwire-hub", &["model", "driver"]),
    ("tagwire-access", &["model"]),
    ("tagwire-driver", &["model"]),
    ("tagwire-enip", &["driver", "model"]),
    ("tagwire-modbus", &["driver", "model"]),
    ("tagwire-s7", &["driver", "model"]),
    ("tagwire-sim", &["driver", "model"]),
    ("tagwire-ua-client", &["access", "model"]),
    ("tagwire-upstream", &["driver", "ua-client", "model"]),
    ("tagwire-ua-proto", &["model"]),
    ("tagwire-openopc", &["hub", "access", "model"]),
    ("tagwire-python", &["ua-client", "access", "model"]),
    ("tagwire-ua-server", &["ua-proto", "hub", "access", "history", "model"]),
    (
        "tagwire-gateway",
        &[
            "forward",
            "history",
            "ua-server",
            "openopc",
            "ua-client",
            "ua-proto",
            "enip",
            "modbus",
            "s7",
            "sim",
            "upstream",
            "driver",
            "hub",
            "access",
            "model",
        ],
    ),
    (
        "tagwire",
        &[
            "gateway",
            "history",
            "table",
            "hub",
            "ua-client",
            "enip",
            "modbus",
            "s7",
            "sim",
            "upstream",
            "access",
            "driver",
            "model",
        ],
    ),
    ("xtask", &[]),
    ("tagwire-tests", &["model", "ua-client", "ua-proto"]),
];

const DRIVERS: &[&str] = &["tagwire-enip", "tagwire-modbus", "tagwire-s7", "tagwire-sim", "tagwire-upstream"];
const FACES: &[&str] = &["tagwire-ua-server", "tagwire-openopc"];
const SANS_IO: &[&str] = &["tagwire-model", "tagwire-ua-proto"];
const MAX_LINES: usize = 800;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

/// Names of the dependencies that end up in the product: normal and build ones.
fn dependencies(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().unwrap();
    let shipped = all.iter().filter(|dependency| dependency["kind"] != "dev");
    shipped.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
}

/// Files of the repository, relative to its root: tracked, or new and not ignored.
fn files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    listed.lines().filter(|file| root().join(file).is_file()).map(str::to_owned).collect()
}

fn text(file: &str) -> Option<String> {
    String::from_utf8(std::fs::read(root().join(file)).unwrap()).ok()
}

fn is_source(file: &str) -> bool {
    [".rs", ".py", ".js", ".ts", ".c", ".h"].iter().any(|end| file.ends_with(end))
}

#[track_caller]
fn assert_none(what: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{what}:\n  {}", findings.join("\n  "));
}

#[test]
fn crates_depend_only_downwards() {
    let allowed: BTreeMap<&str, BTreeSet<String>> =
        ARROWS.iter().map(|(from, to)| (*from, to.iter().map(|short| format!("tagwire-{short}")).collect())).collect();
    let mut findings = Vec::new();
    for package in packages() {
        let Some(allowed) = allowed.get(name(&package)) else {
            findings.push(format!("{} has no row in ARROWS", name(&package)));
            continue;
        };
        for dependency in dependencies(&package) {
            if (dependency.starts_with("tagwire") || dependency == "xtask") && !allowed.contains(&dependency) {
                findings.push(format!("{} -> {dependency}", name(&package)));
            }
        }
    }
    assert_none("arrows that the architecture does not have", &findings);
}

#[test]
fn only_the_gateway_sees_a_driver_and_a_face() {
    let findings: Vec<String> = packages()
        .iter()
        .filter(|package| name(package) != "tagwire-gateway")
        .filter(|package| {
            let has = dependencies(package);
            DRIVERS.iter().any(|driver| has.contains(*driver)) && FACES.iter().any(|face| has.contains(*face))
        })
        .map(|package| name(package).to_owned())
        .collect();
    assert_none("crates that see a driver and a face", &findings);
}

#[test]
fn the_model_has_no_async_no_io_and_no_clock() {
    let model = packages().into_iter().find(|package| name(package) == "tagwire-model").unwrap();
    assert_eq!(dependencies(&model), BTreeSet::from(["thiserror".to_owned()]));
    let mut findings = Vec::new();
    for file in files().iter().filter(|file| file.starts_with("crates/tagwire-model/src/")) {
        let source = text(file).unwrap();
        for word in ["std::fs", "std::net", "std::io", "Instant::now", "SystemTime::now", "async fn"] {
            if source.contains(word) {
                findings.push(format!("{file}: {word}"));
            }
        }
    }
    assert_none("the model touches the world", &findings);
}

#[test]
fn protocol_crates_have_no_runtime_and_no_sockets() {
    let mut findings = Vec::new();
    for package in packages().iter().filter(|package| SANS_IO.contains(&name(package))) {
        for runtime in dependencies(package).intersection(&BTreeSet::from(["tokio".to_owned(), "socket2".to_owned()])) {
            findings.push(format!("{} -> {runtime}", name(package)));
        }
    }
    assert_none("sans-IO crates with I/O", &findings);
}

#[test]
fn every_face_maps_errors_to_its_codes_in_one_file() {
    let findings: Vec<String> = FACES
        .iter()
        .map(|face| format!("crates/{face}/src/status.rs"))
        .filter(|file| !root().join(file).exists())
        .collect();
    assert_none("missing", &findings);
}

#[test]
fn every_crate_inherits_the_lints_and_nothing_allows_unsafe() {
    let mut findings = Vec::new();
    for package in packages() {
        let manifest = std::fs::read_to_string(package["manifest_path"].as_str().unwrap()).unwrap();
        // What the macros of PyO3 write cannot be forbidden, only denied and allowed in one place.
        let own = name(&package) == "tagwire-python" && manifest.contains("unsafe_code = \"deny\"");
        if !own && !manifest.contains("[lints]\nworkspace = true") {
            findings.push(format!("{} does not inherit the workspace's lints", name(&package)));
        }
    }
    let forbidding = text("Cargo.toml").unwrap().contains("unsafe_code = \"forbid\"");
    assert!(forbidding, "the workspace no longer forbids unsafe code");
    assert_none("lints", &findings);
}

#[test]
fn captions_equal_the_descriptions() {
    let page = text("ARCHITECTURE.md").unwrap();
    let captions: BTreeMap<&str, &str> = page
        .lines()
        .filter_map(|line| line.trim_start().split_once("  "))
        .filter(|(crate_name, _)| crate_name.starts_with("tagwire") || *crate_name == "xtask")
        .map(|(crate_name, caption)| (crate_name, caption.trim()))
        .collect();
    let packages = packages();
    let mut findings: Vec<String> = packages
        .iter()
        .filter(|package| name(package) != "tagwire-tests")
        .filter(|package| captions.get(name(package)).copied() != package["description"].as_str())
        .map(|package| format!("{}: {}", name(package), package["description"]))
        .collect();
    for listed in captions.keys().filter(|listed| !packages.iter().any(|package| name(package) == **listed)) {
        findings.push(format!("{listed} is listed and does not exist"));
    }
    assert_none("ARCHITECTURE.md and the manifests differ", &findings);
}

#[test]
fn every_driver_is_documented() {
    let findings: Vec<String> = DRIVERS
        .iter()
        // A page is named as the configuration names the driver.
        .map(|driver| match *driver {
            "tagwire-upstream" => "docs/drivers/opcua.md".to_owned(),
            driver => format!("docs/drivers/{}.md", driver.trim_start_matches("tagwire-")),
        })
        .filter(|page| !root().join(page).exists())
        .collect();
    assert_none("missing", &findings);
}

#[test]
fn every_crate_opens_with_its_documentation() {
    let mut findings = Vec::new();
    for package in packages() {
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_path_buf();
        let source =
            ["src/lib.rs", "src/main.rs"].iter().find_map(|file| std::fs::read_to_string(folder.join(file)).ok());
        if !source.is_some_and(|source| source.starts_with("//! ")) {
            findings.push(name(&package).to_owned());
        }
    }
    assert_none("crates without documentation at their top", &findings);
}

#[test]
fn no_source_file_is_longer_than_800_lines() {
    let mut findings = Vec::new();
    for file in files().iter().filter(|file| is_source(file) && !file.contains("generated")) {
        let lines = text(file).map_or(0, |source| source.lines().count());
        if lines > MAX_LINES {
            findings.push(format!("{file}: {lines} lines"));
        }
    }
    assert_none("one idea per file", &findings);
}

#[test]
fn the_model_driver_stays_small() {
    let sources = files().into_iter().filter(|file| file.starts_with("crates/tagwire-sim/src/"));
    let lines: usize = sources.map(|file| text(&file).unwrap().lines().count()).sum();
    assert!(lines <= 400, "tagwire-sim has {lines} lines; it is the folder that people copy");
}

#[test]
fn no_file_mentions_a_machine_or_a_package_host() {
    let hosts = [
        ["crates", "io"],
        ["pypi", "org"],
        ["pythonhosted", "org"],
        ["npmjs", "org"],
        ["npmjs", "com"],
        ["debian", "org"],
    ];
    let mut words: Vec<String> = hosts.iter().map(|[host, end]| format!("{host}.{end}")).collect();
    words.extend(["work", "root", "home"].iter().map(|folder| format!("/{folder}/")));
    let mut findings = Vec::new();
    for file in files().iter().filter(|file| !file.ends_with("Cargo.lock")) {
        let Some(source) = text(file) else { continue };
        for (number, line) in source.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                findings.push(format!("{file}:{}: {word}", number + 1));
            }
        }
    }
    assert_none("names that mean nothing elsewhere", &findings);
}

#[test]
fn nothing_is_left_half_done() {
    let words = [["todo", "!("], ["unimplemented", "!("], ["TO", "DO"], ["FIX", "ME"], ["#[ig", "nore"], ["db", "g!("]];
    let words: Vec<String> = words.iter().map(|parts| parts.concat()).collect();
    let mut findings = Vec::new();
    for file in files().iter().filter(|file| is_source(file)) {
        let source = text(file).unwrap_or_default();
        for (number, line) in source.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                findings.push(format!("{file}:{}: {word}", number + 1));
            }
        }
    }
    assert_none("left-overs", &findings);
}

#[test]
fn every_dependency_has_a_permissive_licence() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let allowed = allowed_licences();
    let mut findings = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let licence = package["license"].as_str().unwrap_or("none given");
        if !licence_allows(licence, &allowed) {
            findings.push(format!("{}: {licence}", name(package)));
        }
    }
    assert_none("licences outside deny.toml's list", &findings);
}

/// The list that cargo-deny uses too.
fn allowed_licences() -> BTreeSet<String> {
    let policy = text("deny.toml").unwrap();
    let list = policy.split("allow = [").nth(1).unwrap().split(']').next().unwrap();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be satisfied; `AND` binds stronger than `OR`, as the expressions in use need it.
fn licence_allows(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let flat = expression.replace(['(', ')'], " ").replace('/', " OR ");
    if expression.contains(") AND ") || expression.contains(" AND (") {
        return expression.split(" AND ").all(|part| licence_allows(part.trim_matches(['(', ')', ' ']), allowed));
    }
    flat.split(" OR ").any(|choice| {
        choice.split(" AND ").all(|licence| {
            let licence = licence.split_whitespace().collect::<Vec<_>>().join(" ");
            // A plus means this version of the licence, or a later one.
            allowed.contains(licence.trim_end_matches('+'))
        })
    })
}
