//! Which stages bring a sample from where it is to where it shall be. A transfer, a put-back, a retry and a cancel
//! differ only in the goal: each list is made anew from where the sample and the robot are.

use crate::belief::{BasePlace, Belief};
use crate::context::Situation;
use crate::job::Verify;
use crate::ledger::{Ledger, Whereabouts};
use crate::runner::Planned;
use crate::stages::{Debt, Expect, Plan, Way};
use crate::world::{NestRef, World, slot_of};
use nightshift_core::api::{Phase, Place};
use nightshift_core::describe::fiducial_of_code;
use nightshift_core::handshake::Purpose;
use nightshift_core::ids::DECK;
use nightshift_core::{Address, Code, Failure, JobId, SampleId, StationId};

/// What is to be done with a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Whose: the word by which stations know the robot's hand.
    pub job: JobId,
    /// Which.
    pub sample: SampleId,
    /// The slot where it was, to put it back to; none where it was between the fingers.
    pub source: Option<Address>,
    /// Where to.
    pub target: Address,
    /// The fiducial that its cap must show.
    pub tag: u32,
    /// How much is looked at.
    pub verify: Verify,
}

/// Where a sample shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// At its target.
    Deliver,
    /// Back where it was.
    Return,
    /// In any slot that is at hand: the one just left, or one of the deck.
    Safe,
}

/// The stages that reach `goal` from here. Empty where it is reached.
///
/// # Errors
/// `UNKNOWN_SAMPLE`; `IN_DOUBT` where it is not known from where to start; `TARGET_OCCUPIED` where the deck is full.
pub fn compose(order: &Order, goal: Goal, now: Situation<'_>) -> Result<Vec<Planned>, Failure> {
    let known = now.ledger.sample(&order.sample).ok_or_else(|| {
        Failure::new(Code::UnknownSample, format!("sample {} is not in the ledger", order.sample))
    })?;
    let at = match (&known.whereabouts, &order.source) {
        (Whereabouts::At(place), _) => place.clone(),
        // Where the caller says one of the possible places, that is looked at before anything is touched.
        (Whereabouts::OneOf(places), Some(source)) if places.contains(&Place::At(source.clone())) => {
            Place::At(source.clone())
        }
        (places, _) => {
            let words = format!("{} may be at {places}", order.sample);
            return Err(Failure::new(Code::InDoubt, words));
        }
    };
    let to = match goal {
        Goal::Deliver => order.target.clone(),
        Goal::Return => order.source.clone().map_or_else(|| free_deck_slot(&order.sample, now), Ok)?,
        Goal::Safe => match &at {
            Place::At(_) | Place::Nowhere => return Ok(Vec::new()),
            Place::Gripper => safe_slot(order, now)?,
        },
    };
    let there = at == Place::At(to.clone());
    if there && known.whereabouts.known().is_some() {
        return Ok(Vec::new());
    }
    let mut list = List {
        order,
        now,
        plans: vec![(None, Plan::Retreat)],
        docked: docked(now.belief),
        anew: now.belief.docks_anew(),
        seen: Vec::new(),
    };
    if there {
        // It may be there already: then a look is all that is missing.
        list.approach(&to.station, &FIRST_LEG);
        list.prepare(&to, Purpose::Look);
        list.look(&to, None, FIRST_LEG.locate);
        list.release(&to.station);
        return Ok(list.plans);
    }
    if goal == Goal::Deliver && now.world.has_handshake(&to.station) && !list.is_docked(&to.station) {
        list.plans.push((None, Plan::AskSite(to.station.clone())));
    }
    list.bring(&at, &to, goal)?;
    Ok(list.plans)
}

/// Where samples are kept while the base drives.
///
/// # Errors
/// `TARGET_OCCUPIED` where the deck is full or takes no such labware.
pub fn free_deck_slot(sample: &SampleId, now: Situation<'_>) -> Result<Address, Failure> {
    let labware = now.ledger.sample(sample).map(|known| &known.labware);
    let free = |address: &Address| {
        let place = Place::At(address.clone());
        let fits = labware.is_some_and(|labware| now.world.check_fit(labware, address).is_ok());
        fits && now.ledger.claimants(&place).all(|other| other == sample)
    };
    now.world.deck_slots().into_iter().find(free).ok_or_else(|| {
        let words = format!("no slot of the deck is free for {sample}");
        Failure::new(Code::TargetOccupied, words)
    })
}

