//! `skyloom plugin test`: what every component must hold to, then the package's own tests.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};

use super::super::text;
use super::super::{End, render};
use super::{Loaded, Shelf};
use crate::instance::{Descriptor, InstanceError, Limits, PortKind, Role, Watch};
use crate::registry::{PluginSource, RegistryError};
use crate::run::RunError;

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// A plugin of the project, the folder of a package, or a component.
    #[arg(value_name = "PLUGIN")]
    plugin: String,
    /// Print results as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// A promise, and how it is broken if it is.
struct Check {
    promise: &'static str,
    broken: Option<String>,
}

pub(super) fn test(args: &TestArgs) -> Result<End, RunError> {
    let shelf = Shelf::here()?;
    let source = shelf.find(&args.plugin)?;
    shelf.build(std::slice::from_ref(&source))?;
    let mut checks = match shelf.open(&source) {
        Ok(plugin) => {
            // Loading asks the plugin what it is; asking again must give the same answer.
            let again = shelf.open(&source)?;
            component_checks(&plugin, &again, expected_name(&shelf, &args.plugin, &source))
        }
        Err(RunError::Registry(RegistryError::Load { source, .. })) => {
            vec![Check {
                promise: "it is a component that speaks the contract",
                broken: Some(source.to_string()),
            }]
        }
        Err(error) => return Err(error),
    };
    if !args.json {
        checks.iter().for_each(|check| render::out(&line(check)));
    }
    if let PluginSource::Folder(folder) = &source {
        let check = own_tests(folder)?;
        if !args.json {
            render::out(&line(&check));
        }
        checks.push(check);
    }
    let holds = checks.iter().all(|check| check.broken.is_none());
    if args.json {
        let each = checks.iter().map(|check| {
            json!({"promise": check.promise, "holds": check.broken.is_none(), "broken": check.broken})
        });
        render::json(&json!({"holds": holds, "checks": each.collect::<Vec<_>>()}));
    }
    Ok(if holds { End::Ok } else { End::CheckFailed })
}

fn line(check: &Check) -> String {
    match &check.broken {
        None => format!("✓ {}", check.promise),
        Some(how) => format!("✗ {}: {}", check.promise, text::plain(how)),
    }
}

/// The name that the plugin must bear: what it was found by.
fn expected_name(shelf: &Shelf, reference: &str, source: &PluginSource) -> Option<String> {
    match source {
        PluginSource::File(_) if reference.contains('/') || reference.ends_with(".wasm") => None,
        PluginSource::File(_) => Some(reference.split('@').next().unwrap_or(reference).to_owned()),
        // A component has its package's name.
        PluginSource::Folder(_) => {
            let path = shelf.component_path(source).ok()?;
            Some(path.file_stem()?.to_string_lossy().into_owned())
        }
    }
}

fn component_checks(plugin: &Loaded, again: &Loaded, name: Option<String>) -> Vec<Check> {
    let descriptor = plugin.component.descriptor();
    let check = |promise, broken| Check { promise, broken };
    vec![
        check("it is a component that speaks the contract", None),
        // The engine loads no other.
        check("it sees nothing but its inputs", None),
        check(
            "it describes itself the same way each time",
            (descriptor != again.component.descriptor()).then(|| "two answers differ".to_owned()),
        ),
        check("its name is its package's", name_of(descriptor, name)),
        check("its version is a semantic version", version(descriptor)),
        check("its ports are those of its role", ports(descriptor)),
        check("it, its ports and parameters say what they are", words(descriptor)),
        check("its parameters are closed, and their defaults valid", params(descriptor)),
        check("it answers nonsense with an error, not a trap", nonsense(plugin)),
    ]
}

fn name_of(descriptor: &Descriptor, expected: Option<String>) -> Option<String> {
    let expected = expected.filter(|expected| *expected != descriptor.name)?;
    Some(format!("it calls itself `{}`, not `{expected}`", descriptor.name))
}

fn version(descriptor: &Descriptor) -> Option<String> {
    let error = semver::Version::parse(&descriptor.version).err()?;
    Some(format!("`{}`: {error}", descriptor.version))
}

