//! The base's drive: follows velocity commands within its acceleration, and stands still without them.

use nightshift_core::Stamp;
use nightshift_core::describe::BaseDescription;
use nightshift_core::robot::{DRIVE_HOLDS, Twist};

/// How far the drive's set point may lead the base that something holds back: metres, metres, radians.
const LEAD: [f64; 3] = [0.01, 0.01, 0.02];

/// The wheels of a base that drives on four Mecanum wheels.
pub const WHEELS: [&str; 4] = ["front_left", "front_right", "rear_left", "rear_right"];
/// How each wheel turns with x, y and yaw times the lever (Taheri et al., IJCA 113(3), 2015), over its radius.
const MECANUM: [[f64; 3]; 4] = [[1.0, -1.0, -1.0], [1.0, 1.0, 1.0], [1.0, 1.0, -1.0], [1.0, -1.0, 1.0]];

/// How well the wheels grip.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traction {
    /// Share of the wheels' way that the floor does not see.
    pub slip: f64,
    /// Share of the speed that is lost before the wheels.
    pub sluggish: f64,
    /// The wheel that does not turn.
    pub stuck: Option<usize>,
}

/// The drive. Its set point is a place on the floor that moves; a stiff servo keeps the base on it.
#[derive(Clone, Debug)]
pub struct Drive {
    max_speed: Twist,
    max_acceleration: Twist,
    /// Half the wheels' distance along and across, together, metres.
    lever_m: f64,
    target: Twist,
    until: Stamp,
    velocity: Twist,
    /// x, y and unwrapped yaw in the map.
    place: [f64; 3],
}

/// What the servo is to hold: x, y, yaw in the map and their rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetPoint {
    /// Metres, metres, radians.
    pub place: [f64; 3],
    /// Per second.
    pub rate: [f64; 3],
}

impl Drive {
    /// Standing at a place.
    pub fn new(description: &BaseDescription, place: [f64; 3]) -> Self {
        Self {
            max_speed: description.max_speed,
            max_acceleration: description.max_acceleration,
            lever_m: lever(&description.footprint_m),
            target: Twist::STOP,
            until: Stamp::ZERO,
            velocity: Twist::STOP,
            place,
        }
    }

    /// Takes a command. One that is not finite stops the base.
    pub fn command(&mut self, now: Stamp, twist: Twist) {
        let limited = |value: f64, limit: f64| value.clamp(-limit, limit);
        let finite = twist.x.is_finite() && twist.y.is_finite() && twist.yaw.is_finite();
        self.target = if finite {
            Twist {
                x: limited(twist.x, self.max_speed.x),
                y: limited(twist.y, self.max_speed.y),
                yaw: limited(twist.yaw, self.max_speed.yaw),
            }
        } else {
            Twist::STOP
        };
        self.until = now + DRIVE_HOLDS;
    }

    /// The base was put somewhere else, at rest.
    pub fn put(&mut self, place: [f64; 3]) {
        self.place = place;
        self.velocity = Twist::STOP;
        self.target = Twist::STOP;
    }

    /// What the wheels do, as they see it.
    pub fn wheels(&self) -> Twist {
        self.velocity
    }

    /// Moves the set point by one step of `dt` seconds; `actual` is where the base is.
    pub fn advance(&mut self, now: Stamp, dt: f64, actual: [f64; 3], traction: Traction) -> SetPoint {
        let target = if now < self.until { self.target } else { Twist::STOP };
        let target = scaled(target, 1.0 - traction.sluggish);
        let toward = |from: f64, to: f64, by: f64| from + (to - from).clamp(-by * dt, by * dt);
        self.velocity = Twist {
            x: toward(self.velocity.x, target.x, self.max_acceleration.x),
            y: toward(self.velocity.y, target.y, self.max_acceleration.y),
            yaw: toward(self.velocity.yaw, target.yaw, self.max_acceleration.yaw),
        };
        let (sin, cos) = (self.place[2] + self.velocity.yaw * dt / 2.0).sin_cos();
        let mut v = scaled(self.velocity, 1.0 - traction.slip);
        if let Some(wheel) = traction.stuck {
            v = without(wheel, v, self.lever_m);
        }
        let rate = [cos * v.x - sin * v.y, sin * v.x + cos * v.y, v.yaw];
        let mut held_back = false;
        for axis in 0..3 {
            let next = self.place[axis] + rate[axis] * dt;
            self.place[axis] = next.clamp(actual[axis] - LEAD[axis], actual[axis] + LEAD[axis]);
            held_back |= self.place[axis] != next;
        }
        if held_back {
            // The wheels stall: the base turns back at once when it is told to.
            self.velocity = Twist::STOP;
        }
        SetPoint { place: self.place, rate }
    }
}

