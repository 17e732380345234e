//! One session with a server, opened the way the command line asks for.

use std::io::Read as _;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tagwire_access::{Actor, Reason};
use tagwire_gateway::control::value_json;
use tagwire_model::{Sample, Timestamp};
use tagwire_ua_client::{
    Client, ConnectOptions, Error, Identity, Login, Mode, NodeId, Policy, Security, StatusName, Url, now,
    parse_node_id, print_node_id,
};

use crate::args::{DEFAULT_URL, PasswordArgs, ServerArgs};
use crate::failure::{Exit, Failure};
use crate::terminal::read_password;

/// Time between two checks that the server still answers, while values are watched.
const WATCH_KEEP_ALIVE: Duration = Duration::from_secs(2);

/// Largest password file read, in bytes.
const MAX_PASSWORD_FILE: u64 = 4096;

/// A name as typed, with the node that it means.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) node: NodeId,
}

/// The server and the names of a command line, in which the first name may be the server's address.
pub(crate) fn target(server: &ServerArgs, names: &[String]) -> Result<(Url, Vec<Named>), Failure> {
    let (first, names) = match names.split_first() {
        Some((first, rest)) if first.starts_with("opc.tcp://") => (Some(first), rest),
        _ => (None, names),
    };
    let wrong = |error: String| Failure::new(Exit::Usage, error, "");
    let url = match first {
        Some(_) if server.url != DEFAULT_URL => return Err(wrong("the server is given twice".to_owned())),
        Some(first) => first,
        None => &server.url,
    };
    let url = url.parse().map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("\"{url}\" is no address of a server: {error}"),
            format!("as in {DEFAULT_URL}"),
        )
    })?;
    let named = names.iter().map(|name| {
        let node = parse_node_id(name).map_err(|error| wrong(format!("\"{name}\": {error}")))?;
        Ok(Named { name: name.clone(), node })
    });
    Ok((url, named.collect::<Result<_, Failure>>()?))
}

/// Runs a command that talks to a server.
pub(crate) fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(command);
    runtime.shutdown_background();
    result
}

/// Opens a session.
pub(crate) async fn connect(url: Url, server: &ServerArgs, reconnect: bool) -> Result<Client, Failure> {
    let login = login(server.user.as_deref(), &server.password)?;
    let security = match server.security.as_str() {
        "none" => Security::NONE,
        name => {
            Policy::from_name(name).map_or(Security::Auto, |policy| Security::Exactly(policy, Mode::SignAndEncrypt))
        }
    };
    // On this machine nobody stands between client and server.
    let may_do_without_key =
        security == Security::NONE || (security == Security::Auto && url.is_loopback() && login == Login::Anonymous);
    let defaults = ConnectOptions::new(url.clone());
    let mut options = ConnectOptions {
        // Who watches wants to know soon that the values are dead.
        keep_alive: if reconnect { WATCH_KEEP_ALIVE } else { defaults.keep_alive },
        security,
        login,
        allow_plain_password: url.is_loopback(),
        connect_timeout: server.timeout,
        request_timeout: server.timeout,
        reconnect,
        ..defaults
    };
    if !may_do_without_key {
        options.identity = Some(identity()?);
    }
    match Client::connect(&options).await {
        Err(Error::Options(_)) if may_do_without_key && security == Security::Auto => {
            options.identity = Some(identity()?);
        }
        Err(error @ Error::Untrusted(_)) if server.trust => trust(&options, error)?,
        result => return result.map_err(|error| failure(&error, &options)),
    }
    match Client::connect(&options).await {
        Err(error @ Error::Untrusted(_)) if server.trust => {
            trust(&options, error)?;
            Client::connect(&options).await.map_err(|error| failure(&error, &options))
        }
        result => result.map_err(|error| failure(&error, &options)),
    }
}

/// As whom to log in.
pub(crate) fn login(user: Option<&str>, password: &PasswordArgs) -> Result<Login, Failure> {
    let Some(name) = user else { return Ok(Login::Anonymous) };
    let password = match given_password(password)? {
        Some(password) => password,
        None => read_password(&format!("password for {name}: "))?,
    };
    Ok(Login::User { name: name.to_owned(), password })
}