fn safe_slot(order: &Order, now: Situation<'_>) -> Result<Address, Failure> {
    let left = now.belief.grip.as_ref().and_then(|grip| grip.from.clone());
    let back = left.filter(|slot| {
        let place = Place::At(slot.clone());
        !slot.on_deck()
            && now.belief.at_hand(&slot.station)
            && now.belief.nest(&NestRef::of(slot)).is_some()
            && now.belief.may_reach(now.world, &NestRef::of(slot))
            && now.ledger.claimants(&place).all(|other| *other == order.sample)
    });
    back.map_or_else(|| free_deck_slot(&order.sample, now), Ok)
}

/// The station that the base is docked at.
pub fn docked(belief: &Belief) -> Option<StationId> {
    match &belief.base {
        BasePlace::Docked(station) => Some(station.clone()),
        BasePlace::Staging(_) | BasePlace::Free => None,
    }
}

/// The arm out of the way, a station made ready, and what moved there looked at. What a hand moves is looked at before that, too.
pub fn prepare_plans(world: &World, job: &JobId, at: &Address, purpose: Purpose) -> Vec<Planned> {
    let mut plans = vec![Plan::Posture("drive")];
    let see = Plan::SeeParts(NestRef::of(at));
    if world.moves_by_hand(&at.station) {
        plans.push(Plan::UnlockSite(job.clone(), at.clone(), purpose));
        plans.push(see.clone());
        plans.push(Plan::MoveParts(at.station.clone(), Way::Open, Debt::Settle));
    }
    plans.extend([Plan::PrepareSite(job.clone(), at.clone(), purpose), see]);
    plans.into_iter().map(|plan| (Some(Phase::PrepareSite), plan)).collect()
}

/// The arm out of a station, what a hand moves there shut, and the station told so. `shut` says what becomes of a part that does not
/// shut: with [`Debt::MayStay`] the station is released with it open.
pub fn release_plans(world: &World, station: &StationId, shut: Debt) -> Vec<Planned> {
    let mut plans = vec![Plan::Retreat];
    plans.extend(shut_plan(world, station, shut));
    plans.extend([Plan::Posture("drive"), Plan::ReleaseSite(station.clone(), Debt::Settle)]);
    plans.into_iter().map(|plan| (Some(Phase::ReleaseSite), plan)).collect()
}

/// What a hand moves there, shut.
fn shut_plan(world: &World, station: &StationId, debt: Debt) -> Option<Plan> {
    world.moves_by_hand(station).then(|| Plan::MoveParts(station.clone(), Way::Shut, debt))
}

/// The base to a station and into its dock.
pub fn approach_plans(station: &StationId, drive: Option<Phase>, dock: Option<Phase>) -> [Planned; 4] {
    [
        (drive, Plan::Posture("drive")),
        (drive, Plan::Drive(station.clone())),
        (dock, Plan::Posture("look")),
        (dock, Plan::Dock(station.clone())),
    ]
}

struct List<'a> {
    order: &'a Order,
    now: Situation<'a>,
    plans: Vec<Planned>,
    docked: Option<StationId>,
    /// Whether it must dock anew there.
    anew: bool,
    /// Slots that the list has looked at since it docked.
    seen: Vec<Address>,
}

/// The phases of one leg.
struct Phases {
    drive: Option<Phase>,
    dock: Option<Phase>,
    locate: Option<Phase>,
    pick: Option<Phase>,
    verify_pick: Option<Phase>,
}

const FIRST_LEG: Phases = Phases {
    drive: Some(Phase::Navigate),
    dock: Some(Phase::Dock),
    locate: Some(Phase::Locate),
    pick: Some(Phase::Pick),
    verify_pick: Some(Phase::VerifyPick),
};
const CARRY: Option<Phase> = Some(Phase::Carry);
const CARRY_LEG: Phases =
    Phases { drive: CARRY, dock: CARRY, locate: CARRY, pick: CARRY, verify_pick: CARRY };

