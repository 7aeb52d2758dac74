//! Checks of whole stretches of a path, so finely that no point of the arm moves farther than a centimetre between.

use crate::screen::{Screen, TOGETHER, lanes_of};
use crate::upright::{Leaning, Upright};
use crate::world::{Hit, World};

/// Metres that a point of the arm moves from check to check, at most.
const STEP_M: f64 = 0.01;
/// Levers are looked up at three places of a stretch; between them they may be a little longer.
const LEVER_SLACK: f64 = 1.1;

/// What is wrong with a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// A pair is nearer than it may be.
    Near(Hit),
    /// What is held leans more than it may.
    Leans,
}

/// Where a stretch is not free.
#[derive(Clone, Debug)]
pub(crate) struct Blocked {
    pub(crate) cause: Cause,
    pub(crate) q: Vec<f64>,
    /// Of the stretch, 0 to 1.
    pub(crate) share: f64,
}

impl From<Leaning> for Blocked {
    fn from(Leaning { share, q }: Leaning) -> Self {
        Self { cause: Cause::Leans, q, share }
    }
}

/// A collision world with the quick look at it, and how what is held has to be carried.
#[derive(Debug)]
pub(crate) struct Checker<'a> {
    pub(crate) world: World<'a>,
    screen: Screen,
    pub(crate) upright: Option<Upright<'a>>,
}

impl<'a> Checker<'a> {
    /// The world's margins must be final.
    pub(crate) fn new(world: World<'a>, upright: Option<Upright<'a>>) -> Self {
        let screen = Screen::new(&world);
        Self { world, screen, upright }
    }

    /// What is wrong with one position; none: nothing.
    pub(crate) fn cause(&self, q: &[f64]) -> Option<Cause> {
        let leans = self.upright.as_ref().is_some_and(|upright| upright.tilt(q) > upright.most());
        if leans { Some(Cause::Leans) } else { self.world.hit(q).map(Cause::Near) }
    }

    /// Into how many parts the straight stretch from `a` to `b` has to be divided.
    pub(crate) fn parts(&self, a: &[f64], b: &[f64]) -> usize {
        let levers = [0.0, 0.5, 1.0].map(|share| self.world.levers(&between(a, b, share)));
        let moved: f64 = (0..a.len())
            .map(|i| {
                let lever = levers.iter().map(|levers| levers[i]).fold(0.0, f64::max);
                (b[i] - a[i]).abs() * lever
            })
            .sum();
        ((moved * LEVER_SLACK / STEP_M).ceil() as usize).max(1)
    }

    /// Whether the straight stretch between two positions is blocked. `a` itself is not looked at. Looks at far places
    /// together first: that finds a blocked one soonest.
    pub(crate) fn stretch(&self, a: &[f64], b: &[f64]) -> Option<Blocked> {
        if let Some(leaning) = self.upright.as_ref().and_then(|upright| upright.stretch(a, b)) {
            return Some(leaning.into());
        }
        let mut confirm = |share: f64, hit: Hit| self.world.is_hit(hit, &between(a, b, share));
        let (share, hit) = self.screen.stretch(a, b, &mut confirm)?;
        Some(Blocked { cause: Cause::Near(hit), q: between(a, b, share), share })
    }

