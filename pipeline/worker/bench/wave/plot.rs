//! A wave as a picture: what came and what was done, how far behind, memory, cores; second by second.

use std::fmt::Write as _;

use super::{Figures, Point};

const WIDTH: f64 = 760.0;
/// Height of one diagram with its caption.
const PANEL: f64 = 130.0;
const TOP: f64 = 40.0;
/// Where diagrams begin and end, from left to right.
const ACROSS: (f64, f64) = (64.0, 744.0);
/// Height of a diagram.
const HIGH: f64 = 92.0;

/// What a diagram shows: lines with their names and colours.
struct Panel {
    title: &'static str,
    lines: Vec<(&'static str, &'static str, Vec<f64>)>,
}

/// An SVG file.
pub fn svg(figures: &Figures) -> String {
    let panels = panels(&figures.points);
    let height = TOP + PANEL * panels.len() as f64;
    let last = figures.points.last().map_or(1.0, |point| point.at.max(1.0));
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"16\" y=\"22\" font-size=\"15\">{} sessions that begin within {:.0} s; {:.0} s in all</text>\n",
        figures.wave.sessions,
        figures.wave.within.0 as f64 / 1000.0,
        last
    );
    for (index, panel) in panels.iter().enumerate() {
        draw(&mut out, panel, &figures.points, (TOP + PANEL * index as f64, last));
    }
    out.push_str("</svg>\n");
    out
}

fn panels(points: &[Point]) -> Vec<Panel> {
    let each = |of: &dyn Fn(&Point) -> f64| points.iter().map(of).collect::<Vec<f64>>();
    let rate = |of: &dyn Fn(&Point) -> u64| {
        let counts = points.iter().map(|point| (point.at, of(point)));
        let counts: Vec<(f64, u64)> = std::iter::once((0.0, 0)).chain(counts).collect();
        let steps = counts.windows(2).map(|pair| match pair {
            [(from, few), (to, many)] if to > from => many.saturating_sub(*few) as f64 / (to - from),
            _ => 0.0,
        });
        steps.collect::<Vec<f64>>()
    };
    let mib = f64::from(1 << 20);
    vec![
        Panel {
            title: "observations per second",
            lines: vec![
                ("sent", "#e69f00", rate(&|point| point.sent)),
                ("scored", "#0072b2", rate(&|point| point.taken)),
            ],
        },
        Panel {
            title: "sessions",
            lines: vec![
                ("begun", "#e69f00", each(&|point| point.begun as f64)),
                ("final", "#009e73", each(&|point| point.finals as f64)),
            ],
        },
        Panel {
            title: "seconds from observation to committed score",
            lines: vec![("delay", "#d55e00", each(&|point| point.delay))],
        },
        Panel {
            title: "MiB of the score role",
            lines: vec![("memory", "#0072b2", each(&|point| point.memory as f64 / mib))],
        },
        Panel {
            title: "cores",
            lines: vec![
                ("score role", "#0072b2", each(&|point| point.cores)),
                ("broker", "#cc79a7", each(&|point| point.broker)),
                ("sender", "#999999", each(&|point| point.sender)),
            ],
        },
    ]
}

fn draw(out: &mut String, panel: &Panel, points: &[Point], (top, last): (f64, f64)) {
    let most = panel.lines.iter().flat_map(|(_, _, values)| values).copied().fold(0.0, f64::max).max(1e-9);
    let (left, right) = ACROSS;
    let bottom = top + HIGH + 16.0;
    let _ = write!(
        out,
        "<text x=\"{left}\" y=\"{:.1}\">{}, at most {}</text>\n<line x1=\"{left}\" x2=\"{right}\" \
         y1=\"{bottom}\" y2=\"{bottom}\" stroke=\"#bbbbbb\"/>\n",
        top + 10.0,
        panel.title,
        short(most)
    );
    for (index, (name, colour, values)) in panel.lines.iter().enumerate() {
        let place = |(point, value): (&Point, &f64)| {
            let x = left + (right - left) * point.at / last;
            format!("{x:.1},{:.1}", bottom - HIGH * value / most)
        };
        let line: Vec<String> = points.iter().zip(values).map(place).collect();
        let _ = write!(
            out,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{colour}\">{name}</text>\n",
            line.join(" "),
            right - 70.0 * index as f64,
            top + 10.0
        );
    }
}

fn short(value: f64) -> String {
    match value {
        large if large >= 100.0 => format!("{large:.0}"),
        middle if middle >= 1.0 => format!("{middle:.1}"),
        small => format!("{small:.2}"),
    }
}
