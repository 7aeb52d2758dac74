//! The place of a board from several pictures together, by a camera whose own place is known in each.

use super::{
    CORNER_SIGMA_PX, MAX_RMS_PX, PlacedTag, PoseError, TagFamily, TagSight, estimate_pose, matches, refine,
};
use nalgebra::Matrix6;
use nightshift_core::frames::{Camera, Pose};
use nightshift_core::image::Intrinsics;

/// One picture, and where the camera was in a common frame `W`.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardView<W> {
    /// Of the camera.
    pub place: Pose<W, Camera>,
    /// The tags in the picture.
    pub sights: Vec<TagSight>,
}

/// Where a board stands in the common frame.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardPlace<W, F> {
    /// It.
    pub pose: Pose<W, F>,
    /// Root of the mean squared distance between seen and expected corners, pixels.
    pub rms_px: f64,
    /// Of (x, y, z) of the board's origin in metres and of a small rotation (vector in radians), both along the axes of
    /// the common frame: of corners that scatter independently, and of where the camera sits in the hand, which all pictures share. The
    /// lens, and how the tags are printed, are not in it.
    pub covariance: Matrix6<f64>,
    /// Tags that took part, over all pictures.
    pub tags_used: usize,
}

/// The pose that leaves the least squared distance between seen and expected corners over all pictures. The start is what
/// the first picture with a pose says. `mount` is the covariance of where the camera sits in the hand, of (x, y, z) in metres and of a
/// small rotation (vector in radians), both along the camera's axes: it is sought beside the place, so that pictures from opposite ways
/// round, in which it counts once this way and once that, take it out.
///
/// # Errors
/// The first picture's own where no picture has a pose; else as [`estimate_pose`].
pub fn locate_board<W, F>(
    views: &[BoardView<W>],
    board: &[PlacedTag<F>],
    lens: &Intrinsics,
    mount: &Matrix6<f64>,
) -> Result<BoardPlace<W, F>, PoseError> {
    let mut first = None;
    let mut corners = Vec::new();
    let (mut tags_used, mut ids) = (0, Vec::new());
    let mut failure = PoseError::NoKnownTag { seen: 0, wanted: board.iter().map(|tag| tag.id).collect() };
    for view in views {
        let found = match estimate_pose(&view.sights, board, lens) {
            Ok(found) => found,
            Err(error) => {
                failure = error;
                continue;
            }
        };
        // An ambiguous picture starts nothing, and counts once it is known from another how the board stands.
        if first.as_ref().is_none_or(|(_, ambiguous)| *ambiguous && !found.ambiguous) {
            first = Some((view.place * found.camera_from_board, found.ambiguous));
        }
        let camera_from_frame = view.place.iso.inverse();
        for m in matches(TagFamily::April36h11, &view.sights, board)? {
            tags_used += 1;
            ids.push(m.sight.id);
            let pairs = m.placed.corners().into_iter().zip(m.sight.corners);
            corners.extend(pairs.map(|(board, pixel)| refine::Corner { board, pixel, camera_from_frame }));
        }
    }
    let Some((start, _)) = first else { return Err(failure) };
    let degenerate = || PoseError::Degenerate { ids: ids.clone() };
    let rough = refine::refine(&start.iso, &corners, lens).ok_or_else(degenerate)?;
    let fit = refine::refine_shared(&rough.frame_from_board, &corners, lens, mount, CORNER_SIGMA_PX)
        .ok_or_else(degenerate)?;
    if fit.rms_px > MAX_RMS_PX {
        return Err(PoseError::Inconsistent { ids, rms_px: fit.rms_px });
    }
    Ok(BoardPlace {
        pose: Pose::new(fit.frame_from_board),
        rms_px: fit.rms_px,
        covariance: fit.covariance,
        tags_used,
    })
}
