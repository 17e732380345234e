//! Changes of inputs in, updates of derived tags and writes of links out. Time is an argument.

use std::collections::HashMap;
use std::time::Duration;

use tagwire_model::{ConvertError, Sample, Status, TagId, Timestamp, Update, Value};
use tokio::time::Instant;

use super::formula::Formula;
use super::network::order;
use super::statistic::{Measure, Statistic, Total};
use super::totals::KeptTotal;
use crate::config::{Derived, LinkOn, Work};

/// A tag that derived tags refer to.
struct Slot {
    tag: TagId,
    sample: Option<Sample>,
    users: Vec<(usize, Role)>,
    /// Whether the tag is a derived one itself, whose changes do not come from outside.
    is_own: bool,
}

/// What a tag is to a derived one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Input,
    Reset,
    Trigger,
}

/// What a derived tag remembers.
enum State {
    Across(Measure),
    Running(Statistic),
    Formula(Option<Formula>),
    Total(Total),
    Link(Writing),
}

/// Where a link is with its writes.
#[derive(Default)]
struct Writing {
    is_due: bool,
    is_under_way: bool,
    /// The value by which the next one counts as another; none where the last write failed.
    last: Option<Value>,
}

impl Writing {
    /// Takes in a value of the input, which is due when it is another one.
    fn input(&mut self, value: &Value) {
        if !self.last.as_ref().is_some_and(|last| last.same_as(value)) {
            self.last = Some(value.clone());
            self.is_due = true;
        }
    }
}

/// A derived tag at work.
struct Node {
    derived: Derived,
    tag: TagId,
    own_slot: Option<usize>,
    inputs: Vec<usize>,
    output: Option<TagId>,
    state: State,
    is_dirty: bool,
    /// Whether reset or trigger were true when last seen: only becoming true counts.
    is_set: bool,
    next: Option<Instant>,
    is_failing: bool,
}

/// What is wanted of a tag from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) tag: TagId,
    /// The number by which [`Core::change`] knows the tag.
    pub(super) slot: u32,
    pub(super) interval: Duration,
    /// Whether values count that are what they were.
    pub(super) every_sample: bool,
}

/// A write that a link asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Write {
    pub(super) node: usize,
    pub(super) tag: TagId,
    pub(super) value: Value,
    pub(super) source_time: Timestamp,
}

/// All derived tags.
#[derive(Default)]
pub(super) struct Core {
    slots: Vec<Slot>,
    /// In an order in which each comes behind what it needs.
    nodes: Vec<Node>,
    /// How often the core was made anew, so that answers to earlier writes are told from later ones.
    pub(super) generation: u64,
    /// Whether totals changed in a way that where their counters stand does not tell.
    pub(super) has_turned: bool,
}

