//! Aggregates of the history of a tag, for the control socket.

use serde_json::{Value as Json, json};
use tagwire_history::aggregate::{
    Aggregate, Configuration, Intervals, Outcome, Processed, Settings, SettingsError, processed,
};
use tagwire_history::{Archive, Historian, Series};
use tagwire_model::{Status, Timestamp};

use crate::control::{Answer, ProcessedAs, value_json};

/// How a tag is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptNow {
    /// Whether a number holds until the next one.
    pub(crate) stepped: bool,
    /// Whether samples are taken now.
    pub(crate) is_live: bool,
}

/// At most `max` intervals of a span; `next` is the number of those that were answered before.
pub(crate) fn read(
    historian: &Historian,
    series: &Series,
    wanted: &ProcessedAs,
    (from, to): (i64, i64),
    (next, max): (Option<&str>, u32),
    (kept, now): (KeptNow, Timestamp),
) -> Answer {
    let Some(aggregate) = Aggregate::from_name(&wanted.aggregate) else {
        return Answer::refused(
            format!("there is no aggregate \"{}\"", wanted.aggregate),
            "use a name of OPC UA Part 13",
        );
    };
    let (from, to) = (Timestamp::from_ticks(from), Timestamp::from_ticks(to));
    let Ok(all) = Intervals::new(from, to, wanted.every) else {
        return Answer::refused("there is no time between start and end", "move --start or --end");
    };
    let done = next.map_or(Ok(0), str::parse::<u64>);
    let Ok(done) = done else { return Answer::refused("the place to go on from is not understood", "") };
    let Some(part) = all.page(done, u64::from(max)) else {
        return Answer::good(json!({ "samples": [], "next": Json::Null }));
    };
    let value_type = series.value_type;
    let history = historian.history();
    let annotations = match aggregate {
        Aggregate::AnnotationCount => history.annotations(series.number, part.early(), part.late()).ok(),
        _ => None,
    };
    let annotations = annotations.map(|found| found.into_iter().map(|annotation| annotation.time).collect());
    let (configuration, stepped) = (Configuration::default(), kept.stepped);
    let settings = Settings { aggregate, configuration, stepped, value_type, annotations };
    match settings.check() {
        Ok(()) => {}
        Err(SettingsError::DataType) => {
            let problem = format!("{} means nothing for values of type {value_type}", aggregate.name());
            return Answer::refused(problem, "ask for Count, Start, End, or the samples themselves");
        }
        Err(error) => return Answer::refused(error.to_string(), ""),
    }
    let live = kept.is_live.then_some(now);
    let mut found = match processed(&Archive::Here(history.clone()), series.number, settings, part, live) {
        Ok(found) => found,
        Err(error) => return Answer::refused(error.to_string(), "see the log of the server"),
    };
    if part.backwards() {
        found.reverse();
    }
    let done = done + part.len();
    let next = (done < all.len()).then(|| done.to_string());
    let samples: Vec<Json> = found.iter().map(result).collect();
    Answer::good(json!({ "samples": samples, "next": next }))
}

/// Time, status code, value and what the info bits say.
fn result(found: &Processed) -> Json {
    let value = match &found.value {
        Outcome::Value(value) => value_json(value),
        Outcome::Status(status) => json!(status.0),
    };
    json!([found.time.ticks(), found.status.code().0, value, notes(found.status)])
}

fn notes(status: Status) -> String {
    const BITS: [(u32, &str); 4] =
        [(0x1, "calculated"), (0x2, "interpolated"), (0x4, "partial"), (0x10, "multiple values")];
    let words: Vec<&str> = BITS.iter().filter(|(bit, _)| status.0 & bit != 0).map(|(_, word)| *word).collect();
    words.join(", ")
}
