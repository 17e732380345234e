//! This installation: configuration, folder, users, port, limits of the system.

use std::fs::{self, Metadata};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access, statvfs};
use rustix::process::{Resource, geteuid, getrlimit};
use tagwire_access::{CertificateType, Users};
use tagwire_gateway::MAX_CONNECTIONS;
use tagwire_gateway::config::{Anonymous, Config, HostPort, Problem, counted};
use tagwire_gateway::control::{ControlClient, ControlError, Request};
use tagwire_gateway::drivers::DRIVERS;
use tagwire_ua_client::now;

use super::report::{Finding, Report};
use super::{certificate, clock, trust};

/// Free bytes below which the audit log and the trust lists may soon not be written.
const LITTLE_SPACE: u64 = 100 * 1024 * 1024;
/// Files that a server needs beside one per connection and two per link.
const OTHER_FILES: usize = 64;
/// Longest wait for the own server to take a connection.
const DIAL: Duration = Duration::from_secs(2);

pub(super) fn examine(path: &Path, report: &mut Report) -> io::Result<()> {
    let now = now();
    let config = match Config::load(path, DRIVERS) {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems.list() {
                report.add(Finding::problem("configuration", sentence(problem), problem.fix.clone()))?;
            }
            // What follows depends on the configuration, but the clock does not.
            return report.add(clock::own(now));
        }
    };
    for warning in &config.warnings {
        report.add(Finding::warning("configuration", sentence(warning), warning.fix.clone()))?;
    }
    let counts = [(config.links.len(), "link"), (config.n_tags(), "tag")].map(|(n, what)| counted(n, what));
    report.add(Finding::good("configuration", format!("{} has {}", path.display(), counts.join(" and "))))?;
    report.add(clock::own(now))?;
    let data_dir = config.data_dir();
    let server = running(&data_dir, report)?;
    for finding in folder(&data_dir) {
        report.add(finding)?;
    }
    for finding in certificate::own(&data_dir, &config.ua, now) {
        report.add(finding)?;
    }
    let lists = trust::examine(&data_dir, now);
    for finding in lists.findings {
        report.add(finding)?;
    }
    for finding in users(&config, lists.n_users) {
        report.add(finding)?;
    }
    for listen in config.ua.listen_or_default().iter().chain(&config.http.listen) {
        report.add(port(listen, server.is_some()))?;
    }
    report.add(open_files(config.links.len(), server))
}

fn sentence(problem: &Problem) -> String {
    let at = if problem.line == 0 { problem.file.to_string() } else { format!("{}:{}", problem.file, problem.line) };
    if problem.subject.is_empty() {
        format!("{at}: {}", problem.problem)
    } else {
        format!("{at}: {}: {}", problem.subject, problem.problem)
    }
}

/// The process that serves this configuration, if one does.
fn running(data_dir: &Path, report: &mut Report) -> io::Result<Option<Server>> {
    let pid = fs::read_to_string(data_dir.join("lock")).ok().and_then(|text| text.trim().parse::<u32>().ok());
    let answer = ControlClient::connect(data_dir).and_then(|mut client| client.ask(&Request::Status {}));
    let (finding, server) = match answer {
        Ok(_) => (Finding::good("server", "it runs and answers"), Some(Server { pid })),
        Err(ControlError::NotRunning(_)) => (Finding::good("server", "it does not run"), None),
        Err(error @ ControlError::Denied(_)) => {
            let fix = "run this command as the user that runs the server";
            (Finding::problem("server", error.to_string(), fix), Some(Server { pid }))
        }
        Err(error) => {
            let fix = "look at the log of the server, and start it again";
            (Finding::problem("server", format!("it runs and does not answer: {error}"), fix), Some(Server { pid }))
        }
    };
    report.add(finding)?;
    Ok(server)
}

/// A server that runs now.
#[derive(Clone, Copy, Debug)]
struct Server {
    pid: Option<u32>,
}

