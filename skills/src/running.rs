//! One thing at a time that takes time: a motion of the arm, of the fingers, of the base, a picture, a write to disk.
//! Each is asked for, waited for with a limit, and ends with an outcome or a failure.

use crate::action::{Action, Outcome};
use crate::chain::Entry;
use crate::context::Context;
use crate::docking::{Journey, command};
use crate::limits;
use crate::messages::{EffectId, SkillInput, SkillOutput};
use crate::motion::{Motion, Rehearsal};
use crate::store::StoreRecord;
use nightshift_core::robot::{CommandId, RobotCommand, RobotEvent};
use nightshift_core::{Code, Failure, Stamp, StationId};
use nightshift_navigation::NavCommand;

/// How what takes time has ended; none while it has not.
pub type Ended = Option<Result<Outcome, Failure>>;

/// An action underway.
#[derive(Debug)]
pub struct Running {
    waiting: Waiting,
    /// Motions have limits of their own.
    until: Stamp,
    stopping: bool,
}

#[derive(Debug)]
enum Waiting {
    Motion(Box<Motion>),
    Grip {
        id: CommandId,
        force_n: f64,
    },
    Navigation(Journey),
    Look {
        id: EffectId,
        asked: Stamp,
    },
    Record {
        id: EffectId,
        entries: Vec<Entry>,
    },
    Site {
        id: EffectId,
        station: StationId,
    },
    Rest,
    Localise,
    /// What moved the arm, or let it rest, has ended so, and is told once the wrist tells again: what comes next feels by it.
    Wrist(Outcome),
}

impl Running {
    /// Begins an action. It may end at once.
    pub fn start(action: Action, ctx: &mut Context<'_>) -> Result<Self, Result<Outcome, Failure>> {
        let now = ctx.now;
        let running = |waiting, limit| Ok(Self { waiting, until: now + limit, stopping: false });
        let motion =
            |motion| Self { waiting: Waiting::Motion(Box::new(motion)), until: now, stopping: false };
        match action {
            Action::Move(wanted) => Motion::begin(ctx, wanted, None).map(motion).map_err(Err),
            Action::Rehearse { motion: wanted, from, at, opening_m } => {
                let rehearsal = Rehearsal { from, at, opening_m };
                Motion::begin(ctx, wanted, Some(rehearsal)).map(motion).map_err(Err)
            }
            Action::Grip { opening_m, force_n } => {
                let id = ctx.ids.command();
                ctx.out.push(SkillOutput::Robot(RobotCommand::Grip { id, opening_m, force_n }));
                // What is held is held with the less of both until the fingers have settled.
                ctx.belief.grip.iter_mut().for_each(|grip| grip.force_n = grip.force_n.min(force_n));
                running(Waiting::Grip { id, force_n }, limits::GRIP)
            }
            Action::Drive(station) => {
                let (journey, limit) = Journey::drive(ctx, station);
                running(Waiting::Navigation(journey), limit)
            }
            Action::Dock(station) => {
                let (journey, limit) = Journey::dock(ctx, station);
                running(Waiting::Navigation(journey), limit)
            }
            Action::Look { purpose } => {
                let id = ctx.ids.effect();
                ctx.out.push(SkillOutput::Look { id, purpose });
                running(Waiting::Look { id, asked: now }, limits::LOOK)
            }
            Action::Record { bodies, job } => {
                let entries = ctx.ledger.draft(now, bodies).map_err(Err)?;
                let id = ctx.ids.effect();
                let mut records: Vec<StoreRecord> =
                    entries.iter().cloned().map(StoreRecord::Ledger).collect();
                records.extend(job.map(|job| StoreRecord::Job(*job)));
                ctx.out.push(SkillOutput::Store { id, records });
                running(Waiting::Record { id, entries }, limits::STORE)
            }
            Action::Site(call) => {
                let (id, station) = (ctx.ids.effect(), call.station.clone());
                ctx.out.push(SkillOutput::Site { id, call });
                running(Waiting::Site { id, station }, limits::SITE_ANSWER)
            }
            Action::Rest(span) => running(Waiting::Rest, span),
            Action::Localise if ctx.belief.base_in_map(ctx.world).is_some() => Err(Ok(Outcome::Rested)),
            Action::Localise => running(Waiting::Localise, limits::LOCALISE),
        }
    }

    /// When it gives up waiting.
    pub fn next_wake(&self) -> Stamp {
        match &self.waiting {
            Waiting::Motion(motion) => motion.next_wake(),
            _ => self.until,
        }
    }

