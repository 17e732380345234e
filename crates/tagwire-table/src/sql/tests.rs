//! Queries over a small store.

use std::time::Duration;

use tagwire_history::{CrashDisk, Import, Moment, Options, Reason, Store};
use tagwire_model::{DataType, Sample, Status, Timestamp, Value, ValueType};

use super::*;

const NOW: Moment = Moment { steady: Duration::ZERO, utc: Timestamp::from_ticks(1) };

fn names(status: Status) -> String {
    status.to_string()
}

fn database() -> Database {
    let options = Options { page_rows: 64, ..Options::default() };
    let mut store = Store::open(Arc::new(CrashDisk::new()), options, NOW).expect("opens").0;
    let time = |second: i64| {
        let begin = Timestamp::parse_rfc3339("2026-03-01T00:00:00Z").expect("time");
        begin.saturating_add_ticks(second * Timestamp::TICKS_PER_SECOND)
    };
    let numbers = |path: &str, factor: f64| Import {
        path: path.into(),
        value_type: ValueType::scalar(DataType::Double),
        samples: (0..1_000)
            .map(|second| (Sample::good(Value::Double(second as f64 * factor), time(second)), Reason::Changed))
            .collect(),
    };
    let mut bad = Sample::good(Value::Null, time(2_000));
    bad.status = Status::BAD_NO_DATA;
    let text = Import {
        path: "c.text".into(),
        value_type: ValueType::scalar(DataType::String),
        samples: vec![(Sample::good(Value::text("warm"), time(5)), Reason::Imported), (bad, Reason::Stop)],
    };
    store.import(&[numbers("a.x", 1.0), numbers("b.y", 0.5), text], NOW).expect("taken");
    Database::new(store.history(), names).expect("starts")
}

fn ask(database: &Database, query: &str) -> Vec<String> {
    let mut out = Vec::new();
    database.answer(query, Answer::Csv, &mut out).expect(query);
    String::from_utf8(out).expect("text").lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn questions_are_answered() {
    let database = database();
    for (query, expected) in [
        ("select count(*) from history", vec!["2002"]),
        (
            "select tag, count(*), avg(value) from history group by tag order by tag",
            vec!["a.x,1000,499.5", "b.y,1000,249.75", "c.text,2,"],
        ),
        ("select value from history where tag = 'b.y' and time = '2026-03-01T00:00:10Z'", vec!["5.0"]),
        (
            "select max(value) from history where tag like 'a.%' and time < timestamp '2026-03-01 00:01:40'",
            vec!["99.0"],
        ),
        (
            "select count(*) from history where time >= '2026-03-01T00:00:10Z' and time < '2026-03-01T00:00:20Z'",
            vec!["20"],
        ),
        (
            "select count(*) from history where time between '2026-03-01T00:00:10Z' and '2026-03-01T00:00:20Z'",
            vec!["22"],
        ),
        (
            "select tag, text, quality, reason, status from history where tag in ('c.text', 'no')",
            vec!["c.text,warm,Good,imported,0", "c.text,,BadNoData,stop,2157641728"],
        ),
        ("select count(*) from (select * from history where tag = 'a.x' limit 7)", vec!["7"]),
        (
            "select tag, type, first_time from tags where tag <> 'b.y'",
            vec!["a.x,f64,2026-03-01T00:00:00Z", "c.text,string,2026-03-01T00:00:05Z"],
        ),
        (
            "select date_bin(interval '5 minutes', time) as t, sum(value) from history where tag = 'a.x' group by t order by t",
            vec![
                "2026-03-01T00:00:00Z,44850.0",
                "2026-03-01T00:05:00Z,134850.0",
                "2026-03-01T00:10:00Z,224850.0",
                "2026-03-01T00:15:00Z,94950.0",
            ],
        ),
        ("select count(*) from history where tag = 'none'", vec!["0"]),
        ("select count(*) from history where time > now()", vec!["0"]),
    ] {
        assert_eq!(ask(&database, query), expected, "{query}");
    }
}

#[test]
fn answers_come_as_json_and_as_a_table() {
    let database = database();
    let mut out = Vec::new();
    let query = "select tag, time, value, text, status from history where tag = 'c.text'";
    database.answer(query, Answer::Json, &mut out).expect("answers");
    let lines = String::from_utf8(out).expect("text");
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().expect("line")).expect("JSON");
    assert_eq!(
        first,
        serde_json::json!({ "tag": "c.text", "time": "2026-03-01T00:00:05Z", "value": null, "text": "warm", "status": 0 })
    );
    let mut out = Vec::new();
    database.answer("select * from history where tag = 'a.x'", Answer::Table, &mut out).expect("answers");
    let table = String::from_utf8(out).expect("text");
    assert!(table.contains("| tag ") && !table.contains("the first"));
    assert_eq!(table.lines().count(), 1_004);
}

#[test]
fn mistakes_are_told_and_nothing_can_be_changed() {
    let database = database();
    for (query, told) in [
        ("select nothing from history", "nothing"),
        ("selec 1", "selec"),
        ("create table x (a int)", "DDL"),
        ("insert into history values (1)", ""),
        ("copy history to 'x.csv'", "DML"),
        ("set datafusion.execution.batch_size = 1", "not supported"),
    ] {
        let refused = database.answer(query, Answer::Csv, &mut Vec::new()).expect_err(query);
        assert!(refused.to_string().contains(told), "{query}: {refused}");
    }
}
