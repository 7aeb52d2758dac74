//! Poses from fiducials: a board of square tags whose places in a common frame are known, seen by one camera.

mod edges;
mod planar;
mod refine;
mod views;

pub use edges::refine_corners;
pub use views::{BoardPlace, BoardView, locate_board};

use nalgebra::{Matrix6, Point3};
use nightshift_core::frames::{Camera, Pose, Tag};
use nightshift_core::image::Intrinsics;
use serde::{Deserialize, Serialize};

/// Whose pattern a tag has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TagFamily {
    /// AprilTag's 36h11: what the bundled sites and racks carry.
    #[default]
    #[serde(rename = "tag36h11")]
    April36h11,
    /// ArUco's predefined dictionary of 4 x 4 cells, the first 50.
    #[serde(rename = "aruco_4x4_50")]
    Aruco4x4,
    /// ArUco's predefined dictionary of 5 x 5 cells, the first 100.
    #[serde(rename = "aruco_5x5_100")]
    Aruco5x5,
    /// ArUco's predefined dictionary of 6 x 6 cells, the first 250.
    #[serde(rename = "aruco_6x6_250")]
    Aruco6x6,
}

impl TagFamily {
    /// All that can be found.
    pub const ALL: [Self; 4] = [Self::April36h11, Self::Aruco4x4, Self::Aruco5x5, Self::Aruco6x6];

    /// As JSON spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::April36h11 => "tag36h11",
            Self::Aruco4x4 => "aruco_4x4_50",
            Self::Aruco5x5 => "aruco_5x5_100",
            Self::Aruco6x6 => "aruco_6x6_250",
        }
    }
}

/// One tag in one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TagSight {
    /// Whose pattern it has.
    #[serde(default, rename = "kind")]
    pub family: TagFamily,
    /// Its number in its family.
    pub id: u32,
    /// The corners of its black square in pixels (the centre of the top left pixel is (0, 0)), in OpenCV's order:
    /// top left, top right, bottom right, bottom left, as one looks at the upright tag. Upright is the tag in the
    /// pictures that its family's authors publish for printing (OpenCV 4's own pictures of AprilTags are upside down).
    pub corners: [[f64; 2]; 4],
}

/// A tag whose place is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlacedTag<F> {
    /// Its number in its family.
    pub id: u32,
    /// Edge of its black square, metres.
    pub size_m: f64,
    /// Its place in the common frame, `frame_from_tag`.
    pub pose: Pose<F, Tag>,
}

impl<F> PlacedTag<F> {
    /// The corners in the common frame, in the order of [`TagSight::corners`].
    pub fn corners(&self) -> [Point3<f64>; 4] {
        let half = self.size_m / 2.0;
        [[-half, half], [half, half], [half, -half], [-half, -half]]
            .map(|[x, y]| self.pose.point(&Point3::new(x, y, 0.0)))
    }
}

/// Where a board stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoardPose<F> {
    /// The common frame of the tags, seen from the camera.
    pub camera_from_board: Pose<Camera, F>,
    /// Root of the mean squared distance between seen and expected corners, pixels.
    pub rms_px: f64,
    /// How many tags took part.
    pub tags_used: usize,
    /// Whether a clearly different pose explains the picture almost as well (the flip of a plane that is seen
    /// from far or head on). The pose is then the better one of the two, by a margin that noise can make.
    pub ambiguous: bool,
    /// Of (x, y, z) of the board's origin in metres and of a small rotation (vector in radians), both along the
    /// camera's axes. About this one solution: it says nothing of the other where `ambiguous`.
    pub covariance: Matrix6<f64>,
}

