//! What is in a vial: its mass, its level, how it sloshes, and when an open vial spills it.
//!
//! A liquid's surface is a plane that tilts against the vial. Its slope in the vial's frame follows the slope that
//! the apparent gravity asks for as the first antisymmetric mode of an upright cylinder does, with natural frequency
//! `w^2 = g k tanh(k h) / r`, `k = 1.841` (H. N. Abramson, ed., NASA SP-106, 1966, chapter 2), and the damping of a small vessel. An open
//! vial spills as soon as the surface reaches over its rim; what is left is what stays below it. A powder does the same
//! without swinging, and holds a slope up to its angle of repose. One solid piece falls out of a vial on its head.

use nalgebra::{Isometry3, Vector3};
use nightshift_core::describe::{self, ContentKind, Phase, Vial};

/// First root of the derivative of Bessel's J1: the wave number of the first sloshing mode times the radius.
const FIRST_MODE: f64 = 1.841;
/// Damping ratio of sloshing: a few per cent in vessels of centimetres.
const SLOSH_DAMPING: f64 = 0.05;
/// Tangent of a powder's angle of repose, 35 degrees.
const REPOSE: f64 = 0.70;
/// Standard gravity, m/s^2.
const GRAVITY: f64 = 9.81;
/// Over what time an acceleration must last to move a content, seconds.
const KNOCK_TIME_S: f64 = 0.02;
/// Below this share of gravity a content floats with its vial.
const FALLING: f64 = 0.3;
/// Steeper surfaces are not told apart: the vial lies.
const STEEPEST: f64 = 50.0;

/// What is in a vial now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Content {
    /// How it moves.
    pub kind: ContentKind,
    /// How much there is, cubic metres.
    pub volume_m3: f64,
    /// As it lies, kg/m^3.
    pub density: f64,
    /// What it looks like, where the stock says so.
    pub phase: Option<Phase>,
}

/// Mass, its centre's height above the base, and the inertia about that centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inertia {
    /// Kilograms.
    pub mass_kg: f64,
    /// Metres above the base.
    pub center_m: f64,
    /// About an axis across, kg m^2.
    pub across: f64,
    /// About its own axis, kg m^2.
    pub along: f64,
}

impl Content {
    /// As the stock has it.
    pub fn new(vial: &Vial, stock: Option<&describe::Content>) -> Self {
        const WATER: f64 = 1000.0;
        match stock {
            Some(content) => Self {
                kind: content.kind,
                volume_m3: content.fill * vial.capacity_m3(),
                density: content.density,
                phase: content.phase,
            },
            None => {
                let volume_m3 = ((vial.mass_kg - vial.empty_kg()) / WATER).min(vial.capacity_m3());
                let density =
                    if volume_m3 > 0.0 { (vial.mass_kg - vial.empty_kg()) / volume_m3 } else { WATER };
                Self { kind: ContentKind::Liquid, volume_m3, density, phase: None }
            }
        }
    }

    /// Kilograms.
    pub fn mass_kg(&self) -> f64 {
        self.volume_m3 * self.density
    }

    /// Height of its surface above the inner bottom in an upright vial, metres.
    pub fn level_m(&self, vial: &Vial) -> f64 {
        self.volume_m3 / (std::f64::consts::PI * vial.inner_radius_m().powi(2))
    }

    /// Of the vial with this in it: the glass as a solid cylinder of its own weight over the whole height, the content
    /// as one up to its level.
    pub fn inertia(&self, vial: &Vial) -> Inertia {
        let level_m = self.level_m(vial);
        let glass = (vial.empty_kg(), vial.height_m, vial.diameter_m / 2.0, 0.0);
        let filling = (self.mass_kg(), level_m, vial.inner_radius_m(), vial.vessel.wall_m);
        let mass_kg = glass.0 + filling.0;
        let center = |part: (f64, f64, f64, f64)| part.3 + part.1 / 2.0;
        let center_m = (glass.0 * center(glass) + filling.0 * center(filling)) / mass_kg;
        let mut whole = Inertia { mass_kg, center_m, across: 0.0, along: 0.0 };
        for part in [glass, filling] {
            let (mass, height, radius, _) = part;
            let away = center(part) - center_m;
            whole.across += mass * ((3.0 * radius * radius + height * height) / 12.0 + away * away);
            whole.along += mass * radius * radius / 2.0;
        }
        whole
    }
}

/// The surface of a content: its slope along the vial's x and y, and the slopes' rates.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Surface {
    slope: [f64; 2],
    rate: [f64; 2],
    /// How the vial accelerates, without the knocks of single steps, m/s^2.
    acceleration: Vector3<f64>,
}

