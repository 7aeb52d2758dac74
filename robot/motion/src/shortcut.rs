//! Makes a way shorter.

use crate::kinematics::numeric::distance;
use crate::sweep::{Checker, between};
use nightshift_core::random::Stream;
use rand::Rng;

/// How often two random places of the way are tried to be joined.
const TRIES: usize = 40;
/// Positions that are no farther apart are as good as equal, radians.
const EQUAL: f64 = 1e-6;

/// A way from the same start to the same end, at most as long and as free. No two neighbours are equal.
pub(crate) fn shorten(checker: &Checker<'_>, way: Vec<Vec<f64>>, stream: &mut Stream) -> Vec<Vec<f64>> {
    let mut way = skip(checker, way);
    for _ in 0..TRIES {
        if way.len() < 3 {
            break;
        }
        let length = length(&way);
        let (a, b) = (stream.random_range(0.0..length), stream.random_range(0.0..length));
        let ((i, from), (j, to)) = (place(&way, a.min(b)), place(&way, a.max(b)));
        if i == j || checker.stretch(&from, &to).is_some() {
            continue;
        }
        let mut shorter = way[..=i].to_vec();
        shorter.extend([from, to]);
        shorter.extend_from_slice(&way[j + 1..]);
        way = shorter;
    }
    let mut way = skip(checker, way);
    // Where two neighbours are as good as equal the later one goes; the very end stays as it is.
    let end = way.pop();
    way.dedup_by(|later, earlier| distance(later, earlier) < EQUAL);
    if let Some(end) = end {
        way.truncate(1 + way[1..].iter().rposition(|q| distance(q, &end) >= EQUAL).map_or(0, |i| i + 1));
        way.push(end);
    }
    way
}

/// Leaves out way points: from each one on to the farthest one that can be gone to directly.
fn skip(checker: &Checker<'_>, way: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut kept = vec![way[0].clone()];
    let mut at = 0;
    while at + 1 < way.len() {
        let far = (at + 2..way.len()).rev().find(|next| checker.stretch(&way[at], &way[*next]).is_none());
        at = far.unwrap_or(at + 1);
        kept.push(way[at].clone());
    }
    kept
}

fn length(way: &[Vec<f64>]) -> f64 {
    way.windows(2).map(|pair| distance(&pair[0], &pair[1])).sum()
}

/// The stretch that a length along the way is on, and the position there.
fn place(way: &[Vec<f64>], mut along: f64) -> (usize, Vec<f64>) {
    for (index, pair) in way.windows(2).enumerate() {
        let stretch = distance(&pair[0], &pair[1]);
        if along <= stretch && stretch > 0.0 {
            return (index, between(&pair[0], &pair[1], along / stretch));
        }
        along -= stretch;
    }
    (way.len() - 2, way[way.len() - 1].clone())
}
