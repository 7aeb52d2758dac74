//! One thing at a time that takes time: a motion of the arm, of the fingers, of the base, a picture, a write to disk.
//! Each is asked for, waited for with a limit, and ends with an outcome or a failure.

use crate::belief::{BasePlace, Belief, DockSight};
use crate::chain::Entry;
use crate::guard::{Guard, Watch, slowed};
use crate::job::JobRecord;
use crate::ledger::{Body, Ledger};
use crate::messages::{EffectId, Look, SkillInput, SkillOutput};
use crate::store::StoreRecord;
use crate::world::World;
use crate::{limits, scene, sight};
use nightshift_core::api::Evidence;
use nightshift_core::handshake::{SiteAnswer, SiteCall};
use nightshift_core::robot::{CommandId, RobotCommand, RobotEvent};
use nightshift_core::{Code, Failure, Outbox, Stamp, StationId};
use nightshift_motion::{MotionGoal, PlanRequest};
use nightshift_navigation::{NavCommand, NavInput, NavOutput};
use std::collections::VecDeque;
use std::time::Duration;

/// What an action and a stage work with.
pub struct Context<'a> {
    /// The time.
    pub now: Stamp,
    /// What does not change.
    pub world: &'a World,
    /// What is believed.
    pub belief: &'a mut Belief,
    /// Where samples are.
    pub ledger: &'a mut Ledger,
    /// For commands and effects.
    pub ids: &'a mut Ids,
    /// What shows how the item at hand went.
    pub evidence: &'a mut Vec<Evidence>,
    /// Where outputs go.
    pub out: &'a mut Outbox<SkillOutput>,
}

/// What is known now.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// What does not change.
    pub world: &'a World,
    /// Where the base is.
    pub belief: &'a Belief,
    /// Where samples are.
    pub ledger: &'a Ledger,
}

impl Context<'_> {
    /// What is known now.
    pub fn situation(&self) -> Situation<'_> {
        Situation { world: self.world, belief: self.belief, ledger: self.ledger }
    }
}

/// Numbers for commands and effects, each used once in a run.
#[derive(Debug, Default)]
pub struct Ids(u64);

impl Ids {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    /// For a command to the robot or to navigation.
    pub fn command(&mut self) -> CommandId {
        CommandId(self.next())
    }

    /// For an effect.
    pub fn effect(&mut self) -> EffectId {
        EffectId(self.next())
    }
}

/// A motion of the arm.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// For messages: `above storage/rack/A1`.
    pub what: String,
    /// In order of preference: the next is tried where there is no way to the one before.
    pub goals: Vec<MotionGoal>,
    /// Share of the arm's limits.
    pub speed: f64,
    /// See [`nightshift_motion::Scene`].
    pub may_touch: Vec<(String, String)>,
    /// What ends it early.
    pub guard: Option<Guard>,
}

/// Something that takes time.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Plan a motion of the arm and make it.
    Move(Move),
    /// Plan a motion from a posture of the arm, as if docked at a station, and make none.
    Rehearse {
        /// The motion.
        motion: Move,
        /// Where the arm would stand, radians.
        from: Vec<f64>,
        /// Where the base would be docked.
        at: StationId,
        /// Distance between the finger pads, metres.
        opening_m: f64,
    },
    /// Move the fingers.
    Grip {
        /// Distance between the pads to go to, metres.
        opening_m: f64,
        /// Force at which to stop, newtons.
        force_n: f64,
    },
    /// Drive to where the approach to a station begins.
    Drive(StationId),
    /// Dock there by sight.
    Dock(StationId),
    /// Take a picture.
    Look {
        /// For the picture's name.
        purpose: String,
    },
    /// Write entries of the ledger, and a job with them, durably.
    Record {
        /// In order.
        bodies: Vec<Body>,
        /// The job as it is after them.
        job: Option<Box<JobRecord>>,
    },
    /// Ask a station.
    Site(SiteCall),
    /// Let things come to rest.
    Rest(Duration),
    /// Wait until the robot knows where it is.
    Localise,
}

/// How an action ended well.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing was done yet: the first call of a stage.
    Started,
    /// The arm is there.
    Moved,
    /// The arm's guard has stopped it, at so much force along the tool (N).
    Touched(f64),
    /// There is a way: where the arm would stand, radians.
    Rehearsed(Vec<f64>),
    /// The fingers have stopped.
    Gripped {
        /// Where.
        opening_m: f64,
        /// With what force.
        force_n: f64,
        /// At the force, before the opening.
        stalled: bool,
    },
    /// The base is there.
    Arrived,
    /// A picture that was asked for at `asked`.
    Looked {
        /// When it was asked for.
        asked: Stamp,
        /// The picture.
        look: Box<Look>,
    },
    /// The entries are durable, and the ledger has them.
    Recorded,
    /// What a station says.
    Answered(Box<SiteAnswer>),
    /// The time is over, or the robot knows where it is.
    Rested,
}

