//! A plugin out of what componentize-qjs makes of it.
//!
//! That is two components in one: the plugin, and a stand-in for what loaded its modules while it
//! was built. The host takes plugins of one component only. So the plugin is taken alone, and
//! where it would call for modules it gives up: all were loaded.

use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent, component_utils};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, Component, ComponentAliasSection, ComponentExportSection,
    ComponentImportSection, ExportKind, InstanceSection, ModuleArg, RawSection,
};
use wasmparser::{CanonicalFunction, ComponentAlias, ComponentExternalKind, Parser, Payload};

const LOADER: &str = "local:init/module-loader";
/// What started the engine, once.
const START: &str = "init";
const GIVES_UP: &str = r#"(module
    (func (export "resolve") (param i32 i32 i32 i32 i32) unreachable)
    (func (export "load") (param i32 i32 i32) unreachable))"#;

/// The plugin in `whole`.
///
/// # Errors
/// When there is none.
pub(super) fn alone(whole: &[u8]) -> Result<Vec<u8>, String> {
    let inner = inner(whole).map_err(|error| error.to_string())?;
    let inner = inner.ok_or("the builder made no component of a plugin")?;
    let mut component = Component::new();
    let mut alone = Alone::default();
    alone
        .parse_component(&mut component, Parser::new(0), inner)
        .map_err(|error| error.to_string())?;
    Ok(component.finish())
}

/// The first component inside.
fn inner(whole: &[u8]) -> Result<Option<&[u8]>, wasmparser::BinaryReaderError> {
    for payload in Parser::new(0).parse_all(whole) {
        if let Payload::ComponentSection { unchecked_range, .. } = payload? {
            return Ok(Some(&whole[unchecked_range.start as usize..unchecked_range.end as usize]));
        }
    }
    Ok(None)
}

/// Goes through the plugin's component, with an eye on how things are counted.
#[derive(Default)]
struct Alone {
    modules: u32,
    instances: u32,
    component_instances: u32,
    functions: u32,
    /// The place of the loader among instances of components.
    loader: Option<u32>,
    /// Functions that are not there any more: their places, and their names if the loader had them.
    gone: Vec<(u32, Option<String>)>,
    /// The places of the module that gives up, and of its instance.
    stand_in: Option<(u32, u32)>,
}

impl Alone {
    fn name_of(&self, function: u32) -> Option<&str> {
        let found = self.gone.iter().find(|(place, _)| *place == function);
        found.and_then(|(_, name)| name.as_deref())
    }

    /// The instance that gives up, made where it is needed first.
    fn stand_in(&mut self, component: &mut Component) -> u32 {
        if let Some((_, instance)) = self.stand_in {
            return instance;
        }
        let module = wat::parse_str(GIVES_UP).expect("it is written above");
        component.section(&RawSection { id: 1, data: &module });
        let mut instances = InstanceSection::new();
        instances.instantiate(self.modules, std::iter::empty::<(&str, ModuleArg)>());
        component.section(&instances);
        self.stand_in = Some((self.modules, self.instances));
        self.instances
    }

    fn imports(
        &mut self,
        component: &mut Component,
        section: wasmparser::ComponentImportSectionReader<'_>,
    ) -> Result<(), Error> {
        let mut imports = ComponentImportSection::new();
        for import in section {
            let import = import?;
            if import.name.name == LOADER {
                self.loader = Some(self.component_instances);
            } else {
                let kind = self.component_type_ref(import.ty)?;
                imports.import(import.name.name, kind);
            }
            self.component_instances += 1;
        }
        component.section(&imports);
        Ok(())
    }

    fn aliases(
        &mut self,
        component: &mut Component,
        section: wasmparser::ComponentAliasSectionReader<'_>,
    ) -> Result<(), Error> {
        let mut aliases = ComponentAliasSection::new();
        for alias in section {
            let alias = alias?;
            if let ComponentAlias::InstanceExport { kind, instance_index, name } = alias {
                let is_function = kind == ComponentExternalKind::Func;
                self.functions += u32::from(is_function);
                self.component_instances += u32::from(kind == ComponentExternalKind::Instance);
                if is_function && Some(instance_index) == self.loader {
                    self.gone.push((self.functions - 1, Some(name.to_owned())));
                    continue;
                }
            }
            aliases.alias(self.component_alias(alias)?);
        }
        component.section(&aliases);
        Ok(())
    }

