//! Owns the turn of a shard: release what became durable, take what has come due and a batch of commands, decide and apply
//! each, hand the records to the log, park the answers. It never blocks; who drives it, and how that thread sleeps, is
//! [`crate::driver`]'s.

use std::hint::black_box;
use std::sync::Arc;

use hashbrown::HashMap;
use landrush_wal::log::Waker;
use landrush_wal::records::Records;

use crate::codec;
use crate::engine::Shared;
use crate::event::{Change, Event};
use crate::filter::{Claimant, PersonHash};
use crate::id::CampaignNumber;
use crate::outcome::{Outcome, Refusal};
use crate::port::{PortId, ReplyQueue};
use crate::published::{Facts, Publication, Published};
use crate::shard::link::{BatchNumber, Link};
use crate::shard::mailbox::{Envelope, Mailbox};
use crate::shard::parked::{Answer, Effects, Parked, Sorter};
use crate::shard::taken::Taken;
use crate::shard::{Due, State};
use crate::time::Timestamp;

/// What other threads see of a shard.
pub(crate) struct ShardHandle {
    mailbox: Mailbox,
    link: Link,
}

impl ShardHandle {
    /// A shard whose thread `waker` wakes.
    pub(crate) fn new(commands_max: usize, waker: Waker) -> Self {
        Self { mailbox: Mailbox::new(commands_max, waker.clone()), link: Link::new(waker) }
    }

    pub(crate) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }
}

/// A shard: its state, and all that is on its way through it.
pub(crate) struct Shard {
    index: usize,
    shared: Arc<Shared>,
    state: State,
    published: HashMap<CampaignNumber, Arc<Published>>,
    taken: Taken,
    /// The last batch handed to the log.
    handed: BatchNumber,
    parked: Parked,
    sorter: Sorter,
    /// The ports' queues as of the last look; a port that is newer sends us to look again.
    ports: Arc<Vec<Option<Arc<ReplyQueue>>>>,
    batch_bytes_max: usize,
}

/// The campaigns that a batch has changed.
#[derive(Default)]
struct Touched(Vec<Touch>);

struct Touch {
    campaign: CampaignNumber,
    is_new: bool,
    /// More changed than counts.
    facts: bool,
}

impl Touched {
    fn add(&mut self, event: &Event<'_>) {
        let facts = match event.change {
            Change::Claimed { .. }
            | Change::Drew { .. }
            | Change::Entered { .. }
            | Change::Voided { .. }
            | Change::Redeemed { .. }
            | Change::Settled { .. }
            | Change::HoldExpired { .. }
            | Change::Arrived { .. }
            | Change::Shuffled { .. }
            | Change::Admitted { .. }
            | Change::Registered { .. }
            | Change::Expired { .. } => false,
            Change::Created { .. }
            | Change::Patched { .. }
            | Change::Resumed { .. }
            | Change::Cancelled { .. }
            | Change::Archived
            | Change::Ended
            | Change::Ranked { .. }
            | Change::CodesImported { .. } => true,
        };
        // Batches are mostly of one campaign, so that the last one touched is mostly the one sought.
        match self.0.iter_mut().rev().find(|touch| touch.campaign == event.campaign) {
            Some(touch) => touch.facts |= facts,
            None => {
                let is_new = matches!(event.change, Change::Created { .. });
                self.0.push(Touch { campaign: event.campaign, is_new, facts });
            }
        }
    }
}

impl Shard {
    /// The most commands decided in one turn: bounds how long an answer waits for its batch to be cut, and how long the disk
    /// waits for work. So many take 0.3 ms to decide and 0.1 ms to write, so that the one goes on beside the other.
    pub(crate) const TURN_COMMANDS_MAX: usize = 1_024;
    /// How much of what came due is done in one turn, before the commands that wait: so many coupons that run out (about half a
    /// millisecond), or what is worth as much. A long downtime leaves millions.
    const TURN_DUE_WORK: usize = 4_096;

    pub(crate) fn new(
        index: usize,
        shared: Arc<Shared>,
        state: State,
        published: HashMap<CampaignNumber, Arc<Published>>,
        batch_bytes_max: usize,
    ) -> Self {
        let ports = shared.ports();
        for campaign in state.campaigns() {
            // A lottery that a crash left ended and not drawn; places that are in no log.
            shared.rank(&state, campaign);
            shared.place(&state, campaign);
        }
        Self {
            index,
            shared,
            state,
            published,
            taken: Taken::default(),
            handed: BatchNumber::default(),
            parked: Parked::default(),
            sorter: Sorter::default(),
            ports,
            batch_bytes_max,
        }
    }

