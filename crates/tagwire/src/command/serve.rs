//! `tagwire serve`: the server, until it is told to end.

use std::io::{self, Write as _};

use tagwire_gateway::config::{Anonymous, Config};
use tagwire_gateway::{Gateway, StartError, logging};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::ConfigArgs;
use crate::command::control::load;
use crate::failure::{Exit, Failure};

pub(crate) fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    for warning in &config.warnings {
        let _ = writeln!(io::stderr().lock(), "warning: {warning}");
    }
    logging::start(&config.log);
    runtime()?.block_on(serve(config, args.json))
}

/// The runtime of a server.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("tagwire").build()?)
}

async fn serve(config: Config, as_json: bool) -> Result<(), Failure> {
    let mut ends = Ends::new()?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let name = config.server.name.clone();
    let n_tags = config.n_tags();
    let anonymous = config.ua.anonymous;
    let security: Vec<&str> = config.ua.security.iter().map(|security| security.word()).collect();
    let gateway = Gateway::start(config).await.map_err(|error| start_failure(&error))?;
    if as_json {
        let ready = serde_json::json!({ "name": name, "endpoints": gateway.endpoints(), "tags": n_tags });
        writeln!(io::stdout(), "{ready}")?;
    } else {
        let may = match anonymous {
            Anonymous::None => "a user name is needed",
            Anonymous::Read => "anyone may read",
            Anonymous::Write => "anyone may read and write",
        };
        writeln!(io::stdout(), "{name}: {n_tags} tags at {}", gateway.endpoints().join(", "))?;
        writeln!(io::stdout(), "security {}, {may}", security.join(", "))?;
        // The first start makes the key, which takes seconds; clients compare the fingerprint with theirs.
        let fingerprints = gateway.wait_fingerprints();
        tokio::spawn(async move {
            for fingerprint in fingerprints.await {
                let _ = writeln!(io::stdout(), "certificate {fingerprint}");
            }
        });
    }
    io::stdout().flush()?;
    loop {
        tokio::select! {
            () = ends.next() => break,
            () = gateway.shutdown_due() => break,
            _ = hang_up.recv() => match gateway.reload().await {
                Ok(changes) => tracing::info!("reloaded: {changes}"),
                Err(error) => tracing::error!("not reloaded, nothing was changed: {error}"),
            },
        }
    }
    tracing::info!("ending");
    tokio::select! {
        () = gateway.stop() => Ok(()),
        () = ends.next() => Err(Failure::new(Exit::Failed, "ended at once", "")),
    }
}

/// The two ways in which a person or a service ends a program.
pub(crate) struct Ends {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Ends {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What a person can do when a server does not start.
pub(crate) fn start_failure(error: &StartError) -> Failure {
    let hint = match error {
        StartError::Listen { source, .. } => match source.kind() {
            io::ErrorKind::AddrInUse => "another program has the port; end it, or choose another port: [ua] listen",
            io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; choose another: [ua] listen",
            io::ErrorKind::AddrNotAvailable => "this machine does not have that address; choose another: [ua] listen",
            _ => "check the address: [ua] listen",
        },
        StartError::DataDir(_) => "end that process, or choose another folder: [server] data_dir",
        StartError::Roles(_) => "mend the file, or move it away: then roles are as the configuration has them",
        StartError::Users(_) => "mend the file: [access] users",
        StartError::Own(_) | StartError::File(_) => "the folder pki inside [server] data_dir holds these files",
        _ => "",
    };
    Failure::new(Exit::Failed, error.to_string(), hint)
}
