//! The model table: its fields, its metadata, and the way to and from [`Nodes`].

use std::sync::Arc;

use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, FixedSizeListArray, Float64Array,
    Int32Array, PrimitiveArray,
};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, Field, FieldRef, Fields};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use skyloom_plugin::bind::FieldExt;

use crate::bag::Bagging;
use crate::tree::{ModelError, Nodes};

/// A column that the forest predicts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// The column's name.
    pub name: String,
    /// Its unit as VOUnits, if it had one when the forest was trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// What the rows of a model table mean: everything that its fields and metadata say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSchema {
    /// What is predicted from, in the order of the table's `feature` indices.
    pub features: Vec<Feature>,
    /// What is predicted, in the order of each `probability` list.
    pub classes: Vec<String>,
    /// How rows were drawn; none where another tool grew the trees.
    pub bagging: Option<Bagging>,
}

/// The model table's columns, in order.
pub const COLUMNS: [&str; 9] = [
    "tree",
    "node",
    "feature",
    "threshold",
    "left",
    "right",
    "missing_left",
    "cover",
    "probability",
];

impl ModelSchema {
    /// The fields of the model table.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let types = [
            DataType::Int32,
            DataType::Int32,
            DataType::Int32,
            DataType::Float64,
            DataType::Int32,
            DataType::Int32,
            DataType::Boolean,
            DataType::Float64,
            DataType::FixedSizeList(Arc::new(list_item()), self.list_length()),
        ];
        let about = [
            "which tree of the forest",
            "index within the tree; 0 is the root, children come after parents",
            "index of the tested feature; -1 in leaves",
            "rows with a value up to this go left",
            "node of the left child; -1 in leaves",
            "node of the right child; -1 in leaves",
            "whether rows without a value go left",
            "weighted training rows that reached the node",
            "class distribution of the training rows that reached the node",
        ];
        let described = COLUMNS.into_iter().zip(types).zip(about);
        described
            .map(|((name, data_type), about)| {
                let field = Field::new(name, data_type, false).with_description(about);
                match self.metadata(name) {
                    Some((entry, text)) => field.with(entry, text),
                    None => field,
                }
            })
            .collect()
    }

    /// Reads back what [`Self::fields`] wrote.
    ///
    /// # Errors
    /// [`ModelError::Field`] and [`ModelError::Metadata`] name what is missing or malformed.
    pub fn from_fields(fields: &Fields) -> Result<Self, ModelError> {
        let features: Vec<Feature> = parse(fields, "feature", "features")?;
        let classes: Vec<String> = parse(fields, "probability", "classes")?;
        let bagging = match find(fields, "tree")?.metadata().get("bagging") {
            None => None,
            Some(_) => Some(parse(fields, "tree", "bagging")?),
        };
        let schema = Self { features, classes, bagging };
        if schema.features.is_empty() {
            return Err(malformed("feature", "features", "it names none".to_owned()));
        }
        if schema.classes.is_empty() {
            return Err(malformed("probability", "classes", "it names none".to_owned()));
        }
        for (name, expected) in COLUMNS.into_iter().zip(schema.fields()) {
            // A run is not shown what it did not bind, and predictions need no covers.
            let found = match find(fields, name) {
                Err(_) if name == "cover" => continue,
                found => found?.data_type(),
            };
            if !same_type(found, expected.data_type()) {
                return Err(ModelError::Field {
                    field: name,
                    expected: type_name(name),
                    found: found.to_string(),
                });
            }
        }
        Ok(schema)
    }

    /// The columns of the model table, in the order of [`COLUMNS`].
    ///
    /// # Panics
    /// If the columns of `nodes` differ in length.
    #[must_use]
    pub fn columns(&self, nodes: Nodes) -> Vec<ArrayRef> {
        let probability = FixedSizeListArray::new(
            Arc::new(list_item()),
            self.list_length(),
            Arc::new(Float64Array::from(nodes.probability)),
            None,
        );
        vec![
            Arc::new(Int32Array::from(nodes.tree)),
            Arc::new(Int32Array::from(nodes.node)),
            Arc::new(Int32Array::from(nodes.feature)),
            Arc::new(Float64Array::from(nodes.threshold)),
            Arc::new(Int32Array::from(nodes.left)),
            Arc::new(Int32Array::from(nodes.right)),
            Arc::new(BooleanArray::from(nodes.missing_left)),
            Arc::new(Float64Array::from(nodes.cover)),
            Arc::new(probability),
        ]
    }

    /// The rows that columns of the model table hold; the columns in the order of
    /// [`COLUMNS`].
    ///
    /// # Errors
    /// [`ModelError::Null`] if a column has nulls, [`ModelError::Field`] if it has not its
    /// type.
    pub fn nodes(&self, columns: &[ArrayRef]) -> Result<Nodes, ModelError> {
        let column = |index: usize| columns.get(index).ok_or_else(|| missing(COLUMNS[index]));
        let missing_left = column(6)?;
        let missing_left: &BooleanArray = whole(6, missing_left)?;
        let lists: &FixedSizeListArray = whole(8, column(8)?)?;
        if lists.value_length() != self.list_length() {
            return Err(wrong_type(8, lists));
        }
        Ok(Nodes {
            tree: values::<Int32Type>(0, column(0)?)?,
            node: values::<Int32Type>(1, column(1)?)?,
            feature: values::<Int32Type>(2, column(2)?)?,
            threshold: values::<Float64Type>(3, column(3)?)?,
            left: values::<Int32Type>(4, column(4)?)?,
            right: values::<Int32Type>(5, column(5)?)?,
            missing_left: BooleanBuffer::iter(missing_left.values()).collect(),
            cover: values::<Float64Type>(7, column(7)?)?,
            probability: values::<Float64Type>(8, lists.values())?,
        })
    }

    fn list_length(&self) -> i32 {
        i32::try_from(self.classes.len()).expect("classes are named one by one")
    }

    fn metadata(&self, column: &str) -> Option<(&'static str, String)> {
        match column {
            "tree" => Some(("bagging", json(&self.bagging?))),
            "feature" => Some(("features", json(&self.features))),
            "probability" => Some(("classes", json(&self.classes))),
            _ => None,
        }
    }
}

