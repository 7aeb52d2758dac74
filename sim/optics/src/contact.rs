//! Contact shadows: how much of the ambient light reaches a point past what stands near (Quilez 2006, "Sphere ambient
//! occlusion"). Each body is a few dark balls; a raster over the floor tells which of them are near enough to count.

use crate::space::V3;

/// Edge of a cell of the raster, metres.
const CELL_M: f32 = 0.1;
/// Farther than so many radii a ball takes less than a sixteenth, and does not count.
const REACH: f32 = 4.0;

/// So that rounding leaves out no ball at a cell's edge, metres.
const SLACK_M: f32 = 1e-4;

/// A dark ball that keeps ambient light from what is near it.
#[derive(Clone, Copy, Debug)]
struct Shade {
    centre: V3,
    radius_m: f32,
    weight: f32,
}

/// All balls, and for each cell those that reach it, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    shades: Vec<Shade>,
    low: [f32; 2],
    across: usize,
    cells: Vec<Vec<u32>>,
}

impl Contact {
    /// Of bodies by their boxes, and whether they are of glass.
    pub fn new(bodies: impl Iterator<Item = ([V3; 2], bool)>) -> Self {
        let shades: Vec<Shade> = bodies.flat_map(|(extent, clear)| shades(extent, clear)).collect();
        let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
        for shade in &shades {
            for axis in 0..2 {
                low[axis] = low[axis].min(shade.centre[axis] - REACH * shade.radius_m - SLACK_M);
                high[axis] = high[axis].max(shade.centre[axis] + REACH * shade.radius_m + SLACK_M);
            }
        }
        if shades.is_empty() {
            return Self { shades, low: [0.0; 2], across: 0, cells: Vec::new() };
        }
        let size = [0, 1].map(|axis| ((high[axis] - low[axis]) / CELL_M) as usize + 1);
        let mut this = Self { shades, low, across: size[0], cells: vec![Vec::new(); size[0] * size[1]] };
        for (index, shade) in this.shades.iter().enumerate() {
            let reach = REACH * shade.radius_m + SLACK_M;
            let span = |axis: usize| {
                let cell = |x: f32| ((x - low[axis]) / CELL_M).max(0.0) as usize;
                cell(shade.centre[axis] - reach)..=cell(shade.centre[axis] + reach).min(size[axis] - 1)
            };
            for y in span(1) {
                for x in span(0) {
                    this.cells[y * size[0] + x].push(index as u32);
                }
            }
        }
        this
    }

    /// The share that reaches a point with this normal.
    #[inline]
    pub fn open(&self, point: V3, normal: V3) -> f32 {
        let (x, y) = ((point.x - self.low[0]) / CELL_M, (point.y - self.low[1]) / CELL_M);
        if !(x >= 0.0 && y >= 0.0 && (x as usize) < self.across) {
            return 1.0;
        }
        let Some(near) = self.cells.get(y as usize * self.across + x as usize) else { return 1.0 };
        let mut left = 1.0;
        for index in near {
            let shade = &self.shades[*index as usize];
            let to = shade.centre - point;
            let d2 = to.length_squared();
            let r2 = shade.radius_m * shade.radius_m;
            // Nearer than one radius, the point is on it.
            if d2 > REACH * REACH * r2 || d2 < r2 * 1.02 {
                continue;
            }
            let facing = (normal.dot(to) / d2.sqrt()).max(0.0);
            left *= 1.0 - shade.weight * facing * r2 / d2;
        }
        left
    }
}

fn shades([low, high]: [V3; 2], clear: bool) -> Vec<Shade> {
    let size = high - low;
    // Rooms and bench tops shade nothing near them by this model.
    if size.max_element() > 0.6 || size.min_element() < 0.004 {
        return Vec::new();
    }
    let weight = if clear { 0.45 } else { 0.9 };
    let width = size.x.min(size.y) * 0.5;
    let count = (size.z / (2.0 * width)).ceil().clamp(1.0, 4.0);
    let centre = (low + high) * 0.5;
    (0..count as usize)
        .map(|i| {
            let z = low.z + size.z * (i as f32 + 0.5) / count;
            let centre = V3::new(centre.x, centre.y, z);
            Shade { centre, radius_m: width.min(size.z / count * 0.5) * 0.98, weight }
        })
        .collect()
}