    /// Does what there is to do, and says how many commands it took and whether it did anything at all.
    pub(crate) fn turn(&mut self) -> Turn {
        let released = self.release();
        let mut commands = 0;
        if self.handle_has_room() {
            commands = self.decide_batch();
        }
        self.deliver();
        Turn { commands, idle: commands == 0 && !released }
    }

    /// Whether nothing is on its way: no command waits, no answer is parked.
    pub(crate) fn is_drained(&self) -> bool {
        self.taken.is_empty() && self.handle().mailbox.len() == 0 && self.parked.is_empty()
    }

    /// After the log has failed: answers all that is parked or waiting with [`Refusal::LogUnavailable`]. What was parked may
    /// have taken effect.
    pub(crate) fn abandon(&mut self) {
        for mut effects in self.parked.abandon() {
            for answer in effects.answers.drain(..) {
                self.sorter.add(Answer { outcome: Outcome::Refused(Refusal::LogUnavailable), ..answer });
            }
        }
        let mut taken = std::mem::take(&mut self.taken);
        while self.fill(&mut taken) {
            while let Some((Envelope { port, token, .. }, _)) = taken.next() {
                let outcome = Outcome::Refused(Refusal::LogUnavailable);
                self.sorter.add(Answer { port: *port, token: *token, outcome });
            }
        }
        self.deliver();
    }

    fn handle(&self) -> &ShardHandle {
        &self.shared.shards()[self.index]
    }

    fn handle_has_room(&self) -> bool {
        self.handle().link.has_room()
    }

    fn release(&mut self) -> bool {
        let durable = self.handle().link.durable();
        let mut released = false;
        while let Some(mut effects) = self.parked.release(durable) {
            released = true;
            // Published first: who gets an answer finds its effect in what anybody may read.
            for publication in effects.publications.drain(..) {
                publication.publish(self.shared.directory());
            }
            for answer in effects.answers.drain(..) {
                self.sorter.add(answer);
            }
            self.parked.recycle(effects);
        }
        released
    }

    fn decide_batch(&mut self) -> usize {
        let mut taken = std::mem::take(&mut self.taken);
        let done = self.decide_taken(&mut taken);
        self.taken = taken;
        done
    }

    /// Decides what is `taken`, and what it takes besides, until the batch is full.
    fn decide_taken(&mut self, taken: &mut Taken) -> usize {
        let shared = Arc::clone(&self.shared);
        let handle = &shared.shards()[self.index];
        let any = self.fill(taken);
        let due_at = self.state.next_due_at();
        if !any && due_at.is_none() {
            return 0;
        }
        // One stamp and one look at the log for the whole batch.
        let mut now = shared.clock().now();
        let is_due = due_at.is_some_and(|due_at| due_at <= now);
        if !any && !is_due {
            return 0;
        }
        let log_accepts = shared.log_status().accepts();
        let mut records = handle.link.spare();
        let mut effects = self.parked.spare();
        let mut touched = Touched::default();
        let mut commands = 0;
        // Counted with the commands in the end, so that a thread does not go to sleep over what is left.
        let due = if is_due && log_accepts { self.do_what_is_due(now, &mut records, &mut touched) } else { 0 };
        while commands < Self::TURN_COMMANDS_MAX
            && records.as_bytes().len() <= self.batch_bytes_max / 2
            && self.fill(taken)
            && let Some((Envelope { port, token, command }, person)) = taken.next()
        {
            if command.claim().is_some_and(|claim| claim.stamped_at > now) {
                // It came while the batch was being decided: nothing is decided before it was asked.
                now = shared.clock().now();
            }
            if log_accepts && let Some(overdue) = self.state.overdue(command, now) {
                self.apply(&overdue, None, &mut records, &mut touched);
            }
            let outcome = {
                let decision = self.state.decide_hashed(command, person, now);
                match decision.event {
                    Some(_) if !log_accepts => Outcome::Refused(Refusal::LogUnavailable),
                    Some(event) => {
                        self.apply(&event, person, &mut records, &mut touched);
                        decision.outcome
                    }
                    None => decision.outcome,
                }
            };
            effects.answers.push(Answer { port: *port, token: *token, outcome });
            commands += 1;
        }
        self.hand_over(records, effects, &touched);
        commands + due
    }

    /// Takes more commands where none is left of those taken, and says whether there are any.
    fn fill(&self, taken: &mut Taken) -> bool {
        if taken.is_empty() {
            taken.refill(&self.handle().mailbox, self.shared.hasher());
            self.look_ahead(taken);
        }
        !taken.is_empty()
    }

    /// Reads, for each claim taken, the two words that deciding and applying it will wait for: its person's places in a table
    /// and in a filter of many megabytes. One claim after the other, each waits for memory twice; read side by side, they wait
    /// together. The hashes are there already, so that nothing but reads stands between two reads.
    fn look_ahead(&self, taken: &Taken) {
        for (campaign, people) in Claimant::by_campaign(taken.claimants()) {
            if let (Some(live), Some(published)) = (self.state.live(campaign), self.published.get(&campaign)) {
                black_box(live.glance(people.clone()) ^ published.glance(people));
            }
        }
    }

