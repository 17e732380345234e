//! A load for servers that sign and encrypt: `tagwire-load ...`, driven by `cargo xtask bench`.
//!
//! - `certificate FOLDER NAME URI` makes a key and a certificate, `NAME.der` and `NAME.key.der`.
//! - `read PORT SERVER CERTIFICATE KEY BATCH REQUESTS DEPTH` reads the first BATCH tags REQUESTS times in one session.
//! - `hold PORT SERVER CERTIFICATE KEY SESSIONS THREADS` opens sessions and keeps them.
//!
//! The latter two print `ready`, begin with the next line of their input, print `done` and the seconds that it took, and
//! end with another line, so that whoever measures the server looks at it in between. The policy is Basic256Sha256 with
//! encryption, the certificate and key files are DER.

#![allow(clippy::print_stdout, reason = "it reports to the bench that started it")]

use std::io::stdin;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use rcgen::string::Ia5String;
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
    SanType,
};
use tagwire_tests::Outcome;
use tagwire_tests::client::{Client, Security};
use tagwire_ua_proto::ids::encoding;
use tagwire_ua_proto::services::{ReadRequest, ReadResponse, ReadValueId, TimestampsToReturn};
use tagwire_ua_proto::types::NodeId;

const VALUE: u32 = 13;

fn certificate(folder: &Path, name: &str, uri: &str) -> Outcome<()> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names.insert(0, SanType::URI(Ia5String::try_from(uri)?));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::ContentCommitment,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::DataEncipherment,
    ];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key)?;
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(format!("{name}.der")), certificate.der())?;
    std::fs::write(folder.join(format!("{name}.key.der")), key.serialize_der())?;
    Ok(())
}

fn next_line() -> Outcome<()> {
    stdin().read_line(&mut String::new())?;
    Ok(())
}

/// Says that everything is ready, does the work when told, and waits before it ends.
fn on_command<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<()> {
    println!("ready");
    next_line()?;
    let begun = Instant::now();
    let kept = work()?;
    println!("done {}", begun.elapsed().as_secs_f64());
    next_line()?;
    drop(kept);
    Ok(())
}

fn read(mut client: Client, batch: usize, n_requests: usize, depth: usize) -> Outcome<()> {
    client.connect(true)?;
    let tag = |number| NodeId::string(2, format!("Ch1.Dev{}.Tag{number}", number / 1000));
    let item = |number| ReadValueId { node_id: tag(number), attribute_id: VALUE, ..Default::default() };
    let request = ReadRequest {
        request_header: client.header(),
        timestamps_to_return: TimestampsToReturn::BOTH,
        nodes_to_read: (0..batch).map(item).collect(),
        ..Default::default()
    };
    let answer: ReadResponse = client.call(&request)?;
    if answer.results.len() != batch || answer.results.iter().any(|value| value.value.is_none()) {
        return Err("the tags cannot be read".into());
    }
    on_command(|| client.repeat(&request, encoding::READ_RESPONSE, n_requests, depth))?;
    client.leave()
}

fn hold(port: u16, security: &Security, n_sessions: usize, n_threads: usize) -> Outcome<()> {
    let open_some = |n: usize| -> Outcome<Vec<Client>> {
        (0..n)
            .map(|_| {
                let mut client = Client::new(port, security.clone());
                client.session_timeout_ms = 600_000.0;
                client.connect(true)?;
                Ok(client)
            })
            .collect()
    };
    on_command(|| {
        std::thread::scope(|scope| {
            let shares = (0..n_threads).map(|number| (n_sessions + number) / n_threads);
            let threads: Vec<_> = shares.map(|share| scope.spawn(move || open_some(share))).collect();
            let opened = threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?);
            opened.collect::<Outcome<Vec<_>>>()
        })
    })
}

fn run(words: &[String]) -> Outcome<()> {
    match words {
        [word, folder, name, uri] if word == "certificate" => certificate(Path::new(folder), name, uri),
        [word, port, files @ .., batch, n_requests, depth] if word == "read" && files.len() == 3 => {
            let security = Security::read(files)?.unwrap_or_default();
            let client = Client::new(port.parse()?, security);
            read(client, batch.parse()?, n_requests.parse()?, depth.parse()?)
        }
        [word, port, files @ .., n_sessions, n_threads] if word == "hold" && files.len() == 3 => {
            let security = Security::read(files)?.unwrap_or_default();
            hold(port.parse()?, &security, n_sessions.parse()?, n_threads.parse()?)
        }
        _ => Err("usage: tagwire-load certificate|read|hold ...".into()),
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
