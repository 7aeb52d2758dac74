//! What a model's card says of it.

use crate::ModelError;
use nightshift_perception::vessel::{Kind, Phase};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The parts of a vessel that masks are told of, in the order of the networks' outputs.
const PARTS: [&str; 3] = ["vessel", "cap", "content"];

/// A model's card: the file beside it with the ending `.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// As the file.
    pub name: String,
    /// Of the ONNX file, hexadecimal.
    pub sha256: String,
    /// Size of the ONNX file.
    pub bytes: u64,
    /// Numbers that were trained.
    pub parameters: u64,
    /// In words, what it is shown.
    pub input: String,
    /// What it can find, in the order of its outputs.
    pub types: Vec<String>,
    /// What it can read, in the order of its outputs.
    pub phases: Vec<String>,
    /// Of what it tells masks, in the order of its outputs.
    pub parts: Vec<String>,
    /// Shown pixels from one place of the detector's maps to the next.
    pub stride_px: usize,
    /// From where on it is believed.
    pub thresholds: BTreeMap<String, f64>,
    /// From what it was made: pictures, seeds, steps.
    pub recipe: toml::Table,
    /// Measured: each with n and interval.
    #[serde(default)]
    pub scores: toml::Table,
    /// Where not to believe it.
    #[serde(default)]
    pub limits: Vec<String>,
}

impl Card {
    /// Reads the card and the model of a name, and makes sure that they belong together and to this program.
    ///
    /// # Errors
    /// A file that is missing; a card that cannot be read; a model of another length or hash, or with other classes.
    pub fn open(folder: &Path, name: &str) -> Result<(Self, Vec<u8>), ModelError> {
        let file = folder.join(format!("{name}.toml"));
        let missing = |file: &Path, error: std::io::Error| ModelError::Missing {
            file: file.to_owned(),
            why: error.to_string(),
        };
        let text = fs::read_to_string(&file).map_err(|e| missing(&file, e))?;
        let card: Self =
            toml::from_str(&text).map_err(|e| ModelError::Card { file: file.clone(), why: e.to_string() })?;
        let classes = |what, found: &[String], wanted: Vec<&'static str>| {
            if found == wanted {
                return Ok(());
            }
            let wanted = wanted.into_iter().map(str::to_owned).collect();
            Err(ModelError::Classes { file: file.clone(), what, found: found.to_owned(), wanted })
        };
        classes("types", &card.types, Kind::ALL.iter().map(|kind| kind.name()).collect())?;
        classes("phases", &card.phases, Phase::ALL.iter().map(|phase| phase.name()).collect())?;
        classes("parts", &card.parts, PARTS.to_vec())?;
        let file = folder.join(format!("{name}.onnx"));
        let model = fs::read(&file).map_err(|e| missing(&file, e))?;
        if model.len() as u64 != card.bytes {
            return Err(ModelError::Length { file, found: model.len() as u64, wanted: card.bytes });
        }
        let hash: String = Sha256::digest(&model).iter().map(|byte| format!("{byte:02x}")).collect();
        if hash != card.sha256 {
            return Err(ModelError::Hash { file, found: hash, wanted: card.sha256 });
        }
        Ok((card, model))
    }

    /// A threshold of a name, 0 to 1.
    pub(crate) fn threshold(&self, folder: &Path, name: &str) -> Result<f64, ModelError> {
        let told = self.thresholds.get(name).copied();
        told.filter(|value| (0.0..=1.0).contains(value)).ok_or_else(|| ModelError::Card {
            file: folder.join(format!("{}.toml", self.name)),
            why: format!("[thresholds] {name} must be a number from 0 to 1, it is {told:?}"),
        })
    }
}
