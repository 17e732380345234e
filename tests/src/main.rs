//! A foreign client over async-opcua; the words and what it does are those of `tests/peers/open62541`'s client:
//! `tagwire-tests URL MODE CERTIFICATE KEY USER PASSWORD FOLDER VARIABLE COUNTER`.

#![allow(clippy::print_stdout, reason = "it reports to the test that started it")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use opcua_client::{ClientBuilder, DataChangeCallback, IdentityToken, Session};
use opcua_types::{
    AttributeId, BrowseDescription, BrowseDirection, ByteString, DataValue, EndpointDescription, MessageSecurityMode,
    MonitoredItemCreateRequest, NodeId, ReadValueId, ReferenceTypeId, StatusCode, TimestampsToReturn, UserTokenPolicy,
    Variant, WriteValue,
};
use tokio::sync::mpsc;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn node(id: &str) -> NodeId {
    NodeId::new(2, id)
}

async fn connect(words: &[String]) -> Outcome<(Arc<Session>, tokio::task::JoinHandle<StatusCode>)> {
    let [url, mode, certificate, key, user, password, ..] = words else { return Err("too few arguments".into()) };
    let pki = Path::new(certificate)
        .parent()
        .unwrap_or_else(|| Path::new("."))
        .join(format!("async-opcua-{}", std::process::id()));
    let mut builder = ClientBuilder::new()
        .application_name("tests")
        .application_uri("urn:tagwire:tests:client")
        .pki_dir(&pki)
        .trust_server_certs(true)
        .verify_server_certs(false)
        .session_retry_limit(0);
    let (mode, policy) = mode.split_once(':').unwrap_or((mode, "Basic256Sha256"));
    let (policy, mode) = match mode {
        "none" => ("None", MessageSecurityMode::None),
        "sign" => (policy, MessageSecurityMode::Sign),
        "encrypt" => (policy, MessageSecurityMode::SignAndEncrypt),
        other => return Err(format!("no such mode: {other}").into()),
    };
    if policy != "None" {
        std::fs::create_dir_all(pki.join("own"))?;
        std::fs::create_dir_all(pki.join("private"))?;
        std::fs::copy(certificate, pki.join("own/cert.der"))?;
        std::fs::copy(key, pki.join("private/private.pem"))?;
        builder = builder.certificate_path("own/cert.der").private_key_path("private/private.pem");
    }
    let identity = match user.split_once('=') {
        None if user == "-" => IdentityToken::Anonymous,
        None => IdentityToken::new_user_name(user, password.as_str()),
        Some(("certificate", file)) => IdentityToken::new_x509_path(file, password)?,
        Some(_) => IdentityToken::new_issued_token(ByteString::from(password.as_bytes())),
    };
    let mut client = builder.client().map_err(|problems| problems.join("; "))?;
    let uri = format!("http://opcfoundation.org/UA/SecurityPolicy#{policy}");
    let endpoint: EndpointDescription = (url.as_str(), uri.as_str(), mode, UserTokenPolicy::anonymous()).into();
    let (session, events) = client.connect_to_matching_endpoint(endpoint, identity).await?;
    let mut handle = events.spawn();
    // A refused client would try again for ever; its loop ends at the first refusal and tells why.
    let connected = async {
        tokio::select! {
            is_connected = session.wait_for_connection() => {
                if is_connected { Ok(()) } else { Err("not connected".into()) }
            }
            ended = &mut handle => Err(format!("the session ended: {}", ended?).into()),
        }
    };
    let outcome: Outcome<()> = tokio::time::timeout(Duration::from_secs(20), connected).await?;
    outcome.map(|()| (session, handle))
}

async fn browse(session: &Session, folder: &str) -> Outcome<usize> {
    let wanted = BrowseDescription {
        node_id: node(folder),
        browse_direction: BrowseDirection::Forward,
        reference_type_id: ReferenceTypeId::HierarchicalReferences.into(),
        include_subtypes: true,
        node_class_mask: 0,
        result_mask: 63,
    };
    let results = session.browse(&[wanted], 0, None).await?;
    let result = results.into_iter().next().ok_or("browse: no result")?;
    if result.status_code.is_bad() {
        return Err(format!("browse: {}", result.status_code).into());
    }
    Ok(result.references.unwrap_or_default().len())
}

async fn write_and_read(session: &Session, variable: &str) -> Outcome<f64> {
    let value = DataValue::value_only(42.25_f64);
    let results =
        session.write(&[WriteValue::new(node(variable), AttributeId::Value, Default::default(), value)]).await?;
    if results != [StatusCode::Good] {
        return Err(format!("write: {results:?}").into());
    }
    let wanted = ReadValueId::from(node(variable));
    let values = session.read(&[wanted], TimestampsToReturn::Both, 0.0).await?;
    match values.first().and_then(|value| value.value.as_ref()) {
        Some(Variant::Double(number)) if *number == 42.25 => Ok(*number),
        other => Err(format!("read: {other:?}").into()),
    }
}

async fn subscribe(session: &Session, counter: &str) -> Outcome<usize> {
    let (sender, mut changes) = mpsc::unbounded_channel();
    let callback = DataChangeCallback::new(move |value, _item| {
        let _ = sender.send(value);
    });
    let interval = Duration::from_millis(100);
    let subscription = session.create_subscription(interval, 1000, 10, 0, 0, true, callback).await?;
    let items = vec![MonitoredItemCreateRequest::from(node(counter))];
    let made = session.create_monitored_items(subscription, TimestampsToReturn::Both, items).await?;
    if let Some(bad) = made.iter().find(|made| made.result.status_code.is_bad()) {
        return Err(format!("create item: {}", bad.result.status_code).into());
    }
    let mut seen = 0;
    while seen < 5 {
        let change = tokio::time::timeout(Duration::from_secs(20), changes.recv()).await?;
        change.ok_or("the subscription ended")?;
        seen += 1;
    }
    Ok(seen)
}

async fn run(words: &[String]) -> Outcome<()> {
    let [.., folder, variable, counter] = words else { return Err("too few arguments".into()) };
    let (session, events) = connect(words).await?;
    println!("children {}", browse(&session, folder).await?);
    println!("value {}", write_and_read(&session, variable).await?);
    println!("changes {}", subscribe(&session, counter).await?);
    session.disconnect().await?;
    events.await?;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