fn list_item() -> Field {
    Field::new("item", DataType::Float64, false)
}

/// Equal up to the name and nullability of a list's item, which writers choose freely.
fn same_type(found: &DataType, expected: &DataType) -> bool {
    match (found, expected) {
        (DataType::FixedSizeList(item, n), DataType::FixedSizeList(expected_item, expected_n)) => {
            n == expected_n && item.data_type() == expected_item.data_type()
        }
        _ => found == expected,
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("names and numbers are always JSON")
}

fn parse<T: DeserializeOwned>(
    fields: &Fields,
    field: &'static str,
    entry: &'static str,
) -> Result<T, ModelError> {
    let metadata = find(fields, field)?.metadata();
    let text =
        metadata.get(entry).ok_or_else(|| malformed(field, entry, "it is missing".to_owned()))?;
    serde_json::from_str(text).map_err(|error| malformed(field, entry, error.to_string()))
}

fn find<'a>(fields: &'a Fields, name: &'static str) -> Result<&'a FieldRef, ModelError> {
    fields.iter().find(|field| field.name() == name).ok_or_else(|| missing(name))
}

fn whole<T: Array + 'static>(index: usize, column: &ArrayRef) -> Result<&T, ModelError> {
    if column.null_count() > 0 {
        return Err(ModelError::Null { column: COLUMNS[index] });
    }
    column.as_any().downcast_ref().ok_or_else(|| wrong_type(index, column))
}

fn values<T: ArrowPrimitiveType>(
    index: usize,
    column: &ArrayRef,
) -> Result<Vec<T::Native>, ModelError> {
    Ok(whole::<PrimitiveArray<T>>(index, column)?.values().to_vec())
}

fn missing(field: &'static str) -> ModelError {
    ModelError::Field { field, expected: type_name(field), found: "nothing".to_owned() }
}

fn wrong_type(index: usize, found: &dyn Array) -> ModelError {
    ModelError::Field {
        field: COLUMNS[index],
        expected: type_name(COLUMNS[index]),
        found: found.data_type().to_string(),
    }
}

fn type_name(column: &str) -> &'static str {
    match column {
        "threshold" | "cover" => "Float64",
        "missing_left" => "Boolean",
        "probability" => "a FixedSizeList of Float64 as long as there are classes",
        _ => "Int32",
    }
}

fn malformed(field: &'static str, entry: &'static str, reason: String) -> ModelError {
    ModelError::Metadata { field, entry, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::stump_and_more;

    fn schema() -> ModelSchema {
        let unit = Some("mag".to_owned());
        ModelSchema {
            features: vec![
                Feature { name: "g-r".to_owned(), unit },
                Feature { name: "log P".to_owned(), unit: None },
            ],
            classes: vec!["QSO".to_owned(), "STAR".to_owned()],
            bagging: Some(Bagging { seed: u64::MAX }),
        }
    }

    #[test]
    fn fields_and_columns_come_back_as_they_were() {
        let schema = schema();
        assert_eq!(ModelSchema::from_fields(&schema.fields().into()), Ok(schema.clone()));
        let foreign = ModelSchema { bagging: None, ..schema.clone() };
        assert_eq!(ModelSchema::from_fields(&foreign.fields().into()), Ok(foreign));
        let nodes = stump_and_more();
        assert_eq!(schema.nodes(&schema.columns(nodes.clone())), Ok(nodes));
    }

    #[test]
    fn a_slice_of_the_table_holds_its_own_rows() {
        let schema = schema();
        let columns = schema.columns(stump_and_more());
        let slice: Vec<ArrayRef> = columns.iter().map(|column| column.slice(2, 3)).collect();
        let nodes = schema.nodes(&slice).expect("columns of the model");
        assert_eq!(nodes.node, [2, 3, 4]);
        assert_eq!(nodes.probability, [0.25, 0.75, 0.5, 0.5, 0.125, 0.875]);
        assert_eq!(nodes.missing_left, [false; 3]);
    }

    #[test]
    fn other_tables_are_refused_by_name() {
        let fields = schema().fields();
        let mut without = fields.clone();
        without.remove(3);
        let error =
            ModelSchema::from_fields(&without.into()).expect_err("no threshold").to_string();
        assert!(error.contains("`threshold`") && error.contains("nothing"), "{error}");

        let mut retyped = fields.clone();
        retyped[0] = retyped[0].clone().with_data_type(DataType::Utf8);
        let error = ModelSchema::from_fields(&retyped.into()).expect_err("text").to_string();
        assert!(error.contains("`tree`") && error.contains("Int32"), "{error}");

        let mut unnamed = fields;
        unnamed[8] = unnamed[8].clone().with_metadata([].into());
        let error = ModelSchema::from_fields(&unnamed.into()).expect_err("no classes").to_string();
        assert!(error.contains("`classes`"), "{error}");
    }

    #[test]
    fn nulls_are_refused() {
        let schema = schema();
        let mut columns = schema.columns(stump_and_more());
        columns[7] = Arc::new(Float64Array::from(vec![None, Some(1.0)]));
        assert_eq!(schema.nodes(&columns), Err(ModelError::Null { column: "cover" }));
    }
}
