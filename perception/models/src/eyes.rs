//! Both networks as one: vessels in a picture, and what is in them.

use crate::card::Card;
use crate::model::{Model, ModelError, Options};
use nightshift_core::image::Image;
use nightshift_perception::exposure;
use nightshift_perception::vessel::{
    Answer, Found, Kind, Maps, Phase, Thresholds, VesselSight, crop, find, judge, resample,
};
use std::path::Path;

/// Longer side of the picture as it is shown to the detector, pixels: near things are found in the smaller, far ones in the larger. It
/// was trained on things 18 to 110 pixels tall.
const SHOWN_PX: [f64; 2] = [320.0, 640.0];
/// Small pictures are enlarged no further: it was trained on no more.
const LARGEST_SCALE: f64 = 2.5;
/// Sides of what the detector is shown divide by this.
const MULTIPLE: usize = 16;
/// The reader's crop: width, height, and what is shown around a vessel, share of its size.
const CROP: [usize; 2] = [64, 96];
const MARGIN: f64 = 0.12;
/// Height of a box from which on it is read, pixels: the reader was trained on vessels from 40 pixels on, shown at down to 0.6 of their size.
const LEAST_READ_PX: f64 = 24.0;
/// Vessels that are read at a time.
const BATCH: usize = 32;
/// Smallest picture that can be looked at, pixels.
const LEAST_PX: usize = 16;

/// The networks, loaded and warm.
pub struct Eyes {
    detector: Model,
    reader: Model,
    stride: usize,
    limits: Thresholds,
}

impl Eyes {
    /// Loads `detector.onnx` and `reader.onnx` with their cards from a folder, and shows each a first picture.
    ///
    /// # Errors
    /// [`ModelError`], before anything is seen.
    pub fn load(folder: &Path, options: &Options) -> Result<Self, ModelError> {
        let (finds, detector) = Card::open(folder, "detector")?;
        let (reads, reader) = Card::open(folder, "reader")?;
        let limits = Thresholds {
            score: finds.threshold(folder, "score")?,
            kind: reads.threshold(folder, "type")?,
            phase: reads.threshold(folder, "phase")?,
            empty: reads.threshold(folder, "empty")?,
        };
        let mut eyes = Self {
            detector: Model::load(&folder.join("detector.onnx"), &detector, options)?,
            reader: Model::load(&folder.join("reader.onnx"), &reader, options)?,
            stride: finds.stride_px.max(1),
            limits,
        };
        let grey = Image::filled(64, 48, [128; 3]);
        eyes.find(&grey, 1.0)?;
        eyes.read(&grey, &[[16.0, 8.0, 48.0, 40.0]])?;
        Ok(eyes)
    }

    /// From where on the networks are believed.
    pub fn limits(&self) -> &Thresholds {
        &self.limits
    }

    /// What is in the picture.
    ///
    /// # Errors
    /// [`ModelError::Picture`] and [`ModelError::Run`].
    pub fn look(&mut self, picture: &Image<[u8; 3]>) -> Result<Vec<VesselSight>, ModelError> {
        let found = self.find(picture, self.limits.score)?;
        self.tell(picture, found)
    }

    /// The things of at least a score, the surest first.
    ///
    /// # Errors
    /// As [`Eyes::look`].
    pub fn find(&mut self, picture: &Image<[u8; 3]>, least: f64) -> Result<Vec<Found>, ModelError> {
        whole(picture)?;
        let longer = picture.width.max(picture.height) as f64;
        let mut scales: Vec<f64> = SHOWN_PX.iter().map(|side| (side / longer).min(LARGEST_SCALE)).collect();
        scales.dedup();
        let mut shown = Vec::new();
        for scale in scales {
            let sides = [picture.width, picture.height]
                .map(|side| ((side as f64 * scale / MULTIPLE as f64).ceil() as usize).max(1) * MULTIPLE);
            let [width, height] = sides;
            // Beyond the picture its edge goes on.
            let bounds = [0.0, 0.0, width as f64 / scale, height as f64 / scale];
            let planes = resample(picture, bounds, sides);
            let [(shape, values)] = self.detector.run([1, 3, height, width], &planes, ["maps"])?;
            let (columns, rows) = (width / self.stride, height / self.stride);
            self.detector.has_shape("maps", &shape, &[1, Maps::PLANES, rows, columns])?;
            shown.push((values, columns, rows, scale));
        }
        let maps: Vec<Maps> = shown
            .iter()
            .map(|(values, columns, rows, scale)| Maps {
                values,
                columns: *columns,
                rows: *rows,
                stride_px: self.stride as f64,
                scale: *scale,
            })
            .collect();
        Ok(find([picture.width, picture.height], &maps, least))
    }

