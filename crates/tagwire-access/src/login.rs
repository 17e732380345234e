//! Password checks that answer only yes or no, and never more than a few at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use thiserror::Error;

use crate::password::StoredHash;
use crate::principal::{Identity, Origin, Peer, Principal};
use crate::role::RoleSet;
use crate::{Policy, Users};

/// Why a login was refused; the peer learns nothing beyond the variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LoginRefused {
    /// Unknown user, wrong password, or a user who may not log in: one answer for all.
    #[error("user name or password is wrong")]
    Credentials,
    /// Too many logins are being checked.
    #[error("too many logins at the same time")]
    Busy,
    /// Anonymous peers are not admitted.
    #[error("anonymous access is off")]
    Anonymous,
}

/// Checks logins against the users file.
///
/// One check costs about 19 MiB and some 20 ms of a core, so only [`Login::MAX_CHECKS`] run at once and
/// [`Login::MAX_WAITING`] wait; an async caller runs [`Login::user`] on a blocking thread.
#[derive(Debug)]
pub struct Login {
    users: Arc<Users>,
    /// Hash of a password nobody knows, checked in place of an unknown user's.
    decoy: StoredHash,
    turn: Mutex<Turn>,
    free: Condvar,
}

#[derive(Debug, Default)]
struct Turn {
    running: usize,
    waiting: usize,
}

impl Login {
    /// Checks that run at the same time.
    pub const MAX_CHECKS: usize = 2;
    /// Logins that wait for one; further ones are refused as busy.
    pub const MAX_WAITING: usize = 64;
    /// Longest wait for a check.
    pub const MAX_WAIT: Duration = Duration::from_secs(10);

    /// Checks against `users`; takes the time of one hash.
    ///
    /// # Errors
    /// [`crate::PasswordError::Hashing`] when the machine cannot hash, as for lack of memory.
    pub fn new(users: Arc<Users>) -> Result<Self, crate::PasswordError> {
        let decoy = StoredHash::of("nobody holds this password")?;
        Ok(Self { users, decoy, turn: Mutex::default(), free: Condvar::new() })
    }

    /// The users checked against.
    pub const fn users(&self) -> &Arc<Users> {
        &self.users
    }

    /// The principal of a peer without credentials, who came the way that `way` tells.
    ///
    /// # Errors
    /// [`LoginRefused::Anonymous`].
    pub fn anonymous(&self, policy: &Policy, way: Peer<'_>, origin: Origin) -> Result<Principal, LoginRefused> {
        if !policy.admits_anonymous() {
            return Err(LoginRefused::Anonymous);
        }
        Ok(policy.principal(Peer { identity: Identity::Anonymous, ..way }, RoleSet::NONE, origin))
    }

    /// The principal of a user who came the way that `way` tells; blocks the thread for one hash, and for the wait before it.
    ///
    /// # Errors
    /// [`LoginRefused::Credentials`] after the time of one hash, whatever was wrong; [`LoginRefused::Busy`].
    pub fn user(
        &self,
        policy: &Policy,
        name: &str,
        password: &str,
        way: Peer<'_>,
        origin: Origin,
    ) -> Result<Principal, LoginRefused> {
        let _ticket = self.take_turn()?;
        let found = self.users.hash_of(name, policy);
        // A decoy with the costs of a stored hash: the password behind any_hash must not open this door, so its
        // answer is dropped.
        let matches = match &found {
            Some((hash, _)) => hash.matches(password),
            None => {
                let _ = self.users.any_hash().unwrap_or_else(|| self.decoy.clone()).matches(password);
                false
            }
        };
        match found {
            Some((_, roles)) if matches => {
                let identity = Identity::User(name.into());
                Ok(policy.principal(Peer { identity, ..way }, roles, origin))
            }
            _ => Err(LoginRefused::Credentials),
        }
    }

    /// Refuses a login whose credentials could not even be read, in the time of a wrong password.
    ///
    /// # Errors
    /// Always: [`LoginRefused::Credentials`], [`LoginRefused::Busy`].
    pub fn unreadable(&self) -> Result<Principal, LoginRefused> {
        let _ticket = self.take_turn()?;
        let _ = self.users.any_hash().unwrap_or_else(|| self.decoy.clone()).matches("");
        Err(LoginRefused::Credentials)
    }

