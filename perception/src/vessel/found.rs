//! Things out of the detector's maps.

use super::{Kind, Rle};

/// What the detector answers for a picture that was shown to it at a scale: planes of `columns * rows` places, each plane
/// row by row. Middle of a thing (0..1); the way from here to its left, top, right and bottom edge in shown pixels; one share
/// a type; vessel, cap, content (0..1).
#[derive(Clone, Copy, Debug)]
pub struct Maps<'a> {
    /// All planes.
    pub values: &'a [f32],
    /// Places in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// Shown pixels from one place to the next.
    pub stride_px: f64,
    /// Shown pixels to a pixel of the picture.
    pub scale: f64,
}

/// Planes of [`Maps`].
const MIDDLE: usize = 0;
const WAYS: usize = 1;
const KINDS: usize = 5;
const VESSEL: usize = KINDS + Kind::ALL.len();
/// How many planes [`Maps`] has.
const PLANES: usize = VESSEL + 3;

/// A thing in the picture, before it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Left, top, right, bottom, pixels of the picture.
    pub bounds: [f64; 4],
    /// How sure it is that something is there, 0 to 1.
    pub score: f64,
    /// The share of each of [`Kind::ALL`].
    pub kinds: [f64; Kind::ALL.len()],
    /// Which pixels are it, coarsely.
    pub mask: Rle,
}

impl Found {
    /// Whether it is rather a vessel, of whichever kind, than a thing without an inside.
    pub fn is_vessel(&self) -> bool {
        let share = |vessel: bool| {
            let kinds = Kind::ALL.iter().zip(&self.kinds);
            kinds.filter(|(kind, _)| kind.is_vessel() == vessel).map(|(_, share)| share).sum::<f64>()
        };
        share(true) >= share(false)
    }
}

/// Shares of overlap from which on two boxes are one thing.
const SAME: f64 = 0.5;
/// The share of a smaller box within a larger one from which on both are one thing, where both are of one kind.
const WITHIN: f64 = 0.8;

impl Maps<'_> {
    /// How many planes the detector must answer with.
    pub const PLANES: usize = PLANES;

    fn plane(&self, plane: usize) -> &[f32] {
        let size = self.columns * self.rows;
        &self.values[plane * size..(plane + 1) * size]
    }

    /// A plane between its places; x and y in pixels of the picture.
    fn between(&self, plane: usize, x: f64, y: f64) -> f32 {
        let place =
            |v: f64, limit: usize| (v * self.scale / self.stride_px - 0.5).clamp(0.0, (limit - 1) as f64);
        bilinear(self.plane(plane), self.columns, [place(x, self.columns), place(y, self.rows)])
    }
}

/// A row-major map between its places.
pub(super) fn bilinear(map: &[f32], columns: usize, [x, y]: [f64; 2]) -> f32 {
    let rows = map.len() / columns;
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(columns - 1), (top + 1).min(rows - 1));
    let (u, v) = ((x - left as f64) as f32, (y - top as f64) as f32);
    let at = |x: usize, y: usize| map[y * columns + x];
    (1.0 - v) * ((1.0 - u) * at(left, top) + u * at(right, top))
        + v * ((1.0 - u) * at(left, bottom) + u * at(right, bottom))
}

/// The share of overlap of two boxes (left, top, right, bottom): both over either.
pub fn overlap(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    let both = both(a, b);
    let either = area(a) + area(b) - both;
    if either > 0.0 { both / either } else { 0.0 }
}

fn area([left, top, right, bottom]: &[f64; 4]) -> f64 {
    (right - left).max(0.0) * (bottom - top).max(0.0)
}

fn both(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    area(&[a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])])
}

fn likeliest(kinds: &[f64]) -> usize {
    (0..kinds.len()).max_by(|a, b| kinds[*a].total_cmp(&kinds[*b])).unwrap_or(0)
}

/// The things of one picture (its width and height in pixels), from the maps of it at one or more scales: peaks of the
/// middle of at least a score, and of those that overlap the surest. The surest come first.
pub fn find(size: [usize; 2], maps: &[Maps], least: f64) -> Vec<Found> {
    let mut peaks: Vec<(usize, [f64; 4], f64, [f64; Kind::ALL.len()])> = Vec::new();
    for (index, map) in maps.iter().enumerate() {
        for (place, score) in map.plane(MIDDLE).iter().enumerate() {
            let score = f64::from(*score);
            if score < least || !highest(map, place) {
                continue;
            }
            let way = |edge: usize| f64::from(map.plane(WAYS + edge)[place]);
            let x = ((place % map.columns) as f64 + 0.5) * map.stride_px;
            let y = ((place / map.columns) as f64 + 0.5) * map.stride_px;
            let edges = [x - way(0), y - way(1), x + way(2), y + way(3)].map(|edge| edge / map.scale);
            let limit = [size[0] as f64, size[1] as f64];
            let bounds: [f64; 4] = std::array::from_fn(|edge| edges[edge].clamp(0.0, limit[edge % 2]));
            if area(&bounds) < 4.0 {
                continue;
            }
            let kinds = std::array::from_fn(|kind| f64::from(map.plane(KINDS + kind)[place]));
            peaks.push((index, bounds, score, kinds));
        }
    }
    peaks.sort_by(|a, b| b.2.total_cmp(&a.2));
    let mut kept: Vec<(usize, [f64; 4], f64, [f64; Kind::ALL.len()])> = Vec::new();
    for peak in peaks {
        let same = |other: &(usize, [f64; 4], f64, [f64; Kind::ALL.len()])| {
            let one_kind = likeliest(&other.3) == likeliest(&peak.3);
            let smaller = area(&other.1).min(area(&peak.1)).max(1e-9);
            overlap(&other.1, &peak.1) > SAME || one_kind && both(&other.1, &peak.1) / smaller > WITHIN
        };
        if !kept.iter().any(same) {
            kept.push(peak);
        }
    }
    kept.into_iter()
        .map(|(index, bounds, score, kinds)| {
            let inside =
                |x: usize, y: usize| maps[index].between(VESSEL, x as f64 + 0.5, y as f64 + 0.5) > 0.5;
            Found { bounds, score, kinds, mask: Rle::paint(size, window(&bounds, size), inside) }
        })
        .collect()
}

/// The pixels that a box touches: left, top, right, bottom.
pub(super) fn window(bounds: &[f64; 4], [width, height]: [usize; 2]) -> [usize; 4] {
    let low = |v: f64, limit: usize| (v.floor().max(0.0) as usize).min(limit);
    let high = |v: f64, limit: usize| (v.ceil().max(0.0) as usize).min(limit);
    [low(bounds[0], width), low(bounds[1], height), high(bounds[2], width), high(bounds[3], height)]
}

/// Whether no neighbour is higher; of equals the first counts.
fn highest(map: &Maps, place: usize) -> bool {
    let plane = map.plane(MIDDLE);
    let (x, y) = ((place % map.columns) as isize, (place / map.columns) as isize);
    for (dx, dy) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))) {
        let (u, v) = (x + dx, y + dy);
        if u < 0 || v < 0 || u >= map.columns as isize || v >= map.rows as isize {
            continue;
        }
        let other = v as usize * map.columns + u as usize;
        let higher = plane[other] > plane[place] || plane[other] == plane[place] && other < place;
        if other != place && higher {
            return false;
        }
    }
    true
}
