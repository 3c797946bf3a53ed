//! Golden cases: compared, and written anew.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use std::sync::Arc;

use super::KitError;
use super::case::{Case, Expected, Form, Golden, WantedError};
use super::params;
use super::report::Outcome;
use super::stand::{Given, Ran, Stand, WHOLE, first_difference, table_diff};
use super::table::{self, Types};
use crate::data::compare::Tolerance;
use crate::instance::{ColumnError, Descriptor, GuestError, InstanceError};

/// What the case gives the plugin.
///
/// # Errors
/// In words, when the plugin has no such inputs.
pub(super) fn given(descriptor: &Descriptor, case: &Case) -> Result<Given, String> {
    let names: Vec<&str> = descriptor.inputs.iter().map(|port| port.name.as_str()).collect();
    if let Some(unknown) = case.inputs.keys().find(|name| !names.contains(&name.as_str())) {
        let known = names.join(", ");
        return Err(format!("the plugin has no input `{unknown}`; its inputs: {known}"));
    }
    let missing = descriptor
        .inputs
        .iter()
        .find(|port| !port.optional && !case.inputs.contains_key(&port.name));
    if let Some(port) = missing {
        return Err(format!("the case has nothing for input `{}`", port.name));
    }
    let connected = |name: &&str| {
        let content = case.inputs.get(*name)?;
        Some(((*name).to_owned(), content.clone()))
    };
    Ok(Given {
        params: params::complete(descriptor, &case.params),
        inputs: names.iter().filter_map(connected).collect(),
    })
}

/// What came of a case: a run that may serve other checks, or why there is none.
pub(super) type Came = Result<(Given, Ran), Option<InstanceError>>;

/// Runs the case: what came of it, and whether that is what was expected.
pub(super) fn check(stand: &Stand<'_>, case: &Case) -> (Came, Outcome) {
    let given = match given(stand.descriptor(), case) {
        Ok(given) => given,
        Err(why) => return (Err(None), Outcome::Broken(why)),
    };
    let result = run(stand, &given);
    match (&case.expected, result) {
        (Expected::Error(wanted), Err(error)) => {
            let outcome = Outcome::of(other_error(wanted, &error));
            (Err(Some(error)), outcome)
        }
        (Expected::Error(wanted), Ok(ran)) => {
            let why = format!("it gave a result, not an error of kind `{}`", wanted.kind);
            (Ok((given, ran)), Outcome::Broken(why))
        }
        (_, Err(error)) => {
            let why = format!("it does not run: {error}");
            (Err(Some(error)), Outcome::Broken(why))
        }
        (Expected::Unsaid, Ok(ran)) => {
            let why = "the case does not say what to expect; `--bless` writes what comes out";
            (Ok((given, ran)), Outcome::Skipped(why.to_owned()))
        }
        (Expected::Outputs(outputs), Ok(ran)) => {
            let broken = outputs
                .iter()
                .find_map(|(port, golden)| not_as_expected(stand.descriptor(), port, golden, &ran));
            (Ok((given, ran)), Outcome::of(broken))
        }
    }
}

/// Runs as a workflow would: the schema looks at parameters first.
fn run(stand: &Stand<'_>, given: &Given) -> Result<Ran, InstanceError> {
    match params::refused(stand.descriptor(), &given.params) {
        Some((param, message)) => Err(InstanceError::Guest(GuestError::Param { param, message })),
        None => stand.run(given, WHOLE),
    }
}

fn not_as_expected(
    descriptor: &Descriptor,
    port: &str,
    golden: &Golden,
    ran: &Ran,
) -> Option<String> {
    let Some(index) = descriptor.outputs.iter().position(|known| known.name == port) else {
        let names: Vec<_> = descriptor.outputs.iter().map(|port| port.name.as_str()).collect();
        return Some(format!(
            "the plugin has no output `{port}`; its outputs: {}",
            names.join(", ")
        ));
    };
    let found = &ran.outputs[index];
    let expected = match golden.form.read(&types_of(golden, found)) {
        Ok(expected) => expected,
        Err(why) => return Some(format!("output `{port}`: {why}")),
    };
    let (expected, is_labelled) = match &golden.form {
        Form::Arrow(_) => (expected, true),
        // CSV and YAML know neither units nor whether nulls are allowed.
        Form::Csv(_) | Form::Columns(_) => (labelled_as(&expected, found), false),
    };
    let tolerance = Tolerance { relative: golden.tolerance, absolute: golden.tolerance };
    let mut diff = table_diff(&expected, found, tolerance);
    if !is_labelled {
        diff.relabelled.clear();
    }
    if diff.is_equal() {
        return None;
    }
    let labels = || {
        let label = diff.relabelled.first()?;
        Some(format!("output `{port}`: {}", in_words(label)))
    };
    first_difference(port, &diff, ("expected ", "found ")).or_else(labels)
}

fn in_words(label: &crate::data::compare::Relabelled) -> String {
    serde_json::to_string(label).unwrap_or_default()
}

/// How the columns of an expected table are to be read: as they are bound, unless the case
/// says otherwise.
fn types_of(golden: &Golden, found: &RecordBatch) -> Types {
    let fields = found.schema_ref().fields().iter();
    let mut types: Types =
        fields.map(|field| (field.name().clone(), (field.data_type().clone(), true))).collect();
    types.extend(golden.types.iter().map(|(name, given)| (name.clone(), given.clone())));
    types
}

