//! The file of what clients change of roles, laid over the configuration.

use std::path::PathBuf;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::file::{self, Readers};
use crate::managed::is_role_name;
use crate::{FileError, ManagedRole, Policy, Role, RoleChange};

/// Largest file in bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// Most identities, applications or endpoints of one role.
const MAX_RULES: usize = 500;

const HEADER: &str = "# Roles of tagwire as OPC UA clients changed them; the configuration has the others.\n";

/// Why a change was refused.
#[derive(Debug, Error)]
pub enum RoleError {
    /// A text is empty, too long or not such as the server could store.
    #[error("a name or a rule is not valid")]
    Invalid,
    /// There is such a role or rule.
    #[error("it is there already")]
    Exists,
    /// There is no such rule.
    #[error("it is not there")]
    NotFound,
    /// There is no such role.
    #[error("there is no such role")]
    NoRole,
    /// Nobody is given this role, or it cannot be removed.
    #[error("this role is not to be changed")]
    NotAllowed,
    /// The configuration or the users file says so.
    #[error("the configuration says so")]
    Configured,
    /// No more fit.
    #[error("there are too many")]
    TooMany,
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not such as the server writes.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// What clients changed of roles.
#[derive(Debug)]
pub struct RoleBook {
    path: PathBuf,
    entries: Mutex<Vec<Entry>>,
}

/// One role, in the order in which clients first changed them. A removed one keeps its place while sessions may still hold
/// its number.
#[derive(Clone, Debug)]
struct Entry {
    name: String,
    role: Option<ManagedRole>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    version: u32,
    #[serde(default)]
    role: Vec<RoleText>,
}

#[derive(Serialize, Deserialize)]
struct RoleText {
    name: String,
    #[serde(flatten)]
    role: ManagedRole,
}

impl RoleBook {
    /// Reads the file; without one nothing was changed, and the first change makes it.
    ///
    /// # Errors
    /// [`RoleError::File`], [`RoleError::Content`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, RoleError> {
        let path = path.into();
        let mut entries = Vec::new();
        if let Some(bytes) = file::read(&path, MAX_FILE_BYTES)? {
            let wrong = |problem: String| RoleError::Content { path: path.clone(), problem };
            let text = String::from_utf8(bytes).map_err(|_| wrong("not UTF-8 text".to_owned()))?;
            let text: Text = toml::from_str(&text).map_err(|error| wrong(error.message().trim().to_owned()))?;
            if text.version != 1 {
                return Err(wrong(format!("version {} is not known", text.version)));
            }
            for RoleText { name, role } in text.role {
                let is_known = entries.iter().any(|entry: &Entry| entry.name == name);
                if is_known || !(Role::from_well_known_name(&name).is_some() || is_role_name(&name)) {
                    return Err(wrong(format!("role \"{name}\" is there twice, or no name for a role")));
                }
                entries.push(Entry { name, role: Some(role) });
            }
        }
        Ok(Self { path, entries: Mutex::new(entries) })
    }

    /// The file.
    pub const fn path(&self) -> &PathBuf {
        &self.path
    }

    /// What clients set for a role; nothing for most.
    pub fn role(&self, name: &str) -> Option<ManagedRole> {
        self.entries.lock().iter().find(|entry| entry.name == name).and_then(|entry| entry.role.clone())
    }

    /// The configuration with what clients changed. Where `anew` says so, the numbers of removed roles are given again;
    /// then no session may go on.
    pub fn lay_over(&self, base: &Policy, anew: bool) -> Policy {
        let mut entries = self.entries.lock();
        if anew {
            entries.retain(|entry| entry.role.is_some());
        }
        let mut policy = base.clone();
        for Entry { name, role } in entries.iter() {
            let Some(managed) = role else {
                policy.add_removed_role();
                continue;
            };
            let role = match policy.role(name) {
                Some(role) => role,
                None if managed.added => match policy.add_role(name) {
                    Ok(role) => role,
                    Err(error) => {
                        tracing::error!(role = %name, "a role that a client made does not count: {error}");
                        continue;
                    }
                },
                // The configuration had it once.
                None => continue,
            };
            policy.manage(role, managed.clone());
        }
        policy
    }

