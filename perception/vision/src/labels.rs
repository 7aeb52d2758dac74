//! Reading the text on labels, with Tesseract as a program of its own: what hangs or falls in it is not the robot's.

use crate::detector::{VisionError, luma, whole};
use nightshift_core::image::Image;
use nightshift_perception::label::{BadTable, LabelSight, lines};
use opencv::core::{Mat, MatTraitConst, MatTraitConstManual, Size};
use opencv::imgproc;
use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

/// Letters on a label are small to what Tesseract was made for: pictures are enlarged to about this, pixels along the longer edge,
/// but no more than so many times.
const LONG_EDGE_PX: f64 = 2000.0;
const LARGEST_SCALE: f64 = 3.0;
/// It is stopped after so long, s.
const PATIENCE_S: u32 = 20;
/// What `timeout` answers where it stopped a program, and where there is none.
const STOPPED: i32 = 124;
const NOT_THERE: i32 = 127;

/// Why text was not looked for.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// Debian has it as `tesseract-ocr`.
    #[error("there is no program `tesseract` (Debian: apt-get install tesseract-ocr, or run launch/setup)")]
    NotInstalled,
    /// It took too long.
    #[error("`tesseract` was stopped after {PATIENCE_S} s")]
    Slow,
    /// It failed.
    #[error("`tesseract` failed: {0}")]
    Failed(String),
    /// What it writes is no table.
    #[error("`tesseract` writes no table")]
    Table(#[from] BadTable),
    /// The picture cannot be taken.
    #[error(transparent)]
    Picture(#[from] VisionError),
}

/// The lines of text in a picture: those that the reader is sure of.
///
/// # Errors
/// [`LabelError`].
pub fn read_labels(color: &Image<[u8; 3]>) -> Result<Vec<LabelSight>, LabelError> {
    whole(color)?;
    let longer = color.width.max(color.height) as f64;
    let scale = (LONG_EDGE_PX / longer.max(1.0)).min(LARGEST_SCALE);
    let picture = enlarged(color, scale)
        .map_err(|source| VisionError::OpenCv { what: "enlarge a picture for reading its text", source })?;
    let table = run(&picture)?;
    Ok(lines(&table, scale)?)
}

/// As a PGM file.
fn enlarged(color: &Image<[u8; 3]>, scale: f64) -> Result<Vec<u8>, opencv::Error> {
    let gray: Vec<u8> = color.pixels.iter().map(luma).collect();
    let gray = Mat::new_rows_cols_with_data(color.height as i32, color.width as i32, &gray)?;
    let mut large = Mat::default();
    let how = if scale < 1.0 { imgproc::INTER_AREA } else { imgproc::INTER_CUBIC };
    imgproc::resize(&gray, &mut large, Size::default(), scale, scale, how)?;
    let mut file = format!("P5 {} {} 255\n", large.cols(), large.rows()).into_bytes();
    file.extend_from_slice(large.data_bytes()?);
    Ok(file)
}

fn run(picture: &[u8]) -> Result<String, LabelError> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => LabelError::NotInstalled,
        _ => LabelError::Failed(error.to_string()),
    };
    // Sparse text: labels stand anywhere. One thread: the others of the robot's processor have work.
    let mut child = Command::new("timeout")
        .args(["--kill-after=1", &PATIENCE_S.to_string(), "tesseract", "stdin", "stdout"])
        .args(["--psm", "11", "--dpi", "150", "tsv"])
        .env("OMP_THREAD_LIMIT", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // It reads all of its picture before it writes a word. One that is not there, or that dies, is told by its end.
    let written = child.stdin.take().map_or(Ok(()), |mut input| input.write_all(picture));
    let output = child.wait_with_output().map_err(failed)?;
    match output.status.code() {
        Some(0) => written.map_err(failed)?,
        Some(STOPPED) => return Err(LabelError::Slow),
        Some(NOT_THERE) => return Err(LabelError::NotInstalled),
        _ => {
            let words = String::from_utf8_lossy(&output.stderr);
            return Err(LabelError::Failed(
                words.trim().lines().last().unwrap_or("without a word").to_owned(),
            ));
        }
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
