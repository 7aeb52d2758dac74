//! What a vessel is and what is in it, out of the reader's answers.

use super::found::{bilinear, window};
use super::{Found, Kind, Phase, Posture, Rle, Thresholds, VesselDoubt, VesselSight, posture};

/// What the reader answers for one crop.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What it was shown: left, top, right, bottom, pixels of the picture.
    pub shown: [f64; 4],
    /// The share of each of [`Phase::ALL`].
    pub phases: Vec<f32>,
    /// Level, share of the height that can be filled, supposed that something with a level is in it.
    pub fill: f32,
    /// The share of each of [`Kind::ALL`].
    pub kinds: Vec<f32>,
    /// The share of vessel over what was shown, row by row.
    pub mask: Vec<f32>,
    /// Places in a row of `mask`.
    pub columns: usize,
}

/// What the reader is shown of a box (left, top, right, bottom): the box with a margin (share of its size), as wide and high
/// as the crop (width, height) is.
pub fn crop(bounds: &[f64; 4], margin: f64, [width, height]: [usize; 2]) -> [f64; 4] {
    let (w, h) = (bounds[2] - bounds[0], bounds[3] - bounds[1]);
    let (x, y) = ((bounds[0] + bounds[2]) / 2.0, (bounds[1] + bounds[3]) / 2.0);
    let shape = width as f64 / height as f64;
    let wide = (1.0 + 2.0 * margin) * w.max(h * shape);
    let high = wide / shape;
    [x - wide / 2.0, y - high / 2.0, x + wide / 2.0, y + high / 2.0]
}

/// What alone has no level.
const WITHOUT_LEVEL: [Phase; 3] = [Phase::Empty, Phase::Residue, Phase::SolidPiece];

/// How near to the picture's edge a box is cut off, pixels.
const AT_EDGE_PX: f64 = 1.5;

/// The way up in a level camera's picture.
const LEVEL: [f64; 2] = [0.0, -1.0];

/// Joins what was found with what was read of it; without an answer a vessel's content is in doubt.
/// `clear` is false where the picture as a whole is in doubt: then nothing is told but that something is there.
pub fn judge(
    found: Found,
    answer: Option<&Answer>,
    limits: &Thresholds,
    size: [usize; 2],
    clear: bool,
) -> VesselSight {
    let mut doubts = Vec::new();
    let [left, top, right, bottom] = found.bounds;
    let (width, height) = (size[0] as f64, size[1] as f64);
    if left < AT_EDGE_PX || top < AT_EDGE_PX || right > width - AT_EDGE_PX || bottom > height - AT_EDGE_PX {
        doubts.push(VesselDoubt::CutOff);
    }
    let found_vessel = found.is_vessel();
    let mut shares = found.kinds;
    let (mut phases, mut fill, mut mask) = (Some(Vec::new()), None, found.mask);
    if let Some(answer) = answer {
        for (share, read) in shares.iter_mut().zip(&answer.kinds) {
            *share = (*share + f64::from(*read)) / 2.0;
        }
        phases = content(&answer.phases, limits);
        fill = phases.as_deref().map(|phases| {
            let level = phases.iter().any(|phase| !WITHOUT_LEVEL.contains(phase));
            if level { f64::from(answer.fill).clamp(0.0, 1.0) } else { 0.0 }
        });
        mask = outline(answer, size);
    } else if found_vessel {
        phases = None;
    }
    let best = (0..shares.len()).max_by(|a, b| shares[*a].total_cmp(&shares[*b])).unwrap_or(0);
    let mut kind = if shares[best] >= limits.kind { Kind::ALL[best] } else { Kind::Unknown };
    if !clear {
        (kind, fill) = (Kind::Unknown, None);
        if phases.as_ref().is_some_and(|phases| !phases.is_empty()) {
            phases = None;
        }
        doubts.push(VesselDoubt::Picture);
    }
    if kind == Kind::Unknown {
        doubts.push(VesselDoubt::Type);
    }
    if phases.is_none() {
        doubts.push(VesselDoubt::Content);
    }
    let bbox = [left, top, right - left, bottom - top];
    // What is cut off may go on any way.
    let whole = !doubts.contains(&VesselDoubt::CutOff);
    let (posture, lean_deg) = if whole { posture(&mask, kind, LEVEL) } else { (Posture::Unknown, None) };
    VesselSight { bbox, mask_rle: mask, kind, phases, fill, score: found.score, posture, lean_deg, doubts }
}

/// All phases that stand out; none is a doubt, where no phase does, or where it would be empty and not empty.
pub fn content(shares: &[f32], limits: &Thresholds) -> Option<Vec<Phase>> {
    let phases: Vec<Phase> = Phase::ALL
        .into_iter()
        .zip(shares)
        .filter(|(phase, share)| {
            f64::from(**share) >= if *phase == Phase::Empty { limits.empty } else { limits.phase }
        })
        .map(|(phase, _)| phase)
        .collect();
    let contradicts = phases.contains(&Phase::Empty) && phases.len() > 1;
    (!phases.is_empty() && !contradicts).then_some(phases)
}

fn outline(answer: &Answer, size: [usize; 2]) -> Rle {
    let shown = &answer.shown;
    let rows = answer.mask.len() / answer.columns;
    let place = |v: f64, low: f64, high: f64, count: usize| {
        ((v - low) / (high - low) * count as f64 - 0.5).clamp(0.0, (count - 1) as f64)
    };
    Rle::paint(size, window(shown, size), |x, y| {
        let u = place(x as f64 + 0.5, shown[0], shown[2], answer.columns);
        let v = place(y as f64 + 0.5, shown[1], shown[3], rows);
        bilinear(&answer.mask, answer.columns, [u, v]) > 0.5
    })
}
