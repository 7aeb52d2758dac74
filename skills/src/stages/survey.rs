//! A nest looked at, and what is expected there compared with what is seen.

use super::view::{View, Viewed};
use super::{Stage, Step};
use crate::action::{Action, Outcome};
use crate::context::Context;
use crate::ledger::Body;
use crate::limits;
use crate::sight::{CapSight, NestSight};
use crate::world::NestRef;
use nightshift_core::api::{Evidence, Place};
use nightshift_core::{Code, Failure, SampleId, SlotId};
use nightshift_perception::code::identify;
use nightshift_perception::seat::{Height, Seat};
use std::collections::BTreeSet;

/// Something that a look at a nest must confirm.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// The sample stands there, as it did.
    Stands {
        /// Which.
        sample: SampleId,
        /// Where.
        slot: SlotId,
        /// The fiducial on its cap.
        tag: u32,
    },
    /// The sample was put there.
    Placed {
        /// Which.
        sample: SampleId,
        /// Where.
        slot: SlotId,
        /// The fiducial on its cap.
        tag: u32,
    },
    /// Nothing stands there.
    Clear {
        /// Where.
        slot: SlotId,
    },
}

/// Looks at a nest until all that is expected is seen, or often enough.
#[derive(Debug)]
pub struct Survey {
    view: View,
    expect: Vec<Expect>,
    /// What there is to fail with once the ledger has what was seen.
    unseated: Option<Failure>,
}

/// What a look says of what is expected.
struct Compared {
    /// For the ledger.
    bodies: Vec<Body>,
    /// The first that stands in its slot and is not down.
    unseated: Option<Failure>,
}

impl Survey {
    pub fn new(nest: NestRef, expect: Vec<Expect>) -> Self {
        Self { view: View::new(nest), expect, unseated: None }
    }

    fn compare(&self, ctx: &mut Context<'_>, seen: &NestSight) -> Result<Compared, Failure> {
        let mut bodies = Vec::new();
        let mut codes = Vec::new();
        let mut unseated = None;
        for expect in &self.expect {
            let (sample, slot, cap) = match expect {
                Expect::Clear { slot } => {
                    clear(self.view.nest(), seen, slot)?;
                    continue;
                }
                Expect::Stands { sample, slot, tag } => {
                    (sample, slot, stands(self.view.nest(), seen, sample, slot, *tag)?)
                }
                Expect::Placed { sample, slot, tag } => {
                    let cap = stands(self.view.nest(), seen, sample, slot, *tag).map_err(|failure| {
                        let own = failure.code == Code::SeenUnseated;
                        Failure::new(if own { failure.code } else { Code::PlaceFailed }, failure.message)
                    })?;
                    (sample, slot, cap)
                }
            };
            let off_mm = cap.off_axis_m() * 1e3;
            let Height { raised_m, sigma_m } = cap.height;
            let text = format!(
                "tag36h11:{} {off_mm:.1} mm from the axis of {}/{slot}, {:+.1} mm over its seat (sigma {:.1} mm)",
                cap.tag,
                self.view.nest(),
                raised_m * 1e3,
                sigma_m * 1e3
            );
            if cap.height.seat() == Seat::Raised {
                let words = format!(
                    "{sample} stands {:.1} mm too high in {}/{slot} (sigma {:.1} mm)",
                    raised_m * 1e3,
                    self.view.nest(),
                    sigma_m * 1e3
                );
                unseated.get_or_insert(Failure::new(Code::SeenUnseated, words));
            }
            let at = Place::At(self.view.nest().slot(slot));
            let known = ctx.ledger.sample(sample).and_then(|known| known.whereabouts.known());
            if known != Some(&at) {
                let by = format!("seen: {text}, picture {}", seen.sha256);
                bodies.push(Body::Settled { sample: sample.clone(), at, by });
            }
            codes.push(Evidence {
                kind: "code".into(),
                sha256: seen.sha256.clone(),
                path: seen.path.clone(),
                text,
                stamp: seen.stamp,
            });
        }
        ctx.evidence.extend(codes);
        Ok(Compared { bodies, unseated })
    }
}

/// The sample's cap over a slot, where its label says so, alone, and no other's does.
fn stands<'a>(
    nest: &NestRef,
    seen: &'a NestSight,
    sample: &SampleId,
    slot: &'a SlotId,
    tag: u32,
) -> Result<&'a CapSight, Failure> {
    let Some(over) = seen.over(slot).find(|cap| cap.tag == tag).or_else(|| seen.over(slot).next()) else {
        let elsewhere = match seen.cap(tag) {
            Some(cap) => format!("; it is seen over {nest}/{}", cap.slot),
            None => String::new(),
        };
        let words = format!("{sample} (tag36h11:{tag}) is not seen in {nest}/{slot}{elsewhere}");
        return Err(Failure::new(Code::SampleMissing, words));
    };
    let text = |cap: &CapSight| format!("tag36h11:{}", cap.tag);
    let on_vessel: Vec<String> = seen.over(slot).map(text).collect();
    let slots: BTreeSet<&SlotId> =
        seen.caps.iter().map(|cap| &cap.slot).filter(|other| *other != slot).collect();
    let elsewhere: Vec<Vec<String>> =
        slots.into_iter().map(|other| seen.over(other).map(text).collect()).collect();
    identify(&format!("tag36h11:{tag}"), &on_vessel, &elsewhere).map_err(|fault| {
        let failure = Failure::from(fault);
        Failure::new(failure.code, format!("{sample} in {nest}/{slot}: {}", failure.message))
    })?;
    if over.off_axis_m() > limits::SLOT_OFFSET_M {
        let words = format!(
            "{sample} leans: its cap is {:.1} mm from the axis of {nest}/{slot}, allowed are {:.1} mm",
            over.off_axis_m() * 1e3,
            limits::SLOT_OFFSET_M * 1e3
        );
        return Err(Failure::new(Code::SeenUnseated, words));
    }
    Ok(over)
}

fn clear(nest: &NestRef, seen: &NestSight, slot: &SlotId) -> Result<(), Failure> {
    match seen.over(slot).next() {
        Some(cap) => {
            let words = format!("{nest}/{slot} is to be free and shows tag36h11:{}", cap.tag);
            Err(Failure::new(Code::TargetNotClear, words))
        }
        None => Ok(()),
    }
}

impl Stage for Survey {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        if last == Outcome::Recorded {
            return self.unseated.take().map_or(Step::Done, Step::Fail);
        }
        let mut viewed = self.view.next(ctx, last);
        if let Viewed::Seen(seen) = &viewed {
            match self.compare(ctx, seen) {
                Err(failure) => viewed = self.view.again(ctx, failure),
                Ok(Compared { bodies, unseated: None }) if bodies.is_empty() => return Step::Done,
                Ok(Compared { bodies, unseated: None }) => {
                    return Step::Do(Action::Record { bodies, job: None });
                }
                // It is where it should be, and that is written before it is told that it is not down.
                Ok(Compared { bodies, unseated: Some(failure) }) => {
                    viewed = self.view.again(ctx, failure);
                    if let (Viewed::Fail(failure), false) = (&viewed, bodies.is_empty()) {
                        self.unseated = Some(failure.clone());
                        return Step::Do(Action::Record { bodies, job: None });
                    }
                }
            }
        }
        match viewed {
            Viewed::Do(action) => Step::Do(action),
            Viewed::Fail(failure) => Step::Fail(failure),
            Viewed::Seen(_) => unreachable!("seen was compared above"),
        }
    }
}
