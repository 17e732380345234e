//! What all connections share: configuration, sessions, subscriptions without a session, and their housekeeping.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tagwire_access::{Audit, Guesses, Identity, Login, PeerCheck, Policy, Principal, RoleBook, TrustStore, What};
use tagwire_hub::Hub;
use tagwire_model::{Status, TagId, Timestamp};
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::secure::{
    OwnIdentities, OwnIdentity, PeerCertificate, SecurityPolicy, ServerConfig as ChannelConfig,
};
use tagwire_ua_proto::services::{MessageSecurityMode, ServerState};
use tagwire_ua_proto::status;
use tagwire_ua_proto::transport::Limits;
use tokio::sync::{Notify, Semaphore, watch};

use crate::address_space::{AddressSpace, OwnRoles};
use crate::configuration::{Configuration, OwnSlot};
use crate::counters::Counters;
use crate::diagnostics::Diagnostics;
use crate::durable::{DurableSettings, Durables};
use crate::event::{Events, NewEvent, Source, audit};
use crate::history::HistorySource;
use crate::limits;
use crate::log;
use crate::monotonic;
use crate::ownership::Ownership;
use crate::quota::{Quota, Usage};
use crate::services::PartLocks;
use crate::session::{Session, SessionTable};
use crate::shutdown::Shutdown;
use crate::subscription::{Millis, Subscription, SubscriptionSettings};
use crate::zones::Zones;

/// What the operator configures of the OPC UA face.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Name shown to people.
    pub application_name: String,
    /// The URI that identifies this installation; the one in its certificate.
    pub application_uri: String,
    /// Security policies and modes, best first.
    pub security: Vec<(&'static SecurityPolicy, MessageSecurityMode)>,
    /// Names under which clients reach this machine.
    pub host_names: Vec<String>,
    /// Version of the product.
    pub software_version: String,
    /// Whether diagnostics of single sessions and subscriptions are kept from the start.
    pub diagnostics: bool,
    /// Clients that the server dials, each a host with a port.
    pub reverse_connect: Vec<String>,
}

/// Wall time, handed in so that tests can set it.
pub type WallClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What the server is built on.
pub struct ServerParts {
    /// The live table.
    pub hub: Arc<Hub>,
    /// The nodes.
    pub address_space: AddressSpace,
    /// Checks passwords.
    pub login: Arc<Login>,
    /// Who may do what, as configured.
    pub policy: Arc<Policy>,
    /// What clients changed of roles.
    pub role_book: Arc<RoleBook>,
    /// Whose certificates are trusted.
    pub trust: Arc<TrustStore>,
    /// Which users' certificates are trusted.
    pub user_trust: Arc<TrustStore>,
    /// The own certificates, for certificate managers; what the server uses is given by [`Server::set_identity`].
    pub own: Vec<OwnSlot>,
    /// The audit log.
    pub audit: Arc<dyn Audit>,
    /// Which subscriptions may survive the server's end.
    pub durable: DurableSettings,
    /// Wall time.
    pub clock: WallClock,
}

/// The OPC UA server.
pub struct Server {
    pub(crate) config: ServerConfig,
    pub(crate) hub: Arc<Hub>,
    pub(crate) address_space: AddressSpace,
    pub(crate) login: Arc<Login>,
    pub(crate) trust: Arc<TrustStore>,
    pub(crate) user_trust: Arc<TrustStore>,
    pub(crate) audit: Arc<dyn Audit>,
    pub(crate) configuration: Configuration,
    pub(crate) sessions: SessionTable,
    pub(crate) quota: Quota,
    pub(crate) counters: Counters,
    pub(crate) guesses: Guesses,
    pub(crate) part_locks: PartLocks,
    /// Turns for history reads.
    pub(crate) history_reads: Semaphore,
    pub(crate) start_time: Timestamp,
    clock: WallClock,
    epoch: Instant,
    /// As configured.
    base_policy: ArcSwap<Policy>,
    /// With what clients changed of roles.
    policy: ArcSwap<Policy>,
    pub(crate) role_book: Arc<RoleBook>,
    pub(crate) diagnostics: Diagnostics,
    pub(crate) durables: Durables,
    /// Which rule of the policy covers each tag.
    pub(crate) zones: ArcSwap<Zones>,
    identities: ArcSwap<OwnIdentities>,
    /// How often an identity was replaced by another that channels must use.
    identity_generation: AtomicU64,
    channel_config: ArcSwap<ChannelConfig>,
    pub(crate) owners: Mutex<Owners>,
    pub(crate) next_subscription: AtomicU32,
    next_channel: AtomicU32,
    service_level: AtomicU32,
    stopped: watch::Sender<bool>,
    is_shutting_down: AtomicBool,
    /// The shutdown that a client asked for.
    pub(crate) shutdown: Shutdown,
    events: Arc<Events>,
    last_housekeeping: AtomicU64,
    trust_changed: Notify,
}