fn ports(descriptor: &Descriptor) -> Option<String> {
    for ports in [&descriptor.inputs, &descriptor.outputs] {
        let twice = ports
            .iter()
            .enumerate()
            .find(|(index, port)| ports[..*index].iter().any(|other| other.name == port.name));
        if let Some((_, port)) = twice {
            return Some(format!("two ports are called `{}`", port.name));
        }
    }
    let count = |kind: PortKind| descriptor.inputs.iter().filter(|port| port.kind == kind).count();
    let (files, tables) = (count(PortKind::Blob), count(PortKind::Table));
    let role = text::role_name(descriptor.role);
    match descriptor.role {
        Role::Ingester if files != 1 => Some(format!("an ingester reads one file, not {files}")),
        Role::Ingester | Role::Simulator => None,
        _ if files > 0 => Some(format!("it is a {role}, and reads a file")),
        _ if tables == 0 => Some(format!("it is a {role}, and reads no table")),
        _ => None,
    }
}

fn words(descriptor: &Descriptor) -> Option<String> {
    let mut mute = Vec::new();
    if descriptor.description.trim().is_empty() {
        mute.push("the plugin".to_owned());
    }
    for port in descriptor.inputs.iter().chain(&descriptor.outputs) {
        if port.description.trim().is_empty() {
            mute.push(format!("port `{}`", port.name));
        }
    }
    for (name, property) in properties(descriptor) {
        let described = property.get("description").and_then(Value::as_str);
        if described.is_none_or(|text| text.trim().is_empty()) {
            mute.push(format!("parameter `{name}`"));
        }
    }
    (!mute.is_empty()).then(|| format!("without description: {}", mute.join(", ")))
}

fn properties(descriptor: &Descriptor) -> impl Iterator<Item = (&String, &Value)> {
    descriptor.params.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn params(descriptor: &Descriptor) -> Option<String> {
    let schema = &descriptor.params;
    if schema.get("type") != Some(&json!("object")) {
        return Some("the schema is not of an object".to_owned());
    }
    if schema.get("additionalProperties") != Some(&json!(false)) {
        return Some(
            "unknown parameters are taken: in Rust, write `deny_unknown_fields`".to_owned(),
        );
    }
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut defaults = Map::new();
    for (name, property) in properties(descriptor) {
        match property.get("default") {
            Some(default) => drop(defaults.insert(name.clone(), default.clone())),
            None if required.contains(&name.as_str()) => {}
            None => return Some(format!("`{name}` is neither required nor has a default")),
        }
    }
    let validator = jsonschema::validator_for(schema).expect("checked when it was loaded");
    let defaults = Value::Object(defaults);
    // What is required has no default, and is asked of the user.
    let mut errors = validator.iter_errors(&defaults).filter(|error| {
        !matches!(error.kind(), jsonschema::error::ValidationErrorKind::Required { .. })
    });
    errors.next().map(|error| format!("default {}: {error}", error.instance_path()))
}

/// Binds nonsense. Any answer will do, but there must be one.
fn nonsense(plugin: &Loaded) -> Option<String> {
    let limits = Limits { wall: Duration::from_secs(10), ..Limits::default() };
    ["{}", "null", "[", r#"{"no-such-parameter": 1}"#].into_iter().find_map(|params| {
        let watch = Arc::new(Watch::default());
        match plugin.component.bind(params, &[], limits, watch) {
            Ok(_) | Err(InstanceError::Guest(_)) => None,
            Err(error) => Some(format!("bound with `{params}` and no inputs: {error}")),
        }
    })
}

/// Runs the package's own tests; cargo's words go to standard error.
fn own_tests(folder: &Path) -> Result<Check, RunError> {
    let status = Command::new("cargo")
        .args(["test", "--release", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status();
    let promise = "the package's own tests pass";
    match status {
        Ok(status) if status.success() => Ok(Check { promise, broken: None }),
        Ok(_) => Ok(Check { promise, broken: Some("cargo says why above".to_owned()) }),
        Err(error) => Err(RunError::Usage(format!("cannot run `cargo`: {error}"))),
    }
}
