//! The OPC UA face: the server, its identity, and where it listens.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tagwire_access::{Audit, CertificateType, Login, OwnIdentity, Policy, RoleBook, TrustStore};
use tagwire_driver::Clock;
use tagwire_hub::Hub;
use tagwire_model::TagId;
use tagwire_openopc::ItemIds;
use tagwire_ua_proto::secure::{OwnIdentity as ChannelIdentity, SecurityPolicy};
use tagwire_ua_proto::services::MessageSecurityMode;
use tagwire_ua_proto::types::{Guid, Identifier as NodeIdentifier, NodeId};
use tagwire_ua_server::address_space::{AddressSpace, Namespaces, StructureType};
use tagwire_ua_server::durable::DurableSettings;
use tagwire_ua_server::event::Events;
use tagwire_ua_server::node_set::NodeSets;
use tagwire_ua_server::{HistorySource, Listener, OwnSlot, Server, ServerConfig, ServerParts, Usage};

use crate::audit::CLOSE_PATIENCE;
use crate::config::{ExplicitNodeId, HostPort, Identifier, Security, TAG_NAMESPACE, Ua};
use crate::durable::DurableFiles;
use crate::gateway::StartError;
use crate::plant::NodeIds;

/// How long clients are told that the server stops before their connections are closed.
const NOTICE: Duration = Duration::from_millis(200);

/// Longest wait for the own key to be made.
pub(crate) const MAX_KEY_WAIT: Duration = Duration::from_secs(120);

/// The running OPC UA server.
pub(crate) struct UaFace {
    server: Arc<Server>,
    durable: Arc<DurableFiles>,
    listener: Mutex<Option<Listener>>,
    addresses: Vec<SocketAddr>,
}

/// What the face is built from.
pub(crate) struct UaSetup<'a> {
    pub(crate) name: &'a str,
    pub(crate) ua: &'a Ua,
    pub(crate) node_sets: NodeSets,
    pub(crate) structures: &'a [StructureType],
    pub(crate) application_uri: String,
    pub(crate) hub: Arc<Hub>,
    pub(crate) login: Arc<Login>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) role_book: Arc<RoleBook>,
    pub(crate) trust: Arc<TrustStore>,
    pub(crate) user_trust: Arc<TrustStore>,
    pub(crate) own: Arc<OwnIdentity>,
    pub(crate) audit: Arc<dyn Audit>,
    pub(crate) durable: Arc<DurableFiles>,
    pub(crate) clock: Clock,
}

impl UaFace {
    /// The server, which listens nowhere yet.
    pub(crate) fn new(setup: UaSetup<'_>) -> Self {
        let UaSetup { name, ua, node_sets, structures, application_uri, hub, login, policy, role_book, .. } = setup;
        let UaSetup { trust, user_trust, own, audit, durable, clock, .. } = setup;
        let others = ua.namespaces.iter().map(String::as_str).chain(node_sets.namespaces());
        let namespaces = Namespaces::new(&application_uri, &ua.tag_namespace, others);
        let config = ServerConfig {
            application_name: name.to_owned(),
            application_uri,
            security: security(&ua.security),
            host_names: if ua.hosts.is_empty() { tagwire_access::found_names() } else { ua.hosts.clone() },
            diagnostics: ua.diagnostics,
            reverse_connect: ua.reverse_connect.iter().map(|client| client.0.to_string()).collect(),
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let parts = ServerParts {
            address_space: AddressSpace::with_structures(Arc::clone(&hub), namespaces, &node_sets, structures),
            hub,
            login,
            policy,
            role_book,
            trust,
            user_trust,
            own: vec![OwnSlot::rsa(own)],
            audit,
            durable: DurableSettings {
                store: Some(Arc::<DurableFiles>::clone(&durable)),
                max_hours: u32::try_from(ua.durable_lifetime.as_secs() / 3600).unwrap_or(u32::MAX),
                max_bytes: (ua.durable_mib as usize) << 20,
            },
            clock: Arc::new(move || clock.now()),
        };
        Self { server: Server::new(config, parts), durable, listener: Mutex::new(None), addresses: Vec::new() }
    }

    /// Takes up the durable subscriptions of the last run; to be called when all tags have their names, and before
    /// anybody can connect. Reads files.
    pub(crate) fn restore_durables(&self) {
        self.durable.restore(&self.server);
    }

    /// Gives the server its certificates, the RSA one as soon as it is there.
    pub(crate) fn identify(&self, own: Arc<OwnIdentity>) {
        let server = Arc::clone(&self.server);
        let identify =
            move |own: &tagwire_access::OwnCertificate| match ChannelIdentity::new(own.chain(), own.key_pkcs8()) {
                Ok(identity) => server.set_identity(identity),
                Err(error) => tracing::error!(%error, "the own certificate cannot be used"),
            };
        own.others().iter().for_each(|other| identify(other));
        match own.current() {
            Some(own) => identify(&own),
            None => {
                tokio::task::spawn_blocking(move || match own.wait(MAX_KEY_WAIT) {
                    Ok(own) => identify(&own),
                    Err(error) => tracing::error!(%error, "there is no own certificate"),
                });
            }
        }
    }

    /// Listens.
    pub(crate) async fn listen(&mut self, listen: &[HostPort]) -> Result<(), StartError> {
        let mut addresses = Vec::new();
        for host in listen {
            let found = tokio::net::lookup_host((host.host.as_str(), host.port)).await;
            let found: Vec<SocketAddr> =
                found.map_err(|source| StartError::Listen { address: host.to_string(), source })?.collect();
            addresses.extend(found);
        }
        addresses.dedup();
        let listener = Listener::bind(&self.server, &addresses)
            .await
            .map_err(|(address, source)| StartError::Listen { address: address.to_string(), source })?;
        self.addresses = listener.addresses().to_vec();
        *self.listener.lock() = Some(listener);
        Ok(())
    }

    /// Where the server listens.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub(crate) fn end_sessions_of_user(&self, name: &str) {
        self.server.end_sessions_of_user(name);
    }

