//! Kepware's tag list (CSV) as rows of ours.

use tagwire_gateway::config::kepware::{with_digits, with_lengths, without_text_length};

use super::list::{Cells, Table};
use super::plan::{Device, Row, usable_name};
use super::report::Report;
use super::words::kepware_type;

/// What a tag of Kepware says, whether it comes from a list or from a project.
#[derive(Default)]
pub(super) struct KepwareTag<'a> {
    pub(super) origin: String,
    /// Path in messages.
    pub(super) path: String,
    pub(super) name: &'a str,
    pub(super) address: &'a str,
    /// Type without ` Array`.
    pub(super) type_word: &'a str,
    pub(super) is_array: bool,
    pub(super) access: &'a str,
    /// Milliseconds; empty when they do not count.
    pub(super) scan: &'a str,
    pub(super) scaling: &'a str,
    /// Raw low, raw high, scaled low, scaled high.
    pub(super) numbers: [&'a str; 4],
    pub(super) scaled_type: &'a str,
    /// Clamp low, clamp high, negate.
    pub(super) flags: [bool; 3],
    pub(super) unit: &'a str,
    pub(super) description: &'a str,
}

/// The row of a tag; `None`, with a report, when it cannot be taken over.
pub(super) fn row(tag: KepwareTag<'_>, driver: &str, report: &mut Report) -> Option<Row> {
    let (name, is_renamed) = usable_name(tag.name);
    if is_renamed {
        report.change(&tag.path, &tag.origin, format!("is called \"{name}\" here"));
    }
    let Some((value_type, code)) = kepware_type(tag.type_word) else {
        report.leave_out(&tag.path, &tag.origin, format!("the type \"{}\" is not known", tag.type_word));
        return None;
    };
    let mut address = tag.address.to_owned();
    if let Some(code) = code {
        let Some(digits) = with_digits(&address, driver, code) else {
            let why = format!("{driver} has no type {} at {address}", tag.type_word);
            report.leave_out(&tag.path, &tag.origin, why);
            return None;
        };
        address = digits;
    }
    let mut lengths = String::new();
    if tag.is_array {
        let Some((ours, dims)) = with_lengths(&address) else {
            let why = "the type is an array, but the address names no length";
            report.leave_out(&tag.path, &tag.origin, why);
            return None;
        };
        if value_type.is_empty() {
            report.leave_out(&tag.path, &tag.origin, "an array without a type");
            return None;
        }
        let lens: Vec<String> = dims.lens().iter().map(u32::to_string).collect();
        lengths = format!("[{}]", lens.join(","));
        address = ours.to_owned();
    } else if value_type == "string" {
        address = without_text_length(&address, driver).to_owned();
    }
    let mut row = Row::new(tag.origin, name, &address);
    row.set("type", format!("{value_type}{lengths}"));
    let access = match tag.access.to_ascii_lowercase().as_str() {
        "r/w" | "rw" | "read/write" => "rw",
        "wo" | "w" | "write only" => "wo",
        _ => "ro",
    };
    row.set("access", access);
    if !tag.scan.is_empty() {
        let Ok(millis) = tag.scan.parse::<u64>() else {
            report.leave_out(&tag.path, &row.origin, format!("the scan rate \"{}\" is no number", tag.scan));
            return None;
        };
        row.set("scan", format!("{}ms", millis.max(10)));
    }
    let curve = match tag.scaling.to_ascii_lowercase().as_str() {
        "" | "none" => "",
        "linear" => "linear",
        "square root" => "square-root",
        _ => {
            report.leave_out(&tag.path, &row.origin, format!("the scaling \"{}\" is not known", tag.scaling));
            return None;
        }
    };
    if !curve.is_empty() {
        row.set("scaling", curve);
        for (column, number) in ["raw_low", "raw_high", "scaled_low", "scaled_high"].into_iter().zip(tag.numbers) {
            row.set(column, number);
        }
        match kepware_type(tag.scaled_type) {
            Some(("", _)) => row.set("scaled_type", "f64"),
            Some((scaled, None)) => row.set("scaled_type", scaled),
            _ => {
                report.leave_out(
                    &tag.path,
                    &row.origin,
                    format!("the scaled type \"{}\" is not known", tag.scaled_type),
                );
                return None;
            }
        }
        for (column, flag) in ["clamp_low", "clamp_high", "negate"].into_iter().zip(tag.flags) {
            row.set(column, if flag { "1" } else { "" });
        }
    }
    row.set("unit", tag.unit);
    row.set("description", tag.description);
    Some(row)
}

/// Reads a tag list into a device.
pub(super) fn read(
    text: &str,
    device: &mut Device,
    driver: &str,
    scan_rates: bool,
    report: &mut Report,
) -> Result<(), String> {
    let table = Table::from_csv(text, "tagname")?;
    if !table.has("address") {
        return Err("the list has no column \"Address\"".to_owned());
    }
    let is_set = |cell: &str| matches!(cell.to_ascii_lowercase().as_str(), "1" | "-1" | "true" | "yes");
    let mut n_rates = 0_usize;
    let mut convert = |cells: Cells<'_>, report: &mut Report| {
        let name = cells.get("tagname");
        let type_cell = cells.get("datatype");
        let array = type_cell.len().checked_sub(6).and_then(|at| type_cell.split_at_checked(at));
        let array = array.filter(|(_, end)| end.eq_ignore_ascii_case(" array"));
        n_rates += usize::from(!cells.get("scanrate").is_empty());
        let tag = KepwareTag {
            origin: format!("line {}", cells.line),
            path: name.to_owned(),
            name,
            address: cells.get("address"),
            type_word: array.map_or(type_cell, |(word, _)| word),
            is_array: array.is_some(),
            access: cells.get("clientaccess"),
            scan: if scan_rates { cells.get("scanrate") } else { "" },
            scaling: cells.get("scaling"),
            numbers: ["rawlow", "rawhigh", "scaledlow", "scaledhigh"].map(|heading| cells.get(heading)),
            scaled_type: cells.get("scaleddatatype"),
            flags: ["clamplow", "clamphigh", "negatevalue"].map(|heading| is_set(cells.get(heading))),
            unit: cells.get("engunits"),
            description: cells.get("description"),
        };
        row(tag, driver, report)
    };
    for cells in table.rows() {
        if let Some(row) = convert(cells, report) {
            device.tags.push(row);
        }
    }
    if n_rates > 0 && !scan_rates {
        report.remark(
            "scan rates were not taken over: in Kepware they count only for devices that respect the tags' own rates; --scan-rates takes them",
        );
    }
    Ok(())
}
