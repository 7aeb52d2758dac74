//! Boxes, cylinders and spheres.

use crate::pose::{quaternion, translation};
use nalgebra::Isometry3;
use nightshift_core::describe::Solid;
use rerun::{Boxes3D, Color, Cylinders3D, Ellipsoids3D, FillMode, RecordingStream, RecordingStreamResult};

/// A solid in the frame of the entity it is drawn under.
pub struct Item {
    pub name: String,
    pub solid: Solid,
    pub pose: Isometry3<f64>,
    pub color: [u8; 3],
}

/// Rooms are looked into from above: what is taller than a person is drawn as its edges, metres.
const TALL_M: f64 = 2.0;

/// Draws solids that stand still under `path`, one entity each.
pub fn draw(stream: &RecordingStream, path: &str, items: &[Item]) -> RecordingStreamResult<()> {
    for item in items {
        let path = format!("{path}/{}", item.name);
        let color = Color::from_rgb(item.color[0], item.color[1], item.color[2]);
        let (at, turned) = (translation(&item.pose), quaternion(&item.pose));
        match item.solid {
            Solid::Box { size_m } => {
                let fill = if size_m[2] > TALL_M { FillMode::MajorWireframe } else { FillMode::Solid };
                let shape = Boxes3D::from_centers_and_sizes([at], [size_m.map(|v| v as f32)]);
                stream.log_static(
                    path,
                    &shape.with_quaternions([turned]).with_colors([color]).with_fill_mode(fill),
                )?;
            }
            Solid::Cylinder { radius_m, height_m } => {
                let shape = Cylinders3D::from_lengths_and_radii([height_m as f32], [radius_m as f32]);
                stream.log_static(
                    path,
                    &shape
                        .with_centers([at])
                        .with_quaternions([turned])
                        .with_colors([color])
                        .with_fill_mode(FillMode::Solid),
                )?;
            }
            Solid::Sphere { radius_m } => {
                let shape = Ellipsoids3D::from_centers_and_radii([at], [radius_m as f32]);
                stream.log_static(path, &shape.with_colors([color]).with_fill_mode(FillMode::Solid))?;
            }
        }
    }
    Ok(())
}
