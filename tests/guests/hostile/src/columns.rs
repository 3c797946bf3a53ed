//! Columns that are not what they say.

use crate::{Column, Field};

pub(crate) fn field(name: &str, format: &str, nullable: bool) -> Field {
    Field {
        name: name.to_owned(),
        format: format.to_owned(),
        nullable,
        dictionary: false,
        metadata: Vec::new(),
        children: 0,
    }
}

/// A list of lists of lists, so deep.
pub(crate) fn nested(depth: usize) -> Vec<Field> {
    let mut fields: Vec<_> =
        (0..depth).map(|_| Field { children: 1, ..field("y", "+l", false) }).collect();
    fields.push(field("item", "g", false));
    fields
}

/// The column `y` as `bind` declares it, and its children.
pub(crate) fn declared(crime: &str) -> Vec<Field> {
    let plain = |format| vec![field("y", format, false)];
    let of = |format: &str, children: Vec<Field>| {
        let parent = Field { children: children.len() as u32, ..field("y", format, false) };
        std::iter::once(parent).chain(children).collect::<Vec<_>>()
    };
    match crime {
        "offsets-outside" | "offsets-fall" | "offsets-negative" | "offsets-few" | "not-utf8"
        | "split-character" => plain("u"),
        "large-offsets-outside" => plain("U"),
        "many-nulls" | "flood-rows" => vec![field("y", "n", true)],
        "many-nothings" => plain("w:0"),
        "endless-structs" => of("+s", Vec::new()),
        "keys-outside" | "keys-negative" => {
            let mut fields = of("c", vec![field("values", "u", false)]);
            fields[0].dictionary = true;
            fields
        }
        "list-outside-items" | "null-items" => of("+l", vec![field("item", "g", false)]),
        "null-words" => {
            let keys = Field { dictionary: true, children: 1, ..field("a", "c", false) };
            of("+s", vec![keys]).into_iter().chain([field("values", "u", true)]).collect()
        }
        "short-child" => of("+s", vec![field("a", "g", false), field("b", "g", false)]),
        "short-items" => of("+w:3", vec![field("item", "g", false)]),
        "overflowing-items" => of("+w:2147483647", vec![field("item", "w:0", false)]),
        "null-keys" => {
            let pair = Field { children: 2, ..field("entries", "+s", false) };
            let mut fields = of("+m", vec![pair]);
            fields.extend([field("key", "u", false), field("value", "g", true)]);
            fields
        }
        "bad-decimal" => plain("d:5,2"),
        _ => plain("g"),
    }
}

fn zeros(rows: usize, width: usize) -> Column {
    Column { rows: rows as u64, validity: None, buffers: vec![vec![0; rows * width]] }
}

fn parent(rows: usize, buffers: Vec<Vec<u8>>) -> Column {
    Column { rows: rows as u64, validity: None, buffers }
}

/// 32-bit offsets, one more than `rows`, each `step` after the one before.
fn offsets(rows: usize, step: i32) -> Vec<u8> {
    (0..=rows as i32).flat_map(|row| (row * step).to_le_bytes()).collect()
}

/// The arrays that go out for `y`, in `rows` rows or whatever else the crime wants.
pub(crate) fn emitted(crime: &str, rows: usize) -> Vec<Column> {
    let honest = || zeros(rows, 8);
    let text = |offsets: Vec<u8>, values: Vec<u8>| vec![parent(rows, vec![offsets, values])];
    match crime {
        "no-columns" => vec![],
        "two-columns" => vec![honest(), honest()],
        "short-column" => vec![zeros(rows / 2, 8)],
        "wrong-type" => text(offsets(rows, 1), vec![b'a'; rows]),
        "short-buffer" => {
            let buffers = vec![vec![0; rows * 8 - 1]];
            vec![Column { buffers, ..honest() }]
        }
        "no-buffers" => vec![Column { buffers: vec![], ..honest() }],
        "endless-rows" => vec![Column { rows: u64::MAX, ..honest() }],
        "nulls" => vec![Column { validity: Some(vec![0; rows.div_ceil(8)]), ..honest() }],
        "short-validity" => vec![Column { validity: Some(vec![255; 3]), ..honest() }],
        "offsets-outside" => text(offsets(rows, 1000), vec![b'a'; rows]),
        "offsets-fall" => {
            let falling = (0..=rows as i32).rev().flat_map(i32::to_le_bytes).collect();
            text(falling, vec![b'a'; rows])
        }
        "offsets-negative" => text(offsets(rows, -1), vec![b'a'; rows]),
        "offsets-few" => text(offsets(rows / 2, 1), vec![b'a'; rows]),
        "not-utf8" => text(offsets(rows, 1), vec![0xff; rows]),
        "split-character" => text(offsets(rows, 1), "é".repeat(rows / 2).into_bytes()),
        "large-offsets-outside" => {
            let far = (0..=rows as i64).flat_map(|row| (row << 52).to_le_bytes()).collect();
            text(far, vec![b'a'; rows])
        }
        "flood-rows" => vec![parent(rows, vec![])],
        "many-nulls" | "endless-structs" => vec![Column { rows: 1 << 40, ..parent(0, vec![]) }],
        "many-nothings" => vec![Column { rows: 1 << 40, ..parent(0, vec![vec![]]) }],
        "keys-outside" | "keys-negative" => {
            let key = if crime == "keys-outside" { 2 } else { 0xff };
            let two_words = parent(2, vec![vec![0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0], b"ab".into()]);
            vec![parent(rows, vec![vec![key; rows]]), two_words]
        }
        "null-words" => {
            let keys = parent(rows, vec![vec![0; rows]]);
            let nothing = Column { validity: Some(vec![0]), ..parent(1, vec![vec![0; 8], vec![]]) };
            vec![parent(rows, vec![]), keys, nothing]
        }
        "list-outside-items" => vec![parent(rows, vec![offsets(rows, 9)]), zeros(rows, 8)],
        "null-items" => {
            let items = Column { validity: Some(vec![0; rows.div_ceil(8)]), ..honest() };
            vec![parent(rows, vec![offsets(rows, 1)]), items]
        }
        "short-child" => vec![parent(rows, vec![]), honest(), zeros(rows - 1, 8)],
        "short-items" => vec![parent(rows, vec![]), zeros(rows * 3 - 1, 8)],
        "overflowing-items" => vec![parent(1 << 30, vec![]), parent(0, vec![vec![]])],
        "null-keys" => {
            let keys = Column {
                validity: Some(vec![0; rows.div_ceil(8)]),
                ..text(offsets(rows, 0), vec![]).remove(0)
            };
            vec![parent(rows, vec![offsets(rows, 1)]), parent(rows, vec![]), keys, honest()]
        }
        "bad-decimal" => vec![parent(rows, vec![vec![0x7f; rows * 16]])],
        _ => vec![honest()],
    }
}
