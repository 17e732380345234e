//! The plots of `watch --plot`: the last minute of a few tags, one below the other.

use std::collections::VecDeque;
use std::time::Duration;

use tagwire_model::{Sample, Timestamp};

use crate::plot::Plot;
use crate::terminal::{Style, fit, shown, width};

/// Samples kept of one tag.
const MAX_SAMPLES: usize = 20_000;
/// Lines of dots that one plot has at least and at most.
const HEIGHTS: (usize, usize) = (2, 10);
const TICKS_PER_SECOND: i64 = 10_000_000;

/// The recent past of one tag.
#[derive(Debug)]
struct Course {
    name: String,
    unit: String,
    /// Times and numbers, the oldest first; none where the value was bad or is no number.
    samples: VecDeque<(Timestamp, Option<f64>)>,
    is_bad: VecDeque<bool>,
}

/// The recent past of all tags shown.
#[derive(Debug)]
pub(crate) struct Trends {
    span: i64,
    courses: Vec<Course>,
    /// How far the server's clock is ahead of this machine's.
    skew: i64,
}

impl Trends {
    /// Plots of the tags, with their units, over so much time.
    pub(crate) fn new<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>, span: Duration) -> Self {
        let course = |(name, unit): (&str, &str)| Course {
            name: shown(name).into_owned(),
            unit: shown(unit).into_owned(),
            samples: VecDeque::new(),
            is_bad: VecDeque::new(),
        };
        let ticks = i64::try_from(span.as_nanos() / 100).unwrap_or(i64::MAX / 4).max(1);
        Self { span: ticks, courses: tags.map(course).collect(), skew: 0 }
    }

    /// Learns the difference of the clocks, so that the live edge is the server's present.
    pub(crate) fn compare_clocks(&mut self, server: Timestamp, here: Timestamp) {
        let skew = server.ticks_since(here);
        // Less is the way through the network.
        self.skew = if server.is_none() || skew.abs() < TICKS_PER_SECOND { 0 } else { skew };
    }

    /// When the plots begin, seen from now.
    pub(crate) fn start(&self, here: Timestamp) -> Timestamp {
        self.end(here).saturating_add_ticks(-self.span)
    }

    /// The live edge, seen from now.
    pub(crate) fn end(&self, here: Timestamp) -> Timestamp {
        here.saturating_add_ticks(self.skew)
    }

    /// Puts what the server has kept in front of what is there.
    pub(crate) fn put_before(&mut self, index: usize, history: &[Sample]) {
        let Some(course) = self.courses.get_mut(index) else { return };
        let first = course.samples.front().map(|(time, _)| *time);
        for sample in history.iter().rev().filter(|sample| first.is_none_or(|first| sample.source_time < first)) {
            let (time, number, is_bad) = seen(sample);
            course.samples.push_front((time, number));
            course.is_bad.push_front(is_bad);
        }
        course.limit();
    }

    /// Takes a change; one that is older than the newest counts from that one on.
    pub(crate) fn push(&mut self, index: usize, sample: &Sample, here: Timestamp) {
        let edge = self.end(here);
        let oldest = edge.saturating_add_ticks(-self.span);
        let Some(course) = self.courses.get_mut(index) else { return };
        let (time, number, is_bad) = seen(sample);
        let time = if time.is_none() { edge } else { time };
        let time = course.samples.back().map_or(time, |(last, _)| time.max(*last));
        course.samples.push_back((time, number));
        course.is_bad.push_back(is_bad);
        // The one that holds when the plot begins stays.
        while course.samples.get(1).is_some_and(|(time, _)| *time < oldest) {
            course.samples.pop_front();
            course.is_bad.pop_front();
        }
        course.limit();
    }

    /// The plots of as many tags as fit into so many columns and lines.
    pub(crate) fn lines(&self, (columns, n_lines): (usize, usize), here: Timestamp, style: Style) -> Vec<String> {
        let (start, end) = (self.start(here), self.end(here));
        let courses: Vec<&Course> = self.courses.iter().filter(|course| course.is_plotted()).collect();
        let n_shown = courses.len().min(n_lines.saturating_sub(1) / (HEIGHTS.0 + 2));
        if n_shown == 0 || columns < 24 {
            return Vec::new();
        }
        let height = ((n_lines - 1) / n_shown).saturating_sub(2).clamp(HEIGHTS.0, HEIGHTS.1);
        let mut lines = Vec::new();
        for course in courses.iter().take(n_shown) {
            lines.extend(course.lines(columns, height, (start, end), style));
        }
        let hidden = courses.len() - n_shown;
        let more = if hidden == 0 { String::new() } else { format!("; {hidden} more without a plot") };
        let text = format!("{} to {} UTC{more}", time_of_day(start), time_of_day(end));
        lines.push(format!("{}{}{}", style.dim(), fit(&text, columns).trim_end(), style.reset()));
        lines
    }
}

impl Course {
    /// Whether there is anything to draw; text has no height.
    fn is_plotted(&self) -> bool {
        self.samples.iter().any(|(_, number)| number.is_some()) || self.is_bad.contains(&true)
    }

    fn limit(&mut self) {
        let excess = self.samples.len().saturating_sub(MAX_SAMPLES);
        self.samples.drain(..excess);
        self.is_bad.drain(..excess);
    }