/// `expected` with the labels that `found` has.
fn labelled_as(expected: &RecordBatch, found: &RecordBatch) -> RecordBatch {
    let schema = found.schema();
    let field = |field: &Arc<Field>| match schema.field_with_name(field.name()) {
        Ok(known) => field.as_ref().clone().with_metadata(known.metadata().clone()),
        Err(_) => field.as_ref().clone(),
    };
    let fields: Vec<Field> = expected.schema_ref().fields().iter().map(field).collect();
    expected.clone().with_schema(Arc::new(Schema::new(fields))).unwrap_or(expected.clone())
}

fn other_error(wanted: &WantedError, error: &InstanceError) -> Option<String> {
    let InstanceError::Guest(found) = error else {
        return Some(format!("expected an error of kind `{}`, found: {error}", wanted.kind));
    };
    let column = |error: &ColumnError| (Some(error.column.clone()), error.param.clone());
    let (kind, (named, param)) = match found {
        GuestError::Param { param, .. } => ("param", (None, Some(param.clone()))),
        GuestError::MissingColumn(error) => ("missing-column", column(error)),
        GuestError::WrongType(error) => ("wrong-type", column(error)),
        GuestError::WrongUnit(error) => ("wrong-unit", column(error)),
        GuestError::Data(_) => ("data", (None, None)),
        GuestError::Failed(_) => ("failed", (None, None)),
    };
    if kind != wanted.kind {
        return Some(format!(
            "expected an error of kind `{}`, found `{kind}`: {found}",
            wanted.kind
        ));
    }
    for (what, wanted, found) in
        [("column", &wanted.column, &named), ("parameter", &wanted.param, &param)]
    {
        if wanted.is_some() && wanted != found {
            let name = |name: &Option<String>| name.clone().unwrap_or_default();
            let (wanted, found) = (name(wanted), name(found));
            return Some(format!("expected it of {what} `{wanted}`, found `{found}`"));
        }
    }
    let part = wanted.message.as_ref()?;
    let text = error.to_string();
    (!text.contains(part)).then(|| format!("the error does not say `{part}`: {text}"))
}

/// Writes what comes out of `case` as what is expected; says what changed. Only files of the
/// case's own folder are written.
///
/// # Errors
/// When the plugin does not run on it, or a file cannot be written.
pub(super) fn bless(stand: &Stand<'_>, case: &Case) -> Result<Vec<String>, KitError> {
    let wrong = |why: String| KitError::Bless { case: case.name.clone(), why };
    if matches!(case.expected, Expected::Error(_)) {
        return Ok(Vec::new());
    }
    let given = given(stand.descriptor(), case).map_err(wrong)?;
    let ran = run(stand, &given).map_err(|error| wrong(format!("it does not run: {error}")))?;
    match &case.expected {
        Expected::Outputs(outputs) => {
            let mut said = Vec::new();
            for (port, golden) in outputs {
                let Some(why) = not_as_expected(stand.descriptor(), port, golden, &ran) else {
                    continue;
                };
                let index = stand.descriptor().outputs.iter().position(|known| known.name == *port);
                let found = index.map(|index| &ran.outputs[index]);
                let found = found.ok_or_else(|| wrong(why.clone()))?;
                rewrite(case, port, &golden.form, found).map_err(wrong)?;
                said.push(format!("{}: {why}", case.name));
            }
            Ok(said)
        }
        _ => write_new(stand.descriptor(), case, &ran).map_err(wrong),
    }
}

fn rewrite(case: &Case, port: &str, form: &Form, found: &RecordBatch) -> Result<(), String> {
    match form {
        Form::Csv(path) => {
            let text = table::to_csv(found).ok_or_else(|| {
                format!(
                    "output `{port}` has values that CSV cannot keep, such as lists or empty \
                     text; write `{{arrow: FILE}}` in the case"
                )
            })?;
            write(case, path, text.as_bytes())
        }
        Form::Arrow(path) => write(case, path, &table::to_arrow(found)?),
        Form::Columns(_) => Err(format!(
            "output `{port}` stands in the case itself: write it anew by hand, or name a file"
        )),
    }
}

/// Adds `outputs` to a case that has none, with a file for each.
fn write_new(descriptor: &Descriptor, case: &Case, ran: &Ran) -> Result<Vec<String>, String> {
    let folder = case.path.parent().unwrap_or(Path::new(""));
    let mut text = std::fs::read_to_string(&case.path).map_err(|error| error.to_string())?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str("outputs:\n");
    let mut said = Vec::new();
    for (port, found) in descriptor.outputs.iter().zip(&ran.outputs) {
        let stem = format!("{}.{}", case.name, port.name);
        let (name, form, bytes) = match table::to_csv(found) {
            Some(text) => (format!("{stem}.csv"), "csv", text.into_bytes()),
            None => (format!("{stem}.arrow"), "arrow", table::to_arrow(found)?),
        };
        write(case, &folder.join(&name), &bytes)?;
        text.push_str(&format!("  {}: {{{form}: {name}}}\n", port.name));
        said.push(format!("{}: {} rows in {name}", case.name, found.num_rows()));
    }
    write(case, &case.path, text.as_bytes())?;
    Ok(said)
}

/// Writes a file of the case's own folder.
fn write(case: &Case, path: &Path, bytes: &[u8]) -> Result<(), String> {
    let shown = path.display();
    let real = |path: &Path| -> Option<PathBuf> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new(".")).canonicalize().ok()
    };
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    if is_link || real(path).is_none() || real(path) != real(&case.path) {
        return Err(format!("{shown} is not a file beside the case, and is left as it is"));
    }
    std::fs::write(path, bytes).map_err(|error| format!("{shown}: {error}"))
}
