//! A picture as SVG: one file that needs nothing else.

use super::layout::{Layout, Scene, lay_out};
use super::{Ink, Kind, Sketch, ink_of};

const MARGIN: f64 = 28.0;
const TITLE: f64 = 34.0;
const BOX_HEIGHT: f64 = 48.0;
/// Space between ranks, besides what labels need.
const RANK_GAP: f64 = 52.0;
/// Distance of two ports on one side of a box.
const PORT_STEP: f64 = 15.0;

/// Draws `sketch`.
pub(super) fn draw(sketch: &Sketch) -> String {
    let sizes: Vec<(f64, f64)> = sketch
        .items
        .iter()
        .map(|item| {
            let width = width_of(&item.name, 14.0, 0.60).max(width_of(&item.note, 11.5, 0.56));
            (width.max(60.0) + 30.0, BOX_HEIGHT)
        })
        .collect();
    let edges: Vec<_> = sketch.edges.iter().map(|edge| (edge.from.item, edge.to.item)).collect();
    let label = |label: &Option<String>| {
        label.as_ref().map_or(0.0, |label| width_of(label, 11.0, 0.56) + 16.0)
    };
    let gaps: Vec<f64> = sketch
        .edges
        .iter()
        .map(|edge| RANK_GAP + label(&edge.from.label) + label(&edge.to.label))
        .collect();
    let layout = lay_out(&Scene { boxes: &sizes, edges: &edges, gaps: &gaps });

    let title_width = width_of(&sketch.title, 16.0, 0.6);
    let width = (layout.width.max(title_width) + 2.0 * MARGIN).ceil();
    let height = (layout.height + 2.0 * MARGIN + TITLE).ceil();
    let title = escape(&sketch.title);
    let mut lines = Vec::new();
    let mut say = |line: String| lines.push(line);
    say(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" font-family=\"Inter, 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif\">"
    ));
    say(format!("<title>{title}</title>"));
    say("<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0.5 0.8 L7.5 4 L0.5 7.2 Z\" fill=\"#7b8494\"/></marker></defs>".to_owned());
    say("<rect width=\"100%\" height=\"100%\" fill=\"#fcfcfa\"/>".to_owned());
    say(format!(
        "<text x=\"{MARGIN}\" y=\"{}\" font-size=\"16\" font-weight=\"600\" fill=\"#2b2f36\">{title}</text>",
        MARGIN + 8.0
    ));
    say(format!("<g transform=\"translate({MARGIN} {})\">", MARGIN + TITLE));
    draw_edges(sketch, &sizes, &layout, &mut say);
    for ((item, &(width, height)), &(x, middle)) in
        sketch.items.iter().zip(&sizes).zip(&layout.boxes)
    {
        let Ink { fill, line } = ink_of(item.kind);
        let radius = if matches!(item.kind, Kind::Node(_)) { 8.0 } else { height / 2.0 };
        let (x, y, centre) = (round(x), round(middle - height / 2.0), round(x + width / 2.0));
        say(format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{height}\" rx=\"{radius}\" fill=\"{fill}\" stroke=\"{line}\" stroke-width=\"1.2\"/>",
            round(width)
        ));
        say(format!(
            "<text x=\"{centre}\" y=\"{}\" text-anchor=\"middle\" font-size=\"14\" font-weight=\"600\" fill=\"#22262d\">{}</text>",
            round(y + 21.0),
            escape(&item.name)
        ));
        say(format!(
            "<text x=\"{centre}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11.5\" fill=\"#5b6472\">{}</text>",
            round(y + 37.0),
            escape(&item.note)
        ));
    }
    say("</g>".to_owned());
    say("</svg>".to_owned());
    lines.join("\n")
}

fn draw_edges(
    sketch: &Sketch,
    sizes: &[(f64, f64)],
    layout: &Layout,
    say: &mut impl FnMut(String),
) {
    let ports = Ports::new(sketch, layout);
    let mut labels = Vec::new();
    for (index, edge) in sketch.edges.iter().enumerate() {
        let (from, to) = (&edge.from, &edge.to);
        let start = (layout.boxes[from.item].0 + sizes[from.item].0, ports.leave(index, sketch));
        let end = (layout.boxes[to.item].0, ports.enter(index, sketch));
        let mut path = format!("M{} {}", round(start.0), round(start.1));
        let mut at = start;
        for &(left, right, y) in &layout.lanes[index] {
            curve(&mut path, at, (left, y));
            path.push_str(&format!(" H{}", round(right)));
            at = (right, y);
        }
        curve(&mut path, at, end);
        say(format!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"#7b8494\" stroke-width=\"1.4\" marker-end=\"url(#tip)\"/>"
        ));
        if let Some(label) = &from.label {
            labels.push((start.0 + 7.0, start.1 - 4.0, "start", label));
        }
        if let Some(label) = &to.label {
            labels.push((end.0 - 12.0, end.1 - 4.0, "end", label));
        }
    }
    // Edges that leave by one port share its label.
    let mut drawn = Vec::new();
    for (x, y, anchor, label) in labels {
        let text = format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\" font-size=\"11\" fill=\"#4c5562\" stroke=\"#fcfcfa\" stroke-width=\"3\" paint-order=\"stroke\">{}</text>",
            round(x),
            round(y),
            escape(label)
        );
        if !drawn.contains(&text) {
            drawn.push(text);
        }
    }
    drawn.into_iter().for_each(say);
}

