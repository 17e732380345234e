//! Which of two paths to its devices a link uses (gateway-behaviour B-47): switch on failure, return when the first path
//! is back, and neither of both too often.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::doubled;

/// Longest pause between two switches while neither path brings answers.
const LONGEST_HOLD: Duration = Duration::from_secs(60);
/// Longest pause before another look at a primary path that failed again each time it was returned to.
const LONGEST_RETURN: Duration = Duration::from_secs(3_600);

/// One of the two paths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Path {
    #[default]
    Primary,
    Secondary,
}

impl Path {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Primary => Self::Secondary,
            Self::Secondary => Self::Primary,
        }
    }
}

/// What a person may ask for by `_ActivePath`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// This path, whatever happens.
    Force(Path),
    /// Whichever works.
    Auto,
}

impl Wish {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "primary" => Some(Self::Force(Path::Primary)),
            "secondary" => Some(Self::Force(Path::Secondary)),
            "auto" => Some(Self::Auto),
            _ => None,
        }
    }
}

/// The choice between two paths.
#[derive(Debug)]
pub(crate) struct Paths {
    /// How long nobody answers on the active path before the other one is tried.
    switch_after: Duration,
    /// How long after a switch to the secondary path the primary one is looked at; zero for never.
    return_after: Duration,
    active: Path,
    forced: Option<Path>,
    trouble_since: Option<Instant>,
    /// Since when answers came without a break.
    well_since: Option<Instant>,
    /// Switches since answers last came for long enough.
    n_fruitless: u32,
    not_before: Option<Instant>,
    /// Times that the primary path failed soon after it was returned to.
    n_relapses: u32,
    probe_at: Option<Instant>,
}

impl Paths {
    pub(crate) const fn new(switch_after: Duration, return_after: Duration) -> Self {
        Self {
            switch_after,
            return_after,
            active: Path::Primary,
            forced: None,
            trouble_since: None,
            well_since: None,
            n_fruitless: 0,
            not_before: None,
            n_relapses: 0,
            probe_at: None,
        }
    }

    pub(crate) const fn active(&self) -> Path {
        self.active
    }

    pub(crate) const fn is_forced(&self) -> bool {
        self.forced.is_some()
    }

    /// Notes whether nobody answers on the active path; gives the path to switch to.
    pub(crate) fn observe(&mut self, is_troubled: bool, now: Instant) -> Option<Path> {
        if !is_troubled {
            self.trouble_since = None;
            let well_since = *self.well_since.get_or_insert(now);
            if now.saturating_duration_since(well_since) >= self.switch_after {
                self.n_fruitless = 0;
                self.not_before = None;
            }
            // A primary path that has held for as long as it was waited for is trusted again.
            if self.active == Path::Primary && now.saturating_duration_since(well_since) >= self.return_pause() {
                self.n_relapses = 0;
            }
            return None;
        }
        self.well_since = None;
        let since = *self.trouble_since.get_or_insert(now);
        let is_long_enough = now.saturating_duration_since(since) >= self.switch_after;
        if self.forced.is_some() || !is_long_enough || self.not_before.is_some_and(|at| now < at) {
            return None;
        }
        self.not_before = Some(now + doubled(self.switch_after, self.n_fruitless, LONGEST_HOLD.max(self.switch_after)));
        self.n_fruitless = self.n_fruitless.saturating_add(1);
        Some(self.go(self.active.other(), now))
    }

    /// Whether the primary path is to be looked at while the secondary one is in use.
    pub(crate) fn wants_probe(&self, now: Instant) -> bool {
        self.active == Path::Secondary && self.forced.is_none() && self.probe_at.is_some_and(|at| at <= now)
    }

    /// Notes what a look at the primary path brought; gives the path to switch to.
    pub(crate) fn probed(&mut self, works: bool, now: Instant) -> Option<Path> {
        if self.active != Path::Secondary || self.forced.is_some() {
            return None;
        }
        if !works {
            self.probe_at = Some(now + self.return_after);
            return None;
        }
        self.n_relapses = self.n_relapses.saturating_add(1);
        Some(self.go(Path::Primary, now))
    }

    /// Takes in what a person asks for; gives the path to switch to.
    pub(crate) fn wish(&mut self, wish: Wish, now: Instant) -> Option<Path> {
        match wish {
            Wish::Force(path) => {
                self.forced = Some(path);
                (self.active != path).then(|| self.go(path, now))
            }
            Wish::Auto => {
                self.forced = None;
                (self.trouble_since, self.not_before, self.n_fruitless) = (None, None, 0);
                self.plan_return(now);
                None
            }
        }
    }

