//! How hard a vial is held: from its weight, the friction that is reckoned with, and how it is moved.
//!
//! Two pads press from opposite sides with a force `F` each. By Coulomb's law each holds up to `mu F` across its face,
//! so that a load across the faces is held where `2 mu F >= m (g + a)` (for the cone that this comes from: K. M. Lynch, F. C. Park, "Modern
//! Robotics", 2017, section 12.2.1). A tilt turns a part of the load from across the faces to along their normal, where
//! pads hold it without friction: for `mu <= 1` the upright load is the worst, so that the bound holds at any tilt.

use crate::limits;
use nightshift_core::describe::Vial;
use nightshift_core::{Code, Failure, SampleId};

/// Standard gravity, m/s^2.
pub const GRAVITY: f64 = 9.80665;
/// Held with so much more than just enough: the friction of pads scatters by a third.
const SAFETY: f64 = 1.5;
/// Of the force that a labware bears.
const SHARE: f64 = 0.8;
/// The densest content that is reckoned with, kg/m^3: chloroform. Nobody tells what is in a vial before it is weighed.
const DENSEST: f64 = 1490.0;

/// What a vial may weigh with its cap, kg: empty, and full of the densest.
pub fn mass_kg(vial: &Vial) -> [f64; 2] {
    let full = vial.empty_kg() + vial.capacity_m3() * DENSEST;
    [vial.empty_kg(), full.max(vial.mass_kg)]
}

/// The force of each pad, N, that just holds a mass (kg) against gravity and an acceleration (m/s^2) in any direction:
/// `m (g + a) / (2 mu)`.
pub fn least_n(mass_kg: f64, acceleration: f64, friction: f64) -> f64 {
    mass_kg * (GRAVITY + acceleration) / (2.0 * friction)
}

/// The force of each pad with which a mass (kg) is held safely at a friction, N.
pub fn needed_n(mass_kg: f64, friction: f64) -> f64 {
    SAFETY * least_n(mass_kg, limits::CARRY_ACCELERATION, friction)
}

/// The most that a vial is held with on purpose, N: what it and the gripper (`gripper_n`) bear, less what fingers swing
/// over their force when they meet it.
fn most_n(vial: &Vial, gripper_n: f64) -> f64 {
    (SHARE * vial.grasp.max_force_n).max(vial.grasp.force_n).min(gripper_n)
}

/// With what force (N) to hold a vial that slipped, or is held with too little, at `held_n`. None where it bears no more.
/// A vial that slips at `F` under its weight alone has a friction of `m g / (2 F)` at most; what holds it safely at that
/// friction is `F` times [`SAFETY`] times `(g + a) / g`, whatever it weighs.
pub fn tighter_n(vial: &Vial, held_n: f64, gripper_n: f64) -> Option<f64> {
    let (most_n, wanted_n) = (most_n(vial, gripper_n), needed_n(2.0 * held_n / GRAVITY, 1.0));
    (most_n > held_n + 1e-6).then(|| wanted_n.min(most_n))
}

/// The force of each pad with which a sample is held, N: the one of its labware, or more where its weight and the
/// friction `friction` need more.
///
/// # Errors
/// `GRIP_TOO_WEAK` where that is more than the labware, or the gripper (`gripper_n`), bears.
pub fn force_n(
    sample: &SampleId,
    vial: &Vial,
    mass_kg: f64,
    friction: f64,
    gripper_n: f64,
) -> Result<f64, Failure> {
    let (needed_n, most_n) = (needed_n(mass_kg, friction), most_n(vial, gripper_n));
    if needed_n > most_n {
        let words = format!(
            "{sample} weighs up to {:.1} g: at a friction of {friction:.2} it takes {needed_n:.1} N to hold it, and it bears {most_n:.1} N",
            mass_kg * 1e3
        );
        return Err(Failure::new(Code::GripTooWeak, words));
    }
    Ok(vial.grasp.force_n.max(needed_n))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use nightshift_core::describe::Site;

    pub(crate) fn vial() -> Vial {
        let site = Site::load(&|file: &str| {
            let path = format!("{}/../maps/photocatalysis/{file}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(path).map_err(|e| e.to_string())
        });
        site.unwrap().catalogue.vials[&"vial_10ml".into()].clone()
    }

    #[test]
    fn the_least_force_is_coulombs() {
        // 2 mu F = m g: 0.1 kg at mu 0.5 needs its own weight on each pad.
        assert!((least_n(0.1, 0.0, 0.5) - 0.1 * GRAVITY).abs() < 1e-12);
        assert!((least_n(0.1, GRAVITY, 0.5) - 0.2 * GRAVITY).abs() < 1e-12);
        assert!((least_n(0.1, 0.0, 0.25) - 0.2 * GRAVITY).abs() < 1e-12);
    }

    #[test]
    fn a_vial_weighs_between_empty_and_full_of_the_densest() {
        let vial = vial();
        let [least, most] = mass_kg(&vial);
        assert!(least == vial.empty_kg() && most >= vial.mass_kg && most > 0.05, "{least} to {most}");
    }

    #[test]
    fn the_labwares_force_is_kept_where_it_is_enough_and_its_limit_always() {
        let (vial, id) = (vial(), SampleId::new("S-1"));
        assert_eq!(force_n(&id, &vial, 0.05, 0.5, 40.0).unwrap(), vial.grasp.force_n);
        // As slippery as to need more than the usual force, but not more than the limit.
        let more = force_n(&id, &vial, 0.05, 0.04, 40.0).unwrap();
        assert!(more > vial.grasp.force_n && more <= 0.8 * vial.grasp.max_force_n, "{more}");
        for (mass, friction, gripper_n) in [(0.05, 0.01, 40.0), (1.0, 0.2, 40.0), (0.05, 0.04, 9.0)] {
            let failure = force_n(&id, &vial, mass, friction, gripper_n).unwrap_err();
            assert_eq!(failure.code, Code::GripTooWeak, "{failure}");
        }
    }

    #[test]
    fn what_slipped_is_held_harder_until_the_labware_bears_no_more() {
        let vial = vial();
        // At the friction that a slip at 4 N shows, the harder grip is just safe.
        let (mass, slipped) = (0.03, 4.0);
        let harder = tighter_n(&vial, slipped, 40.0).unwrap();
        assert!((harder - needed_n(mass, mass * GRAVITY / (2.0 * slipped))).abs() < 1e-9);
        let most = tighter_n(&vial, 8.0, 40.0).unwrap();
        assert_eq!(most, 0.8 * vial.grasp.max_force_n);
        assert_eq!(tighter_n(&vial, most, 40.0), None);
        assert_eq!(tighter_n(&vial, 8.0, 8.0), None, "the gripper has no more");
    }
}
