//! A trust folder: certificates and revocation lists as files, read again when they change.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tagwire_model::Timestamp;

use crate::der_file::{self, Block};
use crate::file;
use crate::revocation::RevocationList;
use crate::trust_terms::end_of;
use crate::{Certificate, Fingerprint};

/// Largest file read, in bytes; revocation lists of a large authority can be megabytes.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Most files read per folder.
const MAX_FILES: usize = 4096;
/// Sub-folders that other OPC UA applications use, beside the folder itself.
const PLACES: [&str; 3] = ["", "certs", "crl"];

/// What tells that a file is still the one read before.
type Stamp = (Option<SystemTime>, u64);

#[derive(Clone, Debug, Default)]
struct Content {
    certificates: Vec<Arc<Certificate>>,
    lists: Vec<Arc<RevocationList>>,
    problem: Option<String>,
}

/// The folder as last read.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    place_times: [Option<SystemTime>; 3],
    files: HashMap<PathBuf, (Stamp, Content)>,
    pub(crate) certificates: HashMap<Fingerprint, (Arc<Certificate>, PathBuf)>,
    pub(crate) lists: Vec<Arc<RevocationList>>,
}

impl Folder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, place_times: [None; 3], files: HashMap::new(), certificates: HashMap::new(), lists: Vec::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where [`Folder`] keeps the file of a certificate that it was told to store.
    pub(crate) fn file_of(&self, fingerprint: Fingerprint) -> PathBuf {
        self.path.join(format!("{fingerprint}.der"))
    }

    /// Whether files came or went since the last scan; three calls to the system.
    pub(crate) fn looks_changed(&self) -> bool {
        self.times() != self.place_times
    }

    fn times(&self) -> [Option<SystemTime>; 3] {
        PLACES.map(|place| fs::metadata(self.path.join(place)).and_then(|found| found.modified()).ok())
    }

    /// Reads what changed; returns whether anything did.
    pub(crate) fn scan(&mut self) -> bool {
        // Taken first, so that a file that arrives meanwhile is found by the next scan.
        self.place_times = self.times();
        let mut files = HashMap::new();
        let mut has_changed = false;
        for place in PLACES {
            let Ok(entries) = fs::read_dir(self.path.join(place)) else { continue };
            for entry in entries.flatten() {
                let path = entry.path();
                let Ok(found) = fs::metadata(&path) else { continue };
                let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
                if !found.is_file() || is_hidden || files.len() >= MAX_FILES {
                    continue;
                }
                let stamp = (found.modified().ok(), found.len());
                let kept = self.files.remove(&path).filter(|(known, _)| *known == stamp);
                let content = kept.unwrap_or_else(|| {
                    has_changed = true;
                    let content = read(&path);
                    if let Some(problem) = &content.problem {
                        tracing::warn!(path = %path.display(), problem, "file in a trust folder is ignored");
                    }
                    (stamp, content)
                });
                files.insert(path, content);
            }
        }
        has_changed |= !self.files.is_empty();
        self.files = files;
        if has_changed {
            self.certificates.clear();
            self.lists.clear();
            for (path, (_, content)) in &self.files {
                for certificate in &content.certificates {
                    let found = (Arc::clone(certificate), path.clone());
                    // Of several files of one certificate the one counts whose trust lasts longest.
                    let lasts = |path: &Path| end_of(path).map_or(i64::MAX, Timestamp::ticks);
                    match self.certificates.get(&certificate.fingerprint()) {
                        Some((_, known)) if lasts(known) >= lasts(path) => {}
                        _ => drop(self.certificates.insert(certificate.fingerprint(), found)),
                    }
                }
                self.lists.extend(content.lists.iter().cloned());
            }
        }
        has_changed
    }

    /// Each file, with the SHA-256 of every certificate and revocation list that was read from it.
    pub(crate) fn contents(&self) -> impl Iterator<Item = (&Path, Vec<Fingerprint>)> {
        self.files.iter().map(|(path, (_, content))| {
            let certificates = content.certificates.iter().map(|certificate| certificate.fingerprint());
            let lists = content.lists.iter().map(|list| Fingerprint::of(list.der()));
            (path.as_path(), certificates.chain(lists).collect())
        })
    }

    /// When a file last came, went or was written.
    pub(crate) fn last_change(&self) -> Option<SystemTime> {
        let files = self.files.values().filter_map(|((modified, _), _)| *modified);
        files.chain(self.place_times.into_iter().flatten()).max()
    }

    /// Files that were ignored, each with the reason.
    pub(crate) fn ignored(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files.iter().filter_map(|(path, (_, content))| Some((path.as_path(), content.problem.as_deref()?)))
    }
}

fn read(path: &Path) -> Content {
    let mut content = Content::default();
    let blocks = match file::read(path, MAX_FILE_BYTES) {
        Ok(Some(bytes)) => der_file::blocks(&bytes).map_err(str::to_owned),
        Ok(None) => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    };
    match blocks {
        Ok(blocks) => {
            for block in blocks {
                if let Err(problem) = take(&mut content, block) {
                    content.problem = Some(problem);
                }
            }
        }
        Err(problem) => content.problem = Some(problem),
    }
    content
}

fn take(content: &mut Content, block: Block) -> Result<(), String> {
    match block {
        Block::Certificate(der) => {
            content.certificates.push(Arc::new(Certificate::from_der(&der).map_err(|error| error.to_string())?));
        }
        Block::RevocationList(der) => {
            content.lists.push(Arc::new(RevocationList::from_der(&der).map_err(|error| error.to_string())?));
        }
        Block::Unlabelled(der) => match Certificate::from_der(&der) {
            Ok(certificate) => content.certificates.push(Arc::new(certificate)),
            Err(error) => {
                let list = RevocationList::from_der(&der).map_err(|_| error.to_string())?;
                content.lists.push(Arc::new(list));
            }
        },
    }
    Ok(())
}
