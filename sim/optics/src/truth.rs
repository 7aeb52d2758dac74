//! What a picture shows, as a data set tells it: COCO instances with masks, poses, contents; glass, metal and depth.

use crate::camera::{Exposed, Shot};
use crate::scene::Scene;
use crate::space::Place;
use crate::studio::{Category, Filling, Item, Staged};
use crate::surface::Rgb;
use crate::ware::kind;
use nalgebra::{Isometry3, Point3};
use serde::Serialize;

/// A mask as COCO writes it, not packed: runs down the columns, beginning with zeros.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rle {
    /// Height, width.
    pub size: [usize; 2],
    pub counts: Vec<u32>,
}

/// A thing in a picture.
#[derive(Clone, Debug, Serialize)]
pub struct Instance {
    pub id: u64,
    pub image_id: u64,
    pub category_id: u8,
    /// x, y, width, height of what is seen of it, pixels.
    pub bbox: [usize; 4],
    pub area: usize,
    pub iscrowd: u8,
    pub segmentation: Rle,
    /// As `bbox`, of all of it that lies in the picture, hidden or not. Vessels, racks, plates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bbox_full: Option<[usize; 4]>,
    /// The share of it in the picture that is not hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visible: Option<f32>,
    /// The vessel that a cap or a content belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vessel: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pose: Option<PoseTruth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentTruth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Where a thing is.
#[derive(Clone, Debug, Serialize)]
pub struct PoseTruth {
    /// Of the thing's frame (middle of its foot, z up through it) in the camera's optical frame, metres.
    pub xyz_m: [f64; 3],
    pub quaternion_xyzw: [f64; 4],
    /// Its box in its own frame, metres.
    pub low_m: [f32; 3],
    pub high_m: [f32; 3],
    /// Its z axis in the camera's frame: turning about it changes nothing where `symmetric`.
    pub axis: [f64; 3],
    pub symmetric: bool,
    /// Middle of foot and of top in the picture, pixels; none behind the camera.
    pub foot_px: Option<[f64; 2]>,
    pub top_px: Option<[f64; 2]>,
}

/// What is in a vessel.
#[derive(Clone, Debug, Serialize)]
pub struct ContentTruth {
    /// All that hold, sorted.
    pub phases: Vec<&'static str>,
    /// Height of the highest level between floor and brim, share; 0 where empty.
    pub fill_height: f32,
    /// Volume over the volume up to the brim.
    pub fill_volume: f64,
    pub volume_ml: f64,
    pub capacity_ml: f64,
    pub floor_m: f32,
    pub brim_m: f32,
    /// `clear`, `amber`, `plastic`.
    pub glass: &'static str,
    pub stir_bar: bool,
    /// From the bottom.
    pub layers: Vec<LayerTruth>,
}

/// A layer and its upper face.
#[derive(Clone, Debug, Serialize)]
pub struct LayerTruth {
    pub phase: &'static str,
    /// Of its upper face on the axis, metres over the foot.
    pub top_m: f32,
    /// In bulk, sRGB.
    pub colour: [u8; 3],
    /// Scattering, 1/m.
    pub turbidity_per_m: f32,
    /// The upper face's line at the wall, as a straight look would show it; empty where the vessel leans.
    pub line_px: Vec<[f32; 2]>,
}

/// A picture's truth, pixel by pixel, beside its instances.
pub struct Told {
    pub instances: Vec<Instance>,
    /// Depth of the first surface, glass too, in tenths of a millimetre; 0 is none.
    pub depth: Vec<u16>,
    /// Bit 0: the first surface is glass or another clear thing; bit 1: it is metal.
    pub matter: Vec<u8>,
}

/// The mask of some pixels.
pub fn rle(width: usize, height: usize, inside: impl Fn(usize) -> bool) -> Rle {
    let mut counts = Vec::new();
    let (mut value, mut run) = (false, 0);
    for x in 0..width {
        for y in 0..height {
            let now = inside(y * width + x);
            if now != value {
                counts.push(run);
                (value, run) = (now, 0);
            }
            run += 1;
        }
    }
    counts.push(run);
    Rle { size: [height, width], counts }
}

/// x, y, width, height and area of some pixels.
fn bounds(width: usize, height: usize, inside: impl Fn(usize) -> bool) -> ([usize; 4], usize) {
    let (mut low, mut high, mut area) = ([usize::MAX; 2], [0, 0], 0);
    for y in 0..height {
        for x in 0..width {
            if inside(y * width + x) {
                area += 1;
                low = [low[0].min(x), low[1].min(y)];
                high = [high[0].max(x), high[1].max(y)];
            }
        }
    }
    match area {
        0 => ([0; 4], 0),
        _ => ([low[0], low[1], high[0] - low[0] + 1, high[1] - low[1] + 1], area),
    }
}

/// Instances of fewer pixels are not told.
const LEAST_PIXELS: usize = 12;

/// Tells a picture's truth.
pub fn tell(staged: &Staged, exposed: &Exposed, image_id: u64) -> Told {
    let (width, height) = (exposed.light.width, exposed.light.height);
    let sights = &exposed.sights.pixels;
    let mut instances = Vec::new();
    let mut next = image_id * 1000;
    for item in &staged.items {
        let of_body = |index: usize| sights[index].body == Some(item.body);
        let (bbox, area) = bounds(width, height, of_body);
        if area < LEAST_PIXELS {
            continue;
        }
        next += 1;
        let id = next;
        let (full, whole) = silhouette(&staged.scene, &staged.shot, item);
        let instance = |id, category: Category, bbox, area, segmentation| Instance {
            id,
            image_id,
            category_id: category as u8,
            bbox,
            area,
            iscrowd: 0,
            segmentation,
            bbox_full: None,
            visible: None,
            vessel: None,
            pose: None,
            content: None,
            code: None,
        };
        instances.push(Instance {
            bbox_full: Some(full),
            visible: Some((area as f32 / whole.max(area) as f32 * 1e4).round() / 1e4),
            pose: Some(pose(&staged.shot, item)),
            content: item.filling.as_ref().map(|filling| content(&staged.shot, item, filling)),
            code: item.code.clone(),
            ..instance(id, item.category, bbox, area, rle(width, height, of_body))
        });
        let lid = if item.category == Category::WellPlate { Category::Lid } else { Category::Cap };
        let of_cap = |index: usize| of_body(index) && sights[index].kind == Some(kind::CAP);
        let of_content = |index: usize| of_body(index) && sights[index].content.is_some();
        let parts: [(Category, &dyn Fn(usize) -> bool); 2] =
            [(lid, &of_cap), (Category::Content, &of_content)];
        for (category, of_part) in parts {
            let (bbox, area) = bounds(width, height, of_part);
            if area >= LEAST_PIXELS {
                next += 1;
                instances.push(Instance {
                    vessel: Some(id),
                    ..instance(next, category, bbox, area, rle(width, height, of_part))
                });
            }
        }
    }
    let depth = (0..sights.len())
        .map(|index| exposed.depth_m(index).map_or(0, |d| (d * 1e4).round().clamp(1.0, 65535.0) as u16))
        .collect();
    let matter = sights.iter().map(|s| u8::from(s.clear) | u8::from(s.metal) << 1).collect();
    Told { instances, depth, matter }
}

/// The box and the number of pixels that a thing covers where nothing hides it.
fn silhouette(scene: &Scene, shot: &Shot, item: &Item) -> ([usize; 4], usize) {
    let k = &shot.intrinsics;
    let camera_from_item = shot.map_from_camera.inv_mul(&item.map_from_item);
    let corners: Vec<[f64; 2]> = (0..8)
        .filter_map(|i| {
            let pick = |axis: usize| {
                f64::from(if i >> axis & 1 == 1 { item.high_m[axis] } else { item.low_m[axis] })
            };
            let p = camera_from_item * Point3::new(pick(0), pick(1), pick(2));
            shot.pixel_of([p.x, p.y, p.z.max(0.01)])
        })
        .collect();
    let span = |axis: usize, last: usize| {
        let low = corners.iter().map(|c| c[axis]).fold(f64::INFINITY, f64::min) - 2.0;
        let high = corners.iter().map(|c| c[axis]).fold(f64::NEG_INFINITY, f64::max) + 2.0;
        let inside = |v: f64| v.clamp(0.0, last as f64) as usize;
        (inside(low), inside(high))
    };
    let ((x0, x1), (y0, y1)) = (span(0, k.width - 1), span(1, k.height - 1));
    let place = Place::new(&shot.map_from_camera);
    let wide = x1 - x0 + 1;
    let covered: Vec<bool> = (y0..=y1)
        .flat_map(|y| (x0..=x1).map(move |x| (x, y)))
        .map(|(x, y)| {
            let (ray, _) = shot.ray(&place, x as f32, y as f32);
            scene.nearest_of(item.body, &ray).is_some()
        })
        .collect();
    let (bbox, area) = bounds(wide, y1 - y0 + 1, |index| covered[index]);
    ([bbox[0] + x0, bbox[1] + y0, bbox[2], bbox[3]], area)
}

fn pose(shot: &Shot, item: &Item) -> PoseTruth {
    let camera_from_item: Isometry3<f64> = shot.map_from_camera.inv_mul(&item.map_from_item);
    let (t, q) = (camera_from_item.translation, camera_from_item.rotation.coords);
    let axis = camera_from_item * nalgebra::Vector3::z();
    let pixel = |z: f32| {
        let p = camera_from_item * Point3::new(0.0, 0.0, f64::from(z));
        shot.pixel_of([p.x, p.y, p.z])
    };
    PoseTruth {
        xyz_m: [t.x, t.y, t.z],
        quaternion_xyzw: [q.x, q.y, q.z, q.w],
        low_m: item.low_m,
        high_m: item.high_m,
        axis: [axis.x, axis.y, axis.z],
        symmetric: item.symmetric,
        foot_px: pixel(item.low_m[2]),
        top_px: pixel(item.high_m[2]),
    }
}

fn content(shot: &Shot, item: &Item, filling: &Filling) -> ContentTruth {
    let camera_from_item = shot.map_from_camera.inv_mul(&item.map_from_item);
    let upright = (item.map_from_item * nalgebra::Vector3::z()).z > 0.999;
    let radius = f64::from(item.high_m[0]);
    let line = |z: f32| {
        if !upright {
            return Vec::new();
        }
        (0..24)
            .filter_map(|i| {
                let (sin, cos) = (std::f64::consts::TAU * f64::from(i) / 24.0).sin_cos();
                let p =
                    camera_from_item * Point3::new(radius * cos / 1.08, radius * sin / 1.08, f64::from(z));
                shot.pixel_of([p.x, p.y, p.z]).map(|p| p.map(|v| v as f32))
            })
            .collect()
    };
    let room = filling.brim_m - filling.floor_m;
    ContentTruth {
        phases: filling.contents.phases.iter().map(|phase| phase.name()).collect(),
        fill_height: filling.top().map_or(0.0, |top| (top.top_m - filling.floor_m) / room),
        fill_volume: filling.volume_m3 / filling.capacity_m3.max(1e-12),
        volume_ml: filling.volume_m3 * 1e6,
        capacity_ml: filling.capacity_m3 * 1e6,
        floor_m: filling.floor_m,
        brim_m: filling.brim_m,
        glass: filling.glass,
        stir_bar: filling.contents.stir_bar,
        layers: filling
            .contents
            .portions
            .iter()
            .map(|portion| LayerTruth {
                phase: portion.phase.name(),
                top_m: portion.top_m,
                colour: srgb(portion.colour),
                turbidity_per_m: portion.turbidity,
                line_px: line(portion.top_m),
            })
            .collect(),
    }
}

fn srgb(colour: Rgb) -> [u8; 3] {
    [colour.x, colour.y, colour.z].map(|v| (v.clamp(0.0, 1.0).powf(1.0 / 2.2) * 255.0 + 0.5) as u8)
}