impl Core {
    /// Ties derived tags to the tags that paths lead to now; what an earlier core remembers of the same tags is kept.
    /// A tag whose inputs are not there waits for the next time.
    pub(super) fn new(list: &[Derived], tag_of: impl Fn(&str) -> Option<TagId>, earlier: Self, now: Instant) -> Self {
        let mut states: HashMap<String, (Derived, State)> =
            earlier.nodes.into_iter().map(|node| (node.derived.name.clone(), (node.derived, node.state))).collect();
        let mut core = Self { generation: earlier.generation + 1, ..Self::default() };
        let mut slots: HashMap<TagId, usize> = HashMap::new();
        for at in order(list).unwrap_or_default() {
            let derived = &list[at];
            let Some(tag) = tag_of(&derived.name) else { continue };
            let node = core.nodes.len();
            let mut slot_of = |path: &str, role: Role| -> Option<usize> {
                let tag = tag_of(path)?;
                let slot = *slots.entry(tag).or_insert_with(|| {
                    core.slots.push(Slot { tag, sample: None, users: Vec::new(), is_own: false });
                    core.slots.len() - 1
                });
                core.slots[slot].users.push((node, role));
                Some(slot)
            };
            let inputs: Vec<usize> = derived.inputs.iter().filter_map(|(_, path)| slot_of(path, Role::Input)).collect();
            if inputs.len() < derived.inputs.len() {
                tracing::warn!(tag = %derived.name, "an input of the derived tag is not there");
            }
            derived.reset.as_deref().and_then(|path| slot_of(path, Role::Reset));
            let (mut output, mut next) = (None, None);
            if let Work::Link { output: path, on, trigger } = &derived.work {
                trigger.as_deref().and_then(|path| slot_of(path, Role::Trigger));
                output = tag_of(path);
                next = (*on == LinkOn::Rate).then(|| now + derived.rate);
            }
            let kept = states.remove(&derived.name).filter(|(old, _)| old.remembers(derived)).map(|(_, state)| state);
            let mut state = kept.unwrap_or_else(|| first_state(derived));
            if let State::Link(writing) = &mut state {
                writing.is_under_way = false;
            }
            if let State::Running(statistic) = &state {
                next = statistic.period().map(|period| now + period);
            }
            let derived = derived.clone();
            let (is_dirty, is_set, is_failing) = (false, true, false);
            core.nodes.push(Node {
                derived,
                tag,
                own_slot: None,
                inputs,
                output,
                state,
                is_dirty,
                is_set,
                next,
                is_failing,
            });
        }
        for node in &mut core.nodes {
            node.own_slot = slots.get(&node.tag).copied();
            if let Some(slot) = node.own_slot {
                core.slots[slot].is_own = true;
            }
        }
        core
    }

    /// What must be watched.
    pub(super) fn wants(&self) -> Vec<Want> {
        let numbered = (0_u32..).zip(&self.slots).filter(|(_, slot)| !slot.is_own);
        let want = |(number, slot): (u32, &Slot)| {
            let users = || slot.users.iter().map(|(node, _)| &self.nodes[*node]);
            let interval = users().map(|node| node.derived.rate).min().unwrap_or(Duration::from_secs(1));
            let every_sample = users().any(|node| matches!(node.state, State::Running(_)));
            Want { tag: slot.tag, slot: number, interval, every_sample }
        };
        numbered.map(want).collect()
    }

    /// What totals remember, for [`Core::go_on`] after a restart.
    pub(super) fn totals(&self) -> Vec<KeptTotal> {
        let kept = |node: &Node| {
            let (State::Total(total), Work::Total(rollover)) = (&node.state, &node.derived.work) else { return None };
            let (last, total) = total.kept()?;
            Some(KeptTotal {
                name: node.derived.name.clone(),
                of: node.derived.source(),
                rollover: *rollover,
                last,
                total,
            })
        };
        self.nodes.iter().filter_map(kept).collect()
    }

    /// Lets totals go on from what was kept, where they still count the same.
    pub(super) fn go_on(&mut self, kept: &[KeptTotal]) {
        let kept: HashMap<&str, &KeptTotal> = kept.iter().map(|kept| (kept.name.as_str(), kept)).collect();
        for node in &mut self.nodes {
            let Some(kept) = kept.get(node.derived.name.as_str()) else { continue };
            if let (State::Total(total), Work::Total(rollover)) = (&mut node.state, &node.derived.work)
                && *rollover == kept.rollover
                && node.derived.source() == kept.of
            {
                total.go_on((kept.last, kept.total));
            }
        }
    }

    /// Whether a number stands for a tag.
    pub(super) fn knows(&self, slot: u32, tag: TagId) -> bool {
        self.slots.get(slot as usize).is_some_and(|slot| slot.tag == tag)
    }

    /// Takes in what a tag is now.
    pub(super) fn change(&mut self, slot: u32, sample: Sample, now: Instant) {
        self.take(slot as usize, sample, now);
    }

