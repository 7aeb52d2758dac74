//! Pictures, depth pictures and cameras' models as files.

use image::{ExtendedColorType, ImageReader, Limits};
use nightshift_core::image::{Image, Intrinsics};
use std::fs;
use std::path::{Path, PathBuf};

/// Pictures beyond this are refused before they are decoded, pixels along a side.
pub const LARGEST: u32 = 8192;

fn decode(path: &Path) -> Result<image::DynamicImage, String> {
    let named = |e: &dyn std::fmt::Display| format!("{} cannot be read as a picture: {e}", path.display());
    let mut reader = ImageReader::open(path).map_err(|e| named(&e))?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LARGEST), Some(LARGEST));
    reader.limits(limits);
    let reader = reader.with_guessed_format().map_err(|e| named(&e))?;
    reader.decode().map_err(|e| named(&e))
}

/// A picture file as an array.
pub fn read(path: &Path) -> Result<Image<[u8; 3]>, String> {
    let rgb = decode(path)?.into_rgb8();
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    Ok(Image { width, height, pixels: rgb.pixels().map(|pixel| pixel.0).collect() })
}

/// A mask: what is brighter than half.
pub fn read_mask(path: &Path) -> Result<Image<bool>, String> {
    let grey = decode(path)?.into_luma8();
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    Ok(Image { width, height, pixels: grey.pixels().map(|pixel| pixel.0[0] > 127).collect() })
}

/// Medians of a depth picture between which its unit can be right for a camera that looks at a bench, metres.
const PLAUSIBLE_M: [f64; 2] = [0.1, 5.0];

/// A 16-bit depth picture in metres; 0 where the camera told nothing.
pub fn read_depth(path: &Path, unit_m: f64) -> Result<Image<f32>, String> {
    let picture = decode(path)?;
    if !matches!(picture.color(), image::ColorType::L16) {
        return Err(format!(
            "{} is a picture of {:?}, and depth has one channel of 16 bits",
            path.display(),
            picture.color()
        ));
    }
    let luma = picture.into_luma16();
    let mut told: Vec<u16> = luma.pixels().map(|pixel| pixel.0[0]).filter(|raw| *raw > 0).collect();
    if told.is_empty() {
        return Err(format!("{} tells no depth: every pixel is 0", path.display()));
    }
    let middle = told.len() / 2;
    let median = f64::from(*told.select_nth_unstable(middle).1) * unit_m;
    if !(PLAUSIBLE_M[0]..=PLAUSIBLE_M[1]).contains(&median) {
        return Err(format!(
            "{}: with {unit_m} m a count its median is {median:.3} m, and {} to {} m were expected: give the right --depth-unit \
             (0.001 for millimetres)",
            path.display(),
            PLAUSIBLE_M[0],
            PLAUSIBLE_M[1]
        ));
    }
    let (width, height) = (luma.width() as usize, luma.height() as usize);
    let metres = |pixel: &image::Luma<u16>| (f64::from(pixel.0[0]) * unit_m) as f32;
    Ok(Image { width, height, pixels: luma.pixels().map(metres).collect() })
}

/// A camera's model out of a YAML file: `fx`, `fy`, `cx`, `cy` with the picture's size as `xres` and `yres`, `width` and
/// `height` or `image_width` and `image_height`; or ROS' camera_info with `camera_matrix`.
pub fn read_intrinsics(path: &Path) -> Result<Intrinsics, String> {
    let named = |what: String| format!("{}: {what}", path.display());
    let text = fs::read_to_string(path).map_err(|e| named(format!("cannot be read: {e}")))?;
    let yaml: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(&text).map_err(|e| named(format!("is no YAML: {e}")))?;
    let number = |names: &[&str]| {
        let found = names.iter().find_map(|name| yaml.get(*name)?.as_f64());
        found.ok_or_else(|| named(format!("has no number {}", names.join(" or "))))
    };
    let side = |names: &[&str]| match number(names)? {
        side if side >= 1.0 && side <= f64::from(LARGEST) && side.fract() == 0.0 => Ok(side as usize),
        side => Err(named(format!("{} is {side}, which is no number of pixels", names.join(" or ")))),
    };
    let matrix: Option<Vec<f64>> = yaml
        .get("camera_matrix")
        .and_then(|matrix| matrix.get("data"))
        .and_then(|data| data.as_sequence()?.iter().map(serde_yaml_ng::Value::as_f64).collect());
    let entry = |at: usize, name: &str| match &matrix {
        Some(matrix) => {
            matrix.get(at).copied().ok_or_else(|| named("camera_matrix has no nine numbers".to_owned()))
        }
        None => number(&[name]),
    };
    let camera = Intrinsics {
        width: side(&["xres", "width", "image_width"])?,
        height: side(&["yres", "height", "image_height"])?,
        fx: entry(0, "fx")?,
        fy: entry(4, "fy")?,
        cx: entry(2, "cx")?,
        cy: entry(5, "cy")?,
    };
    let sound = camera.fx > 0.0
        && camera.fy > 0.0
        && (0.0..camera.width as f64).contains(&camera.cx)
        && (0.0..camera.height as f64).contains(&camera.cy);
    if !sound {
        return Err(named(format!(
            "{camera:?} is no camera: the middle lies in the picture, and fx and fy are above 0"
        )));
    }
    Ok(camera)
}

/// Makes sure that what belongs together is of one size.
pub fn same_size(of: &[(&Path, [usize; 2])]) -> Result<(), String> {
    if of.windows(2).all(|pair| pair[0].1 == pair[1].1) {
        return Ok(());
    }
    let sizes: Vec<String> =
        of.iter().map(|(path, [w, h])| format!("{} is {w} x {h}", path.display())).collect();
    Err(format!("{}: they must be of one size", sizes.join(", ")))
}

/// Writes a picture in colours.
pub fn write(path: &Path, picture: &Image<[u8; 3]>) -> Result<(), String> {
    let [width, height] = [picture.width as u32, picture.height as u32];
    image::save_buffer(path, picture.pixels.as_flattened(), width, height, ExtendedColorType::Rgb8)
        .map_err(|e| format!("{} cannot be written: {e}", path.display()))
}

/// Writes 16-bit numbers as a PNG.
pub fn write_counts(path: &Path, counts: &Image<u16>) -> Result<(), String> {
    let [width, height] = [counts.width as u32, counts.height as u32];
    // The encoder takes the machine's own byte order.
    let bytes: Vec<u8> = counts.pixels.iter().flat_map(|count| count.to_ne_bytes()).collect();
    image::save_buffer(path, &bytes, width, height, ExtendedColorType::L16)
        .map_err(|e| format!("{} cannot be written: {e}", path.display()))
}

/// The shipped networks, or those of a folder.
pub fn models(told: Option<&PathBuf>) -> PathBuf {
    told.cloned().unwrap_or_else(|| crate::files::home().join("perception/models"))
}
