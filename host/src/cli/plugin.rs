//! `skyloom plugin`: making, building, testing and looking at plugins.

mod info;
mod new;
mod registry;
mod sign;
mod templates;
mod test;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::text::{self, Side, grid};
use super::{End, render};
use crate::fault::suggestion;
use crate::instance::{Component, Engine};
use crate::registry::{Opened, PluginSource, Project, Registry, RegistryError};
use crate::run::{self, RunError};
use crate::trust::{Trust, Verdict};

#[derive(Debug, Args)]
pub(super) struct PluginArgs {
    #[command(subcommand)]
    verb: PluginVerb,
}

#[derive(Debug, Subcommand)]
enum PluginVerb {
    /// Start a plugin that builds and passes its own tests.
    New(new::NewArgs),
    /// Build the components of plugins whose sources changed.
    Build(BuildArgs),
    /// What a plugin is, takes, gives and could look at.
    Info(info::InfoArgs),
    /// Check a component, then run its package's own tests.
    Test(test::TestArgs),
    /// Put a plugin into a registry.
    Publish(registry::PublishArgs),
    /// Get a plugin from a registry, so that workflows can name it.
    Pull(registry::PullArgs),
    /// List the plugins of a registry.
    Search(registry::SearchArgs),
    /// Make a pair of keys to sign plugins with.
    Keygen(sign::KeygenArgs),
    /// Sign a component.
    Sign(sign::SignArgs),
    /// Say who signed a component, and whether that is right.
    Verify(sign::VerifyArgs),
}

#[derive(Debug, Args)]
struct BuildArgs {
    /// Names or folders of plugins [default: all of the project].
    #[arg(value_name = "PLUGIN")]
    plugins: Vec<String>,
    /// Print results as JSON.
    #[arg(long)]
    json: bool,
}

impl PluginArgs {
    pub(super) fn json(&self) -> bool {
        match &self.verb {
            PluginVerb::New(args) => args.json,
            PluginVerb::Build(args) => args.json,
            PluginVerb::Info(args) => args.json,
            PluginVerb::Test(args) => args.state.json,
            PluginVerb::Publish(args) => args.json(),
            PluginVerb::Pull(args) => args.json(),
            PluginVerb::Search(args) => args.json(),
            PluginVerb::Keygen(args) => args.json,
            PluginVerb::Sign(args) => args.json,
            PluginVerb::Verify(args) => args.json,
        }
    }
}

pub(super) fn plugin(args: &PluginArgs) -> Result<End, RunError> {
    match &args.verb {
        PluginVerb::New(args) => new::new(args),
        PluginVerb::Build(args) => build(args),
        PluginVerb::Info(args) => info::info(args),
        PluginVerb::Test(args) => test::test(args),
        PluginVerb::Publish(args) => registry::publish(args),
        PluginVerb::Pull(args) => registry::pull(args),
        PluginVerb::Search(args) => registry::search(args),
        PluginVerb::Keygen(args) => sign::keygen(args),
        PluginVerb::Sign(args) => sign::sign(args),
        PluginVerb::Verify(args) => sign::verify(args),
    }
}

/// The plugins that can be named from the current folder.
pub(super) struct Shelf {
    project: Project,
    engine: Engine,
    trust: Trust,
}

/// A plugin, built and loaded.
pub(super) struct Loaded {
    pub(super) component: Component,
    /// Why it may run.
    verdict: Verdict,
    /// The component's file.
    path: PathBuf,
    bytes: u64,
}

impl Shelf {
    pub(super) fn here() -> Result<Self, RunError> {
        let project = Project::around(Path::new("."));
        let trust = Trust::read(&project.root).map_err(RunError::Faults)?;
        Ok(Self { project, engine: run::engine()?, trust })
    }