    fn take(&mut self, slot: usize, sample: Sample, now: Instant) {
        let Some(slot) = self.slots.get_mut(slot) else { return };
        if slot.sample.as_ref() == Some(&sample) {
            return;
        }
        let number = if sample.status.is_bad() { None } else { number_of(&sample.value) };
        let has_turned = &mut self.has_turned;
        for (node, role) in &slot.users {
            let node = &mut self.nodes[*node];
            node.is_dirty = true;
            match role {
                Role::Input => match (&mut node.state, number) {
                    (State::Running(statistic), Some(number)) => statistic.add(number, now),
                    (State::Total(total), Some(number)) => *has_turned |= total.add(number),
                    (State::Link(writing), _) => {
                        let is_on_change = matches!(node.derived.work, Work::Link { on: LinkOn::Change, .. });
                        if is_on_change && !sample.status.is_bad() {
                            writing.input(&sample.value);
                        }
                    }
                    _ => {}
                },
                Role::Reset | Role::Trigger => {
                    let Some(number) = number else { continue };
                    let becomes_set = number != 0.0 && !node.is_set;
                    node.is_set = number != 0.0;
                    match &mut node.state {
                        State::Running(statistic) if becomes_set => statistic.reset(),
                        State::Total(total) if becomes_set => {
                            total.reset();
                            *has_turned = true;
                        }
                        State::Link(writing) if becomes_set => writing.is_due = true,
                        _ => {}
                    }
                }
            }
        }
        slot.sample = Some(sample);
    }

    /// Works out what the changes since the last call and the time ask for. `wall` is the time that results bear.
    pub(super) fn work(&mut self, now: Instant, wall: Timestamp) -> (Vec<Update>, Vec<Write>) {
        let (mut updates, mut writes) = (Vec::new(), Vec::new());
        for at in 0..self.nodes.len() {
            self.look_at_the_clock(at, now);
            if !std::mem::take(&mut self.nodes[at].is_dirty) {
                continue;
            }
            let (slots, node) = (&self.slots, &mut self.nodes[at]);
            let update = match node.result(slots, now) {
                Outcome::Nothing => continue,
                Outcome::Write { value, source_time } => {
                    writes.extend(node.output.map(|tag| Write { node: at, tag, value, source_time }));
                    continue;
                }
                Outcome::Result { value, status, source_time } => {
                    Update { tag: node.tag, value, status, source_time, server_time: wall }
                }
            };
            let own = node.own_slot;
            self.take_own(own, &update, now);
            updates.push(update);
        }
        (updates, writes)
    }

    fn look_at_the_clock(&mut self, at: usize, now: Instant) {
        let node = &mut self.nodes[at];
        let Some(next) = node.next.filter(|next| *next <= now) else { return };
        node.is_dirty = true;
        let period = match &mut node.state {
            State::Running(statistic) => statistic.period().unwrap_or(node.derived.rate),
            State::Link(writing) => {
                writing.is_due = true;
                node.derived.rate
            }
            _ => node.derived.rate,
        };
        // A moment that was slept through is not made up for.
        node.next = Some((next + period).max(now));
    }

    /// When [`Core::work`] must be called even if nothing changes.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.nodes.iter().filter_map(|node| node.next).min()
    }

    /// What became of a write; gives the state of the link.
    pub(super) fn written(&mut self, write: &Write, status: Status, now: Instant, wall: Timestamp) -> Option<Update> {
        let node = self.nodes.get_mut(write.node)?;
        if let State::Link(writing) = &mut node.state {
            writing.is_under_way = false;
            node.is_dirty |= writing.is_due;
            if status.is_bad() && !writing.is_due {
                writing.last = None;
            }
        }
        let value = (!status.is_bad()).then(|| write.value.convert(node.derived.value_type).ok()).flatten();
        let (own, update) =
            (node.own_slot, Update { tag: node.tag, value, status, source_time: write.source_time, server_time: wall });
        self.take_own(own, &update, now);
        Some(update)
    }

    /// Takes in what a derived tag has become, where it is an input of others.
    fn take_own(&mut self, own: Option<usize>, update: &Update, now: Instant) {
        let Some(slot) = own else { return };
        let kept = || self.slots[slot].sample.as_ref().map(|sample| sample.value.clone());
        let value = update.value.clone().or_else(kept).unwrap_or(Value::Null);
        let (status, source_time, server_time) = (update.status, update.source_time, update.server_time);
        self.take(slot, Sample { value, status, source_time, server_time }, now);
    }
}

