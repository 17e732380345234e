//! Reading blocks of one device, and what the answers mean.

use std::pin::pin;

use tagwire_model::{Status, Timestamp};
use tokio::time::Instant;

use super::bisect::Piece;
use super::core::{Core, bad_update, update_of};
use super::device::{Job, Purpose};
use super::polled::{PolledLink, Silence};
use super::round::{Ask, Round};
use crate::{Block, PolledDriver, Refusal, Update};

/// What was asked, so that the answers find their way back.
enum Asked {
    /// Blocks of a round, from this index on.
    Blocks(Vec<Block>, std::ops::Range<usize>),
    /// A part of a refused block.
    Piece(Piece),
    /// A refused tag that is tried again.
    Probe(Block),
}

impl Asked {
    fn blocks(&self) -> &[Block] {
        match self {
            Self::Blocks(blocks, range) => blocks.get(range.clone()).unwrap_or(&[]),
            Self::Piece(piece) => std::slice::from_ref(&piece.block),
            Self::Probe(block) => std::slice::from_ref(block),
        }
    }
}

impl PolledLink {
    /// Sends the next read request of a job and takes in the answers; returns whether there was one to send.
    pub(crate) async fn read(&mut self, at: usize, job: Job, started: Instant) -> bool {
        let Some((asked, extra)) = self.prepare(at, job, started) else { return false };
        self.readings.clear();
        let deadline = started + self.core.devices[at].settings.request_timeout;
        let outcome = {
            let reading = pin!(self.driver.read(asked.blocks(), &mut self.readings));
            self.core.wait(reading, deadline).await
        };
        let now = Instant::now();
        let is_relayed = !self.readings.answers.is_empty();
        let first = self.core.batch.len();
        self.core.take_values(at, &mut self.readings, now);
        let (has_answer, is_excused) = self.take_answers(at, job, extra, asked, now);
        let device = &mut self.core.devices[at];
        if has_answer {
            device.counters.n_reads += 1;
            device.counters.last_round_trip = now - started;
            self.core.answered(at);
        }
        // Whoever is told that the read is done must find the values already in the table.
        let told = extra.map(|id| (id, self.core.batch.get(first..).unwrap_or_default().to_vec()));
        self.core.flush();
        if let Some((id, told)) = told {
            self.core.inform_clients(at, id, &told);
        }
        if has_answer && self.core.round(at, job, extra).is_some_and(|round| round.is_complete(now)) {
            self.core.finish(at, job, now);
        }
        if is_excused {
            self.core.devices[at].health.excuse();
            self.note_timeout(now);
        } else if matches!(outcome, Some(Err(_))) {
            self.note_silence(at, started, now, Silence::LinkFailed);
        } else if !has_answer {
            let silence = if is_relayed { Silence::Relayed } else { Silence::TimedOut };
            self.note_silence(at, started, now, silence);
        } else if outcome.is_none() {
            self.note_half_answer(at, started, now);
        }
        if let Some(Err(error)) = outcome {
            self.note_link_failure(started, now, &error);
        }
        true
    }

