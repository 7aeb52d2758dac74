//! Occupancy maps as map_server keeps them: a YAML text and a PGM or PNG picture.
//!
//! How pixels become cells follows nav2's `map_io`: `trinary`, `scale` and `raw`. A cell here is free, occupied or
//! unknown, so what `scale` and `raw` place between the two thresholds becomes unknown.

use image::{DynamicImage, GenericImageView, ImageFormat};
use nightshift_core::grid::{Cell, OccupancyGrid};
use serde::Deserialize;

/// Why a map cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MapError {
    /// The YAML text is not a map_server file.
    #[error("map yaml: {0}")]
    Yaml(String),
    /// A value of the YAML file that no map can have.
    #[error("map yaml: {key} is {value}: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// What stands there.
        value: String,
        /// What would be right.
        reason: &'static str,
    },
    /// The picture cannot be read, or has another size than its header says.
    #[error("map image: {0}")]
    Image(String),
    /// A picture that says nothing.
    #[error("map image: {width} x {height} pixels and {occupied} occupied and {free} free cells: {reason}")]
    Content {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Occupied cells.
        occupied: usize,
        /// Free cells.
        free: usize,
        /// What is missing.
        reason: &'static str,
    },
}

#[derive(Deserialize)]
struct MapFile {
    resolution: f64,
    origin: Vec<f64>,
    negate: Negate,
    occupied_thresh: f64,
    free_thresh: f64,
    #[serde(default)]
    mode: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Negate {
    Number(u8),
    Word(bool),
}

#[derive(Clone, Copy)]
enum Mode {
    Trinary,
    Scale,
    Raw,
}

#[derive(Deserialize)]
struct ImageName {
    image: String,
}

/// The picture's path as the YAML text names it, relative to the YAML file.
pub fn image_name(yaml_text: &str) -> Result<String, MapError> {
    let file: ImageName = serde_yaml_ng::from_str(yaml_text).map_err(|e| MapError::Yaml(e.to_string()))?;
    Ok(file.image)
}

/// Larger pictures are refused: 16 km^2 at 5 cm would not fit anyway.
const MAX_CELLS: u64 = 1 << 28;

/// Reads a map from the text of its YAML file and the bytes of the picture that the file names.
pub fn load(yaml_text: &str, image_bytes: &[u8]) -> Result<OccupancyGrid, MapError> {
    let file: MapFile = serde_yaml_ng::from_str(yaml_text).map_err(|e| MapError::Yaml(e.to_string()))?;
    let (mode, negate) = check(&file)?;
    let picture = decode(image_bytes)?;
    let (width, height) = picture.dimensions();
    let none = |reason| MapError::Content { width, height, occupied: 0, free: 0, reason };
    if width == 0 || height == 0 {
        return Err(none("a map needs at least one cell"));
    }
    if u64::from(width) * u64::from(height) > MAX_CELLS {
        return Err(none("that is too large for a map"));
    }
    let mut cells = Vec::with_capacity(width as usize * height as usize);
    for row in (0..height).rev() {
        for column in 0..width {
            cells.push(cell(picture.get_pixel(column, row).0, mode, negate, &file));
        }
    }
    let count = |what| cells.iter().filter(|c| **c == what).count();
    let (occupied, free) = (count(Cell::Occupied), count(Cell::Free));
    if occupied == 0 || free == 0 {
        let reason = "a map needs both; look at negate, mode and the thresholds";
        return Err(MapError::Content { width, height, occupied, free, reason });
    }
    Ok(OccupancyGrid {
        resolution_m: file.resolution,
        width: width as usize,
        height: height as usize,
        origin: [file.origin[0], file.origin[1]],
        cells,
    })
}

fn check(file: &MapFile) -> Result<(Mode, bool), MapError> {
    let bad = |key, value: String, reason| Err(MapError::Value { key, value, reason });
    if !(file.resolution.is_finite() && file.resolution > 0.0) {
        return bad("resolution", file.resolution.to_string(), "must be positive metres");
    }
    if file.origin.len() != 3 || file.origin.iter().any(|v| !v.is_finite()) {
        return bad("origin", format!("{:?}", file.origin), "must be three finite numbers: x, y, yaw");
    }
    if file.origin[2] != 0.0 {
        return bad("origin", format!("{:?}", file.origin), "a turned origin is not taken: turn the picture");
    }
    let share = |v: f64| (0.0..=1.0).contains(&v);
    if !share(file.occupied_thresh) {
        return bad("occupied_thresh", file.occupied_thresh.to_string(), "must be between 0 and 1");
    }
    if !share(file.free_thresh) || file.free_thresh > file.occupied_thresh {
        let reason = "must be between 0 and occupied_thresh";
        return bad("free_thresh", file.free_thresh.to_string(), reason);
    }
    let mode = match file.mode.as_deref() {
        None | Some("trinary") => Mode::Trinary,
        Some("scale") => Mode::Scale,
        Some("raw") => Mode::Raw,
        Some(other) => return bad("mode", other.to_owned(), "must be trinary, scale or raw"),
    };
    match file.negate {
        Negate::Number(0) | Negate::Word(false) => Ok((mode, false)),
        Negate::Number(1) | Negate::Word(true) => Ok((mode, true)),
        Negate::Number(other) => bad("negate", other.to_string(), "must be 0 or 1"),
    }
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, MapError> {
    if bytes.is_empty() {
        return Err(MapError::Image("the file is empty".into()));
    }
    let format = image::guess_format(bytes).ok();
    let Some(format @ (ImageFormat::Pnm | ImageFormat::Png)) = format else {
        return Err(MapError::Image("is neither PGM nor PNG".into()));
    };
    image::load_from_memory_with_format(bytes, format).map_err(|e| MapError::Image(e.to_string()))
}

fn cell(rgba: [u8; 4], mode: Mode, negate: bool, file: &MapFile) -> Cell {
    let grey = rgba[..3].iter().map(|v| f64::from(*v)).sum::<f64>() / 3.0;
    let occupancy = match mode {
        // Raw pixels are the occupancy in percent itself; above 100 is unknown.
        Mode::Raw if grey > 100.0 => return Cell::Unknown,
        Mode::Raw => grey / 100.0,
        Mode::Scale if rgba[3] < u8::MAX => return Cell::Unknown,
        Mode::Trinary | Mode::Scale if negate => grey / 255.0,
        Mode::Trinary | Mode::Scale => (255.0 - grey) / 255.0,
    };
    let at_limit = matches!(mode, Mode::Raw);
    if occupancy > file.occupied_thresh || (at_limit && occupancy >= file.occupied_thresh) {
        Cell::Occupied
    } else if occupancy < file.free_thresh || (at_limit && occupancy <= file.free_thresh) {
        Cell::Free
    } else {
        Cell::Unknown
    }
}

/// The picture of a map as a binary PGM, for a YAML file as [`to_yaml`] writes it.
pub fn to_pgm(grid: &OccupancyGrid) -> Vec<u8> {
    let mut out = format!("P5\n{} {}\n255\n", grid.width, grid.height).into_bytes();
    for row in grid.cells.chunks(grid.width).rev() {
        // 128 is unknown under both pairs of thresholds in use (0.196 and 0.25 to 0.65); map_server's own 205 is not.
        out.extend(row.iter().map(|cell| match cell {
            Cell::Free => 254,
            Cell::Occupied => 0,
            Cell::Unknown => 128,
        }));
    }
    out
}

/// The YAML text that goes with a map's picture in the file `image_name`.
pub fn to_yaml(grid: &OccupancyGrid, image_name: &str) -> String {
    format!(
        "image: {image_name}\nresolution: {}\norigin: [{:?}, {:?}, 0.0]\nnegate: 0\noccupied_thresh: 0.65\n\
         free_thresh: 0.25\nmode: trinary\n",
        grid.resolution_m, grid.origin[0], grid.origin[1]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const YAML: &str = "image: m.pgm\nresolution: 0.05\norigin: [-1.0, 2.0, 0.0]\nnegate: 0\n\
                        occupied_thresh: 0.65\nfree_thresh: 0.196\n";

    fn pgm(width: usize, height: usize, pixels: &[u8]) -> Vec<u8> {
        let mut out = format!("P5\n{width} {height}\n255\n").into_bytes();
        out.extend(pixels);
        out
    }

    #[test]
    fn pixels_become_cells_with_the_lowest_row_first() {
        let grid = load(YAML, &pgm(2, 2, &[0, 205, 254, 254])).unwrap();
        assert_eq!(grid.cells, [Cell::Free, Cell::Free, Cell::Occupied, Cell::Unknown]);
        assert_eq!(grid.origin, [-1.0, 2.0]);
        let negated = load(&YAML.replace("negate: 0", "negate: 1"), &pgm(2, 1, &[0, 255])).unwrap();
        assert_eq!(negated.cells, [Cell::Free, Cell::Occupied]);
        let raw = load(&format!("{YAML}mode: raw\n"), &pgm(4, 1, &[0, 100, 255, 40])).unwrap();
        assert_eq!(raw.cells, [Cell::Free, Cell::Occupied, Cell::Unknown, Cell::Unknown]);
        let scale = load(&format!("{YAML}mode: scale\n"), &pgm(3, 1, &[255, 0, 128])).unwrap();
        assert_eq!(scale.cells, [Cell::Free, Cell::Occupied, Cell::Unknown]);
    }

    #[test]
    fn each_bad_map_is_refused_by_name() {
        let good = pgm(2, 1, &[0, 255]);
        let cases: [(&str, &str, &[u8], &str); 14] = [
            ("0.05", "0.0", &good, "resolution"),
            ("0.05", "-0.05", &good, "resolution"),
            ("0.05", ".nan", &good, "resolution"),
            ("2.0, 0.0]", "2.0, 0.3]", &good, "turned origin"),
            ("2.0, 0.0]", "2.0]", &good, "three finite"),
            ("-1.0", ".inf", &good, "three finite"),
            ("negate: 0", "negate: 7", &good, "negate"),
            ("0.65", "0.1", &good, "free_thresh"),
            ("0.65", "1.5", &good, "occupied_thresh"),
            ("free_thresh: 0.196", "free_thresh: 0.196\nmode: colour", &good, "trinary, scale or raw"),
            ("resolution", "resolutoin", &good, "resolution"),
            ("", "", b"", "empty"),
            ("", "", b"hello", "neither PGM nor PNG"),
            ("", "", &good[..good.len() - 1], "map image"),
        ];
        for (from, to, image, words) in cases {
            let error = load(&YAML.replace(from, to), image).unwrap_err().to_string();
            assert!(error.contains(words), "{from} -> {to}: {error}");
        }
        let blank = load(YAML, &pgm(2, 1, &[255, 255])).unwrap_err();
        assert!(matches!(blank, MapError::Content { free: 2, occupied: 0, .. }), "{blank}");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(kinds in proptest::collection::vec(0u8..3, 6), x in -50.0f64..50.0) {
            let mut cells: Vec<Cell> =
                kinds.iter().map(|k| [Cell::Free, Cell::Occupied, Cell::Unknown][*k as usize]).collect();
            cells.extend([Cell::Free, Cell::Occupied]);
            let grid = OccupancyGrid { resolution_m: 0.05, width: 4, height: 2, origin: [x, -x], cells };
            prop_assert_eq!(load(&to_yaml(&grid, "m.pgm"), &to_pgm(&grid)), Ok(grid));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut pnm = b"P5\n".to_vec();
            pnm.extend(&bytes);
            prop_assert!(load(YAML, &pnm).is_err() || pnm.len() > 12);
        }
    }
}
