//! What may happen next.

use std::time::Duration;

use tagwire_access::{Peer, RoleSet};
use tagwire_ua_proto::ids::encoding as ids;
use tagwire_ua_proto::services::RequestHeader;
use tagwire_ua_proto::types::NodeId;

use super::client::{Asked, Promise, Stage};
use super::mutate::damage;
use super::plant::{Secret, User, now};
use super::requests::Made;
use super::tell;
use super::world::World;

/// Connections and sessions that are worth having at one time.
const MIN_CLIENTS: usize = 3;
const MAX_CLIENTS: usize = 6;
const MAX_SESSIONS: usize = 8;

impl World {
    /// Something happens.
    ///
    /// # Errors
    /// What the server did wrong.
    pub(super) async fn step(&mut self) -> Result<(), String> {
        self.tally.n_steps += 1;
        match self.rng.u8(..200) {
            0..=5 => self.come_and_go(),
            6..=11 => self.ask_for_session(),
            12..=19 => self.activate_one().await?,
            20..=22 => {
                if let Some(client) = self.open_client() {
                    let lifetime = 10 + self.rng.u64(..3600);
                    self.clients[client].open(lifetime);
                }
            }
            23..=28 => {
                if let Some(client) = self.open_client() {
                    let reads = !self.clients[client].reads || self.rng.bool();
                    self.clients[client].reads = reads;
                }
            }
            29..=58 => {
                let millis = [1, 5, 10, 50, 100, 500, 2_000][self.rng.usize(..7)];
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
            59 => {
                let seconds = [5, 9, 20, 61, 4_000][self.rng.usize(..5).min(self.rng.usize(..5))];
                tokio::time::advance(Duration::from_secs(seconds)).await;
            }
            60..=75 => self.plant.change_values(&mut self.rng),
            76..=79 => self.plant.emit(&self.server, &mut self.rng),
            80..=84 => {
                let server = std::sync::Arc::clone(&self.server);
                self.plant.reload(&server, &mut self.rng);
            }
            85 => {
                if self.rng.u8(..3) == 0 {
                    self.change_policy();
                }
            }
            86 => {
                let tags = self.plant.tags.iter().filter(|tag| tag.path.ends_with("speed")).map(|tag| tag.id).collect();
                self.server.tell_semantics(tags);
            }
            87 => {
                let user = if self.rng.bool() { User::Anna } else { User::Bert };
                if self.rng.u8(..3) == 0 {
                    self.server.end_sessions_of_user(user.name());
                }
            }
            88..=95 => self.restart_durables()?,
            _ => self.ask().await?,
        }
        // Some steps follow each other at once, so that the server finds several requests together.
        if self.rng.u8(..4) > 0 { self.settle().await } else { Ok(()) }
    }

    fn come_and_go(&mut self) {
        let present = self.clients.iter().filter(|client| client.stage != Stage::Closed).count();
        if present < MIN_CLIENTS || (present < MAX_CLIENTS && self.rng.u8(..8) > 1) {
            self.connect();
        } else if let Some(client) = self.open_client() {
            if self.rng.bool() {
                let mut out = Vec::new();
                if self.clients[client].channel.close(now(), &mut out).is_ok() {
                    self.clients[client].pipe.send(&out);
                }
                self.clients[client].broke_frames = true;
            }
            self.clients[client].leave();
        }
    }

    pub(super) fn header(&mut self, token: NodeId) -> RequestHeader {
        let timeout_hint = [0, 0, 0, 50, 5_000][self.rng.usize(..5)];
        let return_diagnostics = if self.rng.u8(..6) == 0 { self.rng.u32(..1024) } else { 0 };
        let request_handle = self.rng.u32(..2_000);
        RequestHeader {
            authentication_token: token,
            timestamp: now(),
            request_handle,
            return_diagnostics,
            timeout_hint,
            ..Default::default()
        }
    }

    fn ask_for_session(&mut self) {
        let Some(client) = self.open_client() else { return self.connect() };
        if self.living().len() >= MAX_SESSIONS {
            return;
        }
        let header = self.header(NodeId::NULL);
        let handle = header.request_handle;
        let made = self.make_session(header);
        self.send(client, None, handle, made);
    }

    fn living(&self) -> Vec<usize> {
        (0..self.sessions.len()).filter(|session| self.is_alive(*session)).collect()
    }

    /// A session that mostly is still alive.
    fn session(&mut self) -> Option<usize> {
        let alive = self.living();
        if alive.is_empty() || self.rng.u8(..30) == 0 {
            return (!self.sessions.is_empty()).then(|| self.rng.usize(..self.sessions.len()));
        }
        Some(alive[self.rng.usize(..alive.len())])
    }

    /// A session is activated for the first time, moves to another connection, or changes to nobody in particular.
    async fn activate_one(&mut self) -> Result<(), String> {
        let Some(session) = self.session() else { return Ok(()) };
        let Some(client) = self.open_client() else { return Ok(()) };
        let known = &self.sessions[session];
        let client =
            if !known.is_active || self.rng.bool() { *known.clients.last().unwrap_or(&client) } else { client };
        if self.clients[client].stage != Stage::Open {
            return Ok(());
        }
        let is_elsewhere = !known.clients.contains(&client);
        let was_somebody = known.is_active && known.user != User::Anonymous;
        let header = self.header(self.sessions[session].token.clone());
        let handle = header.request_handle;
        if !was_somebody || self.rng.u8(..4) == 0 {
            // Another activation may be under way, and make it nobody's before this one.
            let is_owned = was_somebody || !self.sessions[session].is_active;
            let promise = if is_elsewhere && is_owned && self.sessions[session].n_activations == 0 {
                Promise::Fault
            } else {
                Promise::Activation(session)
            };
            let made = self.activate(session, header, promise);
            self.send(client, Some(session), handle, made);
            return Ok(());
        }
        // The same user shows up on another connection: nobody's name stands for the password that it would show, so that
        // nobody else's attempt may be under way.
        self.settle().await?;
        if self.sessions[session].n_activations > 0 || self.clients[client].stage != Stage::Open {
            return Ok(());
        }
        self.clients[client].reads = true;
        self.set_principal(session, Peer::anonymous(), RoleSet::NONE);
        self.sessions[session].is_active = false;
        let made = self.activate(session, header, Promise::Activation(session));
        self.send_intact(client, Some(session), handle, made);
        for _ in 0..50 {
            self.settle().await?;
            if self.sessions[session].is_active || self.clients[client].stage == Stage::Closed {
                break;
            }
        }
        if !self.sessions[session].is_active {
            self.clients[client].leave();
            self.settle().await?;
            self.sessions[session].is_active = true;
            self.log_in(session);
        }
        Ok(())
    }

    /// A session asks for something, mostly through the connection that it is bound to.
    async fn ask(&mut self) -> Result<(), String> {
        let Some(session) = self.session() else {
            self.ask_for_session();
            return Ok(());
        };
        let bound = *self.sessions[session].clients.last().unwrap_or(&0);
        let client = if self.rng.u8(..20) == 0 { self.open_client() } else { Some(bound) };
        let client = client.filter(|client| self.clients[*client].is_open());
        // A request before the activation ends the session, which should not be the fate of most.
        let Some(client) = client.filter(|_| self.sessions[session].is_active || self.rng.u8(..20) == 0) else {
            return self.activate_one().await;
        };
        let header = self.header(self.sessions[session].token.clone());
        let handle = header.request_handle;
        let mut made = self.request(session, header);
        let needs_none = made.what == "GetEndpoints";
        if !self.sessions[session].clients.contains(&client) && !needs_none {
            made.promise = Promise::Fault;
        }
        self.send(client, Some(session), handle, made);
        Ok(())
    }

    /// Sends a request: mostly as it is, else damaged, with a token that is no one's, cut into pieces or in part.
    fn send(&mut self, client: usize, session: Option<usize>, handle: u32, made: Made) {
        if self.rng.u8(..12) > 0 {
            return self.send_intact(client, session, handle, made);
        }
        self.note_activation(session, &made);
        self.tally.n_damaged += 1;
        match self.rng.u8(..20) {
            0 => {
                let Some((_, frames)) = self.clients[client].frames(&made.body) else { return };
                let cut = self.rng.usize(..frames.len());
                self.clients[client].pipe.send(&frames[..cut]);
                self.clients[client].broke_frames = true;
                if self.rng.bool() {
                    self.clients[client].leave();
                }
            }
            1 => {
                let Some((_, mut frames)) = self.clients[client].frames(&made.body) else { return };
                damage(&mut frames, &mut self.rng);
                self.may_do_anything(session);
                if let Some(session) = session.filter(|_| made.response == ids::ACTIVATE_SESSION_RESPONSE) {
                    self.sessions[session].clients.insert(0, client);
                }
                self.clients[client].pipe.send(&frames);
                self.clients[client].broke_frames = true;
            }
            _ => {
                let mut made = made;
                damage(&mut made.body, &mut self.rng);
                self.may_do_anything(session);
                self.dispatch(client, session, handle, made, false);
            }
        }
    }

    /// A damaged request may be a good one that asks for something else.
    fn may_do_anything(&mut self, session: Option<usize>) {
        if let Some(session) = session {
            self.sessions[session].may_own_all = true;
        }
    }

    fn note_activation(&mut self, session: Option<usize>, made: &Made) {
        if let Some(session) = session.filter(|_| made.response == ids::ACTIVATE_SESSION_RESPONSE) {
            self.sessions[session].n_activations += 1;
            // One that was to be refused may come after this one, and find nobody's session.
            if made.promise != Promise::Fault {
                for asked in self.clients.iter_mut().flat_map(|client| client.asked.values_mut()) {
                    if asked.session == Some(session)
                        && asked.response == ids::ACTIVATE_SESSION_RESPONSE
                        && asked.promise == Promise::Fault
                    {
                        asked.promise = Promise::Activation(session);
                    }
                }
            }
        }
    }

    /// Sends a request as it is.
    pub(super) fn send_intact(&mut self, client: usize, session: Option<usize>, handle: u32, made: Made) {
        self.note_activation(session, &made);
        self.dispatch(client, session, handle, made, true);
    }

    fn dispatch(&mut self, client: usize, session: Option<usize>, request_handle: u32, made: Made, is_valid: bool) {
        let Made { body, response, promise, what } = made;
        let hidden = match session {
            Some(session) if self.sessions[session].is_active => self.sessions[session].user.hidden(self.bert_sees),
            _ => Secret::ALL.to_vec(),
        };
        let what = format!("{what} of session {session:?} on connection {client}");
        let Some((request_id, frames)) = self.clients[client].frames(&body) else { return };
        tell(|| format!("  {what}, request {request_id}, valid {is_valid}, {promise:?}, hidden {hidden:?}"));
        let user = session.map_or(User::Anonymous, |session| self.sessions[session].user);
        let asked = Asked { user, response, request_handle, session, hidden, is_valid, promise, what };
        self.tally.n_requests += 1;
        if let Promise::Activation(session) = asked.promise
            && !self.sessions[session].clients.contains(&client)
        {
            self.sessions[session].clients.push(client);
        }
        self.clients[client].asked.insert(request_id, asked);
        let cut = if self.rng.u8(..6) == 0 { self.rng.usize(..frames.len()) } else { frames.len() };
        self.clients[client].pipe.send(&frames[..cut]);
        self.clients[client].pipe.send(&frames[cut..]);
    }
}
