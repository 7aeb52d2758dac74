//! The site's zones, as the costmap, the planner and the drive ask about them.

use crate::footprint::Footprint;
use nalgebra::{Isometry2, Point2};
use nightshift_core::describe::{Rule, Zone};
use nightshift_core::grid::OccupancyGrid;

/// A leg is looked at so finely, metres.
const STEP_M: f64 = 0.05;
/// A way is against a one-way zone where its direction is more than this against the zone's: the cosine of 107 degrees.
const AGAINST: f64 = -0.3;

/// A slow zone and its speed, m/s.
fn slow(zone: &Zone) -> Option<(&Zone, f64)> {
    match zone.rule {
        Rule::Slow { max_speed_m_s } => Some((zone, max_speed_m_s)),
        Rule::KeepOut | Rule::OneWay { .. } | Rule::Passage { .. } => None,
    }
}

/// The first zone of a kind that each cell lies in, counted from one; empty where there is no such zone.
fn first_of_cells(grid: &OccupancyGrid, zones: &[Zone], is: impl Fn(&Rule) -> bool) -> Vec<u16> {
    if !zones.iter().any(|zone| is(&zone.rule)) {
        return Vec::new();
    }
    let of = |index: usize| {
        let center = grid.center(index % grid.width, index / grid.width);
        zones.iter().position(|zone| is(&zone.rule) && zone.contains(center))
    };
    (0..grid.cells.len()).map(|index| of(index).map_or(0, |zone| zone as u16 + 1)).collect()
}

/// All zones of a site.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    zones: Vec<Zone>,
    /// The keep-out zone of each cell of the map, counted from one; empty where there is none.
    kept_out: Vec<u16>,
    /// The speed that is allowed to a base whose middle is in a cell, m/s; empty where no zone is slow.
    allowed_m_s: Vec<f32>,
    /// The passage of each cell, counted from one; empty where there is none.
    passage: Vec<u16>,
    /// The same of one-way zones.
    one_way: Vec<u16>,
}

/// A passage of a site, by its place among all zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Passage(usize);

impl Zones {
    /// Over a map.
    pub fn new(grid: &OccupancyGrid, zones: &[Zone]) -> Self {
        let kept_out = first_of_cells(grid, zones, |rule| matches!(rule, Rule::KeepOut));
        let one_way = first_of_cells(grid, zones, |rule| matches!(rule, Rule::OneWay { .. }));
        let passage = first_of_cells(grid, zones, |rule| matches!(rule, Rule::Passage { .. }));
        let slow: Vec<(&Zone, f64)> = zones.iter().filter_map(slow).collect();
        let mut allowed_m_s = Vec::new();
        if !slow.is_empty() {
            let of = |index: usize| {
                let center = grid.center(index % grid.width, index / grid.width);
                let within = slow.iter().filter(|(zone, _)| zone.contains(center));
                within.map(|(_, speed)| *speed).fold(f64::INFINITY, f64::min) as f32
            };
            allowed_m_s = (0..grid.cells.len()).map(of).collect();
        }
        Self { zones: zones.to_vec(), kept_out, allowed_m_s, passage, one_way }
    }

    /// Whether any cell is kept out.
    pub fn keep_out(&self) -> bool {
        !self.kept_out.is_empty()
    }

    /// The keep-out zone that a cell lies in.
    pub fn kept_out(&self, index: usize) -> Option<&Zone> {
        self.zones.get(usize::from(*self.kept_out.get(index)?).checked_sub(1)?)
    }

    /// The speed that is allowed at a pose, m/s; none where any is.
    pub fn speed_limit(&self, footprint: &Footprint, pose: &Isometry2<f64>) -> Option<f64> {
        let slow = self.zones.iter().filter_map(slow);
        let mut points = None;
        slow.filter(|(zone, _)| {
            // Corners, and the middle: a zone that is smaller than the base and between them slows nobody.
            let points = points.get_or_insert_with(|| {
                let corners = footprint.corners().iter().map(|corner| pose * corner);
                corners.chain([Point2::from(pose.translation.vector)]).collect::<Vec<_>>()
            });
            points.iter().any(|point| zone.contains([point.x, point.y]))
        })
        .map(|(_, speed)| speed)
        .min_by(f64::total_cmp)
    }

    /// Whether any zone is slow.
    pub fn slow(&self) -> bool {
        !self.allowed_m_s.is_empty()
    }

    /// How many times as long a way takes at a pose than without slow zones, for a base whose fastest axis does `fastest_m_s`:
    /// all of its speed is cut alike.
    pub fn slowness(&self, footprint: &Footprint, pose: &Isometry2<f64>, fastest_m_s: f64) -> f64 {
        if !self.slow() {
            return 1.0;
        }
        self.speed_limit(footprint, pose).map_or(1.0, |limit| (fastest_m_s / limit).max(1.0))
    }