/// The password from a file or from the environment; `None` when a person has to be asked.
pub(crate) fn given_password(args: &PasswordArgs) -> Result<Option<String>, Failure> {
    let Some(path) = &args.password_file else { return Ok(std::env::var("TAGWIRE_PASSWORD").ok()) };
    let wrong = |problem: String| {
        let hint = "the file holds the password alone, as UTF-8 in one line";
        Failure::new(Exit::Failed, format!("cannot take the password from {}: {problem}", path.display()), hint)
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
    file.take(MAX_PASSWORD_FILE + 1).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > MAX_PASSWORD_FILE {
        return Err(wrong(format!("it is longer than {MAX_PASSWORD_FILE} bytes")));
    }
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() || line.contains(['\n', '\r']) {
        return Err(wrong("it does not hold exactly one line".to_owned()));
    }
    Ok(Some(line.to_owned()))
}

/// The key and the trust lists of this user.
pub(crate) fn identity() -> Result<Identity, Failure> {
    let folder = Identity::user_folder();
    Identity::open(&folder, "tagwire client").map_err(|error| {
        let hint = format!("the key and the trust lists of the command are kept in {}", folder.display());
        Failure::new(Exit::Failed, error.to_string(), hint)
    })
}

/// Trusts the certificate that was refused for being unknown.
fn trust(options: &ConnectOptions, error: Error) -> Result<(), Failure> {
    let (Some(identity), Error::Untrusted(refusal)) = (&options.identity, &error) else {
        return Err(failure(&error, options));
    };
    match refusal.fingerprint {
        Some(fingerprint) if refusal.reason == Reason::Untrusted => identity
            .trust()
            .accept(fingerprint, now(), &Actor::default())
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot trust the certificate: {error}"), "")),
        _ => Err(failure(&error, options)),
    }
}

/// What a failed call means for the person at the keyboard.
pub(crate) fn failure(error: &Error, options: &ConnectOptions) -> Failure {
    let (exit, hint) = match error {
        Error::Url(_) | Error::NodeId(_) => (Exit::Usage, String::new()),
        Error::Unreachable { .. } => {
            let hint =
                "is the server running, and is this its address? tagwire demo starts one here to try things with";
            (Exit::Connect, hint.to_owned())
        }
        Error::Timeout { .. } => {
            (Exit::Connect, "the server is busy or unreachable; --timeout waits longer".to_owned())
        }
        Error::Lost(_) | Error::Peer(_) => (Exit::Connect, String::new()),
        Error::Untrusted(refusal) if refusal.reason == Reason::Untrusted => {
            let hint = "compare the fingerprint with the one that the server prints at its start; when they are equal, \
                        run the command again with --trust";
            (Exit::Refused, hint.to_owned())
        }
        Error::Untrusted(_) => (Exit::Refused, "the certificate must be made anew on the server".to_owned()),
        Error::NoEndpoint(offers) if offers.ends_with("offers no endpoint") => {
            let hint = "a server that starts for the first time makes its key first, which takes seconds; try again";
            (Exit::Connect, hint.to_owned())
        }
        Error::NoEndpoint(offers) => (Exit::Refused, other_endpoint(offers, options).to_owned()),
        Error::Distrusted { fingerprint, .. } => {
            let hint = format!(
                "its fingerprint is {fingerprint}\n\
                 the server keeps it among those it rejected, in pki/rejected of its data_dir; there, its operator \
                 accepts it with\n  tagwire trust accept {fingerprint}\n\
                 then run this command again"
            );
            (Exit::Refused, hint)
        }
        Error::Refused { .. } if options.login == Login::Anonymous => {
            (Exit::Refused, "the server may want a user: --user NAME, with the password in TAGWIRE_PASSWORD".to_owned())
        }
        Error::Refused { .. } => (Exit::Refused, "check the user name and the password".to_owned()),
        _ => (Exit::Failed, String::new()),
    };
    let message = match error {
        Error::Untrusted(refusal) => match refusal.fingerprint {
            Some(fingerprint) => format!("{error} (fingerprint {fingerprint})"),
            None => error.to_string(),
        },
        _ => error.to_string(),
    };
    Failure::new(exit, message, hint)
}

/// What to change in the command line when the server offers nothing that fits.
fn other_endpoint(offers: &str, options: &ConnectOptions) -> &'static str {
    let is_user = options.login != Login::Anonymous;
    // The offers tell after "but" for whom they are.
    let (_, offers) = offers.split_once(", but ").unwrap_or_default();
    if !is_user && !offers.contains("anonymous") {
        "the server wants a user: --user NAME, with the password in TAGWIRE_PASSWORD"
    } else if options.security == Security::NONE {
        "the server offers no connection without security: leave --security out, and the best it has is taken"
    } else if matches!(options.security, Security::Exactly(..)) {
        "leave --security out, and the best that the server has is taken"
    } else if is_user {
        "the server offers users no connection with security, over which alone a password is sent: leave --user out, or \
         let the server offer security, as tagwire does with [ua] security = [\"basic256sha256\"]"
    } else {
        "the server offers no connection with security, and without is only taken on this machine; --security none \
         takes it all the same"
    }
}

/// What a failed call of an open session means.
pub(crate) fn call_failure(error: &Error) -> Failure {
    let exit = if error.is_transient() { Exit::Connect } else { Exit::Failed };
    Failure::new(exit, error.to_string(), "")
}

