//! The text form of the users file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::managed::is_role_name;
use crate::password::StoredHash;
use crate::role::{Role, RoleSet};
use crate::users::{StoredUser, UsersError};

/// The name that stands for all roles of an administrator.
const ADMIN: &str = "admin";

const HEADER: &str = "# Users of tagwire: change them with the command \"tagwire user\".\n\
                      # A password is stored as its Argon2id hash.\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    version: Spanned<u32>,
    #[serde(default)]
    user: Vec<UserText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserText {
    name: Spanned<String>,
    roles: Spanned<Vec<String>>,
    password: Spanned<String>,
    #[serde(default)]
    disabled: bool,
}

/// Reads the text of a users file; `path` is for messages only.
pub(crate) fn parse(path: &Path, text: &str) -> Result<BTreeMap<String, StoredUser>, UsersError> {
    let line_at = |offset: usize| text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1;
    let error =
        |offset: usize, problem: String| UsersError::File { path: path.to_owned(), line: line_at(offset), problem };
    let file: FileText = toml::from_str(text)
        .map_err(|parse| error(parse.span().map_or(0, |span| span.start), parse.message().trim().to_owned()))?;
    if *file.version.get_ref() != 1 {
        return Err(error(file.version.span().start, format!("version {} is not known", file.version.get_ref())));
    }
    let mut users = BTreeMap::new();
    for user in file.user {
        let name = user.name.get_ref();
        check_name(name).map_err(|problem| error(user.name.span().start, problem))?;
        let Given { roles, own_roles } =
            parse_roles(user.roles.get_ref()).map_err(|problem| error(user.roles.span().start, problem))?;
        let hash = StoredHash::parse(user.password.get_ref())
            .map_err(|problem| error(user.password.span().start, format!("password of \"{name}\": {problem}")))?;
        let stored = StoredUser { roles, own_roles, hash, disabled: user.disabled };
        if users.insert(name.clone(), stored).is_some() {
            return Err(error(user.name.span().start, format!("user \"{name}\" is listed twice")));
        }
    }
    Ok(users)
}

/// Writes the text of a users file.
pub(crate) fn print(users: &BTreeMap<String, StoredUser>) -> String {
    let mut text = format!("{HEADER}version = 1\n");
    for (name, user) in users {
        let roles: Vec<String> = role_names(user).into_iter().map(|role| format!("\"{role}\"")).collect();
        let name = toml::Value::String(name.clone());
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n[[user]]\nname = {name}\nroles = [{}]\npassword = \"{}\"\n",
            roles.join(", "),
            user.hash.as_str()
        );
        if user.disabled {
            text.push_str("disabled = true\n");
        }
    }
    text
}

/// The roles of a user: well-known ones, and names of others.
pub(crate) struct Given {
    pub(crate) roles: RoleSet,
    pub(crate) own_roles: Vec<String>,
}

/// The roles with these names; `admin` stands for all of a person's. A role of the plant's own counts when the
/// configuration has it, which may change while the file stays.
pub(crate) fn parse_roles<S: AsRef<str>>(names: &[S]) -> Result<Given, String> {
    let (mut roles, mut own_roles) = (RoleSet::NONE, Vec::new());
    for name in names.iter().map(AsRef::as_ref) {
        let role = match (name, Role::from_well_known_name(name)) {
            (ADMIN, _) => RoleSet::ADMIN,
            (_, Some(role)) if role != Role::ANONYMOUS && role != Role::AUTHENTICATED => RoleSet::of(&[role]),
            (_, None) if is_role_name(name) && Role::well_known_for(name).is_none() => {
                if !own_roles.iter().any(|own| own == name) {
                    own_roles.push(name.to_owned());
                }
                continue;
            }
            _ => {
                return Err(format!(
                    "role \"{name}\" is not one of observer, operator, engineer, supervisor, configure-admin, \
                     security-admin, admin, and no name for a role of the configuration"
                ));
            }
        };
        roles = roles.union(role);
    }
    if roles.is_empty() && own_roles.is_empty() {
        return Err("no role".to_owned());
    }
    Ok(Given { roles, own_roles })
}

/// The names of a user's roles, shortest form.
pub(crate) fn role_names(user: &StoredUser) -> Vec<&str> {
    let well_known = match user.roles {
        RoleSet::ADMIN => vec![ADMIN],
        roles => roles.iter().filter_map(Role::well_known_name).collect(),
    };
    well_known.into_iter().chain(user.own_roles.iter().map(String::as_str)).collect()
}

/// Checks a user name: 1 to 128 bytes, without control characters and without blanks at its ends.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let fits = !name.is_empty() && name.len() <= 128 && name.trim() == name && !name.chars().any(char::is_control);
    if fits {
        Ok(())
    } else {
        Err(format!("user name {name:?} is empty, too long or holds blanks or control characters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21l$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";

    #[test]
    fn prints_what_it_parses() {
        let text = format!(
            "version = 1\n[[user]]\nname = \"a \\\"q\\\"\"\nroles = [\"night-shift\", \"operator\", \"supervisor\"]\npassword = \"{HASH}\"\n\
             [[user]]\nname = \"b\"\nroles = [\"admin\"]\npassword = \"{HASH}\"\ndisabled = true\n"
        );
        let users = parse(Path::new("users.toml"), &text).expect("parses");
        assert_eq!(role_names(&users["b"]), ["admin"]);
        assert_eq!(role_names(&users["a \"q\""]), ["operator", "supervisor", "night-shift"]);
        assert!(users["b"].disabled);
        assert_eq!(parse(Path::new("users.toml"), &print(&users)).expect("parses again"), users);
    }

    #[test]
    fn names_the_line_of_each_mistake() {
        let user = |name: &str, roles: &str, password: &str| {
            format!("version = 1\n\n[[user]]\nname = \"{name}\"\nroles = [{roles}]\npassword = \"{password}\"\n")
        };
        for (text, line, part) in [
            (String::new(), 1, "version"),
            ("version = 2\n".to_owned(), 1, "version 2 is not known"),
            ("version = 1\n[[user]\n".to_owned(), 2, ""),
            ("version = 1\nusers = []\n".to_owned(), 2, "unknown field `users`"),
            (user("", "\"observer\"", HASH), 4, "user name \"\""),
            (user("a\\u0007", "\"observer\"", HASH), 4, "control"),
            (user("a", "\"the.boss\"", HASH), 5, "role \"the.boss\""),
            (user("a", "\"Operator\"", HASH), 5, "role \"Operator\""),
            (user("a", "\"anonymous\"", HASH), 5, "role \"anonymous\""),
            (user("a", "", HASH), 5, "no role"),
            (user("a", "\"observer\"", "secret"), 6, "password of \"a\": not an argon2id hash"),
            (
                user("a", "\"observer\"", HASH) + "[[user]]\nname=\"a\"\nroles=[\"admin\"]\npassword=\"" + HASH + "\"",
                8,
                "twice",
            ),
            (user("a", "\"observer\"", HASH) + "[[user]]\nname=\"b\"\n", 7, "missing field `roles`"),
        ] {
            let error = parse(Path::new("users.toml"), &text).expect_err(&text).to_string();
            assert!(error.starts_with(&format!("users.toml:{line}: ")), "{error}, line {line} expected for\n{text}");
            assert!(error.contains(part), "{error} / {part}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
