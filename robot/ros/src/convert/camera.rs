//! Pictures.

use super::{BadMessage, bad, header, stamp_in};
use crate::frames;
use nightshift_core::Stamp;
use nightshift_core::image::{Depth, Frame, Image, Intrinsics};
use r2r::sensor_msgs::msg::{CameraInfo, Image as ImageMsg};

/// Colour, `rgb8`.
pub fn to_color(frame: &Frame) -> ImageMsg {
    let (width, height) = (frame.color.width, frame.color.height);
    picture(frame.stamp, [width, height], "rgb8", frame.color.pixels.as_flattened().to_vec())
}

/// Depth, `16UC1`: millimetres, 0 where there is none or none to be trusted. Beyond 65.535 m there is none.
pub fn to_depth(frame: &Frame) -> ImageMsg {
    let (width, height) = (frame.depth.width, frame.depth.height);
    let millimetres = |depth: &Depth| match depth {
        Depth::Measured(metres) if (0.0005..65.5355).contains(metres) => (metres * 1000.0).round() as u16,
        Depth::Measured(_) | Depth::Missing | Depth::Untrusted(_) => 0,
    };
    let data = frame.depth.pixels.iter().flat_map(|depth| millimetres(depth).to_le_bytes()).collect();
    picture(frame.stamp, [width, height], "16UC1", data)
}

/// A picture of the camera, row by row without gaps.
pub fn picture(stamp: Stamp, [width, height]: [usize; 2], encoding: &str, data: Vec<u8>) -> ImageMsg {
    ImageMsg {
        header: header(stamp, frames::CAMERA),
        height: height as u32,
        width: width as u32,
        encoding: encoding.to_owned(),
        is_bigendian: 0,
        step: (data.len() / height.max(1)) as u32,
        data,
    }
}