    /// Finds out what the job wants to ask next; `None` when it turns out to be complete.
    fn prepare(&mut self, at: usize, job: Job, now: Instant) -> Option<(Asked, Option<u64>)> {
        let Self { core, driver, .. } = self;
        let device = &mut core.devices[at];
        let is_bad = device.health.bad().is_some();
        // A device that does not answer gets one request at a time.
        let n = if device.health.is_failing() { 1 } else { driver.n_in_flight(at) };
        let (round, extra): (&mut Round, Option<u64>) = match job {
            Job::Write => return None,
            Job::Probe => {
                let tag = device.learned.probe(now, device.settings.retry_refused)?;
                let block = driver.plan(at, &[tag], device.learned.cuts()).into_iter().next()?;
                return Some((Asked::Probe(block), None));
            }
            Job::Class(idx) => {
                let class = device.classes.get_mut(idx)?;
                if !class.is_active {
                    class.is_active = true;
                    let version = device.learned.version();
                    if class.planned == Some(version) {
                        class.round.restart();
                    } else {
                        class.planned = Some(version);
                        let learned = &device.learned;
                        let blocks = if learned.n_refused() == 0 {
                            driver.plan(at, &class.tags, learned.cuts())
                        } else {
                            let kept: Vec<u32> =
                                class.tags.iter().copied().filter(|tag| !learned.is_refused(*tag)).collect();
                            driver.plan(at, &kept, learned.cuts())
                        };
                        class.round.replan(blocks);
                    }
                }
                (&mut class.round, None)
            }
            Job::Extra => {
                let learned = &device.learned;
                let extra = device.extras.front_mut()?;
                if !extra.is_planned {
                    extra.is_planned = true;
                    let (alone, rest): (Vec<u32>, Vec<u32>) =
                        extra.tags.iter().partition(|tag| learned.is_refused(**tag));
                    let mut blocks = driver.plan(at, &rest, learned.cuts());
                    blocks.extend(alone.iter().flat_map(|tag| driver.plan(at, &[*tag], learned.cuts())));
                    extra.round.replan(blocks);
                }
                (&mut extra.round, Some(extra.id))
            }
        };
        let ask = if is_bad && extra.is_none() { round.probe() } else { round.ask(now, n) };
        match ask {
            Some(Ask::Piece(piece)) => Some((Asked::Piece(piece), extra)),
            Some(Ask::Blocks(range)) => Some((Asked::Blocks(std::mem::take(&mut round.blocks), range), extra)),
            None => {
                core.finish(at, job, now);
                None
            }
        }
    }

    /// Works through the answers to what was asked. Returns whether the device gave any, and whether its silence is the
    /// fault of single blocks.
    fn take_answers(&mut self, at: usize, job: Job, extra: Option<u64>, asked: Asked, now: Instant) -> (bool, bool) {
        let Self { core, driver, readings, unanswered, .. } = self;
        let stamp = core.clock.now();
        let n_asked = asked.blocks().len();
        let mut has_answer = false;
        unanswered.clear();
        unanswered.extend(0..n_asked);
        for (idx, result) in readings.answers.drain(..) {
            let Some(block) = asked.blocks().get(idx) else { continue };
            if let Err(refusal) = &result
                && is_silence(refusal)
            {
                core.devices[at].excuse = Some(refusal.reason.clone());
                continue;
            }
            has_answer = true;
            core.devices[at].excuse = None;
            unanswered.retain(|open| *open != idx);
            match result {
                Ok(()) => match &asked {
                    Asked::Blocks(_, range) => {
                        if let Some(round) = core.round(at, job, extra) {
                            round.answered(range.start + idx);
                        }
                    }
                    Asked::Piece(piece) => {
                        let cut = core.round(at, job, extra).and_then(|round| round.bisect.read(piece));
                        if let Some(cut) = cut {
                            core.devices[at].learned.add_hole(cut);
                        }
                    }
                    Asked::Probe(_) => {}
                },
                Err(refusal) => core.refused(at, job, extra, block, &refusal, &**driver, stamp, now),
            }
        }
        let device = &core.devices[at];
        let (attempts, n_answers) = (device.settings.attempts, device.counters.n_reads + u64::from(has_answer));
        let mut is_excused = false;
        match asked {
            Asked::Blocks(blocks, range) => {
                let mut given_up = Vec::new();
                if let Some(round) = core.round(at, job, extra) {
                    for idx in unanswered.drain(..) {
                        if round.unanswered(range.start + idx, attempts, n_answers, now) {
                            given_up.push(range.start + idx);
                        }
                    }
                    round.blocks = blocks;
                }
                is_excused = !given_up.is_empty();
                for idx in given_up {
                    core.mute(at, job, extra, idx, stamp);
                }
            }
            Asked::Piece(_) => {
                if !has_answer && let Some(round) = core.round(at, job, extra) {
                    round.bisect.clear();
                }
            }
            Asked::Probe(_) => {}
        }
        (has_answer, is_excused)
    }
}

