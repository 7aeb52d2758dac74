//! A part of a picture at another size.

use nightshift_core::image::Image;

/// For each place of the result: the first place of the source that counts, and the weights from there on.
fn taps(from: f64, to: f64, count: usize, limit: usize) -> Vec<(usize, Vec<f32>)> {
    let step = (to - from) / count as f64;
    // When it shrinks, each place is the mean of all that it stands for: a triangle of one step to either side.
    let reach = step.max(1.0);
    let last = limit as isize - 1;
    (0..count)
        .map(|place| {
            let middle = from + (place as f64 + 0.5) * step;
            let (low, high) = ((middle - reach).floor() as isize, (middle + reach).ceil() as isize);
            let (first, end) = (low.clamp(0, last), (high - 1).clamp(0, last));
            let mut weights = vec![0f32; (end - first + 1) as usize];
            for source in low..high {
                let away = (source as f64 + 0.5 - middle).abs() / reach;
                // What lies outside is as the edge is.
                let at = source.clamp(0, last) - first;
                weights[at as usize] += (1.0 - away).max(0.0) as f32;
            }
            let sum: f32 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= sum);
            (first as usize, weights)
        })
        .collect()
}

/// The part of a picture within a box (left, top, right, bottom, in pixels from its left top edge) at a size (width, height),
/// as a network takes it: red, green, blue planes in 0..1. What lies outside the picture is as its edge is.
///
/// The picture must have pixels, and the box an extent.
pub fn resample(
    picture: &Image<[u8; 3]>,
    [left, top, right, bottom]: [f64; 4],
    [width, height]: [usize; 2],
) -> Vec<f32> {
    let columns = taps(left, right, width, picture.width);
    let rows = taps(top, bottom, height, picture.height);
    let first_row = rows.iter().map(|(first, _)| *first).min().unwrap_or(0);
    let end_row = rows.iter().map(|(first, weights)| first + weights.len()).max().unwrap_or(0);
    // Along the rows first; only those that are needed.
    let mut narrow = vec![[0f32; 3]; width * (end_row - first_row)];
    for y in first_row..end_row {
        let source = &picture.pixels[y * picture.width..(y + 1) * picture.width];
        for (x, (first, weights)) in columns.iter().enumerate() {
            let mut sum = [0f32; 3];
            for (pixel, weight) in source[*first..].iter().zip(weights) {
                for channel in 0..3 {
                    sum[channel] += weight * f32::from(pixel[channel]);
                }
            }
            narrow[(y - first_row) * width + x] = sum;
        }
    }
    let mut planes = vec![0f32; 3 * width * height];
    for (y, (first, weights)) in rows.iter().enumerate() {
        for (source, weight) in (first - first_row..).zip(weights) {
            let row = &narrow[source * width..(source + 1) * width];
            for channel in 0..3 {
                let out = &mut planes[(channel * height + y) * width..][..width];
                for (into, from) in out.iter_mut().zip(row) {
                    *into += weight / 255.0 * from[channel];
                }
            }
        }
    }
    planes
}
