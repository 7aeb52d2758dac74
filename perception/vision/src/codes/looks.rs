//! The ways in which a picture is looked at for codes.

use super::Effort;
use nightshift_core::image::Image;
use nightshift_perception::code::CodeKind;
use opencv::core::{BORDER_REPLICATE, Mat, Point, Scalar, Size};
use opencv::imgproc;
use opencv::prelude::*;

/// Matrix codes are read however they are turned; of bar codes only what lies along the rows.
const MATRIX: &[CodeKind] = &[CodeKind::DataMatrix, CodeKind::Qr];
const BARS: &[CodeKind] = &[CodeKind::Code128];
const ALL: &[CodeKind] = &[CodeKind::DataMatrix, CodeKind::Qr, CodeKind::Code128];

/// What is done to the grey picture before it is searched.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// Nothing.
    Plain,
    /// Light for dark.
    Inverted,
    /// Another size: a code's cell wants 3 to 8 pixels, and shrinking averages noise away.
    Sized(f64),
    /// A blur of this sigma in pixels: for halftone prints and noise.
    Blurred(f64),
    /// Sharper, by what a blur of this sigma takes away: for pictures out of focus.
    Sharp(f64),
    /// Black and white by the mean of the surroundings, of this share of the picture's shorter side: for shadows and glare.
    Local(f64),
    /// Dark dots grown together over this many pixels: for cells that were printed apart, as by needles and lasers.
    Closed(i32),
    /// Light and dark exchanged, then closed.
    InvertedClosed(i32),
    /// Stretched on one side and squeezed on the other, along x and along y: t of the look is t + k t (1 - t) of the picture.
    /// For labels round a vial, whose cells get narrower the more they turn away.
    Bent([f64; 2]),
    /// With a white margin of so many pixels, for codes that reach the picture's edge, and enlarged so many times.
    Framed(i32, f64),
    /// Turned by these degrees, and enlarged a little: turning blurs.
    Turned(f64),
}

/// Smaller than this in its shorter side, a picture is worth enlarging.
const SMALL: usize = 900;
/// Larger than this in its shorter side, a picture is worth shrinking.
const LARGE: usize = 120;

/// Cells on one side are then twice as wide as on the other, as 60 degrees further round a vial.
const BEND: f64 = 1.0 / 3.0;

/// How much a turned picture is enlarged.
const TURNED_SCALE: f64 = 1.5;

/// What is tried, in order.
pub fn looks(gray: &Image<u8>, effort: Effort) -> Vec<Look> {
    let shorter = gray.width.min(gray.height);
    let mut looks = vec![Look::Plain];
    let small = shorter < SMALL;
    if effort == Effort::Quick {
        looks.push(Look::Sized(if small { 2.0 } else { 0.5 }));
        return looks;
    }
    if small {
        looks.push(Look::Sized(2.0));
    }
    if shorter > LARGE {
        looks.push(Look::Sized(0.5));
    }
    looks.extend([Look::Inverted, Look::Blurred(1.2), Look::Local(0.12), Look::Sharp(2.0), Look::Closed(3)]);
    looks.push(Look::InvertedClosed(3));
    if shorter > 3 * LARGE {
        looks.push(Look::Sized(1.0 / 3.0));
    }
    if shorter < SMALL / 3 {
        looks.push(Look::Sized(4.0));
    }
    if small {
        looks.push(Look::Sized(1.5));
    }
    looks.extend([Look::Blurred(2.5), Look::Local(0.3), Look::Closed(5)]);
    if small {
        looks.push(Look::Framed(12, if shorter < SMALL / 6 { 3.0 } else { 1.0 }));
    }
    if small {
        looks.extend([[BEND, 0.0], [-BEND, 0.0], [0.0, BEND], [0.0, -BEND]].map(Look::Bent));
    }
    // A bar code that is a third as high as long is read up to 18 degrees off.
    looks.extend([90.0, 20.0, 40.0, 60.0, 80.0, 100.0, 120.0, 140.0, 160.0].map(Look::Turned));
    looks
}

/// From a place in the look to the place in the picture: a bend along each axis, then an affine map.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// As in [`Look::Bent`], with the side that it holds for, pixels.
    bend: [(f64, f64); 2],
    affine: [[f64; 3]; 2],
}