/// How many refused tags of a device the log names.
const MAX_NAMED: usize = 5;

/// Whether a refusal says that something between us and the device, such as a gateway, got no answer from it.
fn is_silence(refusal: &Refusal) -> bool {
    matches!(refusal.status.code(), Status::BAD_TIMEOUT | Status::BAD_NO_COMMUNICATION | Status::BAD_NOT_CONNECTED)
}

impl Core {
    /// The round that a job is in, unless it went away while the request was under way.
    fn round(&mut self, at: usize, job: Job, extra: Option<u64>) -> Option<&mut Round> {
        let device = self.devices.get_mut(at)?;
        match job {
            Job::Class(idx) => device.classes.get_mut(idx).map(|class| &mut class.round),
            Job::Extra => {
                let id = extra?;
                device.extras.iter_mut().find(|candidate| candidate.id == id).map(|candidate| &mut candidate.round)
            }
            Job::Write | Job::Probe => None,
        }
    }

    /// Turns raw values into updates.
    fn take_values(&mut self, at: usize, readings: &mut crate::Readings, now: Instant) {
        let stamp = self.clock.now();
        let device = &mut self.devices[at];
        let mut n_bad = readings.failed.len() as u64;
        let n_values = readings.values.len() as u64;
        self.batch.reserve(readings.values.len());
        let may_be_back = device.learned.n_refused() > 0;
        for (_, tag, raw, source_time) in readings.values.drain(..) {
            if may_be_back {
                device.learned.accept(tag, now);
            }
            let source_time = source_time.unwrap_or(stamp);
            if let Some(id) = device.tags.plain_id(tag) {
                let (value, status) = (Some(raw), Status::GOOD);
                self.batch.push(Update { tag: id, value, status, source_time, server_time: stamp });
            } else if let Some((id, seen)) = device.tags.to_engineering(tag, raw) {
                n_bad += u64::from(seen.is_err());
                self.batch.push(update_of(id, seen, source_time, stamp));
            }
        }
        for (_, tag, status) in readings.failed.drain(..) {
            if let Some(id) = device.tags.id(tag) {
                self.batch.push(bad_update(id, status, stamp));
            }
        }
        device.counters.n_values += n_values;
        device.counters.n_bad_values += n_bad;
    }

    /// The device refused a block: asks for its parts where that may help, else gives its tags the quality it named.
    #[expect(clippy::too_many_arguments, reason = "one refusal with all that is known about it")]
    fn refused(
        &mut self,
        at: usize,
        job: Job,
        extra: Option<u64>,
        block: &Block,
        refusal: &Refusal,
        driver: &dyn PolledDriver,
        stamp: Timestamp,
        now: Instant,
    ) {
        let device = &mut self.devices[at];
        device.counters.n_refusals += 1;
        if refusal.divisible {
            let cuts = device.learned.cuts().to_vec();
            let was_split = self
                .round(at, job, extra)
                .is_some_and(|round| round.bisect.split(block, |tags| driver.plan(at, tags, &cuts)));
            if was_split {
                return;
            }
        }
        let device = &mut self.devices[at];
        let is_new =
            refusal.divisible && device.learned.refuse(block, refusal.status, now, device.settings.retry_refused);
        device.counters.n_failed_reads += 1;
        let name = &device.counters.name;
        if is_new && device.learned.n_refused() <= MAX_NAMED {
            let tags: Vec<String> =
                block.tags.iter().filter_map(|tag| device.tags.id(*tag)).map(|id| self.sink.tag_name(id)).collect();
            tracing::warn!(link = %self.name, device = %name, tags = %tags.join(", "), %refusal, "the device refuses a tag");
        } else if is_new && device.learned.n_refused() == MAX_NAMED + 1 {
            tracing::warn!(link = %self.name, device = %name, "the device refuses further tags; tagwire status counts them");
        } else {
            tracing::debug!(link = %self.name, device = %name, start = block.start, %refusal, "refused");
        }
        let ids = block.tags.iter().filter_map(|tag| device.tags.id(*tag));
        self.batch.extend(ids.map(|id| bad_update(id, refusal.status, stamp)));
    }

