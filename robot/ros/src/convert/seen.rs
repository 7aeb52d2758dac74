//! What was seen in a picture.

use super::{camera, header, text};
use crate::frames;
use crate::stack_side::{Sighted, Thing};
use nightshift_core::Stamp;
use nightshift_core::image::Depth;
use r2r::sensor_msgs::msg::Image as ImageMsg;
use r2r::vision_msgs::msg::{
    BoundingBox2D, Detection2D, Detection2DArray, ObjectHypothesis, ObjectHypothesisWithPose, Point2D, Pose2D,
};

/// All things in the picture.
pub fn to_detections(seen: &Sighted) -> Detection2DArray {
    let detections = seen.things.iter().map(|thing| to_detection(thing, seen.stamp)).collect();
    Detection2DArray { header: header(seen.stamp, frames::CAMERA), detections }
}

fn to_detection(thing: &Thing, stamp: Stamp) -> Detection2D {
    let [left, top, width, height] = thing.bbox;
    let result = |(class, score): &(String, f64)| ObjectHypothesisWithPose {
        hypothesis: ObjectHypothesis { class_id: text(class), score: *score },
        ..ObjectHypothesisWithPose::default()
    };
    Detection2D {
        header: header(stamp, frames::CAMERA),
        results: thing.is.iter().map(result).collect(),
        bbox: BoundingBox2D {
            center: Pose2D { position: Point2D { x: left + width / 2.0, y: top + height / 2.0 }, theta: 0.0 },
            size_x: width,
            size_y: height,
        },
        id: text(&thing.id),
    }
}

/// The picture with what was seen drawn into it, `rgb8`.
pub fn to_overlay(seen: &Sighted) -> ImageMsg {
    let picture = &seen.overlay;
    camera::picture(
        seen.stamp,
        [picture.width, picture.height],
        "rgb8",
        picture.pixels.as_flattened().to_vec(),
    )
}

/// Depth, `32FC1`: metres, NaN where there is none that is to be trusted (REP-118).
pub fn to_depth(seen: &Sighted) -> ImageMsg {
    let metres = |depth: &Depth| match depth {
        Depth::Measured(metres) => *metres,
        Depth::Missing | Depth::Untrusted(_) => f32::NAN,
    };
    let data = seen.depth.pixels.iter().flat_map(|depth| metres(depth).to_le_bytes()).collect();
    camera::picture(seen.stamp, [seen.depth.width, seen.depth.height], "32FC1", data)
}

/// What depth is worth, `mono8`: 255 measured, 128 measured and not to be trusted, 0 missing.
pub fn to_validity(seen: &Sighted) -> ImageMsg {
    let worth = |depth: &Depth| match depth {
        Depth::Measured(_) => 255,
        Depth::Untrusted(_) => 128,
        Depth::Missing => 0,
    };
    let data = seen.depth.pixels.iter().map(worth).collect();
    camera::picture(seen.stamp, [seen.depth.width, seen.depth.height], "mono8", data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::image::Image;

    #[test]
    fn things_stand_where_they_show_and_depth_says_what_it_is_worth() {
        let seen = Sighted {
            stamp: Stamp::from_seconds(3.0),
            things: vec![Thing {
                id: "tag36h11:7".to_owned(),
                is: vec![("tag36h11".to_owned(), 1.0), ("bad\0name".to_owned(), 0.5)],
                bbox: [10.0, 20.0, 4.0, 6.0],
            }],
            overlay: Image { width: 2, height: 1, pixels: vec![[1, 2, 3], [4, 5, 6]] },
            depth: Image {
                width: 3,
                height: 1,
                pixels: vec![Depth::Measured(0.5), Depth::Untrusted(0.6), Depth::Missing],
            },
        };
        let told = to_detections(&seen);
        assert_eq!((told.header.frame_id.as_str(), told.header.stamp.sec), (frames::CAMERA, 3));
        let [thing] = &told.detections[..] else { panic!("{told:?}") };
        assert_eq!((thing.bbox.center.position.x, thing.bbox.center.position.y), (12.0, 23.0));
        assert_eq!((thing.bbox.size_x, thing.bbox.size_y, thing.id.as_str()), (4.0, 6.0, "tag36h11:7"));
        assert_eq!(thing.results.len(), 2);
        assert!(!thing.results[1].hypothesis.class_id.contains('\0'));
        assert_eq!((to_overlay(&seen).data, to_overlay(&seen).step), (vec![1, 2, 3, 4, 5, 6], 6));
        assert_eq!((to_validity(&seen).data, to_validity(&seen).step), (vec![255, 128, 0], 3));
        let depth = to_depth(&seen);
        let metres: Vec<f32> =
            depth.data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
        assert_eq!((metres[0], depth.step), (0.5, 12));
        assert!(metres[1].is_nan() && metres[2].is_nan());
    }
}