impl Surface {
    /// Goes on by `dt` seconds in a vial that has the pose `map_from_ware` and accelerates by `acceleration` (m/s^2, map's
    /// axes). Answers what is left in an open vial; the rest has gone over the rim.
    pub fn advance(
        &mut self,
        dt: f64,
        map_from_ware: &Isometry3<f64>,
        acceleration: &Vector3<f64>,
        vial: &Vial,
        content: &Content,
    ) -> f64 {
        self.acceleration += (acceleration - self.acceleration) * (dt / (dt + KNOCK_TIME_S));
        let down = -Vector3::z() * GRAVITY - self.acceleration;
        if down.norm() < FALLING * GRAVITY {
            // Nothing presses it anywhere.
            return content.volume_m3;
        }
        let down = map_from_ware.inverse_transform_vector(&down);
        let (radius, level) = (vial.inner_radius_m(), content.level_m(vial));
        // On its head, everything falls out; beside that, the surface is across the apparent gravity.
        let overturned = down.z >= 0.0;
        let steady = [down.x, down.y].map(|across| (across / down.z.min(-1e-9)).clamp(-STEEPEST, STEEPEST));
        match content.kind {
            ContentKind::Liquid if !overturned => {
                let stiffness = GRAVITY * FIRST_MODE * (FIRST_MODE * level / radius).tanh() / radius;
                let damping = 2.0 * SLOSH_DAMPING * stiffness.sqrt();
                for (steady, (slope, rate)) in steady.iter().zip(self.slope.iter_mut().zip(&mut self.rate)) {
                    *rate += dt * (stiffness * (steady - *slope) - damping * *rate);
                    *slope = (*slope + dt * *rate).clamp(-STEEPEST, STEEPEST);
                }
            }
            ContentKind::Powder if !overturned => {
                let steep = steady[0].hypot(steady[1]);
                let kept = if steep > 0.0 { (steep - REPOSE).max(0.0) / steep } else { 0.0 };
                (self.slope, self.rate) = (steady.map(|slope| slope * kept), [0.0; 2]);
            }
            ContentKind::Solid if !overturned => {}
            _ => return 0.0,
        }
        let rim = vial.inner_height_m() - radius * self.slope[0].hypot(self.slope[1]);
        let holds = std::f64::consts::PI * radius * radius * rim.max(0.0);
        match content.kind {
            ContentKind::Solid => content.volume_m3,
            _ => content.volume_m3.min(holds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::site;
    use nalgebra::Translation3;

    fn vial() -> Vial {
        site().catalogue.vials[&"vial_10ml".into()].clone()
    }

    fn half(kind: ContentKind) -> Content {
        Content { kind, volume_m3: 0.5 * vial().capacity_m3(), density: 1000.0, phase: None }
    }

    /// What is left after `seconds` at a tilt and an acceleration along the map's x.
    fn left(content: Content, tilt_deg: f64, acceleration: f64, seconds: f64) -> f64 {
        let (mut surface, mut content, vial) = (Surface::default(), content, vial());
        let pose = Isometry3::from_parts(
            Translation3::identity(),
            nalgebra::UnitQuaternion::from_euler_angles(0.0, f64::to_radians(tilt_deg), 0.0),
        );
        let full = content.volume_m3;
        for _ in 0..(seconds / 0.002) as usize {
            content.volume_m3 =
                surface.advance(0.002, &pose, &Vector3::new(acceleration, 0.0, 0.0), &vial, &content);
        }
        content.volume_m3 / full
    }

    #[test]
    fn a_liquid_spills_when_its_swing_reaches_the_rim() {
        let vial = vial();
        // Half full, the surface reaches the rim at this slope; a sudden tilt swings through to almost twice its own.
        let slope = 0.5 * vial.inner_height_m() / vial.inner_radius_m();
        let steady_deg = slope.atan().to_degrees();
        assert_eq!(left(half(ContentKind::Liquid), 0.0, 0.0, 5.0), 1.0);
        assert_eq!(left(half(ContentKind::Liquid), 0.4 * steady_deg, 0.0, 5.0), 1.0);
        let spilt = left(half(ContentKind::Liquid), steady_deg - 3.0, 0.0, 5.0);
        assert!(spilt < 0.9, "{spilt}");
        // The same by acceleration alone.
        assert_eq!(left(half(ContentKind::Liquid), 0.0, 0.4 * slope * GRAVITY, 5.0), 1.0);
        assert!(left(half(ContentKind::Liquid), 0.0, 1.1 * slope * GRAVITY, 5.0) < 0.9);
        assert_eq!(left(half(ContentKind::Liquid), 179.0, 0.0, 0.1), 0.0);
    }

    #[test]
    fn powder_holds_its_angle_of_repose_and_a_piece_stays_until_the_vial_is_overturned() {
        let slope = 0.5 * vial().inner_height_m() / vial().inner_radius_m();
        let edge_deg = (slope + REPOSE).atan().to_degrees();
        assert_eq!(left(half(ContentKind::Powder), edge_deg - 1.0, 0.0, 1.0), 1.0);
        assert!(left(half(ContentKind::Powder), edge_deg + 3.0, 0.0, 1.0) < 1.0);
        assert_eq!(left(half(ContentKind::Solid), 89.0, 0.0, 1.0), 1.0);
        assert_eq!(left(half(ContentKind::Solid), 91.0, 0.0, 1.0), 0.0);
    }

    #[test]
    fn what_is_in_a_vial_counts_in_its_mass_and_lowers_its_centre() {
        let vial = vial();
        let usual = Content::new(&vial, None);
        assert!((usual.inertia(&vial).mass_kg - vial.mass_kg).abs() < 1e-12);
        let with = |fill| {
            let stock = describe::Content { kind: ContentKind::Liquid, fill, density: 1200.0, phase: None };
            Content::new(&vial, Some(&stock)).inertia(&vial)
        };
        let (empty, low, full) = (with(0.0), with(0.2), with(1.0));
        assert!((empty.mass_kg - vial.empty_kg()).abs() < 1e-12);
        assert!((full.mass_kg - vial.empty_kg() - 1200.0 * vial.capacity_m3()).abs() < 1e-12);
        assert!(low.center_m < empty.center_m && low.center_m < full.center_m);
        assert!(full.along > low.along && full.across > low.across);
    }
}
