//! Conversations byte by byte: each folder of `testcases/` holds a configuration, the bytes on the wire and what a user
//! sees.
//!
//! `wire.txt`: `>` bytes that the driver must send, `<` bytes that the device answers.
//! `expected.txt`, in order: `read` or `read -> timeout`, followed by `name = value` and `name ! quality`;
//! `write name value -> quality`.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tagwire_model::{Status, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::time::timeout;
use toml::Table;

use super::link;
use crate::{Connector, DriverKind, LinkSpec, PolledDriver, Readings};

#[derive(Debug)]
enum Line {
    Sent(Vec<u8>),
    Answer(Vec<u8>),
}

fn wire(text: &str) -> VecDeque<Line> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let (side, bytes) = line.split_once(' ').expect("a side and bytes");
            let bytes = bytes.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("a byte")).collect();
            if side == ">" { Line::Sent(bytes) } else { Line::Answer(bytes) }
        })
        .collect()
}

struct Case {
    name: String,
    link: LinkSpec,
    names: Vec<String>,
    driver: Box<dyn PolledDriver>,
    quality: Vec<Option<Result<Value, Status>>>,
}

impl Case {
    fn new(kind: &dyn DriverKind, folder: &Path, done: &Arc<Notify>, build: &Build<'_>) -> Self {
        let text =
            |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_else(|e| panic!("{folder:?}/{file}: {e}"));
        let config = text("config.toml");
        let link = link(kind, &config);
        let table: Table = config.parse().expect("TOML");
        let tags = table["link"][0]["device"][0]["tag"].as_array().expect("tags").clone();
        let names = tags.iter().map(|tag| tag["name"].as_str().expect("a name").to_owned()).collect();
        let name = folder.file_name().expect("a folder").to_string_lossy().into_owned();
        let (script, case, done) = (text("wire.txt"), name.clone(), done.clone());
        let connector = move || {
            let (near, far) = tokio::io::duplex(4096);
            tokio::spawn(device(wire(&script), far, case.clone(), done.clone()));
            Ok::<_, io::Error>(near)
        };
        let driver = build(&link, Box::new(connector));
        Self { name, link, names, driver, quality: Vec::new() }
    }

    fn tag(&self, name: &str) -> usize {
        self.names.iter().position(|known| known == name).unwrap_or_else(|| panic!("{}: no tag {name}", self.name))
    }

    async fn line(&mut self, line: &str) {
        let case = self.name.clone();
        if let Some(rest) = line.strip_prefix("read") {
            let wanted = rest.trim().strip_prefix("->").map_or("done", str::trim);
            assert_eq!(self.read().await, wanted, "{case}");
        } else if let Some(rest) = line.strip_prefix("write ") {
            let (order, wanted) = rest.split_once(" -> ").expect("a quality");
            let (name, text) = order.split_once(' ').expect("a value");
            let tag = self.tag(name);
            let value = Value::parse(text, self.link.devices[0].tags[tag].value_type).expect("a value");
            let mut results = Vec::new();
            let writes = [(tag as u32, value)];
            let end = timeout(Duration::from_secs(1), self.driver.write(0, &writes, &mut results)).await;
            end.expect("in time").expect("link");
            let status = results[0].as_ref().map_or_else(|refusal| refusal.status, |()| Status::GOOD);
            assert_eq!(status.to_string(), wanted, "{case}: {line}: {results:?}");
        } else if let Some((name, wanted)) = line.split_once(" = ") {
            let found = self.quality[self.tag(name)].clone().expect("an answer").expect("a value");
            assert_eq!(found.to_string(), wanted, "{case}: {line}");
        } else if let Some((name, wanted)) = line.split_once(" ! ") {
            let found = self.quality[self.tag(name)].clone().expect("an answer").expect_err("a quality");
            assert_eq!(found.to_string(), wanted, "{case}: {line}");
        } else {
            panic!("{case}: \"{line}\" is no expectation");
        }
    }

    async fn read(&mut self) -> &'static str {
        let all: Vec<u32> = (0..self.names.len() as u32).collect();
        let blocks = self.driver.plan(0, &all, &[]);
        let mut readings = Readings::default();
        let end = timeout(Duration::from_secs(1), self.driver.read(&blocks, &mut readings)).await;
        self.quality = vec![None; self.names.len()];
        for (_, tag, value, _) in readings.values {
            self.quality[tag as usize] = Some(Ok(value));
        }
        for (_, tag, status) in readings.failed {
            self.quality[tag as usize] = Some(Err(status));
        }
        for (block, answer) in readings.answers {
            if let Err(refusal) = answer {
                blocks[block].tags.iter().for_each(|tag| self.quality[*tag as usize] = Some(Err(refusal.status)));
            }
        }
        match end {
            Ok(Ok(())) => "done",
            Ok(Err(_)) => "link error",
            Err(_) => "timeout",
        }
    }
}

/// Plays the device's part and says when it is through.
async fn device(mut script: VecDeque<Line>, mut stream: tokio::io::DuplexStream, case: String, done: Arc<Notify>) {
    while let Some(line) = script.pop_front() {
        match line {
            Line::Answer(bytes) => stream.write_all(&bytes).await.expect("open"),
            Line::Sent(bytes) => {
                let mut found = vec![0; bytes.len()];
                stream.read_exact(&mut found).await.unwrap_or_else(|e| panic!("{case}: {e}, {bytes:02X?} missing"));
                assert_eq!(found, bytes, "{case}: {found:02X?} was sent instead of {bytes:02X?}");
            }
        }
    }
    done.notify_one();
    std::future::pending::<()>().await;
}

/// Makes the driver of a link over a connector.
pub type Build<'a> = dyn Fn(&LinkSpec, Box<dyn Connector>) -> Box<dyn PolledDriver> + 'a;

/// Plays every conversation below a folder; returns how many there are.
///
/// # Panics
/// Where one does not go as written.
pub async fn converse(kind: &dyn DriverKind, root: &Path, build: &Build<'_>) -> usize {
    let mut folders: Vec<_> =
        fs::read_dir(root).expect("testcases").map(|entry| entry.expect("an entry").path()).collect();
    folders.sort();
    for folder in &folders {
        let done = Arc::new(Notify::new());
        let mut case = Case::new(kind, folder, &done, build);
        case.driver.connect().await.expect("in memory");
        let expected = fs::read_to_string(folder.join("expected.txt")).expect("expected.txt");
        for line in expected.lines().filter(|line| !line.trim().is_empty()) {
            case.line(line).await;
        }
        timeout(Duration::from_secs(1), done.notified())
            .await
            .unwrap_or_else(|_| panic!("{}: bytes left over", case.name));
    }
    folders.len()
}