/// What a session leaves behind when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// No subscription.
    Nothing,
    /// Durable subscriptions, whose next owner must be asked for the right to each item.
    Durable,
    /// All its subscriptions.
    All,
}

/// Who owns which subscription, and those that nobody owns any more (Part 4, 5.14.7).
#[derive(Default)]
pub(crate) struct Owners {
    pub(crate) by_subscription: HashMap<u32, Owner>,
    pub(crate) orphans: Vec<Orphan>,
}

pub(crate) enum Owner {
    Session(Arc<Session>),
    Nobody,
}

pub(crate) struct Orphan {
    pub(crate) subscription: Subscription,
    pub(crate) owner: Option<Ownership>,
}

impl Server {
    /// A server that listens nowhere yet.
    pub fn new(config: ServerConfig, parts: ServerParts) -> Arc<Self> {
        let start_time = (parts.clock)();
        let channel_config = ArcSwap::from_pointee(channel_config(&config, &OwnIdentities::default()));
        let policy = Arc::new(parts.role_book.lay_over(&parts.policy, true));
        parts.address_space.set_roles(OwnRoles::of(&policy));
        let events = Arc::new(Events::new(Arc::clone(&parts.clock), Arc::clone(&policy)));
        let diagnostics = Diagnostics::new(config.diagnostics);
        let zones = ArcSwap::from_pointee(Zones::none(Arc::clone(&policy)));
        Arc::new(Self {
            config,
            hub: parts.hub,
            address_space: parts.address_space,
            login: parts.login,
            trust: parts.trust,
            user_trust: parts.user_trust,
            audit: parts.audit,
            configuration: Configuration::new(parts.own),
            sessions: SessionTable::default(),
            quota: Quota::default(),
            counters: Counters::default(),
            guesses: Guesses::default(),
            part_locks: PartLocks::default(),
            history_reads: Semaphore::new(limits::MAX_HISTORY_READS),
            start_time,
            clock: parts.clock,
            epoch: monotonic::now(),
            base_policy: ArcSwap::new(parts.policy),
            policy: ArcSwap::new(policy),
            role_book: parts.role_book,
            zones,
            diagnostics,
            durables: Durables::new(parts.durable),
            identities: ArcSwap::default(),
            identity_generation: AtomicU64::new(0),
            channel_config,
            owners: Mutex::default(),
            next_subscription: AtomicU32::new(1),
            next_channel: AtomicU32::new(1),
            service_level: AtomicU32::new(255),
            stopped: watch::Sender::new(false),
            is_shutting_down: AtomicBool::new(false),
            shutdown: Shutdown::default(),
            events,
            last_housekeeping: AtomicU64::new(0),
            trust_changed: Notify::new(),
        })
    }

    /// The address space, to name tags in it.
    pub const fn address_space(&self) -> &AddressSpace {
        &self.address_space
    }

    /// Where everything that happens is told to clients.
    pub const fn events(&self) -> &Arc<Events> {
        &self.events
    }

    /// Gives the server a certificate, in place of the one with the same kind of key; endpoints whose policy takes it appear
    /// from then on, and channels that are open keep what they have.
    pub fn set_identity(&self, identity: OwnIdentity) {
        let identity = Arc::new(identity);
        self.identities.rcu(|known| {
            let mut identities = OwnIdentities::clone(known);
            identities.replace(Arc::clone(&identity));
            identities
        });
        self.channel_config.store(Arc::new(channel_config(&self.config, &self.identities.load())));
    }