/// Why there is no pose.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PoseError {
    /// None of the tags in the picture belongs to the board.
    #[error("none of the {seen} tags in the picture is one of the board's {wanted:?}")]
    NoKnownTag {
        /// How many tags were in the picture.
        seen: usize,
        /// The board's tags.
        wanted: Vec<u32>,
    },
    /// A tag of the board appears twice, so one of the two is something else.
    #[error("tag {id} is seen twice in one picture")]
    SeenTwice {
        /// Which.
        id: u32,
    },
    /// The board is described with one id at two places.
    #[error("tag {id} has two places on the board")]
    PlacedTwice {
        /// Which.
        id: u32,
    },
    /// A tag of the board is described without a positive size.
    #[error("tag {id} has size {size_m} m, which must be positive")]
    BadSize {
        /// Which.
        id: u32,
        /// As described, metres.
        size_m: f64,
    },
    /// A corner is no number.
    #[error("tag {id} has a corner that is not finite")]
    NotFinite {
        /// Which.
        id: u32,
    },
    /// The corners lie on a line or a point, or in an order that no tag in front of a camera shows.
    #[error("no pose in front of the camera shows the corners of tags {ids:?} so")]
    Degenerate {
        /// The tags that took part.
        ids: Vec<u32>,
    },
    /// The best pose is too far from what was seen: a tag has moved, or is described wrongly.
    #[error("the corners of tags {ids:?} are off by {rms_px:.2} px, allowed are {MAX_RMS_PX} px")]
    Inconsistent {
        /// The tags that took part.
        ids: Vec<u32>,
        /// Root of the mean squared distance, pixels.
        rms_px: f64,
    },
}

/// A pose that leaves more than this is not believed, pixels. Sharp pictures leave 0.1 to 0.3.
pub const MAX_RMS_PX: f64 = 2.0;

/// What corners are good to at best, pixels along an axis: a lucky fit is not believed to be better.
const CORNER_SIGMA_PX: f64 = 0.1;

/// Another pose counts as an equal explanation below this ratio of residuals. With the residual of pure noise, the
/// eight numbers of one tag then speak for the better pose by 5 nats or less, `8 / 2 * (1.5^2 - 1)`.
const AMBIGUITY_RATIO: f64 = 1.5;

/// Two solutions that differ by less than this many radians are one for our purposes.
const SAME_POSE_RAD: f64 = 0.02;

/// [`estimate_pose_of`] a board of AprilTags.
///
/// # Errors
/// [`PoseError`].
pub fn estimate_pose<F>(
    sights: &[TagSight],
    board: &[PlacedTag<F>],
    intrinsics: &Intrinsics,
) -> Result<BoardPose<F>, PoseError> {
    estimate_pose_of(TagFamily::April36h11, sights, board, intrinsics)
}

/// The pose of a board of tags of one family from what was seen in one picture. Tags that the board does not have are passed over.
///
/// Each start comes from the two solutions of a plane's homography (see `planar`), and is refined on the distance
/// between seen and expected corners of all tags.
///
/// # Errors
/// [`PoseError`].
pub fn estimate_pose_of<F>(
    family: TagFamily,
    sights: &[TagSight],
    board: &[PlacedTag<F>],
    intrinsics: &Intrinsics,
) -> Result<BoardPose<F>, PoseError> {
    let matches = matches(family, sights, board)?;
    let ids = || matches.iter().map(|m| m.sight.id).collect::<Vec<_>>();
    let corners: Vec<refine::Corner> = matches
        .iter()
        .flat_map(|m| m.placed.corners().into_iter().zip(m.sight.corners))
        .map(|(board, pixel)| refine::Corner {
            board,
            pixel,
            camera_from_frame: nalgebra::Isometry3::identity(),
        })
        .collect();

    let facing = |fit: &refine::Fit| {
        matches.iter().all(|m| {
            let camera_from_tag = fit.frame_from_board * m.placed.pose.iso;
            (camera_from_tag.rotation * nalgebra::Vector3::z()).dot(&camera_from_tag.translation.vector) < 0.0
        })
    };
    let mut fits: Vec<refine::Fit> = starts(&matches, intrinsics)
        .iter()
        .filter_map(|start| refine::refine(start, &corners, intrinsics))
        .filter(facing)
        .collect();
    fits.sort_by(|a, b| a.rms_px.total_cmp(&b.rms_px));
    let best = fits.first().ok_or_else(|| PoseError::Degenerate { ids: ids() })?;
    if best.rms_px > MAX_RMS_PX {
        return Err(PoseError::Inconsistent { ids: ids(), rms_px: best.rms_px });
    }
    let limit = AMBIGUITY_RATIO * best.rms_px.max(CORNER_SIGMA_PX * std::f64::consts::SQRT_2);
    let ambiguous = fits.iter().any(|fit| {
        let apart = fit.frame_from_board.rotation.angle_to(&best.frame_from_board.rotation);
        apart > SAME_POSE_RAD && fit.rms_px < limit
    });
    let covariance = best.covariance(CORNER_SIGMA_PX).ok_or_else(|| PoseError::Degenerate { ids: ids() })?;
    Ok(BoardPose {
        camera_from_board: Pose::new(best.frame_from_board),
        rms_px: best.rms_px,
        tags_used: matches.len(),
        ambiguous,
        covariance,
    })
}

