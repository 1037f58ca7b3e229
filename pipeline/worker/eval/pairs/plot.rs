//! The curves as a picture: how many of the right persons are lost for how few others that pass.

use std::fmt::Write as _;

use super::PairsEvaluation;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 460.0;
const MARGIN: f64 = 64.0;
/// Decades of false matches that are shown, up to one.
const DECADES: f64 = 4.0;
/// The axis of false non-matches ends here.
const MOST_FNMR: f64 = 0.5;

impl PairsEvaluation {
    /// An SVG picture of both curves.
    pub fn plot(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"13\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
        );
        grid(&mut svg);
        for (rates, colour, dash) in [(&self.single, "#b35806", "5 4"), (&self.fused, "#1f4e96", "none")] {
            let points: Vec<String> = rates.iter().map(|rates| point(rates.fmr, rates.fnmr)).collect();
            let line = points.join(" ");
            put(
                &mut svg,
                format_args!(
                    "<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>"
                ),
            );
        }
        let data = &self.data_set;
        text(&mut svg, (WIDTH - 250.0, 40.0), "#b35806", "one sample (dashed)");
        text(&mut svg, (WIDTH - 250.0, 60.0), "#1f4e96", "the samples of a video fused");
        let what = format!(
            "{}@{}, {} persons, {} videos",
            self.model.name, self.model.version, data.persons, data.videos
        );
        text(&mut svg, (MARGIN, 24.0), "#222", &what);
        svg.push_str("</svg>\n");
        svg
    }
}

fn grid(svg: &mut String) {
    for decade in 0..=DECADES as i32 {
        let fmr = 10f64.powi(-decade);
        let x = across(fmr);
        let (top, lower) = (down(MOST_FNMR), down(0.0));
        put(svg, format_args!("<path d=\"M{x:.1} {top:.1}V{lower:.1}\" stroke=\"#ddd\"/>"));
        text(svg, (x - 16.0, lower + 20.0), "#222", &format!("{} %", fmr * 100.0));
    }
    for step in 0..=5 {
        let fnmr = MOST_FNMR * f64::from(step) / 5.0;
        let y = down(fnmr);
        let (left, right) = (across(10f64.powf(-DECADES)), across(1.0));
        put(svg, format_args!("<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"#ddd\"/>"));
        text(svg, (left - 42.0, y + 4.0), "#222", &format!("{:.0} %", fnmr * 100.0));
    }
    text(svg, (WIDTH / 2.0 - 120.0, HEIGHT - 14.0), "#222", "others who match (FMR)");
    text(svg, (MARGIN, 44.0), "#222", "right persons who do not match (FNMR)");
}

fn point(fmr: f64, fnmr: f64) -> String {
    format!("{:.1},{:.1}", across(fmr), down(fnmr))
}

fn across(fmr: f64) -> f64 {
    let share = (fmr.max(10f64.powf(-DECADES)).log10() + DECADES) / DECADES;
    MARGIN + share * (WIDTH - 2.0 * MARGIN)
}

fn down(fnmr: f64) -> f64 {
    HEIGHT - MARGIN - fnmr.min(MOST_FNMR) / MOST_FNMR * (HEIGHT - 2.0 * MARGIN)
}

fn text(svg: &mut String, (x, y): (f64, f64), colour: &str, words: &str) {
    put(svg, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{colour}\">{words}</text>"));
}

fn put(svg: &mut String, element: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(svg, "{element}");
}
