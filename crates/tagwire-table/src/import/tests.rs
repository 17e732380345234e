//! Files of every shape, taken into a store.

use std::sync::Arc;
use std::time::Duration;

use tagwire_history::{CrashDisk, Moment, Options, Span, Store};
use tagwire_model::{DataType, Timestamp};

use super::*;

const NOW: Moment = Moment { steady: Duration::ZERO, utc: Timestamp::from_ticks(1) };

struct Into(Store);

impl Taker for Into {
    fn types(&mut self, tags: &[String]) -> Result<Vec<Option<ValueType>>, TableError> {
        let history = self.0.history();
        Ok(tags.iter().map(|tag| history.find(tag).last().map(|series| series.value_type)).collect())
    }

    fn take(&mut self, imports: &[Import]) -> Result<Imported, TableError> {
        Ok(self.0.import(imports, NOW)?)
    }
}

impl Into {
    fn new() -> Self {
        Self(Store::open(Arc::new(CrashDisk::new()), Options::default(), NOW).expect("opens").0)
    }

    fn import(&mut self, text: &str, options: &ImportOptions) -> Result<(ImportTold, Vec<Problem>), TableError> {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("x.csv");
        std::fs::write(&path, text).expect("written");
        let mut problems = Vec::new();
        let told = import(&path, options, self, |problem| problems.push(problem.clone()), |_, _| {})?;
        Ok((told, problems))
    }

    fn samples(&self, path: &str) -> Vec<(String, String, String)> {
        let history = self.0.history();
        let mut all = Vec::new();
        for series in history.find(path) {
            let mut cursor = history.read(series.number, Span::all()).expect("reads");
            while let Some(view) = cursor.next(usize::MAX).expect("reads") {
                for idx in 0..view.len() {
                    let sample = view.sample(idx).expect("there");
                    all.push((sample.source_time.to_string(), sample.value.to_string(), sample.status.to_string()));
                }
            }
        }
        all
    }

    fn value_type(&self, path: &str) -> Option<DataType> {
        self.0.history().find(path).last().map(|series| series.value_type.data_type)
    }
}

fn row(time: &str, value: &str, status: &str) -> (String, String, String) {
    (format!("2026-03-01T{time}Z"), value.to_owned(), status.to_owned())
}

#[test]
fn a_list_of_samples_is_taken_with_its_qualities() {
    let text = "time,tag,value,quality\n\
        2026-03-01 08:00:00,a.b,1.5,Good\n\
        2026-03-01 08:00:01,a.b,2,192\n\
        2026-03-01 08:00:02,a.b,,Bad\n\
        2026-03-01 08:00:03,a.b,3,64\n\
        2026-03-01 08:00:00,c,warm,\n\
        2026-03-01 08:00:00,d,true,good\n";
    let mut into = Into::new();
    let (told, problems) = into.import(text, &ImportOptions::default()).expect("read");
    assert_eq!((told.samples.taken, told.rows, told.tags), (6, 6, 3));
    assert_eq!(problems, []);
    let expected = [
        row("08:00:00", "1.5", "Good"),
        row("08:00:01", "2", "Good"),
        row("08:00:02", "null", "Bad"),
        row("08:00:03", "3", "Uncertain"),
    ];
    assert_eq!(into.samples("a.b"), expected);
    assert_eq!(into.value_type("c"), Some(DataType::String));
    assert_eq!(into.value_type("d"), Some(DataType::Boolean));
    let (again, _) = into.import(text, &ImportOptions::default()).expect("read");
    assert_eq!(again.samples, Imported { taken: 0, there: 6, differing: 0 });
}

#[test]
fn a_column_for_each_tag_is_taken_with_decimal_commas() {
    let text = "Time;temp;count;\n2026-03-01 08:00:00;21,5;7;\n2026-03-01 08:00:01;;8;\n";
    let mut into = Into::new();
    let options = ImportOptions { prefix: "line1.".to_owned(), ..ImportOptions::default() };
    let (told, problems) = into.import(text, &options).expect("read");
    assert_eq!((told.samples.taken, problems), (3, vec![]));
    assert_eq!(into.samples("line1.temp"), [row("08:00:00", "21.5", "Good")]);
    assert_eq!(into.samples("line1.count").len(), 2);
}

#[test]
fn a_known_tag_keeps_its_type_and_another_may_be_given_one() {
    let mut into = Into::new();
    let options = ImportOptions { value_type: Some(ValueType::scalar(DataType::Int32)), ..ImportOptions::default() };
    into.import("time,tag,value\n2026-03-01,a,1\n", &options).expect("read");
    assert_eq!(into.value_type("a"), Some(DataType::Int32));
    let (told, problems) =
        into.import("time,tag,value\n2026-03-02,a,2\n2026-03-03,a,2.5\n", &ImportOptions::default()).expect("read");
    assert_eq!(told.samples.taken, 1);
    assert_eq!(problems, [Problem { line: 3, what: "\"2.5\" is no i32".to_owned() }]);
}

#[test]
fn every_line_that_cannot_be_taken_is_told_with_its_number() {
    let text = "time,tag,value,quality\n\
        yesterday,a,1,\n\
        2026-03-01,,1,\n\
        2026-03-01,a..b,1,\n\
        2026-03-01,a,,\n\
        2026-03-01,a,1,fine\n\
        2026-03-01,\"a\"x,1,\n\
        2026-03-01,a,1,\n\
        2026-03-02,a,x,\n\
        2026-03-03\n";
    let mut into = Into::new();
    let (told, problems) = into.import(text, &ImportOptions::default()).expect("read");
    assert_eq!((told.samples.taken, told.bad), (1, 8));
    let found: Vec<(u64, &str)> = problems.iter().map(|problem| (problem.line, problem.what.as_str())).collect();
    let expected = [
        (2, "\"yesterday\" is no time"),
        (3, "no tag"),
        (4, "a part of the tag's name is empty"),
        (5, "no value"),
        (6, "\"fine\" is no quality"),
        (7, "text follows a closing quote"),
        (9, "\"x\" is no f64"),
        (10, "no tag"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_head_line_that_means_nothing_is_refused_with_what_is_missing() {
    for (head, missing) in [
        ("1,2,3\n", "no column is named time"),
        ("tag,value\n", "no column is named time"),
        ("time,tag\n", "no column is named value"),
        ("time\n", "no column is a tag"),
        ("time,a,a\n", "two columns are named \"a\""),
        ("", "the file is empty"),
    ] {
        let refused = Into::new().import(head, &ImportOptions::default()).expect_err("refused");
        assert!(refused.to_string().contains(missing), "{refused}");
    }
}
