//! The component model's side of a plugin: contract types in and out. Compiled for guests
//! only, except for what the params schema needs.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, transform::RecursiveTransform};

/// JSON Schema of `P`, draft 2020-12, without the title that is the Rust type's name.
pub fn params_schema<P: JsonSchema>() -> String {
    let settings = SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(|schema: &mut schemars::Schema| {
            schema.remove("title");
        }))
        .with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<P>();
    schema.as_value().to_string()
}

/// Makes a type that implements [`Plugin`](crate::Plugin) the component's export.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Component;
            impl $crate::export::guest::Node for Component {
                fn describe() -> $crate::export::guest::Descriptor {
                    $crate::export::guest::describe::<$plugin>()
                }
                fn bind(
                    params: String,
                    inputs: Vec<$crate::export::guest::BoundInput>,
                ) -> Result<$crate::export::guest::Binding, $crate::export::guest::PluginError>
                {
                    $crate::export::guest::bind::<$plugin>(&params, inputs)
                }
                fn run(
                    params: String,
                    piece: $crate::export::guest::Piece,
                    inputs: Vec<$crate::export::guest::Input>,
                    outputs: Vec<$crate::export::guest::WitWriter>,
                ) -> Result<(), $crate::export::guest::PluginError> {
                    $crate::export::guest::run::<$plugin>(&params, piece, inputs, outputs)
                }
            }
    $crate::export::guest::export_component!(Component with_types_in $crate::export::guest);
        };
    };
}

#[cfg(target_arch = "wasm32")]
pub mod guest {
    use std::any::Any;
    use std::rc::Rc;

    use arrow_array::ArrayRef;
    use arrow_buffer::{BooleanBuffer, Buffer};
    use arrow_schema::{DataType, Fields};
    use skyloom_wire::{
        WireColumn, WireField, build_column, build_fields, flatten_column, flatten_fields,
    };

    use crate::bind::{Bind, Purpose, Shape};
    use crate::data::{self, Blob, ColumnCache, Reader, Rows, Writer};
    use crate::descriptor::{PortKind, Role, Scope};
    use crate::error::{Error, Result};
    use crate::plugin::{Content, Plugin, Task};

    wit_bindgen::generate!({
        path: "wit/v0.1",
        world: "plugin-with-kernels",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "skyloom_plugin::export::guest",
        ownership: Borrowing { duplicate_if_necessary: true },
        generate_all,
    });

    pub use exports::skyloom::plugin::node::{
        Binding, BoundInput, Descriptor, Guest as Node, Input, Piece, PluginError,
        Writer as WitWriter,
    };
    use exports::skyloom::plugin::node::{Content as WitContent, Shape as WitShape};
    use skyloom::plugin::data as host;
    use skyloom::plugin::{log, types};

    pub fn describe<P: Plugin>() -> Descriptor {
        let d = P::describe();
        let ports = |ports: &[crate::descriptor::Port]| {
            let port = |port: &crate::descriptor::Port| types::Port {
                name: port.name.to_owned(),
                kind: match port.kind {
                    PortKind::Table => types::PortKind::Table,
                    PortKind::WholeTable => types::PortKind::WholeTable,
                    PortKind::Blob => types::PortKind::Blob,
                },
                optional: port.optional,
                description: port.description.to_owned(),
            };
            ports.iter().map(port).collect()
        };
        Descriptor {
            name: d.name.to_owned(),
            version: d.version.to_owned(),
            description: d.description.to_owned(),
            role: match d.role {
                Role::Ingester => types::Role::Ingester,
                Role::FeatureExtractor => types::Role::FeatureExtractor,
                Role::Transformer => types::Role::Transformer,
                Role::Selector => types::Role::Selector,
                Role::Trainer => types::Role::Trainer,
                Role::Classifier => types::Role::Classifier,
                Role::Calibrator => types::Role::Calibrator,
                Role::Evaluator => types::Role::Evaluator,
                Role::Explainer => types::Role::Explainer,
                Role::Simulator => types::Role::Simulator,
                Role::Monitor => types::Role::Monitor,
            },
            scope: match d.scope {
                Scope::Partition => types::Scope::Partition,
                Scope::Whole => types::Scope::Whole,
            },
            inputs: ports(&d.inputs),
            outputs: ports(&d.outputs),
            params: super::params_schema::<P::Params>(),
            citations: d.citations.iter().map(|&citation| citation.to_owned()).collect(),
        }
    }

    pub fn bind<P: Plugin>(params: &str, inputs: Vec<BoundInput>) -> Result<Binding, PluginError> {
        tell_panics();
        let params = parse_params::<P>(params)?;
        Ok(to_binding(bind_shapes::<P>(&params, inputs)?)?)
    }

