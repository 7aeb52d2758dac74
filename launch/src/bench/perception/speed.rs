//! Where the time of a frame goes: photographs shown at 640x480, each part by itself.

use super::{Aim, Notes, Plan, pictures_in};
use crate::complete_depth::Glass;
use crate::photo;
use cpu_time::ProcessTime;
use nightshift_core::image::{Image, Intrinsics};
use nightshift_perception::vessel::resample;
use nightshift_vision::{Effort, TagDetector, read_codes};

/// The frame of a robot's camera.
const FRAME: [usize; 2] = [640, 480];
/// Each photograph so many times.
const TURNS: usize = 5;
/// Two cores in 100 ms.
const AIM_MS: f64 = 200.0;

/// Processor time of all threads, so that what else the machine does tells little.
pub fn speed(plan: &Plan, notes: &mut Notes) -> Result<(), String> {
    let Some(folder) = plan.folder("vessels/images", notes) else { return Ok(()) };
    let mut eyes = match plan.eyes.load() {
        Ok(eyes) => eyes,
        Err(error) => {
            notes.skip(error);
            return Ok(());
        }
    };
    let tags = TagDetector::new().map_err(|e| e.to_string())?;
    let frames: Vec<Image<[u8; 3]>> = pictures_in(&folder)
        .iter()
        .map(|file| photo::read(file).map(|p| frame(&p)))
        .collect::<Result<_, _>>()?;
    let camera = Intrinsics { width: FRAME[0], height: FRAME[1], fx: 600.0, fy: 600.0, cx: 319.5, cy: 239.5 };
    // A bench 0.5 m below a camera that looks down at 45 degrees.
    let bench =
        |row: usize| (0.5 / ((row as f64 - camera.cy) / camera.fy + 1.0).max(0.2) * 2f64.sqrt()) as f32;
    let raw = Image {
        width: FRAME[0],
        height: FRAME[1],
        pixels: (0..FRAME[0] * FRAME[1]).map(|at| bench(at / FRAME[0])).collect(),
    };
    let bar = notes.steps("frames", frames.len() * TURNS).clone();
    let mut parts: [(&'static str, Vec<f64>); 7] = [
        ("finding vessels", Vec::new()),
        ("reading contents", Vec::new()),
        ("tags", Vec::new()),
        ("codes, quick", Vec::new()),
        ("codes, thorough", Vec::new()),
        ("depth of glass", Vec::new()),
        ("whole frame, codes quick", Vec::new()),
    ];
    for frame in (0..TURNS).flat_map(|_| &frames) {
        let mut clock = ProcessTime::now();
        let mut lap = || {
            let took = clock.elapsed().as_secs_f64() * 1e3;
            clock = ProcessTime::now();
            took
        };
        let least = eyes.limits().score;
        let found = eyes.find(frame, least).map_err(|e| e.to_string())?;
        let finding = lap();
        let sights = eyes.tell(frame, found).map_err(|e| e.to_string())?;
        let reading = lap();
        tags.detect(frame).map_err(|e| e.to_string())?;
        let tag = lap();
        read_codes(frame, Effort::Quick).map_err(|e| e.to_string())?;
        let quick = lap();
        read_codes(frame, Effort::Thorough).map_err(|e| e.to_string())?;
        let thorough = lap();
        // Where nothing is seen there is no glass, and where no plane is, no depth: both take their time.
        let seen = Glass::seen(&sights, frame)?;
        let _ = seen.complete(&seen.classify(&raw), &camera);
        let depth = lap();
        let whole = finding + reading + tag + quick + depth;
        for (part, took) in parts.iter_mut().zip([finding, reading, tag, quick, thorough, depth, whole]) {
            part.1.push(took);
        }
        bar.inc(1);
    }
    for (name, mut took) in parts {
        took.sort_by(f64::total_cmp);
        let at =
            |share: f64| took.get(((took.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied();
        let (Some(middle), Some(p95)) = (at(0.5), at(0.95)) else { continue };
        let n = took.len();
        notes.figure(name, "p50", "ms", middle, n).spread =
            took.first().copied().zip(took.last().copied()).map(<[f64; 2]>::from);
        let figure = notes.figure(name, "p95", "ms", p95, n);
        figure.aim = name.starts_with("whole").then_some(Aim::AtMost(AIM_MS));
    }
    Ok(())
}

/// A photograph as a camera of 640x480 would have it.
fn frame(picture: &Image<[u8; 3]>) -> Image<[u8; 3]> {
    let whole = [0.0, 0.0, picture.width as f64, picture.height as f64];
    let planes = resample(picture, whole, FRAME);
    let count = FRAME[0] * FRAME[1];
    let byte = |value: f32| (value * 255.0).round().clamp(0.0, 255.0) as u8;
    let pixels = (0..count).map(|at| [0, 1, 2].map(|channel| byte(planes[channel * count + at]))).collect();
    Image { width: FRAME[0], height: FRAME[1], pixels }
}
