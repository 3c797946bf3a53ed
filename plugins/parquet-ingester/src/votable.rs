//! Units, UCDs and descriptions that a VOParquet file carries: a VOTable without rows, in
//! the file's own metadata.
//!
//! Only the attributes of `FIELD` elements are looked at. What does not parse is as good as
//! absent: such metadata add to the file's columns, and never decide what they hold.
//!
//! Reference: Taylor et al., "VOParquet: Parquet in the VO", IVOA Note 1.0 (2025).

use std::collections::BTreeMap;

use parquet::file::metadata::ParquetMetaData;

const CONTENT_KEY: &str = "IVOA.VOTable-Parquet.content";

/// Per column name, the metadata of its field.
pub type Described = BTreeMap<String, Vec<(&'static str, String)>>;

/// What the file's VOTable says about its columns; empty where there is none.
pub fn fields_of(metadata: &ParquetMetaData) -> Described {
    let pairs = metadata.file_metadata().key_value_metadata();
    let content = pairs.into_iter().flatten().find(|pair| pair.key == CONTENT_KEY);
    content.and_then(|pair| pair.value.as_deref()).map(parse).unwrap_or_default()
}

fn parse(xml: &str) -> Described {
    let mut described = Described::new();
    // The FIELD that is open, by name.
    let mut open: Option<String> = None;
    let mut rest = xml;
    while let Some((tag, after)) = next_tag(rest) {
        rest = after;
        let (element, inside) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        let element = element.trim_end_matches('/');
        // The namespace's prefix is the writer's choice.
        let (is_end, element) = element.strip_prefix('/').map_or((false, element), |e| (true, e));
        let element = element.rsplit(':').next().unwrap_or(element);
        match (is_end, element) {
            (false, "FIELD") => {
                let (name, metadata) = field(inside.trim_end_matches('/'));
                open.clone_from(&name);
                described.extend(name.map(|name| (name, metadata)));
            }
            (true, "FIELD") => open = None,
            (false, "DESCRIPTION") if !tag.ends_with('/') => {
                let text = text(rest);
                if let Some(metadata) = open.as_ref().and_then(|name| described.get_mut(name)) {
                    metadata
                        .extend(Some(("description", text)).filter(|(_, text)| !text.is_empty()));
                }
            }
            _ => {}
        }
    }
    described
}

/// What lies between the next `<` and its `>`, and what follows; comments are passed over.
fn next_tag(xml: &str) -> Option<(&str, &str)> {
    let mut rest = &xml[xml.find('<')? + 1..];
    while let Some(comment) = rest.strip_prefix("!--") {
        let after = &comment[comment.find("-->")? + 3..];
        rest = &after[after.find('<')? + 1..];
    }
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some((&rest[..at], &rest[at + 1..])),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn field(tag: &str) -> (Option<String>, Vec<(&'static str, String)>) {
    let mut metadata = Vec::new();
    let (mut name, mut id) = (None, None);
    for (key, value) in attributes(tag).filter(|(_, value)| !value.is_empty()) {
        match key {
            "name" => name = Some(value),
            "ID" => id = Some(value),
            "unit" => metadata.push(("unit", value)),
            "ucd" => metadata.push(("ucd", value)),
            _ => {}
        }
    }
    (name.or(id), metadata)
}

/// The text that `xml` begins with, up to the next tag.
fn text(xml: &str) -> String {
    let xml = xml.trim_start();
    if let Some(literal) = xml.strip_prefix("<![CDATA[") {
        return literal.split("]]>").next().unwrap_or_default().trim().to_owned();
    }
    unescape(xml.split('<').next().unwrap_or_default().trim())
}

fn attributes(tag: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = tag;
    std::iter::from_fn(move || {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, after) = after[1..].split_once(quote)?;
        rest = after;
        Some((key.trim(), unescape(value)))
    })
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest[1..].split_once(';').map(|(entity, _)| entity).filter(|e| e.len() < 9);
        let character = entity.and_then(|entity| match entity {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => {
                let number = entity.strip_prefix('#')?;
                let number = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                char::from_u32(number.ok()?)
            }
        });
        let length = match (character, entity) {
            (Some(character), Some(entity)) => {
                plain.push(character);
                entity.len() + 2
            }
            _ => {
                plain.push('&');
                1
            }
        };
        rest = &rest[length..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_votable() {
        let described = parse(
            r#"<?xml version="1.0"?><VOTABLE><!-- <FIELD name="no"/> --><RESOURCE><TABLE>
            <FIELDref ref="x"/>
            <FIELD ID="ra" name="RA" unit='deg' ucd="pos.eq.ra;meta.main" datatype="double">
              <DESCRIPTION> Right &lt;ascension&gt; &amp; more &#945; &bad; </DESCRIPTION>
            </FIELD>
            <FIELD name="a>b" datatype="int" unit=""/>
            <v:FIELD ID="gmag" unit="mag"><v:DESCRIPTION><![CDATA[a < b]]></v:DESCRIPTION></v:FIELD>
            <DESCRIPTION>of nothing</DESCRIPTION>
            <FIELD name="cut"#,
        );
        let expected: Described = [
            (
                "RA".to_owned(),
                vec![
                    ("unit", "deg".to_owned()),
                    ("ucd", "pos.eq.ra;meta.main".to_owned()),
                    ("description", "Right <ascension> & more α &bad;".to_owned()),
                ],
            ),
            ("a>b".to_owned(), vec![]),
            (
                "gmag".to_owned(),
                vec![("unit", "mag".to_owned()), ("description", "a < b".to_owned())],
            ),
        ]
        .into();
        assert_eq!(described, expected);
    }

    #[test]
    fn nothing_in_it_can_fail() {
        for xml in
            ["", "<", "<FIELD", "<FIELD ", "<FIELD name='", "<FIELD a=b>", "&#x110000;", "<!--"]
        {
            parse(xml);
        }
    }
}