/// What is worked out of the inputs of one tag.
enum Outcome {
    Nothing,
    Write { value: Value, source_time: Timestamp },
    Result { value: Option<Value>, status: Status, source_time: Timestamp },
}

impl Node {
    fn result(&mut self, slots: &[Slot], now: Instant) -> Outcome {
        let samples: Vec<&Sample> = self.inputs.iter().filter_map(|slot| slots[*slot].sample.as_ref()).collect();
        let source_time = samples.iter().map(|sample| sample.source_time).max().unwrap_or(Timestamp::NONE);
        if self.inputs.len() < self.derived.inputs.len() {
            return Outcome::Result { value: None, status: Status::BAD_CONFIGURATION_ERROR, source_time };
        }
        if samples.len() < self.inputs.len() {
            return Outcome::Nothing;
        }
        let status = worst(samples.iter().map(|sample| sample.status));
        if status.is_bad() {
            return Outcome::Result { value: None, status, source_time };
        }
        let is_wild = |sample: &&Sample| sample.value.as_f64().is_some_and(|number| !number.is_finite());
        if !matches!(self.state, State::Link(_)) && samples.iter().any(is_wild) {
            return Outcome::Result { value: None, status: Status::BAD_OUT_OF_RANGE, source_time };
        }
        let number = |sample: &&Sample| number_of(&sample.value);
        let result = match &mut self.state {
            State::Across(measure) => measure.across(samples.iter().filter_map(number)).map(Value::Double),
            State::Running(statistic) => statistic.result(now).map(Value::Double),
            State::Total(total) => Some(Value::Double(total.result())),
            State::Formula(formula) => {
                let Some(formula) = formula else { return Outcome::Nothing };
                match formula.value(samples.iter().map(|sample| &sample.value)) {
                    Ok(value) => Some(value),
                    Err((status, reason)) => {
                        if !std::mem::replace(&mut self.is_failing, true) {
                            tracing::warn!(tag = %self.derived.name, %reason, "the expression has no result");
                        }
                        return Outcome::Result { value: None, status, source_time };
                    }
                }
            }
            State::Link(writing) => {
                // A later value takes the place of one that waits.
                if !writing.is_due || writing.is_under_way {
                    return Outcome::Nothing;
                }
                (writing.is_due, writing.is_under_way) = (false, true);
                return Outcome::Write { value: samples[0].value.clone(), source_time };
            }
        };
        let Some(value) = result else {
            return Outcome::Result { value: None, status: Status::BAD_NO_DATA, source_time };
        };
        self.is_failing = false;
        match value.convert(self.derived.value_type) {
            Ok(value) => Outcome::Result { value: Some(value), status, source_time },
            Err(error) => {
                let status = match error {
                    ConvertError::Range => Status::BAD_OUT_OF_RANGE,
                    ConvertError::Type | ConvertError::Dimensions => Status::BAD_TYPE_MISMATCH,
                };
                Outcome::Result { value: None, status, source_time }
            }
        }
    }
}

fn first_state(derived: &Derived) -> State {
    match &derived.work {
        Work::Measure(measure, window) if derived.inputs.len() == 1 => {
            State::Running(Statistic::new(*measure, *window))
        }
        Work::Measure(measure, _) => State::Across(*measure),
        Work::Expression(text) => {
            let names: Vec<&str> = derived.inputs.iter().map(|(name, _)| name.as_str()).collect();
            State::Formula(Formula::new(text, &names).ok())
        }
        Work::Total(rollover) => State::Total(Total::new(*rollover)),
        Work::Link { .. } => State::Link(Writing::default()),
    }
}