/// From `from` to `to`, level at both ends.
fn curve(path: &mut String, from: (f64, f64), to: (f64, f64)) {
    let bend = (to.0 - from.0) * 0.5;
    path.push_str(&format!(
        " C{} {} {} {} {} {}",
        round(from.0 + bend),
        round(from.1),
        round(to.0 - bend),
        round(to.1),
        round(to.0),
        round(to.1)
    ));
}

/// Where on the sides of their boxes edges leave and enter.
struct Ports<'a> {
    layout: &'a Layout,
    /// For each item, its ports in use, from top to bottom.
    leaving: Vec<Vec<usize>>,
    entering: Vec<Vec<usize>>,
}

impl<'a> Ports<'a> {
    /// Ports are in the order of what they lead to, so that edges do not cross at once.
    fn new(sketch: &Sketch, layout: &'a Layout) -> Self {
        let items = sketch.items.len();
        let mut leaving: Vec<Vec<(usize, f64)>> = vec![Vec::new(); items];
        let mut entering = leaving.clone();
        for (index, edge) in sketch.edges.iter().enumerate() {
            let lanes = &layout.lanes[index];
            let next = lanes.first().map_or(layout.boxes[edge.to.item].1, |lane| lane.2);
            let last = lanes.last().map_or(layout.boxes[edge.from.item].1, |lane| lane.2);
            leaving[edge.from.item].push((edge.from.port, next));
            entering[edge.to.item].push((edge.to.port, last));
        }
        let sorted = |ports: Vec<(usize, f64)>| {
            let mut used: Vec<usize> = ports.iter().map(|(port, _)| *port).collect();
            used.sort_unstable();
            used.dedup();
            let mean = |port: usize| {
                let heights = ports.iter().filter(|(other, _)| *other == port);
                let (count, sum) = heights.fold((0.0, 0.0), |(n, sum), (_, y)| (n + 1.0, sum + y));
                sum / f64::max(count, 1.0)
            };
            used.sort_by(|&one, &other| mean(one).total_cmp(&mean(other)));
            used
        };
        Self {
            layout,
            leaving: leaving.into_iter().map(sorted).collect(),
            entering: entering.into_iter().map(sorted).collect(),
        }
    }

    fn leave(&self, edge: usize, sketch: &Sketch) -> f64 {
        let tip = &sketch.edges[edge].from;
        self.layout.boxes[tip.item].1 + shift(&self.leaving[tip.item], tip.port)
    }

    fn enter(&self, edge: usize, sketch: &Sketch) -> f64 {
        let tip = &sketch.edges[edge].to;
        self.layout.boxes[tip.item].1 + shift(&self.entering[tip.item], tip.port)
    }
}

/// How far `port` lies from the middle of its side.
fn shift(ports: &[usize], port: usize) -> f64 {
    let place = ports.iter().position(|other| *other == port).unwrap_or_default();
    let step = f64::min(PORT_STEP, (BOX_HEIGHT - 10.0) / ports.len().max(1) as f64);
    (place as f64 - (ports.len() as f64 - 1.0) / 2.0) * step
}

/// Roughly the width of `text`; `em` is that of a usual letter. Fonts differ, so boxes are
/// generous.
fn width_of(text: &str, size: f64, em: f64) -> f64 {
    let widths = text.chars().map(|c| match c {
        'i' | 'l' | 'j' | 't' | 'f' | 'r' | '.' | ',' | ':' | '|' | ' ' | '-' | '/' => 0.7,
        'm' | 'w' | 'M' | 'W' | '@' => 1.5,
        c if c >= '\u{2e80}' => 1.8,
        _ => 1.0,
    });
    widths.sum::<f64>() * em * size
}

/// To tenths: enough for the eye, and the same text on every machine.
fn round(value: f64) -> f64 {
    let tenths = (value * 10.0).round() / 10.0;
    // Not `-0`.
    tenths + 0.0
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML has no place for these, not even escaped.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_elements() {
        let svg = draw(&super::super::tests::hostile());
        assert!(!svg.contains("<script"), "{svg}");
        assert!(svg.contains("a&quot;]; &lt;script&gt;&amp;#\\ `"), "{svg}");
    }

    #[test]
    fn a_picture_is_the_same_every_time() {
        let sketch = super::super::tests::hostile();
        assert_eq!(draw(&sketch), draw(&sketch));
    }
}
