//! The terminal: its size, colours, a table that redraws in place, sparklines.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};

/// Escape sequences, empty where the output is no terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) is_terminal: bool,
}

impl Style {
    /// The style that fits standard output and the wish of `NO_COLOR`.
    pub(crate) fn of_stdout() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some() || std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Self { is_terminal: io::stdout().is_terminal() && !plain }
    }

    pub(crate) const fn code(self, code: &'static str) -> &'static str {
        if self.is_terminal { code } else { "" }
    }

    pub(crate) const fn bold(self) -> &'static str {
        self.code("\x1b[1m")
    }

    pub(crate) const fn dim(self) -> &'static str {
        self.code("\x1b[2m")
    }

    pub(crate) const fn red(self) -> &'static str {
        self.code("\x1b[31m")
    }

    pub(crate) const fn green(self) -> &'static str {
        self.code("\x1b[32m")
    }

    pub(crate) const fn yellow(self) -> &'static str {
        self.code("\x1b[33m")
    }

    pub(crate) const fn reset(self) -> &'static str {
        self.code("\x1b[0m")
    }
}

/// Columns and lines of the terminal; 100 by 30 where there is none.
pub(crate) fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (usize::from(size.ws_col), usize::from(size.ws_row)),
        _ => (100, 30),
    }
}

/// Asks for a password without showing it.
pub(crate) fn read_password(prompt: &str) -> io::Result<String> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

    let input = io::stdin();
    let shown = tcgetattr(&input).ok();
    if let Some(mut hidden) = shown.clone() {
        write!(io::stderr(), "{prompt}")?;
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&input, OptionalActions::Flush, &hidden)?;
    }
    let mut line = String::new();
    let read = input.read_line(&mut line);
    if let Some(shown) = shown {
        tcsetattr(&input, OptionalActions::Flush, &shown)?;
        writeln!(io::stderr())?;
    }
    read?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// The text with every character that would steer the terminal written out: `\n`, `\x1b`, `\u{202e}`.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if steers(c) && u32::from(c) < 0x100 => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if steers(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Control characters, separators of lines, and marks that turn the direction of writing.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Breaks a line between words, where it is wider than the terminal; further lines begin with `indent` blanks. A
/// command is broken so that a shell takes its lines as one.
pub(crate) fn wrap(text: &str, columns: usize, indent: usize, is_command: bool) -> Vec<String> {
    let room = columns.saturating_sub(if is_command { 2 } else { 0 });
    let mut lines = vec![String::new()];
    let mut is_first = true;
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if is_first || line.trim().is_empty() || width(line) + 1 + width(word) <= room {
            if !is_first {
                line.push(' ');
            }
            line.push_str(word);
        } else {
            if is_command {
                line.push_str(" \\");
            }
            lines.push(format!("{}{word}", " ".repeat(indent)));
        }
        is_first = false;
    }
    lines
}

/// Columns that a text takes on the screen.
pub(crate) fn width(text: &str) -> usize {
    text.chars().filter(|c| !c.is_control()).map(char_width).sum()
}

/// Wide characters of East Asian scripts take two columns, marks that combine take none.
fn char_width(c: char) -> usize {
    match c as u32 {
        0x0300..=0x036F | 0x200B..=0x200F | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFF00..=0xFF60 | 0x1F300..=0x1FAFF => {
            2
        }
        _ => 1,
    }
}

/// The text in exactly `columns`: shortened with an ellipsis, or padded.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    let clean = shown(text);
    let mut out = String::with_capacity(columns);
    if width(&clean) <= columns {
        out.push_str(&clean);
    } else {
        let mut used = 0;
        for c in clean.chars() {
            if used + char_width(c) + 1 > columns {
                break;
            }
            used += char_width(c);
            out.push(c);
        }
        if columns > 0 {
            out.push('…');
        }
    }
    let used = width(&out);
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(used)));
    out
}

/// The last values of one tag as a line of bars.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sparkline {
    values: VecDeque<Option<f64>>,
}

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

impl Sparkline {
    /// Most values kept.
    pub(crate) const LEN: usize = 32;