/// A sample as one JSON object.
pub(crate) fn sample_json(name: &str, node: &NodeId, sample: &Sample) -> Json {
    json!({
        "name": name,
        "node": print_node_id(node),
        "value": value_json(&sample.value),
        "type": sample.value.value_type().map(|value_type| value_type.to_string()),
        "status": StatusName::plain(sample.status),
        "code": sample.status.0,
        "source_time": time_json(sample.source_time),
        "server_time": time_json(sample.server_time),
    })
}

fn time_json(time: Timestamp) -> Json {
    if time.is_none() { Json::Null } else { json!(time.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagwire_model::{ArrayData, Dims, Value};

    fn server(url: &str) -> ServerArgs {
        ServerArgs {
            url: url.to_owned(),
            user: None,
            password: PasswordArgs::default(),
            security: "auto".to_owned(),
            timeout: Duration::from_secs(1),
            json: false,
            trust: false,
        }
    }

    #[test]
    fn what_the_server_does_not_offer_is_refused_with_a_remedy() {
        let none = "server offers no endpoint with x, but None/none for anonymous";
        let secure = "server offers no endpoint with x, but Basic256Sha256/sign-and-encrypt for anonymous or user";
        let users = "server offers no endpoint with x, but Basic256Sha256/sign-and-encrypt for user";
        let bob = Login::User { name: "bob".to_owned(), password: "x".to_owned() };
        for (offers, security, login, word) in [
            (none, Security::Auto, bob, "leave --user out"),
            (secure, Security::NONE, Login::Anonymous, "leave --security out"),
            (users, Security::NONE, Login::Anonymous, "--user NAME"),
            (users, Security::Auto, Login::Anonymous, "--user NAME"),
            (none, Security::Auto, Login::Anonymous, "--security none"),
        ] {
            let options = ConnectOptions { security, login, ..ConnectOptions::new("plc1".parse().expect("url")) };
            let failure = failure(&Error::NoEndpoint(offers.to_owned()), &options);
            assert_eq!(failure.exit, Exit::Refused);
            assert!(failure.hint.contains(word), "{offers}: {}", failure.hint);
        }
    }

    #[test]
    fn a_server_that_distrusts_the_client_tells_what_its_operator_does() {
        let status = StatusName(tagwire_model::Status(0x8013_0000));
        let error = Error::Distrusted { status, fingerprint: "ab12".to_owned() };
        let failure = failure(&error, &ConnectOptions::new("plc1".parse().expect("url")));
        assert_eq!(failure.exit, Exit::Refused);
        assert!(failure.message.contains("does not trust the certificate of this client"), "{failure}");
        assert!(failure.hint.contains("tagwire trust accept ab12"), "{failure}");
        assert!(failure.hint.contains("pki/rejected"), "{failure}");
    }

    #[test]
    fn a_password_file_holds_one_line() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("password");
        let args = PasswordArgs { password_file: Some(path.clone()) };
        for (text, expected) in [("secret 1\n", Some("secret 1")), ("a b", Some("a b")), ("x\r\n", Some("x"))] {
            std::fs::write(&path, text).expect("written");
            assert_eq!(given_password(&args).expect(text).as_deref(), expected);
        }
        for text in ["".to_owned(), "\n".to_owned(), "a\nb\n".to_owned(), "x".repeat(5000)] {
            std::fs::write(&path, &text).expect("written");
            assert_eq!(given_password(&args).expect_err("refused").exit, Exit::Failed);
        }
    }

    #[test]
    fn the_first_name_may_be_the_server() {
        let names = ["opc.tcp://plc:4841".to_owned(), "line1.press.t".to_owned(), "i=2258".to_owned()];
        let (url, named) = target(&server(DEFAULT_URL), &names).expect("target");
        assert_eq!((url.host(), url.port()), ("plc", 4841));
        let nodes: Vec<String> = named.iter().map(|named| print_node_id(&named.node)).collect();
        assert_eq!(nodes, ["ns=2;s=line1.press.t", "i=2258"]);
        let twice = target(&server("opc.tcp://other"), &names).expect_err("twice");
        assert_eq!(twice.exit, Exit::Usage);
    }

    #[test]
    fn values_become_json_without_loss() {
        assert_eq!(value_json(&Value::Float(18.1)), json!(18.1));
        assert_eq!(value_json(&Value::UInt64(u64::MAX)), json!(u64::MAX));
        assert_eq!(value_json(&Value::Double(f64::NAN)), json!("NaN"));
        let dims = Dims::new(&[2, 2]).expect("dims");
        let matrix = Value::array(dims, ArrayData::Int16(vec![1, 2, 3, 4])).expect("matrix");
        assert_eq!(value_json(&matrix), json!([[1, 2], [3, 4]]));
    }
}
