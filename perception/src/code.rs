//! Codes on labels, and whether they say that a sample is the one that it should be.

use nightshift_core::{Code, Failure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a label is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeKind {
    /// ISO/IEC 16022, ECC 200.
    DataMatrix,
    /// ISO/IEC 18004.
    Qr,
    /// ISO/IEC 15417.
    Code128,
}

/// One code in one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodeSight {
    /// How it is printed.
    pub kind: CodeKind,
    /// What it says.
    pub text: String,
    /// Around it, in pixels (the centre of the top left pixel is (0, 0)). A matrix code's begin at its own top left and
    /// go round; of a bar code only one line is read: both its ends, there and back.
    pub corners: [[f64; 2]; 4],
}

impl AsRef<str> for CodeSight {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl CodeSight {
    /// The middle of its corners, pixels.
    pub fn middle(&self) -> [f64; 2] {
        [0, 1].map(|axis| self.corners.iter().map(|corner| corner[axis]).sum::<f64>() / 4.0)
    }

    /// The longest distance between its corners, pixels.
    pub fn size_px(&self) -> f64 {
        let apart = |a: &[f64; 2], b: &[f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
        self.corners.iter().flat_map(|a| self.corners.iter().map(move |b| apart(a, b))).fold(0.0, f64::max)
    }

    /// Whether both are the same print: one text at one place.
    pub fn is_same_print(&self, other: &Self) -> bool {
        let ([x, y], [u, v]) = (self.middle(), other.middle());
        self.kind == other.kind
            && self.text == other.text
            && (x - u).hypot(y - v) < self.size_px().max(other.size_px()) / 2.0
    }
}

/// Why a sample is not known to be the one that it should be. Each is an alarm, never a guess.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityFault {
    /// Nothing could be read.
    #[error("no code could be read where {expected:?} was expected")]
    Unreadable {
        /// The code of the sample that should be there.
        expected: String,
    },
    /// Another sample's code.
    #[error("the code says {read:?}, expected was {expected:?}")]
    Wrong {
        /// The code of the sample that should be there.
        expected: String,
        /// What it says.
        read: String,
    },
    /// Codes that contradict each other on one vessel.
    #[error("the codes on one vessel say {read:?}, expected was {expected:?} alone")]
    Contradiction {
        /// The code of the sample that should be there.
        expected: String,
        /// All that was read, in order.
        read: Vec<String>,
    },
    /// The expected code stands on another vessel as well.
    #[error("{expected:?} stands on {vessels} vessels, and one sample has one")]
    Twice {
        /// The code of the sample that should be there.
        expected: String,
        /// How many carry it.
        vessels: usize,
    },
}

impl From<IdentityFault> for Failure {
    fn from(fault: IdentityFault) -> Self {
        let code = match fault {
            IdentityFault::Unreadable { .. } => Code::UnreadableCode,
            IdentityFault::Wrong { .. } => Code::WrongIdentity,
            IdentityFault::Contradiction { .. } | IdentityFault::Twice { .. } => Code::ContradictoryIdentity,
        };
        Self::new(code, fault.to_string())
    }
}

/// Whether the vessel is the expected sample's, from what its labels say over one or more looks (`on_vessel`: a label round a
/// vial shows a part of itself to each look) and what the labels of the other vessels in view say (`elsewhere`, one list
/// a vessel). A label is a code or a fiducial.
///
/// # Errors
/// [`IdentityFault`], in this order: nothing read, contradiction, wrong, twice.
pub fn identify(
    expected: &str,
    on_vessel: &[impl AsRef<str>],
    elsewhere: &[Vec<impl AsRef<str>>],
) -> Result<(), IdentityFault> {
    let texts: BTreeSet<&str> = on_vessel.iter().map(AsRef::as_ref).collect();
    let expected_owned = || expected.to_owned();
    match texts.len() {
        0 => return Err(IdentityFault::Unreadable { expected: expected_owned() }),
        1 => {}
        _ => {
            let read = texts.into_iter().map(str::to_owned).collect();
            return Err(IdentityFault::Contradiction { expected: expected_owned(), read });
        }
    }
    if !texts.contains(expected) {
        let read = texts.into_iter().map(str::to_owned).collect();
        return Err(IdentityFault::Wrong { expected: expected_owned(), read });
    }
    let others = elsewhere.iter().filter(|codes| codes.iter().any(|text| text.as_ref() == expected)).count();
    if others > 0 {
        return Err(IdentityFault::Twice { expected: expected_owned(), vessels: others + 1 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(text: &str, x: f64) -> CodeSight {
        let corners = [[x, 0.0], [x + 20.0, 0.0], [x + 20.0, 20.0], [x, 20.0]];
        CodeSight { kind: CodeKind::DataMatrix, text: text.to_owned(), corners }
    }

    const NONE: &[Vec<CodeSight>] = &[];

    #[test]
    fn only_the_expected_code_alone_is_the_sample() {
        let (one, other) = (sight("S-001", 0.0), sight("S-002", 0.0));
        let fault =
            |on: &[CodeSight], elsewhere: &[Vec<CodeSight>]| identify("S-001", on, elsewhere).unwrap_err();
        assert_eq!(identify("S-001", std::slice::from_ref(&one), &[vec![other.clone()], vec![]]), Ok(()));
        // Two looks at one label, or two labels that agree.
        assert_eq!(identify("S-001", &[one.clone(), sight("S-001", 40.0)], NONE), Ok(()));
        assert!(matches!(fault(&[], &[vec![one.clone()]]), IdentityFault::Unreadable { .. }));
        assert!(
            matches!(fault(std::slice::from_ref(&other), NONE), IdentityFault::Wrong { read, .. } if read == "S-002")
        );
        assert!(
            matches!(fault(&[other, one.clone()], NONE), IdentityFault::Contradiction { read, .. } if read == ["S-001", "S-002"])
        );
        assert!(matches!(
            fault(std::slice::from_ref(&one), &[vec![one.clone()]]),
            IdentityFault::Twice { vessels: 2, .. }
        ));
        let code = |fault: IdentityFault| Failure::from(fault).code.number();
        assert_eq!(code(fault(&[], NONE)), 404);
        assert_eq!(code(fault(&[sight("S-002", 0.0)], NONE)), 403);
        assert_eq!(code(fault(&[sight("S-001", 0.0), sight("S-002", 0.0)], NONE)), 406);
        // No guessing from a part of it, or from another case.
        assert!(matches!(fault(&[sight("S-0012", 0.0)], NONE), IdentityFault::Wrong { .. }));
        assert!(matches!(fault(&[sight("s-001", 0.0)], NONE), IdentityFault::Wrong { .. }));
    }

    #[test]
    fn one_print_is_one_text_at_one_place() {
        let one = sight("S-001", 0.0);
        assert!(one.is_same_print(&sight("S-001", 3.0)));
        assert!(!one.is_same_print(&sight("S-001", 30.0)));
        assert!(!one.is_same_print(&sight("S-002", 0.0)));
    }
}
