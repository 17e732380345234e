//! Renewal and expiry.

use std::time::Duration;

use super::pair::{Pair, SECURITY, Seen};
use crate::secure::{PeerCertificate, SecurityPolicy};
use crate::services::MessageSecurityMode;
use crate::transport::Fault;

#[test]
fn the_old_token_holds_until_the_new_one_is_used() {
    for security in SECURITY {
        let mut pair = Pair::connect(security);
        let renewal = pair.open_request();
        pair.server_takes(renewal).expect("renewal");
        let (token, response) = pair.accept();
        assert_eq!((token.channel_id, token.token_id), (77, 2));
        // The client does not know the new token yet, and the server still sends with the old one.
        let (request_id, old) = pair.request(b"old");
        assert_eq!(pair.server_takes(old).expect("old token").0, [Seen::Message(request_id, b"old".to_vec())]);
        assert_eq!(pair.server.token_id(), Some(1));
        let late = pair.response(request_id, b"late");
        pair.client_takes(response).expect("renewed");
        assert_eq!(pair.client.token_id(), Some(2));
        let (_, next) = pair.request(b"new");
        assert_eq!(pair.server_takes(next).expect("new token").0.len(), 1);
        assert_eq!(pair.server.token_id(), Some(2));
        // In the real order the late response comes first; the client would refuse its sequence number now.
        drop(late);
    }
}

#[test]
fn responses_with_the_old_token_still_reach_the_client() {
    for security in SECURITY {
        let mut pair = Pair::connect(security);
        pair.renew();
        // The server has not seen the new token, so it answers with the old one.
        let response = pair.response(5, b"old");
        assert_eq!(pair.client_takes(response), Ok(vec![(5, b"old".to_vec())]));
        let (_, request) = pair.request(b"new");
        pair.server_takes(request).expect("new token");
        let response = pair.response(6, b"new");
        assert_eq!(pair.client_takes(response), Ok(vec![(6, b"new".to_vec())]));
    }
}

#[test]
fn a_replaced_token_is_refused() {
    for security in SECURITY {
        let mut pair = Pair::connect(security);
        pair.renew();
        let (_, bytes) = pair.request(b"new");
        pair.server_takes(bytes).expect("new token");
        let (_, mut bytes) = pair.request(b"old");
        bytes[12..16].copy_from_slice(&1_u32.to_le_bytes());
        assert_eq!(pair.server_takes(bytes), Err(Fault::Token.into()));
    }
}

#[test]
fn a_token_expires_a_quarter_after_its_lifetime() {
    for security in SECURITY {
        let mut pair = Pair::connect(security);
        pair.now += Duration::from_secs(75);
        let (_, bytes) = pair.request(b"in time");
        assert_eq!(pair.server_takes(bytes).expect("in time").0.len(), 1);
        assert_eq!(pair.server.check_deadline(pair.now), Ok(()));
        pair.now += Duration::from_millis(1);
        let (_, bytes) = pair.request(b"late");
        assert_eq!(pair.server_takes(bytes), Err(Fault::TimedOut.into()));
        assert_eq!(pair.server.check_deadline(pair.now), Err(Fault::TimedOut.into()));
    }
}

#[test]
fn an_expired_old_token_is_refused_while_the_new_one_holds() {
    let mut pair = Pair::connect(SECURITY[2]);
    pair.now += Duration::from_secs(70);
    let renewal = pair.open_request();
    pair.server_takes(renewal).expect("renewal");
    pair.accept();
    pair.now += Duration::from_secs(6);
    let (_, bytes) = pair.request(b"old");
    assert_eq!(pair.server_takes(bytes), Err(Fault::Token.into()));
}

#[test]
fn a_channel_lives_on_through_many_renewals() {
    for security in [SECURITY[0], SECURITY[2]] {
        let mut pair = Pair::connect(security);
        for round in 0..20 {
            pair.now += Duration::from_secs(45);
            assert_eq!(pair.renew().token_id, round + 2);
            let (request_id, bytes) = pair.request(b"body");
            assert_eq!(pair.server_takes(bytes).expect("request").0.len(), 1);
            let response = pair.response(request_id, b"body");
            assert_eq!(pair.client_takes(response).expect("response").len(), 1);
        }
    }
}

#[test]
fn lifetimes_are_held_within_the_limits_of_the_server() {
    let mut pair = Pair::connect(SECURITY[0]);
    for (asked, granted) in [(0, 10), (3, 10), (60, 60), (1_000_000, 3600)] {
        pair.lifetime = Duration::from_secs(asked);
        assert_eq!(pair.renew().lifetime, Duration::from_secs(granted));
    }
}

#[test]
fn a_renewal_may_change_nothing_but_the_keys() {
    let secure = (SecurityPolicy::BASIC256_SHA256, MessageSecurityMode::SIGN_AND_ENCRYPT);
    let mut pair = Pair::connect(secure);
    pair.client.config.mode = MessageSecurityMode::SIGN;
    let renewal = pair.open_request();
    assert_eq!(pair.server_takes(renewal), Err(Fault::RenewalMismatch.into()));

    let mut pair = Pair::connect(secure);
    pair.client.config.policy = SecurityPolicy::AES256_SHA256_RSA_PSS;
    let renewal = pair.open_request();
    assert_eq!(pair.server_takes(renewal), Err(Fault::RenewalMismatch.into()));

    let mut pair = Pair::connect(secure);
    pair.client.config.policy = SecurityPolicy::NONE;
    let renewal = pair.open_request();
    assert_eq!(pair.server_takes(renewal), Err(Fault::RenewalMismatch.into()));

    let mut pair = Pair::connect(secure);
    let server = super::pair::server_identity();
    let server = PeerCertificate::parse(server.certificate().chain()).expect("certificate");
    pair.client.config.parties = Some((super::pair::long_identity(), std::sync::Arc::new(server)));
    let renewal = pair.open_request();
    assert_eq!(pair.server_takes(renewal), Err(Fault::RenewalMismatch.into()));
}

#[test]
fn a_refused_client_gets_the_code_and_nothing_else() {
    let mut pair = Pair::connect(SECURITY[2]);
    let renewal = pair.open_request();
    pair.server_takes(renewal).expect("renewal");
    let error = pair.server.refuse_open(tagwire_model::Status(0x8013_0000));
    let mut out = Vec::new();
    crate::secure::ServerChannel::write_error(&error, &mut out);
    assert_eq!(pair.client_takes(out), Err(Fault::PeerError(crate::status::BAD_SECURITY_CHECKS_FAILED).into()));
    let (_, bytes) = pair.request(b"body");
    assert_eq!(pair.server_takes(bytes), Err(Fault::OutOfTurn.into()));
}