    /// Carries out a change of the role with this name and stores it; `base` is the configuration alone, `given` whether
    /// the users file gives the role to those of whom the change speaks.
    ///
    /// # Errors
    /// [`RoleError`]; then nothing was changed.
    pub fn change(&self, base: &Policy, name: &str, change: &RoleChange, given: bool) -> Result<(), RoleError> {
        let mut entries = self.entries.lock();
        let mut changed = entries.clone();
        let at = changed.iter().position(|entry| entry.name == name && entry.role.is_some());
        let configured = base.role(name);
        if *change == RoleChange::Add {
            if configured.is_some() || at.is_some() {
                return Err(RoleError::Exists);
            }
            if !is_role_name(name) || Role::well_known_for(name).is_some() {
                return Err(RoleError::Invalid);
            }
            let n_others = changed.iter().filter(|entry| base.role(&entry.name).is_none()).count();
            if base.n_own_roles() + n_others >= usize::from(Role::MAX - Role::N_WELL_KNOWN) {
                return Err(RoleError::TooMany);
            }
            changed.push(Entry {
                name: name.to_owned(),
                role: Some(ManagedRole { added: true, ..ManagedRole::default() }),
            });
            return self.store(&mut entries, changed);
        }
        if configured.is_none() && at.is_none() {
            return Err(RoleError::NoRole);
        }
        if configured == Some(Role::ANONYMOUS) || configured == Some(Role::AUTHENTICATED) {
            return Err(RoleError::NotAllowed);
        }
        if *change == RoleChange::Remove {
            if configured.is_some_and(|role| role.bit() < Role::N_WELL_KNOWN) {
                return Err(RoleError::NotAllowed);
            }
            if configured.is_some() {
                return Err(RoleError::Configured);
            }
            if let Some(entry) = at.and_then(|at| changed.get_mut(at)) {
                entry.role = None;
            }
            return self.store(&mut entries, changed);
        }
        if !change.is_sound() {
            return Err(RoleError::Invalid);
        }
        if configured.is_some_and(|role| base.says(role, change)) || given {
            return Err(match change {
                RoleChange::AddIdentity(_) => RoleError::Exists,
                _ => RoleError::Configured,
            });
        }
        let at = at.unwrap_or_else(|| {
            changed.push(Entry { name: name.to_owned(), role: Some(ManagedRole::default()) });
            changed.len() - 1
        });
        let Some(role) = changed.get_mut(at).and_then(|entry| entry.role.as_mut()) else {
            return Err(RoleError::NoRole);
        };
        if !change.apply(role) {
            let is_removal = matches!(
                change,
                RoleChange::RemoveIdentity(_) | RoleChange::RemoveApplication(_) | RoleChange::RemoveEndpoint(_)
            );
            return Err(if is_removal { RoleError::NotFound } else { RoleError::Exists });
        }
        if [role.identities.len(), role.applications.len(), role.endpoints.len()].iter().any(|n| *n > MAX_RULES) {
            return Err(RoleError::TooMany);
        }
        self.store(&mut entries, changed)
    }

    fn store(&self, entries: &mut Vec<Entry>, changed: Vec<Entry>) -> Result<(), RoleError> {
        let role = |entry: &Entry| {
            let role = entry.role.clone().filter(|role| !role.is_empty())?;
            Some(RoleText { name: entry.name.clone(), role })
        };
        let text = Text { version: 1, role: changed.iter().filter_map(role).collect() };
        let text = toml::to_string(&text)
            .map_err(|error| RoleError::Content { path: self.path.clone(), problem: error.to_string() })?;
        file::replace(&self.path, format!("{HEADER}{text}").as_bytes(), Readers::Owner)?;
        *entries = changed;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Anonymous, ChannelSecurity, EndpointRule, Face, IdentityRule, Mapping, Origin, Peer, RoleSet};

    fn base() -> Policy {
        let mut policy = Policy::new(Anonymous::None);
        let role = policy.add_role("night-shift").expect("free");
        policy.add_mapping(Mapping {
            role,
            users: vec!["nina".to_owned()],
            certificates: Vec::new(),
            applications: vec!["urn:panel".to_owned()],
        });
        policy
    }

    fn roles(book: &RoleBook, peer: Peer<'_>) -> Vec<String> {
        let policy = book.lay_over(&base(), false);
        let origin = Origin { face: Face::Ua, peer: None, security: ChannelSecurity::Signed };
        let principal = policy.principal(peer, RoleSet::NONE, origin);
        let names = principal.roles().iter().filter_map(|role| policy.role_name(role)).map(str::to_owned);
        names.filter(|name| name != "anonymous" && name != "authenticated").collect()
    }

    fn book() -> (tempfile::TempDir, RoleBook) {
        let folder = tempfile::tempdir().expect("folder");
        let book = RoleBook::open(folder.path().join("roles.toml")).expect("empty");
        (folder, book)
    }

    fn user(name: &str) -> IdentityRule {
        IdentityRule::UserName(name.to_owned())
    }

    #[test]
    fn changes_count_at_once_and_after_a_restart() {
        let (folder, book) = book();
        let base = base();
        let add = |book: &RoleBook, role: &str, rule| book.change(&base, role, &RoleChange::AddIdentity(rule), false);
        add(&book, "operator", user("anna")).expect("adds");
        book.change(&base, "guest", &RoleChange::Add, false).expect("adds");
        add(&book, "guest", user("anna")).expect("adds");
        assert_eq!(roles(&book, Peer::user("anna")), ["operator", "guest"]);
        let again = RoleBook::open(folder.path().join("roles.toml")).expect("reads");
        assert_eq!(roles(&again, Peer::user("anna")), ["operator", "guest"]);
        again.change(&base, "operator", &RoleChange::RemoveIdentity(user("anna")), false).expect("removes");
        again.change(&base, "guest", &RoleChange::Remove, false).expect("removes");
        assert!(roles(&again, Peer::user("anna")).is_empty());
        let text = std::fs::read_to_string(again.path()).expect("text");
        assert!(!text.contains("anna") && !text.contains("guest"), "{text}");
    }

