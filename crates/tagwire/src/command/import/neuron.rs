//! Neuron's tag list, CSV or Excel, as rows of ours: a group of Neuron is a group here, a station number a device.

use super::list::{Cells, Table};
use super::plan::{Device, Row, usable_name};
use super::report::Report;
use super::words::neuron_type;

/// Reads the tags of a list into devices: one for each station number where addresses have them, else one.
pub(super) fn read(table: &Table, template: &Device, driver: &str, report: &mut Report) -> Result<Vec<Device>, String> {
    if !table.has("address") {
        return Err("the list has no column \"address\"".to_owned());
    }
    let is_modbus = driver.starts_with("modbus");
    let mut devices: Vec<(Option<u8>, Device)> = Vec::new();
    for cells in table.rows() {
        let (unit, address) = match station(cells.get("address")) {
            Some((unit, rest)) if is_modbus => (Some(unit), rest),
            _ => (None, cells.get("address")),
        };
        let Some(row) = row(cells, address, report) else { continue };
        let at = devices.iter().position(|(known, _)| *known == unit).unwrap_or_else(|| {
            devices.push((unit, Device { keys: template.keys.clone(), ..Device::default() }));
            devices.len() - 1
        });
        devices[at].1.tags.push(row);
    }
    let is_one = devices.len() == 1;
    let named = devices.into_iter().map(|(unit, mut device)| {
        device.name = match unit {
            Some(unit) if !is_one => format!("{}_{unit}", template.name),
            _ => template.name.clone(),
        };
        if let Some(unit) = unit {
            device.set("unit", i64::from(unit));
        }
        device
    });
    if table.has("precision") {
        report.remark("the column precision was not taken over: values keep all their digits");
    }
    Ok(named.collect())
}

/// The station number of `1!400001` and what follows it.
fn station(address: &str) -> Option<(u8, &str)> {
    let (number, rest) = address.split_once('!')?;
    Some((number.trim().parse().ok()?, rest))
}

fn row(cells: Cells<'_>, address: &str, report: &mut Report) -> Option<Row> {
    let (group, name) = (cells.get("group"), cells.get("name"));
    let path = if group.is_empty() { name.to_owned() } else { format!("{group}.{name}") };
    let origin = format!("line {}", cells.line);
    let (usable, is_renamed) = usable_name(&path);
    if is_renamed {
        report.change(&path, &origin, format!("is called \"{usable}\" here"));
    }
    let attribute = cells.get("attribute").to_ascii_lowercase();
    if attribute.contains("static") {
        report.leave_out(&path, &origin, "a static tag lies in no device: make it one of the sim driver");
        return None;
    }
    let Some(value_type) = neuron_type(cells.get("type")) else {
        report.leave_out(&path, &origin, format!("the type \"{}\" has no counterpart", cells.get("type")));
        return None;
    };
    let mut row = Row::new(origin, usable, address);
    row.set("type", value_type);
    row.set(
        "access",
        match (attribute.contains("read") || attribute.contains("subscribe"), attribute.contains("write")) {
            (false, true) => "wo",
            (true, true) => "rw",
            (_, false) => "ro",
        },
    );
    if let Ok(millis) = cells.get("interval").parse::<u64>() {
        row.set("scan", format!("{}ms", millis.max(10)));
    }
    let number = |heading: &str| cells.get(heading).parse::<f64>().ok().filter(|number| number.is_finite());
    let (factor, offset) = (number("decimal").filter(|factor| *factor != 0.0), number("bias").unwrap_or_default());
    let factor = factor.unwrap_or(1.0);
    if factor != 1.0 || offset != 0.0 {
        row.set("scaling", "linear");
        row.set("raw_low", "0");
        row.set("raw_high", "1000");
        row.set("scaled_low", offset.to_string());
        row.set("scaled_high", (1000.0 * factor + offset).to_string());
        row.set("scaled_type", "f64");
    }
    row.set("description", cells.get("description"));
    Some(row)
}
