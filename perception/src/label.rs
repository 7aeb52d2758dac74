//! Text on labels: what a reader of text says, taken with care, and which of the known samples it names.

use serde::{Deserialize, Serialize};

/// A line of text in a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelSight {
    /// What it says, its words one space apart.
    pub text: String,
    /// How sure the reader is of its least sure word, 0 to 1.
    pub confidence: f64,
    /// Left, top, width, height, pixels from the picture's edge.
    pub bbox: [f64; 4],
}

/// Words that the reader is less sure of are left out. In 60 rendered pictures without text it tells words of three letters and more with up to
/// 0.65; names as `S-047`, which are in no dictionary, with 0.8 to 0.9 from 12 pixels of height on.
const LEAST_CONFIDENCE: f64 = 0.7;
/// Of a line with fewer letters and figures nothing is told.
const FEWEST: usize = 3;
/// Columns of the table, as its first line must name them.
const COLUMNS: [&str; 12] = [
    "level",
    "page_num",
    "block_num",
    "par_num",
    "line_num",
    "word_num",
    "left",
    "top",
    "width",
    "height",
    "conf",
    "text",
];

/// A table of words is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the table of words is {text:?}, which is not {wanted}")]
pub struct BadTable {
    line: usize,
    text: String,
    wanted: &'static str,
}

/// The lines of text in a table of words as Tesseract writes it (`tesseract ... tsv`), of a picture that was enlarged `scale`
/// times.
///
/// # Errors
/// Where it is no such table.
pub fn lines(table: &str, scale: f64) -> Result<Vec<LabelSight>, BadTable> {
    let bad = |line: usize, text: &str, wanted| BadTable { line: line + 1, text: text.to_owned(), wanted };
    let mut rows = table.lines().enumerate();
    let (_, head) = rows.next().unwrap_or_default();
    if !head.split('\t').eq(COLUMNS) {
        return Err(bad(0, head, "the names of its columns"));
    }
    let mut found: Vec<([u32; 4], LabelSight)> = Vec::new();
    for (index, row) in rows.filter(|(_, row)| !row.is_empty()) {
        let cells: Vec<&str> = row.splitn(COLUMNS.len(), '\t').collect();
        let numbers: Vec<f64> = cells.iter().take(11).map_while(|cell| cell.parse().ok()).collect();
        let [level, page, block, paragraph, line, _, left, top, width, height, sure] = numbers[..] else {
            return Err(bad(index, row, "eleven numbers and a word"));
        };
        let word = cells.get(11).map_or("", |word| word.trim());
        let (wordy, confidence) = (word.chars().any(char::is_alphanumeric), sure / 100.0);
        if level != 5.0 || !wordy || confidence < LEAST_CONFIDENCE {
            continue;
        }
        let place = [page, block, paragraph, line].map(|part| part as u32);
        let bbox = [left, top, width, height].map(|edge| edge / scale);
        match found.last_mut().filter(|(last, _)| *last == place) {
            Some((_, label)) => {
                label.text.push(' ');
                label.text.push_str(word);
                label.confidence = label.confidence.min(confidence);
                label.bbox = around(label.bbox, bbox);
            }
            None => found.push((place, LabelSight { text: word.to_owned(), confidence, bbox })),
        }
    }
    let long =
        |label: &LabelSight| label.text.chars().filter(|letter| letter.is_alphanumeric()).count() >= FEWEST;
    Ok(found.into_iter().map(|(_, label)| label).filter(long).collect())
}

fn around(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    let (left, top) = (a[0].min(b[0]), a[1].min(b[1]));
    let (right, bottom) = ((a[0] + a[2]).max(b[0] + b[2]), (a[1] + a[3]).max(b[1] + b[3]));
    [left, top, right - left, bottom - top]
}

/// Which of the known names stand on labels, each as words of its own: `S-001` is not in `S-0012`, and not in `S-00l` either, because what
/// nearly says a name may say another one.
pub fn named<'a>(labels: &[LabelSight], known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let edge = |letter: char| !letter.is_alphanumeric();
    let words = |text: &str| -> Vec<String> {
        let words = text.split_whitespace().map(|word| word.trim_matches(edge).to_uppercase());
        words.filter(|word| !word.is_empty()).collect()
    };
    let read: Vec<Vec<String>> = labels.iter().map(|label| words(&label.text)).collect();
    let stands = |name: &&str| {
        let name = words(name);
        !name.is_empty() && read.iter().any(|line| line.windows(name.len()).any(|part| part == name))
    };
    known.into_iter().filter(stands).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext";

    fn label(text: &str) -> LabelSight {
        LabelSight { text: text.to_owned(), confidence: 0.9, bbox: [0.0; 4] }
    }

    #[test]
    fn words_of_a_line_are_joined_and_doubtful_ones_left_out() {
        let table = format!(
            "{HEAD}\n1\t1\t0\t0\t0\t0\t0\t0\t640\t480\t-1\t\n5\t1\t1\t1\t1\t1\t20\t40\t100\t20\t96.5\tS-001\n\
             5\t1\t1\t1\t1\t2\t130\t38\t60\t24\t91\tethanol\n5\t1\t1\t1\t1\t3\t200\t38\t60\t24\t40\tgloop\n\
             5\t1\t2\t1\t1\t1\t400\t38\t10\t24\t95\tY\n5\t1\t3\t1\t1\t1\t400\t38\t10\t24\t95\t—\n"
        );
        let found = lines(&table, 2.0).unwrap();
        let [label] = &found[..] else { panic!("{found:?}") };
        assert_eq!((label.text.as_str(), label.confidence), ("S-001 ethanol", 0.91));
        assert_eq!(label.bbox, [10.0, 19.0, 85.0, 12.0]);
    }

    #[test]
    fn a_table_that_is_none_is_refused_with_its_line() {
        assert_eq!(lines("", 1.0).unwrap_err().line, 1);
        let torn = format!("{HEAD}\n5\t1\t1\t1\t1\t1\t20\t40\n");
        assert_eq!(lines(&torn, 1.0).unwrap_err().line, 2);
        assert_eq!(lines(&format!("{HEAD}\n"), 1.0), Ok(Vec::new()));
    }

    #[test]
    fn a_name_is_told_where_it_stands_by_itself_and_not_where_something_like_it_does() {
        let known = ["S-001", "S-0012", "S-002", "run 7"];
        let named = |texts: &[&str]| {
            let labels: Vec<LabelSight> = texts.iter().map(|text| label(text)).collect();
            named(&labels, known)
        };
        assert_eq!(named(&["s-001, ethanol"]), ["S-001"]);
        assert_eq!(named(&["S-0012"]), ["S-0012"]);
        assert_eq!(named(&["S-00l", "S-O02", "001"]), [""; 0]);
        assert_eq!(named(&["day 3 run 7", "S-002"]), ["S-002", "run 7"]);
    }
}
