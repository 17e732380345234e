//! `tagwire ca`: a certificate authority in the folder `ca` of the data folder.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;
use tagwire_access::{Authority, AuthorityError, Certificate};
use tagwire_driver::Clock;
use tagwire_gateway::config::Config;
use tagwire_model::Timestamp;

use crate::args::{CaCommand, ConfigArgs};
use crate::command::control::load;
use crate::failure::{Exit, Failure};

/// Largest signing request read.
const MAX_REQUEST_BYTES: u64 = 64 * 1024;

pub(crate) fn run(command: &CaCommand) -> Result<(), Failure> {
    let now = Clock::system(|_| {}).now();
    match command {
        CaCommand::Init { name, config } => init(name, config, now),
        CaCommand::Sign { request, out, days, config } => sign((request, out), *days, config, now),
        CaCommand::List(config) => list(config),
        CaCommand::Revoke(which) => revoke(&which.certificate, &which.config, now),
    }
}

fn folder(config: &Config) -> PathBuf {
    config.data_dir().join("ca")
}

fn init(name: &str, args: &ConfigArgs, now: Timestamp) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let authority = Authority::create(&folder(&config), name, now).map_err(failure)?;
    publish(&config, &authority, true)?;
    let fingerprint = authority.certificate().fingerprint();
    let text = format!(
        "authority {} is made, and this server trusts what it issues from now on\n  {}\n  certificate      {}\n  revocation list  {}\n\
         give both files to the other servers and clients of the plant; keep {} secret",
        fingerprint.short(),
        fingerprint.words(),
        authority.certificate_file().display(),
        authority.list_file().display(),
        folder(&config).join("key.pem").display(),
    );
    let answer = json!({
        "fingerprint": fingerprint.to_string(),
        "certificate": authority.certificate_file(),
        "revocation_list": authority.list_file(),
    });
    tell(args, &answer, &text)
}

fn sign((request, out): (&Path, &Path), days: u32, args: &ConfigArgs, now: Timestamp) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let authority = Authority::open(&folder(&config)).map_err(failure)?;
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::new(
            Exit::Failed,
            format!("cannot read {}: {error}", request.display()),
            "name the file of the request",
        )
    };
    let size = fs::metadata(request).map_err(|error| unreadable(&error))?.len();
    if size > MAX_REQUEST_BYTES {
        return Err(unreadable(&"it is larger than any request"));
    }
    let bytes = fs::read(request).map_err(|error| unreadable(&error))?;
    let certificate = authority.sign(&bytes, days, now).map_err(failure)?;
    fs::write(out, certificate.der()).map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("cannot write {}: {error}", out.display()),
            "name a file in a folder that is there",
        )
    })?;
    let text = format!(
        "certificate {} for {} is in {}, valid until {}",
        certificate.fingerprint().short(),
        shown(&certificate),
        out.display(),
        certificate.not_after()
    );
    let answer = json!({
        "fingerprint": certificate.fingerprint().to_string(),
        "subject": certificate.subject(),
        "uri": certificate.uris().first(),
        "not_after": certificate.not_after().to_string(),
    });
    tell(args, &answer, &text)
}

fn list(args: &ConfigArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let issued = Authority::open(&folder(&config)).and_then(|authority| authority.issued()).map_err(failure)?;
    let line = |found: &Certificate| {
        format!("  {}  {}  until {}", found.fingerprint().short(), shown(found), found.not_after())
    };
    let lines: Vec<String> = issued.iter().map(line).collect();
    let text = if lines.is_empty() { "issued: none".to_owned() } else { format!("issued:\n{}", lines.join("\n")) };
    let fingerprints: Vec<String> = issued.iter().map(|found| found.fingerprint().to_string()).collect();
    tell(args, &json!({ "issued": fingerprints }), &text)
}

fn revoke(digits: &str, args: &ConfigArgs, now: Timestamp) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let authority = Authority::open(&folder(&config)).map_err(failure)?;
    let fingerprint = authority.revoke(digits, now).map_err(failure)?;
    publish(&config, &authority, false)?;
    let text = format!(
        "certificate {} is revoked; give the other servers and clients the new revocation list {}",
        fingerprint.short(),
        authority.list_file().display()
    );
    tell(args, &json!({ "fingerprint": fingerprint.to_string() }), &text)
}

/// Subject and application URI.
fn shown(certificate: &Certificate) -> String {
    format!("{} {}", certificate.subject(), certificate.uris().first().map_or("", String::as_str)).trim().to_owned()
}

/// Puts the authority's files where this server looks for them. What it does not trust any more is left alone.
fn publish(config: &Config, authority: &Authority, is_new: bool) -> Result<(), Failure> {
    let trusted = config.data_dir().join("pki").join("trusted");
    let fingerprint = authority.certificate().fingerprint();
    let certificate = trusted.join(format!("{fingerprint}.der"));
    if !is_new && !certificate.exists() {
        return Ok(());
    }
    authority.publish(&trusted).map_err(failure)
}

fn tell(args: &ConfigArgs, answer: &serde_json::Value, text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if args.json {
        return Ok(writeln!(out, "{answer}")?);
    }
    Ok(writeln!(out, "{text}")?)
}

fn failure(error: AuthorityError) -> Failure {
    let fix = match &error {
        AuthorityError::Exists(_) => "move the folder away to begin anew; what it issued is worth nothing then",
        AuthorityError::Missing(_) => "make one with: tagwire ca init",
        AuthorityError::Broken(_) => "put the file back from a backup",
        AuthorityError::Request(_) => "make the request again with the application that needs the certificate",
        AuthorityError::Unknown(_) => "tagwire ca list shows them; type four digits or more",
        AuthorityError::File(_) => "check who may write to the data folder",
        AuthorityError::Making(_) => "",
    };
    Failure::new(Exit::Failed, error.to_string(), fix)
}
