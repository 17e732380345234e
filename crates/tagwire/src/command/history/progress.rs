//! A bar on a terminal that tells how far something is; nothing anywhere else.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::terminal::{fit, width};

/// Time between two looks of the bar.
const STEP: Duration = Duration::from_millis(200);
const CELLS: usize = 24;

/// The bar, on standard error.
pub(super) struct Bar {
    is_terminal: bool,
    begun: Instant,
    drawn: Option<Instant>,
    /// Samples that were there before it began.
    before: Option<u64>,
}

impl Bar {
    pub(super) fn new() -> Self {
        let is_dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Self { is_terminal: io::stderr().is_terminal() && !is_dumb, begun: Instant::now(), drawn: None, before: None }
    }

    /// Seconds since it began.
    pub(super) fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Draws the bar, unless it was drawn just now.
    pub(super) fn tell(&mut self, done: f64, samples: u64, what: &str) {
        let before = *self.before.get_or_insert(samples);
        if !self.is_terminal || self.drawn.is_some_and(|drawn| drawn.elapsed() < STEP) {
            return;
        }
        self.drawn = Some(Instant::now());
        let done = done.clamp(0.0, 1.0);
        let full = (done * CELLS as f64) as usize;
        let rate = (samples - before) as f64 / self.seconds().max(0.001);
        let head = format!(
            "{}{} {:>3.0} %  {} samples, {}/s  ",
            "█".repeat(full),
            "░".repeat(CELLS - full),
            done * 100.0,
            short(samples as f64),
            short(rate)
        );
        let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(80, |size| usize::from(size.ws_col).max(20));
        let room = columns.saturating_sub(width(&head) + 1);
        let line = fit(&format!("{head}{}", fit(what, room)), columns - 1);
        let _ = write!(io::stderr().lock(), "\r{line}");
    }

    /// Takes the bar away.
    pub(super) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// A number in few characters.
pub(super) fn short(number: f64) -> String {
    match number {
        n if n >= 1e9 => format!("{:.2} G", n / 1e9),
        n if n >= 1e6 => format!("{:.1} M", n / 1e6),
        n if n >= 1e4 => format!("{:.0} k", n / 1e3),
        n => format!("{n:.0}"),
    }
}
