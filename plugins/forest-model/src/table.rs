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
        let lists = DataType::FixedSizeList(Arc::new(list_item()), self.list_length());
        let probability = Field::new("probability", lists, false)
            .with_description("class distribution of the training rows that reached the node");
        let fields = shared_fields().into_iter().chain([probability]);
        fields
            .map(|field| match self.metadata(field.name()) {
                Some((entry, text)) => field.with(entry, text),
                None => field,
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
        let (mut columns, probability) = shared_columns(nodes);
        let values = Arc::new(Float64Array::from(probability));
        let lists =
            FixedSizeListArray::new(Arc::new(list_item()), self.list_length(), values, None);
        columns.push(Arc::new(lists));
        columns
    }

    /// The rows that columns of the model table hold; the columns in the order of
    /// [`COLUMNS`].
    ///
    /// # Errors
    /// [`ModelError::Null`] if a column has nulls, [`ModelError::Field`] if it has not its
    /// type.
    pub fn nodes(&self, columns: &[ArrayRef]) -> Result<Nodes, ModelError> {
        let column = |index: usize| columns.get(index).ok_or_else(|| missing(COLUMNS[index]));
        let lists: &FixedSizeListArray = whole("probability", column(8)?)?;
        if lists.value_length() != self.list_length() {
            return Err(wrong_type("probability", lists));
        }
        let probability = values::<Float64Type>("probability", lists.values())?;
        let shared: [&ArrayRef; N_SHARED] = [
            column(0)?,
            column(1)?,
            column(2)?,
            column(3)?,
            column(4)?,
            column(5)?,
            column(6)?,
            column(7)?,
        ];
        shared_nodes(shared, probability)
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

/// Columns that say how a tree tests, whatever its leaves hold: the first of [`COLUMNS`].
pub(crate) const N_SHARED: usize = 8;

pub(crate) fn shared_fields() -> [Field; N_SHARED] {
    let field = |name, data_type, about| Field::new(name, data_type, false).with_description(about);
    [
        field("tree", DataType::Int32, "which tree of the forest"),
        field(
            "node",
            DataType::Int32,
            "index within the tree; 0 is the root, children come after parents",
        ),
        field("feature", DataType::Int32, "index of the tested feature; -1 in leaves"),
        field("threshold", DataType::Float64, "rows with a value up to this go left"),
        field("left", DataType::Int32, "node of the left child; -1 in leaves"),
        field("right", DataType::Int32, "node of the right child; -1 in leaves"),
        field("missing_left", DataType::Boolean, "whether rows without a value go left"),
        field("cover", DataType::Float64, "weighted training rows that reached the node"),
    ]
}

/// The shared columns of these nodes, and what their leaves hold.
pub(crate) fn shared_columns(nodes: Nodes) -> (Vec<ArrayRef>, Vec<f64>) {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(nodes.tree)),
        Arc::new(Int32Array::from(nodes.node)),
        Arc::new(Int32Array::from(nodes.feature)),
        Arc::new(Float64Array::from(nodes.threshold)),
        Arc::new(Int32Array::from(nodes.left)),
        Arc::new(Int32Array::from(nodes.right)),
        Arc::new(BooleanArray::from(nodes.missing_left)),
        Arc::new(Float64Array::from(nodes.cover)),
    ];
    (columns, nodes.probability)
}

/// Nodes of these columns, in the order of [`shared_fields`], and of what their leaves hold.
pub(crate) fn shared_nodes(
    columns: [&ArrayRef; N_SHARED],
    probability: Vec<f64>,
) -> Result<Nodes, ModelError> {
    let [tree, node, feature, threshold, left, right, missing_left, cover] = columns;
    let missing_left: &BooleanArray = whole("missing_left", missing_left)?;
    Ok(Nodes {
        tree: values::<Int32Type>("tree", tree)?,
        node: values::<Int32Type>("node", node)?,
        feature: values::<Int32Type>("feature", feature)?,
        threshold: values::<Float64Type>("threshold", threshold)?,
        left: values::<Int32Type>("left", left)?,
        right: values::<Int32Type>("right", right)?,
        missing_left: BooleanBuffer::iter(missing_left.values()).collect(),
        cover: values::<Float64Type>("cover", cover)?,
        probability,
    })
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

pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("names and numbers are always JSON")
}

pub(crate) fn parse<T: DeserializeOwned>(
    fields: &Fields,
    field: &'static str,
    entry: &'static str,
) -> Result<T, ModelError> {
    let metadata = find(fields, field)?.metadata();
    let text =
        metadata.get(entry).ok_or_else(|| malformed(field, entry, "it is missing".to_owned()))?;
    serde_json::from_str(text).map_err(|error| malformed(field, entry, error.to_string()))
}

pub(crate) fn find<'a>(fields: &'a Fields, name: &'static str) -> Result<&'a FieldRef, ModelError> {
    fields.iter().find(|field| field.name() == name).ok_or_else(|| missing(name))
}

fn whole<'a, T: Array + 'static>(
    name: &'static str,
    column: &'a ArrayRef,
) -> Result<&'a T, ModelError> {
    if column.null_count() > 0 {
        return Err(ModelError::Null { column: name });
    }
    column.as_any().downcast_ref().ok_or_else(|| wrong_type(name, column))
}

pub(crate) fn values<T: ArrowPrimitiveType>(
    name: &'static str,
    column: &ArrayRef,
) -> Result<Vec<T::Native>, ModelError> {
    Ok(whole::<PrimitiveArray<T>>(name, column)?.values().to_vec())
}

pub(crate) fn missing(field: &'static str) -> ModelError {
    ModelError::Field { field, expected: type_name(field), found: "nothing".to_owned() }
}

fn wrong_type(name: &'static str, found: &dyn Array) -> ModelError {
    ModelError::Field {
        field: name,
        expected: type_name(name),
        found: found.data_type().to_string(),
    }
}

pub(crate) fn type_name(column: &str) -> &'static str {
    match column {
        "threshold" | "cover" | "value" => "Float64",
        "missing_left" => "Boolean",
        "probability" => "a FixedSizeList of Float64 as long as there are classes",
        _ => "Int32",
    }
}

pub(crate) fn malformed(field: &'static str, entry: &'static str, reason: String) -> ModelError {
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