    fn bind_shapes<P: Plugin>(params: &P::Params, inputs: Vec<BoundInput>) -> Result<Bind> {
        let shape = |shape| match shape {
            WitShape::Table(fields) => to_fields(fields).map(Shape::Table),
            WitShape::Blob(blob) => Ok(Shape::Blob(Blob::new(Box::new(HostBlob(blob))))),
        };
        let inputs = inputs
            .into_iter()
            .map(|input| Ok((input.port, shape(input.shape)?)))
            .collect::<Result<_>>()?;
        let mut bind = Bind::new(&P::describe(), inputs);
        P::bind(params, &mut bind)?;
        for warning in bind.warnings() {
            log::log(log::Level::Warn, warning);
        }
        Ok(bind)
    }

    fn to_binding(bind: Bind) -> Result<Binding> {
        let (outputs, reads, pieces) = bind.finish();
        let outputs = outputs
            .into_iter()
            .map(|table| {
                let passed = table.passed.iter().map(|passed| types::Passed {
                    field: passed.field,
                    input: passed.input,
                    column: passed.column,
                });
                let passed = passed.collect();
                Ok(types::TableSchema { fields: from_fields(&table.fields.into())?, passed })
            })
            .collect::<Result<_>>()?;
        let read = |read: crate::bind::Read| types::Read {
            input: read.input,
            column: read.column,
            purpose: match read.purpose {
                Purpose::Feature => types::Purpose::Feature,
                Purpose::Label => types::Purpose::Label,
                Purpose::Key => types::Purpose::Key,
                Purpose::Weight => types::Purpose::Weight,
                Purpose::Value => types::Purpose::Value,
            },
        };
        Ok(Binding { outputs, reads: reads.into_iter().map(read).collect(), pieces })
    }

    pub fn run<P: Plugin>(
        params: &str,
        piece: Piece,
        inputs: Vec<Input>,
        outputs: Vec<WitWriter>,
    ) -> Result<(), PluginError> {
        tell_panics();
        let params = parse_params::<P>(params)?;
        let mut contents = Vec::with_capacity(inputs.len());
        for input in inputs {
            let content = match input.content {
                WitContent::Table(reader) => {
                    let fields = to_fields(reader.fields())?;
                    let table = HostTable { reader, types: types_of(&fields) };
                    Content::Table(Reader::new(&input.port, fields, Box::new(table)))
                }
                WitContent::Blob(blob) => Content::Blob(Blob::new(Box::new(HostBlob(blob)))),
            };
            contents.push((input.port, content));
        }
        let ports = P::describe().outputs;
        let mut writers = Vec::with_capacity(outputs.len());
        for (port, writer) in ports.iter().zip(outputs) {
            let types = types_of(&to_fields(writer.fields())?);
            writers.push((port.name.to_owned(), Writer::new(types, Box::new(HostSink(writer)))));
        }
        let mut task = Task {
            inputs: contents,
            outputs: writers,
            piece: (piece.index, piece.count),
            log: Box::new(HostLog),
        };
        Ok(P::run(&params, &mut task)?)
    }

    /// A panic is a trap without words; the host hears them first.
    fn tell_panics() {
        std::panic::set_hook(Box::new(|panic| {
            log::log(log::Level::Warn, &format!("it panicked: {panic}"));
        }));
    }

    fn types_of(fields: &Fields) -> Vec<DataType> {
        fields.iter().map(|field| field.data_type().clone()).collect()
    }

    fn parse_params<P: Plugin>(params: &str) -> Result<P::Params> {
        serde_json::from_str(params).map_err(|error| Error::param("", error))
    }

    fn to_fields(fields: Vec<types::Field>) -> Result<Fields> {
        let field = |field: types::Field| WireField {
            name: field.name,
            format: field.format,
            nullable: field.nullable,
            dictionary: field.dictionary,
            metadata: field.metadata,
            children: field.children,
        };
        build_fields(fields.into_iter().map(field).collect()).map_err(Error::failed)
    }

    fn from_fields(fields: &Fields) -> Result<Vec<types::Field>> {
        let field = |field: WireField| types::Field {
            name: field.name,
            format: field.format,
            nullable: field.nullable,
            dictionary: field.dictionary,
            metadata: field.metadata,
            children: field.children,
        };
        let flat = flatten_fields(fields).map_err(Error::data)?;
        Ok(flat.into_iter().map(field).collect())
    }

    fn to_array(columns: Vec<types::ColumnResult>, data_type: &DataType) -> Result<ArrayRef> {
        let column = |column: types::ColumnResult| WireColumn {
            rows: column.rows,
            validity: column.validity.map(Buffer::from_vec),
            buffers: column.buffers.into_iter().map(Buffer::from_vec).collect(),
        };
        build_column(data_type, &mut columns.into_iter().map(column)).map_err(Error::failed)
    }

