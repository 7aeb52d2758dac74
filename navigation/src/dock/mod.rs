//! Docking by sight: looks at the dock's tag and at the station's edges, filters both, and brings the base to the
//! taught pose relative to the station *as seen*, whatever the map says.
//!
//! Pictures are taken only while the base stands; the lasers look all the way.

mod approach;
mod contact;
mod estimate;
mod learned;
mod legs;
mod outline;

pub use approach::crooked;
pub use estimate::Sight;
pub use learned::Learned;
pub use outline::on_shape;

use crate::control::{Limits, Miss};
use approach::Way;
use contact::Contact;
use estimate::Estimate;
use legs::HALF_WAY_M;
use nalgebra::{Isometry2, Matrix3, Point2};
use nightshift_core::describe::{Dock, Station};
use nightshift_core::frames::{Base, Pose, Tag, wrap_angle};
use nightshift_core::robot::Twist;
use nightshift_core::time::Stamp;
use nightshift_core::{Code, Failure};
use outline::Outline;

/// Looks in a row that may fail.
const MISSES: u32 = 3;
/// A picture that is not answered in this time counts as failed, seconds.
const PICTURE_S: f64 = 3.0;
/// The base rests so long before a picture, seconds.
const REST_S: f64 = 0.25;
/// From one question to the map for the heading to the next, seconds.
const MAP_S: f64 = 0.5;
/// A station this far from where the map has it is another one, or was moved.
const ELSEWHERE: Miss = Miss { distance_m: 0.4, turn_rad: 0.35 };

/// What docking wants now.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Drive so.
    Drive(Twist),
    /// Stand, and have one picture taken.
    Look,
    /// Stand.
    Wait,
    /// Ended.
    Done(Result<(), Failure>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// Looks still wanted; since when the base rests; when a picture was asked for.
    Look {
        done: u32,
        since: Stamp,
        asked: Option<Stamp>,
    },
    Drive {
        since: Stamp,
        way: Way,
    },
    /// In a charger's dock: standing until the battery is fed, or moving on the contacts.
    Contact {
        since: Stamp,
        moves: Option<Move>,
    },
}

/// A move on a charger's contacts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Move {
    Out,
    In,
}

/// Where on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Leg {
    Staging,
    HalfWay,
    Docked,
}

/// One docking.
#[derive(Clone, Debug)]
pub struct Docking {
    name: String,
    dock: Dock,
    outline: Outline,
    limits: Limits,
    sideways: bool,
    /// Of a charger.
    contact: Option<Contact>,
    leg: Leg,
    phase: Phase,
    estimate: Estimate,
    misses: u32,
    corrections: u32,
    tries: u32,
    by_map: Isometry2<f64>,
    map_asked: Stamp,
    /// The tag has been seen: now edges are known from one another.
    seen: bool,
}

/// What a docking begins with.
pub struct Start<'a> {
    /// Where.
    pub station: &'a Station,
    /// Height of the scanners' plane, metres.
    pub plane_m: f64,
    /// Of the base while it docks.
    pub limits: Limits,
    /// Whether it can drive sideways.
    pub sideways: bool,
    /// Whether the dock is a charger's, and the robot tells of its battery: then it is docked once the battery is fed.
    pub charges: bool,
    /// Where the map has the station.
    pub odom_from_station: Isometry2<f64>,
    /// Where the base stands.
    pub odom_from_base: Isometry2<f64>,
}

impl Docking {
    /// Starts where the base stands: at the staging pose, or in the dock, where it only makes sure.
    pub fn new(start: &Start<'_>, now: Stamp) -> Self {
        let (dock, by_map) = (&start.station.dock, start.odom_from_station);
        let left = Miss::of(&start.odom_from_base.inv_mul(&(by_map * dock.docked.iso)));
        Self {
            name: start.station.id.as_str().to_owned(),
            dock: dock.clone(),
            outline: Outline::new(start.station, start.plane_m),
            limits: start.limits,
            sideways: start.sideways,
            contact: start.charges.then(Contact::default),
            leg: if left.distance_m < HALF_WAY_M { Leg::Docked } else { Leg::Staging },
            phase: Phase::Look { done: 0, since: now, asked: None },
            estimate: Estimate::new(&by_map.inv_mul(&start.odom_from_base), &start.odom_from_base),
            misses: 0,
            corrections: 0,
            tries: 1,
            by_map,
            map_asked: now,
            seen: false,
        }
    }

    /// Where the station is by dead reckoning, by all looks so far.
    pub fn odom_from_station(&self) -> Isometry2<f64> {
        self.estimate.odom_from_station()
    }

