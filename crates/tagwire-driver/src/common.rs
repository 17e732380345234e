//! The settings that every link and every device has, whatever its protocol.

use std::time::Duration;

use crate::{Key, KeyKind, Settings};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Common settings of a link.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkSettings {
    /// Whether the link is used at all.
    pub enabled: bool,
    /// Longest time that opening the transport may take (gateway-behaviour B-06).
    pub connect_timeout: Duration,
    /// Pause between two requests, whichever device they go to (B-09).
    pub inter_request_delay: Duration,
    /// Which writes may be left out when they queue up (B-15).
    pub write_optimisation: WriteOptimisation,
    /// How many writes may go out in a row while a read is due (B-16).
    pub writes_per_read: u32,
    /// Where a second path to the same devices leads (B-47).
    pub secondary: Option<String>,
    /// How long nobody answers on one path before the other one is tried.
    pub switch_after: Duration,
    /// How long after a switch to the second path the first one is tried again; zero for never.
    pub return_after: Duration,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            connect_timeout: ms(3_000),
            inter_request_delay: Duration::ZERO,
            write_optimisation: WriteOptimisation::All,
            writes_per_read: 10,
            secondary: None,
            switch_after: ms(5_000),
            return_after: ms(60_000),
        }
    }
}

/// Which queued writes reach the device (B-15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteOptimisation {
    /// Every write, in order.
    #[default]
    All,
    /// Every write of a Boolean; of other tags only the latest.
    LatestNonBoolean,
    /// Only the latest write of each tag.
    Latest,
}

impl LinkSettings {
    /// The keys of `[[link]]` that these settings come from.
    pub const KEYS: &'static [Key] = &[
        Key { name: "enabled", kind: KeyKind::Bool, default: "true", doc: "Whether the link is used at all." },
        Key {
            name: "connect_timeout",
            kind: KeyKind::Duration { min: ms(1_000), max: ms(30_000) },
            default: "3s",
            doc: "Longest time that opening the connection may take.",
        },
        Key {
            name: "inter_request_delay",
            kind: KeyKind::Duration { min: ms(0), max: ms(30_000) },
            default: "0ms",
            doc: "Pause between two requests on the link, whichever device they go to.",
        },
        Key {
            name: "write_optimisation",
            kind: KeyKind::Choice(&["all", "latest_non_boolean", "latest"]),
            default: "all",
            doc: "Which queued writes reach the device: all of them, all of Booleans and the latest of other tags, or the latest of each tag.",
        },
        Key {
            name: "writes_per_read",
            kind: KeyKind::Integer { min: 1, max: 1_000 },
            default: "10",
            doc: "How many writes may go out in a row while a read is due.",
        },
        Key {
            name: "secondary",
            kind: KeyKind::Text,
            default: "",
            doc: "A second path to the same devices, written as `address`; it is used while nobody answers on the first one.",
        },
        Key {
            name: "switch_after",
            kind: KeyKind::Duration { min: ms(100), max: ms(3_600_000) },
            default: "5s",
            doc: "How long nobody answers on one path before the other one is tried.",
        },
        Key {
            name: "return_after",
            kind: KeyKind::Duration { min: ms(0), max: ms(86_400_000) },
            default: "60s",
            doc: "How long after a switch to the second path the first one is tried again, beside the requests on the second; `0ms` for never.",
        },
    ];

    /// The settings with the keys that were given, and defaults for the others.
    pub fn from_settings(given: &Settings) -> Self {
        let default = Self::default();
        Self {
            enabled: given.bool("enabled").unwrap_or(default.enabled),
            connect_timeout: given.duration("connect_timeout").unwrap_or(default.connect_timeout),
            inter_request_delay: given.duration("inter_request_delay").unwrap_or(default.inter_request_delay),
            write_optimisation: match given.text("write_optimisation") {
                Some("latest_non_boolean") => WriteOptimisation::LatestNonBoolean,
                Some("latest") => WriteOptimisation::Latest,
                _ => WriteOptimisation::All,
            },
            writes_per_read: unsigned(given, "writes_per_read").unwrap_or(default.writes_per_read),
            secondary: given.text("secondary").map(str::to_owned),
            switch_after: given.duration("switch_after").unwrap_or(default.switch_after),
            return_after: given.duration("return_after").unwrap_or(default.return_after),
        }
    }
}

