//! The plotted rows of the timeline: which quantities, on which scale, in which words.

use domain::time::Millis;
use maud::{Markup, html};

use super::plot::{self, HEIGHT, Scale, Shape, WIDTH};
use super::series::{Series, Value};

/// All plots of a session.
pub fn rows(series: &Series, span: Millis) -> Markup {
    let away = [series.away_sideways.as_slice(), &series.away_upwards];
    let plots = [
        Some(counts(series, span)),
        (!away.concat().is_empty()).then(|| Plot {
            name: "Direction of gaze",
            unit: "eyes and head together, degrees from this person's own screen centre",
            ..signed(
                away,
                ["sideways", "up and down"],
                span,
                Axis { least: 45.0, most: 90.0, step: 15.0, digits: 0 },
            )
        }),
        Some(Plot {
            name: "Eyes",
            unit: "offset of the irises in eye widths, raw",
            ..signed(
                [&series.gaze_sideways, &series.gaze_upwards],
                ["sideways", "up and down"],
                span,
                Axis { least: 0.2, most: 0.6, step: 0.1, digits: 1 },
            )
        }),
        Some(Plot {
            name: "Head",
            unit: "degrees, raw",
            ..signed(
                [&series.yaw, &series.pitch],
                ["turned", "raised"],
                span,
                Axis { least: 45.0, most: 90.0, step: 15.0, digits: 0 },
            )
        }),
    ];
    html! { @for plot in plots.iter().flatten() { (row(plot)) } }
}

fn counts(series: &Series, span: Millis) -> Plot {
    let values = series.faces.iter().chain(&series.persons).filter_map(|value| value.value);
    let most = values.fold(2.0, f32::max);
    // A count of 0 must not vanish in the lower edge.
    let scale = Scale { span, low: -0.25, high: most + 0.25 };
    Plot {
        name: "Faces and persons",
        unit: "counted in the picture",
        lines: [
            ("faces", plot::steps(&series.faces, scale)),
            ("persons, as scored", plot::steps(&series.persons, scale)),
        ],
        marks: [format!("{most}"), String::new(), "0".to_owned()],
        base: scale.y(1.0),
    }
}

/// How far an axis around zero reaches: as far as the values in round steps, within limits.
struct Axis {
    least: f32,
    most: f32,
    step: f32,
    digits: usize,
}

fn signed(lines: [&[Value]; 2], names: [&'static str; 2], span: Millis, axis: Axis) -> Plot {
    let values = lines.into_iter().flatten().filter_map(|value| value.value);
    let largest = values.fold(axis.least, |largest, value| largest.max(value.abs()));
    let reach = ((largest / axis.step).ceil() * axis.step).min(axis.most);
    let scale = Scale { span, low: -reach, high: reach };
    let mark = |sign: &str| format!("{sign}{reach:.0$}", axis.digits);
    Plot {
        name: "",
        unit: "",
        lines: [(names[0], plot::line(lines[0], scale)), (names[1], plot::line(lines[1], scale))],
        marks: [mark("+"), "0".to_owned(), mark("−")],
        base: HEIGHT / 2.0,
    }
}

/// Two lines over time. The first is solid, the second dashed: never told apart by colour alone.
struct Plot {
    name: &'static str,
    unit: &'static str,
    /// Names and shapes.
    lines: [(&'static str, Shape); 2],
    /// At the upper edge, in the middle, at the lower edge.
    marks: [String; 3],
    /// Height of a faint line to compare with.
    base: f32,
}

fn row(plot: &Plot) -> Markup {
    let empty = plot.lines.iter().all(|(_, shape)| shape.line.is_empty());
    html! {
        div.row.plot {
            div.label {
                (plot.name)
                small { (plot.unit) }
                @for (index, (line, _)) in plot.lines.iter().enumerate() {
                    small.key {
                        svg viewBox="0 0 24 6" aria-hidden="true" { path class={ "l" (index) } d="M1 3H23" {} }
                        (line)
                    }
                }
            }
            div.scale aria-hidden="true" { @for mark in &plot.marks { span { (mark) } } }
            div.strip {
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                    aria-label={ (plot.name) " over time, " (plot.unit) } {
                    path.base d={ "M0 " (plot.base) "H" (WIDTH) } {}
                    // The second line first, so that the first lies on top.
                    @for (index, (_, shape)) in plot.lines.iter().enumerate().rev() {
                        @if !shape.band.is_empty() { path class={ "b" (index) } d=(shape.band) {} }
                        path class={ "l" (index) } d=(shape.line) {}
                    }
                }
                @if empty { span.none { "not measured" } }
            }
        }
    }
}
