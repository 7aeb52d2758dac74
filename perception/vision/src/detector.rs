//! Finding AprilTag and ArUco fiducials with OpenCV's ArUco module (4.6), with corners of our own.

use nightshift_core::image::Image;
use nightshift_perception::fiducial::{TagFamily, TagSight, refine_corners};
use opencv::aruco::{self, DetectorParameters, Dictionary};
use opencv::core::{Mat, Point2f, Ptr, Size, Vector};
use opencv::imgproc;
use opencv::prelude::*;

/// Why a picture could not be searched.
#[derive(Debug, thiserror::Error)]
pub enum VisionError {
    /// The picture does not hold what its size says.
    #[error("a picture of {width} x {height} must have as many pixels, and has {pixels}")]
    BadPicture {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// Pixels there are.
        pixels: usize,
    },
    /// OpenCV refused.
    #[error("OpenCV could not {what}")]
    OpenCv {
        /// What was asked of it.
        what: &'static str,
        /// What it says.
        #[source]
        source: opencv::Error,
    },
}

/// Finds fiducials.
pub struct TagDetector {
    dictionaries: Vec<(TagFamily, Ptr<Dictionary>)>,
    parameters: Ptr<DetectorParameters>,
}

/// Tags have eight cells along an edge, and a cell takes more than one pixel: smaller pictures hold none.
const SMALLEST_PICTURE: usize = 12;

/// OpenCV is too much bothered by pixels in tags of less than 30 px: of 288 rendered ones of 20 px in dim light it found
/// 130 as they were and 208 at twice the size, of 28 px 283 and 288. Costs some 5 ms on 640 x 480 pixels.
const SCALE: f64 = 2.0;

impl TagDetector {
    /// A detector of tag36h11 alone: what the robot's own pictures are searched for.
    ///
    /// # Errors
    /// [`VisionError`] where OpenCV refused.
    pub fn new() -> Result<Self, VisionError> {
        Self::of(&[TagFamily::April36h11])
    }

    /// A detector of some families; each takes its time. Makes OpenCV single-threaded in this process: with threads the order
    /// of what is found is not the same every time.
    ///
    /// # Errors
    /// [`VisionError`] where OpenCV refused.
    pub fn of(families: &[TagFamily]) -> Result<Self, VisionError> {
        let set_up = || {
            opencv::core::set_num_threads(1)?;
            let mut dictionaries = Vec::with_capacity(families.len());
            for family in families {
                dictionaries.push((*family, aruco::get_predefined_dictionary(name(*family))?));
            }
            let mut parameters = DetectorParameters::create()?;
            parameters.set_corner_refinement_method(aruco::CORNER_REFINE_NONE);
            // With ArUco's 0.05 a tag counts as one with the outline of its white edge, one cell away, and the
            // outline wins where it is the larger, and cannot be read.
            parameters.set_min_marker_distance_rate(0.02);
            // Twice ArUco's resolution when reading: small tags seen from the side need it (with its own, enlarging
            // gains nothing).
            parameters.set_perspective_remove_pixel_per_cell(8);
            // Of a cell of two or three pixels the outer ones are part of its neighbours: a quarter on each side is left out.
            parameters.set_perspective_remove_ignored_margin_per_cell(0.25);
            Ok(Self { dictionaries, parameters })
        };
        set_up().map_err(|source| VisionError::OpenCv { what: "set up its tag detector", source })
    }

    /// All tags in a picture, by id and then from left to right. Two tags with one id at different places are
    /// both told; a tag whose edges cannot be followed is not.
    pub fn detect(&self, color: &Image<[u8; 3]>) -> Result<Vec<TagSight>, VisionError> {
        whole(color)?;
        let Image { width, height, ref pixels } = *color;
        if width < SMALLEST_PICTURE || height < SMALLEST_PICTURE {
            return Ok(Vec::new());
        }
        let gray = Image { width, height, pixels: pixels.iter().map(luma).collect() };
        let found =
            self.search(&gray).map_err(|source| VisionError::OpenCv { what: "search a picture", source })?;
        let mut sights: Vec<TagSight> = found
            .into_iter()
            .filter_map(|tag| Some(TagSight { corners: refine_corners(&gray, &tag.corners)?, ..tag }))
            .collect();
        sights.sort_by(|a, b| {
            let place = |sight: &TagSight| ((sight.family, sight.id), center(&sight.corners));
            let ((id, [x, y]), (other, [u, v])) = (place(a), place(b));
            id.cmp(&other).then(x.total_cmp(&u)).then(y.total_cmp(&v))
        });
        let mut once: Vec<TagSight> = Vec::with_capacity(sights.len());
        for sight in sights {
            let same = |other: &TagSight| (other.family, other.id) == (sight.family, sight.id);
            if !once.iter().any(|other| same(other) && same_place(other, &sight)) {
                once.push(sight);
            }
        }
        Ok(once)
    }