impl Places {
    const SAME: Self = Self { bend: [(0.0, 1.0); 2], affine: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] };

    fn affine(affine: [[f64; 3]; 2]) -> Self {
        Self { affine, ..Self::SAME }
    }

    fn scaled(scale: f64) -> Self {
        // Pixel centres are at integers before and after, so the pictures' edges, at minus a half, coincide.
        let shift = 0.5 / scale - 0.5;
        Self::affine([[1.0 / scale, 0.0, shift], [0.0, 1.0 / scale, shift]])
    }

    /// Where a point of the look is in the picture.
    pub fn to_picture(self, at: [f64; 2]) -> [f64; 2] {
        let [x, y] = [0, 1].map(|axis| {
            let (k, side) = self.bend[axis];
            let t = at[axis] / side;
            side * (t + k * t * (1.0 - t))
        });
        self.affine.map(|[a, b, c]| a * x + b * y + c)
    }

    /// Where a point of the picture is in the look.
    pub fn to_look(self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [[a, b, c], [d, e, f]] = self.affine;
        let det = a * e - b * d;
        let straight = [(e * (x - c) - b * (y - f)) / det, (a * (y - f) - d * (x - c)) / det];
        [0, 1].map(|axis| {
            let (k, side) = self.bend[axis];
            if k == 0.0 {
                return straight[axis];
            }
            let root = ((1.0 + k).powi(2) - 4.0 * k * straight[axis] / side).max(0.0).sqrt();
            side * (1.0 + k - root) / (2.0 * k)
        })
    }
}

impl Look {
    /// What is read in it.
    pub fn kinds(&self) -> &'static [CodeKind] {
        match self {
            Self::Turned(_) => BARS,
            Self::Closed(_) | Self::InvertedClosed(_) | Self::Bent(_) => MATRIX,
            _ => ALL,
        }
    }

    /// The picture as this look has it, and the way back to the grey picture's pixels.
    pub fn at(&self, gray: &Image<u8>) -> opencv::Result<(Image<u8>, Places)> {
        let same = Places::SAME;
        if *self == Self::Plain {
            return Ok((gray.clone(), same));
        }
        if *self == Self::Inverted {
            return Ok((inverted(gray), same));
        }
        if let Self::InvertedClosed(size) = *self {
            return Ok((Self::Closed(size).at(&inverted(gray))?.0, same));
        }
        if gray.width < 3 || gray.height < 3 {
            return Ok((gray.clone(), same));
        }
        let picture = Mat::new_rows_cols_with_data(gray.height as i32, gray.width as i32, &gray.pixels)?;
        let mut out = Mat::default();
        let mut places = same;
        match *self {
            Self::Plain | Self::Inverted | Self::InvertedClosed(_) => unreachable!("done above"),
            Self::Sized(scale) => {
                let how = if scale < 1.0 { imgproc::INTER_AREA } else { imgproc::INTER_CUBIC };
                let size =
                    [gray.width, gray.height].map(|side| ((side as f64 * scale).round() as i32).max(1));
                imgproc::resize(&picture, &mut out, Size::new(size[0], size[1]), 0.0, 0.0, how)?;
                places = Places::scaled(scale);
            }
            Self::Blurred(sigma) => {
                imgproc::gaussian_blur(&picture, &mut out, Size::default(), sigma, sigma, BORDER_REPLICATE)?;
            }
            Self::Sharp(sigma) => {
                let mut soft = Mat::default();
                imgproc::gaussian_blur(&picture, &mut soft, Size::default(), sigma, sigma, BORDER_REPLICATE)?;
                opencv::core::add_weighted(&picture, 2.5, &soft, -1.5, 0.0, &mut out, -1)?;
            }
            Self::Local(share) => {
                let side = gray.width.min(gray.height) as f64;
                let block = ((share * side / 2.0) as i32).max(3) * 2 + 1;
                let (mean, kind) = (imgproc::ADAPTIVE_THRESH_MEAN_C, imgproc::THRESH_BINARY);
                imgproc::adaptive_threshold(&picture, &mut out, 255.0, mean, kind, block, 5.0)?;
            }
            Self::Closed(size) => {
                // To erode is to let the dark grow.
                let shape = imgproc::get_structuring_element(
                    imgproc::MORPH_ELLIPSE,
                    Size::new(size, size),
                    Point::new(-1, -1),
                )?;
                imgproc::morphology_ex(
                    &picture,
                    &mut out,
                    imgproc::MORPH_OPEN,
                    &shape,
                    Point::new(-1, -1),
                    1,
                    BORDER_REPLICATE,
                    Scalar::default(),
                )?;
            }
            Self::Framed(margin, scale) => {
                let (mut framed, white) = (Mat::default(), Scalar::all(255.0));
                let constant = opencv::core::BORDER_CONSTANT;
                opencv::core::copy_make_border(
                    &picture,
                    &mut framed,
                    margin,
                    margin,
                    margin,
                    margin,
                    constant,
                    white,
                )?;
                imgproc::resize(&framed, &mut out, Size::default(), scale, scale, imgproc::INTER_CUBIC)?;
                places = Places::scaled(scale);
                for row in &mut places.affine {
                    row[2] -= f64::from(margin);
                }
            }
            Self::Bent(bend) => {
                let sides = [gray.width as f64, gray.height as f64];
                places.bend = [(bend[0], sides[0]), (bend[1], sides[1])];
                let axis = |axis: usize, end: usize| -> Vec<f32> {
                    (0..end).map(|i| places.to_picture([i as f64; 2])[axis] as f32).collect()
                };
                let (columns, rows) = (axis(0, gray.width), axis(1, gray.height));
                let x: Vec<f32> = columns.repeat(gray.height);
                let y: Vec<f32> = rows.iter().flat_map(|y| std::iter::repeat_n(*y, gray.width)).collect();
                let (w, h) = (gray.width as i32, gray.height as i32);
                imgproc::remap(
                    &picture,
                    &mut out,
                    &Mat::new_rows_cols_with_data(h, w, &x)?,
                    &Mat::new_rows_cols_with_data(h, w, &y)?,
                    imgproc::INTER_LINEAR,
                    BORDER_REPLICATE,
                    Scalar::default(),
                )?;
            }
            Self::Turned(degrees) => {
                let (sin, cos) = degrees.to_radians().sin_cos();
                let (sin, cos) = (sin / TURNED_SCALE, cos / TURNED_SCALE);
                let (w, h) = (gray.width as f64, gray.height as f64);
                let (wide, high) = (w * cos.abs() + h * sin.abs(), w * sin.abs() + h * cos.abs());
                let (wide, high) = (wide * TURNED_SCALE.powi(2), high * TURNED_SCALE.powi(2));
                // From the turned picture to the picture, about both middles.
                let (cx, cy) = ((w - 1.0) / 2.0, (h - 1.0) / 2.0);
                let (tx, ty) = ((wide - 1.0) / 2.0, (high - 1.0) / 2.0);
                let rows = [[cos, sin, cx - cos * tx - sin * ty], [-sin, cos, cy + sin * tx - cos * ty]];
                places = Places::affine(rows);
                let matrix = Mat::from_slice_2d(&rows)?;
                imgproc::warp_affine(
                    &picture,
                    &mut out,
                    &matrix,
                    Size::new(wide.round() as i32, high.round() as i32),
                    imgproc::INTER_CUBIC | imgproc::WARP_INVERSE_MAP,
                    BORDER_REPLICATE,
                    Scalar::default(),
                )?;
            }
        }
        let pixels = out.data_bytes()?.to_vec();
        Ok((Image { width: out.cols() as usize, height: out.rows() as usize, pixels }, places))
    }
}

