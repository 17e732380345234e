//! The live table that `watch` and `demo` show: one line per tag on a terminal, one line per change elsewhere.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use tagwire_model::{Status, Timestamp, Value};

use crate::terminal::{LiveBlock, Sparkline, Style, fit, size, width};

/// The tags shown and what is known of each.
#[derive(Debug)]
pub(crate) struct View {
    style: Style,
    rows: Vec<Row>,
    block: LiveBlock,
    drawn: Option<Instant>,
    changed: bool,
    /// The widest value and quality so far, so that columns do not jump.
    value_width: usize,
    status_width: usize,
}

#[derive(Debug)]
struct Row {
    name: String,
    value: String,
    unit: String,
    status: Status,
    time: Timestamp,
    n_changes: u64,
    trend: Sparkline,
    /// Whether anything has arrived.
    is_known: bool,
}

impl Row {
    fn value_text(&self) -> String {
        if self.unit.is_empty() { self.value.clone() } else { format!("{} {}", self.value, self.unit) }
    }

    fn status_text(&self) -> String {
        if self.is_known { self.status.to_string() } else { "waiting".to_owned() }
    }
}

/// Shortest time between two drawings; faster ones only flicker.
const REDRAW: Duration = Duration::from_millis(100);

impl View {
    pub(crate) fn new(style: Style) -> Self {
        Self {
            style,
            rows: Vec::new(),
            block: LiveBlock::default(),
            drawn: None,
            changed: true,
            value_width: 8,
            status_width: 7,
        }
    }

    /// Adds a tag and returns its row.
    pub(crate) fn add(&mut self, name: &str, unit: &str) -> usize {
        self.rows.push(Row {
            name: name.to_owned(),
            value: String::new(),
            unit: unit.to_owned(),
            status: Status::BAD_WAITING_FOR_INITIAL_DATA,
            time: Timestamp::NONE,
            n_changes: 0,
            trend: Sparkline::default(),
            is_known: false,
        });
        self.rows.len() - 1
    }

    /// Takes a change of one row, and writes it as a line when the output is no terminal.
    pub(crate) fn change(
        &mut self,
        out: &mut impl Write,
        row: usize,
        value: &Value,
        status: Status,
        time: Timestamp,
    ) -> io::Result<()> {
        let Some(row) = self.rows.get_mut(row) else { return Ok(()) };
        if row.is_known && row.status == status && row.time == time && row.value == value.to_string() {
            return Ok(());
        }
        row.value = value.to_string();
        row.status = status;
        row.time = time;
        row.n_changes += 1;
        row.is_known = true;
        row.trend.push(if status.is_bad() { None } else { value.as_f64() });
        self.changed = true;
        if !self.style.is_terminal {
            let unit = if row.unit.is_empty() { String::new() } else { format!(" {}", row.unit) };
            writeln!(out, "{time} {} = {}{unit} {status}", row.name, row.value)?;
            out.flush()?;
        }
        Ok(())
    }

