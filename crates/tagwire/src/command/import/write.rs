//! A plan as files: `tagwire.toml` and one tag list for each device.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::plan::{COLUMNS, Device, Plan};

/// Name of the configuration.
pub(super) const CONFIG: &str = "tagwire.toml";

/// A file that an import writes.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) text: String,
}

/// All files of a plan, the configuration first; the tag lists follow in the order of the devices.
pub(super) fn files(plan: &Plan) -> Vec<File> {
    let mut text = "version = 1\n".to_owned();
    let mut lists = Vec::new();
    for link in &plan.links {
        let _ = writeln!(text, "\n[[link]]\nname = {}\ndriver = {}", quoted(&link.name), quoted(&link.driver));
        if !link.address.is_empty() {
            let _ = writeln!(text, "address = {}", quoted(&link.address));
        }
        for (key, value) in &link.keys {
            let _ = writeln!(text, "{key} = {value}");
        }
        for device in &link.devices {
            let _ = writeln!(text, "\n  [[link.device]]\n  name = {}", quoted(&device.name));
            for (key, value) in &device.keys {
                let _ = writeln!(text, "  {key} = {value}");
            }
            let name = list_name(&link.name, &device.name, &lists);
            let _ = writeln!(text, "  tags_csv = {}", quoted(&name));
            text.push_str(&structure_tables(&device.structures));
            lists.push(File { name, text: list(device) });
        }
    }
    std::iter::once(File { name: CONFIG.to_owned(), text }).chain(lists).collect()
}

/// The tables that make structures of groups, by the names of their types.
pub(super) fn structure_tables(structures: &BTreeMap<String, Vec<String>>) -> String {
    let mut text = String::new();
    for (type_name, groups) in structures {
        let groups: Vec<String> = groups.iter().map(|group| quoted(group).to_string()).collect();
        let (kind, groups) = (quoted(type_name), groups.join(", "));
        let _ = writeln!(text, "\n    [[link.device.structure]]\n    type = {kind}\n    groups = [{groups}]");
    }
    text
}

/// A name of a file that every file system takes, and that no other device has.
fn list_name(link: &str, device: &str, taken: &[File]) -> String {
    let plain = |text: &str| -> String {
        text.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' }).collect()
    };
    let base = format!("{}.{}", plain(link), plain(device));
    let names = std::iter::once(base.clone()).chain((2..).map(|n| format!("{base}_{n}")));
    let is_free = |name: &String| taken.iter().all(|file| !file.name.eq_ignore_ascii_case(name));
    names.map(|name| name + ".csv").find(is_free).unwrap_or_default()
}

/// The tags of a device; columns that no tag needs are left out.
fn list(device: &Device) -> String {
    let used: Vec<usize> = (0..COLUMNS.len())
        .filter(|idx| *idx < 4 || device.tags.iter().any(|row| !row.cells[*idx].is_empty()))
        .collect();
    let mut text = used.iter().map(|idx| COLUMNS[*idx]).collect::<Vec<_>>().join(",");
    text.push('\n');
    for row in &device.tags {
        for (at, idx) in used.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            put_cell(&mut text, &row.cells[*idx]);
        }
        text.push('\n');
    }
    text
}

fn put_cell(out: &mut String, cell: &str) {
    // A line that begins like a comment would be passed over.
    if cell.contains([',', '"', ';', '\t']) || cell.starts_with('#') || cell.trim() != cell {
        out.push('"');
        out.push_str(&cell.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(cell);
    }
}

fn quoted(text: &str) -> toml::Value {
    toml::Value::String(text.to_owned())
}
