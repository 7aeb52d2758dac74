//! Figures as a table for people, which Markdown reads as well.

use super::{Aim, Figure};

const HEADINGS: [&str; 8] = ["section", "case", "figure", "measured", "spread", "n", "aim", "peer"];

/// The table, a line a figure.
pub fn of(figures: &[Figure]) -> String {
    let mut lines = vec![HEADINGS.map(str::to_owned)];
    lines.extend(figures.iter().map(cells));
    let width =
        |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let rule = HEADINGS.map(|_| String::new());
    lines.insert(1, rule);
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            let fill = if index == 1 { "-" } else { " " };
            text.push_str("| ");
            text.push_str(cell);
            text.push_str(&fill.repeat(width - cell.chars().count()));
            text.push(' ');
        }
        text.push_str("|\n");
    }
    text
}

fn cells(figure: &Figure) -> [String; 8] {
    let with_unit = |value: f64| format!("{} {}", number(value), figure.unit).trim_end().to_owned();
    let aim = match figure.aim {
        None => String::new(),
        Some(Aim::AtMost(most)) => format!("<= {}", number(most)),
        Some(Aim::AtLeast(least)) => format!(">= {}", number(least)),
    };
    let missed = if figure.is_met() == Some(false) { " missed" } else { "" };
    [
        figure.section.to_owned(),
        figure.case.clone(),
        figure.figure.to_owned(),
        with_unit(figure.measured),
        figure.spread.map_or(String::new(), |[least, most]| format!("{} to {}", number(least), number(most))),
        figure.n.to_string(),
        aim + missed,
        figure.peer.map_or(String::new(), with_unit),
    ]
}

/// Three significant digits, without an exponent.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return "none".to_owned();
    }
    let before = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    let digits = (2 - before).clamp(0, 6) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_become_a_table_that_says_what_is_missed() {
        let figure = Figure {
            section: "tracking",
            case: "hall".to_owned(),
            figure: "mean error",
            unit: "m",
            measured: 0.031_26,
            spread: Some([0.031, 0.032]),
            n: 20,
            aim: Some(Aim::AtMost(0.025)),
            peer: Some(0.0917),
        };
        let met = Figure { aim: Some(Aim::AtLeast(0.01)), measured: 120.0, peer: None, ..figure.clone() };
        let unknown = Figure { measured: f64::NAN, ..figure.clone() };
        let text = of(&[figure, met, unknown]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[2].contains("| 0.0313 m |") && lines[2].contains("| <= 0.025 missed | 0.0917 m |"),
            "{text}"
        );
        assert!(lines[3].contains("| 120 m ") && !lines[3].contains("missed"), "{text}");
        assert!(lines[4].contains("| none m ") && lines[4].contains("missed"), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() == lines[0].chars().count()), "{text}");
    }
}
