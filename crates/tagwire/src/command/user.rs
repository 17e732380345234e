//! `tagwire user`: through the running server, or on the file when none runs.

use std::io::{self, Write as _};

use serde_json::{Value, json};
use tagwire_gateway::config::Config;
use tagwire_gateway::control::{Answer, Request};
use tagwire_gateway::data_dir::DataDir;
use tagwire_gateway::users;

use crate::args::{ConfigArgs, PasswordArgs, UserCommand};
use crate::client::given_password;
use crate::command::control::{ask, load, own_uid};
use crate::failure::{Exit, Failure};
use crate::terminal::read_password;

pub(crate) fn run(command: &UserCommand) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match command {
        UserCommand::Add { name, roles, password, config } => {
            let (args, config) = (config, load(&config.config)?);
            let password = new_password(name, password)?;
            let request = Request::UserAdd { name: name.clone(), password, roles: roles.clone() };
            let answer = carry_out(&config, request)?;
            if args.json {
                return Ok(writeln!(out, "{}", answer.answer)?);
            }
            let path = config.resolve(&config.access.users);
            Ok(writeln!(out, "user {name} has the role {} ({})", roles.join(", "), path.display())?)
        }
        UserCommand::List(args) => list(args),
        UserCommand::Remove { name, config } => {
            let (args, config) = (config, load(&config.config)?);
            let answer = carry_out(&config, Request::UserRemove { name: name.clone() })?;
            if args.json {
                return Ok(writeln!(out, "{}", answer.answer)?);
            }
            Ok(writeln!(out, "user {name} is removed")?)
        }
    }
}

fn list(args: &ConfigArgs) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let config = load(&args.config)?;
    let answer = carry_out(&config, Request::UserList {})?;
    if args.json {
        return Ok(writeln!(out, "{}", answer.answer)?);
    }
    let users = answer.answer.get("users").and_then(Value::as_array).cloned().unwrap_or_default();
    if users.is_empty() {
        return Ok(writeln!(
            out,
            "there are no users; add one with: tagwire user add NAME --config {}",
            args.config.display()
        )?);
    }
    for user in users {
        let name = user.get("name").and_then(Value::as_str).unwrap_or_default();
        let roles: Vec<&str> =
            user.get("roles").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let disabled = if user.get("disabled") == Some(&json!(true)) { "  disabled" } else { "" };
        writeln!(out, "{name:20} {}{disabled}", roles.join(", "))?;
    }
    Ok(())
}

/// Asks the server that runs, or works on the file while no server can start.
fn carry_out(config: &Config, request: Request) -> Result<Answer, Failure> {
    match ask(config, &request) {
        Err(failure) if failure.exit == Exit::Connect => {}
        answer => return answer,
    }
    let _held = DataDir::open(&config.data_dir()).map_err(|error| {
        Failure::new(Exit::Failed, error.to_string(), "stop that process, or use its configuration")
    })?;
    let answer = users::carry_out_on_file(config, &request, own_uid());
    if answer.ok { Ok(answer) } else { Err(Failure::new(Exit::Failed, answer.error, answer.fix)) }
}

/// Shortest password taken, in characters.
const MIN_PASSWORD: usize = 8;

fn long_enough(password: String) -> Result<String, Failure> {
    if password.chars().count() >= MIN_PASSWORD {
        return Ok(password);
    }
    let hint = "nothing was changed; choose a longer one";
    Err(Failure::new(Exit::Failed, format!("a password needs at least {MIN_PASSWORD} characters"), hint))
}

fn new_password(name: &str, password: &PasswordArgs) -> Result<String, Failure> {
    if let Some(password) = given_password(password)? {
        return long_enough(password);
    }
    let first = read_password(&format!("password for {name}: "))?;
    let second = read_password("again: ")?;
    if first == second {
        long_enough(first)
    } else {
        Err(Failure::new(Exit::Failed, "the two passwords differ", "type the same password twice"))
    }
}

#[cfg(test)]
mod tests {
    use super::long_enough;

    #[test]
    fn a_short_password_is_refused_in_a_sentence() {
        for short in ["", "x", "1234567", "äöüäöüä"] {
            let failure = long_enough(short.to_owned()).expect_err(short);
            assert_eq!(failure.message, "a password needs at least 8 characters");
        }
        assert!(long_enough("12345678".to_owned()).is_ok());
    }
}
