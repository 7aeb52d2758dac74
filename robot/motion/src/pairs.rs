//! Which pairs of the robot's links can touch each other, found by trying.

use crate::arm::Arm;
use crate::kinematics::chain::place_links;
use crate::world::{SELF_MARGIN_M, link_bodies};
use nightshift_core::random::Seed;
use rand::Rng;

/// Random positions that are tried.
const SAMPLES: usize = 400;
/// Links that touch in more than this share of them touch by construction.
const BY_CONSTRUCTION: f64 = 0.95;

/// Pairs of links, by their index in the order of `place_links`. Left out are links that move with the same joint,
/// links that a joint joins, and links that touch nearly everywhere.
pub(crate) fn self_pairs(arm: &Arm) -> Vec<(usize, usize)> {
    let places = place_links(arm.model(), &arm.manipulator.arm, |joint| joint.lower);
    let (bodies, first) = link_bodies(arm, 0.0);
    let joined = |a: usize, b: usize| {
        let joints = &arm.model().joints;
        let (a, b) = (&places[a].link, &places[b].link);
        joints.iter().any(|j| (j.parent == *a && j.child == *b) || (j.parent == *b && j.child == *a))
    };
    let mut pairs: Vec<(usize, usize)> = (0..places.len())
        .flat_map(|a| (a + 1..places.len()).map(move |b| (a, b)))
        .filter(|(a, b)| places[*a].frame != places[*b].frame && !joined(*a, *b))
        .filter(|(a, b)| first[*a] < first[a + 1] && first[*b] < first[b + 1])
        .collect();
    let mut stream = Seed(0).stream("self-collision");
    let mut touching = vec![0usize; pairs.len()];
    for _ in 0..SAMPLES {
        let q: Vec<f64> = arm.limits().iter().map(|l| stream.random_range(l.lower..=l.upper)).collect();
        let frames = arm.chain.frames(&q);
        let placed: Vec<_> = bodies.iter().map(|body| body.place(&frames)).collect();
        for ((a, b), count) in pairs.iter().zip(&mut touching) {
            let touch = (first[*a]..first[a + 1]).any(|i| {
                let (body, at) = (&bodies[i].shaped, &placed[i]);
                (first[*b]..first[b + 1])
                    .any(|j| body.nearer(at, &bodies[j].shaped, &placed[j], SELF_MARGIN_M as f32))
            });
            *count += usize::from(touch);
        }
    }
    let mut counts = touching.iter();
    pairs.retain(|_| counts.next().is_some_and(|n| (*n as f64) < BY_CONSTRUCTION * SAMPLES as f64));
    pairs
}
