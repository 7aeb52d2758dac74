//! What a calibration is off by: corners as dots about where they were expected, and each picture as a bar.

use crate::picture::Canvas;
use nightshift_core::frames::Nest;
use nightshift_perception::calibrate::HandEye;
use tiny_skia::{Color, Pixmap};

/// Edge of one panel, pixels.
const PANEL: u32 = 440;
const LEGEND: u32 = 56;

/// Draws them.
pub fn draw(found: &HandEye<Nest>, rms_px: f64) -> Result<Pixmap, String> {
    let sizes = found.residuals.iter().flatten().flatten().map(|[u, v]| u.hypot(*v));
    // The rings are tenths, halves or wholes of a pixel, so that the farthest corner is in the picture.
    let most_px = sizes.fold(0.0, f64::max);
    let ring_px = [0.02, 0.05, 0.1, 0.5, 1.0].into_iter().find(|ring| 4.0 * ring >= most_px).unwrap_or(5.0);
    let reach_px = 4.4 * ring_px;
    let mut pixmap = Pixmap::new(2 * PANEL, PANEL + LEGEND).ok_or("the picture has no size")?;
    pixmap.fill(Color::WHITE);
    let scale = PANEL as f32 / 2.0 / reach_px as f32;
    let mut canvas = Canvas { pixmap, left: -reach_px as f32, top: reach_px as f32, scale };
    let (grey, blue) = (Color::from_rgba8(190, 195, 200, 255), Color::from_rgba8(40, 110, 220, 255));
    for ring in 1..=4 {
        let radius = f64::from(ring) * ring_px;
        let points: Vec<(f32, f32)> = (0..=90)
            .map(|i| {
                let (sin, cos) = (f64::from(i) * std::f64::consts::TAU / 90.0).sin_cos();
                canvas.pixel(radius * cos, radius * sin)
            })
            .collect();
        canvas.line(&points, 1.0, grey);
    }
    for [u, v] in found.residuals.iter().flatten().flatten() {
        // A picture's v points down.
        let (x, y) = canvas.pixel(*u, -v);
        let corners = [(x - 2.5, y), (x, y - 2.5), (x + 2.5, y), (x, y + 2.5)];
        canvas.polygon(&corners, blue);
    }
    let (left, floor) = (PANEL as f32 + 20.0, PANEL as f32 - 20.0);
    let width = (PANEL - 40) as f32 / found.residuals.len().max(1) as f32;
    for (index, corners) in found.residuals.iter().enumerate() {
        let from = left + width * index as f32;
        let Some(corners) = corners else {
            canvas.text(from, floor - 16.0, "-", Color::BLACK);
            continue;
        };
        let squares: f64 = corners.iter().map(|[u, v]| u * u + v * v).sum();
        let rms = (squares / corners.len().max(1) as f64).sqrt();
        let height = (floor - 40.0) * (rms / (4.0 * ring_px)).min(1.0) as f32;
        let to = from + 0.8 * width;
        canvas.polygon(&[(from, floor), (to, floor), (to, floor - height), (from, floor - height)], blue);
    }
    let used = found.residuals.iter().flatten().count();
    let words = format!(
        "{used} pictures, {rms_px:.3} px; a ring is {ring_px} px of corners seen from where they were expected"
    );
    canvas.text(12.0, PANEL as f32 + 6.0, &words, Color::BLACK);
    let words = format!("right: each picture, the height is {:.2} px; - did not serve", 4.0 * ring_px);
    canvas.text(12.0, PANEL as f32 + 28.0, &words, Color::BLACK);
    Ok(canvas.pixmap)
}