    fn from_arrays(arrays: &[ArrayRef]) -> Vec<WireColumn> {
        let mut flat = Vec::with_capacity(arrays.len());
        for array in arrays {
            flatten_column(array.as_ref(), &mut flat);
        }
        flat
    }

    struct HostTable {
        reader: host::Reader,
        types: Vec<DataType>,
    }

    impl data::Table for HostTable {
        fn next(&mut self) -> Result<Option<Rc<dyn Rows>>> {
            let Some(batch) = self.reader.next()? else { return Ok(None) };
            let columns = ColumnCache::new(self.types.len());
            Ok(Some(Rc::new(HostRows { batch, columns })))
        }

        fn rewind(&mut self) {
            self.reader.rewind();
        }

        fn rows(&self) -> u64 {
            self.reader.rows()
        }
    }

    struct HostRows {
        batch: host::Batch,
        columns: ColumnCache,
    }

    impl Rows for HostRows {
        fn rows(&self) -> usize {
            self.batch.rows() as usize
        }

        fn column(&self, index: u32, data_type: &DataType) -> Result<ArrayRef> {
            self.columns.get(index, || to_array(self.batch.column(index)?, data_type))
        }

        fn as_any(&self) -> &dyn Any {
            self
        }
    }

    struct HostSink(host::Writer);

    /// Lends the buffers of `arrays` to `call`: the only copy is the host's.
    fn lend<T>(arrays: &[ArrayRef], call: impl FnOnce(&[types::ColumnParam<'_>]) -> T) -> T {
        let flat = from_arrays(arrays);
        let buffers: Vec<Vec<&[u8]>> = flat
            .iter()
            .map(|column| column.buffers.iter().map(Buffer::as_slice).collect())
            .collect();
        let columns: Vec<_> = flat
            .iter()
            .zip(&buffers)
            .map(|(column, buffers)| types::ColumnParam {
                rows: column.rows,
                validity: column.validity.as_ref().map(Buffer::as_slice),
                buffers,
            })
            .collect();
        call(&columns)
    }

    impl data::Sink for HostSink {
        fn put(&mut self, columns: &[ArrayRef]) -> Result<()> {
            Ok(lend(columns, |columns| self.0.put(columns))?)
        }

        fn derive(
            &mut self,
            from: &dyn Rows,
            keep: Option<&BooleanBuffer>,
            columns: &[ArrayRef],
        ) -> Result<()> {
            let from = from.as_any().downcast_ref::<HostRows>();
            let from = from.ok_or_else(|| Error::failed("batch of another run"))?;
            let keep = keep.map(BooleanBuffer::sliced);
            let keep = keep.as_ref().map(Buffer::as_slice);
            Ok(lend(columns, |columns| self.0.derive(&from.batch, keep, columns))?)
        }

        fn cut(&mut self) -> Result<()> {
            Ok(self.0.cut()?)
        }
    }

    struct HostBlob(host::Blob);

    impl data::Bytes for HostBlob {
        fn name(&self) -> String {
            self.0.name()
        }

        fn size(&self) -> u64 {
            self.0.size()
        }

        fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>> {
            Ok(self.0.read(offset, length)?)
        }
    }

    struct HostLog;

    impl data::Log for HostLog {
        fn warn(&self, message: &str) {
            log::log(log::Level::Warn, message);
        }

        fn info(&self, message: &str) {
            log::log(log::Level::Info, message);
        }

        fn progress(&self, done: u64, total: u64) {
            log::progress(done, total);
        }
    }

    impl From<host::IoError> for Error {
        fn from(error: host::IoError) -> Self {
            use host::IoError::{Denied, Invalid, Limit, Storage};
            let (Denied(message) | Invalid(message) | Limit(message) | Storage(message)) = error;
            Self::Host(message)
        }
    }

    impl From<Error> for PluginError {
        fn from(error: Error) -> Self {
            let column = |error: Box<crate::error::ColumnError>| types::ColumnError {
                input: error.input,
                column: error.column,
                param: error.param,
                expected: error.expected,
                found: error.found,
            };
            match error {
                Error::Param { param, message } => {
                    Self::Param(types::ParamError { param, message })
                }
                Error::MissingColumn(error) => Self::MissingColumn(column(error)),
                Error::WrongType(error) => Self::WrongType(column(error)),
                Error::WrongUnit(error) => Self::WrongUnit(column(error)),
                Error::Data(message) => Self::Data(message),
                Error::Failed(message) | Error::Host(message) => Self::Failed(message),
            }
        }
    }
}
