//! The shipped models, and models that are not what they should be. Skipped where ONNX Runtime is not set up.

use nightshift_core::image::Image;
use nightshift_models::{Card, Eyes, ModelError, Options, Provider};
use nightshift_perception::vessel::{Phase, VesselDoubt};
use std::fs;
use std::path::{Path, PathBuf};

fn shipped() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether models can be run here; says so where not.
fn runtime() -> bool {
    let there = std::env::var_os("ORT_DYLIB_PATH").is_some_and(|path| Path::new(&path).is_file());
    if !there {
        eprintln!("skipped: ORT_DYLIB_PATH names no ONNX Runtime; source launch/env");
    }
    there
}

/// A copy of the shipped models that may be spoilt.
fn copy(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    for file in ["detector.onnx", "detector.toml", "reader.onnx", "reader.toml"] {
        fs::copy(shipped().join(file), folder.join(file)).unwrap();
    }
    folder
}

fn refusal(folder: &Path) -> ModelError {
    match Eyes::load(folder, &Options::default()) {
        Ok(_) => panic!("{} was taken", folder.display()),
        Err(error) => error,
    }
}

/// A bench with a bright upright thing on it.
fn picture(width: usize, height: usize) -> Image<[u8; 3]> {
    let mut picture = Image::filled(width, height, [60, 62, 58]);
    for y in height / 3..2 * height / 3 {
        for x in width * 2 / 5..width * 3 / 5 {
            picture.pixels[y * width + x] = if y < height * 2 / 5 { [230; 3] } else { [120, 140, 150] };
        }
    }
    picture
}

#[test]
fn the_cards_belong_to_the_models_and_no_model_is_large() {
    for name in ["detector", "reader"] {
        let (card, model) = Card::open(shipped(), name).unwrap();
        assert_eq!(card.name, name);
        assert!(model.len() <= 10_000_000, "{name} has {} bytes", model.len());
        assert!(
            !card.scores.is_empty() && !card.limits.is_empty(),
            "{name}'s card tells no scores or no limits"
        );
    }
}

#[test]
fn pictures_of_any_size_are_looked_at_and_the_answers_are_in_them() {
    if !runtime() {
        return;
    }
    let mut eyes = Eyes::load(shipped(), &Options { threads: 1, ..Options::default() }).unwrap();
    for (width, height) in [(320, 240), (17, 301), (640, 360), (16, 16)] {
        let sights = eyes.look(&picture(width, height)).unwrap();
        for sight in &sights {
            let [left, top, w, h] = sight.bbox;
            assert!(
                left >= 0.0 && top >= 0.0 && left + w <= width as f64 && top + h <= height as f64,
                "{sight:?}"
            );
            assert_eq!(sight.mask_rle.size, [height, width]);
            assert!(sight.mask_rle.image().is_ok() && (0.0..=1.0).contains(&sight.score));
        }
        assert_eq!(
            sights,
            eyes.look(&picture(width, height)).unwrap(),
            "the same picture gives the same answer"
        );
    }
    let answers = eyes.read(&picture(320, 240), &[[128.0, 80.0, 192.0, 160.0]; 40]).unwrap();
    assert_eq!(answers.len(), 40);
    assert!(answers.iter().all(|a| a.phases.len() == Phase::ALL.len() && a.mask.len() == 48 * 32));
    assert!(answers.iter().flat_map(|a| &a.phases).all(|share| (0.0..=1.0).contains(share)));
}

#[test]
fn a_picture_that_tells_nothing_is_doubted_and_one_that_is_none_refused() {
    if !runtime() {
        return;
    }
    let mut eyes = Eyes::load(shipped(), &Options::default()).unwrap();
    for tone in [0, 255] {
        let dark = Image::filled(160, 120, [tone; 3]);
        let found = eyes.find(&dark, 0.0).unwrap();
        for sight in eyes.tell(&dark, found).unwrap() {
            assert!(sight.doubts.contains(&VesselDoubt::Picture) && sight.fill.is_none(), "{sight:?}");
            assert!(sight.phases.as_ref().is_none_or(Vec::is_empty), "{sight:?}");
        }
    }
    let mut torn = picture(64, 48);
    torn.pixels.truncate(99);
    for none in [torn, picture(15, 400), Image { width: 0, height: 0, pixels: Vec::new() }] {
        assert!(matches!(eyes.look(&none), Err(ModelError::Picture { .. })));
    }
}

