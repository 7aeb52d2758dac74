//! Numbers as callers wrote them, in JSON: which has none that are not finite, writes `null` for them, and does not read that
//! back. Those are written as words, so that a recording of what was refused replays.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
}

/// For `#[serde(with)]`.
pub fn serialize<S: Serializer>(value: &f64, s: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { s.serialize_f64(*value) } else { s.collect_str(value) }
}

/// For `#[serde(with)]`.
pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
    match Written::deserialize(d)? {
        Written::Number(value) => Ok(value),
        Written::Word(word) => word.parse().map_err(|_| Error::custom(format!("{word:?} is no number"))),
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Told(#[serde(with = "super")] f64);

    #[test]
    fn every_number_comes_back_and_what_is_none_is_refused() {
        for value in [0.0, -0.0, 0.1 + 0.2, 1e300, 5e-324, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let text = serde_json::to_string(&Told(value)).unwrap();
            let Told(read) = serde_json::from_str(&text).unwrap();
            assert!(read.to_bits() == value.to_bits() || read.is_nan() && value.is_nan(), "{text}");
        }
        assert!(matches!(serde_json::from_str("7"), Ok(Told(7.0))));
        assert!(
            serde_json::from_str::<Told>("null").is_err() && serde_json::from_str::<Told>("\"x\"").is_err()
        );
    }
}
