//! The page of figures.

use std::fmt::Write as _;

use super::Row;
use super::guarded::Pair;
use super::servers::Kind;

/// How much worse the main job may become with everything that guards it, in per cent.
const GUARD_GOAL: f64 = 10.0;

/// Figures as a Markdown table, with the ratio of the better of the other servers to ours, and the main job with and
/// without its guards.
pub(super) fn page(rows: &[Row], pairs: &[Pair], rounds: usize) -> String {
    let mut page = String::from(
        "# Benchmarks\n\nWritten by `cargo xtask bench`; do not edit.\n\
         Three servers with the same tags on one machine in one run, loopback, security None where nothing else is said.\n\
         Times are the server's own processor time, medians of the rounds; smaller is better where nothing else is said.\n\
         The ratio is the better of the other two over tagwire, turned round where more is better.\n\
         Signed and encrypted means Basic256Sha256; the client that opens sessions takes its share of the same processors.\n",
    );
    let _ = writeln!(page, "\nMachine: {}; rounds: {rounds}.\n", machine());
    page.push_str("| what | unit | goal |");
    for kind in Kind::ALL {
        let _ = write!(page, " {} |", kind.name());
    }
    page.push_str(" ratio |\n|---|---|---|---|---|---|---|\n");
    for row in rows {
        let goal = row.goal.map_or_else(String::new, number);
        let _ = write!(page, "| {} | {} | {goal} |", row.what, row.unit);
        for value in &row.values {
            let _ = write!(page, " {} |", value.map_or_else(|| "-".to_owned(), number));
        }
        let _ = writeln!(page, " {} |", ratio(row));
    }
    page + &guards(pairs)
}

fn guards(pairs: &[Pair]) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\n## What the guards cost\n\n\
         The main job, 100k tags, with the audit log of writes, a rule for each of 100 devices and diagnostics of sessions \
         all on, and with all of them off: two servers in turn.\n\
         Worse is the median of what each round showed.\n\n\
         | what | unit | off | on | worse by % | goal |\n|---|---|---|---|---|---|\n",
    );
    for Pair { what, off, on, ratio } in pairs {
        let worse = (ratio - 1.0) * 100.0;
        let _ = writeln!(
            text,
            "| {what} | ns per value | {} | {} | {worse:.1} | {GUARD_GOAL:.0} |",
            number(*off),
            number(*on)
        );
    }
    text
}

fn ratio(row: &Row) -> String {
    let Some((Some(ours), others)) = row.values.split_first() else { return String::new() };
    let others = others.iter().flatten().copied();
    if row.unit.contains("more is better") {
        return others.max_by(f64::total_cmp).map_or_else(String::new, |best| format!("{:.1}", ours / best));
    }
    match others.min_by(f64::total_cmp) {
        Some(best) if row.unit != "%" && *ours > 0.0 => format!("{:.1}", best / ours),
        _ => String::new(),
    }
}

/// A figure with three digits or so.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        medium if medium >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The processors of this machine.
pub(super) fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("\t: unknown processor");
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    format!("{cores} × {}", model.trim_start_matches(['\t', ' ', ':']).trim())
}