#[test]
fn a_model_that_is_not_what_its_card_says_is_refused_by_name() {
    let folder = copy("cut-off");
    let whole = fs::read(folder.join("detector.onnx")).unwrap();
    fs::write(folder.join("detector.onnx"), &whole[..whole.len() / 2]).unwrap();
    let error = refusal(&folder);
    assert!(matches!(error, ModelError::Length { .. }), "{error}");
    let mut other = whole.clone();
    other[whole.len() / 2] ^= 1;
    fs::write(folder.join("detector.onnx"), &other).unwrap();
    assert!(matches!(refusal(&folder), ModelError::Hash { .. }));
    fs::remove_file(folder.join("detector.onnx")).unwrap();
    let error = refusal(&folder);
    assert!(matches!(&error, ModelError::Missing { file, .. } if file.ends_with("detector.onnx")), "{error}");

    let folder = copy("other-classes");
    let card = fs::read_to_string(folder.join("reader.toml")).unwrap();
    fs::write(folder.join("reader.toml"), card.replace("\"gel\"", "\"jelly\"")).unwrap();
    let error = refusal(&folder);
    assert!(matches!(error, ModelError::Classes { what: "phases", .. }), "{error}");
    assert!(error.to_string().contains("jelly"), "{error}");
    fs::write(folder.join("reader.toml"), card.replace("empty = 0.", "empty = 7.")).unwrap();
    assert!(matches!(refusal(&folder), ModelError::Card { .. }));
    fs::write(folder.join("reader.toml"), "name = ").unwrap();
    assert!(matches!(refusal(&folder), ModelError::Card { .. }));
    fs::remove_file(folder.join("reader.toml")).unwrap();
    assert!(matches!(refusal(&folder), ModelError::Missing { .. }));
}

#[test]
fn a_file_that_is_no_network_or_another_one_is_refused_by_name() {
    if !runtime() {
        return;
    }
    // A card that was made for a file which is no network.
    let folder = copy("no-network");
    let broken = b"no network at all";
    fs::write(folder.join("reader.onnx"), broken).unwrap();
    relabel(&folder, "reader", broken);
    assert!(matches!(refusal(&folder), ModelError::Refused { .. }));
    // The detector in the reader's place takes its pictures and gives other answers.
    let folder = copy("other-network");
    let detector = fs::read(folder.join("detector.onnx")).unwrap();
    fs::write(folder.join("reader.onnx"), &detector).unwrap();
    relabel(&folder, "reader", &detector);
    let error = refusal(&folder);
    assert!(matches!(error, ModelError::Run { .. } | ModelError::Shape { .. }), "{error}");
    // What this machine's runtime has not is not silently replaced.
    let options = Options { provider: Provider::Cuda, ..Options::default() };
    if let Err(error) = Eyes::load(shipped(), &options) {
        assert!(matches!(error, ModelError::Provider { .. } | ModelError::Refused { .. }), "{error}");
    }
}

/// Writes length and hash of another file into a card.
fn relabel(folder: &Path, name: &str, bytes: &[u8]) {
    use sha2::{Digest, Sha256};
    let file = folder.join(format!("{name}.toml"));
    let hash: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    let text: Vec<String> = fs::read_to_string(&file)
        .unwrap()
        .lines()
        .map(|line| match line.split_once(" = ") {
            Some(("sha256", _)) => format!("sha256 = \"{hash}\""),
            Some(("bytes", _)) => format!("bytes = {}", bytes.len()),
            _ => line.to_owned(),
        })
        .collect();
    fs::write(&file, text.join("\n")).unwrap();
}
