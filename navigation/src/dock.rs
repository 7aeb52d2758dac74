//! Docking by sight: looks at the dock's tag, filters the looks, and brings the base to the taught pose relative to
//! the tag *as seen*, whatever the map says.
//!
//! Between looks dead reckoning carries the estimate. The base looks only while it stands.

use crate::control::{Limits, Miss, towards};
use nalgebra::{Isometry2, Matrix2, Point2, Vector2};
use nightshift_core::describe::{Dock, TagMount};
use nightshift_core::frames::{Base, Pose, Pose2, Station, Tag, wrap_angle};
use nightshift_core::robot::Twist;
use nightshift_core::time::Stamp;
use nightshift_core::{Code, Failure};

/// The docked pose is reached within this, as estimated.
const TOLERANCE: Miss = Miss { distance_m: 0.002, turn_rad: 0.0035 };
/// While corrections are left, it is brought nearer than it must be.
const AIM: Miss = Miss { distance_m: 0.0008, turn_rad: 0.002 };
/// A drive between looks ends within this, by dead reckoning.
const DRIVEN: Miss = Miss { distance_m: 0.0004, turn_rad: 0.0006 };
/// On the way the base stops and looks again this far before the docked pose, metres.
const HALF_WAY_M: f64 = 0.15;
/// Looks at the staging pose, half way, and at least when docked.
const LOOKS: [u32; 3] = [3, 2, 3];
/// Looks when docked at most, before the estimate must be good enough.
const MOST_LOOKS: u32 = 8;
/// What the tag's place must be known to when docked, one sigma, metres.
const SURE_M: f64 = 0.0012;
/// Corrections when docked before it starts again from the staging pose.
const CORRECTIONS: u32 = 4;
/// Tries from the staging pose.
const TRIES: u32 = 3;
/// Looks in a row that may fail.
const MISSES: u32 = 3;
/// A picture that is not answered in this time counts as failed, seconds.
const PICTURE_S: f64 = 3.0;
/// The base rests so long before a picture, seconds.
const REST_S: f64 = 0.25;
/// A drive that takes longer is hindered, seconds.
const DRIVE_S: f64 = 30.0;
/// A station this far from where the map has it is another one, or was moved.
const ELSEWHERE: Miss = Miss { distance_m: 0.4, turn_rad: 0.35 };
/// What is believed of the station before the first look, one sigma.
const MAP_SIGMA_M: f64 = 0.1;
const MAP_SIGMA_RAD: f64 = 0.005;
/// A look that is off by more than so many sigmas on an axis is no look.
const GATE_SIGMAS: f64 = 5.0;
/// Errors of dead reckoning between looks, per metre driven and per radian turned.
const SLIP: f64 = 0.03;

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
    },
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
    limits: Limits,
    leg: Leg,
    phase: Phase,
    estimate: Estimate,
    misses: u32,
    corrections: u32,
    tries: u32,
    by_map: Isometry2<f64>,
}

impl Docking {
    /// Starts where the base stands: at the staging pose, or in the dock, where it only makes sure.
    /// `odom_from_station`: where the map has it.
    pub fn new(
        name: &str,
        dock: &Dock,
        limits: Limits,
        odom_from_station: Isometry2<f64>,
        odom_from_base: &Isometry2<f64>,
        now: Stamp,
    ) -> Self {
        let left = Miss::of(&odom_from_base.inv_mul(&(odom_from_station * dock.docked.iso)));
        Self {
            name: name.to_owned(),
            dock: dock.clone(),
            limits,
            leg: if left.distance_m < HALF_WAY_M { Leg::Docked } else { Leg::Staging },
            phase: Phase::Look { done: 0, since: now, asked: None },
            estimate: Estimate::new(&odom_from_station, &dock.tag),
            misses: 0,
            corrections: 0,
            tries: 1,
            by_map: odom_from_station,
        }
    }

    /// Where the station is, by all looks so far.
    pub fn odom_from_station(&self) -> Isometry2<f64> {
        self.estimate.station(&self.by_map, &self.dock.tag)
    }

