//! The live table that `watch` and `demo` show: one line per tag on a terminal, one line per change elsewhere.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use tagwire_model::{Status, Timestamp, Value};
use tagwire_ua_client::StatusName;

use crate::terminal::{LiveBlock, Sparkline, Style, fit, shown, size, width, wrap};

/// The tags shown and what is known of each.
#[derive(Debug)]
pub(crate) struct View {
    style: Style,
    header: Vec<HeaderLine>,
    rows: Vec<Row>,
    /// Lines between the table and the footer, which fit the terminal.
    body: Vec<String>,
    block: LiveBlock,
    drawn: Option<Instant>,
    changed: bool,
    /// The widest value and quality so far, so that columns do not jump.
    value_width: usize,
    status_width: usize,
}

/// A line above the table, broken between words where the terminal is narrow.
#[derive(Clone, Debug)]
pub(crate) struct HeaderLine {
    pub(crate) text: String,
    /// Blanks before the second and each further line.
    pub(crate) indent: usize,
    /// Whether it is copied into a shell.
    pub(crate) is_command: bool,
}

#[derive(Debug)]
struct Row {
    name: String,
    value: String,
    /// A long number rounded, for the table.
    short: Option<String>,
    unit: String,
    status: Status,
    time: Timestamp,
    n_changes: u64,
    trend: Sparkline,
    is_list: bool,
    /// Whether anything has arrived.
    is_known: bool,
}

impl Row {
    fn value_text(&self) -> String {
        if self.unit.is_empty() { self.value.clone() } else { format!("{} {}", self.value, self.unit) }
    }

    /// The value as the table shows it.
    fn table_value(&self) -> &str {
        self.short.as_deref().unwrap_or(&self.value)
    }

    /// Value and unit in so many columns; a value that is too long loses its end, not its unit.
    fn value_cell(&self, columns: usize) -> String {
        let unit = width(&self.unit) + 1;
        let value = self.table_value();
        if self.unit.is_empty() {
            return fit(value, columns);
        }
        if width(value) + unit <= columns || columns < unit + 4 {
            return fit(&format!("{value} {}", self.unit), columns);
        }
        format!("{} {}", fit(value, columns - unit), self.unit)
    }

    /// Columns that the value asks for; a list is cut.
    fn value_width(&self) -> usize {
        let unit = if self.unit.is_empty() { 0 } else { width(&self.unit) + 1 };
        (width(self.table_value()) + unit).min(if self.is_list { MAX_LIST_WIDTH } else { MAX_VALUE_WIDTH })
    }

    fn status_text(&self) -> String {
        if self.is_known { StatusName::plain(self.status) } else { "waiting".to_owned() }
    }
}

/// Shortest time between two drawings; faster ones only flicker.
const REDRAW: Duration = Duration::from_millis(100);

const MAX_NAME_WIDTH: usize = 40;
const MAX_VALUE_WIDTH: usize = 28;
const MAX_LIST_WIDTH: usize = 14;
const MAX_STATUS_WIDTH: usize = 24;
const MAX_TREND_WIDTH: usize = 24;
const TIME_WIDTH: usize = 12;
/// Blanks between two columns.
const GAP: usize = 2;

/// The columns of the table and their widths; no trend or time where the terminal has no room for it.
#[derive(Clone, Copy, Debug)]
struct Columns {
    name: usize,
    value: usize,
    trend: usize,
    status: usize,
    time: usize,
}