    /// Adds a value; `None` where there is no good number.
    pub(crate) fn push(&mut self, value: Option<f64>) {
        if self.values.len() == Self::LEN {
            self.values.pop_front();
        }
        self.values.push_back(value.filter(|value| value.is_finite()));
    }

    /// The last `columns` values, drawn between the smallest and the largest of them; gaps where none was good.
    pub(crate) fn draw(&self, columns: usize) -> String {
        let skipped = self.values.len().saturating_sub(columns);
        let shown: Vec<Option<f64>> = self.values.iter().skip(skipped).copied().collect();
        let (low, high) = shown
            .iter()
            .flatten()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
        shown
            .iter()
            .map(|value| match value {
                None => ' ',
                Some(_) if high <= low => BARS[3],
                Some(value) => BARS[(((value - low) / (high - low)) * 7.0).round().clamp(0.0, 7.0) as usize],
            })
            .collect()
    }
}

/// A block of lines at the bottom of the screen that is drawn anew in place.
#[derive(Debug, Default)]
pub(crate) struct LiveBlock {
    n_lines: usize,
    /// The terminal's size when it was drawn last.
    drawn_at: Option<(usize, usize)>,
}

impl LiveBlock {
    /// Replaces the lines drawn last by these, which fit the terminal of this size.
    pub(crate) fn draw(&mut self, out: &mut impl Write, lines: &[String], size: (usize, usize)) -> io::Result<()> {
        let mut text = String::new();
        if self.drawn_at.is_some_and(|drawn_at| drawn_at != size) {
            // A terminal that changed its width broke the old lines anew, so that nobody knows how many there are.
            text.push_str("\x1b[H\x1b[2J");
            self.n_lines = 0;
        }
        self.drawn_at = Some(size);
        if self.n_lines > 0 {
            let _ = write!(text, "\x1b[{}A", self.n_lines);
        }
        for line in lines {
            let _ = writeln!(text, "\r{line}\x1b[K");
        }
        text.push_str("\x1b[J");
        self.n_lines = lines.len();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparklines_span_the_values_shown() {
        let mut line = Sparkline::default();
        for value in [Some(0.0), None, Some(50.0), Some(100.0)] {
            line.push(value);
        }
        assert_eq!(line.draw(10), "▁ ▅█");
        assert_eq!(line.draw(2), "▁█");
        let mut flat = Sparkline::default();
        flat.push(Some(3.0));
        assert_eq!(flat.draw(5), "▄");
    }

    #[test]
    fn text_is_cut_and_padded_by_columns() {
        assert_eq!(fit("abc", 5), "abc  ");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("日本語", 4), "日… ");
        assert_eq!(fit("a\nb", 4), "a\\nb");
    }

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(
            shown("a\x1b[31mRED\nline2\r\t\u{7f}\u{9b}\u{202e}ä\\"),
            "a\\x1b[31mRED\\nline2\\r\\t\\x7f\\x9b\\u{202e}ä\\"
        );
        assert_eq!(shown("plain °C"), "plain °C");
    }

    #[test]
    fn a_long_command_is_broken_so_that_a_shell_takes_it() {
        let lines = wrap("  3. tagwire explain 40001 --config demo/x", 32, 7, true);
        assert_eq!(lines, ["  3. tagwire explain 40001 \\", "       --config demo/x"]);
        assert_eq!(wrap("one two three", 8, 0, false), ["one two", "three"]);
        assert_eq!(wrap("short", 80, 4, true), ["short"]);
    }

    #[test]
    fn another_size_of_the_terminal_clears_it() {
        let mut block = LiveBlock::default();
        let mut draw = |size| {
            let mut out = Vec::new();
            block.draw(&mut out, &["row".to_owned()], size).expect("drawn");
            String::from_utf8(out).expect("text")
        };
        assert!(!draw((80, 24)).contains("\x1b[2J"));
        assert!(draw((80, 24)).contains("\x1b[1A"));
        let after = draw((70, 20));
        assert!(after.contains("\x1b[H\x1b[2J") && !after.contains("\x1b[1A"), "{after:?}");
    }
}