    fn take_turn(&self) -> Result<Ticket<'_>, LoginRefused> {
        let deadline = Instant::now() + Self::MAX_WAIT;
        let mut turn = self.turn.lock();
        if turn.running >= Self::MAX_CHECKS {
            if turn.waiting >= Self::MAX_WAITING {
                return Err(LoginRefused::Busy);
            }
            turn.waiting += 1;
            while turn.running >= Self::MAX_CHECKS {
                if self.free.wait_until(&mut turn, deadline).timed_out() && turn.running >= Self::MAX_CHECKS {
                    turn.waiting -= 1;
                    return Err(LoginRefused::Busy);
                }
            }
            turn.waiting -= 1;
        }
        turn.running += 1;
        Ok(Ticket { login: self })
    }
}

struct Ticket<'a> {
    login: &'a Login,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.login.turn.lock().running -= 1;
        self.login.free.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Anonymous, ChannelSecurity, Face, Operation};

    fn fixture() -> (tempfile::TempDir, Login, Policy, Origin) {
        let folder = tempfile::tempdir().expect("folder");
        let users = Users::open(folder.path().join("users.toml")).expect("opens");
        users.add("anna", &["operator"], "secret").expect("adds");
        users.add("bob", &["admin"], "secret2").expect("adds");
        users.set_disabled("bob", true).expect("sets");
        let login = Login::new(Arc::new(users)).expect("makes");
        let origin = Origin { face: Face::Ua, peer: None, security: ChannelSecurity::Encrypted };
        (folder, login, Policy::new(Anonymous::None), origin)
    }

    #[test]
    fn the_right_password_gives_the_roles_of_the_file() {
        let (_folder, login, policy, origin) = fixture();
        let anna = login.user(&policy, "anna", "secret", Peer::anonymous(), origin).expect("logs in");
        assert_eq!(anna.identity().to_string(), "anna");
        assert!(anna.may(Operation::Write) && !anna.may(Operation::Configure));
        assert_eq!(login.anonymous(&policy, Peer::anonymous(), origin).expect_err("off"), LoginRefused::Anonymous);
    }

    #[test]
    fn every_wrong_login_gets_the_same_answer_in_the_same_time() {
        let (_folder, login, policy, origin) = fixture();
        let long = "x".repeat(5_000);
        let cases = [
            ("anna", "wrong"),
            ("anna", ""),
            ("nobody", "secret"),
            ("nobody", ""),
            ("bob", "secret2"),
            ("anna", &long),
        ];
        // The fastest of several tries stands for the work done; a busy machine needs more of them.
        let mut best = [Duration::MAX; 6];
        let is_even = |best: &[Duration; 6]| {
            let [slowest, fastest] =
                [best.iter().max(), best.iter().min()].map(|time| time.expect("some").as_secs_f64());
            slowest < fastest * 1.5
        };
        for round in 0..100 {
            for (case, best) in cases.iter().zip(&mut best) {
                let start = Instant::now();
                assert_eq!(
                    login.user(&policy, case.0, case.1, Peer::anonymous(), origin).expect_err("wrong"),
                    LoginRefused::Credentials
                );
                *best = (*best).min(start.elapsed());
            }
            if round >= 4 && is_even(&best) {
                break;
            }
        }
        assert!(is_even(&best), "{best:?}");
        let start = Instant::now();
        assert_eq!(login.unreadable().expect_err("wrong"), LoginRefused::Credentials);
        assert!(start.elapsed().as_secs_f64() * 1.5 > best[0].as_secs_f64(), "an unreadable password costs as much");
    }

    #[test]
    fn only_a_few_logins_are_checked_at_once() {
        let (_folder, login, _, _) = fixture();
        let first = login.take_turn().expect("free");
        let second = login.take_turn().expect("free");
        std::thread::scope(|scope| {
            let third = scope.spawn(|| login.take_turn().map(drop));
            while login.turn.lock().waiting == 0 {
                std::thread::yield_now();
            }
            login.turn.lock().waiting = Login::MAX_WAITING;
            assert_eq!(login.take_turn().map(drop).expect_err("full"), LoginRefused::Busy);
            login.turn.lock().waiting = 1;
            drop(first);
            assert_eq!(third.join().expect("runs"), Ok(()));
        });
        drop(second);
        let turn = login.turn.lock();
        assert_eq!((turn.running, turn.waiting), (0, 0));
    }
}
