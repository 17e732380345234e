//! The list of tags that a controller itself gives: every value a tag, members of structures in groups.

use std::path::PathBuf;

use tagwire_driver::{DeviceSpec, LinkSpec, Setting, Settings};

use super::plan::{Plan, Row, usable_name};
use super::report::Report;
use super::{Imported, check, place};
use crate::args::{ImportControllerArgs, ImportFileArgs};
use crate::command::controller::{MAX_LEAVES, is_named, list};
use crate::failure::Failure;

/// The same wishes as for a list in a file.
pub(super) fn as_list(args: &ImportControllerArgs) -> ImportFileArgs {
    ImportFileArgs {
        file: PathBuf::from(&args.address),
        out: args.out.clone(),
        driver: Some(args.driver.clone()),
        address: Some(args.address.clone()),
        link: args.link.clone(),
        device: args.device.clone(),
        settings: args.settings.clone(),
        scan_rates: false,
        overwrite: args.overwrite,
        json: args.json,
    }
}

/// Name of a tag or group: a dot makes a group, so that a structure is a folder with its members.
fn name_of(address: &str) -> String {
    let plain = address.strip_prefix("Program:").unwrap_or(address);
    usable_name(&plain.replace(':', "_")).0
}

/// Name of a type of structures that clients can make a class of.
fn type_of(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_ascii_alphabetic()) { plain } else { format!("T{plain}") }
}

/// Asks the controller and makes a tag of every value.
pub(super) fn import(args: &ImportControllerArgs, as_list: &ImportFileArgs) -> Result<Imported, Failure> {
    let (mut link, mut device) = place(as_list)?;
    let mut settings = Settings::new();
    for (key, value) in &device.keys {
        let known = ["path", "messaging", "family"].into_iter().find(|known| known == key);
        if let (Some(known), Some(text)) = (known, value.as_str()) {
            settings.set(known, Setting::Text(text.to_owned()));
        }
    }
    let spec = LinkSpec {
        name: link.name.clone(),
        kind: link.driver.clone(),
        address: link.address.clone(),
        settings: Settings::new(),
        devices: vec![DeviceSpec { name: device.name.clone(), settings, tags: Vec::new() }],
    };
    let symbols = list(&spec)?;
    for (scope, symbol) in &symbols.tags {
        for leaf in symbols.leaves(scope, symbol, args.depth as usize, MAX_LEAVES) {
            if !is_named(&leaf.address, &args.only) {
                continue;
            }
            let mut row = Row::new(leaf.address.clone(), name_of(&leaf.address), &leaf.address);
            row.set("type", leaf.value_type.to_string());
            row.set("access", "rw");
            row.set("description", leaf.type_name);
            device.tags.push(row);
        }
        for (type_name, address) in symbols.structures(scope, symbol, args.depth as usize, MAX_LEAVES) {
            if is_named(&address, &args.only) {
                device.structures.entry(type_of(&type_name)).or_default().push(name_of(&address));
            }
        }
    }
    link.devices.push(device);
    let mut plan = Plan { links: vec![link] };
    let mut report = Report::default();
    if symbols.tags.is_empty() {
        report.remark("the controller lists no tags");
    }
    let (files, problems) = check::mend(&mut plan, &mut report);
    Ok(Imported { plan, report, files, problems })
}