impl List<'_> {
    fn bring(&mut self, at: &Place, to: &Address, goal: Goal) -> Result<(), Failure> {
        let legs = if goal == Goal::Deliver { FIRST_LEG } else { CARRY_LEG };
        let reachable = self.now.belief.may_reach(self.now.world, &NestRef::of(to));
        let held_here = *at == Place::Gripper && (to.on_deck() || self.is_docked(&to.station) && reachable);
        match slot_of(at) {
            None if held_here => {
                if goal != Goal::Safe {
                    self.check_clear(to, CARRY);
                }
                self.put(to, None);
                if !to.on_deck() {
                    self.release(&to.station);
                }
            }
            None => {
                let deck = free_deck_slot(&self.order.sample, self.now)?;
                self.set_on_deck(&deck);
                self.leave_deck(&deck, to, &CARRY_LEG);
            }
            Some(from) if from.on_deck() && !to.on_deck() => self.leave_deck(from, to, &legs),
            Some(from) if from.on_deck() => {
                self.look(from, Some(to), legs.locate);
                self.take(from, &legs);
                self.put(to, Some(from));
            }
            Some(from) => {
                self.approach(&from.station, &legs);
                self.prepare(from, Purpose::Take);
                let same_rack = NestRef::of(from) == NestRef::of(to);
                self.look(from, same_rack.then_some(to), legs.locate);
                // A station with a handshake is made ready for one nest at a time.
                let one_visit = same_rack || !self.now.world.has_handshake(&from.station);
                if to.on_deck() || from.station == to.station && one_visit {
                    if !same_rack {
                        self.check_clear(to, legs.locate);
                    }
                    self.take(from, &legs);
                    self.put(to, Some(from));
                    self.release(&from.station);
                } else {
                    let deck = free_deck_slot(&self.order.sample, self.now)?;
                    self.take(from, &legs);
                    self.set_on_deck(&deck);
                    self.release(&from.station);
                    self.leave_deck(&deck, to, &CARRY_LEG);
                }
            }
        }
        Ok(())
    }

    fn leave_deck(&mut self, deck: &Address, to: &Address, phases: &Phases) {
        self.approach(&to.station, phases);
        self.prepare(to, Purpose::Place);
        self.check_clear(to, phases.locate);
        // A drive may shake: what stands on the deck is looked at again, unless the caller wants it light.
        if self.order.verify == Verify::Full || self.now.belief.nest(&NestRef::of(deck)).is_none() {
            self.look(deck, None, phases.locate);
        }
        self.take(deck, phases);
        self.put(to, None);
        self.release(&to.station);
    }

    /// A station with a handshake made ready, with the arm out of the way of its parts.
    fn prepare(&mut self, at: &Address, purpose: Purpose) {
        if !self.now.world.has_handshake(&at.station) {
            return;
        }
        if self.now.belief.may_reach(self.now.world, &NestRef::of(at)) {
            let plan = Plan::PrepareSite(self.order.job.clone(), at.clone(), purpose);
            self.plans.push((Some(Phase::PrepareSite), plan));
        } else {
            self.plans.extend(prepare_plans(self.now.world, &self.order.job, at, purpose));
        }
    }

    fn release(&mut self, station: &StationId) {
        if self.now.world.has_handshake(station) {
            self.plans.extend(release_plans(self.now.world, station, Debt::Settle));
        }
    }

    fn is_docked(&self, station: &StationId) -> bool {
        self.docked.as_ref() == Some(station) && !self.anew
    }

    fn approach(&mut self, station: &StationId, phases: &Phases) {
        if self.is_docked(station) || station.as_str() == DECK {
            return;
        }
        // What went wrong here may have left a release owed: it comes before the base leaves, if the station takes it.
        if let Some(left) = self.docked.take().filter(|left| self.now.ledger.owed().contains_key(left)) {
            let shut = shut_plan(self.now.world, &left, Debt::MayStay);
            self.plans.extend(shut.map(|plan| (phases.drive, plan)));
            self.plans.push((phases.drive, Plan::Posture("drive")));
            self.plans.push((phases.drive, Plan::ReleaseSite(left, Debt::MayStay)));
        }
        self.plans.extend(approach_plans(station, phases.drive, phases.dock));
        self.docked = Some(station.clone());
        self.anew = false;
        self.seen.clear();
    }

    fn look(&mut self, from: &Address, clear: Option<&Address>, phase: Option<Phase>) {
        let (sample, slot) = (self.order.sample.clone(), from.slot.clone());
        let mut expect = vec![Expect::Stands { sample, slot, tag: self.order.tag }];
        expect.extend(clear.map(|to| Expect::Clear { slot: to.slot.clone() }));
        self.seen.extend(clear.cloned());
        self.plans.push((phase, Plan::Survey(NestRef::of(from), expect)));
        self.refine(from, phase);
    }

    fn check_clear(&mut self, to: &Address, phase: Option<Phase>) {
        if self.seen.contains(to) {
            return;
        }
        self.seen.push(to.clone());
        let expect = vec![Expect::Clear { slot: to.slot.clone() }];
        self.plans.push((phase, Plan::Survey(NestRef::of(to), expect)));
        self.refine(to, phase);
    }

    /// A station's nest is located once since the base stands there, after a look that tells whether that still holds; the deck's do not
    /// move against the arm.
    fn refine(&mut self, at: &Address, phase: Option<Phase>) {
        let plan = Plan::Refine(NestRef::of(at));
        if !at.on_deck() && !self.plans.iter().any(|(_, before)| *before == plan) {
            self.plans.push((phase, plan));
        }
    }

    fn take(&mut self, from: &Address, phases: &Phases) {
        let sample = &self.order.sample;
        self.plans.push((phases.pick, Plan::Pick(sample.clone(), from.clone())));
        self.plans.push((phases.verify_pick, Plan::VerifyPick(sample.clone(), from.clone())));
    }

    fn set_on_deck(&mut self, deck: &Address) {
        let sample = &self.order.sample;
        self.plans.push((CARRY, Plan::Place(sample.clone(), deck.clone())));
        let check = match self.order.verify {
            Verify::Full => Plan::Survey(NestRef::of(deck), vec![self.placed(deck)]),
            Verify::Light => Plan::SettleByTouch(sample.clone(), deck.clone()),
        };
        self.plans.push((CARRY, check));
    }

    fn put(&mut self, to: &Address, from: Option<&Address>) {
        self.plans.push((Some(Phase::Place), Plan::Place(self.order.sample.clone(), to.clone())));
        let mut expect = vec![self.placed(to)];
        let left = from.filter(|from| NestRef::of(from) == NestRef::of(to));
        expect.extend(left.map(|from| Expect::Clear { slot: from.slot.clone() }));
        let survey = Plan::Survey(NestRef::of(to), expect);
        self.plans.push((Some(Phase::VerifyPlace), survey));
        if self.now.world.has_handshake(&to.station) {
            let confirm = Plan::ConfirmSeated(self.order.job.clone(), to.clone());
            self.plans.push((Some(Phase::VerifyPlace), confirm));
        }
    }

    fn placed(&self, at: &Address) -> Expect {
        Expect::Placed { sample: self.order.sample.clone(), slot: at.slot.clone(), tag: self.order.tag }
    }
}

/// The fiducial on a sample's cap, as the ledger has it.
///
/// # Errors
/// `UNKNOWN_SAMPLE`; `UNREADABLE_CODE` where its code is no fiducial.
pub fn ledger_tag(ledger: &Ledger, sample: &SampleId) -> Result<u32, Failure> {
    let known = ledger
        .sample(sample)
        .ok_or_else(|| Failure::new(Code::UnknownSample, format!("sample {sample} is not in the ledger")))?;
    fiducial_of_code(&known.code).ok_or_else(|| {
        let words = format!("{sample} carries {:?}, which is no fiducial of tag36h11", known.code);
        Failure::new(Code::UnreadableCode, words)
    })
}
