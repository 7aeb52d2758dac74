//! Things followed from look to look: stable ids, places fused over looks, and how contents change.
//!
//! A look is one picture's things with their places in the camera's frame. A track is a thing in a frame that does not move.

mod assign;
mod history;

pub use history::{Change, History, Reading};

use crate::vessel::Kind;
use assign::assign;
use nalgebra::{Matrix3, Point3};
use nightshift_core::Stamp;
use nightshift_core::frames::{Camera, Pose};
use nightshift_core::image::Intrinsics;

/// One thing in one look.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// A point of it that is the same from all sides, as the middle of its foot, in the camera's optical frame, metres.
    pub place: Point3<f64>,
    /// Of `place`, along the camera's axes, square metres.
    pub covariance: Matrix3<f64>,
    /// Left, top, right, bottom in the picture, pixels.
    pub bounds: [f64; 4],
    /// What it is.
    pub kind: Kind,
    /// What was read of it.
    pub reading: Reading,
}

/// The number of a track: never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub u64);

/// A thing that is followed.
#[derive(Clone, Debug)]
pub struct Track {
    /// Its number.
    pub id: TrackId,
    /// Its place in the frame that does not move, metres, and that place's covariance.
    pub place: Point3<f64>,
    /// Square metres.
    pub covariance: Matrix3<f64>,
    /// Looks that saw it.
    pub seen: u32,
    /// Looks since then that should have seen it and did not.
    pub missed: u32,
    /// Whether at some look another one could as well have been it: its identity must be read anew.
    pub torn: bool,
    /// What was read of it.
    pub history: History,
    stamp: Stamp,
    votes: [u32; Kind::ALL.len()],
}

impl Track {
    /// What it was called most often; unknown where nothing leads.
    pub fn kind(&self) -> Kind {
        let most = self.votes.iter().copied().max().unwrap_or(0);
        let mut leading = Kind::ALL.iter().zip(self.votes).filter(|(_, votes)| *votes == most);
        match (leading.next(), leading.next()) {
            (Some((kind, 1..)), None) => *kind,
            _ => Kind::Unknown,
        }
    }

    fn vote(&mut self, kind: Kind) {
        if let Some(index) = Kind::ALL.iter().position(|known| *known == kind) {
            self.votes[index] += 1;
        }
    }
}

/// Squared Mahalanobis distance within which a thing is the same: all but one in 100,000 of chi-squared with three degrees of freedom.
const GATE: f64 = 25.9;
/// What another kind adds to it. A vial with its cap off is still the vial.
const OTHER_KIND: f64 = 4.0;
/// Two that could as well be exchanged: the sum of their distances would grow by less.
const TORN: f64 = 6.0;
/// Looks that miss a thing until it is gone.
const GONE: u32 = 3;
/// Growth of a place's variance, square metres a second: what stands may be touched. 0.1 mm in a second.
const WANDER_M2_PER_S: f64 = 1e-8;
/// Least standard deviation of a sighting along each axis, metres: calibration and time stamps.
const LEAST_SIGMA_M: f64 = 5e-4;
/// How far from the picture's edge a thing should be seen, pixels.
const EDGE_PX: f64 = 10.0;

/// Follows things in the frame `F`.
#[derive(Clone, Debug)]
pub struct Tracker<F> {
    tracks: Vec<Track>,
    next: u64,
    frame: std::marker::PhantomData<fn() -> F>,
}

impl<F> Default for Tracker<F> {
    fn default() -> Self {
        Self { tracks: Vec::new(), next: 0, frame: std::marker::PhantomData }
    }
}

