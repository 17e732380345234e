//! What the control socket can have the historian do.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tagwire_forward::{Progress, Settings, Side, compare};
use tagwire_history::{
    Backup, Cursor, Disk, Historian, HistoryError, Position, Series, Span, State, imports_from_bytes,
};
use tagwire_hub::Registry;
use tagwire_model::{Timestamp, Value, hex};

use crate::config::{History, counted};
use crate::control::{Answer, ProcessedAs, Request, value_json};
use crate::history_processed::{self, KeptNow};

/// Most samples of one answer.
const MAX_PAGE: u32 = 20_000;

/// Carries out a command of the historian; blocks on the disk.
pub(crate) fn carry_out(historian: &Historian, forwarding: Option<&Progress>, request: &Request) -> Answer {
    match request {
        Request::HistoryRead { tag, from, to, next, max, .. } => {
            read(historian, tag, (*from, *to), next.as_deref(), (*max).clamp(1, MAX_PAGE))
        }
        Request::HistoryBackup { folder } => backup(historian, Path::new(folder)),
        _ => status(historian, forwarding),
    }
}

fn failed(error: &HistoryError) -> Answer {
    Answer::refused(error.to_string(), "see the log of the server")
}

/// The newest series of a path; a tag whose type changed has several.
fn find(historian: &Historian, path: &str) -> Option<Series> {
    historian.history().find(path).into_iter().max_by_key(|series| series.number)
}

/// Reads aggregates of a tag.
pub(crate) fn read_processed(
    historian: &Historian,
    tag: &str,
    wanted: &ProcessedAs,
    span: (i64, i64),
    (next, max): (Option<&str>, u32),
    kept: (KeptNow, Timestamp),
) -> Answer {
    match find(historian, tag) {
        Some(series) => history_processed::read(historian, &series, wanted, span, (next, max.clamp(1, MAX_PAGE)), kept),
        None => nothing_kept(tag),
    }
}

fn nothing_kept(tag: &str) -> Answer {
    let problem = format!("no samples of \"{tag}\" are kept");
    Answer::refused(problem, "see which tags have some with: tagwire history status")
}

fn read(historian: &Historian, tag: &str, (from, to): (i64, i64), next: Option<&str>, max: u32) -> Answer {
    let Some(series) = find(historian, tag) else { return nothing_kept(tag) };
    let history = historian.history();
    let cursor = match next {
        None => history.read(series.number, Span::between(Timestamp::from_ticks(from), Timestamp::from_ticks(to))),
        Some(text) => match hex::decode(text).and_then(|bytes| Position::from_bytes(&bytes)) {
            Some(position) => history.resume(series.number, position),
            None => return Answer::refused("the place to go on from is not understood", ""),
        },
    };
    match cursor.and_then(|cursor| page(cursor, max as usize)) {
        Ok((samples, next)) => {
            Answer::good(json!({ "type": series.value_type.to_string(), "samples": samples, "next": next }))
        }
        Err(error) => failed(&error),
    }
}

/// Samples as time, status code, value and reason, and where the next page begins.
fn page(mut cursor: Cursor, max: usize) -> Result<(Vec<Json>, Option<String>), HistoryError> {
    let mut samples = Vec::new();
    while samples.len() < max {
        let Some(view) = cursor.next(max - samples.len())? else { break };
        let reasons = view.reasons();
        for (idx, reason) in reasons.iter().enumerate() {
            let Some(sample) = view.sample(idx) else { continue };
            let value = if sample.status.is_bad() { Value::Null } else { sample.value };
            samples.push(json!([sample.source_time.ticks(), sample.status.0, value_json(&value), reason.word()]));
        }
    }
    let next = cursor.position()?.map(|position| hex::encode(&position.to_bytes()));
    Ok((samples, next))
}

fn backup(historian: &Historian, folder: &Path) -> Answer {
    let begun = historian.call(tagwire_history::Store::backup);
    let backup: Backup = match begun {
        Ok(Ok(backup)) => backup,
        Ok(Err(error)) => return failed(&error),
        Err(error) => return Answer::refused(error.to_string(), "try again later"),
    };
    let target = match Disk::new(folder) {
        Ok(target) => target,
        Err(error) => {
            return Answer::refused(format!("cannot make {}: {error}", folder.display()), "name another folder");
        }
    };
    match backup.copy_to(&target, |_| {}) {
        Ok(()) => {
            let text = format!("{} bytes are copied to {}", backup.size(), folder.display());
            Answer::good(json!({ "folder": folder, "bytes": backup.size(), "text": text }))
        }
        Err(error) => Answer::refused(error.to_string(), "name an empty folder with room"),
    }
}

