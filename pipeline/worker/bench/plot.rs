//! The figures as a picture: one bar for each subject, divided by who used the time.

use std::fmt::Write as _;

use super::figures::{Benchmark, Row};

const WIDTH: f64 = 760.0;
/// Width of the longest bar.
const LONGEST: f64 = 620.0;
/// Height of a subject with its caption.
const ROW: f64 = 62.0;
const TOP: f64 = 44.0;
/// Colours that can be told apart by everybody (Okabe and Ito), from the largest part to the smallest.
const COLOURS: [&str; 7] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999"];
/// Parts smaller than this many milliseconds are drawn together.
const SMALLEST: f64 = 0.15;

/// An SVG file.
pub fn svg(figures: &Benchmark) -> String {
    let most = figures.rows.iter().map(|row| row.milliseconds.high).fold(f64::MIN_POSITIVE, f64::max);
    let height = TOP + ROW * figures.rows.len() as f64 + 16.0;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"16\" y=\"24\" font-size=\"15\">Processor time per second of video, in milliseconds \
         (median of {}; the line is the spread)</text>\n",
        figures.rounds
    );
    for (index, row) in figures.rows.iter().enumerate() {
        bar(&mut out, row, TOP + ROW * index as f64, LONGEST / most);
    }
    out.push_str("</svg>\n");
    out
}

fn bar(out: &mut String, row: &Row, top: f64, scale: f64) {
    let _ = writeln!(
        out,
        "<text x=\"16\" y=\"{:.1}\">{}: {:.1} ms, {:.0} sessions per core</text>",
        top + 14.0,
        row.subject.name(),
        row.milliseconds.median,
        row.sessions_per_core.median
    );
    let (mut left, mut rest) = (16.0, 0.0);
    let mut colours = COLOURS.iter();
    let mut part = |name: &str, used: f64, colour: &str| {
        let width = used * scale;
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"22\" fill=\"{colour}\">\
             <title>{name}: {used:.2} ms</title></rect>",
            top + 20.0
        );
        if width > name.len() as f64 * 7.0 + 8.0 {
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"white\">{name}</text>",
                left + 4.0,
                top + 35.0
            );
        }
        left += width;
    };
    for (name, used) in &row.by {
        match colours.next().filter(|_| *used >= SMALLEST) {
            Some(colour) => part(name, *used, colour),
            None => rest += used,
        }
    }
    if rest > 0.0 {
        part("rest", rest, "#bbbbbb");
    }
    let (low, high) = (16.0 + row.milliseconds.low * scale, 16.0 + row.milliseconds.high * scale);
    let _ = writeln!(
        out,
        "<line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"black\" \
         stroke-width=\"2\"/>",
        y = top + 46.0
    );
}

#[cfg(test)]
mod tests {
    use super::super::figures::{Spread, Subject};
    use super::*;

    #[test]
    fn every_subject_has_a_bar_as_long_as_its_time() {
        let spread = |median: f64| Spread { median, low: median, high: median };
        let row = |subject, total: f64| Row {
            subject,
            milliseconds: spread(total),
            sessions_per_core: spread(1000.0 / total),
            by: vec![("vision".to_owned(), total * 0.75), ("child".to_owned(), total * 0.25)],
        };
        let figures = Benchmark {
            rounds: 3,
            rows: vec![row(Subject::Product, 10.0), row(Subject::Python, 40.0)],
            ..Benchmark::default()
        };
        let picture = svg(&figures);
        let widths: Vec<f64> = picture
            .split("<rect x=")
            .skip(1)
            .filter_map(|rect| rect.split("width=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        assert_eq!(widths.len(), 4);
        assert!(((widths[2] + widths[3]) / (widths[0] + widths[1]) - 4.0).abs() < 0.01, "{widths:?}");
        assert!(picture.contains("worker in Python") && picture.contains("100 sessions per core"));
    }
}
