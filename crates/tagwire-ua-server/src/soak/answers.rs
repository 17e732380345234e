//! Judging what the server answers, and learning from it.

use tagwire_model::Status;
use tagwire_ua_proto::codec::{Decode, Reader};
use tagwire_ua_proto::ids::encoding as ids;
use tagwire_ua_proto::services::*;
use tagwire_ua_proto::types::{ExpandedNodeId, Structure};

use super::client::{Answer, Asked, Promise};
use super::tell;
use super::world::{Subscribed, World};

/// A decoded response, as far as anything is learnt from it.
enum Response {
    Fault(Status),
    CreateSession(Box<CreateSessionResponse>),
    CreateSubscription(u32),
    Items(Vec<MonitoredItemCreateResult>),
    Publish(Box<PublishResponse>),
    Browse(Vec<BrowseResult>),
    Transfer(Vec<TransferResult>),
    /// One status per operation.
    Statuses(Vec<Status>),
    Other,
}

macro_rules! decoders {
    ($id:ident, $body:ident, $($encoding:ident $response:ident($name:ident) => $made:expr;)*) => {
        match $id {
            $(ids::$encoding => {
                let $name = $response::from_bytes($body).map_err(|error| format!("{}: {error}", stringify!($response)))?;
                ($name.response_header.request_handle, $made)
            })*
            other => return Err(format!("no response has the id {other}")),
        }
    };
}

fn decode(id: u32, body: &[u8]) -> Result<(u32, Response), String> {
    Ok(decoders! { id, body,
        SERVICE_FAULT ServiceFault(it) => Response::Fault(it.response_header.service_result);
        CREATE_SESSION_RESPONSE CreateSessionResponse(it) => Response::CreateSession(Box::new(it));
        ACTIVATE_SESSION_RESPONSE ActivateSessionResponse(it) => Response::Other;
        CLOSE_SESSION_RESPONSE CloseSessionResponse(it) => Response::Other;
        CANCEL_RESPONSE CancelResponse(it) => Response::Other;
        FIND_SERVERS_RESPONSE FindServersResponse(it) => Response::Other;
        GET_ENDPOINTS_RESPONSE GetEndpointsResponse(it) => Response::Other;
        READ_RESPONSE ReadResponse(it) => Response::Other;
        WRITE_RESPONSE WriteResponse(it) => Response::Other;
        CALL_RESPONSE CallResponse(it) => {
            Response::Statuses(it.results.iter().map(|result| result.status_code).collect())
        };
        BROWSE_RESPONSE BrowseResponse(it) => Response::Browse(it.results);
        BROWSE_NEXT_RESPONSE BrowseNextResponse(it) => Response::Browse(it.results);
        TRANSLATE_BROWSE_PATHS_TO_NODE_IDS_RESPONSE TranslateBrowsePathsToNodeIdsResponse(it) => Response::Other;
        REGISTER_NODES_RESPONSE RegisterNodesResponse(it) => Response::Other;
        UNREGISTER_NODES_RESPONSE UnregisterNodesResponse(it) => Response::Other;
        CREATE_SUBSCRIPTION_RESPONSE CreateSubscriptionResponse(it) => Response::CreateSubscription(it.subscription_id);
        MODIFY_SUBSCRIPTION_RESPONSE ModifySubscriptionResponse(it) => Response::Other;
        SET_PUBLISHING_MODE_RESPONSE SetPublishingModeResponse(it) => Response::Statuses(it.results);
        DELETE_SUBSCRIPTIONS_RESPONSE DeleteSubscriptionsResponse(it) => Response::Statuses(it.results);
        TRANSFER_SUBSCRIPTIONS_RESPONSE TransferSubscriptionsResponse(it) => Response::Transfer(it.results);
        REPUBLISH_RESPONSE RepublishResponse(it) => Response::Other;
        PUBLISH_RESPONSE PublishResponse(it) => Response::Publish(Box::new(it));
        CREATE_MONITORED_ITEMS_RESPONSE CreateMonitoredItemsResponse(it) => Response::Items(it.results);
        MODIFY_MONITORED_ITEMS_RESPONSE ModifyMonitoredItemsResponse(it) => {
            Response::Statuses(it.results.iter().map(|result| result.status_code).collect())
        };
        SET_MONITORING_MODE_RESPONSE SetMonitoringModeResponse(it) => Response::Statuses(it.results);
        SET_TRIGGERING_RESPONSE SetTriggeringResponse(it) => Response::Other;
        DELETE_MONITORED_ITEMS_RESPONSE DeleteMonitoredItemsResponse(it) => Response::Statuses(it.results);
    })
}