    /// As [`Self::set_identity`], and has channels that were opened with the identity before closed; their sessions live
    /// on for clients that connect again (Part 12, 7.10.9).
    pub(crate) fn replace_identity(&self, identity: OwnIdentity) {
        self.set_identity(identity);
        self.identity_generation.fetch_add(1, Ordering::Release);
    }

    /// Grows when channels have to be opened anew.
    pub(crate) fn identity_generation(&self) -> u64 {
        self.identity_generation.load(Ordering::Acquire)
    }

    pub(crate) fn channel_config(&self) -> Arc<ChannelConfig> {
        self.channel_config.load_full()
    }

    /// The certificate for a policy; for the policy None the RSA one.
    pub(crate) fn identity(&self, policy: &SecurityPolicy) -> Option<Arc<OwnIdentity>> {
        self.identities.load().for_policy(policy).cloned()
    }

    /// Replaces the rules of who may do what. Where anything changes all sessions end, because what they did under the
    /// old rules, as monitored items, must not go on. Durable subscriptions wait; whoever takes one over is asked for the
    /// right to each item.
    pub fn set_policy(&self, policy: Arc<Policy>) {
        if *self.base_policy() == *policy {
            return;
        }
        self.use_policy(Arc::new(self.role_book.lay_over(&policy, true)));
        self.base_policy.store(policy);
        self.end_for_policy("the rules of access changed", |_| true);
    }

    /// Who may do what, as configured.
    pub(crate) fn base_policy(&self) -> Arc<Policy> {
        self.base_policy.load_full()
    }

    pub(crate) fn store_policy(&self, policy: Arc<Policy>) {
        self.policy.store(policy);
    }

    pub(crate) fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// Has the trust lists looked at now: whoever is not trusted any more loses sessions and connections. Without this
    /// call a change is noticed within a second or so.
    pub fn recheck_trust(&self) {
        self.trust_changed.notify_one();
    }

    /// Waits for [`Self::recheck_trust`].
    pub(crate) async fn trust_rechecked(&self) {
        self.trust_changed.notified().await;
    }

    /// Ends the sessions of a client that is not trusted any more, with their subscriptions.
    pub(crate) fn end_sessions_of(&self, certificate: &PeerCertificate) {
        self.end_sessions_where("its client is not trusted any more", Leave::Nothing, |session| {
            session.client_certificate.as_ref().is_some_and(|known| known.leaf() == certificate.leaf())
        });
    }

    /// Ends the sessions of a user who was removed, or whose password or roles changed, with their subscriptions.
    pub fn end_sessions_of_user(&self, name: &str) {
        self.end_sessions_where("its user was changed or removed", Leave::Nothing, |session| {
            let state = session.state.lock();
            let identity = state.principal.as_deref().map(Principal::identity);
            matches!(identity, Some(Identity::User(user)) if **user == *name)
        });
        self.end_orphans_where(|orphan| {
            let owner = orphan.owner.as_ref().map(|owner| owner.principal.identity());
            owner.is_none_or(|owner| matches!(owner, Identity::User(user) if **user == *name))
        });
    }

    /// Ends the sessions of users whose certificates are not trusted any more.
    pub(crate) fn end_sessions_of_distrusted_users(&self) {
        let now = self.now();
        self.end_sessions_where("its user's certificate is not trusted any more", Leave::Nothing, |session| {
            let shown = session.state.lock().user_certificate.clone();
            shown.is_some_and(|chain| self.user_trust.verify_peer(&chain, &PeerCheck::default(), now).is_err())
        });
    }

    pub(crate) fn end_sessions_where(&self, why: &'static str, leave: Leave, is_meant: impl Fn(&Session) -> bool) {
        for session in self.sessions.all().into_iter().filter(|session| is_meant(session)) {
            tracing::warn!(session = %session.name, "session closed: {why}");
            log::session_ended(self, &session, What::SessionEnded, Some(why));
            self.end_session(&session, leave);
        }
    }

    /// Ends subscriptions without a session: their items were made under rights that no longer hold, and another session
    /// of their user could take them over.
    pub(crate) fn end_orphans_where(&self, is_meant: impl Fn(&Orphan) -> bool) {
        let mut owners = self.owners.lock();
        let gone: Vec<Orphan> = owners.orphans.extract_if(.., |orphan| is_meant(orphan)).collect();
        for orphan in &gone {
            owners.by_subscription.remove(&orphan.subscription.id);
        }
        // The hub wakes owners while it holds its own lock, which the end of a subscription needs too.
        drop(owners);
        self.durables.forget(gone.iter().map(|orphan| &orphan.subscription));
        drop(gone);
    }

