//! Annotated pictures as files.

use nightshift_perception::score::Truth;
use nightshift_perception::vessel::{Kind, Phase, Rle};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder's pictures.
pub struct Set {
    /// In the file's order.
    pub pictures: Vec<Entry>,
    /// How contents are called.
    pub names: Names,
}

/// One picture.
pub struct Entry {
    /// Where it lies.
    pub file: PathBuf,
    /// All vessels that are annotated.
    pub truths: Vec<Truth>,
}

/// How contents are called: as the networks do, or in fewer words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// As [`Phase`].
    Fine,
    /// Liquids are `liquid`, and powder, granules and pieces `solid`.
    Coarse,
}

impl Names {
    /// What a phase is called.
    pub fn of(self, phase: Phase) -> String {
        let name = match (self, phase) {
            (Self::Fine, phase) => phase.name(),
            (Self::Coarse, Phase::ClearLiquid | Phase::ColouredLiquid) => "liquid",
            (Self::Coarse, Phase::Powder | Phase::Granules | Phase::SolidPiece) => "solid",
            (Self::Coarse, Phase::TwoLayers) => "two_liquid_layers",
            (Self::Coarse, phase) => phase.name(),
        };
        name.to_owned()
    }
}

/// Vessels of which less is seen than this share do not count.
const HIDDEN: f64 = 0.35;

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Coco { images: Vec<CocoImage>, annotations: Vec<CocoThing>, categories: Vec<Category> },
    Objects { images: Vec<ObjectsImage> },
}

#[derive(Deserialize)]
struct CocoImage {
    id: u64,
    file_name: String,
}

#[derive(Deserialize)]
struct CocoThing {
    image_id: u64,
    category_id: u64,
    bbox: [f64; 4],
    #[serde(default)]
    segmentation: serde_json::Value,
    #[serde(default)]
    iscrowd: u8,
    visible: Option<f64>,
    content: Option<Content>,
}

/// A mask as run lengths; polygons are none, and the box alone is scored.
#[derive(Deserialize)]
#[serde(untagged)]
enum Segmentation {
    Runs(Rle),
    Packed { size: [usize; 2], counts: String },
}

#[derive(Deserialize)]
struct Content {
    phases: Vec<String>,
    fill_height: Option<f64>,
}

#[derive(Deserialize)]
struct Category {
    id: u64,
    name: String,
}

#[derive(Deserialize)]
struct ObjectsImage {
    file: String,
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    bbox_xyxy: [f64; 4],
    phases: Option<Vec<String>>,
}

/// Reads `annotations.json` of a folder.
pub fn read(folder: &Path) -> Result<Set, String> {
    let file = folder.join("annotations.json");
    let named = |what: String| format!("{}: {what}", file.display());
    let text = fs::read_to_string(&file).map_err(|e| named(format!("cannot be read: {e}")))?;
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| named(format!("is no JSON: {e}")))?;
    let told: File = serde_json::from_value(value).map_err(|_| {
        named(
            "is neither COCO (`images`, `annotations`, `categories`) nor `images` with `file` and `objects`"
                .to_owned(),
        )
    })?;
    let set = match told {
        File::Objects { images } => objects(folder, images),
        File::Coco { images, annotations, categories } => {
            coco(folder, images, annotations, &categories).map_err(named)?
        }
    };
    for Truth { bounds: [left, top, right, bottom], .. } in
        set.pictures.iter().flat_map(|entry| &entry.truths)
    {
        if !(right > left && bottom > top && left.is_finite() && bottom.is_finite()) {
            return Err(named(format!("a box from ({left}, {top}) to ({right}, {bottom}) has no extent")));
        }
    }
    Ok(set)
}

fn objects(folder: &Path, images: Vec<ObjectsImage>) -> Set {
    let truth = |object: Object| Truth {
        bounds: object.bbox_xyxy,
        mask: None,
        phases: object.phases.map(|phases| phases.into_iter().collect()),
        fill: None,
        ignored: false,
    };
    let entry = |image: ObjectsImage| Entry {
        file: folder.join(image.file),
        truths: image.objects.into_iter().map(truth).collect(),
    };
    Set { pictures: images.into_iter().map(entry).collect(), names: Names::Coarse }
}

