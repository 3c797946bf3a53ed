//! Runs a plugin natively and proves what it declares.
//!
//! ```
//! use skyloom_plugin_testing::{Harness, table};
//! # use skyloom_plugin::prelude::*;
//! # #[derive(serde::Deserialize, schemars::JsonSchema)] pub struct Params { column: String }
//! # pub struct Square;
//! # impl Plugin for Square {
//! #     type Params = Params;
//! #     fn describe() -> Descriptor {
//! #         descriptor!(Role::FeatureExtractor, Scope::Partition).input("table", "").output("features", "")
//! #     }
//! #     fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
//! #         bind.column("table", &params.column, Some("column"))?.number()?.read(Purpose::Value);
//! #         bind.pass_all("features", "table")?;
//! #         bind.add("features", Field::new("square", DataType::Float64, true))
//! #     }
//! #     fn map(params: &Params, batch: &Batch) -> Result<Vec<ArrayRef>> {
//! #         let numbers = batch.numbers(&params.column)?;
//! #         let squares = (0..batch.rows()).map(|row| numbers.get(row).map(|x| x * x));
//! #         Ok(vec![Arc::new(squares.collect::<Float64Array>())])
//! #     }
//! # }
//! let stars = table([("g", Arc::new(Float64Array::from(vec![1.0, 2.0])) as ArrayRef)]);
//! let harness = Harness::<Square>::new(r#"{"column": "g"}"#).table("table", stars);
//! let features = harness.run().unwrap().table("features");
//! assert_eq!(features.num_columns(), 2);
//! harness.prove();
//! ```

mod memory;
mod proof;

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use skyloom_plugin::arrow_array::{ArrayRef, RecordBatch};
use skyloom_plugin::arrow_schema::{Field, Schema};
use skyloom_plugin::bind::{Bind, Read, Shape, TableSchema};
use skyloom_plugin::data::{Blob, Reader, Writer};
use skyloom_plugin::descriptor::{PortKind, Scope};
use skyloom_plugin::error::{Error, Result};
use skyloom_plugin::{Plugin, Task};

use memory::{Log, MemoryBlob, MemorySink, MemoryTable};

/// A table of nullable columns without metadata.
pub fn table<'a>(columns: impl IntoIterator<Item = (&'a str, ArrayRef)>) -> RecordBatch {
    let columns = columns
        .into_iter()
        .map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array));
    table_of(columns)
}

/// A table of these fields.
///
/// # Panics
/// When a field and its array do not fit.
pub fn table_of(columns: impl IntoIterator<Item = (Field, ArrayRef)>) -> RecordBatch {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns fit their fields")
}

/// A plugin with its parameters and inputs.
pub struct Harness<P> {
    params: String,
    tables: Vec<(String, RecordBatch)>,
    blobs: Vec<(String, String, Vec<u8>)>,
    batch_rows: usize,
    plugin: PhantomData<P>,
}

/// What `bind` declared.
pub struct Bound {
    /// One for each output, in the descriptor's order.
    pub outputs: Vec<TableSchema>,
    pub reads: Vec<Read>,
    pub pieces: u32,
    /// Warnings, in order.
    pub warnings: Vec<String>,
}

/// What a run wrote.
pub struct Outputs {
    ports: Vec<(String, Arc<Schema>, Vec<RecordBatch>)>,
    /// Warnings, in order.
    pub warnings: Vec<String>,
}

impl Outputs {
    /// All that went to output `port`, as one batch.
    ///
    /// # Panics
    /// When there is no such output.
    pub fn table(&self, port: &str) -> RecordBatch {
        let (_, schema, partitions) = self.find(port);
        memory::concat(schema, partitions)
    }

    /// What went to output `port`, by partition.
    ///
    /// # Panics
    /// When there is no such output.
    pub fn partitions(&self, port: &str) -> &[RecordBatch] {
        &self.find(port).2
    }

    fn find(&self, port: &str) -> &(String, Arc<Schema>, Vec<RecordBatch>) {
        self.ports.iter().find(|(name, ..)| name == port).expect("an output of the descriptor")
    }
}

impl<P: Plugin> Harness<P> {
    /// `params` is the JSON object that would stand under `with:`.
    pub fn new(params: impl ToString) -> Self {
        Self {
            params: params.to_string(),
            tables: Vec::new(),
            blobs: Vec::new(),
            batch_rows: usize::MAX,
            plugin: PhantomData,
        }
    }

    /// Connects a table to input `port`.
    #[must_use]
    pub fn table(mut self, port: &str, table: RecordBatch) -> Self {
        self.tables.push((port.to_owned(), table));
        self
    }