    pub(crate) fn set_service_level(&self, level: u8) {
        self.server.set_service_level(level);
    }

    /// Serves history from now on, or none any more.
    pub(crate) fn set_history(&self, source: Option<HistorySource>) {
        self.server.set_history(source);
    }

    /// Tells subscribers that range or unit of these tags changed.
    pub(crate) fn tell_semantics(&self, tags: Vec<TagId>) {
        self.server.tell_semantics(tags);
    }

    /// The names of all roles, those that clients made among them.
    pub(crate) fn roles(&self) -> Vec<String> {
        self.server.role_names()
    }

    /// Replaces the rules of who may do what.
    pub(crate) fn set_policy(&self, policy: Arc<Policy>) {
        self.server.set_policy(policy);
    }

    /// Where clients are told what happens.
    pub(crate) fn events(&self) -> &Arc<Events> {
        self.server.events()
    }

    /// Has clients that are not trusted any more disconnected.
    pub(crate) fn recheck_trust(&self) {
        self.server.recheck_trust();
    }

    pub(crate) fn usage(&self) -> Usage {
        self.server.usage()
    }

    /// Waits until the time of a shutdown has come that a client asked for.
    pub(crate) async fn shutdown_due(&self) {
        self.server.shutdown_due().await;
    }

    pub(crate) async fn stop(&self) {
        self.server.stop(NOTICE).await;
        drop(self.listener.lock().take());
        let (server, durable) = (Arc::clone(&self.server), Arc::clone(&self.durable));
        let kept = tokio::task::spawn_blocking(move || {
            server.keep_all_durables();
            durable.close();
        });
        if tokio::time::timeout(CLOSE_PATIENCE, kept).await.is_err() {
            tracing::error!("durable subscriptions cannot be written in time");
        }
    }
}

/// The kinds of certificate that the policies ask for beside the RSA one.
pub(crate) fn certificates(chosen: &[Security]) -> Vec<CertificateType> {
    let kind = |choice: &Security| match choice {
        Security::EccNistP256AesGcm | Security::EccNistP256 => Some(CertificateType::EccNistP256),
        Security::EccNistP384AesGcm | Security::EccNistP384 => Some(CertificateType::EccNistP384),
        _ => None,
    };
    chosen.iter().filter_map(kind).collect()
}

