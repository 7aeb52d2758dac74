//! The legs of the way into a dock: the staging pose, half way, the docked pose, and a charger's contacts.

use super::approach::{self, Way};
use super::contact::{self, Next};
use super::{Docking, Leg, Move, Phase, Step};
use crate::control::Miss;
use nalgebra::{Isometry2, Translation2, Vector2};
use nightshift_core::time::Stamp;
use nightshift_core::{Code, Failure};

/// The docked pose is reached within this, as estimated.
const TOLERANCE: Miss = Miss { distance_m: 0.002, turn_rad: 0.0017 };
/// While corrections are left, it is brought nearer than it must be.
const AIM: Miss = Miss { distance_m: 0.0006, turn_rad: 0.0008 };
/// A base that cannot drive sideways backs out and comes in again for what it is aside by more than this, metres.
const AIM_ASIDE_M: f64 = 0.001;
/// On the way the base stops and looks again this far before the docked pose, metres.
pub(super) const HALF_WAY_M: f64 = 0.15;
/// Looks at the staging pose, half way, and at least when docked.
const LOOKS: [u32; 3] = [3, 2, 3];
/// Looks when docked at most, before the estimate must be good enough.
const MOST_LOOKS: u32 = 8;
/// What place and heading must be known to when docked, one sigma.
const SURE: Miss = Miss { distance_m: 0.001, turn_rad: 0.0006 };
/// Corrections when docked before it starts again from the staging pose.
const CORRECTIONS: u32 = 4;
/// Tries from the staging pose.
const TRIES: u32 = 3;
/// A drive that takes longer is hindered, seconds.
const DRIVE_S: f64 = 30.0;

impl Docking {
    /// On a drive's way; none once the base is there.
    pub(super) fn drive_on(
        &self,
        now: Stamp,
        since: Stamp,
        way: Way,
        base_from_goal: &Isometry2<f64>,
    ) -> Option<Step> {
        let twist = way.twist(base_from_goal, &self.limits)?;
        let miss = Miss::of(base_from_goal);
        if now.since(since) > DRIVE_S {
            let words = format!(
                "{}: the way into the dock was hindered for {DRIVE_S:.0} s; {:.1} mm and {:.2} deg were left",
                self.name,
                miss.distance_m * 1e3,
                miss.turn_rad.to_degrees()
            );
            return Some(Step::Done(Err(Failure::new(Code::DockFailed, words))));
        }
        Some(Step::Drive(twist))
    }

    /// In a charger's dock, until the battery is fed.
    pub(super) fn touch(
        &mut self,
        now: Stamp,
        since: Stamp,
        moves: Option<Move>,
        odom_from_base: &Isometry2<f64>,
    ) -> Step {
        let docked = self.goal();
        if let Some(moving) = moves {
            let goal =
                if moving == Move::Out { docked * Translation2::new(-contact::BACK_M, 0.0) } else { docked };
            let base_from_goal = odom_from_base.inv_mul(&goal);
            let way = Way::choose(self.sideways, &base_from_goal);
            return self.drive_on(now, since, way, &base_from_goal).unwrap_or_else(|| {
                let moves = if moving == Move::Out { Some(Move::In) } else { None };
                self.phase = Phase::Contact { since: now, moves };
                Step::Wait
            });
        }
        let Some(contact) = &mut self.contact else { return Step::Done(Ok(())) };
        match contact.next(now, since) {
            Next::Wait => Step::Wait,
            Next::Fed => Step::Done(Ok(())),
            Next::Move => {
                self.phase = Phase::Contact { since: now, moves: Some(Move::Out) };
                Step::Wait
            }
            Next::Again if self.tries < TRIES => {
                self.start_over();
                self.drive(now, odom_from_base)
            }
            Next::Again => {
                let miss = Miss::of(&odom_from_base.inv_mul(&docked));
                Step::Done(Err(contact.failure(&self.name, &miss, now, TRIES)))
            }
        }
    }

    pub(super) fn looked_enough(&self, done: u32) -> bool {
        match self.leg {
            Leg::Staging => done >= LOOKS[0],
            Leg::HalfWay => done >= LOOKS[1],
            Leg::Docked => done >= MOST_LOOKS || (done >= LOOKS[2] && self.estimate.sigmas().within(&SURE)),
        }
    }

    pub(super) fn goal(&self) -> Isometry2<f64> {
        let station_from_goal = match self.leg {
            Leg::Staging => self.dock.staging.iso,
            Leg::HalfWay => {
                let back = Vector2::new(-HALF_WAY_M, 0.0);
                Isometry2::new(self.dock.docked.iso.translation.vector + back, self.dock.docked.yaw())
            }
            Leg::Docked => self.dock.docked.iso,
        };
        self.odom_from_station() * station_from_goal
    }

    pub(super) fn next_leg(&mut self, now: Stamp, odom_from_base: &Isometry2<f64>) -> Step {
        let base_from_goal = odom_from_base.inv_mul(&self.goal());
        match self.leg {
            // Whoever cannot drive sideways comes onto the dock's line here.
            Leg::Staging
                if !self.sideways
                    && !approach::on_line(&base_from_goal)
                    && self.corrections < CORRECTIONS =>
            {
                self.corrections += 1;
            }
            Leg::Staging => {
                self.corrections = 0;
                self.leg = Leg::HalfWay;
            }
            Leg::HalfWay => self.leg = Leg::Docked,
            Leg::Docked => {
                let miss = Miss::of(&base_from_goal);
                let corrected = self.corrections == CORRECTIONS;
                if self.is_near(&base_from_goal) || (corrected && miss.within(&TOLERANCE)) {
                    if self.contact.is_none() {
                        return Step::Done(Ok(()));
                    }
                    self.phase = Phase::Contact { since: now, moves: None };
                    return Step::Wait;
                }
                if self.corrections < CORRECTIONS {
                    self.corrections += 1;
                    if !self.sideways && approach::aside_m(&base_from_goal) > AIM_ASIDE_M {
                        self.leg = Leg::HalfWay;
                    }
                } else if self.tries < TRIES {
                    self.start_over();
                } else {
                    return Step::Done(Err(self.failed(&miss)));
                }
            }
        }
        self.drive(now, odom_from_base)
    }

    fn start_over(&mut self) {
        self.tries += 1;
        self.corrections = 0;
        self.leg = Leg::Staging;
    }

    /// To where the leg leads.
    fn drive(&mut self, now: Stamp, odom_from_base: &Isometry2<f64>) -> Step {
        let way = Way::choose(self.sideways, &odom_from_base.inv_mul(&self.goal()));
        self.phase = Phase::Drive { since: now, way };
        Step::Wait
    }

    /// Whether the docked pose is reached as well as is tried for.
    fn is_near(&self, base_from_goal: &Isometry2<f64>) -> bool {
        if self.sideways {
            return Miss::of(base_from_goal).within(&AIM);
        }
        approach::aside_m(base_from_goal) <= AIM_ASIDE_M && approach::ahead(base_from_goal).within(&AIM)
    }

    fn failed(&self, miss: &Miss) -> Failure {
        let words = format!(
            "{}: after {TRIES} tries the base is {:.1} mm and {:.2} deg from the docked pose; {:.1} mm and {:.2} deg are \
             allowed",
            self.name,
            miss.distance_m * 1e3,
            miss.turn_rad.to_degrees(),
            TOLERANCE.distance_m * 1e3,
            TOLERANCE.turn_rad.to_degrees()
        );
        Failure::new(Code::DockFailed, words)
    }
}