    /// Tells the subscribers of tags whose range or unit changed (Part 8, 6.3.3).
    pub fn tell_semantics(&self, mut tags: Vec<TagId>) {
        if tags.is_empty() {
            return;
        }
        tags.sort_unstable();
        tags.dedup();
        let registry = self.hub.registry();
        let range = |tag| registry.tag(tag)?.extra.as_ref()?.eu_range;
        let changed: Vec<_> = tags.into_iter().map(|tag| (tag, range(tag))).collect();
        drop(registry);
        for session in self.sessions.all() {
            let mut state = session.state.lock();
            state.publishing.subscriptions_mut().iter_mut().for_each(|known| known.tell_semantics(&changed));
            drop(state);
            session.wake();
        }
        // Nobody wakes an owner for an orphan, so that its changes can be told while the owners are locked.
        let mut owners = self.owners.lock();
        owners.orphans.iter_mut().for_each(|orphan| orphan.subscription.tell_semantics(&changed));
    }

    /// Serves history from now on, or none any more.
    pub fn set_history(&self, source: Option<HistorySource>) {
        self.events.set_journal(source.as_ref().and_then(HistorySource::journal).cloned());
        self.address_space.set_history(source.map(Arc::new));
    }

    /// Sets how able the server is to serve, 0 to 255 (Part 4, 6.6.2.4.2).
    pub fn set_service_level(&self, level: u8) {
        self.service_level.store(u32::from(level), Ordering::Relaxed);
    }

    pub(crate) fn service_level(&self) -> u8 {
        self.service_level.load(Ordering::Relaxed) as u8
    }

    /// What is in use of every counted resource. It looks at every session: to be asked for a few times a second.
    pub fn usage(&self) -> Usage {
        let mut usage = self.quota.usage();
        usage.durable_bytes = self.durables.used();
        usage.queued_event_bytes = self.events.queued().used();
        usage.event_filter_bytes = self.events.filters().used();
        for session in self.sessions.all() {
            let state = session.state.lock();
            usage.waiting_publishes += state.publishing.n_waiting();
            usage.continuation_points += state.browse_points.len() + state.history_points.len();
        }
        usage
    }

    /// Milliseconds on the housekeeping's monotonic clock when it last ran, for a watchdog.
    pub fn last_housekeeping(&self) -> u64 {
        self.last_housekeeping.load(Ordering::Relaxed)
    }

    /// Wall time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Monotonic time.
    pub(crate) fn millis(&self) -> Millis {
        monotonic::now().saturating_duration_since(self.epoch).as_millis() as Millis
    }

    pub(crate) fn next_channel_id(&self) -> u32 {
        self.next_channel.fetch_add(1, Ordering::Relaxed)
    }

    /// Becomes true when the server stops.
    pub(crate) fn shutdown_signal(&self) -> watch::Receiver<bool> {
        self.stopped.subscribe()
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        self.is_shutting_down.load(Ordering::Relaxed)
    }

    /// Waits until the time of a shutdown has come that a client asked for. Whoever waits stops the server then.
    pub async fn shutdown_due(&self) {
        self.shutdown.due().await;
    }

    /// Tells clients through ServerStatus that the server stops (Part 5, 12.10), waits for `notice`, and closes all
    /// connections.
    pub async fn stop(&self, notice: Duration) {
        self.is_shutting_down.store(true, Ordering::Relaxed);
        self.tell_shutdown();
        tokio::time::sleep(notice).await;
        self.stopped.send_replace(true);
    }

    /// Clients that subscribed for events hear of the end at once, since they will not live to see the end of a long
    /// publishing interval.
    fn tell_shutdown(&self) {
        const SEVERITY: u16 = 500;
        let event =
            NewEvent::new(node::SYSTEM_STATUS_CHANGE_EVENT_TYPE, Source::server(), SEVERITY, "the server stops");
        self.events.emit(event.with("SystemState", ServerState::SHUTDOWN));
        let now = self.millis();
        for session in self.sessions.all() {
            session.state.lock().publishing.hurry_events(now);
            session.wake();
        }
    }

