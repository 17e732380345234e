//! The way to a server step by step, and trust in both directions.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tagwire_access::{Actor, Certificate, Fingerprint, PeerCheck, Reason};
use tagwire_model::{Status, Timestamp, Value};
use tagwire_ua_client::{
    Client, ConnectOptions, Endpoint, Error, Identity, Login, Mode, NodeId, Offer, Policy, Security, Url, greet, look,
    now, parse_node_id, try_channel,
};
use tokio::net::TcpStream;

use super::report::{Finding, Report};
use super::{certificate, clock};
use crate::args::DoctorArgs;
use crate::client::{failure, identity, login};
use crate::failure::{Exit, Failure};

/// Server_ServerStatus_CurrentTime.
const CURRENT_TIME: &str = "i=2258";

/// BadCertificateTimeInvalid and BadCertificateIssuerTimeInvalid (OPC UA Part 6, Annex A.2).
const TIME_INVALID: [u32; 2] = [0x8014_0000, 0x8015_0000];

pub(super) async fn examine(url: &str, args: &DoctorArgs, report: &mut Report) -> Result<(), Failure> {
    let url: Url = url.parse().map_err(|error| {
        Failure::new(Exit::Usage, format!("\"{url}\" is no address of a server: {error}"), "as in opc.tcp://plc1:4840")
    })?;
    let login = login(args.user.as_deref(), &args.password)?;
    if !reach(&url, args.timeout, report).await? {
        return Ok(());
    }
    let offer = match look(&url, args.timeout).await {
        Ok(offer) => offer,
        Err(error) => return Ok(report.add(explain("endpoints", &error, &ConnectOptions::new(url)))?),
    };
    for finding in offers(&offer.endpoints) {
        report.add(finding)?;
    }
    let options = ConnectOptions {
        security: security(args, &offer.endpoints),
        login,
        allow_plain_password: url.is_loopback(),
        connect_timeout: args.timeout,
        request_timeout: args.timeout,
        ..ConnectOptions::new(url)
    };
    let mut visit = Visit { options, report, is_trusted: false };
    visit.trust(&offer.endpoints, args.trust).await?;
    let client = visit.session(&offer.endpoints).await?;
    visit.clock(client.as_ref(), &offer).await?;
    if let Some(client) = client {
        client.close().await;
    }
    Ok(())
}

/// Whether each address of the host can be reached and speaks OPC UA.
async fn reach(url: &Url, timeout: Duration, report: &mut Report) -> io::Result<bool> {
    let lookup = tokio::time::timeout(timeout, tokio::net::lookup_host((url.host(), url.port()))).await;
    let fix = "check the spelling, or ask who runs the name service (DNS) of this network";
    let addresses: Vec<SocketAddr> = match lookup {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(error)) => {
            report.add(Finding::problem("name", format!("the host {} has no address: {error}", url.host()), fix))?;
            return Ok(false);
        }
        Err(_) => {
            let text = format!("nobody told the address of the host {} within {timeout:?}", url.host());
            report.add(Finding::problem("name", text, fix))?;
            return Ok(false);
        }
    };
    let mut failed = Vec::new();
    let mut has_greeted = false;
    for address in addresses {
        match greeted(address, url, timeout).await {
            Ok(text) => {
                has_greeted = true;
                report.add(Finding::good("connection", text))?;
            }
            Err(finding) => failed.push(finding),
        }
    }
    for finding in failed {
        // One address that works is enough for clients that try all of them.
        let finding = if has_greeted { Finding::warning(finding.check, finding.text, finding.fix) } else { finding };
        report.add(finding)?;
    }
    Ok(has_greeted)
}