/// When the tags of a device are polled (B-01).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScanMode {
    /// All tags at the scan interval; a tag with an interval of its own at that one.
    #[default]
    All,
    /// Each tag at the fastest rate that a client asks for.
    Client,
    /// As [`ScanMode::Client`], but never faster than the scan interval.
    NotFaster,
    /// Only when somebody writes `_DemandPoll`.
    Demand,
    /// Tags with an interval of their own at that one, the others as [`ScanMode::Client`].
    Tag,
}

/// Which tags of a device are polled (B-05).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Poll {
    /// All that the scan mode names.
    #[default]
    Always,
    /// Of these only the ones that a client refers to.
    Referenced,
}

/// The operator's setting that gives a device a rest after several failures (B-10 to B-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demotion {
    /// Whether devices are demoted.
    pub on: bool,
    /// Successive failures after which a device is demoted, 1 to 30.
    pub failures: u32,
    /// How long a demoted device is left alone.
    pub period: Duration,
    /// Whether writes to a demoted device fail at once instead of being tried.
    pub discard_writes: bool,
}

impl Default for Demotion {
    fn default() -> Self {
        Self { on: false, failures: 3, period: ms(10_000), discard_writes: false }
    }
}

/// Common settings of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceSettings {
    /// Whether the device is asked at all; its tags are out of service otherwise.
    pub enabled: bool,
    /// Whether its tags have good values without any request (B-55).
    pub simulated: bool,
    /// Scan interval (B-04).
    pub scan: Duration,
    /// When tags are polled.
    pub scan_mode: ScanMode,
    /// Which tags are polled.
    pub poll: Poll,
    /// Whether a tag that a client starts to refer to waits for its next poll instead of causing one (B-04).
    pub initial_updates_from_cache: bool,
    /// How long an answer may take (B-07).
    pub request_timeout: Duration,
    /// How many unanswered requests in a row make the device bad (B-08).
    pub attempts: u32,
    /// Whether a confirmed write is followed by a read of the tag (B-17).
    pub read_after_write: bool,
    /// The rest that the device gets after several failures.
    pub demotion: Demotion,
    /// How often tags that the device refused are tried again.
    pub retry_refused: Duration,
}

impl Default for DeviceSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            simulated: false,
            scan: ms(1_000),
            scan_mode: ScanMode::All,
            poll: Poll::Always,
            initial_updates_from_cache: false,
            request_timeout: ms(1_000),
            attempts: 3,
            read_after_write: false,
            demotion: Demotion::default(),
            retry_refused: ms(30_000),
        }
    }
}