    /// What is within boxes (left, top, right, bottom, pixels), one answer a box.
    ///
    /// # Errors
    /// As [`Eyes::look`].
    pub fn read(&mut self, picture: &Image<[u8; 3]>, boxes: &[[f64; 4]]) -> Result<Vec<Answer>, ModelError> {
        whole(picture)?;
        let [width, height] = CROP;
        let mut answers = Vec::new();
        for some in boxes.chunks(BATCH) {
            let crops: Vec<[f64; 4]> = some.iter().map(|bounds| crop(bounds, MARGIN, CROP)).collect();
            let planes: Vec<f32> = crops.iter().flat_map(|crop| resample(picture, *crop, CROP)).collect();
            let names = ["phases", "fill", "types", "masks"];
            let told = self.reader.run([crops.len(), 3, height, width], &planes, names)?;
            let (columns, rows) = (width / 2, height / 2);
            let shapes: [&[usize]; 4] = [
                &[crops.len(), Phase::ALL.len()],
                &[crops.len(), 1],
                &[crops.len(), Kind::ALL.len()],
                &[crops.len(), 3, rows, columns],
            ];
            for ((name, (found, _)), wanted) in names.iter().zip(&told).zip(shapes) {
                self.reader.has_shape(name, found, wanted)?;
            }
            let [(_, phases), (_, fill), (_, kinds), (_, masks)] = told;
            let part = |values: &[f32], index: usize, size: usize| values[index * size..][..size].to_vec();
            for (index, shown) in crops.into_iter().enumerate() {
                answers.push(Answer {
                    shown,
                    phases: part(&phases, index, Phase::ALL.len()),
                    fill: fill[index],
                    kinds: part(&kinds, index, Kind::ALL.len()),
                    // Of its three planes the first is the vessel.
                    mask: part(&masks, 3 * index, columns * rows),
                    columns,
                });
            }
        }
        Ok(answers)
    }

    /// Reads what was found and is large enough, and says what can be believed of it.
    ///
    /// # Errors
    /// As [`Eyes::look`].
    pub fn tell(
        &mut self,
        picture: &Image<[u8; 3]>,
        found: Vec<Found>,
    ) -> Result<Vec<VesselSight>, ModelError> {
        let read = |found: &Found| found.is_vessel() && found.bounds[3] - found.bounds[1] >= LEAST_READ_PX;
        let boxes: Vec<[f64; 4]> =
            found.iter().filter(|found| read(found)).map(|found| found.bounds).collect();
        let mut answers = self.read(picture, &boxes)?.into_iter();
        let (size, clear) = ([picture.width, picture.height], exposure::doubts(picture).is_empty());
        let sights = found.into_iter().map(|found| {
            let answer = if read(&found) { answers.next() } else { None };
            judge(found, answer.as_ref(), &self.limits, size, clear)
        });
        Ok(sights.collect())
    }
}

fn whole(picture: &Image<[u8; 3]>) -> Result<(), ModelError> {
    let Image { width, height, pixels } = picture;
    if *width < LEAST_PX || *height < LEAST_PX || pixels.len() != width * height {
        let (width, height, pixels, least) = (*width, *height, pixels.len(), LEAST_PX);
        return Err(ModelError::Picture { width, height, pixels, least });
    }
    Ok(())
}