async fn greeted(address: SocketAddr, url: &Url, timeout: Duration) -> Result<String, Finding> {
    let started = Instant::now();
    let problem = |text: String, fix: &str| Err(Finding::problem("connection", text, fix));
    let mut stream = match tokio::time::timeout(timeout, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            let fix = "start the server there, or check the port; a server that listens on 127.0.0.1 only is reached \
                       from its own machine only";
            return problem(format!("nothing listens at {address}"), fix);
        }
        Ok(Err(error)) => return problem(format!("{address} cannot be reached: {error}"), "check the network"),
        Err(_) => {
            let fix = "check that the machine is on, and that no firewall on the way drops connections to this port";
            return problem(format!("{address} does not answer within {timeout:?}"), fix);
        }
    };
    let took = started.elapsed();
    match greet(&mut stream, url, timeout).await {
        Ok(greeting) => Ok(format!(
            "{address} took {:.1} ms to connect, speaks OPC UA, and takes chunks of {} bytes",
            took.as_secs_f64() * 1e3,
            greeting.receive_buffer
        )),
        Err(Error::Refused { status, .. }) => {
            problem(format!("{address} refuses to talk ({status})"), "check the path of the address")
        }
        Err(error @ Error::Timeout { .. }) => {
            let fix = "something listens that is no OPC UA server, or the server hangs: check the port";
            problem(format!("{address} takes the connection and says nothing: {error}"), fix)
        }
        Err(error) => problem(format!("{address} does not speak OPC UA: {error}"), "check the port"),
    }
}

/// What the server offers.
fn offers(endpoints: &[Endpoint]) -> Vec<Finding> {
    const CHECK: &str = "endpoints";
    let Some(first) = endpoints.first() else {
        let fix = "wait: a server that starts for the first time makes its key first, which takes seconds";
        return vec![Finding::problem(CHECK, "the server offers none", fix)];
    };
    let describe = |endpoint: &Endpoint| {
        let policy = endpoint.policy_uri().rsplit('#').next().unwrap_or_default();
        let mode = endpoint.mode().map_or_else(|| "invalid".to_owned(), |mode| mode.to_string());
        let logins = endpoint.logins();
        let logins = if logins.is_empty() { "no login known here".to_owned() } else { logins.join(", ") };
        format!("{policy} {mode}, level {}, for {logins}, at {}", endpoint.level(), endpoint.url())
    };
    let details = endpoints.iter().map(describe).collect();
    let name = format!("{} ({})", first.application_name(), first.application_uri());
    let text = format!("{name} offers {}", tagwire_gateway::config::counted(endpoints.len(), "endpoint"));
    let mut findings = vec![Finding::good(CHECK, text).with(details)];
    if !endpoints.iter().any(Endpoint::is_secure) {
        let text =
            "no endpoint has security that tagwire speaks, so that anybody on the way can read and change values";
        let fix = "let the server offer Basic256Sha256 or better; on tagwire: [ua] security = [\"basic256sha256\"]";
        findings.push(Finding::warning(CHECK, text, fix));
    }
    findings
}

/// The security to try: the best, unless something was asked for or nothing is there.
fn security(args: &DoctorArgs, endpoints: &[Endpoint]) -> Security {
    match Policy::from_name(&args.security) {
        Some(Policy::None) => Security::NONE,
        Some(policy) => Security::Exactly(policy, Mode::SignAndEncrypt),
        None if endpoints.iter().any(Endpoint::is_secure) => Security::Best,
        None => Security::Auto,
    }
}

/// A server that was reached.
struct Visit<'a> {
    options: ConnectOptions,
    report: &'a mut Report,
    /// Whether either side trusts the other's certificate.
    is_trusted: bool,
}