    /// Takes an input.
    pub fn on(&mut self, ctx: &mut Context<'_>, input: &SkillInput) -> Ended {
        let ended = match (&mut self.waiting, input) {
            (Waiting::Motion(motion), input) => motion.on(ctx, input),
            (
                Waiting::Grip { id, force_n: asked_n },
                SkillInput::Robot(RobotEvent::GripperDone { id: of, opening_m, force_n, stalled }),
            ) if id == of => {
                ctx.belief.grip.iter_mut().for_each(|grip| grip.force_n = *asked_n);
                let (opening_m, force_n, stalled) = (*opening_m, *force_n, *stalled);
                Some(Ok(Outcome::Gripped { opening_m, force_n, stalled }))
            }
            // Navigation says at once that it was stopped; the base takes a moment.
            (Waiting::Navigation(_), SkillInput::Navigation(_)) if self.stopping => None,
            (Waiting::Navigation(journey), input) => journey.on(ctx, input),
            (Waiting::Look { id, asked }, SkillInput::Looked { id: of, look }) if id == of => {
                Some(Ok(Outcome::Looked { asked: *asked, look: Box::new(look.clone()) }))
            }
            (Waiting::Record { id, entries }, SkillInput::Stored { id: of, result }) if id == of => {
                Some(match result {
                    Ok(_) => entries.iter().try_for_each(|e| ctx.ledger.apply(e)).map(|()| Outcome::Recorded),
                    Err(failure) => Err(failure.clone()),
                })
            }
            (Waiting::Site { id, .. }, SkillInput::Site { id: of, answer }) if id == of => {
                Some(answer.clone().map(|answer| Outcome::Answered(Box::new(answer))))
            }
            (Waiting::Localise, SkillInput::Navigation(_)) => {
                ctx.belief.base_in_map(ctx.world).map(|_| Ok(Outcome::Rested))
            }
            (Waiting::Wrist(outcome), SkillInput::Robot(RobotEvent::Wrist(_))) => {
                return ctx.belief.wrist.pause(ctx.now).is_none().then(|| Ok(outcome.clone()));
            }
            _ => None,
        };
        self.once_felt(ctx, ended)
    }

    /// Time has come to `ctx.now`.
    pub fn wake(&mut self, ctx: &mut Context<'_>) -> Ended {
        if let Waiting::Motion(motion) = &mut self.waiting {
            return motion.wake(ctx);
        }
        if ctx.now < self.until {
            return None;
        }
        let late = |code, words: String| Some(Err(Failure::new(code, words)));
        match &self.waiting {
            Waiting::Rest => self.once_felt(ctx, Some(Ok(Outcome::Rested))),
            // Whatever needs the wrist says so itself.
            Waiting::Wrist(outcome) => Some(Ok(outcome.clone())),
            Waiting::Navigation(_) if self.stopping => Some(Ok(Outcome::Rested)),
            Waiting::Motion(_) => None,
            Waiting::Grip { .. } => {
                let words = format!("the gripper did not answer within {} s", limits::GRIP.as_secs());
                late(Code::RobotUnavailable, words)
            }
            Waiting::Navigation(journey) => {
                command(ctx, NavCommand::Stop);
                late(Code::RobotUnavailable, format!("navigation did not end {}", journey.what))
            }
            Waiting::Look { .. } => {
                late(Code::SensorStale, format!("no picture within {} s", limits::LOOK.as_secs()))
            }
            Waiting::Record { .. } => {
                let words = format!("the store did not answer within {} s", limits::STORE.as_secs());
                late(Code::StoreUnavailable, words)
            }
            Waiting::Site { station, .. } => {
                let words = format!("{station} did not answer within {} s", limits::SITE_ANSWER.as_secs());
                late(Code::SiteUnavailable, words)
            }
            Waiting::Localise => {
                let words =
                    format!("the robot did not know where it is for {} s", limits::LOCALISE.as_secs());
                late(Code::Lost, words)
            }
        }
    }

    /// What has ended by the arm's standing still is told once the wrist tells.
    fn once_felt(&mut self, ctx: &Context<'_>, ended: Ended) -> Ended {
        let arm = matches!(self.waiting, Waiting::Motion(_) | Waiting::Grip { .. } | Waiting::Rest);
        match ended {
            Some(Ok(outcome))
                if arm
                    && !self.stopping
                    && ctx.belief.wrist.pause(ctx.now).is_some()
                    && ctx.now < ctx.belief.wrist.lost_at() =>
            {
                (self.waiting, self.until) = (Waiting::Wrist(outcome), ctx.belief.wrist.lost_at());
                None
            }
            ended => ended,
        }
    }

    /// Ends the action early, where that is safe. True where it has ended already; otherwise it ends by itself soon.
    /// A closing gripper and a write to disk are always waited for.
    pub fn interrupt(&mut self, ctx: &mut Context<'_>) -> bool {
        match &mut self.waiting {
            Waiting::Motion(motion) => motion.interrupt(ctx),
            Waiting::Navigation(_) => {
                if !self.stopping {
                    command(ctx, NavCommand::Stop);
                    self.stopping = true;
                    self.until = ctx.now + limits::COAST;
                }
                false
            }
            Waiting::Grip { .. } | Waiting::Record { .. } => false,
            Waiting::Look { .. }
            | Waiting::Site { .. }
            | Waiting::Rest
            | Waiting::Localise
            | Waiting::Wrist(_) => true,
        }
    }
}