impl World {
    /// Judges an answer.
    ///
    /// # Errors
    /// What the server did wrong.
    pub(super) fn judge(&mut self, client: usize, answer: &Answer) -> Result<(), String> {
        let Answer { asked, body } = answer;
        self.tally.n_answers += 1;
        let fail = |why: String| Err(format!("{}: {why}", asked.what));
        if let Some(session) = asked.session.filter(|_| asked.response == ids::ACTIVATE_SESSION_RESPONSE) {
            self.sessions[session].n_activations -= 1;
        }
        // Damaged frames may have asked something else under the same number.
        let is_valid = asked.is_valid && !self.clients[client].broke_frames;
        let mut reader = Reader::new(body);
        let Ok(Some(id)) = read_message_id(&mut reader) else { return fail("an answer of no type".to_owned()) };
        // That answer repeats the request.
        if id != ids::REGISTER_NODES_RESPONSE
            && let Some(secret) = asked.hidden.iter().find(|secret| secret.is_in(body))
        {
            return fail(format!("the answer shows the {}", secret.name()));
        }
        let (handle, response) = match decode(id, reader.rest()) {
            Ok(decoded) => decoded,
            Err(why) => return fail(why),
        };
        if is_valid && id != asked.response && id != ServiceFault::ENCODING_ID {
            return fail(format!("answered with the type {id}"));
        }
        if is_valid && handle != asked.request_handle {
            return fail(format!("answered with the handle {handle} in place of {}", asked.request_handle));
        }
        tell(|| {
            let status = if let Response::Fault(status) = &response { status.to_string() } else { "good".to_owned() };
            format!("  {}: {status}, {} bytes", asked.what, body.len())
        });
        if let Response::Fault(status) = response {
            self.tally.n_faults += 1;
            return if status.is_bad() { Ok(()) } else { fail(format!("a fault with the status {status}")) };
        }
        if is_valid {
            self.keeps_promise(asked, &response).or_else(fail)?;
        }
        self.learn(client, asked, response).or_else(fail)
    }

    fn keeps_promise(&self, asked: &Asked, response: &Response) -> Result<(), String> {
        match (&asked.promise, response) {
            (Promise::Fault, _) => Err("was not refused, though it names what belongs to somebody else".to_owned()),
            (Promise::Refused(foreign), Response::Statuses(statuses)) => {
                let good = foreign.iter().find(|at| statuses.get(**at).is_none_or(|status| !status.is_bad()));
                good.map_or(Ok(()), |at| Err(format!("operation {at} was not refused")))
            }
            (Promise::Refused(foreign), Response::Publish(response)) => {
                let good = foreign.iter().find(|at| response.results.get(**at).is_none_or(|status| !status.is_bad()));
                good.map_or(Ok(()), |at| Err(format!("acknowledgement {at} was not refused")))
            }
            (Promise::Transfer(subscriptions), Response::Transfer(results)) => {
                let taken = subscriptions.iter().zip(results).find(|(id, result)| {
                    let owner = self.subscribed.get(id).map(|known| known.user);
                    !result.status_code.is_bad() && owner.is_some_and(|owner| owner != asked.user)
                });
                taken.map_or(Ok(()), |(id, _)| Err(format!("subscription {id} went to another user")))
            }
            _ => Ok(()),
        }
    }

    fn learn(&mut self, client: usize, asked: &Asked, response: Response) -> Result<(), String> {
        let by = asked.session;
        match response {
            Response::CreateSession(response) => self.meet(client, &response),
            Response::CreateSubscription(id) => {
                let Some(by) = by else { return Ok(()) };
                let user = self.sessions[by].user;
                if self.subscribed.insert(id, Subscribed::new(by, user)).is_some() {
                    return Err(format!("subscription {id} was made twice"));
                }
            }
            Response::Items(results) => {
                if let Promise::Items(id) = asked.promise
                    && let Some(subscribed) = self.subscribed.get_mut(&id)
                {
                    let made = results.iter().filter(|result| result.status_code.is_good());
                    subscribed.items.extend(made.map(|result| result.monitored_item_id));
                }
            }
            Response::Publish(response) => return self.learn_from_publish(asked, &response),
            Response::Browse(results) => {
                let Some(by) = by else { return Ok(()) };
                for result in results {
                    if !result.continuation_point.as_slice().is_empty() {
                        self.points.push(result.continuation_point);
                    }
                    let local = result.references.into_iter().map(|reference| reference.node_id);
                    self.sessions[by].nodes.extend(local.filter(ExpandedNodeId::is_local).map(|id| id.node_id).take(8));
                }
            }
            Response::Transfer(results) => {
                if let (Promise::Transfer(ids), Some(by)) = (&asked.promise, by) {
                    for (id, _) in ids.iter().zip(&results).filter(|(_, result)| result.status_code.is_good()) {
                        if let Some(known) = self.subscribed.get_mut(id) {
                            known.claim(by);
                        }
                    }
                }
            }
            Response::Other => {
                if let Promise::Activation(session) = asked.promise {
                    self.activated(session, client);
                }
            }
            Response::Statuses(_) | Response::Fault(_) => {}
        }
        Ok(())
    }

    fn learn_from_publish(&mut self, asked: &Asked, response: &PublishResponse) -> Result<(), String> {
        let Some(by) = asked.session else { return Ok(()) };
        let id = response.subscription_id;
        if self.is_foreign(by, id) {
            return Err(format!("a message of subscription {id}, which belongs to somebody else"));
        }
        self.tally.n_messages += 1;
        for notification in &response.notification_message.notification_data {
            let known = notification.is::<DataChangeNotification>()
                || notification.is::<EventNotificationList>()
                || notification.is::<StatusChangeNotification>();
            let decoded = notification.decode_as::<DataChangeNotification>().is_none_or(|decoded| decoded.is_ok())
                && notification.decode_as::<EventNotificationList>().is_none_or(|decoded| decoded.is_ok())
                && notification.decode_as::<StatusChangeNotification>().is_none_or(|decoded| decoded.is_ok());
            if !known || !decoded {
                return Err("a notification that cannot be decoded".to_owned());
            }
            self.tally.n_notifications += 1;
        }
        if let Some(known) = self.subscribed.get_mut(&id) {
            known.sequences.extend_from_slice(&response.available_sequence_numbers);
            let excess = known.sequences.len().saturating_sub(32);
            known.sequences.drain(..excess);
        }
        Ok(())
    }
}
