//! Who may do what: roles besides those of the users file, and rules for parts of the tag tree.

use std::path::{Path, PathBuf};

use tagwire_access::{
    Anonymous as AccessOf, ChannelSecurity, Issuer, KeySet, Mapping, Operation, OperationSet, Policy, Role, Rule,
};
use tagwire_driver::{KeyKind, Setting};
use toml::de::DeTable;

use super::beside;
use super::files::Files;
use super::key::{DriverKeys, Known, Presence, Shape, section};
use super::link::Nested;
use super::problem::Complaint;
use super::sections::{Anonymous, choices};
use super::tables;
use super::walk::{Field, Plain, Walk};
use super::words::suggest;

section! {
    /// Who may log in and do what.
    pub struct AccessKeys {
        /// File of users and password hashes, written by `tagwire user add`.
        /// A relative path starts at the folder of this file.
        pub users: PathBuf = Shape::One(KeyKind::Text), Presence::Default("users.toml");
        /// Who holds a role besides those to whom the users file gives it; an unknown name makes a role of its own.
        pub role: Option<Nested> = Shape::Tables(RoleKeys::KEYS, DriverKeys::None), Presence::Optional;
        /// An identity provider whose tokens (JWT) log users in.
        pub issuer: Option<Nested> = Shape::Tables(IssuerKeys::KEYS, DriverKeys::None), Presence::Optional;
        /// What roles may do in a part of the tag tree. Of several rules that cover a tag the first one counts; where none does, each role may do what the page on security lists.
        pub rule: Option<Nested> = Shape::Tables(RuleKeys::KEYS, DriverKeys::None), Presence::Optional;
    }
}

section! {
    /// One role and who holds it.
    pub struct RoleKeys {
        /// `observer`, `operator`, `engineer`, `supervisor`, `configure-admin` or `security-admin`, or a name of your own.
        pub name: String = Shape::One(KeyKind::Text), Presence::Required;
        /// Users who hold the role.
        pub users: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// User certificates whose holders have the role: the SHA-256 fingerprint in hexadecimal digits, or the subject as `tagwire trust list` shows it.
        pub certificates: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// URIs of applications; when there are any, only sessions of these applications hold the role, whoever gave it.
        pub applications: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
    }
}

section! {
    /// An identity provider whose tokens log users in.
    pub struct IssuerKeys {
        /// The provider, exactly as its tokens have it in `iss`.
        pub url: String = Shape::One(KeyKind::Text), Presence::Required;
        /// What tokens for this server have in `aud`.
        pub audience: String = Shape::One(KeyKind::Text), Presence::Required;
        /// File with the provider's public keys, a JSON Web Key Set.
        /// A relative path starts at the folder of this file.
        pub keys: PathBuf = Shape::One(KeyKind::Text), Presence::Required;
        /// The claim that names the user; dots lead into objects.
        pub name_claim: String = Shape::One(KeyKind::Text), Presence::Default("sub");
        /// The claim with the names of the user's roles, a list or text with blanks between; dots lead into objects.
        pub roles_claim: String = Shape::One(KeyKind::Text), Presence::Default("roles");
    }
}

section! {
    /// What roles may do in a part of the tag tree; a role that is not named here may do nothing there.
    pub struct RuleKeys {
        /// Path of a link, device, group or tag, or several of them, with everything below; `*` stands for any text and `?` for one character.
        pub path: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Required;
        /// Roles that see the tags without reading them.
        pub browse: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// Roles that read: values, history and events.
        pub read: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// Roles that write values.
        pub write: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// Roles that call methods.
        pub call: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// Roles that acknowledge alarms.
        pub acknowledge: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// Roles that correct history and descriptions.
        pub correct: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// The least protection of a channel through which these tags are used: `none`, `signed` or `encrypted`.
        pub channel: Channel = Shape::One(KeyKind::Choice(&["none", "signed", "encrypted"])), Presence::Default("none");
    }
}

choices! {
    /// How well a channel must be protected.
    Channel {
        /// Not at all.
        None = "none",
        /// Signed.
        Signed = "signed",
        /// Signed and encrypted.
        Encrypted = "encrypted",
    }
}

/// Who may log in and do what, after the checks.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// The file of users.
    pub users: PathBuf,
    /// Roles and rules.
    pub policy: Policy,
}

const SEE: &[Operation] = &[Operation::Browse];
const READ: &[Operation] = &[Operation::Browse, Operation::Read, Operation::HistoryRead, Operation::ReceiveEvents];
const WRITE: &[Operation] = &[Operation::Browse, Operation::Write];
const CALL: &[Operation] = &[Operation::Browse, Operation::Call];
const ACKNOWLEDGE: &[Operation] = &[Operation::Browse, Operation::Acknowledge];
const CORRECT: &[Operation] = &[
    Operation::Browse,
    Operation::WriteAttribute,
    Operation::HistoryInsert,
    Operation::HistoryModify,
    Operation::HistoryDelete,
];

/// Reads `[access]` with its roles and rules.
pub(crate) fn read(
    walk: &mut Walk<'_>,
    table: &DeTable<'_>,
    line: u32,
    anonymous: Anonymous,
    files: &dyn Files,
    path: &Path,
) -> Access {
    let mut checked = walk.check("[access]".to_owned(), table, line, Known::own(AccessKeys::KEYS));
    let mut policy = Policy::new(match anonymous {
        Anonymous::None => AccessOf::None,
        Anonymous::Read => AccessOf::Read,
        Anonymous::Write => AccessOf::Write,
    });
    let roles = checked.take_plain("role");
    let rules = checked.take_plain("rule");
    let issuers = checked.take_plain("issuer");
    let keys = AccessKeys::take(&mut checked, &mut walk.report());
    for (table, line) in tables(roles) {
        read_role(walk, table, line, &mut policy);
    }
    for (table, line) in tables(rules) {
        read_rule(walk, table, line, &mut policy);
    }
    for (table, line) in tables(issuers) {
        read_issuer(walk, table, line, &mut policy, |keys| files.read(&beside(path, keys)));
    }
    Access { users: keys.users, policy }
}

