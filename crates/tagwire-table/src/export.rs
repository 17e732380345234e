//! Samples into a file, in parts that are whole on the disk, so that an export goes on where it was cut off.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use tagwire_history::{Cursor, History, Position, Series, TagNumber, View};
use tagwire_model::{Timestamp, hex};

use crate::csv::CsvSink;
use crate::journal::{Journal, Part, read_position};
use crate::{Selection, StatusNames, TableError};

/// Samples of one part; a row group of Parquet.
const PART: u64 = 1 << 20;
/// Samples taken at once.
const STEP: usize = 1 << 14;
/// The journal's form.
const VERSION: u64 = 1;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The form that a file's name asks for.
    ///
    /// # Errors
    /// [`TableError::Format`].
    pub fn of(path: &Path) -> Result<Self, TableError> {
        let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default().to_ascii_lowercase();
        match end.as_str() {
            "csv" => Ok(Self::Csv),
            "parquet" => Ok(Self::Parquet),
            _ => Err(TableError::Format(path.to_owned())),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// Takes samples in the order of tags and times.
pub(crate) trait Sink {
    /// Takes samples of one tag; how many of them the file can hold.
    fn put(&mut self, series: &Series, view: &View<'_>) -> Result<u64, TableError>;
    /// Has all that was taken on the disk; the length of the file then, and what the form has to remember.
    fn checkpoint(&mut self) -> Result<(u64, Json), TableError>;
    /// Writes what belongs to the end.
    fn finish(self: Box<Self>) -> Result<File, TableError>;
}

/// How far an export is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress<'a> {
    /// Samples written so far, those of an earlier run among them.
    pub samples: u64,
    /// About how many there will be.
    pub expected: u64,
    /// Tags that are done.
    pub tags: usize,
    /// All tags.
    pub all_tags: usize,
    /// The tag that is written now.
    pub tag: &'a str,
}

/// What an export wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Samples in the file.
    pub samples: u64,
    /// Samples left out because Parquet cannot hold their time, which lies before 1677 or after 2262.
    pub left_out: u64,
    /// Tags.
    pub tags: usize,
    /// Bytes of the file.
    pub bytes: u64,
    /// Samples that an earlier run had written already.
    pub resumed: u64,
    /// What could not be read because it is damaged.
    pub damage: Vec<String>,
}

/// How an export ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// The file is whole.
    Whole(Exported),
    /// It was told to stop; the next run goes on.
    Stopped {
        /// Samples written so far.
        samples: u64,
    },
}

/// An export that may go on from an earlier run.
#[derive(Debug)]
pub struct Export {
    out: PathBuf,
    partial: PathBuf,
    state: PathBuf,
    format: Format,
    selection: Selection,
    journal: Journal,
    asked: Vec<String>,
    part_rows: u64,
    /// Tags with higher numbers came after the export had begun.
    last_tag: Option<u32>,
    part: Option<Part>,
    /// What the form of the file has to remember of that part and those before it.
    earlier: Vec<Json>,
}

impl Export {
    /// Prepares an export. `asked` are the words that the user gave; a run with the same words goes on with what an
    /// earlier one left, and with its times.
    ///
    /// # Errors
    /// [`TableError::Exists`] unless `overwrite` is set, [`TableError::OtherExport`], [`TableError::Busy`], or what the
    /// system says.
    pub fn prepare(
        out: &Path,
        format: Format,
        selection: Selection,
        asked: Vec<String>,
        overwrite: bool,
    ) -> Result<Self, TableError> {
        if format == Format::Parquet && !cfg!(feature = "parquet") {
            return Err(TableError::Without("Parquet"));
        }
        if out.exists() && !overwrite {
            return Err(TableError::Exists(out.to_owned()));
        }
        let beside = |end: &str| {
            let mut name = out.file_name().unwrap_or_default().to_owned();
            name.push(end);
            out.with_file_name(name)
        };
        let (partial, state) = (beside(".partial"), beside(".state"));
        let (journal, head, parts) = Journal::open(&state)?;
        let mut export = Self {
            out: out.to_owned(),
            partial,
            state,
            format,
            selection,
            journal,
            asked,
            part_rows: PART,
            last_tag: None,
            part: None,
            earlier: Vec::new(),
        };
        let Some(head) = head.filter(|_| export.partial.exists()) else {
            return Ok(export);
        };
        export.go_on(&head, parts)?;
        Ok(export)
    }

    fn go_on(&mut self, head: &Json, mut parts: Vec<Part>) -> Result<(), TableError> {
        let number = |name: &str| head.get(name).and_then(Json::as_i64);
        let is_same = number("version") == Some(VERSION as i64)
            && head.get("format").and_then(Json::as_str) == Some(self.format.word())
            && head.get("asked") == Some(&json!(self.asked));
        let (true, Some(from), Some(to), Some(last_tag)) = (is_same, number("from"), number("to"), number("last_tag"))
        else {
            return Err(TableError::OtherExport(self.partial.clone()));
        };
        let len = fs::metadata(&self.partial).map_err(TableError::io(&self.partial))?.len();
        self.selection.from = Timestamp::from_ticks(from);
        self.selection.to = Timestamp::from_ticks(to);
        self.last_tag = u32::try_from(last_tag).ok();
        let told = parts.len();
        parts.retain(|part| part.end <= len);
        if parts.len() < told {
            // What the disk lost must not be told again behind what is written next.
            self.journal.begin(head)?;
            parts.iter().try_for_each(|part| self.journal.add(part))?;
        }
        self.earlier = parts.iter_mut().map(|part| part.more.take()).collect();
        self.part = parts.pop();
        Ok(())
    }

    /// Whether an earlier run left something to go on with.
    pub const fn goes_on(&self) -> bool {
        self.part.is_some()
    }

