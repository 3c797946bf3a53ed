//! The parts of a component in one order.
//!
//! componentize-py gives stand-ins to what its interpreter imports from WASI: a module for each
//! interface, in an order that differs each time, and in each its functions, too. Here they
//! are put in the order of their names, and the clocks among them are made to count.

use std::collections::BTreeMap;
use std::ops::Range;

use wasm_encoder::{
    Alias, CodeSection, Component, ComponentAliasSection, ComponentExportKind,
    ComponentOuterAliasKind, ExportKind, ExportSection, Function, FunctionSection, InstanceSection,
    Module, ModuleArg, ModuleSection, RawSection, TypeSection, ValType,
};
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ExternalKind, FuncType, Instance, Parser, Payload,
};

/// `component`, with its stand-ins in one order, and without what its parts are called.
///
/// # Errors
/// When it is no component of componentize-py.
pub(super) fn settle(component: &[u8]) -> Result<Vec<u8>, String> {
    let parts = parts(component).map_err(|error| error.to_string())?;
    let modules = parts.iter().filter_map(|part| match part {
        Part::Module(range) => Some(&component[range.clone()]),
        _ => None,
    });
    let mut stand_ins = BTreeMap::new();
    for (index, module) in modules.enumerate() {
        if let Some(functions) = StandIn::of(module) {
            stand_ins.insert(index as u32, functions);
        }
    }
    let order = Order::new(&stand_ins, &parts)?;
    let mut settled = Component::new();
    let mut module = 0;
    for part in &parts {
        match part {
            Part::Module(range) => {
                match stand_ins.get(&order.modules.at(module)) {
                    Some(stand_in) => settled.section(&ModuleSection(&stand_in.module())),
                    None => settled.section(&RawSection { id: 1, data: &component[range.clone()] }),
                };
                module += 1;
            }
            Part::Instances(instances) => {
                settled.section(&order.instances(instances));
            }
            Part::Aliases(aliases) => {
                settled.section(&order.aliases(aliases)?);
            }
            Part::Other(id, range) => {
                settled.section(&RawSection { id: *id, data: &component[range.clone()] });
            }
        }
    }
    Ok(settled.finish())
}

/// A section of a component.
enum Part<'a> {
    Module(Range<usize>),
    Instances(Vec<Instance<'a>>),
    Aliases(Vec<ComponentAlias<'a>>),
    Other(u8, Range<usize>),
}

fn parts(component: &[u8]) -> Result<Vec<Part<'_>>, wasmparser::BinaryReaderError> {
    let mut parts = Vec::new();
    let mut inside = 0;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if inside > 0 {
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => inside += 1,
                Payload::End(_) => inside -= 1,
                _ => {}
            }
            continue;
        }
        let range = |range: &Range<u64>| range.start as usize..range.end as usize;
        match payload {
            Payload::ModuleSection { unchecked_range, .. } => {
                parts.push(Part::Module(range(&unchecked_range)));
                inside += 1;
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                parts.push(Part::Other(4, range(&unchecked_range)));
                inside += 1;
            }
            Payload::InstanceSection(reader) => {
                parts.push(Part::Instances(reader.into_iter().collect::<Result<_, _>>()?));
            }
            Payload::ComponentAliasSection(reader) => {
                parts.push(Part::Aliases(reader.into_iter().collect::<Result<_, _>>()?));
            }
            Payload::CustomSection(_) => {}
            other => {
                if let Some((id, found)) = other.as_section() {
                    parts.push(Part::Other(id, range(&found)));
                }
            }
        }
    }
    Ok(parts)
}

/// A module that imports nothing, and whose functions all give up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct StandIn(Vec<(String, Vec<Value>, Vec<Value>)>);

/// A type of a parameter or result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    I32,
    I64,
    F32,
    F64,
}