/// The model of both pictures.
pub fn to_camera_info(frame: &Frame) -> CameraInfo {
    let Intrinsics { width, height, fx, fy, cx, cy } = frame.intrinsics;
    CameraInfo {
        header: header(frame.stamp, frames::CAMERA),
        height: height as u32,
        width: width as u32,
        distortion_model: "plumb_bob".to_owned(),
        d: vec![0.0; 5],
        k: vec![fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        r: vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p: vec![fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
        ..CameraInfo::default()
    }
}

/// Colour; `rgb8` only.
pub fn from_color(message: &ImageMsg) -> Result<(Stamp, Image<[u8; 3]>), BadMessage> {
    let stamp = stamp_in(&message.header, frames::CAMERA)?;
    if message.encoding != "rgb8" {
        return bad(format!("encoding {:?}; only rgb8 is read", message.encoding));
    }
    let pixels = pixels(message, |pixel: [u8; 3]| pixel)?;
    Ok((stamp, Image { width: message.width as usize, height: message.height as usize, pixels }))
}

/// Depth; `16UC1` (millimetres, 0 is missing) or `32FC1` (metres, what is not positive and finite is missing).
pub fn from_depth(message: &ImageMsg) -> Result<(Stamp, Image<Depth>), BadMessage> {
    let stamp = stamp_in(&message.header, frames::CAMERA)?;
    if message.is_bigendian != 0 {
        return bad("a big-endian depth picture is not read");
    }
    let pixels = match message.encoding.as_str() {
        "16UC1" => pixels(message, |pixel| match u16::from_le_bytes(pixel) {
            0 => Depth::Missing,
            millimetres => Depth::Measured(f32::from(millimetres) * 1e-3),
        })?,
        "32FC1" => pixels(message, |pixel| {
            let metres = f32::from_le_bytes(pixel);
            if metres.is_finite() && metres > 0.0 { Depth::Measured(metres) } else { Depth::Missing }
        })?,
        other => return bad(format!("encoding {other:?}; only 16UC1 and 32FC1 are read")),
    };
    Ok((stamp, Image { width: message.width as usize, height: message.height as usize, pixels }))
}

fn pixels<const N: usize, T>(message: &ImageMsg, read: impl Fn([u8; N]) -> T) -> Result<Vec<T>, BadMessage> {
    let (width, height, step) = (message.width as usize, message.height as usize, message.step as usize);
    if width == 0 || height == 0 || step < width * N || message.data.len() != step * height {
        return bad(format!(
            "{} bytes are no picture of {width} by {height} with {step} bytes a row and {N} a pixel",
            message.data.len()
        ));
    }
    let rows = message.data.chunks_exact(step);
    Ok(rows.flat_map(|row| row[..width * N].as_chunks().0).map(|pixel| read(*pixel)).collect())
}

/// The model of the pictures; pictures with distortion are not taken.
pub fn from_camera_info(message: &CameraInfo) -> Result<Intrinsics, BadMessage> {
    stamp_in(&message.header, frames::CAMERA)?;
    let &[fx, _, cx, _, fy, cy, ..] = message.k.as_slice() else {
        return bad("k is not a matrix of 3 by 3");
    };
    if ![fx, fy, cx, cy].iter().all(|v| v.is_finite()) || fx <= 0.0 || fy <= 0.0 {
        return bad(format!("fx {fx}, fy {fy}, cx {cx}, cy {cy} are no pinhole camera"));
    }
    if message.d.iter().any(|d| *d != 0.0) {
        return bad("the pictures are distorted: rectify them before");
    }
    Ok(Intrinsics { width: message.width as usize, height: message.height as usize, fx, fy, cx, cy })
}

/// Puts the two pictures and the model of one exposure together.
#[derive(Default)]
pub struct Assembler {
    intrinsics: Option<Intrinsics>,
    color: Option<(Stamp, Image<[u8; 3]>)>,
    depth: Option<(Stamp, Image<Depth>)>,
}

impl Assembler {
    /// The model came.
    pub fn intrinsics(&mut self, intrinsics: Intrinsics) -> Option<Frame> {
        self.intrinsics = Some(intrinsics);
        self.whole()
    }

    /// A colour picture came.
    pub fn color(&mut self, stamp: Stamp, image: Image<[u8; 3]>) -> Option<Frame> {
        self.color = Some((stamp, image));
        self.whole()
    }

    /// A depth picture came.
    pub fn depth(&mut self, stamp: Stamp, image: Image<Depth>) -> Option<Frame> {
        self.depth = Some((stamp, image));
        self.whole()
    }

    fn whole(&mut self) -> Option<Frame> {
        let intrinsics = self.intrinsics?;
        let (color, depth) = (self.color.as_ref()?, self.depth.as_ref()?);
        let of_model = |width, height| (width, height) == (intrinsics.width, intrinsics.height);
        let fits = color.0 == depth.0
            && of_model(color.1.width, color.1.height)
            && of_model(depth.1.width, depth.1.height);
        if !fits {
            return None;
        }
        let (stamp, color) = self.color.take()?;
        let (_, depth) = self.depth.take()?;
        Some(Frame { stamp, intrinsics, color, depth })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        let intrinsics = Intrinsics { width: 2, height: 2, fx: 600.0, fy: 601.0, cx: 0.5, cy: 0.25 };
        let mut color = Image::filled(2, 2, [1, 2, 3]);
        color.pixels[3] = [250, 0, 7];
        let mut depth = Image::filled(2, 2, Depth::Missing);
        depth.pixels[1] = Depth::Measured(0.731);
        Frame { stamp: Stamp(3_000_000_001), intrinsics, color, depth }
    }

    #[test]
    fn a_frame_is_put_together_again_in_whatever_order_its_parts_come() {
        let whole = frame();
        let (stamp, color) = from_color(&to_color(&whole)).unwrap();
        let (_, depth) = from_depth(&to_depth(&whole)).unwrap();
        let intrinsics = from_camera_info(&to_camera_info(&whole)).unwrap();

        let mut assembler = Assembler::default();
        assert_eq!(assembler.depth(stamp, depth.clone()), None);
        assert_eq!(assembler.intrinsics(intrinsics), None);
        assert_eq!(assembler.color(stamp, color.clone()), Some(whole));
        assert_eq!(assembler.color(Stamp(4), color), None, "the depth of another exposure is not taken");
        assert_eq!(assembler.depth(Stamp(5), depth), None);
    }

    #[test]
    fn depth_that_cannot_be_said_is_missing() {
        let mut frame = frame();
        frame.depth.pixels = vec![
            Depth::Measured(70.0),
            Depth::Measured(f32::NAN),
            Depth::Untrusted(1.0),
            Depth::Measured(0.0),
        ];
        let (_, depth) = from_depth(&to_depth(&frame)).unwrap();
        assert_eq!(depth.pixels, vec![Depth::Missing; 4]);
    }

    #[test]
    fn depth_in_metres_is_read_as_well() {
        let mut message = to_depth(&frame());
        message.encoding = "32FC1".to_owned();
        message.step = 8;
        message.data = [0.5f32, f32::NAN, 0.0, f32::INFINITY].iter().flat_map(|v| v.to_le_bytes()).collect();
        let (_, depth) = from_depth(&message).unwrap();
        assert_eq!(depth.pixels, [Depth::Measured(0.5), Depth::Missing, Depth::Missing, Depth::Missing]);
    }

    #[test]
    fn malformed_pictures_are_refused_in_words() {
        let mut message = to_color(&frame());
        message.data.pop();
        assert!(from_color(&message).unwrap_err().0.contains("11 bytes"));
        message = to_color(&frame());
        (message.height, message.width) = (u32::MAX, u32::MAX);
        assert!(from_color(&message).is_err());
        message.encoding = "mono8".to_owned();
        assert!(from_color(&message).unwrap_err().0.contains("mono8"));
        assert!(from_depth(&to_color(&frame())).unwrap_err().0.contains("rgb8"));
        let mut info = to_camera_info(&frame());
        info.d[0] = 0.1;
        assert!(from_camera_info(&info).unwrap_err().0.contains("distorted"));
        info = to_camera_info(&frame());
        info.k[0] = f64::NAN;
        assert!(from_camera_info(&info).is_err());
        info.k.clear();
        assert!(from_camera_info(&info).is_err());
    }

    #[test]
    fn padding_at_the_end_of_rows_is_left_out() {
        let mut message = to_color(&frame());
        message.step = 8;
        message.data = vec![1, 2, 3, 1, 2, 3, 0, 0, 1, 2, 3, 250, 0, 7, 0, 0];
        assert_eq!(from_color(&message).unwrap().1, frame().color);
    }
}
