//! The OpenOPC gateway, when the configuration opens it.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::RwLock;
use tagwire_access::{Audit, ChannelSecurity, Face as FaceKind, Origin, Peer, Policy};
use tagwire_driver::Clock;
use tagwire_hub::Hub;
use tagwire_openopc::{Face, ItemIds, Settings};
use tokio::net::TcpListener;

use crate::config::OpenOpc;
use crate::gateway::StartError;

/// The name under which everybody acts who comes through the gateway.
const USER: &str = "openopc";

/// The policy in force, which a reload replaces; connections that are open keep the one that they began with.
pub(crate) type CurrentPolicy = Arc<RwLock<Arc<Policy>>>;

/// Opens the port, when there is to be one.
pub(crate) async fn listen(
    openopc: &OpenOpc,
    hub: &Arc<Hub>,
    policy: &CurrentPolicy,
    audit: Arc<dyn Audit>,
    item_ids: Arc<ItemIds>,
    clock: &Clock,
) -> Result<Option<(TcpListener, Arc<Face>)>, StartError> {
    let Some(listen) = &openopc.listen else { return Ok(None) };
    let listener = TcpListener::bind((listen.host.as_str(), listen.port)).await;
    let listener = listener.map_err(|source| StartError::Listen { address: listen.to_string(), source })?;
    if listener.local_addr().is_ok_and(|address| !address.ip().is_loopback()) {
        let roles = openopc.roles.join(", ");
        tracing::warn!(%listen, roles, "OpenOPC gateway is open to the network, where anybody has these roles");
    }
    let settings = Settings {
        names: openopc.names.clone(),
        max_clients: openopc.max_clients as usize,
        idle: openopc.idle,
        ..Settings::default()
    };
    let (policy, roles) = (Arc::clone(policy), openopc.roles.clone());
    let rights = move |peer: SocketAddr| {
        let policy = Arc::clone(&policy.read());
        let held = policy.roles_named(roles.iter().map(String::as_str));
        let origin = Origin { face: FaceKind::OpenOpc, peer: Some(peer), security: ChannelSecurity::None };
        let principal = policy.principal(Peer::user(USER), held, origin);
        (policy, principal)
    };
    let clock = clock.clone();
    let face = Face::new(Arc::clone(hub), settings, Box::new(rights), audit, Arc::new(move || clock.now()))
        .with_item_ids(item_ids);
    Ok(Some((listener, Arc::new(face))))
}