impl StandIn {
    fn of(module: &[u8]) -> Option<Self> {
        let (mut types, mut functions, mut exports) = (Vec::new(), Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(module) {
            match payload.ok()? {
                Payload::TypeSection(reader) => {
                    for found in reader.into_iter_err_on_gc_types() {
                        types.push(found.ok()?);
                    }
                }
                Payload::FunctionSection(reader) => {
                    functions = reader.into_iter().collect::<Result<_, _>>().ok()?;
                }
                Payload::ExportSection(reader) => {
                    for export in reader {
                        let export = export.ok()?;
                        (export.kind == ExternalKind::Func).then_some(())?;
                        exports.push((export.name.to_owned(), export.index as usize));
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    // No locals; `unreachable`; `end`.
                    (body.as_bytes() == [0, 0, 0x0b]).then_some(())?;
                }
                Payload::Version { .. }
                | Payload::CodeSectionStart { .. }
                | Payload::CustomSection(_)
                | Payload::End(_) => {}
                _ => return None,
            }
        }
        let mut found = Vec::with_capacity(exports.len());
        for (name, index) in exports {
            let function: &u32 = functions.get(index)?;
            let kind: &FuncType = types.get(*function as usize)?;
            found.push((name, values(kind.params())?, values(kind.results())?));
        }
        found.sort();
        (!found.is_empty()).then_some(Self(found))
    }

    /// Its functions in the order of their names. A clock that gives a number counts calls.
    fn module(&self) -> Module {
        let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
        let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
        let mut globals = wasm_encoder::GlobalSection::new();
        globals.global(
            wasm_encoder::GlobalType { val_type: ValType::I64, mutable: true, shared: false },
            &wasm_encoder::ConstExpr::i64_const(0),
        );
        for (index, (name, params, results)) in self.0.iter().enumerate() {
            types.ty().function(encoded(params), encoded(results));
            functions.function(index as u32);
            exports.export(name, ExportKind::Func, index as u32);
            let mut function = Function::new([]);
            match (name.as_str(), params.as_slice(), results.as_slice()) {
                ("now" | "resolution", [], [Value::I64]) => {
                    // A microsecond later than when last asked.
                    let mut body = function.instructions();
                    body.global_get(0).i64_const(1000).i64_add().global_set(0).global_get(0).end();
                }
                _ => {
                    function.instructions().unreachable().end();
                }
            }
            code.function(&function);
        }
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&globals).section(&exports);
        module.section(&code);
        module
    }
}

fn values(types: &[wasmparser::ValType]) -> Option<Vec<Value>> {
    let value = |kind: &wasmparser::ValType| match kind {
        wasmparser::ValType::I32 => Some(Value::I32),
        wasmparser::ValType::I64 => Some(Value::I64),
        wasmparser::ValType::F32 => Some(Value::F32),
        wasmparser::ValType::F64 => Some(Value::F64),
        _ => None,
    };
    types.iter().map(value).collect()
}

fn encoded(values: &[Value]) -> Vec<ValType> {
    let value = |value: &Value| match value {
        Value::I32 => ValType::I32,
        Value::I64 => ValType::I64,
        Value::F32 => ValType::F32,
        Value::F64 => ValType::F64,
    };
    values.iter().map(value).collect()
}

/// Where things go that change their places; all others stay.
#[derive(Default)]
struct Moves {
    /// New place by old one.
    to: BTreeMap<u32, u32>,
    /// Old place by new one.
    from: BTreeMap<u32, u32>,
}

impl Moves {
    /// `places`, given in the order that they shall have, take each other's places.
    fn new(places: &[u32]) -> Self {
        let mut sorted = places.to_vec();
        sorted.sort_unstable();
        let pairs = || places.iter().copied().zip(sorted.iter().copied());
        Self { to: pairs().collect(), from: pairs().map(|(old, new)| (new, old)).collect() }
    }

    fn of(&self, old: u32) -> u32 {
        self.to.get(&old).copied().unwrap_or(old)
    }

