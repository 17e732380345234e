//! What goes along with requests and responses in their additional header: keys for secrets of users (OPC UA Part 6,
//! 6.8.2).

use tagwire_model::Status;

use super::{RequestHeader, ResponseHeader};
use crate::types::{ByteString, ExtensionObject, QualifiedName, UaString, Variant};

structures! {
    /// A value with a name (Part 5, 12.2.13).
    KeyValuePair: KEY_VALUE_PAIR {
        key: QualifiedName,
        value: Variant,
    }

    /// Named values in an additional header (Part 4, 7.1).
    AdditionalParametersType: ADDITIONAL_PARAMETERS_TYPE {
        parameters: Vec<KeyValuePair>,
    }

    /// A public key for one use, and the signature of the application over it (Part 4, 7.15).
    EphemeralKeyType: EPHEMERAL_KEY_TYPE {
        public_key: ByteString,
        signature: ByteString,
    }
}

/// Name of the parameter that says for which security policy a key is wanted.
const POLICY_URI: &str = "ECDHPolicyUri";
/// Name of the parameter that holds the key.
const KEY: &str = "ECDHKey";

impl AdditionalParametersType {
    fn value(&self, name: &str) -> Option<&Variant> {
        let is_named = |pair: &&KeyValuePair| pair.key.namespace == 0 && pair.key.name.as_str() == name;
        self.parameters.iter().find(is_named).map(|pair| &pair.value)
    }

    fn of(header: &ExtensionObject) -> Option<Self> {
        header.decode_as::<Self>()?.ok()
    }
}

fn pair(name: &str, value: Variant) -> KeyValuePair {
    KeyValuePair { key: QualifiedName::new(0, name), value }
}

impl RequestHeader {
    /// The security policy that the client wants a key for; `None` when it wants none.
    pub fn wanted_key_policy(&self) -> Option<UaString> {
        match AdditionalParametersType::of(&self.additional_header)?.value(POLICY_URI)? {
            Variant::String(uri) => Some(uri.clone()),
            _ => Some(UaString::NULL),
        }
    }

    /// Asks for a key for this security policy.
    pub fn want_key(&mut self, policy_uri: &str) {
        let parameters = vec![pair(POLICY_URI, Variant::String(policy_uri.into()))];
        self.additional_header = ExtensionObject::new(&AdditionalParametersType { parameters });
    }
}

impl ResponseHeader {
    /// Answers the wish for a key, or says why there is none.
    pub fn set_key(&mut self, policy_uri: &UaString, key: Result<EphemeralKeyType, Status>) {
        let value = match key {
            Ok(key) => Variant::structure(&key),
            Err(status) => Variant::StatusCode(status),
        };
        let parameters = vec![pair(POLICY_URI, Variant::String(policy_uri.clone())), pair(KEY, value)];
        self.additional_header = ExtensionObject::new(&AdditionalParametersType { parameters });
    }

    /// The key that the server gave; `None` when it gave none.
    pub fn key(&self) -> Option<EphemeralKeyType> {
        match AdditionalParametersType::of(&self.additional_header)?.value(KEY)? {
            Variant::ExtensionObject(object) => object.decode_as()?.ok(),
            _ => None,
        }
    }
}