    /// Does what has come due, and says how much that was.
    fn do_what_is_due(&mut self, now: Timestamp, records: &mut Records, touched: &mut Touched) -> usize {
        let mut done = 0;
        while done < Self::TURN_DUE_WORK {
            match self.state.due(now) {
                None => break,
                Some(Due::Event(event)) => {
                    done += Self::due_work(&event);
                    self.apply(&event, None, records, touched);
                }
                Some(Due::Warm(campaign)) => {
                    done += Self::TURN_DUE_WORK / 4;
                    self.state.warm(campaign);
                }
                Some(Due::Look(campaign)) => {
                    done += 1;
                    self.state.look_later(campaign, now);
                }
            }
        }
        done
    }

    /// What an event that came due is worth, in coupons that run out.
    fn due_work(event: &Event<'_>) -> usize {
        if let Change::Expired { count, .. } = event.change {
            usize::try_from(count).unwrap_or(usize::MAX).min(Self::TURN_DUE_WORK)
        } else {
            16
        }
    }

    /// Applies, records and publishes an event; `person` is the hash of whoever is granted something by it.
    fn apply(&mut self, event: &Event<'_>, person: Option<PersonHash>, records: &mut Records, touched: &mut Touched) {
        self.state.apply_hashed(event, person).expect("what decide allows, apply takes");
        records.push(|buffer| codec::encode_event(event, buffer));
        touched.add(event);
        match event.change {
            Change::Claimed { .. } | Change::Drew { .. } | Change::Entered { .. } => {
                let person = person.expect("only who claims is granted anything");
                self.published[&event.campaign].mark_decided(person);
            }
            Change::Registered { user } => self.published[&event.campaign].mark_registered(user),
            Change::Ended => self.shared.rank(&self.state, event.campaign),
            Change::Shuffled { .. } => self.shared.place(&self.state, event.campaign),
            Change::Created { .. } => {
                let view = self.state.view(event.campaign).expect("the campaign was just made");
                let (route, room) = (self.shared.route(&view.definition.id), self.state.room(event.campaign));
                let registered = self.state.registered_key(event.campaign);
                let published = Published::new(&view, room, registered, route, self.shared.hasher());
                self.published.insert(event.campaign, Arc::new(published));
            }
            Change::Patched { .. }
            | Change::Resumed { .. }
            | Change::Cancelled { .. }
            | Change::Archived
            | Change::Ranked { .. }
            | Change::CodesImported { .. }
            | Change::Voided { .. }
            | Change::Redeemed { .. }
            | Change::Settled { .. }
            | Change::HoldExpired { .. }
            | Change::Arrived { .. }
            | Change::Admitted { .. }
            | Change::Expired { .. } => {}
        }
    }

    /// Sends the batch to the log, if it changed anything, and parks its effects behind all that they may rest on.
    fn hand_over(&mut self, records: Records, mut effects: Effects, touched: &Touched) {
        if records.is_empty() {
            self.handle().link.recycle(records);
        } else {
            for touch in &touched.0 {
                effects.publications.push(self.publication(touch));
            }
            self.handed = self.handed.next();
            self.handle().link.send(records);
        }
        // Every answer waits for the last batch handed over, also one that changed nothing: it may rest on what is in there.
        // Where that is durable already, the answer leaves in this same turn.
        self.parked.park(self.handed, effects);
        self.release();
    }

    fn publication(&self, touch: &Touch) -> Publication {
        let campaign = Arc::clone(&self.published[&touch.campaign]);
        let Some(view) = self.state.view(touch.campaign) else {
            return Publication::Archived(self.state.id(touch.campaign).expect("what was touched exists").clone());
        };
        if touch.is_new {
            // Nobody can see it yet, and it may have moved on within this very batch.
            campaign.refresh(&view, self.state.room(touch.campaign));
            return Publication::Made(campaign);
        }
        let facts = touch.facts.then(|| Box::new(Facts::new(&view)));
        let entries = self.state.claim_count(touch.campaign);
        let room = self.state.room(touch.campaign).map(Arc::new);
        Publication::Changed { campaign, counts: view.counts, today: view.today, entries, facts, room }
    }

    fn deliver(&mut self) {
        let (shared, ports) = (&self.shared, &mut self.ports);
        self.sorter.deliver(|PortId(port)| {
            let index = port as usize;
            if index >= ports.len() {
                *ports = shared.ports();
            }
            ports.get(index).cloned().flatten()
        });
    }
}

/// What a turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) commands: usize,
    pub(crate) idle: bool,
}
