//! Corners of a tag to a fraction of a pixel: straight lines through its four edges, met with each other.

use nalgebra::{Matrix2, Vector2};
use nightshift_core::image::Image;

/// Cells along an edge of a tag36h11's black square.
const CELLS: f64 = 8.0;
/// From sample to sample along an edge, pixels.
const STEP_PX: f64 = 0.5;
/// From sample to sample across an edge, pixels. Finer: along an edge that runs with the pixels, what a coarse sum leaves
/// out of the bent profile does not average out.
const ACROSS_PX: f64 = 0.125;
/// Grey levels between the tag's black and its white edge below which there is no edge to see.
const MIN_CONTRAST: f64 = 12.0;

/// Moves the corners of a tag, found to a pixel or two, to where lines through its edges meet.
///
/// `corners` are clockwise as seen in the picture (pixels, the centre of the top left pixel is (0, 0)); so are the
/// corners in the answer. None where an edge cannot be followed: too small, out of the picture, without contrast.
pub fn refine_corners(gray: &Image<u8>, corners: &[[f64; 2]; 4]) -> Option<[[f64; 2]; 4]> {
    let start = corners.map(Vector2::from);
    let mut now = start;
    // The first look reaches far enough to catch the edge; later ones stay clear of the code's own edges.
    for (share_of_cell, least_px, most_px) in
        [(0.75, 1.5, 5.0), (0.5, 1.0, 3.0), (0.5, 1.0, 3.0), (0.5, 1.0, 3.0)]
    {
        let mut lines = [Line { point: Vector2::zeros(), normal: Vector2::zeros() }; 4];
        let shortest = (0..4).map(|i| (now[i] - now[(i + 1) % 4]).norm()).fold(f64::INFINITY, f64::min);
        let reach = (share_of_cell * shortest / CELLS).clamp(least_px, most_px);
        for (index, line) in lines.iter_mut().enumerate() {
            *line = edge(gray, now[index], now[(index + 1) % 4], reach)?;
        }
        for index in 0..4 {
            now[index] = lines[(index + 3) % 4].meet(&lines[index])?;
        }
    }
    let longest = (0..4).map(|i| (start[i] - start[(i + 1) % 4]).norm()).fold(0.0, f64::max);
    let near = start.iter().zip(&now).all(|(before, after)| (before - after).norm() < 2.0 + longest / CELLS);
    near.then(|| now.map(|corner| [corner.x, corner.y]))
}

#[derive(Clone, Copy)]
struct Line {
    point: Vector2<f64>,
    normal: Vector2<f64>,
}

impl Line {
    fn meet(&self, other: &Self) -> Option<Vector2<f64>> {
        let normals = Matrix2::from_rows(&[self.normal.transpose(), other.normal.transpose()]);
        let distances = Vector2::new(self.normal.dot(&self.point), other.normal.dot(&other.point));
        // Edges of a tag that meet at less than 6 degrees are not edges of a tag.
        (normals.determinant().abs() > 0.1)
            .then(|| normals.try_inverse().map(|inverse| inverse * distances))?
    }
}

/// The line through the step from black to white along the edge from `a` to `b`, looked for within `reach` pixels.
fn edge(gray: &Image<u8>, a: Vector2<f64>, b: Vector2<f64>, reach: f64) -> Option<Line> {
    let length = (b - a).norm();
    // Blur rounds the corners: their neighbourhood tells nothing of the edge.
    let margin = (0.08 * length).max(1.5);
    let samples = ((length - 2.0 * margin) / STEP_PX).floor();
    // A NaN or a length beyond any picture ends here as well.
    if !(4.0..1e5).contains(&samples) {
        return None;
    }
    let along = (b - a) / length;
    let outward = Vector2::new(along.y, -along.x);
    let across = (2.0 * reach / ACROSS_PX).ceil();
    let step = 2.0 * reach / across;

    let (mut weight, mut sum, mut square) = (0.0, Vector2::zeros(), Matrix2::zeros());
    for k in 0..=samples as usize {
        let on_edge = a + along * (margin + k as f64 * (length - 2.0 * margin) / samples);
        // Where a step has its middle, the black it leaves and the white it gains hold the balance: from the area
        // under the profile, which stays exact on pixels that are part black and part white.
        let (mut area, mut first, mut last) = (0.0, 0.0, 0.0);
        for i in 0..=across as usize {
            let s = i as f64 * step - reach;
            let value = bilinear(gray, on_edge + outward * s)?;
            let end = i == 0 || i == across as usize;
            area += if end { value / 2.0 } else { value } * step;
            if i == 0 {
                first = value;
            }
            last = value;
        }
        let contrast = last - first;
        if contrast < MIN_CONTRAST {
            continue;
        }
        let offset = reach - (area - 2.0 * reach * first) / contrast;
        if offset.abs() > reach {
            continue;
        }
        let point = on_edge + outward * offset - a;
        weight += contrast;
        sum += point * contrast;
        square += point * point.transpose() * contrast;
    }
    if weight < MIN_CONTRAST * samples / 2.0 {
        return None;
    }
    let mean = sum / weight;
    let eigen = (square / weight - mean * mean.transpose()).symmetric_eigen();
    let normal: Vector2<f64> = eigen.eigenvectors.column(eigen.eigenvalues.imin()).into_owned();
    Some(Line { point: mean + a, normal })
}