/// Who may do what with the data folder, and how much room there is.
fn folder(data_dir: &Path) -> Vec<Finding> {
    const CHECK: &str = "data folder";
    let shown = data_dir.display();
    let found = match fs::metadata(data_dir) {
        Ok(found) if found.is_dir() => found,
        Ok(_) => {
            return vec![Finding::problem(CHECK, format!("{shown} is no folder"), "choose another: [server] data_dir")];
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return vec![missing(data_dir)],
        Err(error) => {
            let fix = "run this command as the user that runs the server, or choose another folder: [server] data_dir";
            return vec![Finding::problem(CHECK, format!("{shown} cannot be looked at: {error}"), fix)];
        }
    };
    let mut findings = Vec::new();
    if found.mode() & 0o077 != 0 {
        let text = format!("other users of this machine may look into {shown} (mode {:o})", found.mode() & 0o777);
        findings.push(Finding::warning(CHECK, text, format!("type: chmod 700 {shown}")));
    }
    let me = geteuid().as_raw();
    // An administrator who looks after the service of another user is right to do so.
    if found.uid() != me && me != 0 {
        let text = format!("{shown} belongs to user {}, and this command runs as user {me}", found.uid());
        findings.push(Finding::warning(
            CHECK,
            text,
            format!("run tagwire as user {}, or give that folder away with chown", found.uid()),
        ));
    }
    let places = [PathBuf::new(), PathBuf::from("pki"), PathBuf::from("audit")].map(|place| data_dir.join(place));
    for place in places.iter().filter(|place| place.exists()) {
        if let Err(error) = access(place, Access::WRITE_OK | Access::EXEC_OK) {
            let text = format!("user {me} cannot write to {}: {error}", place.display());
            findings.push(Finding::problem(CHECK, text, "let the user that runs the server own the folder: chown -R"));
        }
    }
    findings.extend(key_files(data_dir));
    if findings.is_empty() {
        let text = format!("{shown} can be written, and belongs to user {} alone, who runs the server", found.uid());
        findings.push(Finding::good(CHECK, text));
    }
    findings.extend(space(data_dir));
    findings
}

fn missing(data_dir: &Path) -> Finding {
    const CHECK: &str = "data folder";
    let shown = data_dir.display();
    let parent = data_dir.ancestors().skip(1).find(|parent| parent.is_dir()).unwrap_or_else(|| Path::new("."));
    match access(parent, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::good(CHECK, format!("{shown} is not there yet; the first start of the server makes it")),
        Err(error) => {
            let text = format!("{shown} is not there, and cannot be made in {}: {error}", parent.display());
            Finding::problem(
                CHECK,
                text,
                "make it for the user that runs the server, or choose another: [server] data_dir",
            )
        }
    }
}

/// The private keys that anybody but their owner can read.
fn key_files(data_dir: &Path) -> impl Iterator<Item = Finding> {
    let is_open = |found: Metadata| found.permissions().mode() & 0o077 != 0;
    let paths = CertificateType::ALL.map(|kind| data_dir.join("pki").join(kind.key_file()));
    paths.into_iter().filter(move |path| fs::metadata(path).is_ok_and(is_open)).map(|path| {
        let text = format!("other users of this machine can read the private key {}", path.display());
        Finding::problem("data folder", text, format!("type: chmod 600 {}", path.display()))
    })
}

fn space(data_dir: &Path) -> Option<Finding> {
    let found = statvfs(data_dir).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let text = format!("{} MiB are free on the disk of the data folder", free >> 20);
    Some(if free < LITTLE_SPACE {
        Finding::warning("disk", text, "make room, or let the audit log keep fewer files: [audit] keep")
    } else {
        Finding::good("disk", text)
    })
}

/// Whether anybody can log in.
fn users(config: &Config, n_certificates: usize) -> Vec<Finding> {
    const CHECK: &str = "users";
    let path = config.resolve(&config.access.users);
    let users = match Users::open(&path) {
        Ok(users) => users.list(),
        Err(error) => return vec![Finding::problem(CHECK, error.to_string(), "mend the file: [access] users")],
    };
    let mut findings = Vec::new();
    if fs::metadata(&path).is_ok_and(|found| found.mode() & 0o077 != 0) {
        let text = format!("other users of this machine can read {}", path.display());
        findings.push(Finding::warning(CHECK, text, format!("type: chmod 600 {}", path.display())));
    }
    let n_enabled = users.iter().filter(|user| !user.disabled).count();
    let anonymous = match config.ua.anonymous {
        Anonymous::None => "nobody without one",
        Anonymous::Read => "anyone may read",
        Anonymous::Write => "anyone may read and write",
    };
    if config.ua.anonymous == Anonymous::None && n_enabled == 0 && n_certificates == 0 {
        let text =
            "nobody can log in: there is no user, no certificate of a user is trusted, and [ua] anonymous is none";
        let fix = format!("type: tagwire user add NAME --config {}", config.path.display());
        findings.push(Finding::problem(CHECK, text, fix));
    } else {
        let text = format!("{} can log in, {}", counted(n_enabled, "user"), anonymous);
        findings.push(Finding::good(CHECK, text));
    }
    findings
}

/// Whether the server listens there, or could.
fn port(listen: &HostPort, is_running: bool) -> Finding {
    const CHECK: &str = "port";
    let addresses: Vec<SocketAddr> = match (listen.host.as_str(), listen.port).to_socket_addrs() {
        Ok(found) => found.collect(),
        Err(error) => {
            let text = format!("the address {listen} cannot be found: {error}");
            return Finding::problem(CHECK, text, "choose another: [ua] listen");
        }
    };
    for address in &addresses {
        if is_running {
            // An unspecified address is dialled as this machine by the system.
            if let Err(error) = TcpStream::connect_timeout(address, DIAL) {
                let text = format!("the server runs and takes no connection at {address}: {error}");
                let fix =
                    "if [ua] listen was changed, start the server again; else look for a firewall on this machine";
                return Finding::problem(CHECK, text, fix);
            }
        } else if let Err(error) = TcpListener::bind(address) {
            let fix = match error.kind() {
                io::ErrorKind::AddrInUse => "end the program that has it, or choose another: [ua] listen",
                io::ErrorKind::PermissionDenied => {
                    "ports below 1024 need a privilege: choose another with [ua] listen, or give the service CAP_NET_BIND_SERVICE"
                }
                _ => "choose an address of this machine: [ua] listen",
            };
            return Finding::problem(CHECK, format!("the server could not listen on {address}: {error}"), fix);
        }
    }
    let what = if is_running { "the server takes connections at" } else { "the server could listen on" };
    Finding::good(CHECK, format!("{what} {listen}"))
}

/// Whether there can be as many connections as the server permits.
fn open_files(n_links: usize, server: Option<Server>) -> Finding {
    const CHECK: &str = "open files";
    let needed = (MAX_CONNECTIONS + 2 * n_links + OTHER_FILES) as u64;
    let of_server = server.and_then(|server| server.pid).and_then(limit_of);
    let (limit, whose) = match of_server {
        Some(limit) => (limit, "the running server"),
        None => (getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), "a program started here"),
    };
    let text = format!(
        "{whose} may open {} files, and needs up to {needed}",
        if limit == u64::MAX { "any number of".to_owned() } else { limit.to_string() }
    );
    if limit < needed {
        Finding::warning(CHECK, text, "raise it: LimitNOFILE= of the service, or ulimit -n")
    } else {
        Finding::good(CHECK, text)
    }
}