    /// A block got no answer although the device answers others: its tags are bad until it does.
    fn mute(&mut self, at: usize, job: Job, extra: Option<u64>, idx: usize, stamp: Timestamp) {
        let Some(block) = self.round(at, job, extra).and_then(|round| round.blocks.get(idx)) else { return };
        let tags = block.tags.clone();
        let device = &mut self.devices[at];
        device.counters.n_failed_reads += 1;
        tracing::debug!(link = %self.name, device = %device.counters.name, "a block gets no answer");
        let ids = tags.iter().filter_map(|tag| device.tags.id(*tag));
        self.batch.extend(ids.map(|id| bad_update(id, Status::BAD_TIMEOUT, stamp)));
    }

    /// Notes that a device answered; one that was bad is polled at once.
    pub(crate) fn answered(&mut self, at: usize) {
        if self.line.was_dead() {
            self.devices.iter_mut().for_each(|device| device.health.hurry());
        }
        self.line.answered();
        let device = &mut self.devices[at];
        let is_new = !std::mem::replace(&mut device.has_answered, true);
        if device.health.is_doubtful() || device.health.bad().is_some() {
            let was_bad = device.health.answered();
            if was_bad {
                for class in &mut device.classes {
                    class.round.restart();
                }
                tracing::info!(link = %self.name, device = %device.counters.name, "device answers again");
                let stamp = self.clock.now();
                let tags = &device.tags;
                let refused = device.learned.refused().filter_map(|(tag, status)| Some((tags.id(tag)?, status)));
                self.batch.extend(refused.map(|(id, status)| bad_update(id, status, stamp)));
                self.is_dirty = true;
            }
        }
        self.is_dirty |= is_new;
    }

    /// Tells clients what the updates say about the tags they asked for in the extra read `id`.
    fn inform_clients(&mut self, at: usize, id: u64, updates: &[Update]) {
        let device = &self.devices[at];
        let Some(Purpose::Client(ticket, items)) =
            device.extras.iter().find(|candidate| candidate.id == id).map(|candidate| &candidate.purpose)
        else {
            return;
        };
        let ticket = *ticket;
        for update in updates {
            let start = items.partition_point(|(id, _)| *id < update.tag);
            for (_, item) in items.iter().skip(start).take_while(|(id, _)| *id == update.tag) {
                if self.reads.set(ticket, *item, update.clone()) {
                    self.shared.release(1);
                }
            }
        }
    }

    /// Ends the round of a job.
    fn finish(&mut self, at: usize, job: Job, now: Instant) {
        let stamp = self.clock.now();
        let device = &mut self.devices[at];
        match job {
            Job::Class(idx) => {
                if let Some(class) = device.classes.get_mut(idx) {
                    class.is_active = false;
                    let n_missed = class.ticks.finish(now);
                    if !std::mem::take(&mut class.is_disturbed) {
                        device.counters.n_overruns += n_missed;
                    }
                }
            }
            Job::Extra => match device.extras.pop_front().map(|extra| extra.purpose) {
                Some(Purpose::Client(ticket, items)) => {
                    // Tags that no block served and that nobody spoke about.
                    for (id, item) in items {
                        self.answer_read(ticket, item, bad_update(id, Status::BAD_NO_DATA, stamp));
                    }
                }
                Some(Purpose::Demand) => {
                    device.is_demand_polling =
                        device.extras.iter().any(|extra| matches!(extra.purpose, Purpose::Demand));
                    self.is_dirty = true;
                }
                Some(Purpose::Refresh) | None => {}
            },
            Job::Write | Job::Probe => {}
        }
    }
}
