//! Sessions that are signed and encrypted with Basic256Sha256: the price of a value, of a session, and its memory.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::servers::{Certificates, Kind, Programs, Running, Size};
use super::{Effort, Row, cpu_seconds, median, resident_bytes};
use crate::process::{run, target};

const BATCH: usize = 100;
const DEPTH: usize = 8;
const REQUESTS_PER_SECOND: u64 = 2_000;
const SESSIONS: usize = 500;
/// Threads that open sessions: each of them waits for the server most of the time.
const THREADS: usize = 8;
/// The servers that speak this policy here, in the order of [`Kind::ALL`].
const KINDS: [Kind; 2] = [Kind::Tagwire, Kind::Open62541];

/// The load generator for secured sessions, working on one server.
struct Load {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Load {
    /// Starts it and waits until it is ready to begin.
    fn start(program: &Path, words: &[&str], server: &Running, certificates: &Certificates) -> Result<Self> {
        let [what, rest @ ..] = words else { bail!("no words") };
        let mut child = Command::new(program)
            .args([*what, server.port()])
            .args([&server.certificate()?, &certificates.client, &certificates.client_key])
            .args(rest)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = Some(child.stdin.take().context("its input")?);
        let output = BufReader::new(child.stdout.take().context("its output")?);
        let mut load = Self { child, input, output };
        load.expect("ready")?;
        Ok(load)
    }

    /// Lets it work, and returns the seconds that it took.
    fn work(&mut self) -> Result<f64> {
        writeln!(self.input.as_mut().context("its input")?)?;
        Ok(self.expect("done")?.trim().parse()?)
    }

    fn expect(&mut self, word: &str) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        line.strip_prefix(word).map(ToOwned::to_owned).with_context(|| format!("the load did not say {word}: {line}"))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // A load whose input ends does the rest of its work and ends, too.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// What opening the sessions showed.
#[derive(Clone, Copy, Debug)]
struct Opening {
    per_second: f64,
    cpu_ms: f64,
    bytes: f64,
}

pub(super) fn rows(programs: &Programs, load: &Path, effort: Effort) -> Result<Vec<Row>> {
    let certificates = make_certificates(load)?;
    let size = Size { tags: 1_000, changing: 0, children: 1 };
    let servers: Vec<Running> =
        KINDS.iter().map(|kind| Running::start_secured(programs, *kind, size, &certificates)).collect::<Result<_>>()?;
    let mut read = vec![Vec::new(); servers.len()];
    for _ in 0..effort.rounds {
        for (server, found) in servers.iter().zip(&mut read) {
            let nanos = read_once(load, server, &certificates, effort.seconds)?;
            println!("# {}: {nanos:.0} ns per value, signed and encrypted", server.kind.name());
            found.push(nanos);
        }
    }
    drop(servers);
    let mut opened = vec![Vec::new(); KINDS.len()];
    for _ in 0..effort.rounds.min(3) {
        for (kind, found) in KINDS.iter().zip(&mut opened) {
            // A fresh server each time: what the last sessions left behind is not this figure.
            let server = Running::start_secured(programs, *kind, size, &certificates)?;
            match open_once(load, &server, &certificates) {
                Ok(opening) => {
                    println!("# {}: {opening:?}", kind.name());
                    found.push(opening);
                }
                Err(problem) => println!("# {}: {problem:#}", kind.name()),
            }
        }
    }
    let of =
        |figure: fn(&Opening) -> f64| with_blank(opened.iter().map(|some| median(some.iter().map(figure).collect())));
    let what = "500 sessions opened at once, signed and encrypted";
    Ok(vec![
        Row {
            what: "Read, 100 nodes per request, signed and encrypted",
            unit: "ns per value",
            goal: Some(150.0),
            values: with_blank(read.into_iter().map(median)),
        },
        Row { what, unit: "per second, more is better", goal: Some(200.0), values: of(|opening| opening.per_second) },
        Row { what: "· processor", unit: "ms per session", goal: None, values: of(|opening| opening.cpu_ms) },
        Row { what: "· memory", unit: "bytes per session", goal: Some(30_000.0), values: of(|opening| opening.bytes) },
    ])
}

/// Makes room for the server that does not take part.
fn with_blank(values: impl Iterator<Item = Option<f64>>) -> Vec<Option<f64>> {
    values.chain([None]).collect()
}

fn make_certificates(load: &Path) -> Result<Certificates> {
    let folder: PathBuf = target().join("bench/certificates");
    fs::create_dir_all(&folder)?;
    for (name, uri) in [("client", "urn:tagwire:tests:client"), ("server", Certificates::SERVER_URI)] {
        if !folder.join(format!("{name}.key.der")).exists() {
            run(Command::new(load).arg("certificate").arg(&folder).args([name, uri]))?;
        }
    }
    let file = |name: &str| folder.join(name);
    Ok(Certificates {
        client: file("client.der"),
        client_key: file("client.key.der"),
        server: file("server.der"),
        server_key: file("server.key.der"),
    })
}

/// The server's processor time of one value.
fn read_once(load: &Path, server: &Running, certificates: &Certificates, duration: Duration) -> Result<f64> {
    let n = duration.as_secs().max(1) * REQUESTS_PER_SECOND;
    let words = ["read", &BATCH.to_string(), &n.to_string(), &DEPTH.to_string()];
    let mut load = Load::start(load, &words, server, certificates)?;
    let before = cpu_seconds(server.pid())?;
    load.work()?;
    Ok((cpu_seconds(server.pid())? - before) / (n * BATCH as u64) as f64 * 1e9)
}

fn open_once(load: &Path, server: &Running, certificates: &Certificates) -> Result<Opening> {
    // The first session makes the server allocate what all of them share.
    drop(Load::start(load, &["read", "1", "1", "1"], server, certificates)?);
    let words = ["hold", &SESSIONS.to_string(), &THREADS.to_string()];
    let mut load = Load::start(load, &words, server, certificates)?;
    let (cpu, bytes) = (cpu_seconds(server.pid())?, resident_bytes(server.pid())?);
    let seconds = load.work()?;
    let cpu = cpu_seconds(server.pid())? - cpu;
    // Buffers of the greeting are given back a little later.
    std::thread::sleep(Duration::from_secs(5));
    let bytes = resident_bytes(server.pid())? - bytes;
    let n = SESSIONS as f64;
    Ok(Opening { per_second: n / seconds, cpu_ms: cpu / n * 1e3, bytes: bytes / n })
}
