//! The page of figures.

use std::fmt::Write as _;

use super::Row;
use super::servers::Kind;

/// Figures as a Markdown table, with the ratio of the better of the other servers to ours.
pub(super) fn page(rows: &[Row], rounds: usize) -> String {
    let mut page = String::from(
        "# Benchmarks\n\nWritten by `cargo xtask bench`; do not edit.\n\
         Three servers with the same tags on one machine in one run, security None, loopback.\n\
         Times are the server's own processor time, medians of the rounds; smaller is better.\n\
         The ratio is the better of the other two over tagwire.\n",
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
    page
}

fn ratio(row: &Row) -> String {
    let Some((Some(ours), others)) = row.values.split_first() else { return String::new() };
    let best = others.iter().flatten().copied().min_by(f64::total_cmp);
    match best {
        Some(best) if row.unit != "%" && *ours > 0.0 => format!("{:.1}", best / ours),
        _ => String::new(),
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        medium if medium >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("\t: unknown processor");
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    format!("{cores} × {}", model.trim_start_matches(['\t', ' ', ':']).trim())
}
