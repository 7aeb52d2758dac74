//! What the pictures show that the stack takes, for people and other nodes: nothing that is decided waits for it.

use crate::see::{draw_tag, draw_vessel};
use crate::talk::talk;
use nightshift_core::image::{Depth, Frame, Image};
use nightshift_models::Eyes;
use nightshift_perception::fiducial::TagSight;
use nightshift_perception::vessel::{IN_DOUBT, VesselSight, phase_names};
use nightshift_ros::{Sighted, Thing};

/// Looks for vessels where it has networks.
pub struct Gaze {
    eyes: Option<Eyes>,
}

impl Gaze {
    pub fn new(eyes: Option<Eyes>) -> Self {
        Self { eyes }
    }

    /// What a picture shows, its fiducials being read already. Networks that fail are given up, and a person is told.
    pub fn look(&mut self, frame: &Frame, tags: &[TagSight]) -> Sighted {
        let vessels = match self.eyes.as_mut().map(|eyes| eyes.look(&frame.color)) {
            Some(Ok(vessels)) => vessels,
            Some(Err(error)) => {
                talk!("nightshift: warning: vessels are not looked for any more: {error}");
                self.eyes = None;
                Vec::new()
            }
            None => Vec::new(),
        };
        let (mut overlay, mut depth) = (frame.color.clone(), frame.depth.clone());
        for vessel in &vessels {
            distrust(&mut depth, vessel);
            if let Err(error) = draw_vessel(&mut overlay, vessel) {
                talk!("nightshift: warning: a vessel is not drawn: {error}");
            }
        }
        for tag in tags {
            draw_tag(&mut overlay, tag);
        }
        let things = vessels.iter().map(vessel).chain(tags.iter().map(fiducial)).collect();
        Sighted { stamp: frame.stamp, things, overlay, depth }
    }
}

/// What a depth camera measures on glass is what lies behind it, or nothing.
fn distrust(depth: &mut Image<Depth>, vessel: &VesselSight) {
    let Ok(mask) = vessel.mask_rle.image() else { return };
    if !vessel.kind.is_vessel() || [mask.width, mask.height] != [depth.width, depth.height] {
        return;
    }
    for (pixel, inside) in depth.pixels.iter_mut().zip(&mask.pixels) {
        if let (Depth::Measured(metres), true) = (*pixel, *inside) {
            *pixel = Depth::Untrusted(metres);
        }
    }
}

fn vessel(vessel: &VesselSight) -> Thing {
    let holds = phase_names(vessel.phases.as_deref()).into_iter().filter(|name| *name != IN_DOUBT);
    let holds = holds.map(|name| (format!("holds:{name}"), vessel.score));
    let is = std::iter::once((vessel.kind.name().to_owned(), vessel.score)).chain(holds).collect();
    Thing { id: String::new(), is, bbox: vessel.bbox }
}

fn fiducial(tag: &TagSight) -> Thing {
    let family = tag.family.name();
    // Corners count from the middle of the first pixel, boxes from the picture's edge.
    let along = |axis: usize| tag.corners.iter().map(move |corner| corner[axis] + 0.5);
    let least = |axis| along(axis).fold(f64::INFINITY, f64::min);
    let most = |axis| along(axis).fold(f64::NEG_INFINITY, f64::max);
    let bbox = [least(0), least(1), most(0) - least(0), most(1) - least(1)];
    Thing { id: format!("{family}:{}", tag.id), is: vec![(family.to_owned(), 1.0)], bbox }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::Stamp;
    use nightshift_core::image::Intrinsics;
    use nightshift_perception::fiducial::TagFamily;
    use nightshift_perception::vessel::{Kind, Posture, Rle};

    fn seen(kind: Kind) -> VesselSight {
        let mask_rle = Rle { size: [2, 3], counts: vec![2, 2, 2] };
        VesselSight {
            bbox: [1.0, 0.0, 1.0, 2.0],
            mask_rle,
            kind,
            phases: None,
            fill: None,
            score: 0.7,
            posture: Posture::Unknown,
            lean_deg: None,
            doubts: Vec::new(),
        }
    }

    #[test]
    fn depth_on_a_vessel_is_not_trusted_and_on_a_rack_it_is() {
        let measured = Image::filled(3, 2, Depth::Measured(0.4));
        let mut depth = measured.clone();
        depth.pixels[1] = Depth::Missing;
        distrust(&mut depth, &seen(Kind::VialOpen));
        let [untrusted, kept] = [Depth::Untrusted(0.4), Depth::Measured(0.4)];
        assert_eq!(depth.pixels, [kept, Depth::Missing, kept, kept, untrusted, kept]);
        let mut depth = measured.clone();
        distrust(&mut depth, &seen(Kind::Rack));
        assert_eq!(depth.pixels, measured.pixels);
    }

    #[test]
    fn a_fiducial_is_a_thing_with_a_name_and_is_drawn() {
        let tag = TagSight {
            family: TagFamily::April36h11,
            id: 7,
            corners: [[2.0, 1.0], [5.0, 1.0], [5.0, 6.0], [2.0, 6.0]],
        };
        let frame = Frame {
            stamp: Stamp::ZERO,
            intrinsics: Intrinsics { width: 8, height: 8, fx: 8.0, fy: 8.0, cx: 3.5, cy: 3.5 },
            color: Image::filled(8, 8, [0; 3]),
            depth: Image::filled(0, 0, Depth::Missing),
        };
        let seen = Gaze::new(None).look(&frame, &[tag]);
        let wanted =
            Thing { id: "tag36h11:7".into(), is: vec![("tag36h11".into(), 1.0)], bbox: [2.5, 1.5, 3.0, 5.0] };
        assert_eq!(seen.things, [wanted]);
        assert!(seen.overlay.pixels != frame.color.pixels);
    }
}