    /// The same for a base of any outline whose middle is in a cell.
    pub fn least_slowness(&self, cell: usize, fastest_m_s: f64) -> f64 {
        self.allowed_m_s.get(cell).map_or(1.0, |limit| (fastest_m_s / f64::from(*limit)).max(1.0))
    }

    /// The one-way zone that a straight leg drives against.
    pub fn against(&self, from: &Isometry2<f64>, to: &Isometry2<f64>) -> Option<&Zone> {
        let way = to.translation.vector - from.translation.vector;
        let length = way.norm();
        // A turn on the spot goes nowhere.
        if length < 1e-6 {
            return None;
        }
        self.zones.iter().find(|zone| {
            let Rule::OneWay { heading_rad } = zone.rule else { return false };
            let (sin, cos) = heading_rad.sin_cos();
            let steps = (length / STEP_M).ceil() as usize;
            let at = |step: usize| from.translation.vector + way * (step as f64 / steps as f64);
            (way.x * cos + way.y * sin) < AGAINST * length
                && (0..=steps).map(at).any(|place| zone.contains([place.x, place.y]))
        })
    }

    /// Whether a way in this direction is against the one-way zone that a cell lies in.
    pub fn is_against(&self, cell: usize, direction: [f64; 2]) -> bool {
        let zone = self.one_way.get(cell).and_then(|zone| self.zones.get(usize::from(*zone).checked_sub(1)?));
        zone.is_some_and(|zone| match zone.rule {
            Rule::OneWay { heading_rad } => {
                let (sin, cos) = heading_rad.sin_cos();
                direction[0] * cos + direction[1] * sin < AGAINST * direction[0].hypot(direction[1])
            }
            Rule::KeepOut | Rule::Slow { .. } | Rule::Passage { .. } => false,
        })
    }

    /// The passages that the site's file has closed.
    pub fn closed(&self) -> impl Iterator<Item = Passage> {
        let closed = |zone: &Zone| matches!(zone.rule, Rule::Passage { closed: true });
        (0..self.zones.len()).filter(move |index| closed(&self.zones[*index])).map(Passage)
    }

    /// The passage of a name.
    pub fn passage(&self, name: &str) -> Option<Passage> {
        let is = |zone: &Zone| matches!(zone.rule, Rule::Passage { .. }) && zone.name == name;
        self.zones.iter().position(is).map(Passage)
    }

    /// The passage that a point of the map lies in.
    pub fn passage_at(&self, [x, y]: [f64; 2]) -> Option<Passage> {
        let is = |zone: &Zone| matches!(zone.rule, Rule::Passage { .. }) && zone.contains([x, y]);
        self.zones.iter().position(is).map(Passage)
    }

    /// The passage that a cell lies in.
    pub fn passage_of(&self, cell: usize) -> Option<Passage> {
        usize::from(*self.passage.get(cell)?).checked_sub(1).map(Passage)
    }

    /// A passage's name.
    pub fn name(&self, passage: Passage) -> &str {
        &self.zones[passage.0].name
    }

    /// Whether a straight leg comes into a passage from outside.
    pub fn enters(&self, passage: Passage, from: &Isometry2<f64>, to: &Isometry2<f64>) -> bool {
        let zone = &self.zones[passage.0];
        let way = to.translation.vector - from.translation.vector;
        let steps = (way.norm() / STEP_M).ceil().max(1.0) as usize;
        let at = |step: usize| from.translation.vector + way * (step as f64 / steps as f64);
        let within = |step| zone.contains([at(step).x, at(step).y]);
        !within(0) && (1..=steps).any(within)
    }

    /// The passages that a path leads into, in its order.
    pub fn entered<'a>(&'a self, path: &'a [Isometry2<f64>]) -> impl Iterator<Item = Passage> + 'a {
        let passages =
            (0..self.zones.len()).filter(|index| matches!(self.zones[*index].rule, Rule::Passage { .. }));
        let passages: Vec<Passage> = passages.map(Passage).collect();
        path.windows(2).flat_map(move |pair| {
            let entered = passages.clone().into_iter();
            entered.filter(|passage| self.enters(*passage, &pair[0], &pair[1])).collect::<Vec<_>>()
        })
    }

    /// Names of the one-way zones.
    pub fn one_way(&self) -> impl Iterator<Item = &str> {
        self.zones
            .iter()
            .filter(|zone| matches!(zone.rule, Rule::OneWay { .. }))
            .map(|zone| zone.name.as_str())
    }
}
