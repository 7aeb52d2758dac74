//! Masks as run lengths.

use nightshift_core::image::Image;
use serde::{Deserialize, Serialize};

/// A mask as COCO writes it, not packed: runs down the columns, beginning with zeros.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rle {
    /// Height and width, pixels.
    pub size: [usize; 2],
    /// Lengths of the runs, pixels.
    pub counts: Vec<u32>,
}

/// Why run lengths are no mask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// The runs do not fill the picture.
    #[error("the runs cover {covered} pixels of {width} x {height}")]
    Covered { covered: u64, width: usize, height: usize },
    /// A packed string with a letter that is none, or that ends within a number.
    #[error("the packed runs are broken at letter {at}")]
    Packed { at: usize },
}

impl Rle {
    /// The mask of a picture of a size, from which of its pixels (column, row) within a window (left, top, right, bottom;
    /// the last two outside it) are in it. All outside the window are not.
    pub fn paint(
        [width, height]: [usize; 2],
        [left, top, right, bottom]: [usize; 4],
        inside: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let (mut counts, mut run, mut on) = (Vec::new(), 0u32, false);
        for x in 0..width {
            if x < left || x >= right {
                if on {
                    counts.push(run);
                    (run, on) = (0, false);
                }
                run += height as u32;
                continue;
            }
            for y in 0..height {
                let now = (top..bottom).contains(&y) && inside(x, y);
                if now != on {
                    counts.push(run);
                    (run, on) = (0, now);
                }
                run += 1;
            }
        }
        counts.push(run);
        Self { size: [height, width], counts }
    }

    /// The places of its pixels in a picture that is stored row by row, column after column. Runs beyond the picture are passed over.
    pub fn pixels(&self) -> impl Iterator<Item = usize> + '_ {
        let [height, width] = self.size;
        let mut at = 0usize;
        let runs = self.counts.iter().enumerate().map(move |(index, run)| {
            let from = at;
            at = at.saturating_add(*run as usize);
            (index % 2 == 1).then_some(from..at)
        });
        runs.flatten()
            .flatten()
            .take_while(move |place| *place < height * width)
            .map(move |place| place % height * width + place / height)
    }

    /// From a packed string, as pycocotools writes it.
    ///
    /// # Errors
    /// [`MaskError`].
    pub fn unpack(size: [usize; 2], packed: &str) -> Result<Self, MaskError> {
        let (mut counts, mut value, mut shift) = (Vec::<i64>::new(), 0i64, 0u32);
        for (at, byte) in packed.bytes().enumerate() {
            let bits = i64::from(byte) - 48;
            if !(0..64).contains(&bits) || shift > 30 {
                return Err(MaskError::Packed { at });
            }
            value |= (bits & 0x1f) << shift;
            shift += 5;
            if bits & 0x20 == 0 {
                if bits & 0x10 != 0 {
                    value |= -1 << shift;
                }
                if counts.len() > 2 {
                    value += counts[counts.len() - 2];
                }
                counts.push(value);
                (value, shift) = (0, 0);
            }
        }
        let counts: Option<Vec<u32>> = counts.into_iter().map(|count| u32::try_from(count).ok()).collect();
        match counts {
            Some(counts) if shift == 0 => Ok(Self { size, counts }),
            _ => Err(MaskError::Packed { at: packed.len() }),
        }
    }

    /// The pixels that are in it.
    pub fn area(&self) -> u64 {
        self.counts.iter().skip(1).step_by(2).map(|run| u64::from(*run)).sum()
    }

    /// As a picture.
    ///
    /// # Errors
    /// Where the runs do not cover the picture exactly.
    pub fn image(&self) -> Result<Image<bool>, MaskError> {
        let [height, width] = self.size;
        let covered: u64 = self.counts.iter().map(|run| u64::from(*run)).sum();
        if covered != width as u64 * height as u64 {
            return Err(MaskError::Covered { covered, width, height });
        }
        let mut image = Image::filled(width, height, false);
        let mut at = 0;
        for (index, run) in self.counts.iter().enumerate() {
            let run = *run as usize;
            if index % 2 == 1 {
                for place in at..at + run {
                    image.pixels[place % height * width + place / height] = true;
                }
            }
            at += run;
        }
        Ok(image)
    }

    /// The share of overlap with another mask of the same size: both over either. 0 where both are empty.
    pub fn overlap(&self, other: &Self) -> f64 {
        let (mut mine, mut theirs) = (self.counts.iter(), other.counts.iter());
        let (mut left_a, mut left_b) = (mine.next().copied(), theirs.next().copied());
        let (mut on_a, mut on_b, mut both) = (false, false, 0u64);
        while let (Some(a), Some(b)) = (left_a, left_b) {
            let step = a.min(b);
            if on_a && on_b {
                both += u64::from(step);
            }
            left_a = Some(a - step);
            left_b = Some(b - step);
            if a == step {
                left_a = mine.next().copied();
                on_a = !on_a;
            }
            if b == step {
                left_b = theirs.next().copied();
                on_b = !on_b;
            }
        }
        let either = self.area() + other.area() - both;
        if either == 0 { 0.0 } else { both as f64 / either as f64 }
    }
}
