//! How high a capped vial stands over its slot, told from the fiducial on its cap.
//!
//! A rack hides a vial's foot, and from above nobody sees how far it is down. The size of the cap's fiducial in the picture tells how
//! far its cap is away, and the rack's own fiducials tell where the slot is. A lean of a few degrees does not show in a fiducial as
//! small as that: it is told by how far the cap stands beside the slot's axis.

use crate::fiducial::{PlacedTag, PoseError, TagSight, estimate_pose_of};
use nightshift_core::frames::{Camera, Pose, Slot, Tag};
use nightshift_core::image::Intrinsics;

/// A cap's fiducial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CapTag {
    /// Edge of its black square, metres.
    pub size_m: f64,
    /// Over the slot's seat when the vial sits, metres.
    pub height_m: f64,
}

/// How it sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// It is down.
    Seated,
    /// It stands higher than it should.
    Raised,
    /// The picture does not tell, or shows it lower than there is room for.
    Unknown,
}

/// How much higher than it should a vial stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Height {
    /// Metres.
    pub raised_m: f64,
    /// Standard deviation, metres.
    pub sigma_m: f64,
}

/// Raised by more it is not seated, metres: of a foot on its slot's rim there are 20 mm and more.
const RAISED_M: f64 = 0.004;
/// So many standard deviations are 95 % on one side.
const SURE: f64 = 1.6;
/// What a cap's height, its print and a rack's fiducials are good to besides corners (standard deviation), metres.
const LEAST_SIGMA_M: f64 = 0.0008;

impl Height {
    /// How it sits, by that.
    pub fn seat(&self) -> Seat {
        let vague = SURE * self.sigma_m;
        match self.raised_m {
            raised if raised > RAISED_M + vague => Seat::Raised,
            raised if vague <= RAISED_M && raised.abs() <= RAISED_M => Seat::Seated,
            _ => Seat::Unknown,
        }
    }
}

/// How high a vial stands over the slot that it was seen in.
///
/// # Errors
/// [`PoseError`]: the fiducial's corners are those of no square before the camera.
pub fn height(
    sight: &TagSight,
    cap: &CapTag,
    camera_from_slot: &Pose<Camera, Slot>,
    camera: &Intrinsics,
) -> Result<Height, PoseError> {
    let tag = [PlacedTag::<Tag> { id: sight.id, size_m: cap.size_m, pose: Pose::identity() }];
    let seen = estimate_pose_of(sight.family, std::slice::from_ref(sight), &tag, camera)?;
    let up = camera_from_slot.z_axis();
    let over = seen.camera_from_board.translation() - camera_from_slot.translation();
    let variance = up.dot(&(seen.covariance.fixed_view::<3, 3>(0, 0) * up));
    let sigma_m = variance.max(0.0).sqrt().hypot(LEAST_SIGMA_M);
    Ok(Height { raised_m: over.dot(&up) - cap.height_m, sigma_m })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fiducial::TagFamily;
    use nightshift_core::random::Seed;
    use rand::Rng;
    use rand_distr::{Distribution, Normal};

    const CAP: CapTag = CapTag { size_m: 0.0112, height_m: 0.06 };

    fn camera() -> Intrinsics {
        Intrinsics { width: 640, height: 480, fx: 600.0, fy: 600.0, cx: 319.5, cy: 239.5 }
    }

    /// Straight from above, the slot beside the picture's middle and the seat `away_m` from the lens.
    fn camera_from_slot(away_m: f64) -> Pose<Camera, Slot> {
        Pose::from_xyz_rpy([0.03, -0.02, away_m], [std::f64::consts::PI, 0.0, 0.3])
    }

    fn sight(
        camera_from_slot: &Pose<Camera, Slot>,
        raised_m: f64,
        noise: &mut impl FnMut() -> f64,
    ) -> TagSight {
        let slot_from_tag =
            Pose::<Slot, Tag>::from_xyz_rpy([0.0006, -0.0004, CAP.height_m + raised_m], [0.01, 0.02, 0.8]);
        let tag = PlacedTag::<Slot> { id: 7, size_m: CAP.size_m, pose: slot_from_tag };
        let corners = tag.corners().map(|corner| {
            let p = camera_from_slot.point(&corner);
            let k = camera();
            [k.cx + k.fx * p.x / p.z + noise(), k.cy + k.fy * p.y / p.z + noise()]
        });
        TagSight { family: TagFamily::April36h11, id: 7, corners }
    }

    #[test]
    fn a_vial_that_stands_on_something_is_raised() {
        let slot = camera_from_slot(0.34);
        for (raised_m, seat) in
            [(0.0, Seat::Seated), (0.003, Seat::Seated), (0.008, Seat::Raised), (0.03, Seat::Raised)]
        {
            let told = height(&sight(&slot, raised_m, &mut || 0.0), &CAP, &slot, &camera()).unwrap();
            assert!((told.raised_m - raised_m).abs() < 2e-4, "{raised_m}: {told:?}");
            assert_eq!(told.seat(), seat, "{raised_m}: {told:?}");
        }
        // Lower than its seat no vial can be: then something is not as it was taken to be.
        let told = height(&sight(&slot, -0.01, &mut || 0.0), &CAP, &slot, &camera()).unwrap();
        assert_eq!(told.seat(), Seat::Unknown, "{told:?}");
    }

    #[test]
    fn of_noisy_corners_hardly_one_is_told_wrongly_and_the_deviation_is_that() {
        let mut random = Seed(1).stream("corners");
        let normal = Normal::new(0.0, 0.15).unwrap();
        let slot = camera_from_slot(0.34);
        let (mut wrong, mut square) = (0, 0.0);
        for round in 0..400 {
            let raised_m = if round % 2 == 0 { 0.0 } else { random.random_range(0.009..0.03) };
            let told =
                height(&sight(&slot, raised_m, &mut || normal.sample(&mut random)), &CAP, &slot, &camera())
                    .unwrap();
            let never = if round % 2 == 0 { Seat::Raised } else { Seat::Seated };
            wrong += usize::from(told.seat() == never);
            square += ((told.raised_m - raised_m) / told.sigma_m).powi(2);
        }
        assert!(wrong <= 4, "{wrong} of 400");
        assert!((0.4..1.8).contains(&(square / 400.0)), "{}", square / 400.0);
        // From far the fiducial is too small to tell.
        let far = camera_from_slot(1.2);
        assert_eq!(
            height(&sight(&far, 0.002, &mut || 0.0), &CAP, &far, &camera()).unwrap().seat(),
            Seat::Unknown
        );
    }
}
