//! Whether a picture as a whole tells enough to be believed.

use nightshift_core::image::Image;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a picture that shows nothing may not be an empty scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureDoubt {
    /// Nearly all pixels are at the scale's lower end.
    Black,
    /// Nearly all pixels are at the scale's upper end.
    White,
    /// No edge is sharp.
    Blurred,
}

impl fmt::Display for PictureDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Black => "the picture is black: look at lens cap, light and exposure",
            Self::White => "the picture is white: look at glare and exposure",
            Self::Blurred => "the picture is blurred: look at focus, dirt on the lens and motion",
        })
    }
}

/// Share of pixels at the end of the scale from which a picture tells little.
const BLIND_SHARE: f64 = 0.98;
/// Pixels' values at the scale's ends.
const DARK: u8 = 8;
const BRIGHT: u8 = 247;
/// Sharpness is looked at in the picture's mean over cells, so that it has no more pixels than this along its longer side: a large
/// picture's own softness does not count.
const LOOKED_AT_PX: usize = 640;
/// Half of the box that the picture is blurred with to compare, pixels.
const REACH: usize = 4;
/// The blur effect from which on a picture is blurred. Rendered pictures in focus stay below 0.6.
const BLURRED: f64 = 0.8;
/// Mean difference of neighbours below which nothing is there to be sharp.
const BARE: f64 = 0.2;

/// What speaks against believing the picture.
pub fn doubts(picture: &Image<[u8; 3]>) -> Vec<PictureDoubt> {
    let share = |test: fn(u8) -> bool| {
        let count = picture.pixels.iter().filter(|pixel| pixel.iter().all(|v| test(*v))).count();
        count as f64 / picture.pixels.len().max(1) as f64
    };
    if share(|v| v < DARK) > BLIND_SHARE {
        return vec![PictureDoubt::Black];
    }
    if share(|v| v > BRIGHT) > BLIND_SHARE {
        return vec![PictureDoubt::White];
    }
    if is_blurred(picture) { vec![PictureDoubt::Blurred] } else { Vec::new() }
}

/// Whether blurring the picture more changes little (Crete et al., The blur effect, 2007, equations 1 to 6, with a box of
/// nine).
fn is_blurred(picture: &Image<[u8; 3]>) -> bool {
    let cell = (picture.width.max(picture.height).div_ceil(LOOKED_AT_PX)).max(1);
    let (width, height) = (picture.width / cell, picture.height / cell);
    if width <= 4 * REACH || height <= 4 * REACH {
        return false;
    }
    let grey = |x: usize, y: usize| {
        let mut sum = 0u32;
        for v in y * cell..(y + 1) * cell {
            for pixel in &picture.pixels[v * picture.width + x * cell..][..cell] {
                sum += pixel.iter().map(|c| u32::from(*c)).sum::<u32>();
            }
        }
        f64::from(sum) / (3 * cell * cell) as f64
    };
    let small: Vec<f64> = (0..width * height).map(|at| grey(at % width, at / width)).collect();
    // The blur that either direction alone has: the sharper one counts, so that motion is no blur but motion both ways is.
    [(1, width), (width, height)].iter().all(|(step, length)| blur(&small, width, *step, *length) > BLURRED)
}

/// The share of the differences along lines (`step` from one pixel to the next, `length` pixels) that a blur leaves. 0 where
/// there is nothing to be sharp.
fn blur(small: &[f64], width: usize, step: usize, length: usize) -> f64 {
    let (mut all, mut lost, mut count) = (0.0, 0.0, 0usize);
    let starts: Vec<usize> =
        if step == 1 { (0..small.len() / width).map(|y| y * width).collect() } else { (0..width).collect() };
    for start in starts {
        let at = |k: usize| small[start + k * step];
        let mean = |k: usize| (k - REACH..=k + REACH).map(at).sum::<f64>() / (2 * REACH + 1) as f64;
        for k in REACH + 1..length - REACH {
            let sharp = (at(k) - at(k - 1)).abs();
            let soft = (mean(k) - mean(k - 1)).abs();
            all += sharp;
            lost += (sharp - soft).max(0.0);
            count += 1;
        }
    }
    if all < BARE * count as f64 { 0.0 } else { (all - lost) / all }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(blur: usize) -> Image<[u8; 3]> {
        let (width, height) = (160, 120);
        let tone = |x: i64, y: i64| if (x.div_euclid(40) + y.div_euclid(40)) % 2 == 0 { 40.0 } else { 200.0 };
        let reach = blur as i64;
        let pixel = |at: usize| {
            let (x, y) = ((at % width) as i64, (at / width) as i64);
            let (mut sum, mut count) = (0.0, 0.0);
            for v in y - reach..=y + reach {
                for u in x - reach..=x + reach {
                    sum += tone(u, v);
                    count += 1.0;
                }
            }
            [(sum / count) as u8; 3]
        };
        Image { width, height, pixels: (0..width * height).map(pixel).collect() }
    }

    #[test]
    fn a_picture_that_tells_nothing_says_why() {
        assert_eq!(doubts(&Image::filled(64, 48, [0; 3])), [PictureDoubt::Black]);
        assert_eq!(doubts(&Image::filled(64, 48, [255; 3])), [PictureDoubt::White]);
        assert_eq!(doubts(&checks(0)), []);
        assert_eq!(doubts(&checks(1)), [], "a lens is never perfect");
        assert_eq!(doubts(&checks(9)), [PictureDoubt::Blurred]);
        // A bare grey wall is no blur, and a picture of a few pixels nothing to judge.
        assert_eq!(doubts(&Image::filled(64, 48, [120; 3])), []);
        assert_eq!(doubts(&Image::filled(1, 1, [120; 3])), []);
        assert_eq!(doubts(&Image { width: 0, height: 0, pixels: Vec::new() }), []);
    }
}