    /// Takes the answer to a look: where the base was in `odom` when the picture was taken, and the tag seen from it.
    pub fn seen(
        &mut self,
        now: Stamp,
        odom_from_base: &Isometry2<f64>,
        tag: Option<&Pose<Base, Tag>>,
    ) -> Option<Failure> {
        let Phase::Look { done, asked: Some(_), .. } = self.phase else { return None };
        let look = tag.map(|base_from_tag| Look {
            odom_from_station: odom_from_base * on_floor(base_from_tag, &self.dock.tag).iso,
            distance: base_from_tag.translation().norm(),
        });
        let miss = look.as_ref().map(|look| Miss::of(&self.by_map.inv_mul(&look.odom_from_station)));
        let near = miss.is_some_and(|miss| miss.within(&ELSEWHERE));
        let taken =
            look.filter(|_| near).is_some_and(|look| self.estimate.take(&look, &self.by_map, &self.dock.tag));
        if taken {
            self.misses = 0;
            self.phase = Phase::Look { done: done + 1, since: now, asked: None };
            return None;
        }
        self.missed(now, miss)
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
            Phase::Drive { since } => {
                let base_from_goal = odom_from_base.inv_mul(&self.goal());
                let miss = Miss::of(&base_from_goal);
                if miss.within(&DRIVEN) {
                    self.phase = Phase::Look { done: 0, since: now, asked: None };
                    return Step::Wait;
                }
                if now.since(since) > DRIVE_S {
                    let words = format!(
                        "{}: the way into the dock was hindered for {DRIVE_S:.0} s; {:.1} mm and {:.2} deg were left",
                        self.name,
                        miss.distance_m * 1e3,
                        miss.turn_rad.to_degrees()
                    );
                    return Step::Done(Err(Failure::new(Code::DockFailed, words)));
                }
                Step::Drive(towards(&base_from_goal, &self.limits))
            }
        }
    }

    /// Takes note of a way driven since the last step, and of where the map has the station now.
    pub fn moved(&mut self, step: &Isometry2<f64>, odom_from_station: Isometry2<f64>) {
        self.estimate.moved(step);
        self.by_map = odom_from_station;
    }

    fn looked_enough(&self, done: u32) -> bool {
        match self.leg {
            Leg::Staging => done >= LOOKS[0],
            Leg::HalfWay => done >= LOOKS[1],
            Leg::Docked => done >= MOST_LOOKS || (done >= LOOKS[2] && self.estimate.sigma_m() <= SURE_M),
        }
    }

    fn goal(&self) -> Isometry2<f64> {
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

    fn next_leg(&mut self, now: Stamp, odom_from_base: &Isometry2<f64>) -> Step {
        match self.leg {
            Leg::Staging => self.leg = Leg::HalfWay,
            Leg::HalfWay => self.leg = Leg::Docked,
            Leg::Docked => {
                let miss = Miss::of(&odom_from_base.inv_mul(&self.goal()));
                let corrected = self.corrections == CORRECTIONS;
                if miss.within(&AIM) || (corrected && miss.within(&TOLERANCE)) {
                    return Step::Done(Ok(()));
                }
                if self.corrections < CORRECTIONS {
                    self.corrections += 1;
                } else if self.tries < TRIES {
                    self.tries += 1;
                    self.corrections = 0;
                    self.leg = Leg::Staging;
                } else {
                    return Step::Done(Err(self.failed(&miss)));
                }
            }
        }
        self.phase = Phase::Drive { since: now };
        Step::Wait
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

/// The station from a sight of its tag: the tag's place, and the station's heading. A tag looks tilted when it is not,
/// so its tilt must not reach the station's place by way of the tag's height.
fn on_floor(base_from_tag: &Pose<Base, Tag>, tag: &TagMount) -> Pose2<Base, Station> {
    let heading = (*base_from_tag * tag.pose.inverse()).yaw();
    let offset = Isometry2::new(Vector2::zeros(), heading) * Point2::from(tag.pose.translation().xy());
    let place = base_from_tag.translation().xy() - offset.coords;
    Pose2::new(place.x, place.y, heading)
}

/// Where the station is in `odom`: the tag's place by sight, and by how much the station is turned against the map.
///
/// A tag that is looked at squarely tells its place to a fraction of a millimetre and its heading to degrees; the
/// laser tells the base's heading to a tenth of a degree. So the heading is the map's, corrected by what the looks
/// agree on. That correction is the station's own and does not drift; the tag's place drifts with dead reckoning.
#[derive(Clone, Debug)]
struct Estimate {
    place: Point2<f64>,
    place_covariance: Matrix2<f64>,
    turned: f64,
    turned_variance: f64,
}

/// One sight of the station.
struct Look {
    odom_from_station: Isometry2<f64>,
    /// From the base to the tag, metres.
    distance: f64,
}

impl Estimate {
    fn new(by_map: &Isometry2<f64>, tag: &TagMount) -> Self {
        Self {
            place: by_map * Point2::from(tag.pose.translation().xy()),
            place_covariance: Matrix2::identity() * MAP_SIGMA_M.powi(2),
            turned: 0.0,
            turned_variance: MAP_SIGMA_RAD.powi(2),
        }
    }

    fn station(&self, by_map: &Isometry2<f64>, tag: &TagMount) -> Isometry2<f64> {
        let heading = by_map.rotation.angle() + self.turned;
        let offset = Isometry2::new(Vector2::zeros(), heading) * Point2::from(tag.pose.translation().xy());
        Isometry2::new(self.place - offset, heading)
    }

    fn moved(&mut self, step: &Isometry2<f64>) {
        // A turn of the base moves the tag by its distance, about a metre.
        let off = SLIP * (step.translation.vector.norm() + step.rotation.angle().abs());
        self.place_covariance += Matrix2::identity() * (off * off);
    }

    /// How far a look is from what is believed, and how far it may be: variances of place and of heading.
    fn innovation(&self, look: &Look, by_map: &Isometry2<f64>, tag: &TagMount) -> Innovation {
        let station = &look.odom_from_station;
        let seen = station * Point2::from(tag.pose.translation().xy());
        let along = 0.0005 + 0.003 * look.distance * look.distance;
        let across = 0.0003 + 0.001 * look.distance;
        let heading = 0.01 + 0.02 * look.distance;
        let turn = station.rotation.to_rotation_matrix();
        let spread = Matrix2::from_diagonal(&Vector2::new(along * along, across * across));
        Innovation {
            place: seen - self.place,
            place_variance: self.place_covariance + turn * spread * turn.inverse(),
            turned: wrap_angle(station.rotation.angle() - by_map.rotation.angle() - self.turned),
            turned_variance: self.turned_variance + heading * heading,
        }
    }

    /// Takes a look, unless it disagrees with those before: a flat tag is sometimes seen tilted the wrong way.
    fn take(&mut self, look: &Look, by_map: &Isometry2<f64>, tag: &TagMount) -> bool {
        let new = self.innovation(look, by_map, tag);
        let gate = GATE_SIGMAS * GATE_SIGMAS;
        let agrees = (0..2).all(|i| new.place[i] * new.place[i] <= gate * new.place_variance[(i, i)])
            && new.turned * new.turned <= gate * new.turned_variance;
        let Some(inverse) = new.place_variance.try_inverse().filter(|_| agrees) else { return false };
        let gain = self.place_covariance * inverse;
        self.place += gain * new.place;
        self.place_covariance = (Matrix2::identity() - gain) * self.place_covariance;
        let gain = self.turned_variance / new.turned_variance;
        self.turned += gain * new.turned;
        self.turned_variance *= 1.0 - gain;
        true
    }

    /// One sigma of the tag's place, the worse of both axes.
    fn sigma_m(&self) -> f64 {
        self.place_covariance[(0, 0)].max(self.place_covariance[(1, 1)]).sqrt()
    }
}

struct Innovation {
    place: Vector2<f64>,
    place_variance: Matrix2<f64>,
    turned: f64,
    turned_variance: f64,
}
