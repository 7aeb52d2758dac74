//! Whether the base keeps to the site's zones, by the simulator's truth.

use nalgebra::{Isometry2, Point2};
use nightshift_core::Stamp;
use nightshift_core::describe::{Rule, Zone};

/// Speeds and directions are taken over so long, seconds: single steps shake.
const OVER_S: f64 = 0.2;
/// The base knows where it is to this, and no better, metres.
const KNOWN_M: f64 = 0.03;
/// Faster than a slow zone says by more than this is too fast, m/s.
const SLACK_M_S: f64 = 0.03;
/// Slower than this goes nowhere, m/s.
const STILL_M_S: f64 = 0.02;
/// As the planner has it: against a one-way zone is more than 107 degrees off its heading.
const AGAINST: f64 = -0.3;

/// Follows the base from zone to zone.
pub struct ZoneWatch {
    zones: Vec<Zone>,
    /// Of the base, in its frame, metres.
    outline: Vec<Point2<f64>>,
    before: Option<(Stamp, Isometry2<f64>)>,
}

impl ZoneWatch {
    /// For a base with this outline, metres.
    pub fn new(zones: &[Zone], outline: &[[f64; 2]]) -> Self {
        Self {
            zones: zones.to_vec(),
            outline: outline.iter().map(|c| Point2::from(*c)).collect(),
            before: None,
        }
    }

    /// Whether it is time to look again.
    pub fn is_due(&self, now: Stamp) -> bool {
        !self.zones.is_empty() && self.before.is_none_or(|(since, _)| now.since(since) >= OVER_S)
    }

    /// What is broken by the base's being here now.
    pub fn broken(&mut self, now: Stamp, pose: &Isometry2<f64>) -> Vec<String> {
        let Some((since, before)) = self.before.replace((now, *pose)) else { return Vec::new() };
        let seconds = now.since(since);
        self.zones.iter().filter_map(|zone| self.breach(zone, &before, pose, seconds)).collect()
    }

    fn breach(
        &self,
        zone: &Zone,
        before: &Isometry2<f64>,
        pose: &Isometry2<f64>,
        seconds: f64,
    ) -> Option<String> {
        let way = pose.translation.vector - before.translation.vector;
        let within = |pose: &Isometry2<f64>, point: &Point2<f64>| {
            let at = pose * point;
            zone.contains([at.x, at.y])
        };
        let name = &zone.name;
        match zone.rule {
            Rule::KeepOut => {
                // The outline drawn in by what the base cannot know.
                let inner = self
                    .outline
                    .iter()
                    .map(|c| c - c.coords.normalize() * (KNOWN_M * std::f64::consts::SQRT_2));
                let inner: Vec<Point2<f64>> = inner.collect();
                let corner = inner.iter().any(|c| within(pose, c));
                let covered = zone
                    .polygon
                    .iter()
                    .any(|[x, y]| is_inside(&inner, &pose.inverse_transform_point(&Point2::new(*x, *y))));
                (corner || covered).then(|| format!("the base is in the keep-out zone {name}"))
            }
            Rule::Slow { max_speed_m_s } => {
                let corners = self.outline.iter().filter(|c| within(pose, c) && within(before, c));
                let speeds = corners.map(|c| (pose * c - before * c).norm() / seconds);
                let fastest = speeds.max_by(f64::total_cmp)?;
                // A turn moves corners that the zone's speed is not meant for: what the middle does counts.
                let middle = way.norm() / seconds;
                (middle.min(fastest) > max_speed_m_s + SLACK_M_S).then(|| {
                    format!("the base is faster in the slow zone {name} than its {max_speed_m_s} m/s")
                })
            }
            Rule::OneWay { heading_rad } => {
                let middle = Point2::origin();
                let along = way.x * heading_rad.cos() + way.y * heading_rad.sin();
                let against = way.norm() > STILL_M_S * seconds && along < (AGAINST - 0.1) * way.norm();
                (against && within(pose, &middle) && within(before, &middle))
                    .then(|| format!("the base goes against the one-way zone {name}"))
            }
            Rule::Passage { closed } => {
                let middle = Point2::origin();
                let entered = within(pose, &middle) && !within(before, &middle);
                (closed && entered).then(|| format!("the base goes into the closed passage {name}"))
            }
        }
    }
}

/// Whether a point is within a convex outline, whichever way its corners go round.
fn is_inside(outline: &[Point2<f64>], point: &Point2<f64>) -> bool {
    let sides = outline.iter().zip(outline.iter().cycle().skip(1)).map(|(a, b)| (b - a).perp(&(point - a)));
    let (mut left, mut right) = (false, false);
    for side in sides {
        left |= side > 0.0;
        right |= side < 0.0;
    }
    !(left && right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector2;

    fn watch(rule: Rule) -> ZoneWatch {
        let polygon = vec![[1.0, -1.0], [3.0, -1.0], [3.0, 1.0], [1.0, 1.0]];
        let zone = Zone { name: "z".into(), rule, polygon };
        ZoneWatch::new(&[zone], &[[0.4, 0.3], [-0.4, 0.3], [-0.4, -0.3], [0.4, -0.3]])
    }

    /// What is broken on the way from one x to another within a second.
    fn drive(rule: Rule, from: f64, to: f64) -> usize {
        let mut watch = watch(rule);
        let at = |i: u32| Isometry2::new(Vector2::new(from + (to - from) * f64::from(i) / 50.0, 0.0), 0.0);
        let looks = (0..=50).map(|i| (Stamp::from_seconds(1.0 + f64::from(i) * 0.02), at(i)));
        looks.map(|(now, pose)| if watch.is_due(now) { watch.broken(now, &pose).len() } else { 0 }).sum()
    }

    #[test]
    fn each_rule_is_broken_by_what_breaks_it_and_by_nothing_else() {
        assert_eq!(drive(Rule::KeepOut, 0.0, 0.55), 0);
        assert!(drive(Rule::KeepOut, 0.3, 0.8) > 0);
        let slow = Rule::Slow { max_speed_m_s: 0.2 };
        assert_eq!(drive(slow, 1.5, 1.7), 0);
        assert!(drive(slow, 1.5, 2.0) > 0);
        assert_eq!(drive(slow, -2.0, -1.0), 0);
        let east = Rule::OneWay { heading_rad: 0.0 };
        assert_eq!(drive(east, 1.5, 2.5), 0);
        assert!(drive(east, 2.5, 1.5) > 0);
        assert_eq!(drive(east, 0.5, -0.5), 0);
    }

    #[test]
    fn a_small_zone_below_the_base_is_entered_too() {
        let polygon = vec![[0.0, 0.0], [0.1, 0.0], [0.1, 0.1]];
        let zone = Zone { name: "z".into(), rule: Rule::KeepOut, polygon };
        let mut watch = ZoneWatch::new(&[zone], &[[0.4, 0.3], [-0.4, 0.3], [-0.4, -0.3], [0.4, -0.3]]);
        let _ = watch.broken(Stamp::from_seconds(1.0), &Isometry2::identity());
        assert_eq!(watch.broken(Stamp::from_seconds(2.0), &Isometry2::identity()).len(), 1);
    }
}