fn read_role(walk: &mut Walk<'_>, table: &DeTable<'_>, line: u32, policy: &mut Policy) {
    let name = table.get("name").and_then(|value| value.get_ref().as_str()).unwrap_or_default();
    let subject = format!("role {name}");
    let mut checked = walk.check(subject.clone(), table, line, Known::own(RoleKeys::KEYS));
    let name_line = checked.line_of("name");
    let RoleKeys { name, users, certificates, applications } = RoleKeys::take(&mut checked, &mut walk.report());
    let mut refuse = |problem: String, fix: &str| {
        walk.report().complain(name_line, &subject, Complaint::new(problem, fix));
    };
    let role = match policy.role(&name) {
        Some(role) if role == Role::ANONYMOUS || role == Role::AUTHENTICATED => {
            return refuse(format!("nobody can be given the role \"{name}\""), "name another role");
        }
        Some(role) => role,
        None if !is_role_name(&name) => {
            let fix = "write 1 to 64 small letters, digits, - or _";
            return refuse(format!("\"{name}\" is no name for a role"), fix);
        }
        None => match policy.add_role(&name) {
            Ok(role) => role,
            Err(error) => return refuse(error.to_string(), "use one role for several purposes"),
        },
    };
    policy.add_mapping(Mapping { role, users, certificates, applications });
}

fn read_issuer(
    walk: &mut Walk<'_>,
    table: &DeTable<'_>,
    line: u32,
    policy: &mut Policy,
    read: impl Fn(&Path) -> std::io::Result<Vec<u8>>,
) {
    let url = table.get("url").and_then(|value| value.get_ref().as_str()).unwrap_or_default();
    let subject = format!("issuer {url}");
    let mut checked = walk.check(subject.clone(), table, line, Known::own(IssuerKeys::KEYS));
    let (has_keys, keys_line) = (checked.has("keys"), checked.line_of("keys"));
    let keys = IssuerKeys::take(&mut checked, &mut walk.report());
    if !has_keys {
        return;
    }
    let shown = keys.keys.display();
    let set = match read(&keys.keys) {
        Ok(bytes) => KeySet::parse(&String::from_utf8_lossy(&bytes)).map_err(|error| format!("{shown} is {error}")),
        Err(error) => Err(format!("cannot read {shown}: {error}")),
    };
    match set {
        Ok(set) => policy.add_issuer(Issuer {
            url: keys.url,
            audience: keys.audience,
            keys: set,
            name_claim: keys.name_claim,
            roles_claim: keys.roles_claim,
        }),
        Err(problem) => {
            let fix = "save what the provider offers as \"jwks_uri\" in this file";
            walk.report().complain(keys_line, &subject, Complaint::new(problem, fix));
        }
    }
}

fn is_role_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&name.len()) && name != "admin" && name.bytes().all(is_plain)
}

fn read_rule(walk: &mut Walk<'_>, table: &DeTable<'_>, line: u32, policy: &mut Policy) {
    let subject = match table.get("path").map(|value| value.get_ref()) {
        Some(toml::de::DeValue::String(path)) if !path.is_empty() => format!("rule {path}"),
        _ => "rule".to_owned(),
    };
    let mut checked = walk.check(subject.clone(), table, line, Known::own(RuleKeys::KEYS));
    let lines = ["browse", "read", "write", "call", "acknowledge", "correct"].map(|key| checked.line_of(key));
    let (has_path, path_line) = (checked.has("path"), checked.line_of("path"));
    let keys = RuleKeys::take(&mut checked, &mut walk.report());
    let lists = [&keys.browse, &keys.read, &keys.write, &keys.call, &keys.acknowledge, &keys.correct];
    let mut grants: Vec<(Role, OperationSet)> = Vec::new();
    for ((names, operations), line) in lists.into_iter().zip([SEE, READ, WRITE, CALL, ACKNOWLEDGE, CORRECT]).zip(lines)
    {
        for name in names {
            match policy.role(name) {
                Some(role) => grants.push((role, OperationSet::of(operations))),
                None => {
                    let known: Vec<&str> = policy.roles().filter_map(|role| policy.role_name(role)).collect();
                    let complaint = Complaint::new(format!("no role is named \"{name}\""), suggest(name, &known));
                    walk.report().complain(line, &subject, complaint);
                }
            }
        }
    }
    if has_path && (keys.path.is_empty() || keys.path.iter().any(|path| path.trim().is_empty())) {
        let complaint =
            Complaint::new("an empty path covers nothing", "write path = \"line1.press\", or \"*\" for all tags");
        walk.report().complain(path_line, &subject, complaint);
    }
    let channel = match keys.channel {
        Channel::None => ChannelSecurity::None,
        Channel::Signed => ChannelSecurity::Signed,
        Channel::Encrypted => ChannelSecurity::Encrypted,
    };
    if let Err(error) = policy.add_rule(Rule { patterns: keys.path, grants, channel }) {
        walk.report().complain(line, &subject, Complaint::new(error.to_string(), "join rules with a list of paths"));
    }
}