    fn at(&self, new: u32) -> u32 {
        self.from.get(&new).copied().unwrap_or(new)
    }
}

/// How modules and their instances change places.
struct Order {
    modules: Moves,
    instances: Moves,
    /// The first instance of a section, by the section's own first.
    all: Vec<Placed>,
}

/// What an instance is made of, if of a module and nothing else.
type Placed = Option<u32>;

impl Order {
    fn new(stand_ins: &BTreeMap<u32, StandIn>, parts: &[Part<'_>]) -> Result<Self, String> {
        let mut sorted: Vec<_> =
            stand_ins.iter().map(|(index, stand_in)| (stand_in, *index)).collect();
        sorted.sort();
        let modules: Vec<u32> = sorted.iter().map(|(_, index)| *index).collect();
        let mut all: Vec<Placed> = Vec::new();
        for part in parts {
            let Part::Instances(instances) = part else { continue };
            all.extend(instances.iter().map(|instance| match instance {
                Instance::Instantiate { module_index, args } if args.is_empty() => {
                    Some(*module_index)
                }
                _ => None,
            }));
        }
        let place = |module: &u32| {
            let found = all.iter().position(|made_of| *made_of == Some(*module));
            found.map(|index| index as u32).ok_or("a stand-in is not used")
        };
        let instances = modules.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { modules: Moves::new(&modules), instances: Moves::new(&instances), all })
    }

    fn instances(&self, instances: &[Instance<'_>]) -> InstanceSection {
        let mut section = InstanceSection::new();
        for instance in instances {
            match instance {
                Instance::Instantiate { module_index, args } => {
                    let args: Vec<_> = args
                        .iter()
                        .map(|arg| (arg.name, ModuleArg::Instance(self.instances.of(arg.index))))
                        .collect();
                    // Stand-ins are made one after the other, so in their new order, too.
                    section.instantiate(self.sorted(*module_index, args.is_empty()), args);
                }
                Instance::FromExports(exports) => {
                    let exports =
                        exports.iter().map(|export| (export.name, kind(export.kind), export.index));
                    section.export_items(exports.collect::<Vec<_>>());
                }
            }
        }
        section
    }

    /// The module that the instance has which is made where that of `module` was.
    fn sorted(&self, module: u32, is_bare: bool) -> u32 {
        let place = self.all.iter().position(|made_of| *made_of == Some(module));
        match place {
            Some(place) if is_bare => {
                let from = self.instances.at(place as u32) as usize;
                self.modules.of(self.all[from].unwrap_or(module))
            }
            _ => self.modules.of(module),
        }
    }

    fn aliases(&self, aliases: &[ComponentAlias<'_>]) -> Result<ComponentAliasSection, String> {
        let mut section = ComponentAliasSection::new();
        for alias in aliases {
            section.alias(match alias {
                ComponentAlias::InstanceExport { kind, instance_index, name } => {
                    let kind = component_kind(*kind)?;
                    Alias::InstanceExport { instance: *instance_index, kind, name }
                }
                ComponentAlias::CoreInstanceExport { kind: what, instance_index, name } => {
                    Alias::CoreInstanceExport {
                        instance: self.instances.of(*instance_index),
                        kind: kind(*what),
                        name,
                    }
                }
                ComponentAlias::Outer { kind, count, index } => {
                    let kind = match kind {
                        wasmparser::ComponentOuterAliasKind::CoreModule => {
                            ComponentOuterAliasKind::CoreModule
                        }
                        wasmparser::ComponentOuterAliasKind::CoreType => {
                            ComponentOuterAliasKind::CoreType
                        }
                        wasmparser::ComponentOuterAliasKind::Type => ComponentOuterAliasKind::Type,
                        wasmparser::ComponentOuterAliasKind::Component => {
                            ComponentOuterAliasKind::Component
                        }
                    };
                    Alias::Outer { kind, count: *count, index: *index }
                }
            });
        }
        Ok(section)
    }
}

fn kind(kind: ExternalKind) -> ExportKind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
        ExternalKind::Table => ExportKind::Table,
        ExternalKind::Memory => ExportKind::Memory,
        ExternalKind::Global => ExportKind::Global,
        ExternalKind::Tag => ExportKind::Tag,
    }
}

fn component_kind(kind: ComponentExternalKind) -> Result<ComponentExportKind, String> {
    Ok(match kind {
        ComponentExternalKind::Module => ComponentExportKind::Module,
        ComponentExternalKind::Func => ComponentExportKind::Func,
        ComponentExternalKind::Type => ComponentExportKind::Type,
        ComponentExternalKind::Instance => ComponentExportKind::Instance,
        ComponentExternalKind::Component => ComponentExportKind::Component,
        ComponentExternalKind::Value => return Err("it has values of components".to_owned()),
    })
}