fn inverted(gray: &Image<u8>) -> Image<u8> {
    Image { width: gray.width, height: gray.height, pixels: gray.pixels.iter().map(|v| 255 - v).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_leads_to_the_same_place() {
        let picture = Image { width: 40, height: 30, pixels: (0..1200).map(|i| (i % 251) as u8).collect() };
        for look in looks(&picture, Effort::Thorough) {
            let (seen, places) = look.at(&picture).unwrap();
            assert_eq!(seen.pixels.len(), seen.width * seen.height, "{look:?}");
            let there = places.to_picture([7.0, 11.0]);
            let [x, y] = places.to_look(there);
            assert!((x - 7.0).hypot(y - 11.0) < 1e-9, "{look:?}");
        }
    }

    #[test]
    fn a_spot_is_found_where_it_is_in_every_look_that_moves_it() {
        // A dark spot: what a look puts around the picture is white or the picture's own border.
        let mut picture = Image::filled(60, 50, 230u8);
        for (x, y) in [(40, 12), (41, 12), (40, 13), (41, 13)] {
            picture.pixels[y * 60 + x] = 5;
        }
        for look in [
            Look::Sized(2.0),
            Look::Sized(0.5),
            Look::Turned(30.0),
            Look::Turned(90.0),
            Look::Turned(160.0),
            Look::Framed(12, 3.0),
        ] {
            let (seen, places) = look.at(&picture).unwrap();
            let darkest = seen.pixels.iter().enumerate().min_by_key(|(_, v)| **v).unwrap().0;
            let [x, y] = places.to_picture([(darkest % seen.width) as f64, (darkest / seen.width) as f64]);
            assert!((x - 40.5).hypot(y - 12.5) < 1.5, "{look:?}: {x} {y}");
        }
    }
}