    fn canonical(
        &mut self,
        component: &mut Component,
        section: wasmparser::ComponentCanonicalSectionReader<'_>,
    ) -> Result<(), Error> {
        let mut functions = CanonicalFunctionSection::new();
        for function in section {
            let function = function?;
            if let CanonicalFunction::Lower { func_index, .. } = &function
                && let Some(name) = self.name_of(*func_index).map(str::to_owned)
            {
                component.section(&std::mem::take(&mut functions));
                let instance = self.stand_in(component);
                let mut aliases = ComponentAliasSection::new();
                let kind = ExportKind::Func;
                aliases.alias(Alias::CoreInstanceExport { instance, kind, name: &name });
                component.section(&aliases);
                continue;
            }
            self.functions += u32::from(matches!(function, CanonicalFunction::Lift { .. }));
            self.parse_component_canonical(&mut functions, function)?;
        }
        component.section(&functions);
        Ok(())
    }

    fn exports(
        &mut self,
        component: &mut Component,
        section: wasmparser::ComponentExportSectionReader<'_>,
    ) -> Result<(), Error> {
        let mut exports = ComponentExportSection::new();
        for export in section {
            let export = export?;
            let is_function = export.kind == ComponentExternalKind::Func;
            self.functions += u32::from(is_function);
            self.component_instances += u32::from(export.kind == ComponentExternalKind::Instance);
            if is_function && export.name.name == START {
                self.gone.push((self.functions - 1, None));
                continue;
            }
            self.parse_component_export(&mut exports, export)?;
        }
        component.section(&exports);
        Ok(())
    }
}

impl Reencode for Alone {
    type Error = Infallible;
}

impl ReencodeComponent for Alone {
    fn component_instance_index(&mut self, index: u32) -> u32 {
        index - u32::from(self.loader.is_some_and(|loader| index > loader))
    }

    fn component_func_index(&mut self, index: u32) -> u32 {
        index - self.gone.iter().filter(|(place, _)| *place < index).count() as u32
    }

    fn module_index(&mut self, index: u32) -> u32 {
        index + u32::from(self.stand_in.is_some_and(|(module, _)| index >= module))
    }

    fn instance_index(&mut self, index: u32) -> u32 {
        index + u32::from(self.stand_in.is_some_and(|(_, instance)| index >= instance))
    }

    fn parse_component_payload(
        &mut self,
        component: &mut Component,
        payload: Payload<'_>,
        whole: &[u8],
    ) -> Result<(), Error> {
        match payload {
            Payload::ComponentImportSection(section) => self.imports(component, section),
            Payload::ComponentAliasSection(section) => self.aliases(component, section),
            Payload::ComponentCanonicalSection(section) => self.canonical(component, section),
            Payload::ComponentExportSection(section) => self.exports(component, section),
            // What parts are called is nobody's business.
            Payload::CustomSection(_) => Ok(()),
            payload => {
                let made = match &payload {
                    Payload::InstanceSection(section) => (section.count(), 0),
                    Payload::ComponentInstanceSection(section) => (0, section.count()),
                    _ => (0, 0),
                };
                component_utils::parse_component_payload(self, component, payload, whole)?;
                self.instances += made.0;
                self.component_instances += made.1;
                Ok(())
            }
        }
    }

    fn parse_component_submodule(
        &mut self,
        component: &mut Component,
        _: Parser,
        module: &[u8],
    ) -> Result<(), Error> {
        component.section(&RawSection { id: 1, data: module });
        self.modules += 1;
        Ok(())
    }

    fn parse_component_subcomponent(
        &mut self,
        component: &mut Component,
        _: Parser,
        inner: &[u8],
        _: &[u8],
    ) -> Result<(), Error> {
        component.section(&RawSection { id: 4, data: inner });
        Ok(())
    }
}
