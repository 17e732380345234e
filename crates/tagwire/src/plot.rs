//! The course of a number over time, drawn in the dots of Braille characters: two columns and four rows in each.

use tagwire_model::Timestamp;

const DOTS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
const BLANK: u32 = 0x2800;
const ROWS_PER_CHARACTER: usize = 4;
const COLUMNS_PER_CHARACTER: usize = 2;

/// A plot over a span of time, with as many columns of dots as it was made for.
#[derive(Debug)]
pub(crate) struct Plot {
    from: i64,
    to: i64,
    columns: Vec<Column>,
}

/// What happened within the time of one column.
#[derive(Clone, Copy, Debug, Default)]
struct Column {
    range: Option<(f64, f64)>,
    /// The newest time within, and its value; none where nothing is known from then on.
    last: Option<(i64, Option<f64>)>,
}

impl Plot {
    /// An empty plot from one time to another, so many characters wide.
    pub(crate) fn new(from: Timestamp, to: Timestamp, width: usize) -> Self {
        let (from, to) = (from.min(to).ticks(), from.max(to).ticks());
        Self { from, to, columns: vec![Column::default(); width.max(1) * COLUMNS_PER_CHARACTER] }
    }

    /// Adds a value, or that none is known from a time on. Values may come in any order.
    pub(crate) fn push(&mut self, time: Timestamp, value: Option<f64>) {
        let value = value.filter(|value| value.is_finite());
        let (time, span) = (time.ticks(), i128::from(self.to) - i128::from(self.from));
        let offset = i128::from(time) - i128::from(self.from);
        let at = (offset.max(0) * self.columns.len() as i128 / span.max(1)).min(self.columns.len() as i128 - 1);
        let Some(column) = self.columns.get_mut(at as usize) else { return };
        if let Some(value) = value {
            let (low, high) = column.range.unwrap_or((value, value));
            column.range = Some((low.min(value), high.max(value)));
        }
        if column.last.is_none_or(|(known, _)| known <= time) {
            column.last = Some((time, value));
        }
    }

    /// The lines, the highest values first, with the range in front; none without a number.
    pub(crate) fn draw(&self, height: usize) -> Option<Vec<String>> {
        let ranges = || self.columns.iter().filter_map(|column| column.range);
        let low = ranges().map(|(low, _)| low).reduce(f64::min)?;
        let high = ranges().map(|(_, high)| high).reduce(f64::max)?;
        let n_rows = height.max(1) * ROWS_PER_CHARACTER;
        let row_of = |value: f64| {
            if high <= low {
                return n_rows / 2;
            }
            // Halves keep the difference of two huge numbers finite.
            let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
            ((1.0 - share) * (n_rows - 1) as f64).round().clamp(0.0, (n_rows - 1) as f64) as usize
        };
        let mut cells = vec![vec![0_u8; self.columns.len() / COLUMNS_PER_CHARACTER]; height.max(1)];
        let mut held: Option<f64> = None;
        for (x, column) in self.columns.iter().enumerate() {
            let range = match (column.range, held) {
                (Some((low, high)), Some(held)) => Some((low.min(held), high.max(held))),
                (Some(range), None) => Some(range),
                (None, Some(held)) if column.last.is_none() => Some((held, held)),
                (None, _) => None,
            };
            if let Some((low, high)) = range {
                for row in row_of(high)..=row_of(low) {
                    if let Some(cell) =
                        cells.get_mut(row / ROWS_PER_CHARACTER).and_then(|row| row.get_mut(x / COLUMNS_PER_CHARACTER))
                    {
                        *cell |= DOTS[x % COLUMNS_PER_CHARACTER][row % ROWS_PER_CHARACTER];
                    }
                }
            }
            if let Some((_, last)) = column.last {
                held = last;
            }
        }
        let labels = [label(high, high - low), label(low, high - low)];
        let width = labels.iter().map(String::len).max().unwrap_or(0);
        let last = cells.len() - 1;
        let lines = cells.iter().enumerate().map(|(row, cells)| {
            let label = if row == 0 { &labels[0][..] } else { "" };
            let label = if row == last { &labels[1][..] } else { label };
            let dots: String = cells.iter().filter_map(|dots| char::from_u32(BLANK + u32::from(*dots))).collect();
            format!("{label:>width$} ┤{dots}")
        });
        Some(lines.collect())
    }
}

/// A number with as many digits as the range asks for.
fn label(value: f64, range: f64) -> String {
    let magnitude = if range > 0.0 { range } else { value.abs() };
    if magnitude == 0.0 {
        return "0".to_owned();
    }
    let digits = 2 - magnitude.log10().floor() as i32;
    if !(-12..=12).contains(&digits) {
        return format!("{value:.3e}");
    }
    let text = format!("{value:.*}", digits.max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(ticks: i64) -> Timestamp {
        Timestamp::from_ticks(ticks)
    }

    #[test]
    fn a_ramp_rises_from_the_lower_left_to_the_upper_right() {
        let mut plot = Plot::new(time(0), time(80), 4);
        (0..8).for_each(|n| plot.push(time(n * 10), Some(n as f64)));
        let lines = plot.draw(2).expect("numbers");
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("7 ┤⠀⠀") && lines[1].starts_with("0 ┤"), "{lines:?}");
        assert!(lines[1].ends_with('⠀'), "{lines:?}");
    }

    #[test]
    fn a_value_holds_until_it_is_said_to_be_unknown() {
        let mut plot = Plot::new(time(0), time(60), 3);
        plot.push(time(0), Some(5.0));
        plot.push(time(30), None);
        assert_eq!(plot.draw(1).expect("a number"), ["5 ┤⠤⠄⠀"]);
    }

    #[test]
    fn nothing_is_drawn_without_numbers_and_odd_ones_do_no_harm() {
        let mut plot = Plot::new(time(9), time(9), 0);
        assert!(plot.draw(3).is_none());
        plot.push(time(5), Some(f64::NAN));
        plot.push(time(i64::MIN), Some(f64::MAX));
        plot.push(time(i64::MAX), Some(f64::MIN));
        assert_eq!(plot.draw(0).expect("numbers").len(), 1);
    }

    #[test]
    fn labels_have_the_digits_that_the_range_needs() {
        assert_eq!(label(21.3456, 0.05), "21.3456");
        assert_eq!(label(1234.5, 100.0), "1234");
        assert_eq!(label(0.5, 1.0), "0.5");
        assert_eq!(label(0.0, 0.0), "0");
        assert_eq!(label(3.0e40, 1.0e40), "3.000e40");
    }
}
