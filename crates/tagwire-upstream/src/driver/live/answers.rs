//! What becomes of what was asked.

use std::time::Duration;

use tagwire_driver::{Report, Seen};
use tagwire_model::Status;
use tagwire_ua_client::{Error, Published};
use tokio::time::Instant;

use super::super::choose::{Chosen, leave};
use super::super::definitions::CHECK;
use super::super::feed::{Feed, Stage, is_unwatched};
use super::super::{BEAT, UpstreamDriver, is_fatal};
use super::{Done, Live, MAX_PUBLISHES, status_of};

/// Pause after a publish request that was refused.
const PUBLISH_PAUSE: Duration = Duration::from_millis(500);
/// How often the partner is looked at while the server in use is not well.
const PARTNER: Duration = Duration::from_secs(5);
const BAD_TOO_MANY_PUBLISH_REQUESTS: Status = Status(0x8078_0000);

impl UpstreamDriver {
    /// Takes the answer to a publish request.
    pub(in super::super) fn published(&mut self, answer: Result<Published, Error>) -> Result<(), Error> {
        let now = Instant::now();
        let Some(live) = self.live.as_mut() else { return Ok(()) };
        let Published { subscription, notification } = match answer {
            Ok(published) => {
                live.has_heard = true;
                published
            }
            Err(error) if is_fatal(&error) => return Err(error),
            Err(error) => {
                let status = status_of(&error);
                if matches!(error, Error::Timeout { .. }) {
                    live.n_replacements = live.n_replacements.saturating_sub(1);
                } else if status == BAD_TOO_MANY_PUBLISH_REQUESTS {
                    live.max_publishes = live.publishes.len().max(1);
                } else {
                    tracing::debug!(%error, "publish request refused");
                    live.no_publish_before = now + PUBLISH_PAUSE;
                }
                return Ok(());
            }
        };
        if !notification.is_keep_alive {
            live.acknowledge(subscription, notification.sequence);
        }
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.id() == Some(subscription)) else {
            // The server made it after nobody waited for that any more, or was not yet told to end it.
            if self.feeds.iter().all(|feed| feed.stage != Stage::Opening) && !live.doomed.contains(&subscription) {
                live.doomed.push(subscription);
            }
            return Ok(());
        };
        let is_lost = feed.arrived(notification, now).is_err();
        if std::mem::take(&mut feed.is_silent) {
            live.doomed.extend(feed.start_anew(now));
        } else if is_lost {
            live.doomed.extend(feed.lost(now));
        }
        Ok(())
    }

    /// Takes what became of a request.
    pub(in super::super) fn done(&mut self, done: Done) -> Result<(), Error> {
        let now = Instant::now();
        let Some(live) = self.live.as_mut() else { return Ok(()) };
        match done {
            Done::Opened { at, epoch, result } => {
                let Some(feed) = self.feeds.get_mut(at) else { return Ok(()) };
                match result {
                    Ok(opened) if feed.epoch == epoch && feed.stage == Stage::Opening => {
                        feed.opened(opened.id, opened.terms, now);
                        let methods = feed.methods(at);
                        if !methods.is_empty() {
                            self.out.push_back(Report::Samples(methods));
                        }
                    }
                    Ok(late) => live.doomed.push(late.id),
                    Err(error) if is_fatal(&error) => return Err(error),
                    Err(Error::Refused { status, .. }) if feed.epoch == epoch && is_unwatched(status.0) => {
                        tracing::debug!(%status, "server gives no subscription, so that its tags are read");
                        feed.unwatched(now);
                        self.out.push_back(Report::Samples(feed.methods(at)));
                    }
                    Err(error) if feed.epoch == epoch => {
                        tracing::debug!(%error, "subscription refused");
                        feed.refused(now);
                        self.out.push_back(Report::Samples(feed.all(at, status_of(&error))));
                    }
                    Err(_) => {}
                }
            }
            Done::Watched { at, epoch, batch, result } => {
                let Some(feed) = self.feeds.get_mut(at).filter(|feed| feed.epoch == epoch) else { return Ok(()) };
                match result {
                    Ok(results) => {
                        let seen = feed.watched(at, &batch, results, now);
                        if !seen.is_empty() {
                            self.out.push_back(Report::Samples(seen));
                        }
                    }
                    Err(error) if is_fatal(&error) => return Err(error),
                    // Whether the items were made is unknown, so that only a new subscription is clean.
                    Err(error) => {
                        tracing::debug!(%error, "items refused");
                        live.doomed.extend(feed.start_anew(now));
                        feed.refused(now);
                        self.out.push_back(Report::Samples(feed.all(at, status_of(&error))));
                    }
                }
            }
            Done::Probed { at, epoch, result } => {
                let Some(feed) = self.feeds.get_mut(at).filter(|feed| feed.epoch == epoch) else { return Ok(()) };
                match result {
                    Err(error) if is_fatal(&error) => return Err(error),
                    Err(Error::Timeout { .. }) => {
                        let seen: Vec<Seen> = feed.unanswered(at);
                        if !seen.is_empty() {
                            self.out.push_back(Report::Samples(seen));
                        }
                    }
                    Ok(()) | Err(_) => {
                        live.n_replacements = (live.n_replacements + 1).min(MAX_PUBLISHES);
                        if feed.probed(now) {
                            feed.is_silent = false;
                            live.doomed.extend(feed.start_anew(now));
                        }
                    }
                }
            }
            Done::Refreshed { at, epoch, tags, result } => {
                let Some(feed) = self.feeds.get_mut(at).filter(|feed| feed.epoch == epoch) else { return Ok(()) };
                match result {
                    Err(error) if is_fatal(&error) => return Err(error),
                    Err(_) => feed.not_refreshed(),
                    Ok(samples) => {
                        let seen = feed.refreshed(at, &tags, samples, &live.types, now);
                        if !seen.is_empty() {
                            self.out.push_back(Report::Samples(seen));
                        }
                    }
                }
            }
            Done::Polled { at, epoch, tags, result } => {
                let Some(feed) = self.feeds.get_mut(at).filter(|feed| feed.epoch == epoch) else { return Ok(()) };
                let seen = match result {
                    Err(error) if is_fatal(&error) => return Err(error),
                    Err(Error::Timeout { .. }) => feed.not_polled(at, &tags, None),
                    Err(error) => feed.not_polled(at, &tags, Some(status_of(&error))),
                    Ok(samples) => feed.polled(at, &tags, samples, &live.types, now),
                };
                if !seen.is_empty() {
                    self.out.push_back(Report::Samples(seen));
                }
            }
            Done::Described { at, epoch, encodings, result } => {
                live.describing.retain(|encoding| !encodings.contains(encoding));
                let failure = match result {
                    Ok(learned) => {
                        self.strikes.forgive(&encodings);
                        live.learn(learned, &mut self.feeds);
                        None
                    }
                    Err(error) if is_fatal(&error) => {
                        self.strikes.strike(&encodings, now);
                        return Err(error);
                    }
                    Err(error) => {
                        tracing::debug!(%error, "types of structures are not known");
                        Some(status_of(&error))
                    }
                };
                let Some(feed) = self.feeds.get_mut(at).filter(|feed| feed.epoch == epoch) else { return Ok(()) };
                let seen = feed.described(at, &live.types, failure, now);
                if !seen.is_empty() {
                    self.out.push_back(Report::Samples(seen));
                }
            }
            Done::Level(result) => {
                live.is_probing = false;
                let period = self.feeds.iter().map(Feed::period).min().unwrap_or(BEAT);
                live.next_probe = now + period;
                match result {
                    Err(error) if is_fatal(&error) => return Err(error),
                    Err(error @ Error::Timeout { .. }) => {
                        live.n_unanswered += 1;
                        live.next_probe = now;
                        if live.n_unanswered >= self.common.attempts {
                            return Err(error);
                        }
                    }
                    Err(_) => live.n_unanswered = 0,
                    Ok(level) => {
                        live.n_unanswered = 0;
                        live.level = level;
                    }
                }
            }
            Done::Namespaces(result) => match result {
                Err(error) if is_fatal(&error) => return Err(error),
                // Whoever still lacks one will say so again.
                Ok(greeting) if greeting.namespaces != live.greeting.namespaces => {
                    live.greeting.namespaces = greeting.namespaces;
                    live.lacks_namespace = false;
                    for feed in &mut self.feeds {
                        feed.retry_now(now);
                    }
                }
                Ok(_) | Err(_) => {}
            },
            Done::Partner(found) => {
                live.is_comparing = false;
                live.next_partner = now + PARTNER;
                match found {
                    Some(found) if found.greeting.level > live.level => self.follow(found, now),
                    // A session that is only dropped stays open on the server until its time is over.
                    found => found.into_iter().for_each(leave),
                }
            }
            // After a change of the tags their numbers are those of others, and nobody waits for the answer.
            Done::Read { at, shape, .. } if self.feeds.get(at).is_none_or(|feed| feed.shape != shape) => {}
            Done::Read { number, at, shape: _, tags, result } => self.take_read(number, at, tags, result),
            Done::Answered { mut shown, shapes, written, learned } => {
                live.learn(learned, &mut self.feeds);
                shown.retain(|(at, ..)| shapes.get(*at) == self.feeds.get(*at).map(|feed| &feed.shape));
                if !shown.is_empty() {
                    self.out.push_back(Report::Samples(shown));
                }
                self.out.push_back(written);
            }
            Done::Checked(result) => {
                live.is_checking = false;
                live.next_check = now + CHECK;
                match result {
                    Ok(learned) => live.learn(learned, &mut self.feeds),
                    Err(error) if is_fatal(&error) => return Err(error),
                    Err(error) => tracing::debug!(%error, "definitions of structures are not told"),
                }
            }
            Done::Over => {}
        }
        Ok(())
    }

    /// Goes over to another server of the pair.
    fn follow(&mut self, found: Chosen, now: Instant) {
        let Chosen { peer, session, greeting } = found;
        tracing::info!(
            from = %self.connector.name(self.peer), to = %self.connector.name(peer), level = greeting.level,
            "the partner has the higher service level"
        );
        self.peer = peer;
        for feed in &mut self.feeds {
            feed.start_anew(now);
        }
        let Some(old) = self.live.replace(Live::new(session, greeting, Vec::new(), now)) else { return };
        self.note_traffic(&old);
        let Live { session, publishes, work, .. } = old;
        // Orders that the old server still has are answered by the supervisor's deadline.
        drop((publishes, work));
        if let Some(live) = &mut self.live {
            live.spawn(async move {
                session.close().await;
                Done::Over
            });
        }
    }
}
