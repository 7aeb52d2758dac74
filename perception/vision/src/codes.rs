//! Reading the codes on labels, with rxing's decoders and looks of our own at the picture.

mod looks;
mod reader;

use crate::detector::{VisionError, luma, whole};
use looks::{Look, looks};
use nightshift_core::image::Image;
use nightshift_perception::code::CodeSight;

/// How hard to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// The picture as it is and at one other size: for a stream of pictures.
    Quick,
    /// Every look there is where the first ones find nothing: for a picture that was taken to read a label.
    Thorough,
}

/// After a look that read something, so many that read nothing new end the search.
const IDLE_LOOKS: usize = 2;
/// Codes in one picture, beyond which it holds something else.
const MOST_CODES: usize = 64;

/// All codes in a picture, from the top to the bottom and then from left to right.
///
/// A picture is looked at in several ways (see `looks`), each code's place is painted over when it has been read, and what
/// is left is searched again. Nothing is told that failed its own check: DataMatrix and QR carry Reed-Solomon words, a bar
/// code is told only where two lines of it say the same.
///
/// # Errors
/// [`VisionError`] where the picture does not hold what its size says, or OpenCV refused.
pub fn read_codes(color: &Image<[u8; 3]>, effort: Effort) -> Result<Vec<CodeSight>, VisionError> {
    whole(color)?;
    let gray =
        Image { width: color.width, height: color.height, pixels: color.pixels.iter().map(luma).collect() };
    let mut found: Vec<CodeSight> = Vec::new();
    let mut idle = 0;
    for look in looks(&gray, effort) {
        let seen = take(&gray, &look, &found)?;
        idle = if seen.is_empty() { idle + 1 } else { 0 };
        found.extend(seen);
        if found.len() >= MOST_CODES || (!found.is_empty() && idle >= IDLE_LOOKS) {
            break;
        }
    }
    found.sort_by(|a, b| {
        let ([x, y], [u, v]) = (a.middle(), b.middle());
        y.total_cmp(&v).then(x.total_cmp(&u)).then(a.text.cmp(&b.text))
    });
    Ok(found)
}

/// What one look reads that is not known yet.
fn take(gray: &Image<u8>, look: &Look, known: &[CodeSight]) -> Result<Vec<CodeSight>, VisionError> {
    let (mut picture, places) = look
        .at(gray)
        .map_err(|source| VisionError::OpenCv { what: "prepare a picture for reading codes", source })?;
    for code in known {
        reader::paint_over(&mut picture, &code.corners.map(|corner| places.to_look(corner)));
    }
    let mut seen: Vec<CodeSight> = Vec::new();
    for kind in look.kinds() {
        // A print that is read again although it was painted over would be read for ever.
        while known.len() + seen.len() < MOST_CODES {
            let Some((text, corners)) = reader::read(&picture, *kind) else { break };
            reader::paint_over(&mut picture, &corners);
            let sight =
                CodeSight { kind: *kind, text, corners: corners.map(|corner| places.to_picture(corner)) };
            if known.iter().chain(&seen).any(|code| code.is_same_print(&sight)) {
                break;
            }
            seen.push(sight);
        }
    }
    Ok(seen)
}
