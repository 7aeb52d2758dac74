//! What faults do to what sensors say, once they have measured it.

use super::{Fault, What};
use nightshift_core::describe::ScannerDescription;
use nightshift_core::image::{Depth, Frame};
use nightshift_core::random::Stream;
use nightshift_core::robot::{Beam, GripperState, JointState, LaserScan};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// How far from the scanner dirt on its window is met, metres.
const DIRT_M: f64 = 0.08;
/// How bright pictures are by the robot's own light alone, and their noise, of 255.
const ROBOTS_OWN_LIGHT: f64 = 0.4;
const DIM_SIGMA: f64 = 2.0;
/// Share of the beams in a glare that are invalid, and of those that are anything.
const BLINDED: [f64; 2] = [0.7, 0.1];

fn normal(stream: &mut Stream) -> f64 {
    StandardNormal.sample(stream)
}

/// Spoils a scan.
pub fn scan<'a>(
    scan: &mut LaserScan,
    description: &ScannerDescription,
    faults: impl Iterator<Item = &'a Fault>,
    stream: &mut Stream,
) {
    let (least, most) = (description.range_min_m, description.range_max_m);
    let beam = |range: f64| Beam::from_range(range as f32, least as f32, most as f32);
    let (start, increment) = (scan.angle_min, scan.angle_increment);
    for fault in faults {
        let what = fault.what();
        let within = |bearing: f64| (fault.number("from")..=fault.number("to")).contains(&bearing);
        for (index, told) in scan.beams.iter_mut().enumerate() {
            let bearing = start + increment * index as f64;
            let range = if let Beam::Hit(range) = *told { Some(f64::from(range)) } else { None };
            match (what, range) {
                (What::ScannerBias, Some(range)) => *told = beam(range + fault.number("by")),
                (What::ScannerNoise, Some(range)) => {
                    *told = beam(range + fault.number("sigma") * normal(stream));
                }
                (What::ScannerNan, _) => *told = Beam::Invalid,
                (What::ScannerBlind, _) if within(bearing) => *told = Beam::NoReturn,
                (What::ScannerDirt, _) if within(bearing) => *told = beam(DIRT_M.max(least)),
                (What::ScannerGlare, _) if within(bearing) => {
                    let chance = stream.random::<f64>();
                    if chance < BLINDED[0] {
                        *told = Beam::Invalid;
                    } else if chance < BLINDED[0] + BLINDED[1] {
                        *told = beam(stream.random_range(least..most));
                    }
                }
                (What::ScannerCrosstalk, _) if stream.random::<f64>() < fault.number("share") => {
                    *told = beam(least + stream.random::<f64>() * (range.unwrap_or(most) - least));
                }
                _ => {}
            }
        }
    }
}

/// Spoils what the encoders say. `names` are the joints in the state's order.
pub fn joints<'a>(
    state: &mut JointState,
    names: &[String],
    faults: impl Iterator<Item = &'a Fault>,
    stream: &mut Stream,
) {
    for fault in faults {
        for (position, name) in state.positions.iter_mut().zip(names) {
            match fault.what() {
                What::JointsBias if fault.word("joint") == name => *position += fault.number("by"),
                What::JointsNoise => *position += fault.number("sigma") * normal(stream),
                _ => {}
            }
        }
    }
}

/// Spoils what the gripper says.
pub fn gripper<'a>(state: &mut GripperState, faults: impl Iterator<Item = &'a Fault>, stream: &mut Stream) {
    for fault in faults {
        match fault.what() {
            What::GripperBias => state.force_n += fault.number("by"),
            What::GripperNoise => state.force_n += fault.number("sigma") * normal(stream),
            _ => {}
        }
    }
}

/// Spoils a picture.
pub fn frame<'a>(frame: &mut Frame, faults: impl Iterator<Item = &'a Fault>, stream: &mut Stream) {
    for fault in faults {
        match fault.what() {
            What::CameraDark => {
                frame.color.pixels.fill([0; 3]);
                frame.depth.pixels.fill(Depth::Missing);
            }
            What::RoomDark => {
                for value in frame.color.pixels.as_flattened_mut() {
                    let dim = f64::from(*value) * ROBOTS_OWN_LIGHT + DIM_SIGMA * normal(stream);
                    *value = dim.round().clamp(0.0, 255.0) as u8;
                }
            }
            What::CameraOverexposed => {
                for pixel in &mut frame.color.pixels {
                    *pixel = pixel.map(|value| value.saturating_mul(4));
                }
            }
            What::CameraSmear => smooth(frame, fault.number("length") as usize / 2, 0),
            What::CameraBlur => {
                let radius = fault.number("radius") as usize;
                smooth(frame, radius, 0);
                smooth(frame, radius, 1);
            }
            What::CameraGlare => glare(frame, fault),
            What::CameraNoise => {
                let sigma = fault.number("sigma") * 255.0;
                for value in frame.color.pixels.as_flattened_mut() {
                    *value = (f64::from(*value) + sigma * normal(stream)).round().clamp(0.0, 255.0) as u8;
                }
            }
            What::CameraDepthLoss => frame.depth.pixels.fill(Depth::Missing),
            _ => {}
        }
    }
}

/// The mean over `radius` pixels to both sides, along the rows (0) or the columns (1). Depth is left as it is: it
/// comes from other lenses.
fn smooth(frame: &mut Frame, radius: usize, axis: usize) {
    let (width, height) = (frame.color.width, frame.color.height);
    let (lines, length, stride, step) =
        if axis == 0 { (height, width, width, 1) } else { (width, height, 1, width) };
    for line in 0..lines {
        let start = line * stride;
        let values: Vec<[u8; 3]> = (0..length).map(|i| frame.color.pixels[start + i * step]).collect();
        let mut sums = vec![[0u32; 3]];
        for value in &values {
            let last = sums[sums.len() - 1];
            sums.push([0, 1, 2].map(|c| last[c] + u32::from(value[c])));
        }
        for i in 0..length {
            let (low, high) = (i.saturating_sub(radius), (i + radius + 1).min(length));
            let count = (high - low) as u32;
            frame.color.pixels[start + i * step] =
                [0, 1, 2].map(|c| ((sums[high][c] - sums[low][c] + count / 2) / count) as u8);
        }
    }
}

fn glare(frame: &mut Frame, fault: &Fault) {
    let (width, height) = (frame.color.width, frame.color.height);
    let center = [fault.number("x") * width as f64, fault.number("y") * height as f64];
    let radius = fault.number("radius") * width as f64;
    for y in 0..height {
        for x in 0..width {
            let index = y * width + x;
            let far = (x as f64 - center[0]).hypot(y as f64 - center[1]);
            // White within the spot; outside of it the veil thins out with the distance (stray light in a lens).
            let veil = if far <= radius { 1.0 } else { 0.5 * radius / far };
            frame.color.pixels[index] =
                frame.color.pixels[index].map(|v| (f64::from(v) + veil * (255.0 - f64::from(v))) as u8);
            if far <= radius {
                frame.depth.pixels[index] = Depth::Missing;
            }
        }
    }
}
