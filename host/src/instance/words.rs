//! What guests say, made fit to be shown.

/// Longest message that is passed on.
pub(super) const MAX_MESSAGE_BYTES: usize = 4096;

/// `text` without what could drive the reader's terminal, and not longer than `limit`.
pub(super) fn shown(text: &str, limit: usize) -> String {
    let end = text.floor_char_boundary(limit);
    let mut shown: String = text[..end].chars().map(printable).collect();
    if end < text.len() {
        shown.push_str(" …");
    }
    shown
}

/// Whether all of `text` can be shown as it is.
pub(super) fn is_printable(text: &str) -> bool {
    text.chars().all(|character| printable(character) == character)
}

fn printable(character: char) -> char {
    match character {
        '\n' | '\t' => character,
        // Directional overrides reorder what follows.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ if character.is_control() => '\u{fffd}',
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_drives_the_terminal() {
        assert_eq!(shown("a\u{1b}[2J\u{9b}\u{202e}\r\0\u{7f}\n\tα", 99), "a�[2J�����\n\tα");
        assert_eq!(shown("ααα", 3), "α …");
        assert!(is_printable("F606W − F814W") && !is_printable("\u{7}"));
    }
}
