//! `nightshift follow`: things followed over pictures of one scene, and what becomes of what is in them.

use crate::photo;
use crate::see::EyesArgs;
use crate::talk::tell;
use clap::Args;
use nalgebra::{Matrix3, Point3};
use nightshift_core::Stamp;
use nightshift_core::frames::{Camera, Pose};
use nightshift_core::image::Intrinsics;
use nightshift_perception::track::{Change, Reading, Sighting, Track, TrackId, Tracker};
use nightshift_perception::vessel::{VesselSight, phase_names};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `nightshift follow`.
#[derive(Args)]
#[command(
    after_help = "The camera stands still, and the pictures are given in their order. A thing keeps its number through pictures that miss it; after \
three in a row it is gone. A change is told once three pictures at the beginning and three at the end agree on it.\n\nExamples:\n  nightshift follow \
vial-*.png --every 60\n  nightshift follow vial-*.png --every 60 --json"
)]
pub struct FollowArgs {
    /// The pictures.
    #[arg(required = true, num_args = 2.., value_name = "PICTURE")]
    pub pictures: Vec<PathBuf>,
    /// Seconds from one picture to the next.
    #[arg(long, value_name = "SECONDS")]
    pub every: f64,
    /// Print one JSON object on stdout: `things` with `id`, `type`, `seen`, `missed`, `torn`, `bbox`, `phases`, `fill`, `changes`.
    #[arg(long)]
    pub json: bool,
    /// The networks.
    #[command(flatten)]
    pub eyes: EyesArgs,
}

/// Boxes are good to this share of their height, standard deviation.
const BOX_SIGMA: f64 = 0.08;
/// The longest time between two pictures, seconds: a day.
const LONGEST_S: f64 = 86_400.0;

/// A thing, as it was seen last.
#[derive(Serialize)]
struct Thing {
    id: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    seen: u32,
    missed: u32,
    torn: bool,
    bbox: [f64; 4],
    phases: Vec<&'static str>,
    fill: Option<f64>,
    changes: Vec<Change>,
}

/// Things followed by a camera that stands still.
#[derive(Default)]
struct Followed {
    tracker: Tracker<Camera>,
    last: Vec<(TrackId, VesselSight)>,
}

impl Followed {
    /// Takes in what was seen in a picture of this size.
    fn look(&mut self, stamp: Stamp, size: [usize; 2], sights: Vec<VesselSight>) {
        let camera = still(size);
        let sightings: Vec<Sighting> = sights.iter().map(|sight| sighting(sight, &camera)).collect();
        let ids = self.tracker.look(stamp, &Pose::identity(), &camera, &sightings);
        for (id, sight) in ids.into_iter().zip(sights) {
            let Some(id) = id else { continue };
            self.last.retain(|(known, _)| *known != id);
            self.last.push((id, sight));
        }
    }

    fn things(&self) -> Vec<Thing> {
        let thing = |track: &Track| {
            let (_, sight) = self.last.iter().find(|(id, _)| *id == track.id)?;
            Some(Thing {
                id: track.id.0,
                kind: track.kind().name(),
                seen: track.seen,
                missed: track.missed,
                torn: track.torn,
                bbox: sight.bbox,
                phases: phase_names(sight.phases.as_deref()),
                fill: sight.fill,
                changes: track.history.changes(),
            })
        };
        self.tracker.tracks().iter().filter_map(thing).collect()
    }
}

/// A camera that sees as wide as the picture is long: only ratios count here.
fn still([width, height]: [usize; 2]) -> Intrinsics {
    let focal = width.max(height) as f64;
    Intrinsics { width, height, fx: focal, fy: focal, cx: width as f64 / 2.0, cy: height as f64 / 2.0 }
}