    /// A heading, the dots, and below them where the quality is bad.
    fn lines(&self, columns: usize, height: usize, (start, end): (Timestamp, Timestamp), style: Style) -> Vec<String> {
        let heading = if self.unit.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, self.unit) };
        let mut lines = vec![format!("{}{}{}", style.bold(), fit(&heading, columns).trim_end(), style.reset())];
        // The width of the labels shows only when they are drawn.
        let draw = |width| {
            let mut plot = Plot::new(start, end, width);
            for (time, number) in &self.samples {
                plot.push(*time, *number);
            }
            plot.draw(height)
        };
        let Some(first) = draw(columns / 2) else {
            lines.push(format!("{}no values{}", style.dim(), style.reset()));
            lines.extend(self.bad_line(0, columns, (start, end), style));
            return lines;
        };
        let margin = first.first().map_or(0, |line| width(line)).saturating_sub(columns / 2);
        let room = columns.saturating_sub(margin).max(1);
        lines.extend(draw(room).unwrap_or(first));
        lines.extend(self.bad_line(margin, room, (start, end), style));
        lines
    }

    /// A line with a mark below every column in which the quality was bad; none without one.
    fn bad_line(
        &self,
        margin: usize,
        room: usize,
        (start, end): (Timestamp, Timestamp),
        style: Style,
    ) -> Option<String> {
        let span = i128::from(end.ticks_since(start).max(1));
        let column = |time: Timestamp| {
            let at = i128::from(time.ticks_since(start)).max(0) * room as i128 / span;
            usize::try_from(at).unwrap_or(0).min(room)
        };
        let mut marks = vec![' '; room];
        for (at, (time, _)) in self.samples.iter().enumerate() {
            if self.is_bad.get(at) != Some(&true) || *time > end {
                continue;
            }
            let until = self.samples.get(at + 1).map_or(end, |(next, _)| *next);
            if until < start {
                continue;
            }
            let from = column(*time).min(room - 1);
            marks.iter_mut().take(column(until).max(from + 1)).skip(from).for_each(|mark| *mark = '×');
        }
        if !marks.contains(&'×') {
            return None;
        }
        let label = format!("{:>width$}", if margin >= 5 { "bad ┤" } else { "" }, width = margin);
        let marks: String = marks.iter().collect();
        Some(format!("{label}{}{}{}", style.red(), marks.trim_end(), style.reset()))
    }
}

/// What a plot needs of a sample: since when, which number, whether it is bad.
fn seen(sample: &Sample) -> (Timestamp, Option<f64>, bool) {
    let time = if sample.source_time.is_none() { sample.server_time } else { sample.source_time };
    let is_bad = sample.status.is_bad();
    (time, if is_bad { None } else { sample.value.as_f64().filter(|number| number.is_finite()) }, is_bad)
}

/// `12:34:56` of a time.
fn time_of_day(time: Timestamp) -> String {
    let seconds = time.unix_millis().div_euclid(1000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use tagwire_model::{Status, Value};

    use super::*;

    const PLAIN: Style = Style { is_terminal: false };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_nanos(i128::from(seconds + 1_700_000_000) * 1_000_000_000)
    }

    fn sample(seconds: i64, number: f64, status: Status) -> Sample {
        Sample { value: Value::Double(number), status, source_time: at(seconds), server_time: at(seconds) }
    }

    fn trends() -> Trends {
        Trends::new([("press.temp", "°C")].into_iter(), Duration::from_secs(60))
    }

    #[test]
    fn a_plot_shows_values_where_they_are_known_and_marks_where_they_are_bad() {
        let mut trends = trends();
        trends.push(0, &sample(0, 5.0, Status::GOOD), at(0));
        trends.push(0, &sample(30, 5.0, Status::BAD_NO_COMMUNICATION), at(30));
        let lines = trends.lines((40, 5), at(60), PLAIN);
        assert_eq!(lines[0], "press.temp (°C)");
        assert!(lines[1].starts_with("5 ┤") && lines[1..3].iter().all(|line| line.ends_with('⠀')), "{lines:?}");
        assert_eq!(lines[3].trim_start().chars().next(), Some('×'), "{lines:?}");
        assert_eq!(lines[3].chars().filter(|c| *c == '×').count(), 19, "{lines:?}");
        assert!(lines[4].ends_with("UTC"), "{lines:?}");
        assert!(lines.iter().all(|line| width(line) <= 40), "{lines:?}");
    }

    #[test]
    fn history_stands_before_what_came_live() {
        let mut trends = trends();
        trends.push(0, &sample(50, 2.0, Status::GOOD), at(50));
        trends.put_before(0, &[sample(10, 1.0, Status::GOOD), sample(50, 2.0, Status::GOOD)]);
        let numbers: Vec<_> = trends.courses[0].samples.iter().filter_map(|(_, number)| *number).collect();
        assert_eq!(numbers, [1.0, 2.0]);
    }

    #[test]
    fn what_is_over_goes_but_the_value_that_still_holds_stays() {
        let mut trends = trends();
        for seconds in 0..200 {
            trends.push(0, &sample(seconds, seconds as f64, Status::GOOD), at(seconds));
        }
        assert_eq!(trends.courses[0].samples.len(), 62);
        for _ in 0..2 * MAX_SAMPLES {
            trends.push(0, &sample(200, 1.0, Status::GOOD), at(200));
        }
        assert_eq!(trends.courses[0].samples.len(), MAX_SAMPLES);
    }

    #[test]
    fn as_many_plots_are_drawn_as_fit() {
        let names: Vec<String> = (0..9).map(|number| format!("tag{number}")).collect();
        let mut trends = Trends::new(names.iter().map(|name| (name.as_str(), "")), Duration::from_secs(60));
        for index in 0..9 {
            trends.push(index, &sample(0, 1.0, Status::GOOD), at(0));
        }
        let lines = trends.lines((60, 13), at(10), PLAIN);
        assert!(lines.len() <= 13 && lines.last().is_some_and(|line| line.contains("6 more")), "{lines:?}");
        assert!(trends.lines((60, 3), at(10), PLAIN).is_empty());
    }
}
