//! A hostile client: takes valid requests, spoils them, and sends them to a server over real connections.
//!
//! `tagwire-mutate PORT MESSAGES SEED SAMPLES [SERVER_CERTIFICATE CERTIFICATE KEY]`; SAMPLES is a file with one request
//! body in hex per line, in which the authentication token is 32 times `T`. It prints what it did as one line of JSON
//! and fails when the server does not answer a valid request any more.

#![allow(clippy::print_stdout, reason = "it reports to the test that started it")]

mod mutation;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use fastrand::Rng;
use mutation::{spoil, spoil_frames};
use tagwire_tests::Outcome;
use tagwire_tests::client::{Client, Security};

/// Spoilt requests between two valid ones.
const BATCH: u64 = 16;

/// What a worker spoils.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Chunks on the wire, in a session.
    Frames,
    /// Requests in valid chunks, in a session.
    Requests,
    /// Requests in valid chunks, without a session.
    Strangers,
    /// Requests in chunks that are signed and encrypted, in a session.
    Secured,
}

/// What the workers did, added up.
#[derive(Debug, Default)]
struct Figures {
    n_messages: u64,
    n_connections: u64,
    n_answers: u64,
    /// Answers that are no service faults, those to the valid requests between the others included.
    n_served: u64,
}

struct Worker {
    number: u64,
    kind: Kind,
    rng: Rng,
    samples: Arc<Vec<Vec<u8>>>,
    figures: Figures,
}

impl Worker {
    fn run(mut self, port: u16, security: &Security, n_messages: u64) -> Outcome<Figures> {
        let mut client = Client::new(port, security.clone());
        let mut batch = Vec::new();
        while self.figures.n_messages < n_messages {
            batch.clear();
            if !client.is_connected() {
                client.connect(self.kind != Kind::Strangers)?;
                self.figures.n_connections += 1;
            }
            for _ in 0..BATCH {
                let body = self.body(&client);
                let start = batch.len();
                client.frame(&body, &mut batch)?;
                if self.kind == Kind::Frames {
                    spoil_frames(&mut batch, start, &mut self.rng);
                }
                self.figures.n_messages += 1;
            }
            if let Err(problem) = client.exchange(&batch, self.kind == Kind::Frames) {
                let Self { number, kind, figures, .. } = &self;
                let hex: String = batch.iter().map(|byte| format!("{byte:02x}")).collect();
                return Err(format!(
                    "worker {number} ({kind:?}) before message {}: {problem}; sent {hex}",
                    figures.n_messages
                )
                .into());
            }
        }
        (self.figures.n_answers, self.figures.n_served) = (client.n_answers, client.n_served);
        client.leave()?;
        Ok(self.figures)
    }

    fn body(&mut self, client: &Client) -> Vec<u8> {
        let sample = &self.samples[self.rng.usize(..self.samples.len())];
        let mut body = client.with_token(sample);
        if self.kind != Kind::Frames && self.rng.u8(..) < 192 {
            let other = &self.samples[self.rng.usize(..self.samples.len())];
            spoil(&mut body, other, &mut self.rng);
        }
        body
    }
}

fn unhex(line: &str) -> Outcome<Vec<u8>> {
    let digits =
        line.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair)?, 16).map_err(Into::into));
    digits.collect()
}

fn run(words: &[String]) -> Outcome<String> {
    let [port, n_messages, seed, samples, security @ ..] = words else { return Err("too few arguments".into()) };
    let (port, n_messages, seed): (u16, u64, u64) = (port.parse()?, n_messages.parse()?, seed.parse()?);
    let samples = std::fs::read_to_string(samples)?;
    let samples = Arc::new(samples.lines().map(unhex).collect::<Outcome<Vec<_>>>()?);
    let secured = Security::read(security)?;
    let mut kinds = vec![Kind::Frames, Kind::Requests, Kind::Strangers, Kind::Requests];
    if secured.is_some() {
        kinds.extend([Kind::Secured; 2]);
    }
    let begun = Instant::now();
    let share = n_messages.div_ceil(kinds.len() as u64);
    let mut workers = Vec::new();
    for (number, kind) in (0..).zip(kinds) {
        let rng = Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let worker = Worker { number, kind, rng, samples: Arc::clone(&samples), figures: Figures::default() };
        let security = secured.clone().filter(|_| kind == Kind::Secured).unwrap_or_default();
        workers.push(std::thread::spawn(move || worker.run(port, &security, share)));
    }
    let mut all = Figures::default();
    for worker in workers {
        let figures = worker.join().map_err(|_| "a worker panicked")??;
        all.n_messages += figures.n_messages;
        all.n_connections += figures.n_connections;
        all.n_answers += figures.n_answers;
        all.n_served += figures.n_served;
    }
    let Figures { n_messages, n_connections, n_answers, n_served } = all;
    let seconds = begun.elapsed().as_secs_f64();
    Ok(format!(
        r#"{{"seed":{seed},"messages":{n_messages},"connections":{n_connections},"answers":{n_answers},"served":{n_served},"seconds":{seconds:.2}}}"#
    ))
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
