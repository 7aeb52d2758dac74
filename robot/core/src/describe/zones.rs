//! Zones of a site's floor that the base obeys: where it must not go, must go slowly, or may go one way only, and the
//! passages that can be closed to it.

use super::{Problems, Reader};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Smaller zones are slips of the pen, m^2.
const LEAST_AREA_M2: f64 = 0.01;

/// What a zone asks of the base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// No part of the outline may enter.
    KeepOut,
    /// No faster than this while a part of the outline is within, m/s.
    Slow {
        /// In any direction, m/s.
        max_speed_m_s: f64,
    },
    /// The base's middle drives this way or across it, never against it.
    OneWay {
        /// In the map, counter-clockwise from its x axis, radians.
        heading_rad: f64,
    },
    /// A door or an aisle. While it is closed the base's middle does not enter it; a base that stands in it may leave.
    Passage {
        /// Whether a person has closed it.
        closed: bool,
    },
}

/// A zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// For people.
    pub name: String,
    /// What it asks.
    pub rule: Rule,
    /// Corners in order, in the map's frame, metres.
    pub polygon: Vec<[f64; 2]>,
}

impl Zone {
    /// Reads a file of zones alone.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(reader: &Reader<'_>, file: &str) -> Result<Vec<Self>, Problems> {
        let mut problems = Problems::default();
        let read = problems.read::<ZonesFile>(reader, file);
        let zones = read.map(|read| read.zones(file, &mut problems)).unwrap_or_default();
        if problems.0.is_empty() { Ok(zones) } else { Err(problems) }
    }

    /// Whether a point of the map lies within.
    pub fn contains(&self, [x, y]: [f64; 2]) -> bool {
        let mut inside = false;
        for [a, b] in edges(&self.polygon) {
            if (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0] {
                inside = !inside;
            }
        }
        inside
    }
}

fn edges(polygon: &[[f64; 2]]) -> impl Iterator<Item = [[f64; 2]; 2]> + '_ {
    polygon.iter().zip(polygon.iter().cycle().skip(1)).map(|(a, b)| [*a, *b])
}