impl Columns {
    /// Deals out `room` columns: the value gets what it needs, then quality, time and name; the trend takes the rest.
    fn deal(room: usize, name: usize, value: usize, status: usize) -> Self {
        let with_gap = |columns: usize| if columns == 0 { 0 } else { GAP + columns };
        let left = |name, time| room.checked_sub(name + with_gap(value) + with_gap(status) + with_gap(time));
        let short = name.min(20);
        if let Some(left) = left(name, TIME_WIDTH) {
            let trend = left.saturating_sub(GAP).min(MAX_TREND_WIDTH);
            return Self { name, value, trend: if trend < 4 { 0 } else { trend }, status, time: TIME_WIDTH };
        }
        if let Some(left) = left(short, TIME_WIDTH) {
            return Self { name: short + left, value, trend: 0, status, time: TIME_WIDTH };
        }
        if let Some(left) = left(name.min(10), 0) {
            return Self { name: (name.min(10) + left).min(name), value, trend: 0, status, time: 0 };
        }
        // Nothing fits; each gets a third, and is cut.
        let third = room.saturating_sub(2 * GAP) / 3;
        Self { name: third, value: third, trend: 0, status: third, time: 0 }
    }

    fn row(&self, name: &str, value: &str, trend: &str, status: &str, time: &str) -> String {
        let gap = " ".repeat(GAP);
        let trend = if self.trend == 0 { String::new() } else { format!("{gap}{trend}") };
        let time = if self.time == 0 { String::new() } else { format!("{gap}{time}") };
        format!("{name}{gap}{value}{trend}{gap}{status}{time}")
    }
}

impl View {
    pub(crate) fn new(style: Style) -> Self {
        Self {
            style,
            header: Vec::new(),
            rows: Vec::new(),
            body: Vec::new(),
            block: LiveBlock::default(),
            drawn: None,
            changed: true,
            value_width: 8,
            status_width: 7,
        }
    }

    /// Sets the lines above the table, and writes them at once when the output is no terminal.
    pub(crate) fn set_header(&mut self, out: &mut impl Write, header: Vec<HeaderLine>) -> io::Result<()> {
        if !self.style.is_terminal {
            for line in &header {
                writeln!(out, "{}", line.text)?;
            }
            out.flush()?;
        }
        self.header = header;
        Ok(())
    }

    /// Sets the lines between the table and the footer, which are written as they are.
    pub(crate) fn set_body(&mut self, body: Vec<String>) {
        self.body = body;
    }