struct Match<'a, F> {
    sight: &'a TagSight,
    placed: &'a PlacedTag<F>,
}

fn matches<'a, F>(
    family: TagFamily,
    sights: &'a [TagSight],
    board: &'a [PlacedTag<F>],
) -> Result<Vec<Match<'a, F>>, PoseError> {
    let mut matches: Vec<Match<'a, F>> = Vec::new();
    for (index, placed) in board.iter().enumerate() {
        let id = placed.id;
        if board[..index].iter().any(|earlier| earlier.id == id) {
            return Err(PoseError::PlacedTwice { id });
        }
        if !(placed.size_m > 0.0 && placed.size_m.is_finite()) {
            return Err(PoseError::BadSize { id, size_m: placed.size_m });
        }
        let mut seen = sights.iter().filter(|sight| sight.family == family && sight.id == id);
        let Some(sight) = seen.next() else { continue };
        if seen.next().is_some() {
            return Err(PoseError::SeenTwice { id });
        }
        if sight.corners.iter().flatten().any(|v| !v.is_finite()) {
            return Err(PoseError::NotFinite { id });
        }
        matches.push(Match { sight, placed });
    }
    if matches.is_empty() {
        let wanted = board.iter().map(|tag| tag.id).collect();
        return Err(PoseError::NoKnownTag { seen: sights.len(), wanted });
    }
    Ok(matches)
}

/// Tags this close to one plane start from one homography of them all, metres.
const COPLANAR_M: f64 = 1e-3;

/// Poses to start from: two for each plane of tags.
fn starts<F>(matches: &[Match<'_, F>], intrinsics: &Intrinsics) -> Vec<nalgebra::Isometry3<f64>> {
    let solve = |group: &[Match<'_, F>]| {
        let board_from_plane = group[0].placed.pose.iso;
        let points: Vec<planar::PlanePoint> = group
            .iter()
            .flat_map(|m| m.placed.corners().into_iter().zip(m.sight.corners))
            .map(|(board, [u, v])| planar::PlanePoint {
                plane: board_from_plane.inverse_transform_point(&board).xy(),
                ray: [(u - intrinsics.cx) / intrinsics.fx, (v - intrinsics.cy) / intrinsics.fy].into(),
            })
            .collect();
        planar::poses(&points).into_iter().flatten().map(move |pose| pose * board_from_plane.inverse())
    };
    let first = matches[0].placed.pose.iso;
    let coplanar = matches
        .iter()
        .flat_map(|m| m.placed.corners())
        .all(|corner| first.inverse_transform_point(&corner).z.abs() < COPLANAR_M);
    if coplanar { solve(matches).collect() } else { matches.chunks(1).flat_map(solve).collect() }
}

#[cfg(test)]
mod tests;