    #[test]
    fn a_removed_role_keeps_its_number_until_all_sessions_ended() {
        let (_folder, book) = book();
        for name in ["one", "two"] {
            book.change(&base(), name, &RoleChange::Add, false).expect("adds");
        }
        let number = |anew| book.lay_over(&base(), anew).role("two").map(Role::bit);
        let before = number(false);
        book.change(&base(), "one", &RoleChange::Remove, false).expect("removes");
        assert_eq!(number(false), before);
        assert!(book.lay_over(&base(), false).roles().all(|role| role.bit() + 1 != before.expect("there")));
        assert_ne!(number(true), before);
    }

    #[test]
    fn what_the_configuration_says_stays() {
        let (_folder, book) = book();
        let base = base();
        let change = |role: &str, change: RoleChange| match book.change(&base, role, &change, false) {
            Ok(()) => "done".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        for (role, asked, expected) in [
            ("night-shift", RoleChange::Remove, "Configured"),
            ("night-shift", RoleChange::RemoveIdentity(user("nina")), "Configured"),
            ("night-shift", RoleChange::AddIdentity(user("nina")), "Exists"),
            ("night-shift", RoleChange::AddApplication("urn:other".to_owned()), "Configured"),
            ("night-shift", RoleChange::AddIdentity(user("nora")), "done"),
            ("operator", RoleChange::Remove, "NotAllowed"),
            ("anonymous", RoleChange::AddIdentity(user("anna")), "NotAllowed"),
            ("authenticated", RoleChange::AddApplication("urn:x".to_owned()), "NotAllowed"),
            ("operator", RoleChange::RemoveIdentity(user("anna")), "NotFound"),
            ("operator", RoleChange::AddIdentity(user("")), "Invalid"),
            ("operator", RoleChange::AddEndpoint(EndpointRule::default()), "Invalid"),
            ("nobody", RoleChange::AddIdentity(user("anna")), "NoRole"),
            ("nobody", RoleChange::Remove, "NoRole"),
            ("operator", RoleChange::Add, "Exists"),
            ("Operator", RoleChange::Add, "Invalid"),
            ("a.b", RoleChange::Add, "Invalid"),
            ("", RoleChange::Add, "Invalid"),
            ("fresh", RoleChange::Add, "done"),
            ("fresh", RoleChange::Add, "Exists"),
        ] {
            assert_eq!(change(role, asked.clone()), expected, "{role} {asked:?}");
        }
        let full = (0..100).map(|n| change(&format!("r{n}"), RoleChange::Add)).find(|done| done != "done");
        assert_eq!(full.as_deref(), Some("TooMany"));
    }

    #[test]
    fn applications_and_endpoints_say_where_a_role_counts() {
        let (_folder, book) = book();
        let base = base();
        let change = |change| book.change(&base, "operator", &change, false).expect("changes");
        change(RoleChange::AddIdentity(user("anna")));
        let at = |application, url| roles(&book, Peer { application, url, ..Peer::user("anna") });
        assert_eq!(at("", ""), ["operator"]);
        change(RoleChange::AddApplication("urn:a".to_owned()));
        assert!(at("urn:a", "").is_empty(), "listed applications are excluded");
        assert_eq!(at("urn:b", ""), ["operator"]);
        assert!(at("", "").is_empty(), "and so is one that does not prove to be another");
        change(RoleChange::ExcludeApplications(false));
        assert_eq!(at("urn:a", ""), ["operator"]);
        assert!(at("urn:b", "").is_empty() && at("", "").is_empty());
        change(RoleChange::AddEndpoint(EndpointRule { url: "opc.tcp://Plant:4840/".to_owned(), ..Default::default() }));
        change(RoleChange::ExcludeEndpoints(false));
        assert_eq!(at("urn:a", "opc.tcp://plant:4840"), ["operator"]);
        assert!(at("urn:a", "opc.tcp://other:4840").is_empty());
        change(RoleChange::AddEndpoint(EndpointRule {
            security: Some(ChannelSecurity::Signed),
            ..EndpointRule::default()
        }));
        assert_eq!(at("urn:a", "opc.tcp://other:4840"), ["operator"]);
    }

    #[test]
    fn a_file_that_no_server_wrote_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("roles.toml");
        for text in [
            "version = 2\n",
            "version = 1\nroles = []\n",
            "version = 1\n[[role]]\nname = \"a.b\"\n",
            "version = 1\n[[role]]\nname = \"a\"\n[[role]]\nname = \"a\"\n",
        ] {
            std::fs::write(&path, text).expect("writes");
            assert!(matches!(RoleBook::open(&path), Err(RoleError::Content { .. })), "{text}");
        }
    }
}
