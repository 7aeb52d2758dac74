//! Checks of whole stretches of a path, so finely that no point of the arm moves farther than a centimetre between.

use crate::world::{Hit, World};

/// Metres that a point of the arm moves from check to check, at most.
const STEP_M: f64 = 0.01;
/// Levers are looked up at three places of a stretch; between them they may be a little longer.
const LEVER_SLACK: f64 = 1.1;

/// Where a stretch is not free.
#[derive(Clone, Debug)]
pub(crate) struct Blocked {
    pub(crate) hit: Hit,
    pub(crate) q: Vec<f64>,
    /// Of the stretch, 0 to 1.
    pub(crate) share: f64,
}

/// Into how many parts the straight stretch from `a` to `b` has to be divided.
pub(crate) fn parts(world: &World<'_>, a: &[f64], b: &[f64]) -> usize {
    let levers = [0.0, 0.5, 1.0].map(|share| world.levers(&between(a, b, share)));
    let moved: f64 = (0..a.len())
        .map(|i| {
            let lever = levers.iter().map(|levers| levers[i]).fold(0.0, f64::max);
            (b[i] - a[i]).abs() * lever
        })
        .sum();
    ((moved * LEVER_SLACK / STEP_M).ceil() as usize).max(1)
}

/// Whether the straight stretch between two positions is blocked. `a` itself is not looked at. Looks at far places
/// first: that finds a blocked one soonest.
pub(crate) fn stretch(world: &World<'_>, a: &[f64], b: &[f64]) -> Option<Blocked> {
    let parts = parts(world, a, b);
    let look = |index: usize| {
        let share = index as f64 / parts as f64;
        let q = between(a, b, share);
        world.hit(&q).map(|hit| Blocked { hit, q, share })
    };
    if let Some(blocked) = look(parts) {
        return Some(blocked);
    }
    let mut stride = parts.next_power_of_two();
    while stride > 1 {
        let found = (stride / 2..parts).step_by(stride).find_map(look);
        if found.is_some() {
            return found;
        }
        stride /= 2;
    }
    None
}

/// The first place, from the beginning, where a curve over 0 to 1 is blocked, looked at in `parts` parts.
pub(crate) fn curve(world: &World<'_>, parts: usize, at: impl Fn(f64) -> Vec<f64>) -> Option<Blocked> {
    (1..=parts).find_map(|index| {
        let share = index as f64 / parts as f64;
        let q = at(share);
        world.hit(&q).map(|hit| Blocked { hit, q, share })
    })
}

/// A share of the way from `a` to `b`.
pub(crate) fn between(a: &[f64], b: &[f64], share: f64) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + (b - a) * share).collect()
}
