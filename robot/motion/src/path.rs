//! A path through joint space without time, and how fast it may be followed.

/// A point of a path with its derivatives by the path's parameter.
#[derive(Clone, Debug)]
pub(crate) struct PathPoint {
    pub(crate) q: Vec<f64>,
    pub(crate) first: Vec<f64>,
    pub(crate) second: Vec<f64>,
    pub(crate) third: Vec<f64>,
}

/// A stretch of a path and what its parameter may do on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Zone {
    pub(crate) length: f64,
    pub(crate) velocity: f64,
    /// Unused on a steady stretch, like the jerk.
    pub(crate) acceleration: f64,
    pub(crate) jerk: f64,
    /// To be crossed at one speed.
    pub(crate) steady: bool,
}

/// A path with a bounded third derivative, parameter from zero to the sum of its zones' lengths.
pub(crate) trait Path {
    fn at(&self, s: f64) -> PathPoint;
    /// Its last point, to the last bit.
    fn end(&self) -> &[f64];
    fn zones(&self) -> &[Zone];
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Path;

    /// Each derivative is the slope of the one before; no jump but in the third.
    pub(crate) fn is_smooth(path: &impl Path) {
        let length: f64 = path.zones().iter().map(|zone| zone.length).sum();
        let h = 1e-5 * length;
        for k in 1..400 {
            let s = length * f64::from(k) / 400.0;
            let (before, here, after) = (path.at(s - h), path.at(s), path.at(s + h));
            for i in 0..here.q.len() {
                let steepest = before.third[i].abs().max(after.third[i].abs()) + 1.0;
                let pairs = [
                    ((after.q[i] - before.q[i]) / (2.0 * h), here.first[i]),
                    ((after.first[i] - before.first[i]) / (2.0 * h), here.second[i]),
                ];
                for (slope, told) in pairs {
                    assert!(
                        (slope - told).abs() < 2.0 * h * steepest + 1e-6,
                        "{slope} is told as {told} at {s}"
                    );
                }
                let jump = (after.second[i] - before.second[i]).abs();
                assert!(jump < 4.0 * h * steepest, "the second derivative jumps by {jump} at {s}");
            }
        }
    }
}
