//! A renderer of tags that shares nothing with the detector: bits from the family's own table, every pixel the mean
//! of what it covers.

use nalgebra::{Matrix3, Vector3};
use nightshift_core::image::Image;
use nightshift_core::random::Seed;
use rand_distr::{Distribution, Normal};

/// Codes of the family tag36h11 (Olson 2011), by id.
pub const CODES: [u64; 12] = [
    0xd7e00984b,
    0xdda664ca7,
    0xdc4a1c821,
    0xe17b470e9,
    0xef91d01b1,
    0xf429cdd73,
    0x05da29225,
    0x1106cba43,
    0x223bed79d,
    0x21f51213c,
    0x33eb19ca6,
    0x3f76eb0f8,
];

/// Whether a cell of an upright tag is white; column and row from its top left, 0 to 7 on the black square.
fn white(id: u32, column: i32, row: i32) -> bool {
    if !(0..8).contains(&column) || !(0..8).contains(&row) {
        return true;
    }
    // The family numbers the cells of one triangle of the square, then those of the same triangle turned by a
    // quarter clockwise, and so on.
    let triangle = [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (2, 2), (3, 2), (4, 2), (3, 3)];
    let (mut x, mut y) = (column, row);
    for quarter in 0..4 {
        if let Some(index) = triangle.iter().position(|cell| *cell == (x, y)) {
            return CODES[id as usize] >> (35 - (quarter * 9 + index)) & 1 == 1;
        }
        (x, y) = (y, 7 - x);
    }
    false
}

/// Cells of an upright ArUco marker within its black border, row by row from the top left: a bit each, as OpenCV's tables have them
/// (DICT_4X4, ids 0 to 3; DICT_6X6, id 0).
const ARUCO_4: [u64; 4] =
    [0b1011_0101_0011_0010, 0b0000_1111_1001_1010, 0b0011_0011_0010_1101, 0b1001_1001_0100_0110];
const ARUCO_6: [u64; 1] = [0b0001_1110_0011_1101_1101_1000_0010_1010_0110];

fn aruco_white(bits: u64, side: i32, column: i32, row: i32) -> bool {
    if !(0..side + 2).contains(&column) || !(0..side + 2).contains(&row) {
        return true;
    }
    let inside = (1..=side).contains(&column) && (1..=side).contains(&row);
    inside && bits >> (side * side - 1 - ((row - 1) * side + column - 1)) & 1 == 1
}

/// Whose cells a drawn tag has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cells {
    April,
    Aruco4,
    Aruco6,
}

impl Cells {
    /// Along an edge of the black square.
    fn side(self) -> f64 {
        match self {
            Self::April | Self::Aruco6 => 8.0,
            Self::Aruco4 => 6.0,
        }
    }

    fn white(self, id: u32, column: i32, row: i32) -> bool {
        match self {
            Self::April => white(id, column, row),
            Self::Aruco4 => aruco_white(ARUCO_4[id as usize], 4, column, row),
            Self::Aruco6 => aruco_white(ARUCO_6[id as usize], 6, column, row),
        }
    }
}

/// A tag to draw.
pub struct Drawn {
    pub cells: Cells,
    pub id: u32,
    /// Corners of the black square: top left, top right, bottom right, bottom left of the upright tag.
    pub corners: [[f64; 2]; 4],
}

impl Drawn {
    /// A tag of some size about a centre, turned clockwise, and squeezed along its own x as if seen from the side.
    pub fn new(id: u32, center: [f64; 2], size_px: f64, turn: f64, squeeze: f64) -> Self {
        let half = size_px / 2.0;
        let corners = [[-half, -half], [half, -half], [half, half], [-half, half]].map(|[x, y]| {
            // The far side is a little shorter: perspective.
            let far = 1.0 + (1.0 - squeeze) * 0.1 * x / half;
            let (x, y) = (x * squeeze, y * far);
            [center[0] + x * turn.cos() - y * turn.sin(), center[1] + x * turn.sin() + y * turn.cos()]
        });
        Self { cells: Cells::April, id, corners }
    }