    fn registry(&self) -> Registry<'_> {
        Registry::new(&self.engine, self.project.clone(), self.trust.clone())
    }

    /// What `reference` means: a plugin of the project, the folder of a package, or a
    /// component.
    fn find(&self, reference: &str) -> Result<PluginSource, RunError> {
        let registry = self.registry();
        registry.find(reference, Path::new("")).or_else(|error| match error {
            RegistryError::Unknown { name, known } => {
                // `square` may be a folder here.
                let folder = Path::new(reference);
                if crate::registry::is_package(folder) {
                    return Ok(PluginSource::Folder(folder.to_owned()));
                }
                let help = suggestion(&name, known.iter().map(String::as_str));
                Err(RunError::Usage(format!("there is no plugin `{name}` in this project; {help}")))
            }
            other => Err(other.into()),
        })
    }

    /// Where the component of `source` is, once it is built.
    fn component_path(&self, source: &PluginSource) -> Result<PathBuf, RunError> {
        Ok(match source {
            PluginSource::File(path) => path.clone(),
            PluginSource::Folder(folder) => {
                crate::registry::component_path(&self.project_of(folder), folder)?
            }
        })
    }

    /// A package elsewhere belongs to the project around it.
    fn project_of(&self, folder: &Path) -> Project {
        let inside = folder.canonicalize().is_ok_and(|path| path.starts_with(&self.project.root));
        if inside { self.project.clone() } else { Project::around(folder) }
    }

    /// Builds those of `sources` that are stale.
    fn build(&self, sources: &[PluginSource]) -> Result<(), RunError> {
        let mut by_project: Vec<(Project, Vec<&Path>)> = Vec::new();
        for source in sources {
            let PluginSource::Folder(folder) = source else { continue };
            let project = self.project_of(folder);
            match by_project.iter_mut().find(|(known, _)| *known == project) {
                Some((_, folders)) => folders.push(folder),
                None => by_project.push((project, vec![folder])),
            }
        }
        for (project, folders) in by_project {
            crate::registry::build(&project, &folders)?;
        }
        Ok(())
    }

    fn open(&self, source: &PluginSource) -> Result<Loaded, RunError> {
        let path = self.component_path(source)?;
        let Opened { component, verdict } = self.registry().open(&path)?;
        let bytes = component.bytes().len() as u64;
        Ok(Loaded { component, verdict, path, bytes })
    }

    /// The component that `reference` names, built if it is stale; not looked at yet.
    fn built(&self, reference: &str) -> Result<PathBuf, RunError> {
        let source = self.find(reference)?;
        self.build(std::slice::from_ref(&source))?;
        self.component_path(&source)
    }

    /// The plugin that `reference` names, built if it is stale.
    pub(super) fn load(&mut self, reference: &str) -> Result<Loaded, RunError> {
        let source = self.find(reference)?;
        self.build(std::slice::from_ref(&source))?;
        self.open(&source)
    }

    /// All plugins of the project, built if they are stale.
    pub(super) fn load_all(&self) -> Result<Vec<Loaded>, RunError> {
        self.build_all()?.iter().map(|source| self.open(source)).collect()
    }

    /// Builds all plugins of the project that can be built here, and gives those. Who works in
    /// one language need not have the tools of the others: what is missing is said.
    fn build_all(&self) -> Result<Vec<PluginSource>, RunError> {
        let mut built = Vec::new();
        for source in self.all() {
            match self.build(std::slice::from_ref(&source)) {
                Ok(()) => built.push(source),
                Err(RunError::Registry(missing @ RegistryError::NoTool { .. })) => {
                    render::note(&format!("left out: {missing}"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(built)
    }

    fn all(&self) -> Vec<PluginSource> {
        let names = self.project.plugin_names();
        names.iter().filter_map(|name| self.project.plugin(name)).collect()
    }
}

fn build(args: &BuildArgs) -> Result<End, RunError> {
    let shelf = Shelf::here()?;
    let sources = match args.plugins.as_slice() {
        [] => shelf.build_all()?,
        named => named.iter().map(|name| shelf.find(name)).collect::<Result<_, _>>()?,
    };
    if sources.is_empty() {
        let root = shelf.project.root.display();
        return Err(RunError::Usage(format!(
            "no plugins in {root}; name the folder of one, or go to a project's folder"
        )));
    }
    shelf.build(&sources)?;
    let built = sources.iter().map(|source| shelf.open(source)).collect::<Result<Vec<_>, _>>()?;
    if args.json {
        let each = built.iter().map(|plugin| {
            let descriptor = plugin.component.descriptor();
            json!({
                "name": descriptor.name,
                "version": descriptor.version,
                "component": plugin.path,
                "bytes": plugin.bytes,
                "digest": plugin.component.digest,
            })
        });
        render::json(&each.collect());
        return Ok(End::Ok);
    }
    let rows: Vec<_> = built
        .iter()
        .map(|plugin| {
            let descriptor = plugin.component.descriptor();
            vec![
                format!("{}@{}", descriptor.name, descriptor.version),
                text::size(plugin.bytes),
                plugin.component.digest.short(),
                plugin.path.display().to_string(),
            ]
        })
        .collect();
    render::out(&grid(&rows, &[Side::Left, Side::Right], 0));
    Ok(End::Ok)
}
