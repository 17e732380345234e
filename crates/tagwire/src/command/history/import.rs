//! `tagwire history import`.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tagwire_gateway::config::Config;
use tagwire_gateway::control::{ControlClient, Request};
use tagwire_history::{Import, Imported, Options, Store, imports_to_bytes};
use tagwire_model::{ValueType, hex};
use tagwire_table::{ImportOptions, Problem, TableError, Taker, import};

use super::progress::Bar;
use super::view::{ask, failed, moment, server};
use super::{disk, folder_of, refused};
use crate::args::HistoryImportArgs;
use crate::failure::{Exit, Failure};
use crate::terminal::shown;

/// The server hangs up when it hears nothing for a while, as from a file with many lines that cannot be taken.
const IDLE: Duration = Duration::from_secs(5);
/// Most problems in an answer in JSON; all of them are counted.
const MAX_PROBLEMS: usize = 1_000;

pub(super) fn run(args: &HistoryImportArgs) -> Result<(), Failure> {
    let bytes = match fs::metadata(&args.file) {
        Ok(file) => file.len(),
        Err(error) => {
            return Err(Failure::new(Exit::Failed, format!("{}: {error}", args.file.display()), "name a file"));
        }
    };
    let options = ImportOptions { prefix: args.tag_prefix.clone(), value_type: args.value_type };
    let mut bar = Bar::new();
    let mut problems: Vec<Problem> = Vec::new();
    let mut n_problems = 0_u64;
    let mut own = match server(&args.config)? {
        Some(client) => {
            let file = std::path::absolute(&args.file)?.display().to_string();
            let data_dir = Config::data_dir_of(&args.config.config);
            Destination::Server(Server { data_dir, client, used: Instant::now(), file: Some(file) })
        }
        None => Destination::Files(Box::new(Files::open(args)?)),
    };
    let told = import(
        &args.file,
        &options,
        own.taker(),
        |problem| {
            n_problems += 1;
            if args.config.json {
                if problems.len() < MAX_PROBLEMS {
                    problems.push(problem.clone());
                }
            } else {
                let _ = writeln!(
                    io::stderr().lock(),
                    "\r{}:{}: {}",
                    args.file.display(),
                    problem.line,
                    shown(&problem.what)
                );
            }
        },
        |read, told| {
            let taken = told.samples.taken + told.samples.there;
            bar.tell(read as f64 / bytes.max(1) as f64, taken, &format!("row {}", told.rows));
        },
    );
    bar.clear();
    own.close()?;
    let told = told.map_err(|error| failed(&error))?;
    let mut out = io::stdout().lock();
    if args.config.json {
        let problems: Vec<Value> =
            problems.iter().map(|problem| json!({ "line": problem.line, "problem": problem.what })).collect();
        let line = json!({
            "file": args.file,
            "rows": told.rows,
            "tags": told.tags,
            "taken": told.samples.taken,
            "there": told.samples.there,
            "differing": told.samples.differing,
            "bad_rows": told.bad,
            "problems": problems,
            "seconds": bar.seconds(),
        });
        writeln!(out, "{line}")?;
    } else {
        let differing = match told.samples.differing {
            0 => String::new(),
            n => format!(", {n} of them with another value, which is not taken"),
        };
        writeln!(
            out,
            "{} rows: {} samples of {} tags taken, {} there already{differing}, {} rows not taken, {:.1} s",
            told.rows,
            told.samples.taken,
            told.tags,
            told.samples.there,
            told.bad,
            bar.seconds()
        )?;
    }
    if n_problems > 0 { Err(Failure::silent(Exit::Failed)) } else { Ok(()) }
}

/// Where samples go.
enum Destination {
    Server(Server),
    Files(Box<Files>),
}

impl Destination {
    fn taker(&mut self) -> &mut dyn Taker {
        match self {
            Self::Server(server) => server,
            Self::Files(files) => &mut **files,
        }
    }

    /// Leaves the files in good order.
    fn close(&mut self) -> Result<(), Failure> {
        match self {
            Self::Server(_) => Ok(()),
            Self::Files(files) => {
                files.store.flush(moment()).map_err(|error| Failure::new(Exit::Failed, error.to_string(), ""))
            }
        }
    }
}

/// A running server, through its control socket: one request at a time, whose samples are on the disk when it answers.
struct Server {
    data_dir: PathBuf,
    client: ControlClient,
    /// When it was asked last.
    used: Instant,
    /// The file's name, for the first request.
    file: Option<String>,
}

impl Taker for Server {
    fn types(&mut self, tags: &[String]) -> Result<Vec<Option<ValueType>>, TableError> {
        let answer = self.ask(&Request::HistoryTypes { tags: tags.to_vec() })?;
        let types = answer.get("types").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(types.iter().map(|name| name.as_str().and_then(|name| ValueType::parse(name).ok())).collect())
    }

    fn take(&mut self, imports: &[Import]) -> Result<Imported, TableError> {
        let samples = hex::encode(&imports_to_bytes(imports));
        let file = self.file.take();
        let answer = self.ask(&Request::HistoryImport { samples, file })?;
        let number = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
        Ok(Imported { taken: number("taken"), there: number("there"), differing: number("differing") })
    }
}

impl Server {
    fn ask(&mut self, request: &Request) -> Result<Value, TableError> {
        if self.used.elapsed() >= IDLE {
            let client = ControlClient::connect(&self.data_dir);
            self.client = client.map_err(|error| TableError::Refused(error.to_string()))?;
        }
        self.used = Instant::now();
        ask(&mut self.client, request).map_err(|failure| TableError::Refused(failure.to_string()))
    }
}

/// The files of a history that no server uses.
struct Files {
    store: Store,
}

impl Files {
    fn open(args: &HistoryImportArgs) -> Result<Self, Failure> {
        let folder = folder_of(&args.config)?;
        let opened = Store::open_unmarked(Arc::new(disk(&folder)?), Options::default(), moment());
        let (store, opened) = opened.map_err(|error| refused(&folder, &error))?;
        for damage in &opened.damage {
            writeln!(io::stderr(), "damage: {}", shown(&damage.to_string()))?;
        }
        Ok(Self { store })
    }
}

impl Taker for Files {
    fn types(&mut self, tags: &[String]) -> Result<Vec<Option<ValueType>>, TableError> {
        let history = self.store.history();
        let newest = |tag: &String| history.find(tag).into_iter().max_by_key(|series| series.number);
        Ok(tags.iter().map(|tag| newest(tag).map(|series| series.value_type)).collect())
    }

    fn take(&mut self, imports: &[Import]) -> Result<Imported, TableError> {
        Ok(self.store.import(imports, moment())?)
    }
}