fn scaled(v: Twist, by: f64) -> Twist {
    Twist { x: v.x * by, y: v.y * by, yaw: v.yaw * by }
}

/// Half the wheels' distance along and across, together, metres: they stand at the footprint's corners.
pub fn lever(footprint_m: &[[f64; 2]]) -> f64 {
    let reach = |axis: usize| footprint_m.iter().map(|corner| corner[axis].abs()).fold(0.1, f64::max);
    reach(0) + reach(1)
}

/// How the base moves when one wheel stands and the others turn as for `v`: the mean of what the four ask for.
fn without(wheel: usize, v: Twist, lever_m: f64) -> Twist {
    let mut each = to_wheels(v, lever_m);
    each[wheel] = 0.0;
    from_wheels(each, lever_m)
}

/// What each wheel's rim does, in metres, for a motion of the base.
pub fn to_wheels(v: Twist, lever_m: f64) -> [f64; 4] {
    MECANUM.map(|[x, y, yaw]| x * v.x + y * v.y + yaw * lever_m * v.yaw)
}

/// The motion of the base that four wheels ask for, in the mean.
pub fn from_wheels(each: [f64; 4], lever_m: f64) -> Twist {
    let along = |axis: usize| MECANUM.iter().zip(each).map(|(row, w)| row[axis] * w).sum::<f64>() / 4.0;
    Twist { x: along(0), y: along(1), yaw: along(2) / lever_m }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRIP: Traction = Traction { slip: 0.0, sluggish: 0.0, stuck: None };
    const SIDEWAYS: Twist = Twist { x: 0.7, y: 0.4, yaw: 1.0 };

    fn drive() -> Drive {
        let description = BaseDescription {
            omnidirectional: true,
            footprint_m: Vec::new(),
            max_speed: SIDEWAYS,
            max_acceleration: Twist { x: 0.8, y: 0.6, yaw: 1.6 },
        };
        Drive::new(&description, [0.0; 3])
    }

    #[test]
    fn a_command_holds_for_three_tenths_of_a_second_within_the_acceleration() {
        let mut drive = drive();
        drive.command(Stamp::ZERO, Twist { x: 5.0, y: 0.0, yaw: 0.0 });
        let mut place = [0.0; 3];
        let mut fastest: f64 = 0.0;
        for step in 0..1000 {
            let point = drive.advance(Stamp(step * 2_000_000), 0.002, place, GRIP);
            place = point.place;
            fastest = fastest.max(point.rate[0]);
        }
        // 0.3 s at 0.8 m/s^2, and then back to rest.
        assert!((fastest - 0.24).abs() < 0.002, "{fastest}");
        assert!((place[0] - 0.072).abs() < 0.001, "{}", place[0]);
    }

    #[test]
    fn a_wheel_that_stands_takes_its_share_and_turns_the_base() {
        let ahead = Twist { x: 0.4, y: 0.0, yaw: 0.0 };
        let v = without(0, ahead, 0.7);
        assert!((v.x - 0.3).abs() < 1e-12 && v.yaw > 0.1, "{v:?}");
        let twist = Twist { x: 0.3, y: -0.2, yaw: 0.5 };
        let back = from_wheels(to_wheels(twist, 0.7), 0.7);
        assert!(
            (back.x - 0.3).abs() < 1e-12 && (back.y + 0.2).abs() < 1e-12 && (back.yaw - 0.5).abs() < 1e-12
        );
    }

    #[test]
    fn nonsense_stops_the_base() {
        let mut drive = drive();
        drive.command(Stamp::ZERO, Twist { x: f64::NAN, y: 0.1, yaw: 0.0 });
        assert_eq!(drive.advance(Stamp::ZERO, 0.002, [0.0; 3], GRIP).rate, [0.0; 3]);
    }

    #[test]
    fn a_base_that_is_held_back_does_not_wind_up() {
        let mut drive = drive();
        for step in 0..500 {
            let now = Stamp(step * 2_000_000);
            drive.command(now, Twist { x: 0.5, y: 0.0, yaw: 0.0 });
            let point = drive.advance(now, 0.002, [0.0; 3], GRIP);
            assert!(point.place[0] <= LEAD[0]);
        }
        let mut place = 0.0;
        for step in 500..600 {
            let now = Stamp(step * 2_000_000);
            drive.command(now, Twist { x: -0.5, y: 0.0, yaw: 0.0 });
            place = drive.advance(now, 0.002, [place, 0.0, 0.0], GRIP).place[0];
        }
        assert!(place < -0.005, "{place}");
    }
}
