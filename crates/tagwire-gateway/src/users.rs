//! The list of users, as the control socket and the command change it.

use serde_json::json;
use tagwire_access::{Actor, Users, UsersError, What};

use crate::audit::{Recorder, offline};
use crate::config::Config;
use crate::control::{Answer, Request};

/// Carries out a command about users on the file itself; only while no server runs.
pub fn carry_out_on_file(config: &Config, request: &Request, uid: Option<u32>) -> Answer {
    let users = match Users::open(config.resolve(&config.access.users)) {
        Ok(users) => users,
        Err(error) => return refused(&error),
    };
    match request {
        Request::UserList {} => list(&users),
        _ => {
            let known = |role: &str| config.access.policy.role(role).is_some();
            offline(config, |recorder| carry_out(&users, request, recorder, Actor::command(uid), known))
        }
    }
}

/// Carries out a command about users.
pub(crate) fn carry_out(
    users: &Users,
    request: &Request,
    recorder: &Recorder,
    by: Actor,
    is_role: impl Fn(&str) -> bool,
) -> Answer {
    if let Request::UserAdd { roles, .. } = request
        && let Some(unknown) = roles.iter().find(|role| *role != "admin" && !is_role(role))
    {
        let fix = "the roles are observer, operator, engineer, supervisor, configure-admin, security-admin, admin, and those of [[access.role]]";
        return Answer::refused(format!("there is no role \"{unknown}\""), fix);
    }
    let (name, what, result) = match request {
        Request::UserAdd { name, password, roles } => {
            let known = users.list().iter().any(|user| user.name == *name);
            if known {
                let result = users.set_roles(name, roles).and_then(|()| users.set_password(name, password));
                (name, What::UserChanged, result)
            } else {
                (name, What::UserAdded, users.add(name, roles, password))
            }
        }
        Request::UserRemove { name } => (name, What::UserRemoved, users.remove(name)),
        Request::UserList {} => return list(users),
        _ => return Answer::refused("this command is not about users", ""),
    };
    let mut details = vec![("target", name.clone())];
    if let Request::UserAdd { roles, .. } = request {
        details.push(("roles", roles.join(", ")));
    }
    details.push(("result", result.as_ref().map_or_else(ToString::to_string, |()| "done".to_owned())));
    recorder.record(what, by, details);
    match result {
        Ok(()) => Answer::good(json!({ "ok": true })),
        Err(error) => refused(&error),
    }
}

fn list(users: &Users) -> Answer {
    let list: Vec<_> = users
        .list()
        .into_iter()
        .map(|user| json!({ "name": user.name, "roles": user.roles, "disabled": user.disabled }))
        .collect();
    Answer::good(json!({ "users": list }))
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