/// The soft limit of open files of a process, as the kernel tells it.
fn limit_of(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::State;
    use super::*;

    #[test]
    fn a_port_that_somebody_has_is_a_problem_while_no_server_runs() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("free port");
        let listen = HostPort { host: "127.0.0.1".to_owned(), port: taken.local_addr().expect("bound").port() };
        assert_eq!(port(&listen, false).state, State::Problem);
        assert_eq!(port(&listen, true).state, State::Good);
        drop(taken);
        assert_eq!(port(&listen, false).state, State::Good);
        assert_eq!(port(&listen, true).state, State::Problem);
    }

    #[test]
    fn the_kernel_tells_the_limit_of_this_process() {
        assert_eq!(limit_of(std::process::id()), Some(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)));
    }

    #[test]
    fn rights_of_the_data_folder_are_told() {
        let folder_ = tempfile::tempdir().expect("folder");
        let data = folder_.path().join("data");
        assert_eq!(folder(&data)[0].state, State::Good);
        fs::create_dir(&data).expect("made");
        for (mode, state) in [(0o755, State::Warning), (0o700, State::Good)] {
            fs::set_permissions(&data, fs::Permissions::from_mode(mode)).expect("mode");
            assert_eq!(folder(&data)[0].state, state, "{mode:o}");
        }
    }
}