    pub(crate) fn new_subscription(
        self: &Arc<Self>,
        session: &Arc<Session>,
        settings: SubscriptionSettings,
        enabled: bool,
        now: Millis,
    ) -> Result<Subscription, Status> {
        let n_owned = session.state.lock().publishing.subscriptions().len();
        if n_owned >= limits::MAX_SUBSCRIPTIONS_PER_SESSION as usize {
            return Err(status::BAD_TOO_MANY_SUBSCRIPTIONS);
        }
        let id = self.next_subscription.fetch_add(1, Ordering::Relaxed);
        let subscription = self.subscription(id, settings, enabled, now)?;
        self.owners.lock().by_subscription.insert(id, Owner::Session(Arc::clone(session)));
        self.counters.subscription_made();
        Ok(subscription)
    }

    pub(crate) fn wake_owner(&self, id: u32) {
        if let Some(Owner::Session(session)) = self.owners.lock().by_subscription.get(&id) {
            session.wake();
        }
    }

    /// Ends the subscription without a session that has waited longest, unless it is there to wait.
    pub(crate) fn drop_oldest_orphan(&self) -> Option<()> {
        let mut owners = self.owners.lock();
        let at = owners.orphans.iter().position(|orphan| !orphan.subscription.is_durable())?;
        let orphan = owners.orphans.remove(at);
        owners.by_subscription.remove(&orphan.subscription.id);
        // The hub wakes owners while it holds its own lock, which the end of a subscription needs too.
        drop(owners);
        drop(orphan);
        Some(())
    }

    pub(crate) fn knows_subscription(&self, id: u32) -> bool {
        self.owners.lock().by_subscription.contains_key(&id)
    }

    /// Ends subscriptions for good.
    pub(crate) fn forget_subscriptions(&self, gone: Vec<Subscription>) {
        let mut owners = self.owners.lock();
        for subscription in &gone {
            owners.by_subscription.remove(&subscription.id);
        }
        drop(owners);
        self.durables.forget(&gone);
        drop(gone);
    }

    /// Ends a session. Subscriptions that are not deleted with it wait for another session of the same user
    /// (Part 4, 5.7.4).
    pub(crate) fn end_session(&self, session: &Arc<Session>, leave: Leave) {
        if self.sessions.remove(&session.token).is_none() {
            return;
        }
        self.unlist_session(session);
        self.configuration.session_ended(&session.id, self.now());
        let mut state = session.state.lock();
        let mut subscriptions = state.publishing.take_all();
        state.publishing.refuse_all(status::BAD_SESSION_CLOSED);
        let principal = state.principal.take();
        state.browse_points = Default::default();
        drop(state);
        session.wake();
        let stays = |subscription: &Subscription| match leave {
            Leave::Nothing => false,
            Leave::Durable => subscription.is_durable(),
            Leave::All => true,
        };
        let gone = subscriptions.extract_if(.., |subscription| !stays(subscription)).collect();
        self.forget_subscriptions(gone);
        let mut owners = self.owners.lock();
        for mut subscription in subscriptions {
            if leave == Leave::Durable {
                subscription.set_needs_check();
            }
            owners.by_subscription.insert(subscription.id, Owner::Nobody);
            let owner = principal.clone().map(|principal| Ownership::of(session, principal));
            owners.orphans.push(Orphan { subscription, owner });
        }
    }

