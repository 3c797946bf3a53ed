//! Tables, sizes, times and what plugins are, set for people.

use std::time::Duration;

use crate::instance::{Component, PortKind, Role, Scope};

/// Which side of its column a cell is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// Rows with their columns set flush, two spaces apart, after `indent` spaces; columns beyond
/// `sides` are set left. Control characters are shown, never sent to the terminal.
pub(super) fn grid(rows: &[Vec<String>], sides: &[Side], indent: usize) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match sides
            .get(column)
        {
            Some(Side::Right) => format!("{cell:>width$}"),
            _ => format!("{cell:width$}"),
        });
        let cells = cells.collect::<Vec<_>>().join("  ");
        format!("{:indent$}{}", "", cells.trim_end())
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `text` with control characters written out.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { plain.extend(c.escape_default()) } else { plain.push(c) }
    }
    plain
}

/// At most `length` characters of `text`.
pub(super) fn cut(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some(_) => {
            let kept: String = text.chars().take(length.saturating_sub(1)).collect();
            format!("{kept}…")
        }
        None => text.to_owned(),
    }
}

/// Bytes with a binary prefix: `1.5 MiB`.
pub(super) fn size(bytes: u64) -> String {
    let mut amount = bytes as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if amount < 1024.0 {
            break;
        }
        amount /= 1024.0;
        unit = next;
    }
    if unit == "B" || amount >= 100.0 || amount.fract() == 0.0 {
        format!("{amount:.0} {unit}")
    } else {
        format!("{amount:.1} {unit}")
    }
}

/// A span of time in the largest unit that divides it: `1 h`, `90 s`.
pub(super) fn span(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds > 0 && seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        seconds if seconds > 0 && seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

/// What a plugin could look at while it runs.
pub(super) fn sees(component: &Component) -> String {
    let others = component.imports.iter().filter(|name| !name.starts_with("skyloom:plugin/"));
    let others: Vec<_> = others.map(String::as_str).collect();
    if others.is_empty() {
        return "sees nothing but its inputs".to_owned();
    }
    format!("sees its inputs, and stand-ins that are the same everywhere: {}", others.join(", "))
}

pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Ingester => "ingester",
        Role::FeatureExtractor => "feature extractor",
        Role::Transformer => "transformer",
        Role::Selector => "selector",
        Role::Trainer => "trainer",
        Role::Classifier => "classifier",
        Role::Calibrator => "calibrator",
        Role::Evaluator => "evaluator",
        Role::Explainer => "explainer",
        Role::Simulator => "simulator",
        Role::Monitor => "monitor",
    }
}

pub(super) fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Partition => "runs once for each partition",
        Scope::Whole => "runs over all partitions",
    }
}

pub(super) fn kind_name(kind: PortKind) -> &'static str {
    match kind {
        PortKind::Table => "table",
        PortKind::WholeTable => "whole table",
        PortKind::Blob => "file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_flush_and_control_characters_shown() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let rows = [row(["a", "1"]), row(["bcd", "22\u{1b}[2J"])];
        let text = grid(&rows, &[Side::Left, Side::Right], 1);
        assert_eq!(text, " a              1\n bcd  22\\u{1b}[2J");
    }

    #[test]
    fn sizes_and_spans_are_short() {
        assert_eq!([0, 1023, 1536, 1 << 30].map(size), ["0 B", "1023 B", "1.5 KiB", "1 GiB"]);
        assert_eq!([90, 60, 7200].map(|s| span(Duration::from_secs(s))), ["90 s", "1 min", "2 h"]);
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
    }
}
