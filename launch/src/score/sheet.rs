//! Many pictures on one sheet, each with what is annotated (green) and what was seen (orange; yellow where in doubt), and below
//! each annotated vessel what it holds and what was read of it.

use crate::photo;
use crate::see::{outline, write_words};
use nightshift_core::image::Image;
use nightshift_perception::vessel::{VesselSight, resample};
use std::path::Path;

/// Width of a picture on the sheet, pixels, and pictures in a row.
const TILE_PX: usize = 512;
const COLUMNS: usize = 3;
/// Pictures beyond this make a sheet that nobody looks at.
pub const MOST: usize = 30;
const TOLD: [u8; 3] = [60, 230, 90];
const SEEN: [u8; 3] = [255, 150, 30];
const DOUBTFUL: [u8; 3] = [255, 235, 100];
const WRONG: [u8; 3] = [255, 80, 80];

/// An annotated thing: its box (left, top, right, bottom), what it holds and what was read.
pub struct Told {
    pub bounds: [f64; 4],
    pub holds: Option<String>,
    pub read: String,
}

/// The pictures so far.
#[derive(Default)]
pub struct Sheet {
    tiles: Vec<Image<[u8; 3]>>,
}

impl Sheet {
    /// Adds a picture.
    pub fn add(&mut self, picture: &Image<[u8; 3]>, told: &[Told], seen: &[VesselSight]) {
        let scale = TILE_PX as f64 / picture.width as f64;
        let size = [TILE_PX, ((picture.height as f64 * scale) as usize).max(1)];
        let planes = resample(picture, [0.0, 0.0, picture.width as f64, picture.height as f64], size);
        let count = size[0] * size[1];
        let byte = |value: f32| (value * 255.0).round().clamp(0.0, 255.0) as u8;
        let pixels =
            (0..count).map(|at| [0, 1, 2].map(|channel| byte(planes[channel * count + at]))).collect();
        let mut tile = Image { width: size[0], height: size[1], pixels };
        let mut frame = |bounds: [f64; 4], colour| {
            let [left, top, right, bottom] = bounds.map(|edge| edge * scale - 0.5);
            outline(&mut tile, &[[left, top], [right, top], [right, bottom], [left, bottom]], colour);
        };
        for sight in seen {
            let [left, top, width, height] = sight.bbox;
            let colour = if sight.doubts.is_empty() { SEEN } else { DOUBTFUL };
            frame([left, top, left + width, top + height], colour);
        }
        told.iter().for_each(|told| frame(told.bounds, TOLD));
        for Told { bounds, holds, read } in told {
            let Some(holds) = holds else { continue };
            let below = [bounds[0] * scale, bounds[3] * scale + 2.0];
            write_words(&mut tile, below, holds, TOLD);
            let colour = match read {
                read if read == holds => SEEN,
                read if read.is_empty() => DOUBTFUL,
                _ => WRONG,
            };
            let words = if read.is_empty() { "?" } else { read };
            write_words(&mut tile, [below[0], below[1] + 9.0], words, colour);
        }
        self.tiles.push(tile);
    }

    /// Writes it.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let rows: Vec<&[Image<[u8; 3]>]> = self.tiles.chunks(COLUMNS).collect();
        let tall = |row: &[Image<[u8; 3]>]| row.iter().map(|tile| tile.height).max().unwrap_or(0);
        let height = rows.iter().map(|row| tall(row)).sum();
        let mut sheet = Image::filled(TILE_PX * COLUMNS, height, [0; 3]);
        let mut top = 0;
        for row in rows {
            for (column, tile) in row.iter().enumerate() {
                for (y, line) in tile.pixels.chunks(tile.width).enumerate() {
                    let from = (top + y) * sheet.width + column * TILE_PX;
                    sheet.pixels[from..from + tile.width].copy_from_slice(line);
                }
            }
            top += tall(row);
        }
        photo::write(path, &sheet)
    }
}
