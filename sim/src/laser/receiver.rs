//! From the light that comes back to one range.
//!
//! Echoes that follow each other within the pulse's length melt into one, at a range between them: the mixed pixels
//! at edges (Tuley, Vandapel, Hebert, ICRA 2005). A weak echo is measured with more noise and a little late (range
//! walk), a dazzling one early, and one below the threshold not at all.

use super::trace::Echo;
use nightshift_core::random::Stream;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// Echoes nearer to each other than this are one, metres: a pulse of about 2 ns.
const PULSE_M: f64 = 0.3;
/// The first echo that has this share of the strongest one's power is taken.
const FIRST_SHARE: f64 = 0.5;
/// Standard deviation of a strong echo's range, metres.
const SIGMA_M: f64 = 0.006;
/// Power at which the noise's square has doubled. Powers are relative: 1 is a white wall (1.0) head-on at 5 m.
const NOISY_POWER: f64 = 0.25;
/// The largest standard deviation, metres.
const MOST_SIGMA_M: f64 = 0.05;
/// How much too far the weakest echo is measured, and the power at which half of that is left.
const WALK_M: f64 = 0.004;
const WALK_POWER: f64 = 0.1;
/// Below this power there is no echo: a surface of 2 % is lost at about 7 m.
const THRESHOLD: f64 = 0.01;
/// Standard deviation of the threshold, as a share of it.
const THRESHOLD_SIGMA: f64 = 0.2;
/// Above this power the receiver is dazzled: it measures early and badly, or not at all.
const DAZZLED: f64 = 25.0;
const DAZZLED_BIAS_M: f64 = -0.015;
const DAZZLED_SIGMA_M: f64 = 0.02;
const DAZZLED_INVALID: f64 = 0.3;
/// Share of beams that return nothing although something is there.
const LOST_SHARE: f64 = 0.004;

/// The receiver.
pub struct Receiver;

impl Receiver {
    /// The range that is told for what a spot sends back: infinite for none, NaN where the receiver is at a loss.
    /// Draws the same number of random values whatever it sees.
    pub fn range(echoes: &mut [Echo], stream: &mut Stream) -> f64 {
        let (lost, dazzled) = (stream.random::<f64>() < LOST_SHARE, stream.random::<f64>() < DAZZLED_INVALID);
        let (error, level): (f64, f64) = (StandardNormal.sample(stream), StandardNormal.sample(stream));
        let Some(Echo { range_m, power }) = heard(echoes).filter(|_| !lost) else { return f64::INFINITY };
        if power > DAZZLED {
            let range = range_m + DAZZLED_BIAS_M + DAZZLED_SIGMA_M * error;
            return if dazzled { f64::NAN } else { range };
        }
        if power < THRESHOLD * (1.0 + THRESHOLD_SIGMA * level) {
            return f64::INFINITY;
        }
        let sigma = (SIGMA_M * (1.0 + NOISY_POWER / power).sqrt()).min(MOST_SIGMA_M);
        range_m + WALK_M * WALK_POWER / (WALK_POWER + power) + sigma * error
    }
}

/// The echo that counts.
fn heard(echoes: &mut [Echo]) -> Option<Echo> {
    echoes.sort_by(|a, b| a.range_m.total_cmp(&b.range_m));
    let mut melted: Vec<(f64, Echo)> = Vec::with_capacity(echoes.len());
    for echo in echoes.iter() {
        match melted.last_mut() {
            Some((first_m, sum)) if echo.range_m - *first_m < PULSE_M => {
                let power = sum.power + echo.power;
                sum.range_m += (echo.range_m - sum.range_m) * echo.power / power;
                sum.power = power;
            }
            _ => melted.push((echo.range_m, *echo)),
        }
    }
    let most = melted.iter().map(|(_, echo)| echo.power).fold(0.0, f64::max);
    melted.into_iter().map(|(_, echo)| echo).find(|echo| echo.power >= FIRST_SHARE * most)
}