impl DeviceSettings {
    /// The keys of `[[link.device]]` that these settings come from.
    pub const KEYS: &'static [Key] = &[
        Key {
            name: "enabled",
            kind: KeyKind::Bool,
            default: "true",
            doc: "Whether the device is asked at all; its tags are out of service otherwise.",
        },
        Key {
            name: "simulated",
            kind: KeyKind::Bool,
            default: "false",
            doc: "Whether the tags have good values, kept in memory, without any request to the device.",
        },
        Key {
            name: "scan",
            kind: KeyKind::Duration { min: ms(10), max: ms(99_999_990) },
            default: "1s",
            doc: "Scan interval.",
        },
        Key {
            name: "scan_mode",
            kind: KeyKind::Choice(&["all", "client", "not_faster", "demand", "tag"]),
            default: "all",
            doc: "When tags are polled: all at the scan interval; at the rate clients ask for; at that rate but not faster than the scan interval; only on demand; or tags with an interval of their own at that one and the others at the clients' rate.",
        },
        Key {
            name: "poll",
            kind: KeyKind::Choice(&["always", "referenced"]),
            default: "always",
            doc: "Whether tags that no client refers to are polled too.",
        },
        Key {
            name: "initial_updates_from_cache",
            kind: KeyKind::Bool,
            default: "false",
            doc: "Whether a tag that a client starts to refer to waits for its next poll instead of causing one.",
        },
        Key {
            name: "request_timeout",
            kind: KeyKind::Duration { min: ms(50), max: ms(9_999_999) },
            default: "1s",
            doc: "How long an answer may take.",
        },
        Key {
            name: "attempts",
            kind: KeyKind::Integer { min: 1, max: 10 },
            default: "3",
            doc: "How many unanswered requests in a row make the device bad.",
        },
        Key {
            name: "read_after_write",
            kind: KeyKind::Bool,
            default: "false",
            doc: "Whether a confirmed write is followed by a read of the tag, instead of taking the written value as the live one.",
        },
        Key {
            name: "auto_demotion",
            kind: KeyKind::Bool,
            default: "false",
            doc: "Whether the device gets a rest after several failures.",
        },
        Key {
            name: "demotion_failures",
            kind: KeyKind::Integer { min: 1, max: 30 },
            default: "3",
            doc: "Successive failures after which the device gets its rest.",
        },
        Key {
            name: "demotion_period",
            kind: KeyKind::Duration { min: ms(100), max: ms(3_600_000) },
            default: "10s",
            doc: "How long the rest is.",
        },
        Key {
            name: "demotion_discard_writes",
            kind: KeyKind::Bool,
            default: "false",
            doc: "Whether writes during the rest fail at once instead of being tried.",
        },
        Key {
            name: "retry_refused",
            kind: KeyKind::Duration { min: ms(1_000), max: ms(86_400_000) },
            default: "30s",
            doc: "How often tags that the device refused are tried again.",
        },
    ];

    /// The settings with the keys that were given, and defaults for the others.
    pub fn from_settings(given: &Settings) -> Self {
        let default = Self::default();
        Self {
            enabled: given.bool("enabled").unwrap_or(default.enabled),
            simulated: given.bool("simulated").unwrap_or(default.simulated),
            scan: given.duration("scan").unwrap_or(default.scan),
            scan_mode: match given.text("scan_mode") {
                Some("client") => ScanMode::Client,
                Some("not_faster") => ScanMode::NotFaster,
                Some("demand") => ScanMode::Demand,
                Some("tag") => ScanMode::Tag,
                _ => ScanMode::All,
            },
            poll: if given.text("poll") == Some("referenced") { Poll::Referenced } else { Poll::Always },
            initial_updates_from_cache: given
                .bool("initial_updates_from_cache")
                .unwrap_or(default.initial_updates_from_cache),
            request_timeout: given.duration("request_timeout").unwrap_or(default.request_timeout),
            attempts: unsigned(given, "attempts").unwrap_or(default.attempts),
            read_after_write: given.bool("read_after_write").unwrap_or(default.read_after_write),
            demotion: Demotion {
                on: given.bool("auto_demotion").unwrap_or(default.demotion.on),
                failures: unsigned(given, "demotion_failures").unwrap_or(default.demotion.failures),
                period: given.duration("demotion_period").unwrap_or(default.demotion.period),
                discard_writes: given.bool("demotion_discard_writes").unwrap_or(default.demotion.discard_writes),
            },
            retry_refused: given.duration("retry_refused").unwrap_or(default.retry_refused),
        }
    }

    /// The time after the first unanswered request at which the device counts as bad, however few attempts fitted in.
    pub fn patience(&self) -> Duration {
        self.request_timeout.saturating_mul(self.attempts.max(1))
    }
}

fn unsigned(given: &Settings, name: &str) -> Option<u32> {
    given.integer(name).and_then(|value| u32::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setting;

    #[test]
    fn keys_left_out_have_the_defaults_of_the_reference() {
        assert_eq!(LinkSettings::from_settings(&Settings::new()), LinkSettings::default());
        assert_eq!(DeviceSettings::from_settings(&Settings::new()), DeviceSettings::default());
    }

    #[test]
    fn every_word_of_a_choice_is_understood() {
        let mode = |word: &str| {
            let mut given = Settings::new();
            given.set("scan_mode", Setting::Text(word.to_owned()));
            DeviceSettings::from_settings(&given).scan_mode
        };
        let modes = ["all", "client", "not_faster", "demand", "tag"].map(mode);
        assert_eq!(modes, [ScanMode::All, ScanMode::Client, ScanMode::NotFaster, ScanMode::Demand, ScanMode::Tag]);
        let mut given = Settings::new();
        given.set("write_optimisation", Setting::Text("latest".to_owned()));
        assert_eq!(LinkSettings::from_settings(&given).write_optimisation, WriteOptimisation::Latest);
    }

    #[test]
    fn documented_defaults_are_the_real_ones() {
        let shown = |keys: &[Key], name: &str| keys.iter().find(|key| key.name == name).expect("key").default;
        assert_eq!(shown(DeviceSettings::KEYS, "attempts"), DeviceSettings::default().attempts.to_string());
        assert_eq!(shown(LinkSettings::KEYS, "writes_per_read"), LinkSettings::default().writes_per_read.to_string());
        let durations = [
            ("scan", DeviceSettings::default().scan),
            ("request_timeout", DeviceSettings::default().request_timeout),
            ("demotion_period", DeviceSettings::default().demotion.period),
            ("retry_refused", DeviceSettings::default().retry_refused),
        ];
        for (name, duration) in durations {
            assert_eq!(shown(DeviceSettings::KEYS, name), format!("{}s", duration.as_secs()), "{name}");
        }
    }
}