/// A number or a Boolean as a number; `None` for anything else and for what is not finite.
fn number_of(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Boolean(flag) => Some(f64::from(u8::from(*flag))),
        value => value.as_f64(),
    };
    number.filter(|number| number.is_finite())
}

/// The worst of some statuses: the first bad one, else the first uncertain one, else Good.
fn worst(statuses: impl Iterator<Item = Status>) -> Status {
    let rank = |status: Status| if status.is_bad() { 2 } else { u8::from(status.is_uncertain()) };
    let worse = |worst: Status, status: Status| if rank(status) > rank(worst) { status.code() } else { worst };
    statuses.fold(Status::GOOD, worse)
}

#[cfg(test)]
mod tests {
    use tagwire_model::{DataType, ValueType};

    use super::*;

    const WALL: Timestamp = Timestamp::from_ticks(1_000);

    fn derived(name: &str, work: Work, inputs: &[(&str, &str)]) -> Derived {
        let inputs = inputs.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect();
        Derived { name: name.to_owned(), work, inputs, ..Derived::sample() }
    }

    /// Tags are numbered by the digits at the end of their paths.
    fn tag_of(path: &str) -> Option<TagId> {
        path.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().ok().map(TagId)
    }

    fn core(list: &[Derived], now: Instant) -> Core {
        Core::new(list, tag_of, Core::default(), now)
    }

    impl Core {
        fn feed(&mut self, tag: u32, value: impl Into<f64>, now: Instant) -> Vec<(u32, Option<f64>, Status)> {
            self.feed_sample(tag, Sample::good(Value::Double(value.into()), Timestamp::from_ticks(7)), now)
        }

        fn feed_sample(&mut self, tag: u32, sample: Sample, now: Instant) -> Vec<(u32, Option<f64>, Status)> {
            let slot = self.slots.iter().position(|slot| slot.tag == TagId(tag)).expect("a slot");
            self.change(slot as u32, sample, now);
            let (updates, _) = self.work(now, WALL);
            updates
                .iter()
                .map(|update| (update.tag.0, update.value.as_ref().and_then(Value::as_f64), update.status))
                .collect()
        }
    }

    #[test]
    fn a_result_needs_all_inputs_and_is_as_good_as_the_worst() {
        let now = Instant::now();
        let mean = derived("calc.9", Work::Measure(Measure::Average, None), &[("a", "plc.1"), ("b", "plc.2")]);
        let mut core = core(&[mean], now);
        assert!(core.feed(1, 10.0, now).is_empty());
        assert_eq!(core.feed(2, 20.0, now), [(9, Some(15.0), Status::GOOD)]);
        let bad = Sample { status: Status::BAD_NO_COMMUNICATION, ..Sample::good(Value::Double(1.0), WALL) };
        assert_eq!(core.feed_sample(1, bad, now), [(9, None, Status::BAD_NO_COMMUNICATION)]);
        let uncertain =
            Sample { status: Status::UNCERTAIN_LAST_USABLE_VALUE, ..Sample::good(Value::Double(30.0), WALL) };
        assert_eq!(core.feed_sample(1, uncertain, now), [(9, Some(25.0), Status::UNCERTAIN_LAST_USABLE_VALUE)]);
    }

    #[test]
    fn derived_tags_of_derived_tags_change_along() {
        let now = Instant::now();
        let double = derived("calc.8", Work::Expression("a * 2".to_owned()), &[("a", "plc.1")]);
        let above = derived("calc.7", Work::Expression("x + 1".to_owned()), &[("x", "calc.8")]);
        let mut core = core(&[above, double], now);
        assert_eq!(core.feed(1, 5.0, now), [(8, Some(10.0), Status::GOOD), (7, Some(11.0), Status::GOOD)]);
        assert_eq!(core.wants().len(), 1, "what is derived here is not watched");
    }

