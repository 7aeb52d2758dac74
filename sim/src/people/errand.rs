//! What people have in mind.

use super::route::Floor;
use nalgebra::{Point2, Vector2};
use nightshift_core::StationId;
use nightshift_core::describe::{Site, Station};
use nightshift_core::random::Stream;
use rand::Rng;
use std::f64::consts::PI;

/// What somebody does at the end of a way.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Stands about.
    Stand,
    /// Reaches out over a bench.
    Reach,
    /// Has a station open up, as the robot does, reaches in, and has it shut again.
    Use {
        /// Which.
        station: StationId,
        /// How long it is wanted, seconds.
        for_s: f64,
    },
    /// Pushes a piece of furniture a little, metres.
    Push {
        /// Which.
        furniture: String,
        /// Along the map's axes.
        by_m: [f64; 2],
    },
    /// Leaves a chair behind.
    LeaveChair,
    /// Turns the light off, for so many seconds.
    Dark {
        /// How long.
        for_s: f64,
    },
}

/// Somewhere to go, and something to do there.
#[derive(Clone, Debug, PartialEq)]
pub struct Errand {
    /// Where to.
    pub place: Point2<f64>,
    /// Which way to look there.
    pub facing: Option<f64>,
    /// What for.
    pub deed: Deed,
    /// How long, seconds.
    pub stay_s: f64,
}

/// What there is to do at a site.
#[derive(Clone, Debug)]
pub struct Agenda {
    /// Where one stands before each station, and which way the station is.
    stations: Vec<(Point2<f64>, f64)>,
    /// The same of those that have something to open.
    opening: Vec<(StationId, Point2<f64>, f64)>,
    /// Movable furniture and its middle: what stands on the floor and is no wall or pillar.
    movable: Vec<(String, Point2<f64>)>,
}

/// Furniture higher than this stays where it is, metres.
const HIGHEST_MOVED_M: f64 = 1.3;
/// How far somebody stands from the middle of what is pushed, metres.
const ARMS_LENGTH_M: f64 = 1.2;

impl Agenda {
    /// Of a site.
    pub fn of(site: &Site) -> Self {
        let before = |station: &Station| {
            let dock = station.pose * station.dock.docked;
            (Point2::new(dock.x(), dock.y()), dock.yaw())
        };
        let opens = |station: &&Station| station.machine.is_some() && !station.parts.is_empty();
        let opening = site.stations.values().filter(opens).map(|station| {
            let (place, facing) = before(station);
            (station.id.clone(), place, facing)
        });
        let movable = site.furniture.iter().filter(|shape| {
            let top = shape.pose.translation().z * 2.0;
            top < HIGHEST_MOVED_M && !shape.name.starts_with("wall")
        });
        let movable = movable.map(|shape| {
            let at = shape.pose.translation();
            (shape.name.clone(), Point2::new(at.x, at.y))
        });
        Self {
            stations: site.stations.values().map(before).collect(),
            opening: opening.collect(),
            movable: movable.collect(),
        }
    }

    /// The next thing to do.
    pub fn next(&self, floor: &Floor, stream: &mut Stream) -> Errand {
        let (kind, which, stay) = (stream.random::<f64>(), stream.random::<f64>(), stream.random::<f64>());
        let (turn, by) = (stream.random_range(-PI..PI), stream.random_range(0.01..0.05f64));
        let somewhere = floor.somewhere(stream, |_| true);
        let at_random = |count: usize| ((which * count as f64) as usize).min(count.saturating_sub(1));
        let stand = Errand { place: somewhere, facing: None, deed: Deed::Stand, stay_s: 1.0 + 4.0 * stay };
        match kind {
            // Half of all ways are just ways: crossing the room.
            k if k < 0.5 => Errand { stay_s: 0.5 + stay, ..stand },
            // Standing in a dock, in the robot's way.
            k if k < 0.65 && !self.stations.is_empty() => {
                let (place, facing) = self.stations[at_random(self.stations.len())];
                Errand { place, facing: Some(facing), deed: Deed::Stand, stay_s: 4.0 + 12.0 * stay }
            }
            k if k < 0.73 && !self.stations.is_empty() => {
                let (place, facing) = self.stations[at_random(self.stations.len())];
                Errand { place, facing: Some(facing), deed: Deed::Reach, stay_s: 3.0 + 6.0 * stay }
            }
            k if k < 0.8 && !self.opening.is_empty() => {
                let (station, place, facing) = self.opening[at_random(self.opening.len())].clone();
                // Asked for in the middle of the stay, and given back at its end.
                let for_s = 5.0 + 5.0 * stay;
                let deed = Deed::Use { station, for_s };
                Errand { place, facing: Some(facing), deed, stay_s: 2.0 * for_s }
            }
            k if k < 0.87 && !self.movable.is_empty() => {
                let (furniture, middle) = self.movable[at_random(self.movable.len())].clone();
                let away = Vector2::new(turn.cos(), turn.sin());
                let place = floor.near(&(middle + away * ARMS_LENGTH_M)).unwrap_or(somewhere);
                let by_m = [-away.x * by, -away.y * by];
                Errand { place, facing: None, deed: Deed::Push { furniture, by_m }, stay_s: 3.0 }
            }
            k if k < 0.93 => Errand { deed: Deed::LeaveChair, stay_s: 2.0, ..stand },
            k if k < 0.96 => Errand { deed: Deed::Dark { for_s: 5.0 + 20.0 * stay }, stay_s: 2.0, ..stand },
            _ => stand,
        }
    }
}