/// How far a thing is away nobody knows, and of a camera that stands still nobody needs to: all are put on one plane before it.
fn sighting(sight: &VesselSight, camera: &Intrinsics) -> Sighting {
    let [left, top, width, height] = sight.bbox;
    let at = [left + width / 2.0 - camera.cx, top + height / 2.0 - camera.cy].map(|v| v / camera.fx);
    let sigma = BOX_SIGMA * width.max(height) / camera.fx;
    Sighting {
        place: Point3::new(at[0], at[1], 1.0),
        covariance: Matrix3::identity() * sigma * sigma,
        bounds: [left, top, left + width, top + height],
        kind: sight.kind,
        reading: Reading { phases: sight.phases.clone(), fill: sight.fill },
    }
}

/// Runs the command.
pub fn run(args: &FollowArgs) -> Result<ExitCode, String> {
    if !(args.every > 0.0 && args.every <= LONGEST_S) {
        return Err(format!("--every is {}, and it must be above 0 and at most {LONGEST_S} s", args.every));
    }
    let mut eyes = args.eyes.load()?;
    let mut followed = Followed::default();
    let mut first: Option<(&Path, [usize; 2])> = None;
    for (number, file) in args.pictures.iter().enumerate() {
        let picture = photo::read(file)?;
        let size = [picture.width, picture.height];
        let (name, of_first) = *first.get_or_insert((file, size));
        photo::same_size(&[(name, of_first), (file, size)])?;
        let sights = eyes.look(&picture).map_err(|e| format!("{}: {e}", file.display()))?;
        let stamp = Stamp((number as f64 * args.every * 1e9) as u64);
        followed.look(stamp, size, sights);
    }
    let things = followed.things();
    if args.json {
        tell!("{}", serde_json::json!({ "pictures": args.pictures.len(), "things": things }));
    } else {
        for thing in &things {
            let torn = if thing.torn { "  may have been taken for another" } else { "" };
            let words =
                format!("{}  {}  seen {} times{torn}", thing.kind, thing.phases.join(", "), thing.seen);
            tell!("{}  {words}  at {:.0?}", thing.id, thing.bbox);
            thing.changes.iter().for_each(|change| tell!("   {change}"));
        }
    }
    Ok(if things.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::describe::Phase;
    use nightshift_perception::vessel::{Kind, Posture, Rle};

    fn sight(bbox: [f64; 4], phase: Phase) -> VesselSight {
        VesselSight {
            bbox,
            mask_rle: Rle { size: [480, 640], counts: vec![640 * 480] },
            kind: Kind::VialCapped,
            phases: Some(vec![phase]),
            fill: Some(0.5),
            score: 0.8,
            posture: Posture::Upright,
            lean_deg: None,
            doubts: Vec::new(),
        }
    }

    #[test]
    fn two_vials_side_by_side_keep_their_numbers_and_the_one_that_settles_is_told() {
        let mut followed = Followed::default();
        for number in 0..8u64 {
            // Boxes that shake by 3 px, in turns in another order.
            let shake = [0.0, 3.0, -2.0, 1.0, -3.0, 2.0, 0.0, -1.0][number as usize];
            let phase = if number < 4 { Phase::Suspension } else { Phase::ClearLiquid };
            let mut sights = vec![
                sight([100.0 + shake, 200.0, 60.0, 120.0], phase),
                sight([170.0 - shake, 202.0 + shake, 60.0, 118.0], Phase::ClearLiquid),
            ];
            if number % 2 == 1 {
                sights.reverse();
            }
            // The second is missed once.
            sights.retain(|sight| number != 5 || sight.bbox[0] < 150.0);
            followed.look(Stamp(number * 60_000_000_000), [640, 480], sights);
        }
        let things = followed.things();
        assert_eq!(things.iter().map(|thing| (thing.id, thing.seen)).collect::<Vec<_>>(), [(0, 8), (1, 7)]);
        assert!(things[0].bbox[0] < 110.0 && things[1].bbox[0] > 160.0);
        assert_eq!((&things[0].changes[..], &things[1].changes[..]), (&[Change::Settled][..], &[][..]));
        assert!(!things[0].torn && !things[1].torn);
    }
}