impl Visit<'_> {
    /// Whether we trust the server, and the server trusts us.
    async fn trust(&mut self, endpoints: &[Endpoint], may_accept: bool) -> Result<(), Failure> {
        let is_wanted = |endpoint: &&Endpoint| match self.options.security {
            Security::Exactly(policy, mode) => endpoint.policy() == Some(policy) && endpoint.mode() == Some(mode),
            Security::Auto | Security::Best => true,
        };
        // Whoever may log in through it, the channel is the same.
        let best = endpoints.iter().filter(|endpoint| endpoint.is_secure()).filter(is_wanted);
        let Some(endpoint) = best.max_by_key(|endpoint| (endpoint.mode(), endpoint.level(), endpoint.policy())) else {
            if let Security::Exactly(policy, mode) = self.options.security
                && policy != Policy::None
            {
                let text = format!("the server offers no endpoint with {policy} {mode}");
                let fix = "leave --security out, and the best that the server has is tried";
                self.report.add(Finding::problem("endpoints", text, fix))?;
            }
            return Ok(());
        };
        let identity = identity()?;
        self.options.identity = Some(identity.clone());
        match endpoint.certificate() {
            Some(certificate) => {
                for finding in look_at(&certificate, self.options.url.host()) {
                    self.report.add(finding)?;
                }
            }
            None => {
                let text = "the server's certificate cannot be read";
                self.report.add(Finding::problem("certificate", text, "have the server make another"))?;
                return Ok(());
            }
        }
        if !self.ours(&identity, endpoint, may_accept)? {
            return Ok(());
        }
        self.theirs(&identity, endpoint).await
    }

    /// Whether we trust the server.
    fn ours(&mut self, identity: &Identity, endpoint: &Endpoint, may_accept: bool) -> Result<bool, Failure> {
        const CHECK: &str = "our trust";
        let url = self.options.url.clone();
        let check = PeerCheck { application_uri: Some(endpoint.application_uri()), host: Some(url.host()), peer: None };
        let verify = || identity.trust().verify_peer(endpoint.certificate_chain(), &check, now());
        let mut verified = verify();
        let mut is_new = false;
        if let (true, Err(refusal)) = (may_accept, &verified)
            && let (Reason::Untrusted, Some(fingerprint)) = (&refusal.reason, refusal.fingerprint)
        {
            identity
                .trust()
                .accept(fingerprint, now(), &Actor::default())
                .map_err(|error| Failure::new(Exit::Failed, format!("cannot trust the certificate: {error}"), ""))?;
            is_new = true;
            verified = verify();
        }
        let finding = match &verified {
            Ok(_) if is_new => Finding::good(CHECK, "we trust the server from now on"),
            Ok(_) => Finding::good(CHECK, "we trust the server"),
            Err(refusal) if refusal.reason == Reason::Untrusted => {
                let digits = refusal.fingerprint.map(|fingerprint| fingerprint.to_string()).unwrap_or_default();
                let text = format!("we do not trust the server, whose fingerprint is {digits}");
                let fix = format!(
                    "compare it with the one that the server shows; when they are equal, type: tagwire doctor {url} --trust"
                );
                Finding::problem(CHECK, text, fix)
            }
            Err(refusal) => {
                let text = format!("we refuse the server: {refusal}");
                Finding::problem(CHECK, text, refusal.reason.remedy().replace("the peer's", "the server's"))
            }
        };
        self.report.add(finding)?;
        Ok(verified.is_ok())
    }

    /// Whether the server trusts us.
    async fn theirs(&mut self, identity: &Identity, endpoint: &Endpoint) -> Result<(), Failure> {
        const CHECK: &str = "their trust";
        let own = match identity.own().await {
            Ok(own) => own,
            Err(error) => return Ok(self.report.add(explain(CHECK, &error, &self.options))?),
        };
        let fingerprint = own.certificate().fingerprint();
        let finding = match try_channel(&self.options, endpoint).await {
            Ok(()) => {
                self.is_trusted = true;
                Finding::good(CHECK, format!("the server trusts us, {fingerprint}"))
            }
            Err(Error::Distrusted { status, .. }) => distrusted(CHECK, &status.to_string(), fingerprint),
            Err(Error::Refused { status, .. }) if TIME_INVALID.contains(&status.0.0) => {
                let text = format!("the server holds our certificate {fingerprint} to be expired or not valid yet");
                Finding::problem(CHECK, text, "compare the clocks of both machines")
            }
            Err(error) => explain(CHECK, &error, &self.options),
        };
        Ok(self.report.add(finding)?)
    }

    /// Opens a session, where trust does not forbid it.
    async fn session(&mut self, endpoints: &[Endpoint]) -> Result<Option<Client>, Failure> {
        const CHECK: &str = "session";
        let is_secure = endpoints.iter().any(Endpoint::is_secure) && self.options.security != Security::NONE;
        if is_secure && !self.is_trusted {
            return Ok(None);
        }
        let who = match &self.options.login {
            Login::Anonymous => "without a user".to_owned(),
            Login::User { name, .. } => format!("as user {name}"),
        };
        let finding = match Client::connect(&self.options).await {
            Ok(client) => {
                let endpoint = client.endpoint();
                let policy = endpoint.policy_uri().rsplit('#').next().unwrap_or_default();
                let mode = endpoint.mode().map_or_else(|| "no".to_owned(), |mode| mode.to_string());
                self.report.add(Finding::good(CHECK, format!("the server lets us in {who}, with {policy} {mode}")))?;
                return Ok(Some(client));
            }
            // Certificates may be checked as late as here.
            Err(Error::Distrusted { status, fingerprint }) => match fingerprint.parse() {
                Ok(fingerprint) => distrusted(CHECK, &status.to_string(), fingerprint),
                Err(_) => Finding::problem(CHECK, format!("the server does not trust us ({status})"), ""),
            },
            // Both sides trust each other: only a user is missing to try the rest.
            Err(error @ (Error::NoEndpoint(_) | Error::Refused { .. }))
                if self.options.login == Login::Anonymous && !endpoints.iter().any(Endpoint::admits_anonymous) =>
            {
                let Failure { message, hint, .. } = failure(&error, &self.options);
                Finding::warning(CHECK, message, hint)
            }
            Err(error) => explain(CHECK, &error, &self.options),
        };
        self.report.add(finding)?;
        Ok(None)
    }

    /// How far the clocks are apart.
    async fn clock(&mut self, client: Option<&Client>, offer: &Offer) -> Result<(), Failure> {
        let (theirs, took) = match client {
            Some(client) => {
                let started = Instant::now();
                let time = current_time(client).await;
                (time, started.elapsed())
            }
            None => (None, Duration::ZERO),
        };
        let finding = match theirs {
            Some(theirs) => clock::compare(now(), theirs, took),
            // Without a session, the time in its answer about endpoints has to do.
            None => clock::compare(offer.answered, offer.server_time, offer.took),
        };
        Ok(self.report.add(finding)?)
    }
}