    /// Where the base stands in the station's frame, and how well that is known (x, y, heading; m, rad).
    pub fn station_from_base(&self) -> (Isometry2<f64>, Matrix3<f64>) {
        (self.estimate.station_from_base(), self.estimate.pose_covariance())
    }

    /// Takes the answer to a look: where the base was in `odom` when the picture was taken, and the tag seen from it.
    pub fn seen(
        &mut self,
        now: Stamp,
        odom_from_base: &Isometry2<f64>,
        tag: Option<&Pose<Base, Tag>>,
    ) -> Option<Failure> {
        let Phase::Look { done, asked: Some(_), .. } = self.phase else { return None };
        let miss = tag.map(|base_from_tag| {
            let mount = &self.dock.tag.pose;
            let seen = odom_from_base * Point2::from(base_from_tag.translation().xy());
            let by_map = self.by_map * Point2::from(mount.translation().xy());
            let heading = odom_from_base.rotation.angle() + (*base_from_tag * mount.inverse()).yaw();
            let turn_rad = wrap_angle(heading - self.by_map.rotation.angle()).abs();
            Miss { distance_m: (seen - by_map).norm(), turn_rad }
        });
        let near = miss.is_some_and(|miss| miss.within(&ELSEWHERE));
        let taken = tag
            .filter(|_| near)
            .is_some_and(|tag| self.estimate.take_tag(tag, odom_from_base, &self.dock.tag));
        if taken {
            self.seen = true;
            self.misses = 0;
            self.phase = Phase::Look { done: done + 1, since: now, asked: None };
            return None;
        }
        self.missed(now, miss)
    }

    /// Takes a scan: its returns on the station's edges.
    pub fn scan(&mut self, sight: &Sight<'_>) {
        if self.seen {
            self.estimate.take_scan(&self.outline, sight);
        }
    }

    fn missed(&mut self, now: Stamp, elsewhere: Option<Miss>) -> Option<Failure> {
        self.misses += 1;
        if self.misses < MISSES {
            if let Phase::Look { done, .. } = self.phase {
                self.phase = Phase::Look { done, since: now, asked: None };
            }
            return None;
        }
        let words = match elsewhere {
            None => {
                format!("{}: tag {} was not found in {MISSES} pictures in a row", self.name, self.dock.tag.id)
            }
            Some(miss) => format!(
                "{}: tag {} was seen {:.2} m and {:.1} deg from where the map has it; {:.2} m and {:.0} deg are allowed",
                self.name,
                self.dock.tag.id,
                miss.distance_m,
                miss.turn_rad.to_degrees(),
                ELSEWHERE.distance_m,
                ELSEWHERE.turn_rad.to_degrees()
            ),
        };
        Some(Failure::new(Code::DockNotSeen, words))
    }

    /// The battery has told whether a charger feeds it.
    pub fn fed(&mut self, stamp: Stamp, charging: bool) {
        if let Some(contact) = &mut self.contact {
            contact.told(stamp, charging);
        }
    }

    /// What to do now, for a base at `odom_from_base`.
    pub fn step(&mut self, now: Stamp, odom_from_base: &Isometry2<f64>) -> Step {
        match self.phase {
            Phase::Look { asked: Some(asked), .. } => {
                if now.since(asked) > PICTURE_S
                    && let Some(failure) = self.missed(now, None)
                {
                    return Step::Done(Err(failure));
                }
                Step::Wait
            }
            Phase::Look { done, since, asked: None } => {
                if self.looked_enough(done) {
                    return self.next_leg(now, odom_from_base);
                }
                if now.since(since) < REST_S {
                    return Step::Wait;
                }
                self.phase = Phase::Look { done, since, asked: Some(now) };
                Step::Look
            }
            Phase::Drive { since, way } => {
                let base_from_goal = odom_from_base.inv_mul(&self.goal());
                self.drive_on(now, since, way, &base_from_goal).unwrap_or_else(|| {
                    self.phase = Phase::Look { done: 0, since: now, asked: None };
                    Step::Wait
                })
            }
            Phase::Contact { since, moves } => self.touch(now, since, moves, odom_from_base),
        }
    }

    /// Takes note of where dead reckoning has the base now, and of where the map has the station, if it is trusted.
    pub fn moved(
        &mut self,
        now: Stamp,
        odom_from_base: &Isometry2<f64>,
        odom_from_station: Option<Isometry2<f64>>,
    ) {
        self.estimate.moved(odom_from_base);
        let Some(by_map) = odom_from_station else { return };
        self.by_map = by_map;
        if now.since(self.map_asked) >= MAP_S {
            self.map_asked = now;
            self.estimate.take_map(by_map.inv_mul(odom_from_base).rotation.angle());
        }
    }
}