fn status(historian: &Historian, forwarding: Option<&Progress>) -> Answer {
    let history = historian.history();
    let (bytes, segments) = history.size();
    let series = history.all_series();
    let (state, note) = match history.state() {
        State::Running => ("running", String::new()),
        State::Paused { why, since, lost } => ("paused", format!(", since {since}, {lost} samples lost: {why}")),
    };
    let damage: Vec<String> = history.damage().iter().map(ToString::to_string).collect();
    let mut text = format!(
        "history is {state}{note}\n{}, {bytes} bytes in {}",
        counted(series.len(), "tag"),
        counted(segments, "segment")
    );
    for damage in &damage {
        text.push_str(&format!("\ndamage: {damage}"));
    }
    if let Some(progress) = forwarding {
        text.push('\n');
        text.push_str(&forwarding_text(progress));
    }
    let tags: Vec<&str> = series.iter().map(|series| &*series.path).collect();
    Answer::good(json!({
        "state": state,
        "bytes": bytes,
        "segments": segments,
        "durable_samples": history.durable_up_to(),
        "damage": damage,
        "tags": tags,
        "forward": forwarding.map(forwarding_json),
        "text": text,
    }))
}

/// How long one answer of a comparison may take.
const COMPARE_PATIENCE: Duration = Duration::from_secs(15);

/// Compares samples with those in the database.
pub(crate) async fn compare_with(
    historian: &Historian,
    settings: &Settings,
    rules: &History,
    ((from, to), start): ((i64, i64), (u32, i64)),
) -> Answer {
    let span = (Timestamp::from_ticks(from), Timestamp::from_ticks(to));
    // What is too old goes here and stays there.
    let begin = |path: &str, oldest: Option<Timestamp>| {
        let goes = rules.rule(path).is_some_and(|rule| rule.max_age.is_some() || rule.max_mib.is_some());
        let earliest = Timestamp::from_ticks(i64::MIN);
        if goes { oldest.unwrap_or(earliest) } else { earliest }
    };
    match compare(historian.history(), settings, span, start, COMPARE_PATIENCE, begin).await {
        Ok(found) => {
            let side = |side| match side {
                Side::MissingThere => "missing there",
                Side::MissingHere => "missing here",
                Side::Different => "different",
            };
            let differences: Vec<Json> = found
                .differences
                .iter()
                .map(|one| json!({ "tag": one.path, "time": one.time.to_string(), "what": side(one.side) }))
                .collect();
            Answer::good(json!({
                "tags": found.tags,
                "here": found.here,
                "there": found.there,
                "missing_there": found.n_missing_there,
                "missing_here": found.n_missing_here,
                "different": found.n_different,
                "differences": differences,
                "behind": found.is_behind,
                "next": found.next,
            }))
        }
        Err(error) => Answer::refused(error.to_string(), error.remedy()),
    }
}

fn forwarding_text(progress: &Progress) -> String {
    let mut text = format!("{} gets the samples", progress.place);
    match progress.lag_samples {
        Some(0) => text.push_str(", it has all of them"),
        Some(n) => text.push_str(&format!(", {} behind, {} s", counted(n, "sample"), progress.lag.as_secs())),
        None => text.push_str(", not reached yet"),
    }
    if progress.filling {
        text.push_str(", from the files, since the log has let go of them");
    }
    if progress.refused > 0 {
        let refused = counted(progress.refused, "sample");
        text.push_str(&format!("\n{refused} left out: PostgreSQL does not know such times"));
    }
    if !progress.trouble.is_empty() {
        text.push_str(&format!("\nsamples wait: {}", progress.trouble));
    }
    text
}

fn forwarding_json(progress: &Progress) -> Json {
    json!({
        "to": progress.place,
        "connected": progress.connected,
        "filling": progress.filling,
        "number": progress.number,
        "lag_samples": progress.lag_samples,
        "lag_seconds": progress.lag.as_secs_f64(),
        "sent": progress.sent,
        "refused": progress.refused,
        "failures": progress.failures,
        "trouble": progress.trouble,
    })
}

/// The type of each tag: of the samples kept last, or of the tag that there is now.
pub(crate) fn types(historian: Option<&Historian>, registry: &Registry, tags: &[String]) -> Json {
    let of = |path: &String| {
        let kept = historian.and_then(|historian| find(historian, path)).map(|series| series.value_type);
        let live = || registry.find_tag(path.as_bytes()).and_then(|tag| registry.tag(tag)).map(|view| view.value_type);
        kept.or_else(live).map(|value_type| value_type.to_string())
    };
    json!({ "types": tags.iter().map(of).collect::<Vec<_>>() })
}

/// Takes samples from a file; blocks until they are on the disk.
pub(crate) fn import(historian: &Historian, samples: &str) -> Answer {
    let Some(Ok(imports)) = hex::decode(samples).map(|bytes| imports_from_bytes(&bytes)) else {
        return Answer::refused("the samples are not understood", "use the command of the server's version");
    };
    match historian.call(move |store, now| store.import(&imports, now)) {
        Ok(Ok(told)) => Answer::good(json!({ "taken": told.taken, "there": told.there, "differing": told.differing })),
        Ok(Err(error)) => Answer::refused(error.to_string(), "what was taken before stays; import the file again"),
        Err(error) => Answer::refused(error.to_string(), "try again later"),
    }
}
