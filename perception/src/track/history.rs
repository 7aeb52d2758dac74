//! How a content changes from look to look.

use crate::vessel::Phase;
use nightshift_core::Stamp;
use serde::Serialize;
use std::fmt;

/// What was read of a vessel in one look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// As [`crate::vessel::VesselSight::phases`].
    pub phases: Option<Vec<Phase>>,
    /// As [`crate::vessel::VesselSight::fill`].
    pub fill: Option<f64>,
}

/// What has become of a content.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A suspension or a foam has become a liquid.
    Settled,
    /// One liquid has become two layers.
    Separated,
    /// A solid has gone and a liquid is there.
    Dissolved,
    /// The level moves: shares of the height an hour, with its standard deviation.
    Level { per_hour: f64, sigma_per_hour: f64 },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settled => f.write_str("settled: what was cloudy or foam is clear"),
            Self::Separated => f.write_str("separated into two layers"),
            Self::Dissolved => f.write_str("dissolved: the solid is gone"),
            Self::Level { per_hour, sigma_per_hour } => {
                let [rate, sigma] = [per_hour, sigma_per_hour].map(|share| 100.0 * share);
                write!(f, "level {rate:+.1} % of the height an hour (sigma {sigma:.1})")
            }
        }
    }
}

/// Looks that are kept.
const KEPT: usize = 64;
/// Looks that tell a change: as many at the beginning as at the end.
const LEAST: usize = 3;
/// Of the looks at the beginning or at the end, the share that shows what is there, and that may show what is not.
const THERE: f64 = 0.75;
const NOT_THERE: f64 = 0.25;
/// A level moves where its slope is so many of its standard deviations.
const MOVES: f64 = 4.0;

/// The looks at one vessel, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    looks: Vec<(Stamp, Reading)>,
}

impl History {
    /// One look more. What is older than the last one is passed over.
    pub fn add(&mut self, stamp: Stamp, reading: Reading) {
        if self.looks.last().is_some_and(|(last, _)| *last >= stamp) {
            return;
        }
        if self.looks.len() == KEPT {
            // The first looks are what is compared with.
            self.looks.remove(KEPT / 2);
        }
        self.looks.push((stamp, reading));
    }

    /// All that has changed; looks in doubt tell nothing.
    pub fn changes(&self) -> Vec<Change> {
        let told: Vec<&[Phase]> = self
            .looks
            .iter()
            .filter_map(|(_, reading)| reading.phases.as_deref())
            .filter(|phases| !phases.is_empty())
            .collect();
        let mut changes = Vec::new();
        let part = (told.len() / 3).max(LEAST);
        if told.len() >= 2 * LEAST {
            let (before, after) = (&told[..part], &told[told.len() - part..]);
            let share = |some: &[&[Phase]], of: &[Phase]| {
                let with = some.iter().filter(|phases| phases.iter().any(|phase| of.contains(phase)));
                with.count() as f64 / some.len() as f64
            };
            let gone = |of: &[Phase]| share(before, of) >= THERE && share(after, of) <= NOT_THERE;
            let come = |of: &[Phase]| share(before, of) <= NOT_THERE && share(after, of) >= THERE;
            let liquid = [Phase::ClearLiquid, Phase::ColouredLiquid, Phase::TwoLayers];
            if gone(&[Phase::Suspension, Phase::Foam]) && share(after, &liquid) >= THERE {
                changes.push(Change::Settled);
            }
            if come(&[Phase::TwoLayers]) && share(before, &[Phase::Empty]) <= NOT_THERE {
                changes.push(Change::Separated);
            }
            if gone(&[Phase::Powder, Phase::Granules, Phase::SolidPiece]) && share(after, &liquid) >= THERE {
                changes.push(Change::Dissolved);
            }
        }
        changes.extend(self.level());
        changes
    }