    /// What is exported: of an earlier run, its times.
    pub const fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Writes the samples; `tell` hears how far it is and answers whether to go on.
    ///
    /// # Errors
    /// [`TableError`]; what is whole by then stays for the next run.
    pub fn run(
        mut self,
        history: &History,
        names: StatusNames,
        mut tell: impl FnMut(&Progress<'_>) -> bool,
    ) -> Result<Done, TableError> {
        let mut tags = self.selection.tags(history);
        let newest = tags.iter().map(|series| series.number.0).max();
        let Some(last_tag) = self.last_tag.or(newest) else {
            let _ = fs::remove_file(&self.state);
            return Err(TableError::NoTag(self.selection.patterns.join(" ")));
        };
        tags.retain(|series| series.number.0 <= last_tag);
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&self.partial);
        let file = file.map_err(TableError::io(&self.partial))?;
        if self.part.is_none() {
            let (from, to) = (self.selection.from.ticks(), self.selection.to.ticks());
            let (version, format) = (VERSION, self.format.word());
            self.journal.begin(&json!({
                "version": version, "format": format, "asked": self.asked, "from": from, "to": to, "last_tag": last_tag,
            }))?;
        }
        let mut sink = self.sink(file, names)?;
        let expected = tags.iter().map(|series| self.selection.estimate(history, series.number)).sum();
        let mut run = Run::new(self.part.take());
        let resumed = run.part.rows;
        let first = run.skipped(&tags);
        for (idx, series) in tags.iter().enumerate().skip(first) {
            let mut cursor = run.cursor(history, series, &self.selection)?;
            while let Some(view) = cursor.next(STEP)? {
                let n = view.len() as u64;
                let put = sink.put(series, &view)?;
                run.add(put, n - put);
                let progress =
                    Progress { samples: run.part.rows, expected, tags: idx, all_tags: tags.len(), tag: &series.path };
                let goes_on = tell(&progress);
                if run.in_part >= self.part_rows || !goes_on {
                    let position = cursor.position()?;
                    run.checkpoint(&mut *sink, &mut self.journal, series.number, position)?;
                }
                if !goes_on {
                    return Ok(Done::Stopped { samples: run.part.rows });
                }
            }
            run.damage.extend(cursor.damage().iter().map(ToString::to_string));
        }
        let file = sink.finish()?;
        let bytes = self.publish(&file)?;
        let (samples, left_out) = (run.part.rows, run.part.left_out);
        Ok(Done::Whole(Exported { samples, left_out, tags: tags.len(), bytes, resumed, damage: run.damage }))
    }

    fn sink(&self, file: File, names: StatusNames) -> Result<Box<dyn Sink>, TableError> {
        match self.format {
            Format::Csv => {
                let end = self.part.as_ref().map_or(0, |part| part.end);
                Ok(Box::new(CsvSink::new(&self.partial, file, end, names)?))
            }
            #[cfg(feature = "parquet")]
            Format::Parquet => {
                let end = self.part.as_ref().map_or(0, |part| part.end);
                Ok(Box::new(crate::parquet::ParquetSink::new(&self.partial, file, (end, &self.earlier), names)?))
            }
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => Err(TableError::Without("Parquet")),
        }
    }

    /// Gives the file its name, once all of it is on the disk.
    fn publish(&self, file: &File) -> Result<u64, TableError> {
        let bytes = file.sync_all().and_then(|()| file.metadata()).map_err(TableError::io(&self.partial))?.len();
        fs::rename(&self.partial, &self.out).map_err(TableError::io(&self.out))?;
        let folder =
            self.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced
            .or_else(|error| if error.kind() == io::ErrorKind::InvalidInput { Ok(()) } else { Err(error) })
            .map_err(TableError::io(folder))?;
        fs::remove_file(&self.state).map_err(TableError::io(&self.state))?;
        Ok(bytes)
    }
}

/// What is written, and where to go on.
struct Run {
    part: Part,
    /// The tag that an earlier run ended with.
    resume: Option<(u32, Option<Position>)>,
    in_part: u64,
    damage: Vec<String>,
}

impl Run {
    fn new(part: Option<Part>) -> Self {
        let none = Part { end: 0, rows: 0, left_out: 0, tag: 0, position: None, more: Json::Null };
        let resume = part.as_ref().map(|part| (part.tag, part.position.as_deref().and_then(read_position)));
        Self { part: part.unwrap_or(none), resume, in_part: 0, damage: Vec::new() }
    }

    /// How many tags an earlier run had done.
    fn skipped(&self, tags: &[Series]) -> usize {
        let Some((tag, position)) = &self.resume else { return 0 };
        let at = tags.iter().position(|series| series.number.0 == *tag).unwrap_or(0);
        if position.is_some() { at } else { at + 1 }
    }

    fn cursor(&mut self, history: &History, series: &Series, selection: &Selection) -> Result<Cursor, TableError> {
        match self.resume.take() {
            Some((tag, Some(position))) if tag == series.number.0 => Ok(history.resume(series.number, position)?),
            _ => Ok(history.read(series.number, selection.span())?),
        }
    }

    const fn add(&mut self, put: u64, left_out: u64) {
        self.part.rows += put;
        self.part.left_out += left_out;
        self.in_part += put;
    }

    fn checkpoint(
        &mut self,
        sink: &mut dyn Sink,
        journal: &mut Journal,
        tag: TagNumber,
        position: Option<Position>,
    ) -> Result<(), TableError> {
        let (end, more) = sink.checkpoint()?;
        self.part.end = end;
        self.part.more = more;
        self.part.tag = tag.0;
        self.part.position = position.map(|position| hex::encode(&position.to_bytes()));
        self.in_part = 0;
        journal.add(&self.part)
    }
}

#[cfg(test)]
mod tests;
