//! The published examples.

use tagwire_history::aggregate::{Engine, Intervals, Outcome, Processed};
use tagwire_model::{Sample, Value};

use crate::cases::{Case, Cases, Row, seconds, status};

pub(crate) fn compute(case: &Case, samples: &[Sample], intervals: Intervals) -> Vec<Processed> {
    let mut engine = Engine::new(case.settings.clone(), intervals).unwrap();
    let mut results = Vec::new();
    for sample in samples {
        engine.push(sample, &mut results);
    }
    engine.finish(&mut results);
    results
}

pub(crate) fn whole(case: &Case) -> Intervals {
    Intervals::new(seconds(0.0), seconds(100.0), case.interval).unwrap()
}

/// What differs between a result and the example; `None` when they agree.
fn difference(result: &Processed, expected: &Row) -> Option<String> {
    let value = match (&result.value, expected.value.as_str()) {
        (Outcome::Value(Value::Null), "") => true,
        (Outcome::Value(value), text) => match (value.as_f64(), text.parse::<f64>()) {
            (Some(value), Ok(wanted)) => (value - wanted).abs() <= 0.001,
            _ => value.to_string() == text,
        },
        (Outcome::Status(code), text) => !text.is_empty() && *code == status(text),
    };
    let same = value && result.status == expected.status && result.time == expected.time;
    (!same).then(|| {
        let (time, status) = (result.time, result.status.0);
        format!(
            "{time} 0x{status:08X} {:?}, expected {} 0x{:08X} {}",
            result.value, expected.time, expected.status.0, expected.value
        )
    })
}

#[test]
fn every_published_example_gives_its_values_statuses_and_times() {
    let cases = Cases::read();
    assert_eq!(cases.cases.len(), 111);
    let mut findings = Vec::new();
    for case in &cases.cases {
        let results = compute(case, &cases.histories[&case.history], whole(case));
        if results.len() != case.expected.len() {
            findings.push(format!("{}: {} results, expected {}", case.name, results.len(), case.expected.len()));
        }
        for (result, expected) in results.iter().zip(&case.expected) {
            if let Some(difference) = difference(result, expected) {
                findings.push(format!("{}: {difference}", case.name));
            }
        }
    }
    assert!(findings.is_empty(), "{} differ:\n{}", findings.len(), findings.join("\n"));
}
