//! How a path's parameter grows over time: jerk-limited, through all zones without a stop where the zones allow it.

use crate::path::Zone;
use nightshift_core::{Code, Failure};
use rsruckig::prelude::{DataArrayOrVec, InputParameter, Ruckig, ThrowErrorHandler, Trajectory};

/// The parameter with its derivatives by time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Progress {
    pub(crate) s: f64,
    pub(crate) velocity: f64,
    pub(crate) acceleration: f64,
    pub(crate) jerk: f64,
}

#[derive(Debug)]
enum Course {
    Steady { velocity: f64 },
    Changing(Box<Trajectory<1>>),
}

#[derive(Debug)]
struct Leg {
    start_time: f64,
    start: f64,
    length: f64,
    course: Course,
}

/// From rest to rest over all zones.
#[derive(Debug)]
pub(crate) struct Profile {
    legs: Vec<Leg>,
    duration: f64,
}

/// What the speeds at the seams may use of what would just do: keeps rounding from making a seam impossible.
const SEAM: f64 = 0.999;
/// Until a speed is known as well as can be.
const BISECTIONS: usize = 50;

impl Profile {
    pub(crate) fn new(zones: &[Zone]) -> Result<Self, Failure> {
        let seams = seam_speeds(zones);
        let mut this = Self { legs: Vec::with_capacity(zones.len()), duration: 0.0 };
        let mut start = 0.0;
        for (zone, speeds) in zones.iter().zip(seams.windows(2)) {
            if zone.length > 0.0 {
                let course = if zone.steady {
                    Course::Steady { velocity: speeds[0] }
                } else {
                    Course::Changing(Box::new(cross(zone, speeds[0], speeds[1])?))
                };
                let start_time = this.duration;
                this.duration += match &course {
                    Course::Steady { velocity } => zone.length / velocity,
                    Course::Changing(trajectory) => trajectory.get_duration(),
                };
                this.legs.push(Leg { start_time, start, length: zone.length, course });
            }
            start += zone.length;
        }
        if !this.duration.is_finite() {
            return Err(Failure::new(Code::NoMotion, "timing: the path has a place that cannot be crossed"));
        }
        Ok(this)
    }

    /// Seconds.
    pub(crate) fn duration(&self) -> f64 {
        self.duration
    }

    pub(crate) fn at(&self, time: f64) -> Progress {
        let index = self.legs.partition_point(|leg| leg.start_time <= time).max(1) - 1;
        let leg = &self.legs[index];
        let since = time - leg.start_time;
        match &leg.course {
            Course::Steady { velocity } => Progress {
                s: leg.start + (velocity * since).clamp(0.0, leg.length),
                velocity: *velocity,
                acceleration: 0.0,
                jerk: 0.0,
            },
            Course::Changing(trajectory) => {
                let mut state = [0.0; 4].map(|zero| DataArrayOrVec::<f64, 1>::Stack([zero]));
                let [p, v, a, j] = &mut state;
                trajectory.at_time(since, &mut Some(p), &mut Some(v), &mut Some(a), &mut Some(j), &mut None);
                let [p, v, a, j] = state.map(|value| value[0]);
                Progress { s: leg.start + p.clamp(0.0, leg.length), velocity: v, acceleration: a, jerk: j }
            }
        }
    }
}

/// How long it takes to follow these zones from rest to rest, as good as exactly and much sooner than by asking for the course:
/// within a zone the parameter speeds up to some speed, keeps it, and slows down.
pub(crate) fn duration_of(zones: &[Zone]) -> f64 {
    let seams = seam_speeds(zones);
    zones.iter().zip(seams.windows(2)).map(|(zone, speeds)| crossing_time(zone, speeds[0], speeds[1])).sum()
}

fn crossing_time(zone: &Zone, from: f64, to: f64) -> f64 {
    if zone.length <= 0.0 {
        return 0.0;
    }
    if zone.steady {
        return zone.length / from;
    }
    let needed = |peak: f64| change_length(zone, from, peak) + change_length(zone, peak, to);
    let (mut low, mut high) = (from.max(to), zone.velocity);
    if needed(high) <= zone.length {
        low = high;
    }
    for _ in 0..BISECTIONS {
        if low >= high {
            break;
        }
        let middle = (low + high) / 2.0;
        if needed(middle) <= zone.length {
            low = middle;
        } else {
            high = middle;
        }
    }
    change_time(zone, from, low) + change_time(zone, low, to) + (zone.length - needed(low)) / low
}

/// The time-optimal way over one zone.
fn cross(zone: &Zone, from: f64, to: f64) -> Result<Trajectory<1>, Failure> {
    let mut input = InputParameter::<1>::new(None);
    input.target_position[0] = zone.length;
    input.current_velocity[0] = from;
    input.target_velocity[0] = to;
    input.max_velocity[0] = zone.velocity;
    input.max_acceleration[0] = zone.acceleration;
    input.max_jerk[0] = zone.jerk;
    let mut trajectory = Trajectory::new(None);
    let done = Ruckig::<1, ThrowErrorHandler>::new(None, 0.01).calculate(&input, &mut trajectory);
    done.map_err(|error| Failure::new(Code::NoMotion, format!("timing: {zone:?}: {error}")))?;
    Ok(trajectory)
}

