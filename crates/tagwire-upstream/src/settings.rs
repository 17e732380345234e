//! The keys of the configuration that belong to this driver.

use std::time::Duration;

use tagwire_driver::{AddressError, BuildError, Key, KeyKind, Settings};
use tagwire_model::Deadband;
use tagwire_ua_client::{Login, Mode, Policy, Security, Url};

const fn key(name: &'static str, kind: KeyKind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default, doc }
}

const SECURITY: &[&str] = &[
    "auto",
    "best",
    "none",
    "basic256sha256-sign",
    "basic256sha256",
    "aes128-sha256-rsaoaep-sign",
    "aes128-sha256-rsaoaep",
    "aes256-sha256-rsapss-sign",
    "aes256-sha256-rsapss",
];

const DEFAULT_SESSION_TIMEOUT: Duration = Duration::from_secs(60);

/// Keys of a link.
pub(crate) const LINK_KEYS: &[Key] = &[
    key(
        "security",
        KeyKind::Choice(SECURITY),
        "auto",
        "Which endpoint: auto takes one without security on this machine only, best never does; a policy means signed and encrypted, with -sign only signed.",
    ),
    key("user", KeyKind::Text, "", "User to log in as; nobody in particular when left out."),
    key("password_env", KeyKind::Text, "", "Environment variable that holds the user's password."),
    key("password_file", KeyKind::Text, "", "File that holds the user's password."),
    key(
        "allow_plain_password",
        KeyKind::Bool,
        "false",
        "Whether the password may be sent over a channel without security, where everybody on the way can read it.",
    ),
    key(
        "partner",
        KeyKind::Text,
        "",
        "Address of the other server of a redundant pair; the one with the higher ServiceLevel is followed.",
    ),
    key(
        "session_timeout",
        KeyKind::Duration { min: Duration::from_secs(10), max: Duration::from_secs(3_600) },
        "60s",
        "Time after a lost connection in which the server keeps what changes.",
    ),
];

/// Keys of a device.
pub(crate) const DEVICE_KEYS: &[Key] = &[key(
    HISTORY,
    KeyKind::Choice(&["own", SOURCE]),
    "own",
    "Where the history of the tags is read: what this server keeps, or what the other server keeps (source).",
)];

const HISTORY: &str = "history";
const SOURCE: &str = "source";

/// Whether the history of a device's tags is read from the other server.
pub(crate) fn has_source_history(device: &Settings) -> bool {
    device.text(HISTORY) == Some(SOURCE)
}

/// Keys of a tag.
pub(crate) const TAG_KEYS: &[Key] = &[
    key(
        "queue_size",
        KeyKind::Integer { min: 1, max: 10_000 },
        "",
        "Samples that the server keeps between two notifications; enough for all that it takes when left out.",
    ),
    key(
        "source_deadband",
        KeyKind::Text,
        "",
        "Smallest change that the server tells, as in 0.5, or in percent of its EURange, as in 2%.",
    ),
];

/// A link's keys, checked.
#[derive(Clone, Debug)]
pub(crate) struct LinkKeys {
    pub(crate) urls: Vec<Url>,
    pub(crate) security: Security,
    pub(crate) user: Option<String>,
    pub(crate) secret: Option<Secret>,
    pub(crate) allow_plain_password: bool,
    pub(crate) session_timeout: Duration,
}

/// Where a password is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Secret {
    Env(String),
    File(String),
}

impl LinkKeys {
    pub(crate) fn new(address: &str, given: &Settings) -> Result<Self, BuildError> {
        let wrong = |key, problem: String, fix: &str| BuildError { key, problem, fix: fix.to_owned() };
        let url = |key, text: &str| {
            text.parse::<Url>().map_err(|error| wrong(key, error.to_string(), "write opc.tcp://HOST:PORT"))
        };
        let mut urls = vec![url("address", address)?];
        if let Some(partner) = given.text("partner").filter(|partner| !partner.is_empty()) {
            urls.push(url("partner", partner)?);
            if urls.first() == urls.last() {
                let problem = "partner is the server itself".to_owned();
                return Err(wrong("partner", problem, "write the address of the other server, or leave partner out"));
            }
        }
        let user = given.text("user").filter(|user| !user.is_empty()).map(str::to_owned);
        let secret = match (given.text("password_env"), given.text("password_file")) {
            (Some(_), Some(_)) => {
                let problem = "both password_env and password_file are given".to_owned();
                return Err(wrong("password_file", problem, "leave one of them out"));
            }
            (Some(name), None) => Some(Secret::Env(name.to_owned())),
            (None, Some(path)) => Some(Secret::File(path.to_owned())),
            (None, None) => None,
        };
        match (&user, &secret) {
            (Some(_), None) => {
                let problem = "user has no password".to_owned();
                return Err(wrong("user", problem, "write password_env or password_file beside it"));
            }
            (None, Some(_)) => {
                let problem = "there is a password and no user".to_owned();
                return Err(wrong("user", problem, "write user beside it, or leave the password out"));
            }
            _ => {}
        }
        Ok(Self {
            urls,
            security: security(given.text("security").unwrap_or("auto")),
            user,
            secret,
            allow_plain_password: given.bool("allow_plain_password").unwrap_or(false),
            session_timeout: given.duration("session_timeout").unwrap_or(DEFAULT_SESSION_TIMEOUT),
        })
    }