    /// Moves a subscription to another session of the same user (Part 4, 5.14.7).
    pub(crate) fn transfer_subscription(
        &self,
        id: u32,
        to: &Arc<Session>,
        send_initial_values: bool,
    ) -> Result<Vec<u32>, Status> {
        let asking = to.state.lock().principal.clone().ok_or(Status::BAD_USER_ACCESS_DENIED)?;
        let asking = Ownership::of(to, asking);
        let from = match self.owners.lock().by_subscription.get(&id) {
            None => return Err(status::BAD_SUBSCRIPTION_ID_INVALID),
            Some(Owner::Session(from)) => Some(Arc::clone(from)),
            Some(Owner::Nobody) => None,
        };
        let mut subscription = match &from {
            Some(from) if Arc::ptr_eq(from, to) => return Err(status::BAD_NOTHING_TO_DO),
            Some(from) => {
                let mut state = from.state.lock();
                let owner = state.principal.clone().map(|principal| Ownership::of(from, principal));
                if !owner.is_some_and(|owner| owner.may_pass_to(&asking)) {
                    return Err(Status::BAD_USER_ACCESS_DENIED);
                }
                let taken = state.publishing.take(id).ok_or(status::BAD_SUBSCRIPTION_ID_INVALID)?;
                state.publishing.leave_ghost(&taken, status::GOOD_SUBSCRIPTION_TRANSFERRED);
                taken
            }
            None => {
                let mut owners = self.owners.lock();
                let idx = owners.orphans.iter().position(|orphan| orphan.subscription.id == id);
                let idx = idx.ok_or(status::BAD_SUBSCRIPTION_ID_INVALID)?;
                if !owners.orphans[idx].owner.as_ref().is_some_and(|owner| owner.may_pass_to(&asking)) {
                    return Err(Status::BAD_USER_ACCESS_DENIED);
                }
                owners.orphans.remove(idx).subscription
            }
        };
        if let Some(from) = &from {
            from.wake();
        }
        subscription.touch();
        self.check_and_pass(&mut subscription, &asking);
        let is_same_client = from.as_ref().is_some_and(|from| from.application_uri == to.application_uri);
        subscription.note_transfer(is_same_client);
        subscription.set_principal(&asking.principal);
        if send_initial_values {
            subscription.resend_data();
        }
        let available = subscription.sent().available().collect();
        self.owners.lock().by_subscription.insert(id, Owner::Session(Arc::clone(to)));
        to.state.lock().publishing.add(subscription);
        Ok(available)
    }

    /// Ends what nobody keeps alive: to be called several times a second.
    pub(crate) fn keep_house(&self) {
        let now = self.millis();
        self.last_housekeeping.store(now, Ordering::Relaxed);
        self.shutdown.check(now);
        for session in self.sessions.expired(now) {
            tracing::info!(session = %session.name, "session timed out");
            self.counters.session_timed_out();
            audit::session_ended(self, &session, &audit::Actor::default(), true);
            self.end_session(&session, Leave::All);
        }
        let time = self.now();
        self.end_sessions_where("the token of its user has ended", Leave::Nothing, |session| session.has_ended(time));
        let mut gone = Vec::new();
        for session in self.sessions.all() {
            if !session.has_connection() {
                gone.extend(session.state.lock().publishing.run(now, self));
            }
        }
        self.forget_subscriptions(gone);
        let mut owners = self.owners.lock();
        let mut kept = Vec::with_capacity(owners.orphans.len());
        let mut expired = Vec::new();
        for mut orphan in std::mem::take(&mut owners.orphans) {
            orphan.subscription.collect_if_crowded();
            if orphan.subscription.cycle(now, self, false) {
                owners.by_subscription.remove(&orphan.subscription.id);
                expired.push(orphan);
            } else {
                kept.push(orphan);
            }
        }
        owners.orphans = kept;
        drop(owners);
        self.durables.forget(expired.iter().map(|orphan| &orphan.subscription));
        drop(expired);
        self.keep_durables(now);
        self.configuration.keep_house(now, time);
        self.refresh_diagnostics(now);
    }
}

/// What channels may be opened with: everything the operator wants and there is a key for, and the policy None.
fn channel_config(config: &ServerConfig, identities: &OwnIdentities) -> ChannelConfig {
    let works = |(policy, _): &(&'static SecurityPolicy, MessageSecurityMode)| {
        policy.is_none() || identities.for_policy(policy).is_some()
    };
    let offers = config.security.iter().copied().filter(works);
    let mut offers: Vec<_> = offers.collect();
    // Discovery needs no security; the services themselves refuse sessions on such a channel (Part 4, 5.5.1).
    if !offers.iter().any(|(policy, _)| policy.is_none()) {
        offers.push((SecurityPolicy::NONE, MessageSecurityMode::NONE));
    }
    let limits =
        Limits { max_message: limits::MAX_MESSAGE_SIZE, max_chunks: limits::MAX_CHUNK_COUNT, ..Limits::default() };
    ChannelConfig { handshake_timeout: limits::OPEN_TIMEOUT, ..ChannelConfig::new(identities.clone(), offers, limits) }
}
