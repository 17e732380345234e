//! One connection with a session, security None.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};

use super::wire::{Reader, Writer};

const POLICY_NONE: &str = "http://opcfoundation.org/UA/SecurityPolicy#None";
const CHUNK: u32 = 65_535;
const TICKS_FROM_1601_TO_1970: i64 = 116_444_736_000_000_000;
/// Where the request handle lies in an encoded frame, counted from the end of the authentication token.
const HANDLE_AFTER_TOKEN: usize = 8;
const HEADER: usize = 24;

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    message: Vec<u8>,
    channel: u32,
    token: u32,
    sequence: u32,
    request: u32,
    authentication: Vec<u8>,
    max_chunk: usize,
}

impl Connection {
    /// Connects and activates an anonymous session.
    pub(crate) fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut connection = Self {
            stream,
            buffer: Vec::with_capacity(1 << 18),
            start: 0,
            message: Vec::new(),
            channel: 0,
            token: 0,
            sequence: 0,
            request: 0,
            authentication: vec![0, 0],
            max_chunk: 0,
        };
        let url = format!("opc.tcp://{address}/");
        connection.greet(&url)?;
        connection.open_channel()?;
        connection.open_session(&url)?;
        Ok(connection)
    }

    fn greet(&mut self, url: &str) -> Result<()> {
        let mut hello = Writer::default();
        hello.u32(0).u32(CHUNK).u32(CHUNK).u32(0).u32(0).text(url);
        self.send(&framed(b"HELF", &hello.0))?;
        let chunk = self.chunk()?;
        let mut answer = Reader(&chunk);
        if answer.take(3)? != b"ACK" {
            bail!("no acknowledgement");
        }
        answer.skip(9)?;
        self.max_chunk = answer.u32()? as usize;
        Ok(())
    }

    fn open_channel(&mut self) -> Result<()> {
        let mut body = Writer::default();
        self.sequence += 1;
        self.request += 1;
        body.u32(0).text(POLICY_NONE).null().null().u32(self.sequence).u32(self.request);
        body.number(446);
        self.request_header(&mut body);
        body.u32(0).u32(0).u32(1).null().u32(3_600_000);
        self.send(&framed(b"OPNF", &body.0))?;
        let chunk = self.chunk()?;
        let mut answer = Reader(&chunk);
        if answer.take(3)? != b"OPN" {
            bail!("no secure channel");
        }
        answer.skip(9)?;
        for _ in 0..3 {
            answer.text()?;
        }
        answer.skip(8)?;
        expect(&mut answer, 449, "OpenSecureChannel")?;
        answer.skip(4)?;
        self.channel = answer.u32()?;
        self.token = answer.u32()?;
        Ok(())
    }

    fn open_session(&mut self, url: &str) -> Result<()> {
        let mut body = self.request_body(461);
        body.text("urn:tagwire:loadgen").null().u8(2).text("loadgen").u32(1).null().null().null();
        body.null().text(url).text("loadgen").null().null().f64(3_600_000.0).u32(0);
        let answer = self.call(&body.0)?;
        let mut answer = Reader(&answer);
        expect(&mut answer, 464, "CreateSession")?;
        answer.node()?;
        let authentication = answer.node()?.to_vec();
        answer.skip(8)?;
        answer.text()?;
        answer.text()?;
        let policy = anonymous_policy(&mut answer)?;
        self.authentication = authentication;
        let mut body = self.request_body(467);
        body.null().null().u32(0).u32(0).number(321).u8(1).length(4 + policy.len()).text(&policy).null().null();
        let answer = self.call(&body.0)?;
        expect(&mut Reader(&answer), 470, "ActivateSession")
    }

    /// The beginning of a request: its type and its header.
    pub(super) fn request_body(&self, type_id: u16) -> Writer {
        let mut body = Writer::default();
        body.number(type_id);
        self.request_header(&mut body);
        body
    }

    fn request_header(&self, body: &mut Writer) {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ticks = (since_1970.as_nanos() / 100) as i64 + TICKS_FROM_1601_TO_1970;
        body.bytes(&self.authentication).i64(ticks).u32(self.request + 1).u32(0).null().u32(60_000).u8(0).u8(0).u8(0);
    }

    /// Chunks of a request with the next counters.
    pub(super) fn frames(&mut self, body: &[u8]) -> Vec<u8> {
        self.request += 1;
        let mut frames = Vec::with_capacity(body.len() + HEADER);
        let mut parts = body.chunks(self.max_chunk - HEADER).peekable();
        while let Some(part) = parts.next() {
            self.sequence += 1;
            let mut chunk = Writer::default();
            chunk.u32(self.channel).u32(self.token).u32(self.sequence).u32(self.request).bytes(part);
            let kind = if parts.peek().is_some() { b"MSGC" } else { b"MSGF" };
            frames.extend_from_slice(&framed(kind, &chunk.0));
        }
        frames
    }

    /// A request as one chunk without counters, to be sent many times after [`Connection::renumber`].
    pub(super) fn unsent_frame(&self, body: &[u8]) -> Result<Vec<u8>> {
        if body.len() > self.max_chunk - HEADER {
            bail!("the request is larger than a chunk");
        }
        let mut chunk = Writer::default();
        chunk.u32(self.channel).u32(self.token).u32(0).u32(0).bytes(body);
        Ok(framed(b"MSGF", &chunk.0))
    }

    /// Gives a frame the next counters.
    pub(super) fn renumber(&mut self, frame: &mut [u8]) {
        self.sequence += 1;
        self.request += 1;
        let handle = HEADER + 4 + self.authentication.len() + HANDLE_AFTER_TOKEN;
        for (at, value) in [(16, self.sequence), (20, self.request), (handle, self.request)] {
            if let Some(place) = frame.get_mut(at..at + 4) {
                place.copy_from_slice(&value.to_le_bytes());
            }
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Sends a request and waits for its answer.
    pub(super) fn call(&mut self, body: &[u8]) -> Result<Vec<u8>> {
        let frames = self.frames(body);
        let request = self.request;
        self.send(&frames)?;
        loop {
            let (of, answer) = self.next_message()?;
            if of == request {
                return Ok(answer.to_vec());
            }
        }
    }

    /// The next whole message: the request it answers and its body.
    pub(super) fn next_message(&mut self) -> Result<(u32, &[u8])> {
        self.message.clear();
        loop {
            let n = self.fill()?;
            let chunk = self.buffer.get(self.start..self.start + n).context("a chunk")?;
            let (Some(b"MSG"), Some(&last)) = (chunk.get(..3), chunk.get(3)) else {
                bail!("the server answered {}", String::from_utf8_lossy(chunk));
            };
            let mut rest = Reader(chunk);
            rest.skip(20)?;
            let request = rest.u32()?;
            self.message.extend_from_slice(rest.0);
            self.start += n;
            match last {
                b'F' => return Ok((request, &self.message)),
                b'C' => {}
                _ => bail!("the server aborted its answer"),
            }
        }
    }

    fn chunk(&mut self) -> Result<Vec<u8>> {
        let n = self.fill()?;
        let chunk = self.buffer.get(self.start..self.start + n).context("a chunk")?.to_vec();
        self.start += n;
        Ok(chunk)
    }

    /// Reads until a whole chunk lies at `start`; returns its size.
    fn fill(&mut self) -> Result<usize> {
        loop {
            let waiting = self.buffer.get(self.start..).unwrap_or_default();
            if let Some(size) = waiting.get(4..8) {
                let size = u32::from_le_bytes(size.try_into()?) as usize;
                if waiting.len() >= size {
                    return Ok(size);
                }
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            let filled = self.buffer.len();
            self.buffer.resize(filled + (1 << 17), 0);
            let n = self.stream.read(self.buffer.get_mut(filled..).unwrap_or_default())?;
            self.buffer.truncate(filled + n);
            if n == 0 {
                bail!("the server closed the connection");
            }
        }
    }
}

/// Reads an answer's beginning and fails unless it is the one expected with a good result.
pub(super) fn expect(answer: &mut Reader<'_>, type_id: u32, what: &str) -> Result<()> {
    let found = answer.message_type()?;
    let result = answer.response_header()?;
    if found != type_id || result != 0 {
        bail!("{what}: answer {found}, result {result:#010x}");
    }
    Ok(())
}

fn framed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut frame = Writer::default();
    frame.bytes(kind).length(body.len() + 8).bytes(body);
    frame.0
}

/// The policy id of anonymous tokens on the unsecured endpoint.
fn anonymous_policy(answer: &mut Reader<'_>) -> Result<String> {
    let mut found = None;
    for _ in 0..answer.length()? {
        answer.text()?;
        answer.text()?;
        answer.text()?;
        answer.localized_text()?;
        answer.skip(4)?;
        answer.text()?;
        answer.text()?;
        for _ in 0..answer.length()? {
            answer.text()?;
        }
        answer.text()?;
        let mode = answer.u32()?;
        answer.text()?;
        for _ in 0..answer.length()? {
            let id = answer.text()?;
            let kind = answer.u32()?;
            for _ in 0..3 {
                answer.text()?;
            }
            if kind == 0 && mode == 1 {
                found = Some(String::from_utf8_lossy(id).into_owned());
            }
        }
        answer.text()?;
        answer.skip(1)?;
    }
    found.context("the server takes no anonymous sessions without security")
}