/// The largest speeds at the zones' seams, from rest to rest, such that every zone is long enough to change between them.
fn seam_speeds(zones: &[Zone]) -> Vec<f64> {
    let mut speeds = vec![0.0; zones.len() + 1];
    for index in 1..zones.len() {
        speeds[index] = zones[index - 1].velocity.min(zones[index].velocity) * SEAM;
    }
    for index in 0..zones.len() {
        speeds[index + 1] = speeds[index + 1].min(reachable(&zones[index], speeds[index]));
    }
    for index in (0..zones.len()).rev() {
        speeds[index] = speeds[index].min(reachable(&zones[index], speeds[index + 1]));
    }
    speeds
}

/// The largest speed that can be reached over a zone from a lower one, without acceleration at its ends.
fn reachable(zone: &Zone, from: f64) -> f64 {
    if zone.steady {
        return from;
    }
    let enough = |to: f64| change_length(zone, from, to) <= zone.length * SEAM;
    if enough(zone.velocity.max(from)) {
        return zone.velocity.max(from);
    }
    let (mut low, mut high) = (from, zone.velocity);
    for _ in 0..BISECTIONS {
        let middle = (low + high) / 2.0;
        if enough(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The way that it takes to change between two speeds, jerk- and acceleration-limited, from and to no acceleration.
fn change_length(zone: &Zone, from: f64, to: f64) -> f64 {
    (from + to) / 2.0 * change_time(zone, from, to)
}

fn change_time(zone: &Zone, from: f64, to: f64) -> f64 {
    let change = (to - from).abs();
    let full = zone.acceleration.powi(2) / zone.jerk;
    if change <= full {
        2.0 * (change / zone.jerk).sqrt()
    } else {
        change / zone.acceleration + zone.acceleration / zone.jerk
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn zone() -> impl Strategy<Value = Zone> {
        let numbers = (-5.0f64..0.3, 0.05f64..3.0, 0.5f64..10.0, 5.0f64..100.0, any::<bool>());
        numbers.prop_map(|(length, velocity, acceleration, jerk, steady)| Zone {
            length: 10f64.powf(length),
            velocity,
            acceleration,
            jerk,
            steady,
        })
    }

    /// Straight zones with steady ones between, as a polyline has them.
    fn zones() -> impl Strategy<Value = Vec<Zone>> {
        proptest::collection::vec(zone(), 0..5).prop_map(|raw| {
            let mut zones: Vec<Zone> = Vec::new();
            for zone in raw {
                if !zones.is_empty() {
                    zones.push(Zone { steady: true, length: 0.3 * zone.length, ..zone });
                }
                zones.push(Zone { steady: false, ..zone });
            }
            zones
        })
    }

    proptest! {
        #[test]
        fn the_parameter_grows_from_rest_to_rest_within_every_zones_limits(zones in zones()) {
            prop_assume!(!zones.is_empty());
            let profile = Profile::new(&zones).unwrap();
            let length: f64 = zones.iter().map(|zone| zone.length).sum();
            let (told, is) = (duration_of(&zones), profile.duration());
            prop_assert!((told - is).abs() <= 1e-5 * is, "{told} s is told of {is} s");
            let (mut last, mut ends) = (0.0, 0.0);
            let ends: Vec<f64> = zones.iter().map(|zone| { ends += zone.length; ends }).collect();
            prop_assert!(profile.at(0.0).velocity.abs() < 1e-9);
            prop_assert!(profile.at(profile.duration()).velocity.abs() < 1e-6);
            prop_assert!((profile.at(profile.duration()).s - length).abs() < 1e-6);
            for k in 0..=2000 {
                let at = profile.at(profile.duration() * f64::from(k) / 2000.0);
                prop_assert!(at.s >= last - 1e-9 && at.velocity > -1e-6, "{at:?} after {last}");
                last = at.s;
                let index = ends.partition_point(|end| *end < at.s - 1e-7).min(zones.len() - 1);
                // At a seam either zone's limits may hold.
                let near = &zones[index.saturating_sub(1)..(index + 2).min(zones.len())];
                let most = |of: fn(&Zone) -> f64| near.iter().map(of).fold(0.0, f64::max) * 1.0001 + 1e-6;
                prop_assert!(at.velocity <= most(|z| z.velocity), "{at:?} {near:?}");
                prop_assert!(at.acceleration.abs() <= most(|z| z.acceleration), "{at:?} {near:?}");
                prop_assert!(at.jerk.abs() <= most(|z| z.jerk), "{at:?} {near:?}");
            }
        }
    }
}