    #[test]
    fn the_time_of_a_result_is_the_latest_of_its_inputs() {
        let now = Instant::now();
        let sum = derived("calc.9", Work::Expression("a + b".to_owned()), &[("a", "plc.1"), ("b", "plc.2")]);
        let mut core = core(&[sum], now);
        for (slot, ticks) in [(0, 50), (1, 20)] {
            core.change(slot, Sample::good(Value::Int16(1), Timestamp::from_ticks(ticks)), now);
        }
        let (updates, _) = core.work(now, WALL);
        assert_eq!((updates[0].source_time.ticks(), updates[0].server_time), (50, WALL));
    }

    #[test]
    fn a_total_begins_anew_when_its_reset_becomes_true() {
        let now = Instant::now();
        let mut total = derived("calc.9", Work::Total(Some(99.0)), &[("a", "plc.1")]);
        total.reset = Some("plc.2".to_owned());
        let mut core = core(&[total], now);
        core.feed(2, 0.0, now);
        core.feed(1, 90.0, now);
        assert_eq!(core.feed(1, 5.0, now), [(9, Some(15.0), Status::GOOD)]);
        assert_eq!(core.feed(2, 1.0, now), [(9, Some(0.0), Status::GOOD)]);
        assert_eq!(core.feed(1, 6.0, now), [(9, Some(1.0), Status::GOOD)]);
    }

    #[test]
    fn what_is_remembered_outlives_a_reload_of_the_same_tag() {
        let now = Instant::now();
        let total = derived("calc.9", Work::Total(None), &[("a", "plc.1")]);
        let mut before = core(std::slice::from_ref(&total), now);
        before.feed(1, 10.0, now);
        before.feed(1, 25.0, now);
        let mut after = Core::new(std::slice::from_ref(&total), tag_of, before, now);
        assert_eq!(after.feed(1, 30.0, now), [(9, Some(20.0), Status::GOOD)]);
        let other = derived("calc.9", Work::Total(Some(100.0)), &[("a", "plc.1")]);
        let mut other = Core::new(&[other], tag_of, after, now);
        assert_eq!(other.feed(1, 31.0, now), [(9, Some(0.0), Status::GOOD)]);
    }

    #[test]
    fn a_total_goes_on_after_a_restart_where_it_counts_the_same() {
        let now = Instant::now();
        let total = derived("calc.9", Work::Total(Some(99.0)), &[("a", "plc.1")]);
        let mut before = core(std::slice::from_ref(&total), now);
        assert!(before.totals().is_empty(), "nothing is known yet");
        before.feed(1, 90.0, now);
        before.feed(1, 97.0, now);
        let kept = before.totals();
        let mut after = core(std::slice::from_ref(&total), now);
        after.go_on(&kept);
        assert_eq!(after.feed(1, 2.0, now), [(9, Some(12.0), Status::GOOD)], "what was counted meanwhile counts");
        after.go_on(&kept);
        assert_eq!(after.feed(1, 3.0, now), [(9, Some(13.0), Status::GOOD)], "a total at work is left alone");
        for other in [
            derived("calc.9", Work::Total(None), &[("a", "plc.1")]),
            derived("calc.9", Work::Total(Some(99.0)), &[("a", "plc.2")]),
        ] {
            let mut anew = core(std::slice::from_ref(&other), now);
            anew.go_on(&kept);
            assert!(anew.totals().is_empty(), "{other:?} counts something else");
        }
    }

    #[test]
    fn an_input_that_is_no_number_makes_the_result_bad() {
        let now = Instant::now();
        for work in [
            Work::Measure(Measure::Average, None),
            Work::Measure(Measure::Minimum, None),
            Work::Expression("clamp(a, 0.0, 100.0)".to_owned()),
            Work::Total(None),
        ] {
            let mut core = core(&[derived("calc.9", work.clone(), &[("a", "plc.1")])], now);
            core.feed(1, 5.0, now);
            for wild in [f64::NAN, f64::INFINITY] {
                assert_eq!(core.feed(1, wild, now), [(9, None, Status::BAD_OUT_OF_RANGE)], "{work:?}");
            }
            assert!(core.feed(1, 6.0, now)[0].2.is_good(), "{work:?}");
        }
        let mut across =
            core(&[derived("calc.9", Work::Measure(Measure::Average, None), &[("a", "plc.1"), ("b", "plc.2")])], now);
        across.feed(1, 5.0, now);
        assert_eq!(across.feed(2, f64::NAN, now), [(9, None, Status::BAD_OUT_OF_RANGE)]);
    }

