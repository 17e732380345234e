//! `tagwire trust renew`: the own certificates issued again before they expire.

use serde_json::{Value, json};
use tagwire_access::{Actor, OwnIdentity, OwnSettings, What};
use tagwire_driver::Clock;
use tagwire_model::Timestamp;

use crate::audit::{Recorder, offline};
use crate::config::Config;
use crate::control::Answer;
use crate::gateway::own_settings;

/// Renews the certificates in the files; only while no server runs.
pub fn renew_files(config: &Config, uid: Option<u32>) -> Answer {
    let (settings, now) = (own_settings(config), Clock::system(|_| {}).now());
    match OwnIdentity::open(&config.data_dir(), settings.clone(), now) {
        Ok(own) => offline(config, |recorder| renew(&own, &settings, now, recorder, &Actor::command(uid))),
        Err(error) => Answer::refused(error.to_string(), "tagwire doctor tells what is wrong"),
    }
}

/// Issues every own certificate again, with its key and URI; one that an authority issued is the authority's to renew.
pub(crate) fn renew(
    own: &OwnIdentity,
    settings: &OwnSettings,
    now: Timestamp,
    recorder: &Recorder,
    by: &Actor,
) -> Answer {
    let before = own.all();
    if before.is_empty() {
        return Answer::refused("there is no own certificate yet", "wait until the server has made it");
    }
    if let Some(issued) = before.iter().find(|own| !own.certificate().is_self_issued()) {
        return Answer::refused(
            format!("an authority issued certificate {}", issued.certificate().fingerprint().short()),
            "have the authority issue another, by a certificate manager or for the same key by hand",
        );
    }
    if let Err(error) = own.renew(settings, now) {
        return Answer::refused(
            error.to_string(),
            "check who may write to the folder pki/own inside [server] data_dir",
        );
    }
    let (mut text, mut renewed) = (String::new(), Vec::<Value>::new());
    for (before, after) in before.iter().zip(own.all()) {
        let [old, new] = [before.certificate(), after.certificate()].map(|certificate| certificate.fingerprint());
        let end = after.certificate().not_after();
        text.push_str(&format!("certificate {new} takes the place of {} and is valid until {end}\n", old.short()));
        renewed
            .push(json!({ "former": old.to_string(), "fingerprint": new.to_string(), "not_after": end.to_string() }));
        let details = vec![("former", old.to_string()), ("certificate", new.to_string())];
        recorder.record(What::CertificateReplaced, by.clone(), details);
    }
    text.push_str("clients that are connected stay so; whoever connects anew has to trust it");
    Answer::good(json!({ "renewed": renewed, "text": text }))
}
