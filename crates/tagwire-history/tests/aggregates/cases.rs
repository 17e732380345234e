//! Reads `testcases/aggregates.txt`.

use std::collections::BTreeMap;

use tagwire_history::aggregate::{Aggregate, Configuration, Settings};
use tagwire_model::{DataType, Sample, Status, Timestamp, Value, ValueType};

/// One line: a time, a status with its aggregate bits, a value as text.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) time: Timestamp,
    pub(crate) status: Status,
    pub(crate) value: String,
}

/// One published example.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) history: String,
    pub(crate) settings: Settings,
    pub(crate) interval: i64,
    pub(crate) expected: Vec<Row>,
}

/// All examples, and the samples that they are about.
pub(crate) struct Cases {
    pub(crate) histories: BTreeMap<String, Vec<Sample>>,
    pub(crate) cases: Vec<Case>,
}

/// The time that many seconds after the start of the examples.
pub(crate) fn seconds(seconds: f64) -> Timestamp {
    let start = Timestamp::parse_rfc3339("2026-01-02T12:00:00Z").unwrap();
    start.saturating_add_ticks((seconds * 1e3).round() as i64 * Timestamp::TICKS_PER_MILLISECOND)
}

pub(crate) fn status(text: &str) -> Status {
    let mut words = text.split('+');
    let mut code = match words.next().unwrap() {
        "Good" => 0,
        "Uncertain" => 0x4000_0000,
        "UncertainDataSubNormal" => 0x40A4_0000,
        "Bad" => 0x8000_0000,
        "BadNoData" => 0x809B_0000,
        other => panic!("unknown status {other}"),
    };
    for word in words {
        code |= 0x400
            | match word {
                "Calculated" => 0x01,
                "Interpolated" => 0x02,
                "Partial" => 0x04,
                "MultipleValues" => 0x10,
                other => panic!("unknown bit {other}"),
            };
    }
    Status(code)
}

fn row(line: &str) -> Row {
    let mut words = line.split_whitespace();
    let time = seconds(words.next().unwrap().parse().unwrap());
    let status = status(words.next().unwrap());
    Row { time, status, value: words.next().unwrap_or_default().to_owned() }
}

fn sample(row: &Row) -> Sample {
    let value = match row.value.as_str() {
        "" => Value::Null,
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        number => Value::Double(number.parse().unwrap()),
    };
    Sample { value, status: row.status, source_time: row.time, server_time: row.time }
}

impl Cases {
    pub(crate) fn read() -> Self {
        let text = include_str!("../../testcases/aggregates.txt");
        let (mut histories, mut cases) = (BTreeMap::new(), Vec::new());
        for block in text.split("\n\n") {
            let mut lines = block.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
            let Some(head) = lines.next() else { continue };
            let rows: Vec<Row> = lines.map(row).collect();
            let words: Vec<&str> = head.split_whitespace().collect();
            match words[..] {
                ["history", name] => {
                    histories.insert(name.to_owned(), rows.iter().map(sample).collect::<Vec<_>>());
                }
                ["case", aggregate, history, ref options @ ..] => {
                    cases.push(case(head, aggregate, history, options, rows, &histories));
                }
                _ => panic!("unknown line {head}"),
            }
        }
        Self { histories, cases }
    }
}

fn case(
    name: &str,
    aggregate: &str,
    history: &str,
    options: &[&str],
    expected: Vec<Row>,
    histories: &BTreeMap<String, Vec<Sample>>,
) -> Case {
    let number = |key: &str| -> i64 {
        options.iter().find_map(|option| option.strip_prefix(key)?.strip_prefix('=')).unwrap().parse().unwrap()
    };
    let has = |flag: &str| options.contains(&flag);
    let boolean = histories[history].iter().any(|sample| matches!(sample.value, Value::Boolean(_)));
    let settings = Settings {
        aggregate: Aggregate::from_name(aggregate).unwrap(),
        configuration: Configuration {
            treat_uncertain_as_bad: has("uncertain-is-bad"),
            percent_data_bad: number("bad").try_into().unwrap(),
            percent_data_good: number("good").try_into().unwrap(),
            use_sloped_extrapolation: has("sloped-extrapolation"),
        },
        stepped: has("stepped"),
        value_type: ValueType::scalar(if boolean { DataType::Boolean } else { DataType::Double }),
        annotations: None,
    };
    let interval = number("interval") * Timestamp::TICKS_PER_MILLISECOND;
    Case { name: name.to_owned(), history: history.to_owned(), settings, interval, expected }
}
