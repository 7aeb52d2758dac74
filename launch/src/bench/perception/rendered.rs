//! Depth of rendered glass beside its truth: the pictures of `nightshift dataset --count 60 --seed 77 --size 424x240 --sensor`.

use super::{Aim, Notes, Plan};
use crate::complete_depth::{Glass, mouth};
use nalgebra::Vector3;
use nightshift_core::image::Image;
use nightshift_core::random::Seed;
use nightshift_optics::{StereoRig, studio, truth};
use nightshift_perception::glass::{self, Front, Outline, Support};
use nightshift_perception::vessel::{Kind, Rle};

/// Scenes that nothing was chosen on.
const SEED: u64 = 77;
const SCENES: u64 = 60;
const SIZE: [usize; 2] = [424, 240];
const DEPTH_UNIT_M: f64 = 1e-4;
/// Leans that count as standing, degrees.
const STANDS_DEG: f64 = 3.0;

/// Errors of depth, pixel by pixel.
#[derive(Default)]
struct Errors {
    square: f64,
    within: usize,
    all_m: Vec<f64>,
}

impl Errors {
    fn add(&mut self, front: &Front, truth: &[u16]) {
        for pixel in front.pixels.iter().filter(|pixel| truth[pixel.index] > 0) {
            let error = pixel.depth_m - f64::from(truth[pixel.index]) * DEPTH_UNIT_M;
            self.square += error * error;
            // 90 % of a normal distribution lie within 1.645 standard deviations.
            self.within += usize::from(error.abs() <= 1.645 * pixel.sigma_m);
            self.all_m.push(error.abs());
        }
    }

    fn tell(mut self, case: &str, aims: bool, notes: &mut Notes) {
        let n = self.all_m.len();
        if n == 0 {
            return;
        }
        self.all_m.sort_by(f64::total_cmp);
        notes.figure(case, "RMSE", "mm", (self.square / n as f64).sqrt() * 1e3, n).aim =
            aims.then_some(Aim::AtMost(5.0));
        notes.figure(case, "median error", "mm", self.all_m[n / 2] * 1e3, n);
        notes.figure(case, "within the 90 % interval", "", self.within as f64 / n as f64, n).aim =
            aims.then_some(Aim::AtLeast(0.85));
    }
}

/// Runs it.
pub fn glass(plan: &Plan, notes: &mut Notes) -> Result<(), String> {
    let (mut sound, mut refused, mut places) = (Errors::default(), Errors::default(), Vec::new());
    let (mut things_sound, mut things, mut blind) = (0, 0, 0);
    let (mut seen, mut seen_refused) = (Errors::default(), Errors::default());
    let mut eyes = plan.eyes.load().map_err(|error| notes.skip(error)).ok();
    let bar = notes.steps("scenes", SCENES as usize).clone();
    for number in 0..SCENES {
        let staged = studio::stage(SEED.wrapping_mul(0x1_0000_0000).wrapping_add(number), SIZE[0], SIZE[1]);
        let failed = |what: String| format!("scene {number}: {what}");
        let exposed = staged.shot.take(&staged.scene).map_err(|faults| failed(faults[0].to_string()))?;
        let told = truth::tell(&staged, &exposed, number);
        let rig = StereoRig::default();
        let measured =
            rig.measure(&staged.scene, &staged.shot).map_err(|faults| failed(faults[0].to_string()))?;
        let raw = Image {
            width: SIZE[0],
            height: SIZE[1],
            pixels: measured.pixels.iter().map(|z| z.unwrap_or(0.0)).collect(),
        };
        if let Some(eyes) = &mut eyes {
            let picture = staged.film.develop(&exposed);
            let sights = eyes.look(&picture).map_err(|e| failed(e.to_string()))?;
            let glass = Glass::seen(&sights, &picture)?;
            let completed = glass.complete(&glass.classify(&raw), &staged.shot.intrinsics);
            for front in completed.iter().flat_map(|(_, fronts)| fronts) {
                let to = if front.do_not_grasp.is_empty() { &mut seen } else { &mut seen_refused };
                to.add(front, &told.depth);
            }
        }
        let mut all = Image::filled(SIZE[0], SIZE[1], false);
        let (mut outlines, mut poses) = (Vec::new(), Vec::new());
        for instance in &told.instances {
            let named = studio::Category::ALL.iter().find(|c| **c as u8 == instance.category_id);
            let kind = Kind::ALL.into_iter().find(|kind| named.is_some_and(|c| c.name() == kind.name()));
            let Some(kind) = kind.filter(|kind| kind.is_vessel()) else { continue };
            let mask = Rle { size: instance.segmentation.size, counts: instance.segmentation.counts.clone() };
            mask.pixels().for_each(|index| all.pixels[index] = true);
            let Some(outline) = Outline::of(&mask, mouth(kind)) else { continue };
            outlines.push(outline);
            poses.push(
                instance.pose.as_ref().map(|pose| (Vector3::from(pose.xyz_m), Vector3::from(pose.axis))),
            );
        }
        bar.inc(1);
        things += outlines.len();
        let depth = glass::classify(&raw, &all);
        let Ok((support, fronts)) = glass::complete(&depth, &outlines, &staged.shot.intrinsics, Seed(1))
        else {
            blind += outlines.len();
            continue;
        };
        for (front, pose) in fronts.iter().zip(&poses) {
            if front.do_not_grasp.is_empty() {
                things_sound += 1;
                sound.add(front, &told.depth);
                places.extend(off_m(front, &support, pose.as_ref()));
            } else {
                refused.add(front, &told.depth);
            }
        }
    }
    notes.figure("rendered", "may be grasped", "", f64::from(things_sound) / things.max(1) as f64, things);
    notes.figure("rendered", "no plane seen", "", blind as f64 / things.max(1) as f64, things);
    sound.tell("may be grasped", true, notes);
    refused.tell("do not grasp", false, notes);
    seen.tell("found by networks, may be grasped", false, notes);
    seen_refused.tell("found by networks, do not grasp", false, notes);
    places.sort_by(f64::total_cmp);
    let at = |share: f64| places.get((places.len() as f64 * share) as usize).copied();
    if let (Some(middle), Some(p90)) = (at(0.5), at(0.9)) {
        notes.figure("axis of what stands", "median", "mm", middle * 1e3, places.len()).aim =
            Some(Aim::AtMost(2.0));
        notes.figure("axis of what stands", "p90", "mm", p90 * 1e3, places.len());
    }
    Ok(())
}

/// How far the axis is off along the support, metres; none of what does not stand.
fn off_m(front: &Front, support: &Support, pose: Option<&(Vector3<f64>, Vector3<f64>)>) -> Option<f64> {
    let (stand, (foot, axis)) = (front.stand?, pose?);
    let up = support.up.into_inner();
    let apart = stand.foot.coords - foot;
    (axis.angle(&up).to_degrees() < STANDS_DEG).then(|| (apart - up * up.dot(&apart)).norm())
}