    /// Connects a file to input `port`.
    #[must_use]
    pub fn blob(mut self, port: &str, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.blobs.push((port.to_owned(), name.to_owned(), bytes.into()));
        self
    }

    /// Hands tables over in batches of at most so many rows.
    #[must_use]
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = rows.max(1);
        self
    }

    fn params(&self) -> Result<P::Params> {
        skyloom_plugin::serde_json::from_str(&self.params).map_err(|error| Error::param("", error))
    }

    /// What the plugin declares about these parameters and inputs.
    ///
    /// # Errors
    /// The plugin's.
    pub fn bind(&self) -> Result<Bound> {
        // In the descriptor's order, as the host hands them over.
        let descriptor = P::describe();
        let mut inputs = Vec::new();
        for port in &descriptor.inputs {
            if let Some((_, table)) = self.tables.iter().find(|(name, _)| name == port.name) {
                let fields = table.schema_ref().fields().clone();
                inputs.push((port.name.to_owned(), Shape::Table(fields)));
            }
            if let Some((_, name, bytes)) = self.blobs.iter().find(|(name, ..)| name == port.name) {
                let blob = Blob::new(Box::new(MemoryBlob(name.clone(), bytes.clone())));
                inputs.push((port.name.to_owned(), Shape::Blob(blob)));
            }
        }
        let mut bind = Bind::new(&descriptor, inputs);
        P::bind(&self.params()?, &mut bind)?;
        let warnings = bind.warnings().to_vec();
        let (outputs, reads, pieces) = bind.finish();
        Ok(Bound { outputs, reads, pieces, warnings })
    }

    /// Binds and runs all pieces, as a host would: undeclared reads are refused, outputs
    /// are checked against what `bind` said.
    ///
    /// # Errors
    /// The plugin's.
    pub fn run(&self) -> Result<Outputs> {
        let bound = self.bind()?;
        let descriptor = P::describe();
        let connected: Vec<_> = descriptor
            .inputs
            .iter()
            .filter(|port| {
                self.tables.iter().any(|(name, _)| name == port.name)
                    || self.blobs.iter().any(|(name, ..)| name == port.name)
            })
            .collect();
        let mut ports: Vec<_> = descriptor
            .outputs
            .iter()
            .zip(&bound.outputs)
            .map(|(port, table)| {
                (port.name.to_owned(), Arc::new(Schema::new(table.fields.clone())), Vec::new())
            })
            .collect();
        let warnings = Rc::new(RefCell::new(Vec::new()));
        for piece in 0..bound.pieces.max(1) {
            let tables = self.tables.iter().map(|(port, table)| {
                let input = connected.iter().position(|known| known.name == port);
                let input = input.expect("a table input of the descriptor") as u32;
                let fields = memory::visible(table.schema_ref().fields(), input, &bound.reads);
                let source = MemoryTable::new(table, input, &bound.reads, self.batch_rows);
                (port.clone(), Reader::new(port, fields, Box::new(source)))
            });
            let blobs = self.blobs.iter().map(|(port, name, bytes)| {
                let bytes = MemoryBlob(name.clone(), bytes.clone());
                (port.clone(), Blob::new(Box::new(bytes)))
            });
            let sinks: Vec<_> = bound
                .outputs
                .iter()
                .map(|table| Rc::new(RefCell::new(memory::Written::new(table.clone()))))
                .collect();
            let writers = descriptor.outputs.iter().zip(&sinks).map(|(port, written)| {
                let types = written.borrow().new_types();
                let sink = MemorySink(Rc::clone(written));
                (port.name.to_owned(), Writer::new(types, Box::new(sink)))
            });
            let mut task = Task::new(
                tables.collect(),
                blobs.collect(),
                writers.collect(),
                (piece, bound.pieces.max(1)),
                Box::new(Log(Rc::clone(&warnings))),
            );
            P::run(&self.params()?, &mut task)?;
            drop(task);
            for ((_, schema, partitions), written) in ports.iter_mut().zip(&sinks) {
                partitions.extend(written.borrow_mut().finish(schema));
            }
        }
        let warnings = warnings.borrow().clone();
        Ok(Outputs { ports, warnings })
    }

    /// Whether every input is a table and runs are independent of one another.
    fn is_partition_scoped(&self) -> bool {
        let descriptor = P::describe();
        descriptor.scope == Scope::Partition
            && descriptor.inputs.iter().all(|port| port.kind != PortKind::Blob)
    }
}
