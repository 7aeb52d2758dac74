//! The ways between a site's stations, each the planner's own: which there are, how long, and through which passages.

use crate::costmap::Costmap;
use crate::planner::{Motion, Obstruction, plan};
use nightshift_core::StationId;
use nightshift_core::describe::Site;

/// From one station's staging pose to another's.
#[derive(Clone, Debug)]
pub struct Route {
    /// Where it begins; none for where the robot is switched on.
    pub from: Option<StationId>,
    /// Where it ends.
    pub to: StationId,
    /// The way, or why there is none.
    pub way: Result<Way, Obstruction>,
}

/// How far and through what.
#[derive(Clone, Debug)]
pub struct Way {
    /// Of the base's middle, metres.
    pub length_m: f64,
    /// At full speed wherever that is allowed, seconds: without speeding up and slowing down.
    pub seconds: f64,
    /// Names of the passages that it leads through, in its order.
    pub passages: Vec<String>,
}

/// The ways from the site's start and from each station to each other one, on the map alone.
pub fn routes(site: &Site, costmap: &Costmap, motion: &Motion) -> Vec<Route> {
    let staging = |id: &StationId| {
        let station = &site.stations[id];
        station.pose.iso * station.dock.staging.iso
    };
    let stations = || site.stations.keys();
    let begins = std::iter::once((None, site.start.iso)).chain(stations().map(|id| (Some(id), staging(id))));
    let pairs = begins.flat_map(|(from, pose)| {
        stations().filter(move |to| from != Some(*to)).map(move |to| (from.cloned(), pose, to))
    });
    let map = costmap.snapshot_of_map();
    let route = |(from, pose, to): (Option<StationId>, _, &StationId)| {
        let path = plan(&map, motion, &pose, &staging(to));
        let way = path.map(|path| Way {
            length_m: path
                .windows(2)
                .map(|pair| (pair[1].translation.vector - pair[0].translation.vector).norm())
                .sum(),
            seconds: motion.seconds(&map, &path),
            passages: costmap
                .zones()
                .entered(&path)
                .map(|passage| costmap.zones().name(passage).to_owned())
                .collect(),
        });
        Route { from, to: to.clone(), way }
    };
    pairs.map(route).collect()
}