    /// All tags, with OpenCV's corners.
    fn search(&self, gray: &Image<u8>) -> opencv::Result<Vec<TagSight>> {
        let picture = Mat::new_rows_cols_with_data(gray.height as i32, gray.width as i32, &gray.pixels)?;
        let mut enlarged = Mat::default();
        imgproc::resize(&picture, &mut enlarged, Size::default(), SCALE, SCALE, imgproc::INTER_LINEAR)?;
        let mut found = Vec::new();
        for (family, dictionary) in &self.dictionaries {
            let mut corners = Vector::<Vector<Point2f>>::new();
            let mut ids = Vector::<i32>::new();
            let mut rejected = Vector::<Vector<Point2f>>::new();
            aruco::detect_markers(
                &enlarged,
                dictionary,
                &mut corners,
                &mut ids,
                &self.parameters,
                &mut rejected,
            )?;
            for (id, quad) in ids.iter().zip(corners.iter()) {
                // Pixel centres are at integers before and after, so the pictures' edges, at minus a half, coincide.
                let shrink = |v: f32| (f64::from(v) + 0.5) / SCALE - 0.5;
                let at = |index: usize| quad.get(index).map(|p| [shrink(p.x), shrink(p.y)]);
                // OpenCV 4 has AprilTags upside down against the pictures that their authors publish and people print
                // (opencv/opencv#28823): its bottom right is the printed tag's top left.
                let first = if *family == TagFamily::April36h11 { 2 } else { 0 };
                let corner = |index: usize| at((first + index) % 4);
                let corners = [corner(0)?, corner(1)?, corner(2)?, corner(3)?];
                found.push(TagSight { family: *family, id: id as u32, corners });
            }
        }
        Ok(found)
    }
}

fn name(family: TagFamily) -> aruco::PREDEFINED_DICTIONARY_NAME {
    use aruco::PREDEFINED_DICTIONARY_NAME as Name;
    match family {
        TagFamily::April36h11 => Name::DICT_APRILTAG_36h11,
        TagFamily::Aruco4x4 => Name::DICT_4X4_50,
        TagFamily::Aruco5x5 => Name::DICT_5X5_100,
        TagFamily::Aruco6x6 => Name::DICT_6X6_250,
    }
}

/// Refuses a picture that does not hold what its size says.
pub fn whole<T>(picture: &Image<T>) -> Result<(), VisionError> {
    let Image { width, height, ref pixels } = *picture;
    if width.checked_mul(height) == Some(pixels.len()) {
        return Ok(());
    }
    Err(VisionError::BadPicture { width, height, pixels: pixels.len() })
}

/// Brightness of a pixel (ITU-R BT.601).
pub fn luma(pixel: &[u8; 3]) -> u8 {
    let [r, g, b] = pixel.map(u32::from);
    ((299 * r + 587 * g + 114 * b + 500) / 1000) as u8
}

fn center(corners: &[[f64; 2]; 4]) -> [f64; 2] {
    [0, 1].map(|axis| corners.iter().map(|corner| corner[axis]).sum::<f64>() / 4.0)
}

fn same_place(a: &TagSight, b: &TagSight) -> bool {
    let ([x, y], [u, v]) = (center(&a.corners), center(&b.corners));
    let edge = (a.corners[0][0] - a.corners[1][0]).hypot(a.corners[0][1] - a.corners[1][1]);
    (x - u).hypot(y - v) < edge / 2.0
}