    /// The same as another kind of tag.
    pub fn of(self, cells: Cells) -> Self {
        Self { cells, ..self }
    }

    /// From pixels to cells of the tag.
    fn cells_from_pixels(&self) -> Matrix3<f64> {
        // The projective frame of four points: columns scaled so that they sum to the fourth.
        let frame = |p: [[f64; 2]; 4]| {
            let columns = [p[0], p[1], p[2]].map(|[x, y]| Vector3::new(x, y, 1.0));
            let basis = Matrix3::from_columns(&columns);
            let scale = basis.try_inverse().unwrap() * Vector3::new(p[3][0], p[3][1], 1.0);
            basis * Matrix3::from_diagonal(&scale)
        };
        let side = self.cells.side();
        let cells = [[0.0, 0.0], [side, 0.0], [side, side], [0.0, side]];
        frame(cells) * frame(self.corners).try_inverse().unwrap()
    }
}

/// What a picture looks like.
pub struct Look {
    pub black: f64,
    pub white: f64,
    pub background: f64,
    /// Gaussian blur of the lens, pixels.
    pub blur_px: f64,
    /// Of the sensor, grey levels.
    pub noise: f64,
}

pub const PLAIN: Look = Look { black: 30.0, white: 220.0, background: 120.0, blur_px: 0.5, noise: 2.0 };

/// Tags with a white edge of `margin` cells on a plain background.
pub fn render(size: [usize; 2], tags: &[Drawn], margin: f64, look: &Look, seed: u64) -> Image<[u8; 3]> {
    const SUB: usize = 8;
    let maps: Vec<_> = tags.iter().map(|tag| (tag, tag.cells_from_pixels())).collect();
    let shade = |x: f64, y: f64| {
        for (tag, map) in &maps {
            let side = tag.cells.side();
            let at = map * Vector3::new(x, y, 1.0);
            let (u, v) = (at.x / at.z, at.y / at.z);
            if u > -margin && v > -margin && u < side + margin && v < side + margin {
                return if tag.cells.white(tag.id, u.floor() as i32, v.floor() as i32) {
                    look.white
                } else {
                    look.black
                };
            }
        }
        look.background
    };
    let [width, height] = size;
    let mut sharp = vec![0.0; width * height];
    for (index, pixel) in sharp.iter_mut().enumerate() {
        let (x, y) = ((index % width) as f64, (index / width) as f64);
        // Sampled only where something begins or ends.
        let ends = [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]].map(|[u, v]| shade(x + u, y + v));
        if ends.iter().all(|end| *end == ends[0]) {
            *pixel = ends[0];
            continue;
        }
        let offset = |k: usize| (k as f64 + 0.5) / SUB as f64 - 0.5;
        let sum: f64 = (0..SUB * SUB).map(|k| shade(x + offset(k % SUB), y + offset(k / SUB))).sum();
        *pixel = sum / (SUB * SUB) as f64;
    }
    let kernel: Vec<f64> =
        (-4..=4).map(|k| (-0.5 * (f64::from(k) / look.blur_px.max(0.05)).powi(2)).exp()).collect();
    let total: f64 = kernel.iter().sum();
    let pass = |from: &[f64], stride: [usize; 2]| -> Vec<f64> {
        (0..from.len())
            .map(|index| {
                let (x, y) = (index % width, index / width);
                let at = |k: usize| {
                    let x = (x + k * stride[0]).saturating_sub(4 * stride[0]).min(width - 1);
                    let y = (y + k * stride[1]).saturating_sub(4 * stride[1]).min(height - 1);
                    from[y * width + x]
                };
                kernel.iter().enumerate().map(|(k, weight)| weight * at(k)).sum::<f64>() / total
            })
            .collect()
    };
    let blurred = pass(&pass(&sharp, [1, 0]), [0, 1]);
    let mut stream = Seed(seed).stream("sensor");
    let noise = Normal::new(0.0, look.noise).unwrap();
    let pixels = blurred
        .into_iter()
        .map(|value| [(); 3].map(|()| (value + noise.sample(&mut stream)).round().clamp(0.0, 255.0) as u8))
        .collect();
    Image { width, height, pixels }
}
