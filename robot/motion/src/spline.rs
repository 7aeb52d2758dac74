//! A cubic spline through evenly spaced points of joint space.

use crate::path::PathPoint;

/// Twice continuously differentiable, parameter 0 to 1. The second derivatives at its ends are those of the parabola
/// fitted to the points there, so that a smooth row of points gives no ripple at the ends.
#[derive(Clone, Debug)]
pub(crate) struct Spline {
    points: Vec<Vec<f64>>,
    /// Second derivatives at the points.
    moments: Vec<Vec<f64>>,
    step: f64,
}

impl Spline {
    /// Through at least four points.
    pub(crate) fn new(points: Vec<Vec<f64>>) -> Self {
        assert!(points.len() >= 4, "a spline needs four points");
        let last = points.len() - 1;
        let step = 1.0 / last as f64;
        let joints = points[0].len();
        let mut moments = vec![vec![0.0; joints]; points.len()];
        for joint in 0..joints {
            let p = |index: usize| points[index][joint];
            let end = |a: f64, b: f64, c: f64, d: f64| (2.0 * a - 5.0 * b + 4.0 * c - d) / (step * step);
            let first = end(p(0), p(1), p(2), p(3));
            let final_one = end(p(last), p(last - 1), p(last - 2), p(last - 3));
            // The tridiagonal system m[i-1] + 4 m[i] + m[i+1] = r[i], solved by elimination (Thomas).
            let (mut lead, mut right) = (vec![0.0; last], vec![0.0; last]);
            for i in 1..last {
                let mut r = 6.0 * (p(i - 1) - 2.0 * p(i) + p(i + 1)) / (step * step);
                if i == 1 {
                    r -= first;
                }
                if i + 1 == last {
                    r -= final_one;
                }
                let pivot = 4.0 - lead[i - 1];
                lead[i] = 1.0 / pivot;
                right[i] = (r - right[i - 1]) / pivot;
            }
            moments[0][joint] = first;
            moments[last][joint] = final_one;
            let mut next = 0.0;
            for i in (1..last).rev() {
                next = right[i] - lead[i] * next;
                moments[i][joint] = next;
            }
        }
        Self { points, moments, step }
    }

    pub(crate) fn intervals(&self) -> usize {
        self.points.len() - 1
    }

    pub(crate) fn end(&self) -> &[f64] {
        &self.points[self.points.len() - 1]
    }

    pub(crate) fn at(&self, u: f64) -> PathPoint {
        let h = self.step;
        let index = ((u / h) as usize).min(self.points.len() - 2);
        let b = (u - index as f64 * h) / h;
        let a = 1.0 - b;
        let each = |value: &dyn Fn(f64, f64, f64, f64) -> f64| -> Vec<f64> {
            (0..self.points[0].len())
                .map(|j| {
                    let (p, m) = (&self.points, &self.moments);
                    value(p[index][j], p[index + 1][j], m[index][j], m[index + 1][j])
                })
                .collect()
        };
        PathPoint {
            q: each(&|p0, p1, m0, m1| {
                a * p0 + b * p1 + ((a.powi(3) - a) * m0 + (b.powi(3) - b) * m1) * h * h / 6.0
            }),
            first: each(&|p0, p1, m0, m1| {
                (p1 - p0) / h + ((3.0 * b * b - 1.0) * m1 - (3.0 * a * a - 1.0) * m0) * h / 6.0
            }),
            second: each(&|_, _, m0, m1| a * m0 + b * m1),
            third: each(&|_, _, m0, m1| (m1 - m0) / h),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(u: f64) -> Vec<f64> {
        vec![(2.0 * u).sin(), u * u * u - u, 0.5]
    }

    #[test]
    fn it_follows_a_smooth_curve_with_its_derivatives() {
        let count = 40;
        let spline = Spline::new((0..=count).map(|k| curve(f64::from(k) / f64::from(count))).collect());
        for k in 0..=1000 {
            let u = f64::from(k) / 1000.0;
            let at = spline.at(u);
            let derivatives = [
                (at.q, curve(u), 1e-6),
                (at.first, vec![2.0 * (2.0 * u).cos(), 3.0 * u * u - 1.0, 0.0], 1e-4),
                (at.second, vec![-4.0 * (2.0 * u).sin(), 6.0 * u, 0.0], 1e-2),
                (at.third, vec![-8.0 * (2.0 * u).cos(), 6.0, 0.0], 0.6),
            ];
            for (order, (told, true_one, tolerance)) in derivatives.iter().enumerate() {
                let far = told.iter().zip(true_one).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(far < *tolerance, "derivative {order} at {u}: {told:?} for {true_one:?}");
            }
        }
        assert_eq!(spline.end(), curve(1.0));
    }
}