/// An action underway.
#[derive(Debug)]
pub struct Running {
    waiting: Waiting,
    until: Stamp,
    stopping: bool,
}

#[derive(Debug)]
enum Waiting {
    Plan { id: EffectId, motion: Move, left: VecDeque<MotionGoal>, rehearse: Option<Rehearsal> },
    Arm { id: CommandId, what: String, watch: Option<Watch> },
    Grip { id: CommandId, force_n: f64 },
    Navigation { id: CommandId, dock: Option<Docking>, place: BasePlace, what: String },
    Look { id: EffectId, asked: Stamp },
    Record { id: EffectId, entries: Vec<Entry> },
    Site { id: EffectId, station: StationId },
    Rest,
    Localise,
}

/// Where the robot would stand, and how.
#[derive(Debug)]
struct Rehearsal {
    from: Vec<f64>,
    at: StationId,
    opening_m: f64,
}

/// Pictures for navigation while it docks.
#[derive(Debug)]
struct Docking {
    station: StationId,
    look: Option<(EffectId, Stamp)>,
    /// Why the last picture did not serve.
    trouble: Option<Failure>,
}

type Ended = Option<Result<Outcome, Failure>>;

impl Running {
    /// Begins an action. It may end at once.
    pub fn start(action: Action, ctx: &mut Context<'_>) -> Result<Self, Result<Outcome, Failure>> {
        let now = ctx.now;
        let running = |waiting, limit| Ok(Self { waiting, until: now + limit, stopping: false });
        match action {
            Action::Move(motion) => Self::plan(ctx, motion, None).map_err(Err),
            Action::Rehearse { motion, from, at, opening_m } => {
                Self::plan(ctx, motion, Some(Rehearsal { from, at, opening_m })).map_err(Err)
            }
            Action::Grip { opening_m, force_n } => {
                let id = ctx.ids.command();
                ctx.out.push(SkillOutput::Robot(RobotCommand::Grip { id, opening_m, force_n }));
                // What is held is held with the less of both until the fingers have settled.
                ctx.belief.grip.iter_mut().for_each(|grip| grip.force_n = grip.force_n.min(force_n));
                running(Waiting::Grip { id, force_n }, limits::GRIP)
            }
            Action::Drive(station) => {
                let id = ctx.ids.command();
                ctx.belief.base_moves();
                let what = format!("driving to {station}");
                let place = BasePlace::Staging(station.clone());
                command(ctx, NavCommand::DriveToStation { id, station });
                running(Waiting::Navigation { id, dock: None, place, what }, limits::DRIVE)
            }
            Action::Dock(station) => {
                let id = ctx.ids.command();
                ctx.belief.base_moves();
                let what = format!("docking at {station}");
                let place = BasePlace::Docked(station.clone());
                let dock = Docking { station: station.clone(), look: None, trouble: None };
                command(ctx, NavCommand::Dock { id, station });
                running(Waiting::Navigation { id, dock: Some(dock), place, what }, limits::DOCK)
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

    fn plan(ctx: &mut Context<'_>, motion: Move, rehearse: Option<Rehearsal>) -> Result<Self, Failure> {
        let mut left: VecDeque<MotionGoal> = motion.goals.iter().cloned().collect();
        let goal = left
            .pop_front()
            .ok_or_else(|| Failure::new(Code::Unreachable, format!("there is no way {}", motion.what)))?;
        let id = ask_for_plan(ctx, &motion, goal, rehearse.as_ref())?;
        let waiting = Waiting::Plan { id, motion, left, rehearse };
        Ok(Self { waiting, until: ctx.now + limits::PLAN, stopping: false })
    }

    /// When it gives up waiting.
    pub fn next_wake(&self) -> Stamp {
        let patience = match &self.waiting {
            Waiting::Arm { watch: Some(watch), .. } if !self.stopping => watch.patience(),
            _ => None,
        };
        patience.map_or(self.until, |patience| patience.min(self.until))
    }

    /// Takes an input.
    pub fn on(&mut self, ctx: &mut Context<'_>, input: &SkillInput) -> Ended {
        match (&mut self.waiting, input) {
            (Waiting::Plan { id, .. }, SkillInput::Planned { id: of, result }) if id == of => {
                self.planned(ctx, result)
            }
            (
                Waiting::Arm { id, what, watch },
                SkillInput::Robot(RobotEvent::ArmDone { id: of, ok, message }),
            ) if id == of => {
                let fault = || Failure::new(Code::ArmFault, format!("the arm, {what}: {message}"));
                let verdict = watch.as_ref().and_then(Watch::verdict).filter(|_| !self.stopping);
                Some(match verdict {
                    Some(verdict) => verdict.map(Outcome::Touched),
                    None if *ok && !self.stopping => Ok(Outcome::Moved),
                    None => Err(fault()),
                })
            }
            (Waiting::Arm { watch: Some(watch), .. }, SkillInput::Robot(RobotEvent::Wrist(wrench))) => {
                if watch.take(ctx.now, wrench) && !self.stopping {
                    ctx.out.push(SkillOutput::Robot(RobotCommand::StopArm));
                    self.until = ctx.now + limits::ARM_STOP;
                }
                None
            }
            (
                Waiting::Grip { id, force_n: asked_n },
                SkillInput::Robot(RobotEvent::GripperDone { id: of, opening_m, force_n, stalled }),
            ) if id == of => {
                ctx.belief.grip.iter_mut().for_each(|grip| grip.force_n = *asked_n);
                let (opening_m, force_n, stalled) = (*opening_m, *force_n, *stalled);
                Some(Ok(Outcome::Gripped { opening_m, force_n, stalled }))
            }
            // Navigation says at once that it was stopped; the base takes a moment.
            (Waiting::Navigation { .. }, SkillInput::Navigation(_)) if self.stopping => None,
            (Waiting::Navigation { .. }, SkillInput::Navigation(output)) => self.navigated(ctx, output),
            (Waiting::Navigation { dock: Some(dock), .. }, SkillInput::Looked { id, look }) => {
                dock.looked(ctx, *id, look);
                None
            }
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
            _ => None,
        }
    }

    /// Time has come to `ctx.now`.
    pub fn wake(&mut self, ctx: &mut Context<'_>) -> Ended {
        if let Waiting::Arm { watch: Some(watch), .. } = &mut self.waiting
            && watch.patience().is_some_and(|patience| ctx.now >= patience)
            && !self.stopping
        {
            watch.give_up(ctx.now);
            ctx.out.push(SkillOutput::Robot(RobotCommand::StopArm));
            self.until = ctx.now + limits::ARM_STOP;
        }
        if ctx.now < self.until {
            return None;
        }
        let late = |code, words: String| Some(Err(Failure::new(code, words)));
        match &self.waiting {
            Waiting::Rest => Some(Ok(Outcome::Rested)),
            Waiting::Navigation { .. } if self.stopping => Some(Ok(Outcome::Rested)),
            Waiting::Plan { motion, .. } => {
                let words = format!("no motion {} within {} s", motion.what, limits::PLAN.as_secs());
                late(Code::NoMotion, words)
            }
            Waiting::Arm { what, .. } => {
                ctx.out.push(SkillOutput::Robot(RobotCommand::StopArm));
                late(Code::RobotUnavailable, format!("the arm did not say that it ended, {what}"))
            }
            Waiting::Grip { .. } => {
                let words = format!("the gripper did not answer within {} s", limits::GRIP.as_secs());
                late(Code::RobotUnavailable, words)
            }
            Waiting::Navigation { what, .. } => {
                command(ctx, NavCommand::Stop);
                late(Code::RobotUnavailable, format!("navigation did not end {what}"))
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

    /// Ends the action early, where that is safe. True where it has ended already; otherwise it ends by itself soon.
    /// A closing gripper and a write to disk are always waited for.
    pub fn interrupt(&mut self, ctx: &mut Context<'_>) -> bool {
        match &self.waiting {
            Waiting::Arm { .. } => {
                if !self.stopping {
                    ctx.out.push(SkillOutput::Robot(RobotCommand::StopArm));
                    self.stopping = true;
                    self.until = ctx.now + limits::ARM_STOP;
                }
                false
            }
            Waiting::Navigation { .. } => {
                if !self.stopping {
                    command(ctx, NavCommand::Stop);
                    self.stopping = true;
                    self.until = ctx.now + limits::COAST;
                }
                false
            }
            Waiting::Grip { .. } | Waiting::Record { .. } => false,
            Waiting::Plan { .. }
            | Waiting::Look { .. }
            | Waiting::Site { .. }
            | Waiting::Rest
            | Waiting::Localise => true,
        }
    }

    fn planned(
        &mut self,
        ctx: &mut Context<'_>,
        result: &Result<nightshift_core::robot::JointTrajectory, Failure>,
    ) -> Ended {
        let Waiting::Plan { motion, left, rehearse, .. } = &mut self.waiting else { return None };
        let failure = match result {
            Ok(trajectory) => {
                let Some(last) = trajectory.points.last() else {
                    let words = format!("an empty motion {}", motion.what);
                    return Some(Err(Failure::new(Code::NoMotion, words)));
                };
                if rehearse.is_some() {
                    return Some(Ok(Outcome::Rehearsed(last.positions.clone())));
                }
                let (what, mut trajectory) = (motion.what.clone(), trajectory.clone());
                let mut watch = None;
                if let Some(guard) = motion.guard {
                    trajectory = slowed(&ctx.world.arm, trajectory, guard.speed_m_s);
                    watch = match Watch::begin(guard, ctx.belief, ctx.now, ctx.world.tool_axis()) {
                        Ok(watch) => watch,
                        Err(failure) => return Some(Err(failure)),
                    };
                }
                let id = ctx.ids.command();
                let limit =
                    Duration::from_secs_f64(trajectory.duration_s().clamp(0.0, 600.0)) + limits::ARM_EXTRA;
                ctx.out.push(SkillOutput::Robot(RobotCommand::MoveArm { id, trajectory }));
                self.waiting = Waiting::Arm { id, what, watch };
                self.until = ctx.now + limit;
                return None;
            }
            Err(failure) => failure,
        };
        let another_may_do = matches!(failure.code, Code::NoMotion | Code::Unreachable);
        let Some(goal) = left.pop_front().filter(|_| another_may_do) else {
            return Some(Err(Failure::new(failure.code, format!("{}: {}", motion.what, failure.message))));
        };
        let (motion, left, rehearse) = (motion.clone(), std::mem::take(left), rehearse.take());
        match ask_for_plan(ctx, &motion, goal, rehearse.as_ref()) {
            Ok(id) => {
                self.waiting = Waiting::Plan { id, motion, left, rehearse };
                self.until = ctx.now + limits::PLAN;
                None
            }
            Err(failure) => Some(Err(failure)),
        }
    }

    fn navigated(&mut self, ctx: &mut Context<'_>, output: &NavOutput) -> Ended {
        let Waiting::Navigation { id, dock, place, what } = &mut self.waiting else { return None };
        match (output, dock) {
            (NavOutput::Done { id: of, result }, dock) if id == of => Some(match result {
                Ok(()) => {
                    ctx.belief.base = place.clone();
                    Ok(Outcome::Arrived)
                }
                Err(failure) => {
                    let seen = dock.as_ref().and_then(|dock| dock.trouble.as_ref());
                    let why = seen.map_or(String::new(), |seen| format!(" (last picture: {})", seen.message));
                    Err(Failure::new(failure.code, format!("{what}: {}{why}", failure.message)))
                }
            }),
            (NavOutput::Docked { station, stamp, station_from_base, covariance }, Some(dock))
                if *station == dock.station =>
            {
                ctx.belief.docked = Some(DockSight {
                    station: station.clone(),
                    stamp: *stamp,
                    station_from_base: *station_from_base,
                    covariance: *covariance,
                });
                None
            }
            (NavOutput::LookForDock { station }, Some(dock)) if *station == dock.station => {
                dock.look(ctx);
                None
            }
            _ => None,
        }
    }
}

impl Docking {
    fn look(&mut self, ctx: &mut Context<'_>) {
        let id = ctx.ids.effect();
        self.look = Some((id, ctx.now));
        ctx.out.push(SkillOutput::Look { id, purpose: format!("dock-{}", self.station) });
    }

    fn looked(&mut self, ctx: &mut Context<'_>, id: EffectId, look: &Look) {
        let Some((_, asked)) = self.look.take_if(|(wanted, _)| *wanted == id) else { return };
        let seen = sight::dock_tag(ctx.world, ctx.belief, look, asked, &self.station);
        let base_from_tag = seen.as_ref().ok().copied();
        self.trouble = seen.err();
        ctx.out.push(SkillOutput::Navigation(NavInput::DockSeen { stamp: look.stamp, base_from_tag }));
    }
}

fn command(ctx: &mut Context<'_>, command: NavCommand) {
    ctx.out.push(SkillOutput::Navigation(NavInput::Command(command)));
}

fn ask_for_plan(
    ctx: &mut Context<'_>,
    motion: &Move,
    goal: MotionGoal,
    rehearse: Option<&Rehearsal>,
) -> Result<EffectId, Failure> {
    let (start, scene) = match rehearse {
        Some(Rehearsal { from, at, opening_m }) => {
            let there = Belief::docked_at(ctx.world, at, *opening_m);
            (from.clone(), scene::build(ctx.world, &there, ctx.ledger, motion.may_touch.clone()))
        }
        None => {
            let start = ctx.belief.joints_now(ctx.now)?.to_vec();
            (start, scene::build(ctx.world, ctx.belief, ctx.ledger, motion.may_touch.clone()))
        }
    };
    let id = ctx.ids.effect();
    let request = PlanRequest { start, goal, scene, seed: id.0, speed: motion.speed };
    ctx.out.push(SkillOutput::Plan { id, request });
    Ok(id)
}