    fn go(&mut self, path: Path, now: Instant) -> Path {
        self.active = path;
        (self.trouble_since, self.well_since) = (None, None);
        self.plan_return(now);
        path
    }

    fn plan_return(&mut self, now: Instant) {
        let is_wanted = self.active == Path::Secondary && !self.return_after.is_zero();
        self.probe_at = is_wanted.then(|| now + self.return_pause());
    }

    fn return_pause(&self) -> Duration {
        doubled(self.return_after, self.n_relapses, LONGEST_RETURN.max(self.return_after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn paths() -> (Paths, Instant) {
        (Paths::new(SECOND * 5, SECOND * 60), Instant::now())
    }

    #[test]
    fn short_troubles_are_sat_out_and_long_ones_switch() {
        let (mut paths, start) = paths();
        assert_eq!(paths.observe(true, start), None);
        assert_eq!(paths.observe(true, start + SECOND * 4), None);
        assert_eq!(paths.observe(false, start + SECOND * 5), None);
        assert_eq!(paths.observe(true, start + SECOND * 6), None);
        assert_eq!(paths.observe(true, start + SECOND * 11), Some(Path::Secondary));
        assert_eq!(paths.active(), Path::Secondary);
    }

    #[test]
    fn two_dead_paths_are_tried_in_turn_ever_more_slowly() {
        let (mut paths, start) = paths();
        let mut switches = Vec::new();
        for second in 0..600 {
            if paths.observe(true, start + SECOND * second).is_some() {
                switches.push(second);
            }
        }
        let gaps: Vec<u32> = switches.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(switches[0], 5);
        // A path is in trouble from the first look on, a second after the switch.
        assert_eq!(gaps[..6], [6, 10, 20, 40, 60, 60], "{switches:?}");
    }

    #[test]
    fn the_primary_path_is_returned_to_when_it_works_again() {
        let (mut paths, start) = paths();
        paths.observe(true, start);
        paths.observe(true, start + SECOND * 5);
        assert!(!paths.wants_probe(start + SECOND * 64));
        assert!(paths.wants_probe(start + SECOND * 65));
        assert_eq!(paths.probed(false, start + SECOND * 66), None);
        assert!(!paths.wants_probe(start + SECOND * 125) && paths.wants_probe(start + SECOND * 126));
        assert_eq!(paths.probed(true, start + SECOND * 126), Some(Path::Primary));
    }

    #[test]
    fn a_primary_path_that_fails_again_is_waited_for_longer() {
        let (mut paths, mut now) = paths();
        let mut waits = Vec::new();
        for _ in 0..4 {
            paths.observe(false, now);
            now += SECOND * 10;
            paths.observe(false, now);
            paths.observe(true, now);
            now += SECOND * 5;
            assert_eq!(paths.observe(true, now), Some(Path::Secondary));
            let switched = now;
            while !paths.wants_probe(now) {
                now += SECOND;
            }
            waits.push((now - switched).as_secs());
            assert_eq!(paths.probed(true, now), Some(Path::Primary));
        }
        assert_eq!(waits, [60, 120, 240, 480]);
    }

    #[test]
    fn a_forced_path_stays_whatever_happens() {
        let (mut paths, start) = paths();
        assert_eq!(paths.wish(Wish::Force(Path::Secondary), start), Some(Path::Secondary));
        assert!(paths.is_forced());
        assert_eq!(paths.observe(true, start), None);
        assert_eq!(paths.observe(true, start + SECOND * 500), None);
        assert!(!paths.wants_probe(start + SECOND * 500));
        assert_eq!(paths.wish(Wish::Auto, start + SECOND * 500), None);
        assert_eq!(paths.observe(true, start + SECOND * 501), None);
        assert_eq!(paths.observe(true, start + SECOND * 506), Some(Path::Primary));
        assert_eq!(Wish::parse("Primary "), Some(Wish::Force(Path::Primary)));
        assert_eq!((Wish::parse("auto"), Wish::parse("3")), (Some(Wish::Auto), None));
    }

    #[test]
    fn zero_never_returns() {
        let (mut paths, start) = (Paths::new(SECOND, Duration::ZERO), Instant::now());
        paths.observe(true, start);
        assert_eq!(paths.observe(true, start + SECOND), Some(Path::Secondary));
        assert!(!paths.wants_probe(start + SECOND * 100_000));
    }
}
