//! What is said over the control socket.

use serde::{Deserialize, Serialize};

/// One command, as one line of JSON: `{"command":"trace","link":"line1","on":true}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How the server and its links are.
    Status {},
    /// What a reload would change.
    Plan {},
    /// Take over the changes of the configuration.
    Reload {},
    /// Switch the log of every frame on a link on or off.
    Trace {
        /// Name of the link.
        link: String,
        /// On or off.
        on: bool,
    },
    /// Add a user or replace the user's password and roles.
    UserAdd {
        /// Name of the user.
        name: String,
        /// The password.
        password: String,
        /// Roles of the user.
        roles: Vec<String>,
    },
    /// List the certificates that are trusted, blocked, or wait for a decision.
    TrustList {},
    /// Trust a certificate from now on.
    TrustAccept {
        /// Its fingerprint, or the first digits of it.
        certificate: String,
        /// How long, in seconds; for good when there is no number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
    },
    /// Trust a certificate no more, or strike it off the list of those that wait.
    TrustReject {
        /// Its fingerprint, or the first digits of it.
        certificate: String,
    },
    /// Refuse a certificate for good.
    TrustBlock {
        /// Its fingerprint, or the first digits of it.
        certificate: String,
    },
    /// Issue the server's own certificates again, with the same keys.
    TrustRenew {},
    /// Have every audit record so far on the disk.
    AuditFlush {},
    /// How the historian is, and what it keeps.
    HistoryStatus {},
    /// Samples of a tag in the order of time, a page of them.
    HistoryRead {
        /// Path of the tag.
        tag: String,
        /// From this time on, in ticks of 100 ns since 1601.
        from: i64,
        /// Up to but without this time; backward when it is the earlier one.
        to: i64,
        /// Where the page before this one ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
        /// Most samples.
        max: u32,
        /// Aggregates instead of samples.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        processed: Option<ProcessedAs>,
    },
    /// Copy the whole history into an empty folder while the server goes on.
    HistoryBackup {
        /// The folder, as the server finds it.
        folder: String,
    },
    /// Compare samples with the database that gets them, for as long as an answer may take.
    HistoryCompare {
        /// From this time on, in ticks of 100 ns since 1601.
        from: i64,
        /// Up to but without this time.
        to: i64,
        /// Number of the tag to begin with, and a time: 0 and the lowest, or where the answer before this one ended.
        start: (u32, i64),
    },
    /// Leave the history as it is now in a folder of its own, for the command to open.
    HistoryFreeze {},
    /// Take samples that were not collected; those of a time that a tag has a sample of already stay out.
    HistoryImport {
        /// The samples as `tagwire_history::imports_to_bytes` writes them, in hexadecimal.
        samples: String,
        /// The file they come from, in the first request of an import only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
    /// The type of the values of some tags, as the history or else the live table has them.
    HistoryTypes {
        /// Paths of the tags.
        tags: Vec<String>,
    },
    /// List the users.
    UserList {},
    /// Remove a user.
    UserRemove {
        /// Name of the user.
        name: String,
    },
}

/// Which aggregate, and over which intervals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessedAs {
    /// Its name in OPC UA Part 13.
    pub aggregate: String,
    /// Length of the intervals in ticks of 100 ns; 0 for the whole time.
    pub every: i64,
}

/// The answer to one command, as one line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct Answer {
    /// Whether the command was carried out.
    pub ok: bool,
    /// What the command has to say; `null` when nothing.
    #[serde(default)]
    pub answer: serde_json::Value,
    /// What went wrong; empty when nothing.
    #[serde(default)]
    pub error: String,
    /// What to do about it; may be empty.
    #[serde(default)]
    pub fix: String,
}

impl Answer {
    /// The command was carried out.
    pub const fn good(answer: serde_json::Value) -> Self {
        Self { ok: true, answer, error: String::new(), fix: String::new() }
    }

    /// The command was not carried out.
    pub fn refused(error: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { ok: false, answer: serde_json::Value::Null, error: error.into(), fix: fix.into() }
    }
}

/// Longest command in bytes.
pub const MAX_LINE: usize = 1 << 20;

/// Longest answer in bytes: a long list of changes fits.
pub(crate) const MAX_ANSWER: usize = 64 << 20;
