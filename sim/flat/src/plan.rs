//! What a drive is made from.

use crate::room::Style;
use nightshift_core::random::Seed;
use rand::Rng;

/// What a drive is made from. The same plan gives the same drive.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Of everything random.
    pub seed: u64,
    /// Of the room.
    pub style: Style,
    /// Share of the furniture that is gone or came after the map was made, 0 to 1.
    pub changed: f64,
    /// People who walk about.
    pub people: usize,
    /// Length of the drive, metres.
    pub length_m: f64,
    /// Scans a second.
    pub rate_hz: f64,
    /// Whether the base also drives sideways.
    pub omnidirectional: bool,
    /// The scanner.
    pub scanner: Scanner,
    /// The wheels.
    pub wheels: Wheels,
}

/// A laser scanner in the base's origin, looking forward.
#[derive(Clone, Debug, PartialEq)]
pub struct Scanner {
    /// Beams in a turn.
    pub beams: usize,
    /// From the first to the last beam, radians.
    pub view_rad: f64,
    /// Farther is no return, metres.
    pub range_max_m: f64,
    /// Noise of a range, one sigma, metres.
    pub sigma_m: f64,
    /// Share of beams that return nothing.
    pub dropout: f64,
}

/// Errors of dead reckoning.
#[derive(Clone, Debug, PartialEq)]
pub struct Wheels {
    /// Metres reported per metre driven.
    pub scale: f64,
    /// Radians reported per radian turned.
    pub turn_scale: f64,
    /// Heading that is made up per metre, radians.
    pub drift_rad_per_m: f64,
    /// Random error of distance, metres per root metre.
    pub noise_m: f64,
    /// Random error of heading, radians per root metre.
    pub noise_rad: f64,
}

impl Plan {
    /// A plan in which everything is drawn from a seed: style, scanner, wheels. Nothing is changed and nobody walks.
    pub fn drawn(seed: u64) -> Self {
        let mut random = Seed(seed).stream("plan");
        let mut pick = |most: usize| random.random_range(0..most);
        let style = [Style::Laboratory, Style::Offices, Style::Hall][pick(3)];
        let beams = [181, 271, 361, 541, 721, 1081][pick(6)];
        let view_deg: f64 = [180.0, 240.0, 270.0, 360.0][pick(4)];
        let range_max_m = [8.0, 12.0, 25.0, 40.0][pick(4)];
        let omnidirectional = pick(2) == 1;
        let scanner = Scanner {
            beams,
            view_rad: view_deg.to_radians(),
            range_max_m,
            sigma_m: random.random_range(0.004..0.02),
            dropout: random.random_range(0.0..0.05),
        };
        let wheels = Wheels {
            scale: random.random_range(0.98..1.02),
            turn_scale: random.random_range(0.98..1.02),
            drift_rad_per_m: random.random_range(-0.01..0.01),
            noise_m: random.random_range(0.005..0.03),
            noise_rad: random.random_range(0.003..0.02),
        };
        Self {
            seed,
            style,
            changed: 0.0,
            people: 0,
            length_m: 60.0,
            rate_hz: 10.0,
            omnidirectional,
            scanner,
            wheels,
        }
    }
}