    /// Whom to log in as; reads the password, or tells why it cannot.
    pub(crate) fn login(&self) -> Result<Login, String> {
        let (Some(name), Some(secret)) = (&self.user, &self.secret) else { return Ok(Login::Anonymous) };
        let found = match secret {
            Secret::Env(variable) => std::env::var(variable).map_err(|error| format!("{variable}: {error}")),
            Secret::File(path) => std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}")),
        };
        let password = found.map_err(|problem| format!("password cannot be read from {problem}"))?;
        Ok(Login::User { name: name.clone(), password: password.trim_end_matches(['\r', '\n']).to_owned() })
    }
}

fn security(word: &str) -> Security {
    match word {
        "best" => Security::Best,
        "none" => Security::NONE,
        _ => {
            let (policy, mode) = match word.strip_suffix("-sign") {
                Some(policy) => (policy, Mode::Sign),
                None => (word, Mode::SignAndEncrypt),
            };
            Policy::from_name(policy).map_or(Security::Auto, |policy| Security::Exactly(policy, mode))
        }
    }
}

/// The deadband of a tag's key.
pub(crate) fn deadband(given: &Settings) -> Result<Deadband, AddressError> {
    let Some(text) = given.text("source_deadband").map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(Deadband::None);
    };
    let (digits, is_percent) = match text.strip_suffix('%') {
        Some(digits) => (digits.trim(), true),
        None => (text, false),
    };
    match digits.parse::<f64>() {
        Ok(percent) if is_percent && (0.0..=100.0).contains(&percent) => Ok(Deadband::Percent(percent)),
        Ok(units) if !is_percent && units.is_finite() && units >= 0.0 => Ok(Deadband::Absolute(units)),
        _ => Err(AddressError {
            problem: format!("source_deadband: \"{text}\" is no deadband"),
            fix: "write a number of units, as in 0.5, or a percentage of the range, as in 2%".to_owned(),
        }),
    }
}

/// The queue of a tag's key.
pub(crate) fn queue(given: &Settings) -> Option<u32> {
    given.integer("queue_size").and_then(|queue| u32::try_from(queue).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagwire_driver::Setting;

    fn given(keys: &[(&'static str, &str)]) -> Settings {
        let mut settings = Settings::new();
        for (name, text) in keys {
            settings.set(name, Setting::Text((*text).to_owned()));
        }
        settings
    }

    #[test]
    fn every_word_for_security_is_understood() {
        assert_eq!(security("auto"), Security::Auto);
        for word in SECURITY.iter().skip(3) {
            assert!(matches!(security(word), Security::Exactly(policy, _) if policy != Policy::None), "{word}");
        }
        assert_eq!(security("basic256sha256-sign"), Security::Exactly(Policy::Basic256Sha256, Mode::Sign));
    }

    #[test]
    fn keys_that_contradict_each_other_are_named() {
        for (address, keys, key) in [
            ("http://plc", &[][..], "address"),
            ("opc.tcp://a:1", &[("partner", "opc.tcp://a:1")], "partner"),
            ("opc.tcp://a:1", &[("user", "me")], "user"),
            ("opc.tcp://a:1", &[("password_env", "X")], "user"),
            ("opc.tcp://a:1", &[("user", "me"), ("password_env", "X"), ("password_file", "y")], "password_file"),
        ] {
            let error = LinkKeys::new(address, &given(keys)).map(|_| ()).expect_err(address);
            assert_eq!(error.key, key, "{address} {keys:?}: {error}");
        }
        let pair = LinkKeys::new("opc.tcp://a:1", &given(&[("partner", "opc.tcp://b:1")])).expect("a pair");
        assert_eq!(pair.urls.len(), 2);
    }

    #[test]
    fn a_deadband_is_a_number_or_a_percentage() {
        for (text, expected) in [
            ("0.5", Some(Deadband::Absolute(0.5))),
            ("2%", Some(Deadband::Percent(2.0))),
            (" 10 % ", Some(Deadband::Percent(10.0))),
            ("", Some(Deadband::None)),
            ("-1", None),
            ("101%", None),
            ("much", None),
            ("inf", None),
        ] {
            assert_eq!(deadband(&given(&[("source_deadband", text)])).ok(), expected, "{text}");
        }
    }
}
