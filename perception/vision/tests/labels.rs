//! Text on labels that are drawn here.

use nightshift_core::image::Image;
use nightshift_perception::label::named;
use nightshift_vision::{LabelError, read_labels};
use opencv::core::{Mat, MatTraitConstManual, Point, Point2f, Scalar, Size, Vec3b};
use opencv::imgproc;

/// A white label on a grey bench with lines of text, letters so many pixels high, turned by so many degrees.
fn label(lines: &[&str], height_px: f64, turn_deg: f64) -> Image<[u8; 3]> {
    let (width, height) = (640, 480);
    let mut mat = Mat::new_rows_cols_with_default(
        height,
        width,
        opencv::core::CV_8UC3,
        Scalar::new(90.0, 96.0, 100.0, 0.0),
    )
    .unwrap();
    let white = Scalar::new(232.0, 234.0, 236.0, 0.0);
    let sheet = opencv::core::Rect::new(120, 150, 400, 190);
    imgproc::rectangle(&mut mat, sheet, white, imgproc::FILLED, imgproc::LINE_8, 0).unwrap();
    for (row, text) in lines.iter().enumerate() {
        let at = Point::new(140, 200 + (row as f64 * 2.2 * height_px) as i32);
        let (scale, thick) = (height_px / 21.0, (height_px / 11.0).round().max(1.0) as i32);
        let font = imgproc::FONT_HERSHEY_DUPLEX;
        let ink = Scalar::new(25.0, 25.0, 30.0, 0.0);
        imgproc::put_text(&mut mat, text, at, font, scale, ink, thick, imgproc::LINE_AA, false).unwrap();
    }
    let turn = imgproc::get_rotation_matrix_2d(Point2f::new(320.0, 240.0), turn_deg, 1.0).unwrap();
    let mut turned = Mat::default();
    let how = imgproc::INTER_LINEAR;
    let border = opencv::core::BORDER_REPLICATE;
    imgproc::warp_affine(&mat, &mut turned, &turn, Size::new(width, height), how, border, Scalar::default())
        .unwrap();
    let pixels =
        turned.data_typed::<Vec3b>().unwrap().iter().map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    Image { width: width as usize, height: height as usize, pixels }
}

/// None where the program is not there: the test says so and passes.
fn read(picture: &Image<[u8; 3]>) -> Option<Vec<nightshift_perception::label::LabelSight>> {
    match read_labels(picture) {
        Err(LabelError::NotInstalled) => {
            eprintln!("skipped: {}", LabelError::NotInstalled);
            None
        }
        labels => Some(labels.unwrap()),
    }
}

#[test]
fn a_label_is_read_over_sizes_and_turns_and_names_its_sample() {
    let known = ["vial 351", "vial 352", "vial 35"];
    for (height_px, turn_deg) in [(16.0, 0.0), (18.0, 3.0), (24.0, -4.0), (30.0, 0.0)] {
        let picture = label(&["vial 352", "ethanol 96 %"], height_px, turn_deg);
        let Some(labels) = read(&picture) else { return };
        assert_eq!(named(&labels, known), ["vial 352"], "{height_px} px, {turn_deg} deg: {labels:?}");
        let [left, top, width, height] = labels[0].bbox;
        let inside = left > 100.0 && top > 130.0 && left + width < 540.0 && top + height < 360.0;
        assert!(inside, "{labels:?}");
    }
}

#[test]
fn a_picture_without_text_says_nothing_and_a_torn_one_is_refused() {
    let Some(labels) = read(&label(&[], 20.0, 0.0)) else { return };
    assert_eq!(labels, []);
    let black = Image { width: 64, height: 48, pixels: vec![[0; 3]; 64 * 48] };
    assert_eq!(read(&black), Some(Vec::new()));
    let torn = Image { width: 64, height: 48, pixels: vec![[0; 3]; 64] };
    assert!(matches!(read_labels(&torn), Err(LabelError::Picture(_))));
}