fn coco(
    folder: &Path,
    images: Vec<CocoImage>,
    annotations: Vec<CocoThing>,
    categories: &[Category],
) -> Result<Set, String> {
    let vessels: BTreeSet<u64> = categories
        .iter()
        .filter(|category| Kind::ALL.iter().any(|kind| kind.is_vessel() && kind.name() == category.name))
        .map(|category| category.id)
        .collect();
    if vessels.is_empty() {
        let known: Vec<&str> =
            Kind::ALL.iter().filter(|kind| kind.is_vessel()).map(|kind| kind.name()).collect();
        return Err(format!("no category is a vessel: known are {}", known.join(", ")));
    }
    let mut truths: BTreeMap<u64, Vec<Truth>> = BTreeMap::new();
    for thing in annotations.into_iter().filter(|thing| vessels.contains(&thing.category_id)) {
        let [left, top, width, height] = thing.bbox;
        let mask = match serde_json::from_value(thing.segmentation) {
            Ok(Segmentation::Runs(rle)) => Some(rle),
            Ok(Segmentation::Packed { size, counts }) => {
                Some(Rle::unpack(size, &counts).map_err(|e| format!("picture {}: {e}", thing.image_id))?)
            }
            Err(_) => None,
        };
        truths.entry(thing.image_id).or_default().push(Truth {
            bounds: [left, top, left + width, top + height],
            mask,
            phases: thing.content.as_ref().map(|content| content.phases.iter().cloned().collect()),
            fill: thing.content.and_then(|content| content.fill_height),
            // Two pixels wide is no vessel that anybody could find.
            ignored: thing.iscrowd != 0
                || thing.visible.is_some_and(|share| share < HIDDEN)
                || width < 2.0
                || height < 2.0,
        });
    }
    let entry = |image: CocoImage| Entry {
        file: folder.join(&image.file_name),
        truths: truths.remove(&image.id).unwrap_or_default(),
    };
    Ok(Set { pictures: images.into_iter().map(entry).collect(), names: Names::Fine })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, text: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("nightshift-annotated-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("annotations.json"), text).unwrap();
        folder
    }

    #[test]
    fn coco_and_objects_are_read_and_what_is_neither_is_named() {
        let coco = folder(
            "coco",
            r#"{"images": [{"id": 7, "file_name": "a.png"}],
            "categories": [{"id": 1, "name": "vial_open"}, {"id": 9, "name": "rack"}],
            "annotations": [
              {"image_id": 7, "category_id": 1, "bbox": [10, 20, 5, 8], "iscrowd": 0, "visible": 0.9,
               "segmentation": {"size": [9, 10], "counts": "61X13mN000`0"}, "content": {"phases": ["gel"], "fill_height": 0.4}},
              {"image_id": 7, "category_id": 1, "bbox": [1, 2, 5, 8], "visible": 0.1, "segmentation": [[1, 2, 3, 4, 5, 6]]},
              {"image_id": 7, "category_id": 9, "bbox": [0, 0, 90, 90]}]}"#,
        );
        let set = read(&coco).unwrap();
        assert_eq!((set.names, set.pictures.len(), set.pictures[0].truths.len()), (Names::Fine, 1, 2));
        let truth = &set.pictures[0].truths[0];
        assert_eq!((truth.bounds, truth.fill, truth.ignored), ([10.0, 20.0, 15.0, 28.0], Some(0.4), false));
        assert_eq!(truth.mask.as_ref().unwrap().area(), 13);
        assert!(set.pictures[0].truths[1].ignored && set.pictures[0].truths[1].mask.is_none());

        let objects = folder(
            "objects",
            r#"{"classes": ["empty"], "images": [{"file": "images/a.jpg", "width": 9, "height": 9, "objects": [
              {"bbox_xyxy": [1, 2, 3, 9], "vessel": "beaker", "phases": null, "certain": false}]}]}"#,
        );
        let set = read(&objects).unwrap();
        assert_eq!((set.names, &set.pictures[0].truths[0].phases), (Names::Coarse, &None));
        assert_eq!(set.pictures[0].file, objects.join("images/a.jpg"));
        assert_eq!(Names::Coarse.of(Phase::Granules), "solid");

        for (name, text, told) in [
            ("words", "words", "is no JSON"),
            ("other", r#"{"a": 1}"#, "is neither COCO"),
            ("none", r#"{"images": [], "annotations": [], "categories": []}"#, "no category is a vessel"),
            (
                "flat",
                r#"{"images": [{"file": "a", "objects": [{"bbox_xyxy": [3, 3, 3, 9]}]}]}"#,
                "has no extent",
            ),
        ] {
            let error = read(&folder(name, text)).err().unwrap();
            assert!(error.contains(told), "{name}: {error}");
        }
    }
}