    /// Adds a tag and returns its row.
    pub(crate) fn add(&mut self, name: &str, unit: &str) -> usize {
        self.rows.push(Row {
            name: shown(name).into_owned(),
            value: String::new(),
            short: None,
            unit: shown(unit).into_owned(),
            status: Status::BAD_WAITING_FOR_INITIAL_DATA,
            time: Timestamp::NONE,
            n_changes: 0,
            trend: Sparkline::default(),
            is_list: false,
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
        let text = shown(&value.to_string()).into_owned();
        if row.is_known && row.status == status && row.time == time && row.value == text {
            return Ok(());
        }
        row.short = short(value);
        row.value = text;
        row.is_list = matches!(value, Value::Array(_));
        row.status = status;
        row.time = time;
        row.n_changes += 1;
        row.is_known = true;
        row.trend.push(if status.is_bad() { None } else { value.as_f64() });
        self.changed = true;
        if !self.style.is_terminal {
            writeln!(out, "{time} {} = {} {}", row.name, row.value_text(), StatusName::plain(status))?;
            out.flush()?;
        }
        Ok(())
    }

    /// Writes a remark between the changes when the output is no terminal; there the footer tells it.
    pub(crate) fn remark(&mut self, out: &mut impl Write, text: &str) -> io::Result<()> {
        self.changed = true;
        if self.style.is_terminal {
            return Ok(());
        }
        writeln!(out, "{text}")?;
        out.flush()
    }

    /// Has the table drawn anew although no value changed.
    pub(crate) const fn refresh(&mut self) {
        self.changed = true;
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
        let size = size();
        let lines = self.lines(size, footer);
        self.drawn = Some(now);
        self.changed = false;
        self.block.draw(out, &lines, size)
    }

    /// All lines of the screen, none wider than it, and one fewer than it has, for the cursor.
    fn lines(&mut self, (columns, n_lines): (usize, usize), footer: &[String]) -> Vec<String> {
        let room = columns.saturating_sub(1);
        let wrapped = self.header.iter().flat_map(|line| wrap(&line.text, room, line.indent, line.is_command));
        let mut lines: Vec<String> = wrapped.map(|line| fit(&line, room).trim_end().to_owned()).collect();
        if !lines.is_empty() {
            lines.push(String::new());
        }
        // On a low terminal the table counts more than what stands above it.
        let left = |lines: &Vec<String>| n_lines.saturating_sub(lines.len() + self.body.len() + footer.len() + 1);
        if left(&lines) < self.rows.len().min(MIN_TABLE) {
            lines.clear();
        }
        let max_lines = left(&lines);
        lines.extend(self.table(room, max_lines));
        lines.extend_from_slice(&self.body);
        lines.extend(footer.iter().map(|line| fit(&shown(line), room).trim_end().to_owned()));
        lines
    }

    fn table(&mut self, room: usize, max_lines: usize) -> Vec<String> {
        for row in &self.rows {
            self.value_width = self.value_width.max(row.value_width());
            self.status_width = self.status_width.max(width(&row.status_text())).min(MAX_STATUS_WIDTH);
        }
        let style = self.style;
        let name = self.rows.iter().map(|row| width(&row.name)).max().unwrap_or(0).clamp(4, MAX_NAME_WIDTH);
        let columns = Columns::deal(room, name, self.value_width, self.status_width);
        let heading = columns.row(
            &fit("tag", columns.name),
            &fit("value", columns.value),
            &fit("trend", columns.trend),
            &fit("quality", columns.status),
            &fit("time (UTC)", columns.time),
        );
        let mut lines = vec![format!("{}{}{}", style.dim(), heading.trim_end(), style.reset())];
        let n_shown = if self.rows.len() < max_lines { self.rows.len() } else { max_lines.saturating_sub(2) };
        for row in self.rows.iter().take(n_shown) {
            let colour = match row.status {
                status if status.is_good() => style.green(),
                status if status.is_uncertain() => style.yellow(),
                _ if !row.is_known => style.dim(),
                _ => style.red(),
            };
            let value = fit(&row.value_cell(columns.value), columns.value);
            let status = fit(&row.status_text(), columns.status);
            let time = fit(&time_of_day(row.time), columns.time);
            lines.push(columns.row(
                &fit(&row.name, columns.name),
                &format!("{}{value}{}", style.bold(), style.reset()),
                &fit(&row.trend.draw(columns.trend), columns.trend),
                &format!("{colour}{status}{}", style.reset()),
                &format!("{}{time}{}", style.dim(), style.reset()),
            ));
        }
        if n_shown < self.rows.len() {
            lines.push(format!("{}and {} more{}", style.dim(), self.rows.len() - n_shown, style.reset()));
        }
        lines
    }
}

/// Lines that the table should have, its heading among them, before the header gives way.
const MIN_TABLE: usize = 5;

/// A floating point number of more digits than a table needs, rounded to seven of them.
fn short(value: &Value) -> Option<String> {
    let number = match value {
        Value::Float(number) => f64::from(*number),
        Value::Double(number) => *number,
        _ => return None,
    };
    let digits = value.to_string().chars().filter(char::is_ascii_digit).count();
    if digits <= SHOWN_DIGITS || !number.is_finite() || !(1e-4..1e15).contains(&number.abs()) {
        return None;
    }
    let before_point = number.abs().log10().floor().max(0.0) as usize + 1;
    Some(format!("{number:.*}", SHOWN_DIGITS.saturating_sub(before_point)))
}

const SHOWN_DIGITS: usize = 7;

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

    /// The text without what colours it.
    fn plain(line: &str) -> String {
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
        shown
    }

    /// A plant as the demo's, with a tag for each shape of value.
    fn plant(status: Status) -> View {
        let mut view = View::new(Style { is_terminal: true });
        let layers = tagwire_model::ArrayData::Float(vec![20.125, 21.25, 22.375, 23.5]);
        let layers = Value::array(tagwire_model::Dims::one(4), layers).expect("list");
        let values = [
            ("boiler.plc.temperature", "°C", Value::Float(87.550_03)),
            ("boiler.plc.alarm.high_temperature", "", Value::Boolean(false)),
            ("pump.plc.flow", "m³/h", Value::Double(22.863_247_863_247_864)),
            ("tank.plc.product", "", Value::text("brine")),
            ("tank.plc.layers", "°C", layers),
        ];
        for (name, unit, value) in values {
            let row = view.add(name, unit);
            view.change(&mut io::sink(), row, &value, status, noon()).expect("written");
        }
        let line = |text: &str, is_command| HeaderLine { text: text.to_owned(), indent: 7, is_command };
        let server = "OPC UA server  opc.tcp://127.0.0.1:4840  (security none or Basic256Sha256, anonymous may read)";
        let explain = "  1. tagwire explain 40001 --device boiler.plc --config demo/plants/tagwire-abcdef/tagwire.toml";
        view.set_header(&mut io::sink(), vec![line(server, false), line(explain, true)]).expect("set");
        view
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
    fn control_characters_of_a_value_do_not_reach_the_terminal() {
        for is_terminal in [false, true] {
            let mut view = View::new(Style { is_terminal });
            let row = view.add("name", "");
            let mut out = Vec::new();
            view.change(&mut out, row, &Value::text("a\x1b[31mRED\nline2"), Status::GOOD, noon()).expect("written");
            let text = String::from_utf8(out).expect("text") + plain(&view.lines((100, 30), &[]).join("|")).as_str();
            assert!(text.contains("a\\x1b[31mRED\\nline2"), "{text}");
        }
    }

    #[test]
    fn on_every_terminal_no_row_wraps_and_value_unit_header_and_hints_are_visible() {
        for (columns, n_lines) in [(80, 24), (70, 20), (110, 30)] {
            for status in [Status::GOOD, Status::BAD_NO_COMMUNICATION] {
                let mut view = plant(status);
                let lines: Vec<String> = view
                    .lines((columns, n_lines), &["Ctrl-C ends".to_owned()])
                    .iter()
                    .map(|line| plain(line))
                    .collect();
                let text = lines.join("\n");
                assert!(lines.len() < n_lines, "{text}");
                for line in &lines {
                    assert!(width(line) < columns, "{columns}: {line:?}");
                }
                for word in ["87.55003 °C", "22.86325 m³/h", "brine", "… °C", "OPC UA server", "anonymous may read)"]
                {
                    assert!(text.contains(word), "{columns}: no {word:?} in\n{text}");
                }
                let command = text.replace(" \\\n      ", "");
                assert!(command.contains("boiler.plc --config demo/plants/tagwire-abcdef/tagwire.toml"), "{text}");
                assert!(text.contains(&StatusName::plain(status)), "{text}");
                assert!(text.ends_with("Ctrl-C ends"), "{text}");
            }
        }
    }

    #[test]
    fn the_table_rounds_numbers_of_many_digits() {
        for (number, expected) in [
            (22.863_247_863_247_864, Some("22.86325")),
            (-0.123_456_789, Some("-0.123457")),
            (1234.5, None),
            (123_456_789.123, Some("123456789")),
            (1e-9, None),
            (f64::NAN, None),
        ] {
            assert_eq!(short(&Value::Double(number)).as_deref(), expected, "{number}");
        }
        assert_eq!(short(&Value::UInt64(u64::MAX)), None);
    }

    #[test]
    fn more_tags_than_lines_are_counted() {
        let mut view = View::new(Style { is_terminal: true });
        for idx in 0..50 {
            view.add(&format!("tag{idx}"), "");
        }
        let lines = view.lines((80, 12), &["Ctrl-C ends".to_owned()]);
        assert_eq!(lines.len(), 11);
        assert!(lines.iter().any(|line| line.contains("and 42 more")), "{lines:?}");
    }
}
