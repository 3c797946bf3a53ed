//! A flat JSON-LD graph: entities by their `@id`.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

/// Entities in the order in which they were first told of.
#[derive(Default)]
pub(super) struct Graph {
    entities: IndexMap<String, Map<String, Value>>,
}

impl Graph {
    /// Adds the entity `id`, or tells more of it. Null properties are left out.
    pub(super) fn add(&mut self, id: &str, kind: Value, properties: Value) {
        let entity = self.entities.entry(id.to_owned()).or_default();
        entity.insert("@type".to_owned(), kind);
        let Value::Object(properties) = properties else { unreachable!("properties are named") };
        entity.extend(properties.into_iter().filter(|(_, value)| !value.is_null()));
    }

    /// Points from `id` to `other`, once.
    pub(super) fn link(&mut self, id: &str, property: &str, other: &str) {
        let entity = self.entities.entry(id.to_owned()).or_default();
        let links = entity.entry(property).or_insert_with(|| Value::Array(Vec::new()));
        let Value::Array(links) = links else { unreachable!("`{property}` holds links only") };
        let link = json!({ "@id": other });
        if !links.contains(&link) {
            links.push(link);
        }
    }

    /// The entities, each property with one value written without a list around it.
    pub(super) fn into_value(self) -> Value {
        let entities = self.entities.into_iter().map(|(id, properties)| {
            let mut entity = Map::from_iter([("@id".to_owned(), Value::String(id))]);
            entity.extend(properties.into_iter().map(|(name, value)| (name, unpacked(value))));
            Value::Object(entity)
        });
        Value::Array(entities.collect())
    }
}

fn unpacked(value: Value) -> Value {
    match value {
        Value::Array(mut values) if values.len() == 1 => values.remove(0),
        value => value,
    }
}