    #[test]
    fn a_total_goes_on_when_only_its_description_changes() {
        let now = Instant::now();
        let total = derived("calc.9", Work::Total(None), &[("a", "plc.1")]);
        let mut before = core(std::slice::from_ref(&total), now);
        before.feed(1, 10.0, now);
        before.feed(1, 25.0, now);
        let described = Derived { description: "counted".to_owned(), unit: "pcs".to_owned(), ..total };
        let mut after = Core::new(&[described], tag_of, before, now);
        assert_eq!(after.feed(1, 30.0, now), [(9, Some(20.0), Status::GOOD)]);
    }

    #[test]
    fn a_link_writes_on_change_one_value_at_a_time() {
        let now = Instant::now();
        let work = Work::Link { output: "plc.5".to_owned(), on: LinkOn::Change, trigger: None };
        let mut core = core(&[derived("calc.9", work, &[("a", "plc.1")])], now);
        let write = |core: &mut Core, value: f64| {
            core.change(0, Sample::good(Value::Double(value), WALL), now);
            core.work(now, WALL).1
        };
        let first = write(&mut core, 1.0);
        assert_eq!((first.len(), first[0].tag, first[0].value.clone()), (1, TagId(5), Value::Double(1.0)));
        assert!(write(&mut core, 2.0).is_empty() && write(&mut core, 3.0).is_empty(), "the first is under way");
        let update = core.written(&first[0], Status::GOOD, now, WALL).expect("an update");
        assert_eq!((update.tag, update.value, update.status), (TagId(9), Some(Value::Double(1.0)), Status::GOOD));
        let (_, next) = core.work(now, WALL);
        assert_eq!(next.iter().map(|write| write.value.clone()).collect::<Vec<_>>(), [Value::Double(3.0)]);
        let refused = core.written(&next[0], Status::BAD_NOT_WRITABLE, now, WALL).expect("an update");
        assert_eq!((refused.value, refused.status), (None, Status::BAD_NOT_WRITABLE));
        assert_eq!(write(&mut core, 3.0).len(), 0, "the same sample tells nothing");
        core.change(0, Sample::good(Value::Double(3.0), Timestamp::from_ticks(9)), now);
        assert_eq!(core.work(now, WALL).1.len(), 1, "what was refused is tried again when it is told again");
    }

    #[test]
    fn a_link_on_change_writes_nothing_while_its_input_keeps_its_value() {
        let now = Instant::now();
        let work = Work::Link { output: "plc.5".to_owned(), on: LinkOn::Change, trigger: None };
        let hot = derived("calc.8", Work::Expression("a > 80.0".to_owned()), &[("a", "plc.1")]);
        let hot = Derived { value_type: ValueType::scalar(DataType::Boolean), ..hot };
        let list = [hot, derived("calc.9", work, &[("hot", "calc.8")])];
        let mut core = core(&list, now);
        let writes = |core: &mut Core, ticks: i64, value: f64, status: Status| {
            let sample = Sample { status, ..Sample::good(Value::Double(value), Timestamp::from_ticks(ticks)) };
            let slot = core.slots.iter().position(|slot| slot.tag == TagId(1)).expect("a slot");
            core.change(slot as u32, sample, now);
            let writes = core.work(now, Timestamp::from_ticks(ticks)).1;
            writes.iter().for_each(|write| drop(core.written(write, Status::GOOD, now, WALL)));
            writes.into_iter().map(|write| write.value).collect::<Vec<_>>()
        };
        assert_eq!(writes(&mut core, 1, 90.0, Status::GOOD), [Value::Boolean(true)]);
        assert_eq!(writes(&mut core, 2, 91.0, Status::GOOD), []);
        assert_eq!(writes(&mut core, 3, 91.0, Status::BAD_NO_COMMUNICATION), []);
        assert_eq!(writes(&mut core, 4, 92.0, Status::GOOD), []);
        let mut after = Core::new(&list, tag_of, core, now);
        assert_eq!(writes(&mut after, 5, 93.0, Status::GOOD), [], "after a reload of something else");
        assert_eq!(writes(&mut after, 6, 20.0, Status::GOOD), [Value::Boolean(false)]);
    }