    /// The first place, from the beginning, where a curve over 0 to 1 is blocked, looked at in `parts` parts. Each joint moves
    /// by at most `rates` for a unit of the share.
    pub(crate) fn curve(&self, parts: usize, rates: &[f64], at: impl Fn(f64) -> Vec<f64>) -> Option<Blocked> {
        if let Some(leaning) = self.upright.as_ref().and_then(|upright| upright.curve(rates, &at)) {
            return Some(leaning.into());
        }
        let shares: Vec<f64> = (1..=parts).map(|index| index as f64 / parts as f64).collect();
        shares.chunks(TOGETHER).find_map(|shares| {
            let places: Vec<Vec<f64>> = shares.iter().map(|share| at(*share)).collect();
            let mut confirm = |lane: usize, hit: Hit| {
                // Lanes beyond the last place repeat it.
                self.world.is_hit(hit, &places[lane.min(places.len() - 1)])
            };
            self.screen.check(&lanes_of(&places), &mut confirm)?;
            // Which of them is first, and by what, is asked only now.
            let first =
                shares.iter().zip(&places).find_map(|(share, q)| Some((*share, q, self.world.hit(q)?)));
            first.map(|(share, q, hit)| Blocked { cause: Cause::Near(hit), q: q.clone(), share })
        })
    }
}

/// A share of the way from `a` to `b`.
pub(crate) fn between(a: &[f64], b: &[f64], share: f64) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + (b - a) * share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::Arm;
    use crate::testing::{clutter, omni7};
    use nightshift_core::random::Seed;
    use rand::Rng;

    /// The quick look says of every position what parry3d says: among random things and with something held.
    #[test]
    fn the_quick_look_agrees_with_the_exact_checker() {
        let arm = Arm::new(&omni7()).unwrap();
        let mut stream = Seed(5).stream("screen");
        let (mut blocked, mut free) = (0, 0);
        for _ in 0..40 {
            let scene = clutter(&mut stream);
            let checker = Checker::new(World::new(&arm, &scene).unwrap(), None);
            for _ in 0..40 {
                let places: Vec<Vec<f64>> = (0..TOGETHER)
                    .map(|_| arm.limits().iter().map(|l| stream.random_range(l.lower..=l.upper)).collect())
                    .collect();
                for q in &places {
                    let world = &checker.world;
                    let one = lanes_of(std::slice::from_ref(q));
                    let quick = checker.screen.check(&one, &mut |_, hit| world.is_hit(hit, q));
                    assert_eq!(
                        quick.is_some(),
                        world.hit(q).is_some(),
                        "{q:?}: {quick:?}, {:?}",
                        world.hit(q)
                    );
                    blocked += usize::from(quick.is_some());
                    free += usize::from(quick.is_none());
                }
                let world = &checker.world;
                let together = checker
                    .screen
                    .check(&lanes_of(&places), &mut |lane, hit| world.is_hit(hit, &places[lane]));
                assert_eq!(together.is_some(), places.iter().any(|q| world.hit(q).is_some()));
            }
        }
        assert!(blocked > 1000 && free > 1000, "{blocked} blocked, {free} free");
    }

    /// What is left out of the finer looks along a stretch would have been found free there.
    #[test]
    fn a_stretch_is_as_free_as_all_the_places_that_it_is_looked_at() {
        let arm = Arm::new(&omni7()).unwrap();
        let mut stream = Seed(6).stream("stretch");
        let (mut blocked, mut free) = (0, 0);
        for _ in 0..30 {
            let scene = clutter(&mut stream);
            let checker = Checker::new(World::new(&arm, &scene).unwrap(), None);
            for _ in 0..60 {
                let mut place = || -> Vec<f64> {
                    arm.limits().iter().map(|l| stream.random_range(l.lower..=l.upper)).collect()
                };
                let (a, far) = (place(), place());
                // Some stretches are longer than a step of a tree, some much shorter.
                let b = between(&a, &far, [0.05, 0.15, 0.5][(blocked + free) % 3]);
                if checker.cause(&a).is_some() {
                    continue;
                }
                let everywhere = checker.screen.places(&a, &b);
                let met =
                    everywhere.iter().any(|share| checker.world.hit(&between(&a, &b, *share)).is_some());
                assert_eq!(checker.stretch(&a, &b).is_some(), met, "{a:?} to {b:?}");
                blocked += usize::from(met);
                free += usize::from(!met);
            }
        }
        assert!(blocked > 100 && free > 100, "{blocked} blocked, {free} free");
    }
}
