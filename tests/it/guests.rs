//! Guests in this process: one call of a component on tables in memory.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use skyloom::data::{ObjectStore, Table};
use skyloom::instance::{
    Binding, BoundInput, Component, Engine, InstanceError, Limits, RunInput, RunReport, Task,
    Threads, Watch,
};
use skyloom::registry::{self, Project};

use crate::support::root;

/// One engine for the process.
static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| skyloom::run::engine().expect("this machine runs WebAssembly"));

pub(crate) fn engine() -> &'static Engine {
    &ENGINE
}

/// The guest in `tests/guests/NAME`, built if it is stale.
pub(crate) fn build(name: &str) -> Component {
    load(&path_of(name))
}

/// Where its component lies, once it is built.
pub(crate) fn path_of(name: &str) -> PathBuf {
    let (project, folder) = (Project::around(&root()), root().join("tests/guests").join(name));
    registry::build(&project, &[&folder]).expect("the guest compiles");
    registry::component_path(&project, &folder).expect("the guest has a name")
}

/// The component at `path`.
pub(crate) fn load(path: &Path) -> Component {
    registry::load_file(&ENGINE, path).expect("the component is a plugin")
}

/// A folder for tables.
pub(crate) struct Store {
    objects: ObjectStore,
    _folder: tempfile::TempDir,
}

impl Store {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let objects = ObjectStore::open(folder.path()).expect("folders can be made");
        Self { objects, _folder: folder }
    }

    /// A table of one partition.
    pub(crate) fn table(&self, schema: &SchemaRef, batches: &[RecordBatch]) -> Table {
        let mut writer = self.objects.writer(schema.clone()).expect("a file can be made");
        for batch in batches {
            writer.push(batch.clone()).expect("it can be written");
        }
        let partitions = vec![Arc::new(writer.finish().expect("it can be written"))];
        Table { schema: schema.clone(), partitions }
    }

    /// Binds `component` to `table` and runs it: the binding, and its first output.
    pub(crate) fn run(
        &self,
        component: &Component,
        params: &str,
        table: &Table,
        batch_rows: usize,
    ) -> Result<(Binding, Table), InstanceError> {
        let (binding, report) = self.report(component, params, table, batch_rows)?;
        let schema = Arc::new(Schema::new(binding.outputs[0].fields.clone()));
        Ok((binding, Table { schema, partitions: report.outputs[0].clone() }))
    }

    /// The same, and all that is known of the run.
    pub(crate) fn report(
        &self,
        component: &Component,
        params: &str,
        table: &Table,
        batch_rows: usize,
    ) -> Result<(Binding, RunReport), InstanceError> {
        self.report_within(component, params, table, batch_rows, Limits::default())
    }

    /// The same, with limits of its own.
    pub(crate) fn report_within(
        &self,
        component: &Component,
        params: &str,
        table: &Table,
        batch_rows: usize,
        limits: Limits,
    ) -> Result<(Binding, RunReport), InstanceError> {
        self.report_with(component, params, table, batch_rows, limits, None)
    }

    /// The same, with threads for kernels to borrow.
    pub(crate) fn report_with(
        &self,
        component: &Component,
        params: &str,
        table: &Table,
        batch_rows: usize,
        limits: Limits,
        threads: Option<&Arc<Threads>>,
    ) -> Result<(Binding, RunReport), InstanceError> {
        let port = component.descriptor().inputs[0].name.clone();
        let bound = [(port.clone(), BoundInput::Table(table.schema.fields().clone()))];
        let binding = component.bind(params, &bound, Limits::default(), Arc::default())?;
        let is_read = |column: &usize| binding.reads.iter().any(|read| read.column == *column);
        let readable = (0..table.schema.fields().len()).filter(is_read).collect();
        let report = component.run(Task {
            params,
            piece: (0, 1),
            inputs: vec![(port, RunInput::Table(Arc::new(table.clone())), readable)],
            outputs: binding.outputs.clone(),
            objects: &self.objects,
            limits,
            watch: Arc::new(Watch::default()),
            batch_rows,
            threads,
            may_cut: false,
        })?;
        Ok((binding, report))
    }
}

/// All batches of `table`, as they lie on disk.
pub(crate) fn batches(table: &Table) -> Vec<RecordBatch> {
    let batches = table.partitions.iter().map(|object| object.batches().expect("it can be read"));
    batches.flatten().collect::<Result<_, _>>().expect("it can be read")
}
