//! The files of a log, read back.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

/// Longest line that is read as one, in bytes; no record is nearly as long.
const MAX_LINE: u64 = 4 << 20;

/// Name of the file that notes the end of the chain.
pub(super) const HEAD_FILE: &str = "head";

/// One file of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFile {
    /// Its number, from 1, higher for later ones.
    pub number: u64,
    /// Where it is.
    pub path: PathBuf,
}

impl AuditFile {
    /// The file with this number.
    pub(super) fn numbered(folder: &Path, number: u64) -> Self {
        Self { number, path: folder.join(format!("audit-{number:06}.jsonl")) }
    }

    /// Its name without the folder.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Its lines.
    ///
    /// # Errors
    /// As the operating system reports them.
    pub fn lines(&self) -> io::Result<Lines> {
        Ok(Lines { reader: BufReader::with_capacity(1 << 16, File::open(&self.path)?), number: 0 })
    }
}

/// The files of a log in the order of their records.
///
/// # Errors
/// As the operating system reports them; a folder that does not exist holds no files.
pub fn files(folder: &Path) -> io::Result<Vec<AuditFile>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let digits = name.strip_prefix("audit-").and_then(|rest| rest.strip_suffix(".jsonl"));
        if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
            files.push(AuditFile { number, path });
        }
    }
    files.sort_by_key(|file| file.number);
    Ok(files)
}

/// The lines of one file.
#[derive(Debug)]
pub struct Lines {
    reader: BufReader<File>,
    number: u64,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: u64,
    /// Its bytes without the line end.
    pub bytes: Vec<u8>,
    /// Whether it has a line end; the last one has none when the server was killed while it wrote.
    pub is_finished: bool,
}

impl Iterator for Lines {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = Vec::new();
        match self.reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return Some(Err(error)),
        }
        self.number += 1;
        let is_finished = bytes.last() == Some(&b'\n');
        if is_finished {
            bytes.pop();
        }
        Some(Ok(Line { number: self.number, bytes, is_finished }))
    }
}
