//! The list of users, as the control socket and the command change it.

use std::path::Path;

use serde_json::json;
use tagwire_access::{Users, UsersError};

use crate::control::{Answer, Request};

/// Carries out a command about users on the file itself; only while no server runs.
pub fn carry_out_on_file(path: &Path, request: &Request) -> Answer {
    match Users::open(path) {
        Ok(users) => carry_out(&users, request),
        Err(error) => refused(&error),
    }
}

/// Carries out a command about users.
pub(crate) fn carry_out(users: &Users, request: &Request) -> Answer {
    let result = match request {
        Request::UserAdd { name, password, roles } => {
            let known = users.list().iter().any(|user| user.name == *name);
            if known {
                users.set_roles(name, roles).and_then(|()| users.set_password(name, password))
            } else {
                users.add(name, roles, password)
            }
        }
        Request::UserRemove { name } => users.remove(name),
        Request::UserList {} => {
            let list: Vec<_> = users
                .list()
                .into_iter()
                .map(|user| json!({ "name": user.name, "roles": user.roles, "disabled": user.disabled }))
                .collect();
            return Answer::good(json!({ "users": list }));
        }
        _ => return Answer::refused("this command is not about users", ""),
    };
    match result {
        Ok(()) => Answer::good(json!({ "ok": true })),
        Err(error) => refused(&error),
    }
}

fn refused(error: &UsersError) -> Answer {
    let fix = match error {
        UsersError::Unknown(_) => "tagwire user list shows the users",
        UsersError::Password(_) => "choose another password",
        UsersError::File { .. } => "mend the file, or remove the line and add the user again",
        _ => "",
    };
    Answer::refused(error.to_string(), fix)
}