    #[test]
    fn a_link_is_an_input_of_others() {
        let now = Instant::now();
        let work = Work::Link { output: "plc.5".to_owned(), on: LinkOn::Change, trigger: None };
        let list = [
            derived("calc.9", work, &[("a", "plc.1")]),
            derived("calc.8", Work::Expression("x * 2.0".to_owned()), &[("x", "calc.9")]),
        ];
        let mut core = core(&list, now);
        let slot = core.slots.iter().position(|slot| slot.tag == TagId(1)).expect("a slot") as u32;
        core.change(slot, Sample::good(Value::Double(4.0), WALL), now);
        let (_, writes) = core.work(now, WALL);
        core.written(&writes[0], Status::GOOD, now, WALL);
        let (updates, _) = core.work(now, WALL);
        assert_eq!((updates[0].tag, updates[0].value.clone()), (TagId(8), Some(Value::Double(8.0))));
    }

    #[test]
    fn links_write_at_their_rate_or_when_triggered() {
        let start = Instant::now();
        let link = |on, trigger: Option<&str>| {
            let work = Work::Link { output: "plc.5".to_owned(), on, trigger: trigger.map(str::to_owned) };
            derived("calc.9", work, &[("a", "plc.1")])
        };
        let mut by_rate = core(&[link(LinkOn::Rate, None)], start);
        by_rate.feed(1, 4.0, start);
        assert_eq!(by_rate.next_due(), Some(start + Duration::from_secs(1)));
        assert_eq!(by_rate.work(start + Duration::from_secs(1), WALL).1.len(), 1);
        let mut triggered = core(&[link(LinkOn::Trigger, Some("plc.2"))], start);
        triggered.feed(1, 4.0, start);
        triggered.feed(2, 0.0, start);
        triggered.change(1, Sample::good(Value::Boolean(true), WALL), start);
        assert_eq!(triggered.work(start, WALL).1.len(), 1);
    }

    #[test]
    fn a_window_moves_on_without_changes() {
        let start = Instant::now();
        let window = Some(Duration::from_secs(60));
        let mut core = core(&[derived("calc.9", Work::Measure(Measure::Maximum, window), &[("a", "plc.1")])], start);
        assert!(core.wants()[0].every_sample);
        core.feed(1, 9.0, start);
        let later = start + Duration::from_secs(30);
        assert_eq!(core.feed(1, 4.0, later), [(9, Some(9.0), Status::GOOD)]);
        let (updates, _) = core.work(start + Duration::from_secs(61), WALL);
        assert_eq!(updates[0].value, Some(Value::Double(4.0)));
        let (updates, _) = core.work(start + Duration::from_secs(120), WALL);
        assert_eq!((updates[0].value.clone(), updates[0].status), (None, Status::BAD_NO_DATA));
    }

    #[test]
    fn a_result_that_does_not_fit_its_type_is_bad() {
        let now = Instant::now();
        let mut small = derived("calc.9", Work::Expression("a * 100".to_owned()), &[("a", "plc.1")]);
        small.value_type = ValueType::scalar(DataType::UInt8);
        let mut core = core(&[small], now);
        assert_eq!(core.feed(1, 2.0, now), [(9, Some(200.0), Status::GOOD)]);
        assert_eq!(core.feed(1, 3.0, now), [(9, None, Status::BAD_OUT_OF_RANGE)]);
    }
}
