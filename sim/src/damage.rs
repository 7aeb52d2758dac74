//! What harms a vial: too hard a squeeze, too hard a knock, a pull on its cap.
//!
//! Forces are those of a solver whose contacts are soft over two milliseconds, so a peak of one step says nothing of
//! glass; what counts is the force over `FORCE_TIME_S`. Knocks are judged by the speed at which things meet, as a fall from a height.

use nightshift_core::describe::Vial;

/// Time constant of the force that counts, seconds.
const FORCE_TIME_S: f64 = 0.005;
/// Standard gravity, m/s^2.
const GRAVITY: f64 = 9.81;

/// What a vial bears, and what it has borne.
#[derive(Clone, Debug, PartialEq)]
pub struct Damage {
    breaks_at_n: f64,
    breaks_at_m_s: f64,
    cap_off_at_m_s: f64,
    cap_holds_n: f64,
    squeeze_n: f64,
    pull_n: f64,
    /// The largest force on its wall so far, N.
    pub peak_squeeze_n: f64,
    push_n: f64,
    /// The largest push up along its axis so far, of what it stands on or is pressed against, N: its weight is in it.
    pub peak_push_n: f64,
    /// What broke it.
    pub broken: Option<String>,
    /// What took its cap off.
    pub cap_off: Option<String>,
}

/// The forces on a vial in one step of physics, N.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Of each finger's pad on the glass or the cap.
    pub fingers: [f64; 2],
    /// Of everything else, summed: what is wedged is pressed from two sides.
    pub others: f64,
    /// On the cap, along the vial's axis, upward.
    pub on_cap: f64,
    /// Of everything but fingers on glass and cap, along the vial's axis, upward.
    pub push: f64,
}

/// How fast something is that fell so far, m/s.
pub fn speed_after(fall_m: f64) -> f64 {
    (2.0 * GRAVITY * fall_m).sqrt()
}

impl Damage {
    /// A vial as new.
    pub fn new(vial: &Vial, open: bool) -> Self {
        Self {
            breaks_at_n: vial.breaks_at_n(),
            breaks_at_m_s: speed_after(vial.vessel.survives_fall_m),
            cap_off_at_m_s: speed_after(vial.vessel.cap_survives_fall_m),
            cap_holds_n: vial.vessel.cap_holds_n,
            squeeze_n: 0.0,
            pull_n: 0.0,
            peak_squeeze_n: 0.0,
            push_n: 0.0,
            peak_push_n: 0.0,
            broken: None,
            cap_off: open.then(|| "stood open from the start".to_owned()),
        }
    }

    /// The force on its wall that counts, N.
    pub fn squeeze_n(&self) -> f64 {
        self.squeeze_n
    }

    /// Bears a load for `dt` seconds. Answers what it did, in words, where it did something.
    pub fn bear(&mut self, dt: f64, load: &Load) -> Option<String> {
        let squeeze_n = load.fingers[0].max(load.fingers[1]).max(load.others / 2.0);
        if squeeze_n == 0.0 && self.squeeze_n < 1e-6 && self.pull_n.abs() < 1e-6 && self.push_n < 1e-6 {
            return None;
        }
        let share = dt / (dt + FORCE_TIME_S);
        self.squeeze_n += share * (squeeze_n - self.squeeze_n);
        self.pull_n += share * (load.on_cap - self.pull_n);
        self.peak_squeeze_n = self.peak_squeeze_n.max(self.squeeze_n);
        self.push_n += share * (load.push - self.push_n);
        self.peak_push_n = self.peak_push_n.max(self.push_n);
        if self.squeeze_n > self.breaks_at_n && self.broken.is_none() {
            return Some(self.break_by(format!(
                "squeezed with {:.1} N, it bears {:.1} N",
                self.squeeze_n, self.breaks_at_n
            )));
        }
        if self.pull_n > self.cap_holds_n && self.cap_off.is_none() {
            return Some(
                self.uncap_by(format!(
                    "pulled with {:.1} N, it holds {:.1} N",
                    self.pull_n, self.cap_holds_n
                )),
            );
        }
        None
    }

    /// Meets something hard at a speed. Answers what that did, in words, where it did something.
    pub fn knock(&mut self, other: &str, speed_m_s: f64) -> Option<String> {
        let words = |bears: f64| format!("met {other} at {speed_m_s:.2} m/s, it bears {bears:.2} m/s");
        if speed_m_s > self.breaks_at_m_s && self.broken.is_none() {
            return Some(self.break_by(words(self.breaks_at_m_s)));
        }
        if speed_m_s > self.cap_off_at_m_s && self.cap_off.is_none() {
            return Some(self.uncap_by(words(self.cap_off_at_m_s)));
        }
        None
    }

    fn break_by(&mut self, cause: String) -> String {
        let words = format!("breaks: {cause}");
        self.broken = Some(cause);
        words
    }

    fn uncap_by(&mut self, cause: String) -> String {
        let words = format!("loses its cap: {cause}");
        self.cap_off = Some(cause);
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::site;

    fn fresh() -> Damage {
        Damage::new(&site().catalogue.vials[&"vial_10ml".into()], false)
    }

    #[test]
    fn glass_bears_its_types_force_and_a_spike_of_one_step_is_none() {
        let mut vial = fresh();
        let load = |n: f64| Load { fingers: [n, n], ..Load::default() };
        assert_eq!(vial.bear(0.001, &load(60.0)), None);
        for _ in 0..1000 {
            assert_eq!(vial.bear(0.001, &load(14.9)), None);
        }
        let words: Vec<String> = (0..1000).filter_map(|_| vial.bear(0.001, &load(15.5))).collect();
        assert_eq!(words.len(), 1, "{words:?}");
        assert!(words[0].starts_with("breaks: squeezed with 15."), "{words:?}");
        assert!((vial.peak_squeeze_n - 15.5).abs() < 0.01);
    }

    #[test]
    fn a_harder_knock_breaks_what_a_softer_one_uncaps() {
        let mut vial = fresh();
        assert_eq!(vial.knock("floor", 0.9), None);
        assert!(vial.knock("floor", 1.2).is_some_and(|words| words.starts_with("loses its cap")));
        assert_eq!(vial.knock("floor", 1.2), None);
        assert!(vial.knock("floor", 1.6).is_some_and(|words| words.starts_with("breaks: met floor at 1.60")));
        let mut pulled = fresh();
        let pull = Load { fingers: [12.0; 2], on_cap: 22.0, ..Load::default() };
        let words: Vec<String> = (0..100).filter_map(|_| pulled.bear(0.001, &pull)).collect();
        assert_eq!(words.len(), 1);
        assert!(pulled.cap_off.is_some() && pulled.broken.is_none());
    }
}