/// `zones.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ZonesFile {
    #[serde(rename = "schema")]
    _schema: i64,
    #[serde(rename = "zone", default)]
    zones: Vec<ZoneText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ZoneText {
    name: String,
    kind: KindText,
    polygon: Vec<[f64; 2]>,
    max_speed_m_s: Option<f64>,
    heading_deg: Option<f64>,
    closed: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KindText {
    KeepOut,
    Slow,
    OneWay,
    Passage,
}

impl ZonesFile {
    /// The zones, and what is wrong with them.
    pub(super) fn zones(self, file: &str, problems: &mut Problems) -> Vec<Zone> {
        let mut names = BTreeSet::new();
        let zones = self.zones.into_iter().map(|zone| {
            let key = |field: &str| format!("zone.{}.{field}", zone.name);
            problems.check(names.insert(zone.name.clone()), file, key("name"), "is named twice");
            let mut only = |given: bool, field: &str, kind: KindText, of: &str| {
                let needed = zone.kind == kind;
                problems.check(
                    given || !needed,
                    file,
                    key(field),
                    format!("is missing; a zone of kind {of} needs it"),
                );
                problems.check(
                    !given || needed,
                    file,
                    key(field),
                    format!("is of no use: only a zone of kind {of} has it"),
                );
            };
            only(zone.max_speed_m_s.is_some(), "max_speed_m_s", KindText::Slow, "slow");
            only(zone.heading_deg.is_some(), "heading_deg", KindText::OneWay, "one-way");
            problems.check(
                zone.closed.is_none() || zone.kind == KindText::Passage,
                file,
                key("closed"),
                "is of no use: only a zone of kind passage has it",
            );
            let speed = zone.max_speed_m_s.unwrap_or(1.0);
            problems.check(
                speed > 0.0 && speed.is_finite(),
                file,
                key("max_speed_m_s"),
                format!("is {speed}: it must be positive; where the base must not go, the kind is keep-out"),
            );
            let heading_deg = zone.heading_deg.unwrap_or(0.0);
            problems.check(heading_deg.is_finite(), file, key("heading_deg"), "must be finite degrees");
            if let Err(reason) = check_polygon(&zone.polygon) {
                problems.add(file, key("polygon"), reason);
            }
            let rule = match zone.kind {
                KindText::KeepOut => Rule::KeepOut,
                KindText::Slow => Rule::Slow { max_speed_m_s: speed },
                KindText::OneWay => Rule::OneWay { heading_rad: heading_deg.to_radians() },
                KindText::Passage => Rule::Passage { closed: zone.closed.unwrap_or(false) },
            };
            Zone { rule, polygon: zone.polygon, name: zone.name }
        });
        zones.collect()
    }
}

fn check_polygon(polygon: &[[f64; 2]]) -> Result<(), String> {
    if polygon.len() < 3 {
        return Err(format!("has {} corners; an area has three and more", polygon.len()));
    }
    if polygon.iter().flatten().any(|v| !v.is_finite()) {
        return Err("has a corner that is not finite".to_owned());
    }
    let sides: Vec<_> = edges(polygon).collect();
    for (i, [a, b]) in sides.iter().enumerate() {
        if a == b {
            return Err(format!("has the corner {a:?} twice in a row"));
        }
        for (j, [c, d]) in sides.iter().enumerate().skip(i + 1) {
            let neighbours = j == i + 1 || (i == 0 && j + 1 == sides.len());
            if !neighbours && cross(a, b, c, d) {
                return Err(format!("crosses itself: the side {a:?} to {b:?} meets the side {c:?} to {d:?}"));
            }
        }
    }
    let area = sides.iter().map(|[a, b]| a[0] * b[1] - b[0] * a[1]).sum::<f64>().abs() / 2.0;
    if area < LEAST_AREA_M2 {
        return Err(format!("is {area:.4} m^2 large; zones have {LEAST_AREA_M2} m^2 and more"));
    }
    Ok(())
}

/// Whether two sides have a point in common.
fn cross(a: &[f64; 2], b: &[f64; 2], c: &[f64; 2], d: &[f64; 2]) -> bool {
    let side = |p: &[f64; 2], q: &[f64; 2], r: &[f64; 2]| {
        (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
    };
    let within = |p: &[f64; 2], q: &[f64; 2], r: &[f64; 2]| {
        (0..2).all(|axis| r[axis] >= p[axis].min(q[axis]) && r[axis] <= p[axis].max(q[axis]))
    };
    let (u, v, s, t) = (side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b));
    (u * v < 0.0 && s * t < 0.0)
        || (u == 0.0 && within(a, b, c))
        || (v == 0.0 && within(a, b, d))
        || (s == 0.0 && within(c, d, a))
        || (t == 0.0 && within(c, d, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Zone>, String> {
        let mut problems = Problems::default();
        let file = problems.parse::<ZonesFile>("zones.toml", &format!("schema = 1\n{text}"));
        let zones = file.map(|file| file.zones("zones.toml", &mut problems));
        if problems.0.is_empty() { Ok(zones.unwrap()) } else { Err(problems.to_string()) }
    }

    const SQUARE: &str = "polygon = [[0, 0], [2, 0], [2, 2], [0, 2]]";

    #[test]
    fn the_kinds_are_read_and_know_what_is_in_them() {
        let text = format!(
            "[[zone]]\nname = 'a'\nkind = 'keep-out'\n{SQUARE}\n[[zone]]\nname = 'b'\nkind = 'slow'\nmax_speed_m_s = 0.2\n{SQUARE}\n\
             [[zone]]\nname = 'c'\nkind = 'one-way'\nheading_deg = 90\npolygon = [[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]]\n\
             [[zone]]\nname = 'd'\nkind = 'passage'\n{SQUARE}\n[[zone]]\nname = 'e'\nkind = 'passage'\nclosed = true\n{SQUARE}"
        );
        let zones = read(&text).unwrap();
        assert_eq!(zones[0].rule, Rule::KeepOut);
        assert_eq!(zones[1].rule, Rule::Slow { max_speed_m_s: 0.2 });
        assert!(
            matches!(zones[2].rule, Rule::OneWay { heading_rad } if (heading_rad - std::f64::consts::FRAC_PI_2).abs() < 1e-12)
        );
        assert_eq!(
            [&zones[3], &zones[4]].map(|zone| zone.rule),
            [Rule::Passage { closed: false }, Rule::Passage { closed: true }]
        );
        assert!(zones[0].contains([1.0, 1.9]) && !zones[0].contains([2.1, 1.0]));
        // A notch is not within.
        assert!(
            !zones[2].contains([2.0, 2.0]) && zones[2].contains([0.5, 2.0]) && zones[2].contains([3.5, 2.0])
        );
    }

    #[test]
    fn each_slip_is_told_with_file_and_key() {
        let zone = |more: &str, polygon: &str| format!("[[zone]]\nname = 'a'\n{more}\npolygon = {polygon}\n");
        let square = "[[0, 0], [2, 0], [2, 2], [0, 2]]";
        let keep = "kind = 'keep-out'";
        for (text, words) in [
            (zone(keep, "[[0, 0], [2, 2], [2, 0], [0, 2]]"), "zones.toml: zone.a.polygon: crosses itself"),
            (zone(keep, "[[0, 0], [4, 0], [4, 4], [2, 0], [0, 4]]"), "crosses itself"),
            (zone(keep, "[[0, 0], [2, 0]]"), "has 2 corners"),
            (zone(keep, "[[0, 0], [2, 0], [nan, 1]]"), "not finite"),
            (zone(keep, "[[0, 0], [0, 0], [2, 0], [0, 2]]"), "twice in a row"),
            (zone(keep, "[[0, 0], [0.1, 0], [0, 0.1]]"), "m^2 large"),
            (zone("kind = 'slow'", square), "zone.a.max_speed_m_s: is missing"),
            (zone("kind = 'slow'\nmax_speed_m_s = 0", square), "the kind is keep-out"),
            (zone("kind = 'one-way'", square), "zone.a.heading_deg: is missing"),
            (zone("kind = 'keep-out'\nheading_deg = 3", square), "is of no use"),
            (zone("kind = 'slow'\nmax_speed_m_s = 1\nclosed = true", square), "zone.a.closed: is of no use"),
            (zone("kind = 'lava'", square), "lava"),
            (format!("{0}{0}", zone(keep, square)), "is named twice"),
            (zone("kind = 'slow'\nspeed = 1", square), "unknown field `speed`"),
        ] {
            let told = read(&text).unwrap_err();
            assert!(told.contains(words), "{text}: {told}");
        }
    }
}
