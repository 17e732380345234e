use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;

struct Provider {
    key: EcdsaKeyPair,
    issuer: Issuer,
}

const NOW: i64 = 1_700_000_000;

fn provider() -> Provider {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("key");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).expect("key");
    let point = key.public_key().as_ref();
    let set = json!({ "keys": [
        { "kty": "oct", "k": "AAAA" },
        {
            "kty": "EC", "crv": "P-256", "kid": "one", "use": "sig",
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        },
    ]});
    let issuer = Issuer {
        url: "https://login.plant/".to_owned(),
        audience: "tagwire".to_owned(),
        keys: KeySet::parse(&set.to_string()).expect("set"),
        name_claim: "preferred_username".to_owned(),
        roles_claim: "realm.roles".to_owned(),
    };
    Provider { key, issuer }
}

impl Provider {
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    fn check(&self, token: &str) -> Result<Issued, TokenRefused> {
        self.issuer.check(token.as_bytes(), Timestamp::from_unix_nanos(i128::from(NOW) * 1_000_000_000))
    }
}

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "one", "typ": "JWT" })
}

fn claims() -> Value {
    json!({
        "iss": "https://login.plant/", "aud": ["other", "tagwire"], "exp": NOW + 300, "nbf": NOW - 10,
        "preferred_username": "anna", "realm": { "roles": ["operator", "night-shift"] },
    })
}

#[test]
fn a_token_of_the_provider_names_its_user_and_roles() {
    let provider = provider();
    let issued = provider.check(&provider.sign(&header(), &claims())).expect("good");
    assert_eq!(issued.name, "anna");
    assert_eq!(issued.roles, ["operator", "night-shift"]);
    assert_eq!(issued.until.unix_millis(), (NOW + 300) * 1_000);
}

#[test]
fn every_flaw_is_found() {
    let provider = provider();
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        provider.sign(&header(), &claims)
    };
    let mut no_end = claims();
    no_end.as_object_mut().expect("object").remove("exp");
    let good = provider.sign(&header(), &claims());
    let (signed, _) = good.rsplit_once('.').expect("three parts");
    let other = self::provider();
    for (name, token, expected) in [
        ("nothing", String::new(), TokenRefused::Malformed),
        ("two parts", "e30.e30".to_owned(), TokenRefused::Malformed),
        ("no JSON", "e30.eA.AAAA".to_owned(), TokenRefused::Malformed),
        ("no signature", format!("{signed}."), TokenRefused::Signature),
        ("none", provider.sign(&json!({ "alg": "none" }), &claims()), TokenRefused::Algorithm),
        ("symmetric", provider.sign(&json!({ "alg": "HS256" }), &claims()), TokenRefused::Algorithm),
        ("RSA", provider.sign(&json!({ "alg": "RS256", "kid": "one" }), &claims()), TokenRefused::Algorithm),
        ("extension", provider.sign(&json!({ "alg": "ES256", "crit": ["x"] }), &claims()), TokenRefused::Malformed),
        ("unknown key", provider.sign(&json!({ "alg": "ES256", "kid": "two" }), &claims()), TokenRefused::Key),
        ("foreign key", other.sign(&header(), &claims()), TokenRefused::Signature),
        ("issuer", with("iss", json!("https://login.plant")), TokenRefused::Issuer),
        ("audience", with("aud", json!("tagwire2")), TokenRefused::Audience),
        ("ended", with("exp", json!(NOW - 61)), TokenRefused::Time),
        ("not begun", with("nbf", json!(NOW + 61)), TokenRefused::Time),
        ("without end", provider.sign(&header(), &no_end), TokenRefused::Time),
        ("nobody", with("preferred_username", json!("")), TokenRefused::Name),
        ("number", with("preferred_username", json!(7)), TokenRefused::Name),
        ("long", "a".repeat(20_000), TokenRefused::Malformed),
    ] {
        assert_eq!(provider.check(&token), Err(expected), "{name}");
    }
}

#[test]
fn a_set_without_a_key_for_signatures_is_refused() {
    for text in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"}]}"#] {
        assert!(KeySet::parse(text).is_err(), "{text}");
    }
}
