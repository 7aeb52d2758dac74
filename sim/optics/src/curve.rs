//! Functions of one number that every pixel asks for, as tables with straight lines between.

use std::sync::LazyLock;

/// A function over a range; beyond it, its value at the end.
pub(crate) struct Curve {
    low: f32,
    steps_per_unit: f32,
    /// Of each step: the value at its beginning, and the way to the next.
    steps: Vec<[f32; 2]>,
}

impl Curve {
    fn new(low: f32, high: f32, count: usize, of: impl Fn(f64) -> f64) -> Self {
        let at = |i: usize| of(f64::from(low) + f64::from(high - low) * i as f64 / count as f64);
        let values: Vec<f64> = (0..=count).map(at).collect();
        let step = |i: usize| [values[i] as f32, (values[(i + 1).min(count)] - values[i]) as f32];
        Self { low, steps_per_unit: count as f32 / (high - low), steps: (0..=count).map(step).collect() }
    }

    #[inline]
    pub fn at(&self, x: f32) -> f32 {
        // What is not a number gives the first.
        let place = ((x - self.low) * self.steps_per_unit).max(0.0).min((self.steps.len() - 1) as f32);
        let step = place as u32;
        let [from, way] = self.steps[step as usize];
        from + way * (place - step as f32)
    }
}

/// Linear light to a display value (IEC 61966-2-1).
pub(crate) fn display(linear: f64) -> f64 {
    let x = linear.clamp(0.0, 1.0);
    if x <= 0.003_130_8 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 }
}

/// `display` of light from 0 to 1, to a hundredth of a step of eight bits.
pub(crate) static DISPLAY: LazyLock<Curve> = LazyLock::new(|| Curve::new(0.0, 1.0, 8192, display));

/// A camera's curve: highlights roll off softly above four fifths of white.
pub(crate) static FILM: LazyLock<Curve> = LazyLock::new(|| {
    let rolled = |x: f64| if x > 0.8 { 0.8 + 0.2 * (1.0 - (-(x - 0.8) / 0.2).exp()) } else { x };
    Curve::new(0.0, 2.8, 16384, |x| display(rolled(x)))
});

/// A normally distributed number by a uniform one in 0..1, no farther from zero than 3.5 (one in two thousand would be).
pub(crate) static NORMAL: LazyLock<Curve> = LazyLock::new(|| Curve::new(0.0, 1.0, 2048, normal_below));

/// The value that a share of all normally distributed ones is below: where the distribution reaches it, by halving.
fn normal_below(share: f64) -> f64 {
    // The distribution by its series (Marsaglia 2004, "Evaluating the normal distribution").
    let below = |x: f64| {
        let (mut sum, mut term, mut i) = (x, x, 1.0);
        while term.abs() > 1e-9 {
            i += 2.0;
            term *= x * x / i;
            sum += term;
        }
        0.5 + sum * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
    };
    let (mut low, mut high) = (-3.5, 3.5);
    for _ in 0..24 {
        let middle = (low + high) / 2.0;
        if below(middle) < share { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_the_functions() {
        for i in 0..=10_000 {
            let x = f64::from(i) / 10_000.0;
            assert!((f64::from(DISPLAY.at(x as f32)) - display(x)).abs() < 4e-5, "{x}");
        }
        // Quantiles of the normal distribution.
        for (share, value) in [(0.5, 0.0), (0.841_344_7, 1.0), (0.977_249_9, 2.0), (0.001_349_9, -3.0)] {
            assert!((NORMAL.at(share) - value).abs() < 4e-3, "{share}: {}", NORMAL.at(share));
        }
        assert_eq!(FILM.at(f32::NAN), FILM.at(0.0));
        assert!(FILM.at(1e9) > 0.999 && FILM.at(-1.0) == 0.0);
    }

    #[test]
    fn noise_has_the_spread_of_a_normal_distribution() {
        let mut draws = crate::random::Draws::new(5, 0, 0);
        let all: Vec<f64> = (0..40_000).flat_map(|_| draws.normals(&NORMAL)).map(f64::from).collect();
        let mean = |f: &dyn Fn(f64) -> f64| all.iter().map(|x| f(*x)).sum::<f64>() / all.len() as f64;
        assert!(mean(&|x| x).abs() < 0.01);
        assert!((mean(&|x| x * x) - 1.0).abs() < 0.01);
        assert!((mean(&|x| x.powi(4)) - 3.0).abs() < 0.1);
    }
}
