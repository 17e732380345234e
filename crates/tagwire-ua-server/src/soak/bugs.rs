//! What the fuzzer found, each as a short story.

use std::time::Duration;

use tagwire_ua_proto::services::{CloseSessionRequest, CreateSubscriptionRequest, GetEndpointsRequest};
use tagwire_ua_proto::types::NodeId;

use super::client::{Promise, Stage};
use super::plant::User;
use super::requests::{Made, made};
use super::world::World;
use crate::limits;

/// The session that the stories are about, and the connection that it is made on.
const SESSION: usize = 0;
const CLIENT: usize = 0;

impl World {
    async fn tell(&mut self, session: Option<usize>, make: impl FnOnce(&mut Self, NodeId) -> (u32, Made)) {
        let token = session.map(|session| self.sessions[session].token.clone()).unwrap_or_default();
        let (handle, made) = make(self, token);
        self.send_intact(CLIENT, session, handle, made);
        self.settle().await.expect("nothing is broken");
    }

    async fn activate_once(&mut self) {
        self.tell(Some(SESSION), |world, token| {
            let header = world.header(token);
            (header.request_handle, world.activate(SESSION, header, Promise::Activation(SESSION)))
        })
        .await;
    }

    /// A world in which Bert has a session with one subscription.
    async fn with_subscription() -> Self {
        let mut world = Self::new(1);
        world.connect();
        world.settle().await.expect("nothing is broken");
        world.settle().await.expect("nothing is broken");
        world
            .tell(None, |world, token| {
                let header = world.header(token);
                (header.request_handle, world.make_session(header))
            })
            .await;
        world.sessions[SESSION].user = User::Bert;
        world.activate_once().await;
        world
            .tell(Some(SESSION), |world, token| {
                let request_header = world.header(token);
                let handle = request_header.request_handle;
                let request = CreateSubscriptionRequest {
                    request_header,
                    requested_publishing_interval: 1_000.0,
                    requested_lifetime_count: 1_000,
                    ..Default::default()
                };
                (handle, made(&request, "CreateSubscription", Promise::Any))
            })
            .await;
        assert_eq!(world.server.usage().subscriptions, 1);
        world
    }

    /// The session ends, and its subscription waits for another one.
    async fn leave_subscription(&mut self) {
        self.tell(Some(SESSION), |world, token| {
            let request_header = world.header(token);
            let handle = request_header.request_handle;
            let request = CloseSessionRequest { request_header, delete_subscriptions: false };
            (handle, made(&request, "CloseSession", Promise::Any))
        })
        .await;
        let usage = self.server.usage();
        assert_eq!((usage.sessions, usage.subscriptions), (0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_without_a_session_does_not_outlive_the_rules_it_was_made_under() {
    let mut world = World::with_subscription().await;
    world.leave_subscription().await;
    world.change_policy();
    assert_eq!(world.server.usage().subscriptions, 0);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_without_a_session_does_not_outlive_a_change_of_its_user() {
    let mut world = World::with_subscription().await;
    world.leave_subscription().await;
    world.server.end_sessions_of_user(User::Anna.name());
    assert_eq!(world.server.usage().subscriptions, 1);
    world.server.end_sessions_of_user(User::Bert.name());
    assert_eq!(world.server.usage().subscriptions, 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_becomes_another_users_loses_the_subscriptions_of_the_one_before() {
    let mut world = World::with_subscription().await;
    world.activate_once().await;
    assert_eq!(world.sessions[SESSION].user, User::Anonymous);
    let usage = world.server.usage();
    assert_eq!((usage.sessions, usage.subscriptions), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_given_up_on_at_the_end_of_its_time_without_a_busy_wait() {
    let mut world = World::with_subscription().await;
    world.clients[CLIENT].reads = false;
    // More than any pipe of the simulation holds.
    for _ in 0..20_000 {
        world
            .tell(None, |world, token| {
                let request_header = world.header(token);
                let handle = request_header.request_handle;
                let request = GetEndpointsRequest { request_header, ..Default::default() };
                (handle, made(&request, "GetEndpoints", Promise::Any))
            })
            .await;
    }
    assert_eq!(world.server.usage().connections, 1);
    tokio::time::sleep(limits::SEND_TIMEOUT + Duration::from_secs(1)).await;
    assert_eq!(world.server.usage().connections, 0);
    assert_eq!(world.clients[CLIENT].stage, Stage::Open);
}
