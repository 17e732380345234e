//! The Publish requests of one session and the subscriptions that answer them (Part 4, 5.14.5).

use std::collections::VecDeque;
use std::sync::Arc;

use tagwire_access::Principal;
use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::status;

use crate::limits;
use crate::subscription::{AttributeSource, Millis, Publication, Subscription};

/// A Publish request that waits for something to publish.
#[derive(Debug)]
pub(crate) struct WaitingPublish {
    /// The channel it came through.
    pub(crate) channel: u32,
    pub(crate) request_id: u32,
    pub(crate) request_handle: u32,
    /// When the client gives up on it; `None` for never.
    pub(crate) deadline: Option<Millis>,
    /// Results of the acknowledgements that came with it.
    pub(crate) results: Vec<Status>,
}

/// What one Publish request is answered with.
pub(crate) enum Answer<'a> {
    /// A message of a subscription.
    Message {
        /// The subscription, for the bytes of the message and the numbers that can be asked for again.
        subscription: &'a Subscription,
        /// What was made.
        publication: Publication,
    },
    /// The last word of a subscription that no longer exists.
    Farewell {
        /// Id of the subscription.
        subscription_id: u32,
        /// Number of the message.
        sequence: u32,
        /// What became of it.
        status: Status,
    },
    /// A service fault.
    Fault(Status),
}

/// The last word of a subscription that ended while no Publish request waited.
#[derive(Clone, Copy, Debug)]
struct Ghost {
    subscription_id: u32,
    sequence: u32,
    status: Status,
}

/// The publishing side of a session.
#[derive(Default)]
pub(crate) struct Publishing {
    subscriptions: Vec<Subscription>,
    waiting: VecDeque<WaitingPublish>,
    ghosts: VecDeque<Ghost>,
    /// Requests that were pushed out of the queue or cancelled, to be answered with this status.
    refused: Vec<(WaitingPublish, Status)>,
    /// Ids in the order in which they were last served, oldest first.
    served: VecDeque<u32>,
}

impl Publishing {
    /// The subscriptions, in the order in which they were made.
    pub(crate) fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// The subscriptions, to change what does not count as being named.
    pub(crate) fn subscriptions_mut(&mut self) -> &mut [Subscription] {
        &mut self.subscriptions
    }

    /// A subscription by id, kept alive by being named.
    pub(crate) fn subscription_mut(&mut self, id: u32) -> Option<&mut Subscription> {
        let subscription = self.subscriptions.iter_mut().find(|subscription| subscription.id == id)?;
        subscription.touch();
        Some(subscription)
    }

    pub(crate) fn add(&mut self, subscription: Subscription) {
        self.served.push_back(subscription.id);
        self.subscriptions.push(subscription);
    }

    /// Takes a subscription out, as when it is deleted or transferred.
    pub(crate) fn take(&mut self, id: u32) -> Option<Subscription> {
        let idx = self.subscriptions.iter().position(|subscription| subscription.id == id)?;
        self.served.retain(|served| *served != id);
        Some(self.subscriptions.remove(idx))
    }

    /// Takes all subscriptions out, as when the session ends without deleting them.
    pub(crate) fn take_all(&mut self) -> Vec<Subscription> {
        self.served.clear();
        std::mem::take(&mut self.subscriptions)
    }

    /// Takes all subscriptions out for good and tells the client why.
    pub(crate) fn end_all(&mut self, why: Status) -> Vec<Subscription> {
        let gone = self.take_all();
        gone.iter().for_each(|subscription| self.leave_ghost(subscription, why));
        gone
    }

    /// Tells the client with its next Publish request what became of a subscription that it no longer has.
    pub(crate) fn leave_ghost(&mut self, gone: &Subscription, status: Status) {
        if self.ghosts.len() >= limits::MAX_SUBSCRIPTIONS_PER_SESSION as usize {
            self.ghosts.pop_front();
        }
        self.ghosts.push_back(Ghost { subscription_id: gone.id, sequence: gone.sent().next_sequence(), status });
    }

