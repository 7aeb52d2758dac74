//! The base's drive: follows velocity commands within its acceleration, and stands still without them.

use nightshift_core::Stamp;
use nightshift_core::describe::BaseDescription;
use nightshift_core::robot::Twist;
use std::time::Duration;

/// For how long a drive command holds.
const COMMAND_HOLDS: Duration = Duration::from_millis(300);
/// How far the drive's set point may lead the base that something holds back: metres, metres, radians.
const LEAD: [f64; 3] = [0.01, 0.01, 0.02];

/// The drive. Its set point is a place on the floor that moves; a stiff servo keeps the base on it.
#[derive(Clone, Debug)]
pub struct Drive {
    max_speed: Twist,
    max_acceleration: Twist,
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
        self.until = now + COMMAND_HOLDS;
    }

    /// The base was put somewhere else, at rest.
    pub fn put(&mut self, place: [f64; 3]) {
        self.place = place;
        self.velocity = Twist::STOP;
        self.target = Twist::STOP;
    }

    /// Moves the set point by one step of `dt` seconds; `actual` is where the base is.
    pub fn advance(&mut self, now: Stamp, dt: f64, actual: [f64; 3]) -> SetPoint {
        let target = if now < self.until { self.target } else { Twist::STOP };
        let toward = |from: f64, to: f64, by: f64| from + (to - from).clamp(-by * dt, by * dt);
        self.velocity = Twist {
            x: toward(self.velocity.x, target.x, self.max_acceleration.x),
            y: toward(self.velocity.y, target.y, self.max_acceleration.y),
            yaw: toward(self.velocity.yaw, target.yaw, self.max_acceleration.yaw),
        };
        let (sin, cos) = (self.place[2] + self.velocity.yaw * dt / 2.0).sin_cos();
        let v = self.velocity;
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

#[cfg(test)]
mod tests {
    use super::*;

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
            let point = drive.advance(Stamp(step * 2_000_000), 0.002, place);
            place = point.place;
            fastest = fastest.max(point.rate[0]);
        }
        // 0.3 s at 0.8 m/s^2, and then back to rest.
        assert!((fastest - 0.24).abs() < 0.002, "{fastest}");
        assert!((place[0] - 0.072).abs() < 0.001, "{}", place[0]);
    }

    #[test]
    fn nonsense_stops_the_base() {
        let mut drive = drive();
        drive.command(Stamp::ZERO, Twist { x: f64::NAN, y: 0.1, yaw: 0.0 });
        assert_eq!(drive.advance(Stamp::ZERO, 0.002, [0.0; 3]).rate, [0.0; 3]);
    }

    #[test]
    fn a_base_that_is_held_back_does_not_wind_up() {
        let mut drive = drive();
        for step in 0..500 {
            let now = Stamp(step * 2_000_000);
            drive.command(now, Twist { x: 0.5, y: 0.0, yaw: 0.0 });
            let point = drive.advance(now, 0.002, [0.0; 3]);
            assert!(point.place[0] <= LEAD[0]);
        }
        let mut place = 0.0;
        for step in 500..600 {
            let now = Stamp(step * 2_000_000);
            drive.command(now, Twist { x: -0.5, y: 0.0, yaw: 0.0 });
            place = drive.advance(now, 0.002, [place, 0.0, 0.0]).place[0];
        }
        assert!(place < -0.005, "{place}");
    }
}