impl<F> Tracker<F> {
    /// All that are followed, the oldest first.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Takes a look in: the id of each sighting, in their order. None where a sighting's place or covariance is no number.
    pub fn look(
        &mut self,
        stamp: Stamp,
        frame_from_camera: &Pose<F, Camera>,
        camera: &Intrinsics,
        sightings: &[Sighting],
    ) -> Vec<Option<TrackId>> {
        let rotation = frame_from_camera.iso.rotation.to_rotation_matrix();
        let sound = |s: &Sighting| s.place.iter().chain(s.covariance.iter()).all(|v| v.is_finite());
        let placed: Vec<(usize, Point3<f64>, Matrix3<f64>)> = sightings
            .iter()
            .enumerate()
            .filter(|(_, sighting)| sound(sighting))
            .map(|(index, sighting)| {
                let least = Matrix3::identity() * LEAST_SIGMA_M.powi(2);
                let turned =
                    rotation.matrix() * (sighting.covariance + least) * rotation.matrix().transpose();
                (index, frame_from_camera.point(&sighting.place), turned)
            })
            .collect();
        for track in &mut self.tracks {
            let passed = stamp.since(track.stamp).max(0.0);
            track.covariance += Matrix3::identity() * (WANDER_M2_PER_S * passed);
            track.stamp = track.stamp.max(stamp);
        }
        let costs: Vec<Vec<f64>> = self
            .tracks
            .iter()
            .map(|track| {
                let to = |(index, place, covariance): &(usize, Point3<f64>, Matrix3<f64>)| {
                    distance(track, place, covariance) + strangeness(track.kind(), sightings[*index].kind)
                };
                placed.iter().map(to).collect()
            })
            .collect();
        let taken = assign(&costs, placed.len(), GATE);
        self.tear(&costs, &taken);
        let mut ids = vec![None; sightings.len()];
        for (row, column) in taken.iter().enumerate() {
            let Some((index, place, covariance)) = column.map(|column| &placed[column]) else {
                let expected = frame_from_camera.iso.inverse_transform_point(&self.tracks[row].place);
                self.tracks[row].missed += u32::from(should_be_seen(&expected, camera, sightings));
                continue;
            };
            fuse(&mut self.tracks[row], place, covariance);
            ids[*index] = Some(self.note(row, stamp, &sightings[*index]));
        }
        for (column, (index, place, covariance)) in placed.iter().enumerate() {
            if taken.contains(&Some(column)) {
                continue;
            }
            self.tracks.push(Track {
                id: TrackId(self.next),
                place: *place,
                covariance: *covariance,
                seen: 0,
                missed: 0,
                torn: false,
                history: History::default(),
                stamp,
                votes: [0; Kind::ALL.len()],
            });
            self.next += 1;
            ids[*index] = Some(self.note(self.tracks.len() - 1, stamp, &sightings[*index]));
        }
        self.tracks.retain(|track| track.missed < GONE);
        ids
    }

    fn note(&mut self, row: usize, stamp: Stamp, sighting: &Sighting) -> TrackId {
        let track = &mut self.tracks[row];
        (track.seen, track.missed) = (track.seen + 1, 0);
        track.vote(sighting.kind);
        track.history.add(stamp, sighting.reading.clone());
        track.id
    }

    /// Marks those that could as well be one another.
    fn tear(&mut self, costs: &[Vec<f64>], taken: &[Option<usize>]) {
        for a in 0..taken.len() {
            for b in 0..a {
                let (Some(of_a), Some(of_b)) = (taken[a], taken[b]) else { continue };
                let more = costs[a][of_b] + costs[b][of_a] - costs[a][of_a] - costs[b][of_b];
                let possible = costs[a][of_b] < GATE && costs[b][of_a] < GATE;
                if possible && more < TORN {
                    self.tracks[a].torn = true;
                    self.tracks[b].torn = true;
                }
            }
        }
    }
}

/// Squared Mahalanobis distance of a sighting from a track.
fn distance(track: &Track, place: &Point3<f64>, covariance: &Matrix3<f64>) -> f64 {
    let apart = place - track.place;
    let both = track.covariance + covariance;
    both.cholesky().map_or(f64::MAX, |both| apart.dot(&both.solve(&apart)))
}

fn strangeness(a: Kind, b: Kind) -> f64 {
    let vial = |kind| matches!(kind, Kind::VialOpen | Kind::VialCapped);
    let same = a == b || a == Kind::Unknown || b == Kind::Unknown || vial(a) && vial(b);
    if same { 0.0 } else { OTHER_KIND }
}

/// Kalman's update of a place that does not move.
fn fuse(track: &mut Track, place: &Point3<f64>, covariance: &Matrix3<f64>) {
    let Some(both) = (track.covariance + covariance).cholesky() else { return };
    let gain = both.solve(&track.covariance).transpose();
    track.place += gain * (place - track.place);
    let left = Matrix3::identity() - gain;
    // Joseph's form stays symmetric and positive.
    track.covariance = left * track.covariance * left.transpose() + gain * covariance * gain.transpose();
}

/// Whether a place lies in the picture, and nothing nearer before it.
fn should_be_seen(place: &Point3<f64>, camera: &Intrinsics, sightings: &[Sighting]) -> bool {
    if place.z <= 0.0 {
        return false;
    }
    let (u, v) = (place.x / place.z * camera.fx + camera.cx, place.y / place.z * camera.fy + camera.cy);
    let within = |v: f64, size: usize| v > EDGE_PX && v < size as f64 - EDGE_PX;
    let hides = |s: &Sighting| {
        let [left, top, right, bottom] = s.bounds;
        s.place.z < place.z && (left..=right).contains(&u) && (top..=bottom).contains(&v)
    };
    within(u, camera.width) && within(v, camera.height) && !sightings.iter().any(hides)
}

#[cfg(test)]
mod tests;
