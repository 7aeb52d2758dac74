//! What stands still: map, furniture, stations, the robot's own shape.

use crate::lab::Lab;
use crate::pose::transform;
use crate::solids::{self, Item};
use nightshift_core::describe::{Robot, Site};
use nightshift_core::frames::{self, Map, Pose};
use nightshift_core::grid::{Cell, OccupancyGrid};
use rerun::components::{Colormap, ImageFormat};
use rerun::{
    ChannelDatatype, Color, ColorModel, GridMap, LineStrips3D, Pinhole, Points3D, RecordingStream,
    RecordingStreamResult, ViewCoordinates,
};

/// Where the robot is drawn, in the map's frame.
pub const ROBOT: &str = "world/robot";
/// Where the wrist camera's pictures are drawn.
pub const PICTURE: &str = "world/robot/camera/picture";
/// Where the wrist camera is drawn.
pub const CAMERA: &str = "world/robot/camera";

/// Where a link is drawn, in the base's frame.
pub fn link_path(link: &str) -> String {
    format!("{ROBOT}/links/{link}")
}

/// Draws all of it.
pub fn draw(stream: &RecordingStream, lab: &Lab) -> RecordingStreamResult<()> {
    stream.log_static("world", &ViewCoordinates::RIGHT_HAND_Z_UP())?;
    draw_map(stream, &lab.grid)?;
    lab.site.as_ref().map_or(Ok(()), |site| draw_site(stream, site))?;
    lab.robot.as_ref().map_or_else(|| draw_arrow(stream), |robot| draw_robot(stream, robot))
}

fn draw_map(stream: &RecordingStream, grid: &OccupancyGrid) -> RecordingStreamResult<()> {
    // Pictures begin at the top, grids at the bottom. Values as in nav_msgs/OccupancyGrid.
    let rows = grid.cells.chunks(grid.width.max(1)).rev();
    let cells: Vec<u8> = rows
        .flatten()
        .map(|cell| match cell {
            Cell::Free => 0,
            Cell::Occupied => 100,
            Cell::Unknown => 255,
        })
        .collect();
    let size = [grid.width as u32, grid.height as u32];
    let format = ImageFormat::from_color_model(size, ColorModel::L, ChannelDatatype::U8);
    // A little below the floor, so that what lies on the floor is seen.
    let [x, y] = grid.origin.map(|v| v as f32);
    let map = GridMap::new(cells, format, grid.resolution_m as f32)
        .with_translation([x, y, -0.01])
        .with_colormap(Colormap::RvizMap);
    stream.log_static("world/map", &map)
}

fn draw_site(stream: &RecordingStream, site: &Site) -> RecordingStreamResult<()> {
    let furniture: Vec<Item> = site
        .furniture
        .iter()
        .map(|shape| Item {
            name: shape.name.clone(),
            solid: shape.solid,
            pose: shape.pose.iso,
            color: shape.color,
        })
        .collect();
    solids::draw(stream, "world/furniture", &furniture)?;
    for (id, station) in &site.stations {
        let map_from_station: Pose<Map, frames::Station> = station.pose.spatial();
        let path = format!("world/stations/{id}");
        let items: Vec<Item> = station
            .shapes
            .iter()
            .map(|shape| Item {
                name: shape.name.clone(),
                solid: shape.solid,
                pose: (map_from_station * shape.pose).iso,
                color: shape.color,
            })
            .collect();
        let loose = site.loose_at(id).map(|piece| {
            let (solid, pose) = piece.solid();
            let pose = (map_from_station * pose).iso;
            Item { name: piece.id.clone(), solid, pose, color: [190, 205, 210] }
        });
        solids::draw(stream, &path, &items.into_iter().chain(loose).collect::<Vec<Item>>())?;
        let top = map_from_station * station.dock.tag.pose;
        let label = Points3D::new([crate::pose::translation(&top.iso)])
            .with_labels([station.title.as_str()])
            .with_radii([0.03]);
        stream.log_static(format!("{path}/tag"), &label)?;
    }
    Ok(())
}

/// Where nobody knows the robot's shape: which way its base looks.
fn draw_arrow(stream: &RecordingStream) -> RecordingStreamResult<()> {
    let arrow = [[-0.2, 0.15, 0.02], [0.3, 0.0, 0.02], [-0.2, -0.15, 0.02], [-0.2, 0.15, 0.02]];
    let arrow = LineStrips3D::new([arrow]).with_colors([Color::from_rgb(40, 160, 60)]).with_radii([0.02]);
    stream.log_static(format!("{ROBOT}/base"), &arrow)
}

fn draw_robot(stream: &RecordingStream, robot: &Robot) -> RecordingStreamResult<()> {
    for (name, link) in &robot.model.links {
        let items: Vec<Item> = link
            .visual
            .iter()
            .enumerate()
            .map(|(index, shape)| Item {
                name: index.to_string(),
                solid: shape.solid,
                pose: shape.link_from_shape,
                color: shape.color,
            })
            .collect();
        solids::draw(stream, &link_path(name), &items)?;
    }
    let corners = robot.base.footprint_m.iter().chain(robot.base.footprint_m.first());
    let outline = corners.map(|[x, y]| [*x as f32, *y as f32, 0.02]);
    let footprint = LineStrips3D::new([outline.collect::<Vec<_>>()])
        .with_colors([Color::from_rgb(40, 160, 60)])
        .with_radii([0.01]);
    stream.log_static(format!("{ROBOT}/footprint"), &footprint)?;
    let camera = &robot.camera.intrinsics;
    let pinhole = Pinhole::from_focal_length_and_resolution(
        [camera.fx as f32, camera.fy as f32],
        [camera.width as f32, camera.height as f32],
    )
    // Rerun counts pixels from the picture's corner, we from the first pixel's centre.
    .with_principal_point([camera.cx as f32 + 0.5, camera.cy as f32 + 0.5])
    .with_image_plane_distance(0.2);
    stream.log_static(PICTURE, &pinhole)
}

/// The camera's frame in the base's.
pub fn camera_transform(robot: &Robot, base_from_flange: &nalgebra::Isometry3<f64>) -> rerun::Transform3D {
    transform(&(base_from_flange * robot.camera.pose.iso))
}
