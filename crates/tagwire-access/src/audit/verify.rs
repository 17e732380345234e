//! Checks a log: whether any record was changed, removed, added or moved since it was written.

use std::io;
use std::path::Path;

use serde::Deserialize;

use super::chain::{self, Head};
use super::read::{HEAD_FILE, files};

/// Most flaws told one by one.
const MAX_FLAWS: usize = 100;

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Files of the log.
    pub n_files: usize,
    /// Records in them.
    pub n_records: u64,
    /// Number of the first record there; records before it went with files that were no longer kept.
    pub first: Option<u64>,
    /// The last record.
    pub last: Option<Head>,
    /// Bytes at the end that are no whole record, as after a crash.
    pub n_unfinished: usize,
    /// What is wrong, in the order of the files; at most 100.
    pub flaws: Vec<Flaw>,
    /// How many flaws there are.
    pub n_flaws: usize,
}

/// One thing that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The file.
    pub file: String,
    /// The line in it; 0 for the file as a whole.
    pub line: u64,
    /// A word for programs: `changed`, `missing`, `misplaced`, `unlinked`, `unreadable`, `missing-file`, `truncated`,
    /// `no-head`, `unexpected`, `empty`.
    pub kind: &'static str,
    /// A sentence for people.
    pub text: String,
}

/// `audit-000001.jsonl line 7: record 7 was changed after it was written`
impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.text),
            line => write!(f, "{} line {line}: {}", self.file, self.text),
        }
    }
}

impl Report {
    /// Whether nothing is wrong.
    pub const fn is_good(&self) -> bool {
        self.n_flaws == 0
    }

    fn complain(&mut self, file: &str, line: u64, kind: &'static str, text: String) {
        self.n_flaws += 1;
        if self.flaws.len() < MAX_FLAWS {
            self.flaws.push(Flaw { file: file.to_owned(), line, kind, text });
        }
    }
}

/// What the first record of a file says of the files.
#[derive(Deserialize)]
struct FileHeader {
    what: String,
    file: u64,
    oldest: u64,
}

/// The noted end of a chain.
#[derive(Deserialize)]
pub(super) struct NotedHead {
    pub(super) file: String,
    pub(super) seq: u64,
    hash: String,
}

impl NotedHead {
    /// The note in a folder; `None` when there is none or it cannot be read.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let text = crate::file::read(&folder.join(HEAD_FILE), 4096).ok().flatten()?;
        serde_json::from_slice(&text).ok()
    }

    pub(super) fn head(&self) -> Option<Head> {
        format!("{}:{}", self.seq, self.hash).parse().ok()
    }
}

