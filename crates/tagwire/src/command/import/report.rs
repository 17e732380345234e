//! What was taken over, what was changed on the way, what was left out, and why.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

/// One thing that differs from the file that was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// The tag, device or key concerned.
    pub(crate) what: String,
    /// Where it stood.
    pub(crate) place: String,
    /// What happened, or why it was left out.
    pub(crate) why: String,
}

/// The report of one import.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Tags that were not taken over.
    pub(crate) left_out: Vec<Note>,
    /// What is not as it was.
    pub(crate) changed: Vec<Note>,
    /// What has no meaning here or must be done by hand: a sentence, and how often it applies.
    pub(crate) remarks: Vec<(String, usize)>,
}

/// How many tags are named for one reason, in the text that is printed.
const SHOWN: usize = 3;

impl Report {
    pub(crate) fn leave_out(&mut self, what: &str, place: &str, why: impl Into<String>) {
        self.left_out.push(Note { what: what.to_owned(), place: place.to_owned(), why: why.into() });
    }

    pub(crate) fn change(&mut self, what: &str, place: &str, why: impl Into<String>) {
        self.changed.push(Note { what: what.to_owned(), place: place.to_owned(), why: why.into() });
    }

    /// Adds a sentence, or counts it once more.
    pub(crate) fn remark(&mut self, text: &str) {
        match self.remarks.iter_mut().find(|(known, _)| known == text) {
            Some((_, n)) => *n += 1,
            None => self.remarks.push((text.to_owned(), 1)),
        }
    }

    /// The report in words; `all` names every tag, where otherwise a few stand for those with the same reason.
    pub(crate) fn text(&self, all: bool) -> String {
        let mut out = String::new();
        let limit = if all { usize::MAX } else { SHOWN };
        section(&mut out, "left out", &self.left_out, limit);
        section(&mut out, "changed", &self.changed, limit);
        if !self.remarks.is_empty() {
            out.push_str("to know:\n");
            for (text, n) in &self.remarks {
                let times = if *n > 1 { format!(" ({n} times)") } else { String::new() };
                let _ = writeln!(out, "  {text}{times}");
            }
        }
        out
    }

    pub(crate) fn json(&self) -> Json {
        let notes = |notes: &[Note]| -> Vec<Json> {
            notes.iter().map(|note| json!({ "what": note.what, "place": note.place, "why": note.why })).collect()
        };
        let remarks: Vec<Json> = self.remarks.iter().map(|(text, n)| json!({ "text": text, "count": n })).collect();
        json!({ "left_out": notes(&self.left_out), "changed": notes(&self.changed), "remarks": remarks })
    }
}

fn section(out: &mut String, title: &str, notes: &[Note], limit: usize) {
    if notes.is_empty() {
        return;
    }
    let _ = writeln!(out, "{title}: {}", notes.len());
    let mut reasons: Vec<(&str, Vec<&Note>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for note in notes {
        let at = *places.entry(note.why.as_str()).or_insert_with(|| {
            reasons.push((&note.why, Vec::new()));
            reasons.len() - 1
        });
        reasons[at].1.push(note);
    }
    let mut n_more = 0;
    for (idx, (why, notes)) in reasons.iter().enumerate() {
        if idx >= limit.saturating_mul(5) {
            n_more += notes.len();
            continue;
        }
        let named: Vec<String> =
            notes.iter().take(limit).map(|note| format!("{} ({})", note.what, note.place)).collect();
        let more = notes.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(out, "  {why}: {}{more}", named.join(", "));
    }
    if n_more > 0 {
        let _ = writeln!(out, "  and {n_more} more for other reasons");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_tags_stand_for_all_with_the_same_reason() {
        let mut report = Report::default();
        for line in 2..9 {
            report.leave_out(&format!("t{line}"), &format!("line {line}"), "no such table");
        }
        report.remark("scan rates are not taken over");
        report.remark("scan rates are not taken over");
        let text = "left out: 7\n  no such table: t2 (line 2), t3 (line 3), t4 (line 4) and 4 more\n\
            to know:\n  scan rates are not taken over (2 times)\n";
        assert_eq!(report.text(false), text);
        assert!(report.text(true).contains("t8 (line 8)"));
    }
}