/// The server's certificate for its own sake.
fn look_at(found: &Certificate, host: &str) -> Vec<Finding> {
    const RENEW: &str = "have the server make another";
    let text = format!("{} of {}", found.fingerprint(), found.subject());
    let mut findings = vec![
        Finding::good("certificate", text),
        certificate::validity(found, now(), RENEW),
        certificate::key(found, RENEW),
    ];
    findings.push(if found.names_host(host) {
        Finding::good("certificate", format!("it names the host {host}"))
    } else {
        let names = certificate::names_of(found);
        let text =
            format!("it does not name the host {host}, but {}", certificate::list(&names.iter().collect::<Vec<_>>()));
        let fix = format!(
            "dial a name that it holds, or add this one to it; on tagwire: [ua] hosts = [\"{host}\"] and a restart"
        );
        Finding::warning("certificate", text, fix)
    });
    findings
}

fn distrusted(check: &'static str, status: &str, fingerprint: Fingerprint) -> Finding {
    let text = format!("the server does not trust us ({status}), whose fingerprint is {fingerprint}");
    let fix = format!(
        "its administrator compares that fingerprint and accepts it: on tagwire with tagwire trust accept {}, on other \
         servers by moving the certificate from the rejected to the trusted ones",
        fingerprint.short()
    );
    Finding::problem(check, text, fix)
}

/// A failure as for every other command, in one line.
fn explain(check: &'static str, error: &Error, options: &ConnectOptions) -> Finding {
    let Failure { message, hint, .. } = failure(error, options);
    Finding::problem(check, message, hint.replace('\n', " "))
}

async fn current_time(client: &Client) -> Option<Timestamp> {
    let node: NodeId = parse_node_id(CURRENT_TIME).ok()?;
    let samples = client.read(&[node]).await.ok()?;
    match samples.first() {
        Some(sample) if sample.status == Status::GOOD => match sample.value {
            Value::DateTime(time) => Some(time),
            _ => None,
        },
        _ => None,
    }
}