    /// The slope of the level by least squares, where it is clear.
    fn level(&self) -> Option<Change> {
        let first = self.looks.first()?.0;
        let points: Vec<(f64, f64)> = self
            .looks
            .iter()
            .filter_map(|(stamp, reading)| Some((stamp.since(first) / 3600.0, reading.fill?)))
            .collect();
        let n = points.len() as f64;
        if points.len() < 2 * LEAST {
            return None;
        }
        let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / n, y + point.1 / n));
        let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
        if spread <= 0.0 {
            return None;
        }
        let per_hour = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>() / spread;
        let left: f64 = points.iter().map(|point| (point.1 - y - per_hour * (point.0 - x)).powi(2)).sum();
        // A reading is never better than a hundredth of the height.
        let each = (left / (n - 2.0)).sqrt().max(0.01);
        let sigma_per_hour = each / spread.sqrt();
        (per_hour.abs() > MOVES * sigma_per_hour).then_some(Change::Level { per_hour, sigma_per_hour })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Looked = (Option<&'static [Phase]>, Option<f64>);

    fn history(looks: &[Looked]) -> History {
        let mut history = History::default();
        for (index, (phases, fill)) in looks.iter().enumerate() {
            let reading = Reading { phases: phases.map(<[Phase]>::to_vec), fill: *fill };
            history.add(Stamp(index as u64 * 60_000_000_000), reading);
        }
        history
    }

    #[test]
    fn what_becomes_of_a_content_is_told_once_it_is_clear() {
        const CLOUDY: Option<&[Phase]> = Some(&[Phase::Suspension]);
        const CLEAR: Option<&[Phase]> = Some(&[Phase::ClearLiquid]);
        const DOUBT: Option<&[Phase]> = None;
        let settled: Vec<_> =
            [CLOUDY, CLOUDY, DOUBT, CLOUDY, CLEAR, DOUBT, CLEAR, CLEAR].map(|p| (p, Some(0.5))).into();
        assert_eq!(history(&settled).changes(), [Change::Settled]);
        // One look that says so does not make it so.
        let flicker: Vec<_> =
            [CLOUDY, CLOUDY, CLOUDY, CLEAR, CLOUDY, CLOUDY, CLOUDY].map(|p| (p, None)).into();
        assert_eq!(history(&flicker).changes(), []);
        assert_eq!(history(&settled[..5]).changes(), []);
        const LAYERS: Option<&[Phase]> = Some(&[Phase::TwoLayers]);
        let separated: Vec<_> = [CLEAR, CLEAR, CLEAR, LAYERS, LAYERS, LAYERS].map(|p| (p, None)).into();
        assert_eq!(history(&separated).changes(), [Change::Separated]);
        const POWDER: Option<&[Phase]> = Some(&[Phase::Powder, Phase::ClearLiquid]);
        let dissolved: Vec<_> = [POWDER, POWDER, POWDER, CLEAR, CLEAR, CLEAR].map(|p| (p, None)).into();
        assert_eq!(history(&dissolved).changes(), [Change::Dissolved]);
    }

    #[test]
    fn a_level_that_falls_is_told_from_one_that_is_read_unevenly() {
        const LIQUID: Option<&[Phase]> = Some(&[Phase::ClearLiquid]);
        let noise = [0.012, -0.009, 0.004, -0.013, 0.008, 0.001, -0.006, 0.011, -0.002, -0.007];
        let looks = |slope: f64| -> Vec<Looked> {
            noise.iter().enumerate().map(|(i, n)| (LIQUID, Some(0.8 + slope * i as f64 + n))).collect()
        };
        assert_eq!(history(&looks(0.0)).changes(), []);
        let changes = history(&looks(-0.02)).changes();
        let [Change::Level { per_hour, sigma_per_hour }] = changes[..] else { panic!("{changes:?}") };
        // 0.02 of the height a minute.
        assert!(
            (per_hour + 1.2).abs() < 3.0 * sigma_per_hour && sigma_per_hour < 0.2,
            "{per_hour} {sigma_per_hour}"
        );
    }

    #[test]
    fn what_comes_late_is_passed_over_and_the_first_looks_are_kept() {
        let mut history = History::default();
        for second in 0..200u64 {
            let phase = if second < 20 { Phase::Suspension } else { Phase::ClearLiquid };
            history.add(Stamp(second * 1_000_000_000), Reading { phases: Some(vec![phase]), fill: None });
            history.add(Stamp(0), Reading { phases: Some(vec![Phase::Foam]), fill: None });
        }
        assert_eq!(history.looks.len(), KEPT);
        assert_eq!(history.changes(), [Change::Settled]);
    }
}