    /// Queues a Publish request. The oldest is pushed out when there are too many (Part 4, 5.14.5.1).
    pub(crate) fn enqueue(&mut self, request: WaitingPublish) {
        if self.subscriptions.is_empty() && self.ghosts.is_empty() {
            self.refused.push((request, status::BAD_NO_SUBSCRIPTION));
            return;
        }
        if self.waiting.len() >= limits::MAX_PUBLISH_REQUESTS_PER_SESSION
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.refused.push((oldest, status::BAD_TOO_MANY_PUBLISH_REQUESTS));
        }
        for subscription in &mut self.subscriptions {
            subscription.touch();
        }
        self.waiting.push_back(request);
    }

    /// Publish requests that wait.
    pub(crate) fn n_waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes back the waiting requests with this handle; returns how many there were.
    pub(crate) fn cancel(&mut self, request_handle: u32) -> u32 {
        self.refuse_if(status::BAD_REQUEST_CANCELLED_BY_CLIENT, |request| request.request_handle == request_handle)
    }

    /// Answers every waiting request with `status`, as when the session closes.
    pub(crate) fn refuse_all(&mut self, status: Status) {
        self.refuse_if(status, |_| true);
    }

    /// Forgets waiting requests of a channel that is gone.
    pub(crate) fn forget_channel(&mut self, channel: u32) {
        self.waiting.retain(|request| request.channel != channel);
        self.refused.retain(|(request, _)| request.channel != channel);
    }

    fn refuse_if(&mut self, status: Status, refuse: impl Fn(&WaitingPublish) -> bool) -> u32 {
        let mut n_refused = 0;
        for request in std::mem::take(&mut self.waiting) {
            if refuse(&request) {
                self.refused.push((request, status));
                n_refused += 1;
            } else {
                self.waiting.push_back(request);
            }
        }
        n_refused
    }

    /// When [`Publishing::run`] wants to be called next; `None` when nothing is going on.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        let cycles = self.subscriptions.iter().map(Subscription::next_cycle);
        let give_ups = self.waiting.iter().filter_map(|request| request.deadline);
        cycles.chain(give_ups).min()
    }

    /// Ends the cycles that are over and gives up on requests whose time is over. Returns the subscriptions that
    /// outlived their lifetime; they are gone from the session, and the client will be told.
    pub(crate) fn run(&mut self, now: Millis, source: &dyn AttributeSource) -> Vec<Subscription> {
        self.refuse_expired(now);
        let publish_waits = !self.waiting.is_empty();
        let mut expired = Vec::new();
        for subscription in &mut self.subscriptions {
            if subscription.cycle(now, source, publish_waits) {
                expired.push(subscription.id);
            }
        }
        let gone: Vec<Subscription> = expired.into_iter().filter_map(|id| self.take(id)).collect();
        for subscription in &gone {
            self.leave_ghost(subscription, Status::BAD_TIMEOUT);
        }
        gone
    }

    /// Sorts waiting changes into the items' queues between cycles, when so many came that an inbox may overflow.
    pub(crate) fn collect_if_crowded(&mut self) {
        for subscription in &mut self.subscriptions {
            subscription.collect_if_crowded();
        }
    }

    /// Lets the cycles of subscriptions to events end now.
    pub(crate) fn hurry_events(&mut self, now: Millis) {
        self.subscriptions.iter_mut().filter(|one| one.has_event_items()).for_each(|one| one.end_cycle(now));
    }

    /// Receives events on behalf of another user from now on.
    pub(crate) fn set_principal(&mut self, principal: &Arc<Principal>) {
        self.subscriptions.iter_mut().for_each(|subscription| subscription.set_principal(principal));
    }

    fn refuse_expired(&mut self, now: Millis) {
        if self.waiting.iter().any(|request| request.deadline.is_some_and(|deadline| deadline <= now)) {
            self.refuse_if(Status::BAD_TIMEOUT, |request| request.deadline.is_some_and(|deadline| deadline <= now));
        }
    }

    /// Answers waiting requests for as long as there is something to say and `write` returns that it has room.
    pub(crate) fn serve(
        &mut self,
        publish_time: Timestamp,
        mut write: impl FnMut(&WaitingPublish, Answer<'_>) -> bool,
    ) {
        while let Some((request, status)) = self.refused.pop() {
            if !write(&request, Answer::Fault(status)) {
                return;
            }
        }
        while let Some(request) = self.waiting.front() {
            if let Some(ghost) = self.ghosts.pop_front() {
                let Ghost { subscription_id, sequence, status } = ghost;
                let room = write(request, Answer::Farewell { subscription_id, sequence, status });
                self.waiting.pop_front();
                if !room {
                    return;
                }
                continue;
            }
            let Some(idx) = self.next_due() else { break };
            let subscription = &mut self.subscriptions[idx];
            let publication = subscription.publish(publish_time);
            let id = subscription.id;
            let room = write(request, Answer::Message { subscription: &self.subscriptions[idx], publication });
            self.waiting.pop_front();
            self.served.retain(|served| *served != id);
            self.served.push_back(id);
            if !room {
                return;
            }
        }
        if self.subscriptions.is_empty() && self.ghosts.is_empty() && !self.waiting.is_empty() {
            self.refuse_all(status::BAD_NO_SUBSCRIPTION);
            self.serve(publish_time, write);
        }
    }

    /// The due subscription of the highest priority; among equals the one that was served longest ago. One that was
    /// passed over in several cycles goes first, so that no priority starves another.
    fn next_due(&self) -> Option<usize> {
        let waited_long = |subscription: &Subscription| subscription.n_cycles_due() > PATIENCE;
        let last_served = |id: u32| self.served.iter().position(|served| *served == id);
        let due = self.subscriptions.iter().enumerate().filter(|(_, subscription)| subscription.due().is_some());
        due.max_by_key(|(_, subscription)| {
            (waited_long(subscription), subscription.settings.priority, std::cmp::Reverse(last_served(subscription.id)))
        })
        .map(|(idx, _)| idx)
    }
}

/// Cycles after which a subscription that was passed over goes first.
const PATIENCE: u32 = 10;
