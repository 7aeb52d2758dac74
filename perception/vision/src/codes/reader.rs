//! One code out of one grey picture.

use nightshift_core::image::Image;
use nightshift_perception::code::CodeKind;
use rxing::common::HybridBinarizer;
use rxing::datamatrix::DataMatrixReader;
use rxing::oned::Code128Reader;
use rxing::qrcode::{QRCodeReader, cpp_port};
use rxing::{BarcodeFormat, BinaryBitmap, DecodeHints, Luma8LuminanceSource, RXingResult, Reader};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What it says, and its corners in the picture's pixels, clockwise.
pub type Reading = (String, [[f64; 2]; 4]);

/// The first code of a kind that a decoder finds.
pub fn read(picture: &Image<u8>, kind: CodeKind) -> Option<Reading> {
    let result = decode(picture, kind)?;
    let points: Vec<[f64; 2]> = result.getPoints().iter().map(|p| [f64::from(p.x), f64::from(p.y)]).collect();
    // Points of rxing are at pixels' corners.
    let points: Vec<[f64; 2]> = points.iter().map(|[x, y]| [x - 0.5, y - 0.5]).collect();
    let text = result.getText().to_owned();
    if kind == CodeKind::Code128 {
        let [from, to] = <[[f64; 2]; 2]>::try_from(points.get(..2)?).ok()?;
        return confirmed(picture, from[1], &text).then_some((text, [from, to, to, from]));
    }
    Some((text, corners(&points, picture)))
}

fn decode(picture: &Image<u8>, kind: CodeKind) -> Option<RXingResult> {
    let (width, height) = (u32::try_from(picture.width).ok()?, u32::try_from(picture.height).ok()?);
    let format = match kind {
        CodeKind::DataMatrix => BarcodeFormat::DATA_MATRIX,
        CodeKind::Qr => BarcodeFormat::QR_CODE,
        CodeKind::Code128 => BarcodeFormat::CODE_128,
    };
    let hints = DecodeHints {
        PossibleFormats: Some(HashSet::from([format])),
        TryHarder: Some(true),
        ..DecodeHints::default()
    };
    // A decoder that falls over a torn code has not read it.
    catch_unwind(AssertUnwindSafe(|| {
        let source = Luma8LuminanceSource::new(picture.pixels.clone(), width, height).ok()?;
        let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
        match kind {
            CodeKind::DataMatrix => DataMatrixReader.decode_with_hints(&mut bitmap, &hints).ok(),
            CodeKind::Qr => cpp_port::QrReader
                .decode_with_hints(&mut bitmap, &hints)
                .or_else(|_| QRCodeReader.decode_with_hints(&mut bitmap, &hints))
                .ok(),
            CodeKind::Code128 => Code128Reader.decode_with_hints(&mut bitmap, &hints).ok(),
        }
    }))
    .ok()
    .flatten()
}

/// Rows from the one that was read in which a bar code must say the same. A line of noise passes the one check sum of Code
/// 128 once in a hundred times, two lines of noise never say the same.
const OTHER_ROWS: [i64; 6] = [-2, 2, -4, 4, -8, 8];

fn confirmed(picture: &Image<u8>, row: f64, text: &str) -> bool {
    OTHER_ROWS.iter().any(|step| {
        let row = row.round() as i64 + step;
        let Ok(row) = usize::try_from(row) else { return false };
        if row >= picture.height {
            return false;
        }
        // One row alone, as high as a binarizer wants it.
        let line = &picture.pixels[row * picture.width..(row + 1) * picture.width];
        let band = Image { width: picture.width, height: 8, pixels: line.repeat(8) };
        decode(&band, CodeKind::Code128).is_some_and(|other| other.getText() == text)
    })
}

/// Corners from what a decoder tells: four of them, three finder patterns (bottom left, top left, top right), or nothing
/// where the code fills the picture.
fn corners(points: &[[f64; 2]], picture: &Image<u8>) -> [[f64; 2]; 4] {
    let (right, bottom) = (picture.width as f64 - 1.0, picture.height as f64 - 1.0);
    let mut corners = match *points {
        [bottom_left, top_left, top_right] => {
            let opposite = [0, 1].map(|axis| top_right[axis] + bottom_left[axis] - top_left[axis]);
            [top_left, top_right, opposite, bottom_left]
        }
        [a, b, c, d, ..] => [a, b, c, d],
        _ => [[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]],
    };
    let doubled_area: f64 = (0..4)
        .map(|i| {
            let ([x, y], [u, v]) = (corners[i], corners[(i + 1) % 4]);
            x * v - u * y
        })
        .sum();
    // With y down, clockwise is the positive way round.
    if doubled_area < 0.0 {
        corners.swap(1, 3);
    }
    corners
}

/// Room around a code that is painted over with it, as a share of its size.
const MARGIN: f64 = 0.08;

/// Paints a code's place white, so that it is not read again.
pub fn paint_over(picture: &mut Image<u8>, corners: &[[f64; 2]; 4]) {
    let [x, y] = [0, 1].map(|axis| corners.iter().map(|corner| corner[axis]).sum::<f64>() / 4.0);
    let reach = corners.iter().map(|[u, v]| (u - x).hypot(v - y)).fold(0.0, f64::max);
    if !reach.is_finite() {
        return;
    }
    let flat = corners[0] == corners[3] && corners[1] == corners[2];
    let inside = |u: f64, v: f64| {
        if flat {
            // A bar code's height is not told: a band of a third of its length.
            let [a, b] = [corners[0], corners[1]];
            let (along, length) = ([b[0] - a[0], b[1] - a[1]], (b[0] - a[0]).hypot(b[1] - a[1]));
            let across = (along[0] * (v - a[1]) - along[1] * (u - a[0])).abs() / length.max(1.0);
            return across < length / 3.0 && (u - x).hypot(v - y) < 1.2 * reach;
        }
        (0..4).all(|i| {
            let ([ax, ay], [bx, by]) = (corners[i], corners[(i + 1) % 4]);
            let length = (bx - ax).hypot(by - ay).max(1.0);
            ((bx - ax) * (v - ay) - (by - ay) * (u - ax)) / length > -(MARGIN * reach)
        })
    };
    let span = |middle: f64, end: usize| {
        let reach = 1.3 * reach + 1.0;
        ((middle - reach).max(0.0) as usize).min(end)..((middle + reach + 1.0).max(0.0) as usize).min(end)
    };
    for row in span(y, picture.height) {
        for column in span(x, picture.width) {
            if inside(column as f64, row as f64) {
                picture.pixels[row * picture.width + column] = 255;
            }
        }
    }
}