fn bilinear(gray: &Image<u8>, at: Vector2<f64>) -> Option<f64> {
    let (last_x, last_y) = (gray.width.checked_sub(2)?, gray.height.checked_sub(2)?);
    let inside = at.x >= 0.0 && at.y >= 0.0 && at.x <= last_x as f64 + 1.0 && at.y <= last_y as f64 + 1.0;
    if !inside {
        return None;
    }
    let (x, y) = ((at.x as usize).min(last_x), (at.y as usize).min(last_y));
    let (u, v) = (at.x - x as f64, at.y - y as f64);
    let pixel = |x, y| f64::from(*gray.at(x, y));
    let upper = pixel(x, y) * (1.0 - u) + pixel(x + 1, y) * u;
    let lower = pixel(x, y + 1) * (1.0 - u) + pixel(x + 1, y + 1) * u;
    Some(upper * (1.0 - v) + lower * v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A dark square with corners where they should come out, every pixel the mean of what it covers.
    fn square(center: [f64; 2], size: f64, turn: f64) -> (Image<u8>, [[f64; 2]; 4]) {
        let half = size / 2.0;
        let corners = [[-half, -half], [half, -half], [half, half], [-half, half]].map(|[x, y]: [f64; 2]| {
            [center[0] + x * turn.cos() - y * turn.sin(), center[1] + x * turn.sin() + y * turn.cos()]
        });
        // Pixels on an edge are sampled finely: a grid of n samples puts an edge along it off by up to 1/2n pixels.
        let reach = |x: f64, y: f64| {
            let (x, y) = (x - center[0], y - center[1]);
            (x * turn.cos() + y * turn.sin()).abs().max((y * turn.cos() - x * turn.sin()).abs())
        };
        let pixel = |index: usize| {
            let (x, y) = ((index % 60) as f64, (index / 60) as f64);
            let sub = if (reach(x, y) - half).abs() < 1.0 { 100 } else { 1 };
            let offset = |k: usize| (k as f64 + 0.5) / sub as f64 - 0.5;
            let covered =
                (0..sub * sub).filter(|k| reach(x + offset(k % sub), y + offset(k / sub)) < half).count();
            (210.0 - 180.0 * covered as f64 / (sub * sub) as f64).round() as u8
        };
        (Image { width: 60, height: 60, pixels: (0..3600).map(pixel).collect() }, corners)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn corners_a_pixel_off_are_put_right(
            shift in proptest::array::uniform2(-0.5f64..0.5), size in 20.0f64..34.0, turn in 0.0f64..1.5,
            off in proptest::array::uniform4(proptest::array::uniform2(-0.8f64..0.8)),
        ) {
            let (picture, truth) = square([30.0 + shift[0], 30.0 + shift[1]], size, turn);
            let mut start = truth;
            for (corner, off) in start.iter_mut().zip(off) {
                *corner = [corner[0] + off[0], corner[1] + off[1]];
            }
            let found = refine_corners(&picture, &start).unwrap();
            for (found, truth) in found.iter().zip(truth) {
                prop_assert!((found[0] - truth[0]).hypot(found[1] - truth[1]) < 0.06, "{found:?} for {truth:?}");
            }
        }

        #[test]
        fn any_corners_in_any_picture_are_put_right_or_refused(
            corners in proptest::array::uniform4(proptest::array::uniform2(-20.0f64..80.0)), exponent in 0i32..300,
            width in 0usize..40, height in 0usize..40,
        ) {
            let picture = Image { width, height, pixels: (0..width * height).map(|i| (i * 37 % 256) as u8).collect() };
            for scale in [1.0, 10f64.powi(exponent), f64::NAN, f64::INFINITY] {
                let scaled = corners.map(|corner| corner.map(|v| v * scale));
                if let Some(found) = refine_corners(&picture, &scaled) {
                    prop_assert!(found.iter().flatten().all(|v| v.is_finite()));
                }
            }
        }
    }

    #[test]
    fn nothing_to_follow_is_no_corner() {
        let (picture, truth) = square([30.0, 30.0], 28.0, 0.2);
        assert_eq!(refine_corners(&Image::filled(60, 60, 90), &truth), None);
        // White on black is no tag.
        let inverse = Image { pixels: picture.pixels.iter().map(|v| 255 - v).collect(), ..picture.clone() };
        assert_eq!(refine_corners(&inverse, &truth), None);
        assert_eq!(refine_corners(&picture, &truth.map(|[x, y]| [x + 30.0, y])), None);
        assert_eq!(refine_corners(&picture, &[truth[0]; 4]), None);
    }
}