    /// When the table should be drawn next; `None` when nothing changed or the output is no terminal.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        if !self.style.is_terminal || !self.changed {
            return None;
        }
        Some(self.drawn.map_or(now, |drawn| drawn + REDRAW))
    }

    /// Draws the table with `footer` below it.
    pub(crate) fn draw(&mut self, out: &mut impl Write, footer: &[String], now: Instant) -> io::Result<()> {
        if !self.style.is_terminal {
            return Ok(());
        }
        let (columns, n_lines) = size();
        let mut lines = self.lines(columns, n_lines.saturating_sub(footer.len() + 2));
        lines.extend(footer.iter().cloned());
        self.drawn = Some(now);
        self.changed = false;
        self.block.draw(out, &lines)
    }

    fn lines(&mut self, columns: usize, max_lines: usize) -> Vec<String> {
        for row in &self.rows {
            self.value_width = self.value_width.max(width(&row.value_text())).min(28);
            self.status_width = self.status_width.max(width(&row.status_text())).min(24);
        }
        let style = self.style;
        let status_width = self.status_width;
        let time_width = 12;
        // The name gives way to a value before the value does; the trend takes what is left, with two blanks between
        // five columns.
        let others = status_width + time_width + 8 + 1;
        let widest_name = self.rows.iter().map(|row| width(&row.name)).max().unwrap_or(0).clamp(4, 40);
        let name_width = widest_name.min(columns.saturating_sub(others + self.value_width + 4)).max(8);
        let left = columns.saturating_sub(others + name_width);
        let value_width = self.value_width.min(left.saturating_sub(4)).max(8);
        let trend_width = left.saturating_sub(value_width).clamp(1, 24);
        let heading = [
            fit("tag", name_width),
            fit("value", value_width),
            fit("trend", trend_width),
            fit("quality", status_width),
            fit("time (UTC)", time_width),
        ];
        let mut lines = vec![format!("{}{}{}", style.dim(), heading.join("  "), style.reset())];
        let n_shown = if self.rows.len() < max_lines { self.rows.len() } else { max_lines.saturating_sub(2) };
        for row in self.rows.iter().take(n_shown) {
            let colour = match row.status {
                status if status.is_good() => style.green(),
                status if status.is_uncertain() => style.yellow(),
                _ if !row.is_known => style.dim(),
                _ => style.red(),
            };
            let (value, status) = (row.value_text(), row.status_text());
            lines.push(format!(
                "{}  {}{}{}  {}  {colour}{}{}  {}{}{}",
                fit(&row.name, name_width),
                style.bold(),
                fit(&value, value_width),
                style.reset(),
                fit(&row.trend.draw(trend_width), trend_width),
                fit(&status, status_width),
                style.reset(),
                style.dim(),
                fit(&time_of_day(row.time), time_width),
                style.reset(),
            ));
        }
        if n_shown < self.rows.len() {
            lines.push(format!("{}and {} more{}", style.dim(), self.rows.len() - n_shown, style.reset()));
        }
        lines
    }
}

/// `12:34:56.789` of a time.
fn time_of_day(time: Timestamp) -> String {
    if time.is_none() {
        return String::new();
    }
    let millis = time.unix_millis().rem_euclid(86_400_000);
    let (seconds, millis) = (millis / 1000, millis % 1000);
    format!("{:02}:{:02}:{:02}.{millis:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        Timestamp::parse_rfc3339("2026-01-02T12:00:00.250Z").expect("a time")
    }

    #[test]
    fn without_a_terminal_every_change_is_a_line() {
        let mut view = View::new(Style { is_terminal: false });
        let row = view.add("press.temperature", "°C");
        let mut out = Vec::new();
        view.change(&mut out, row, &Value::Double(21.5), Status::GOOD, noon()).expect("written");
        view.change(&mut out, row, &Value::Double(21.5), Status::GOOD, noon()).expect("written");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "2026-01-02T12:00:00.250Z press.temperature = 21.5 °C Good\n");
    }

    #[test]
    fn the_table_fits_the_terminal() {
        let mut view = View::new(Style { is_terminal: true });
        for idx in 0..50 {
            view.add(&format!("tag{idx}"), "");
        }
        let number = Value::Double(1234.567_890_123);
        view.change(&mut io::sink(), 0, &number, Status::BAD_NO_COMMUNICATION, noon()).expect("written");
        let lines = view.lines(80, 10);
        assert!(lines[1].contains("1234.567890123"), "{lines:?}");
        assert_eq!(lines.len(), 10);
        assert!(lines.last().is_some_and(|line| line.contains("and 42 more")), "{lines:?}");
        for line in &lines {
            let mut shown = String::new();
            let mut escaped = false;
            for c in line.chars() {
                match c {
                    '\x1b' => escaped = true,
                    'm' if escaped => escaped = false,
                    c if !escaped => shown.push(c),
                    _ => {}
                }
            }
            assert!(width(&shown) <= 80, "{shown:?}");
        }
    }
}