/// Reads the log in `folder` from end to end. `expected` is a record that was noted elsewhere and must be in it.
///
/// # Errors
/// As the operating system reports them; flaws of the log are in the report.
pub fn verify(folder: &Path, expected: Option<Head>) -> io::Result<Report> {
    // Read before the files, which may grow meanwhile.
    let noted = NotedHead::read(folder);
    let mut walk = Walk { report: Report::default(), last: None, awaited: Vec::new(), oldest: 0 };
    let noted_head = noted.as_ref().and_then(NotedHead::head);
    walk.awaited.extend(noted_head.map(|head| (head, false)));
    walk.awaited.extend(expected.map(|head| (head, false)));
    let files = files(folder)?;
    walk.report.n_files = files.len();
    let mut number_before = None;
    for file in &files {
        let name = file.name();
        if let Some(before) = number_before
            && file.number != before + 1
        {
            let gone = if file.number == before + 2 {
                format!("file {} is missing before it", before + 1)
            } else {
                format!("files {} to {} are missing before it", before + 1, file.number - 1)
            };
            walk.report.complain(&name, 0, "missing-file", gone);
        }
        number_before = Some(file.number);
        let is_newest = files.last() == Some(file);
        for line in file.lines()? {
            let line = line?;
            if !line.is_finished && is_newest {
                walk.report.n_unfinished = line.bytes.len();
            } else {
                walk.line(&name, file.number, line.number, &line.bytes);
            }
        }
    }
    let Walk { mut report, last, awaited, oldest } = walk;
    report.last = last;
    // The header that lets the oldest files go is at the end, which is told to be cut off below when it is.
    let is_cut = noted_head.is_some_and(|noted| last.is_none_or(|last| last.seq < noted.seq));
    if let Some(first) = files.first().filter(|first| !is_cut && first.number > oldest && oldest > 0) {
        let text = format!("file {oldest} and those up to this one are missing, though they were still to be kept");
        report.complain(&first.name(), 0, "missing-file", text);
    }
    let last_file = files.last().map_or_else(|| HEAD_FILE.to_owned(), super::AuditFile::name);
    if files.is_empty() && noted.is_none() {
        report.complain(&folder.display().to_string(), 0, "empty", "there is no audit log here".to_owned());
    } else if noted_head.is_none() && report.n_records > 0 {
        let text = "the note of the chain's end is missing or cannot be read, so the end may be cut off".to_owned();
        report.complain(HEAD_FILE, 0, "no-head", text);
    }
    for (idx, (head, is_met)) in awaited.into_iter().enumerate() {
        if is_met {
            continue;
        }
        let by = if idx == 0 && noted_head.is_some() { "the file head" } else { "the given head" };
        let first_seq = report.first.unwrap_or(u64::MAX);
        let (kind, text) = match last {
            Some(last) if head.seq <= last.seq && head.seq >= first_seq => {
                ("unexpected", format!("record {} has another hash than {by} says", head.seq))
            }
            Some(last) if head.seq <= last.seq => {
                ("unexpected", format!("record {}, which {by} names, is not among the files", head.seq))
            }
            _ => {
                let end = last.map_or(0, |last| last.seq);
                ("truncated", format!("the end is cut off: the log ends with record {end}, {by} says {}", head.seq))
            }
        };
        report.complain(&last_file, 0, kind, text);
    }
    Ok(report)
}

struct Walk {
    report: Report,
    /// The record with the highest number so far.
    last: Option<Head>,
    /// Records that must be met, and whether they were.
    awaited: Vec<(Head, bool)>,
    /// Number of the oldest file that the newest header counts on.
    oldest: u64,
}

impl Walk {
    fn line(&mut self, file: &str, file_number: u64, number: u64, bytes: &[u8]) {
        let Some(links) = chain::links(bytes) else {
            let text = "this line is no record of an audit log".to_owned();
            return self.report.complain(file, number, "unreadable", text);
        };
        self.report.n_records += 1;
        let head = links.head;
        if !links.is_intact {
            let text = format!("record {} was changed after it was written", head.seq);
            self.report.complain(file, number, "changed", text);
        }
        for (awaited, is_met) in &mut self.awaited {
            *is_met |= *awaited == head;
        }
        if number == 1 {
            self.header(file, file_number, bytes);
        }
        let Some(last) = self.last else {
            self.report.first = Some(head.seq);
            self.last = Some(head);
            if head.seq == 1 && links.prev != Head::START.hash {
                let text = "the first record names one before it".to_owned();
                self.report.complain(file, number, "unlinked", text);
            }
            return;
        };
        if head.seq <= last.seq {
            let text = format!("record {} stands in a wrong place or was added", head.seq);
            return self.report.complain(file, number, "misplaced", text);
        }
        if head.seq > last.seq + 1 {
            let gone = if head.seq == last.seq + 2 {
                format!("record {} is missing before this one", last.seq + 1)
            } else {
                format!("records {} to {} are missing before this one", last.seq + 1, head.seq - 1)
            };
            self.report.complain(file, number, "missing", gone);
        } else if links.prev != last.hash {
            let text = format!("record {} does not follow from the one before it; one of them was replaced", head.seq);
            self.report.complain(file, number, "unlinked", text);
        }
        self.last = Some(head);
    }

    fn header(&mut self, file: &str, file_number: u64, bytes: &[u8]) {
        match serde_json::from_slice::<FileHeader>(bytes) {
            Ok(header) if header.what == super::What::LogFile.word() && header.file == file_number => {
                self.oldest = header.oldest;
            }
            _ => {
                let text = "the file does not begin with its own header; lines are missing or it was renamed";
                self.report.complain(file, 1, "missing", text.to_owned());
            }
        }
    }
}