/// Policies with their modes, best first.
fn security(chosen: &[Security]) -> Vec<(&'static SecurityPolicy, MessageSecurityMode)> {
    let policy = |choice: Security| match choice {
        Security::None => SecurityPolicy::NONE,
        Security::Basic256Sha256 => SecurityPolicy::BASIC256_SHA256,
        Security::Aes128Sha256RsaOaep => SecurityPolicy::AES128_SHA256_RSA_OAEP,
        Security::Aes256Sha256RsaPss => SecurityPolicy::AES256_SHA256_RSA_PSS,
        Security::EccNistP256AesGcm => SecurityPolicy::ECC_NIST_P256_AES_GCM,
        Security::EccNistP384AesGcm => SecurityPolicy::ECC_NIST_P384_AES_GCM,
        Security::EccNistP256 => SecurityPolicy::ECC_NIST_P256,
        Security::EccNistP384 => SecurityPolicy::ECC_NIST_P384,
    };
    let mut policies: Vec<&'static SecurityPolicy> = Vec::new();
    for policy in chosen.iter().map(|choice| policy(*choice)) {
        if !policies.contains(&policy) {
            policies.push(policy);
        }
    }
    policies.sort_by_key(|policy| std::cmp::Reverse(policy.strength));
    let with = |mode| policies.iter().filter(|policy| !policy.is_none()).map(move |policy| (*policy, mode));
    let plain = policies.iter().filter(|policy| policy.is_none()).map(|policy| (*policy, MessageSecurityMode::NONE));
    with(MessageSecurityMode::SIGN_AND_ENCRYPT).chain(with(MessageSecurityMode::SIGN)).chain(plain).collect()
}

/// NodeIds of tags on their way to the server, kept until there is one.
#[derive(Default)]
pub(crate) struct Names {
    server: OnceLock<Arc<Server>>,
    early: Mutex<Vec<(TagId, ExplicitNodeId)>>,
    item_ids: Arc<ItemIds>,
}

impl Names {
    /// What tags are called at the OpenOPC gateway: as in the namespace of tags, where they have a name of their own.
    pub(crate) fn item_ids(&self) -> Arc<ItemIds> {
        Arc::clone(&self.item_ids)
    }

    /// Gives the server the names that came before it, and every later one.
    pub(crate) fn give(&self, ua: &UaFace) {
        let _ = self.server.set(Arc::clone(&ua.server));
        let early = std::mem::take(&mut *self.early.lock());
        if !early.is_empty() {
            self.name(early);
        }
    }
}

impl NodeIds for Names {
    fn name(&self, names: Vec<(TagId, ExplicitNodeId)>) {
        for (tag, id) in &names {
            if let (TAG_NAMESPACE, Identifier::String(text)) = (id.namespace, &id.identifier) {
                self.item_ids.name(*tag, text);
            }
        }
        let Some(server) = self.server.get() else { return self.early.lock().extend(names) };
        let names: Vec<(TagId, NodeId)> = names.iter().map(|(tag, id)| (*tag, node_id(id))).collect();
        if let Err(error) = server.address_space().name_tags(&names) {
            tracing::error!(%error, "tags keep their default node ids");
        }
    }

    fn forget(&self, tags: &[TagId]) {
        self.item_ids.forget(tags);
        if let Some(server) = self.server.get() {
            server.address_space().forget_tags(tags);
        }
    }
}

pub(crate) fn node_id(id: &ExplicitNodeId) -> NodeId {
    let identifier = match &id.identifier {
        Identifier::Numeric(number) => NodeIdentifier::Numeric(*number),
        Identifier::String(name) => NodeIdentifier::String(Arc::from(&**name)),
        Identifier::Guid(text_order) => {
            // Of the 16 bytes in the order of the text, the first three groups go over the wire reversed.
            let [a, b, c, d, e, f, g, h, rest @ ..] = *text_order;
            let mut wire = [d, c, b, a, f, e, h, g, 0, 0, 0, 0, 0, 0, 0, 0];
            wire[8..].copy_from_slice(&rest);
            NodeIdentifier::Guid(Guid(wire))
        }
        Identifier::Opaque(bytes) => NodeIdentifier::Opaque(Arc::from(&**bytes)),
    };
    NodeId { namespace: id.namespace, identifier }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_offered_best_first_and_once() {
        let chosen = [
            Security::None,
            Security::Aes128Sha256RsaOaep,
            Security::Basic256Sha256,
            Security::Aes256Sha256RsaPss,
            Security::Basic256Sha256,
        ];
        let offered: Vec<(&str, i32)> = security(&chosen).iter().map(|(policy, mode)| (policy.name, mode.0)).collect();
        let (pss, basic, aes128) = ("Aes256_Sha256_RsaPss", "Basic256Sha256", "Aes128_Sha256_RsaOaep");
        let expected = [(pss, 3), (basic, 3), (aes128, 3), (pss, 2), (basic, 2), (aes128, 2), ("None", 1)];
        assert_eq!(offered, expected);
    }

    #[test]
    fn a_policy_over_a_curve_brings_its_certificate() {
        let (p256, p384) = (CertificateType::EccNistP256, CertificateType::EccNistP384);
        assert_eq!(certificates(&[Security::None, Security::Basic256Sha256]), []);
        assert_eq!(certificates(&[Security::EccNistP384AesGcm, Security::EccNistP256]), [p384, p256]);
    }
}
