//! The users of one installation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use thiserror::Error;

use crate::Policy;
use crate::file::{self, FileError, Readers};
use crate::password::{PasswordError, StoredHash};
use crate::role::RoleSet;
use crate::users_file::{self, Given};

/// Largest users file read, in bytes.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// A problem with the users file, or with a change to it.
#[derive(Debug, Error)]
pub enum UsersError {
    /// The text is wrong; nothing of it was taken.
    #[error("{}:{line}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    Access(#[from] FileError),
    /// The password cannot be used.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// No user has this name.
    #[error("user \"{0}\" does not exist")]
    Unknown(String),
    /// A user has this name already.
    #[error("user \"{0}\" exists already")]
    Exists(String),
    /// The name or a role of a new user is wrong.
    #[error("{0}")]
    Invalid(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredUser {
    pub(crate) roles: RoleSet,
    /// Names of roles that the configuration or a client may have made.
    pub(crate) own_roles: Vec<String>,
    pub(crate) hash: StoredHash,
    pub(crate) disabled: bool,
}

impl StoredUser {
    fn held(&self, policy: &Policy) -> RoleSet {
        self.roles.union(policy.roles_named(self.own_roles.iter().map(String::as_str)))
    }
}

/// A user as listed; the hash stays inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserEntry {
    /// The name, as typed at login.
    pub name: String,
    /// The roles by name, `admin` for all of them.
    pub roles: Vec<String>,
    /// Whether logins are refused for now.
    pub disabled: bool,
}

/// The users file: read whole, changed by replacing it. Readers never wait for a change.
#[derive(Debug)]
pub struct Users {
    path: PathBuf,
    users: ArcSwap<BTreeMap<String, StoredUser>>,
    change: Mutex<()>,
}

impl Users {
    /// Reads the file; without one there are no users, and the first change makes it.
    ///
    /// # Errors
    /// [`UsersError::File`] with the line of the first mistake, [`UsersError::Access`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, UsersError> {
        let path = path.into();
        let users = read(&path)?;
        Ok(Self { path, users: ArcSwap::from_pointee(users), change: Mutex::new(()) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file again, for users changed by another process or by hand; after an error the former users stay.
    /// Returns the names of users who are gone, or whose roles, password or right to log in changed.
    ///
    /// # Errors
    /// As [`Users::open`].
    pub fn reload(&self) -> Result<Vec<String>, UsersError> {
        let _change = self.change.lock();
        let new = read(&self.path)?;
        let old = self.users.load_full();
        let changed = old.iter().filter(|(name, user)| new.get(*name) != Some(*user));
        let changed = changed.map(|(name, _)| name.clone()).collect();
        self.users.store(Arc::new(new));
        Ok(changed)
    }

    /// The users, by name.
    pub fn list(&self) -> Vec<UserEntry> {
        let users = self.users.load();
        let entry = |(name, user): (&String, &StoredUser)| UserEntry {
            name: name.clone(),
            roles: users_file::role_names(user).into_iter().map(str::to_owned).collect(),
            disabled: user.disabled,
        };
        users.iter().map(entry).collect()
    }

    /// Whether there is any user.
    pub fn is_empty(&self) -> bool {
        self.users.load().is_empty()
    }

    /// The roles of a user who may log in, as the policy knows them; sessions ask again after [`Users::reload`] or a
    /// change.
    pub fn roles_of(&self, name: &str, policy: &Policy) -> Option<RoleSet> {
        let users = self.users.load();
        users.get(name).filter(|user| !user.disabled).map(|user| user.held(policy))
    }

    /// The users with roles that nobody knows, each with the name of such a role.
    pub fn unknown_roles(&self, is_known: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let users = self.users.load();
        let roles = users.iter().flat_map(|(name, user)| user.own_roles.iter().map(move |role| (name, role)));
        let unknown = roles.filter(|(_, role)| !is_known(role));
        unknown.map(|(name, role)| (name.clone(), role.clone())).collect()
    }

    /// Adds a user.
    ///
    /// # Errors
    /// [`UsersError`] when the name is taken or wrong, a role is unknown, or the file cannot be written.
    pub fn add<S: AsRef<str>>(&self, name: &str, roles: &[S], password: &str) -> Result<(), UsersError> {
        users_file::check_name(name).map_err(UsersError::Invalid)?;
        let Given { roles, own_roles } = users_file::parse_roles(roles).map_err(UsersError::Invalid)?;
        let hash = StoredHash::of(password)?;
        self.alter(|users| {
            if users.contains_key(name) {
                return Err(UsersError::Exists(name.to_owned()));
            }
            users.insert(name.to_owned(), StoredUser { roles, own_roles, hash, disabled: false });
            Ok(())
        })
    }

    /// Removes a user.
    ///
    /// # Errors
    /// [`UsersError::Unknown`], [`UsersError::Access`].
    pub fn remove(&self, name: &str) -> Result<(), UsersError> {
        self.alter(|users| users.remove(name).map(|_| ()).ok_or_else(|| UsersError::Unknown(name.to_owned())))
    }

    /// Sets a user's password.
    ///
    /// # Errors
    /// [`UsersError::Unknown`], [`UsersError::Password`], [`UsersError::Access`].
    pub fn set_password(&self, name: &str, password: &str) -> Result<(), UsersError> {
        let hash = StoredHash::of(password)?;
        self.alter_user(name, |user| user.hash = hash)
    }

    /// Sets a user's roles.
    ///
    /// # Errors
    /// [`UsersError::Unknown`], [`UsersError::Invalid`], [`UsersError::Access`].
    pub fn set_roles<S: AsRef<str>>(&self, name: &str, roles: &[S]) -> Result<(), UsersError> {
        let Given { roles, own_roles } = users_file::parse_roles(roles).map_err(UsersError::Invalid)?;
        self.alter_user(name, |user| {
            user.roles = roles;
            user.own_roles = own_roles;
        })
    }

    /// Refuses or admits a user's logins.
    ///
    /// # Errors
    /// [`UsersError::Unknown`], [`UsersError::Access`].
    pub fn set_disabled(&self, name: &str, disabled: bool) -> Result<(), UsersError> {
        self.alter_user(name, |user| user.disabled = disabled)
    }

    pub(crate) fn hash_of(&self, name: &str, policy: &Policy) -> Option<(StoredHash, RoleSet)> {
        let users = self.users.load();
        users.get(name).filter(|user| !user.disabled).map(|user| (user.hash.clone(), user.held(policy)))
    }

    /// The hash of any user, for its costs.
    pub(crate) fn any_hash(&self) -> Option<StoredHash> {
        self.users.load().values().next().map(|user| user.hash.clone())
    }

    fn alter_user(&self, name: &str, alter: impl FnOnce(&mut StoredUser)) -> Result<(), UsersError> {
        self.alter(|users| match users.get_mut(name) {
            Some(user) => {
                alter(user);
                Ok(())
            }
            None => Err(UsersError::Unknown(name.to_owned())),
        })
    }

    fn alter(
        &self,
        alter: impl FnOnce(&mut BTreeMap<String, StoredUser>) -> Result<(), UsersError>,
    ) -> Result<(), UsersError> {
        let _change = self.change.lock();
        let mut users = read(&self.path)?;
        alter(&mut users)?;
        file::replace(&self.path, users_file::print(&users).as_bytes(), Readers::Owner)?;
        self.users.store(Arc::new(users));
        Ok(())
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, StoredUser>, UsersError> {
    let Some(bytes) = file::read(path, MAX_FILE_BYTES)? else { return Ok(BTreeMap::new()) };
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        UsersError::File { path: path.to_owned(), line, problem: "not UTF-8 text".to_owned() }
    })?;
    users_file::parse(path, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_added_changed_and_removed_in_the_file() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("users.toml");
        let users = Users::open(&path).expect("opens");
        assert!(users.is_empty());
        users.add("anna", &["operator"], "secret").expect("adds");
        users.add("bob", &["admin"], "other").expect("adds");
        assert!(matches!(users.add("anna", &["operator"], "x"), Err(UsersError::Exists(_))));
        assert!(matches!(users.add("carl", &["king.of.all"], "x"), Err(UsersError::Invalid(_))));
        assert!(matches!(users.remove("carl"), Err(UsersError::Unknown(_))));
        users.set_roles("anna", &["observer"]).expect("sets");
        users.set_disabled("bob", true).expect("sets");

        let again = Users::open(&path).expect("opens again");
        assert_eq!(again.list(), users.list());
        assert_eq!(again.list()[0].roles, ["observer"]);
        let mut policy = Policy::new(crate::Anonymous::None);
        assert_eq!(again.roles_of("bob", &policy), None, "a disabled user holds no role");
        users.set_roles("anna", &["observer", "panel"]).expect("sets");
        assert_eq!(users.unknown_roles(|role| policy.role(role).is_some()), [("anna".to_owned(), "panel".to_owned())]);
        let panel = policy.add_role("panel").expect("free");
        assert!(users.roles_of("anna", &policy).expect("known").contains(panel));
        users.set_roles("anna", &["observer"]).expect("sets");
        again.remove("anna").expect("removes");
        assert_eq!(users.list().len(), 2);
        assert_eq!(users.reload().expect("reloads"), ["anna"]);
        assert!(users.reload().expect("reloads").is_empty());
        assert_eq!(users.list().len(), 1);
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(!text.contains("secret") && !text.contains("other"), "{text}");
    }

    #[test]
    fn a_broken_file_keeps_the_former_users() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("users.toml");
        let users = Users::open(&path).expect("opens");
        users.add("anna", &["operator"], "secret").expect("adds");
        std::fs::write(&path, b"version = 1\n\xFF").expect("writes");
        let error = users.reload().expect_err("broken").to_string();
        assert!(error.ends_with("users.toml:2: not UTF-8 text"), "{error}");
        assert_eq!(users.list().len(), 1);
        assert!(users.add("bob", &["admin"], "x").is_err(), "a broken file is not overwritten");
    }
}
