//! The leakage guard: what a model may not learn from unless the workflow says so.
//!
//! A spectroscopic redshift gives the class away, a plate or fibre number gives away what
//! the survey took the object for, and identifiers and positions let a model remember
//! objects. Kapoor & Narayanan (2023, doi:10.1016/j.patter.2023.100804) found such leaks in
//! 17 fields of science.

use indexmap::IndexMap;

use super::{Plan, PlanNode, PlanSource};
use crate::data::field_ucd;
use crate::fault::{Fault, suggestion};
use crate::instance::{Purpose, Read, Role};
use crate::workflow::Node;

use arrow::datatypes::Field;

/// Why a column may not be a feature, or none if it may.
///
/// The UCD decides where there is one; else the name, without case, `_` and `-`. `z` alone
/// is taken for the photometric band, not the redshift.
pub fn forbidden_kind(field: &Field) -> Option<&'static str> {
    const SPECTROSCOPIC: &str = "it comes from the spectrum that also gave the class";
    const POSITION: &str = "a model can memorise where the training objects are";
    const IDENTIFIER: &str = "it identifies objects, and says nothing about new ones";
    const OBSERVATION: &str =
        "it tells how an object was observed, which depends on what it was taken for";
    if let Some(ucd) = field_ucd(field) {
        let words: Vec<_> = ucd.split(';').map(str::trim).collect();
        let starts = |prefix: &str| {
            words.iter().any(|word| {
                word.strip_prefix(prefix)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        return match () {
            () if starts("src.redshift") && !starts("phot") => Some(SPECTROSCOPIC),
            () if starts("pos") => Some(POSITION),
            () if starts("meta.id") => Some(IDENTIFIER),
            () if starts("obs") || starts("instr") || starts("time.epoch") => Some(OBSERVATION),
            () => None,
        };
    }
    let name: String = field
        .name()
        .to_lowercase()
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | ' ' | '.'))
        .collect();
    let is = |names: &[&str]| names.contains(&name.as_str());
    let has = |part: &str| name.contains(part);
    if has("redshift")
        || is(&["zspec", "specz", "zsp", "zwarning", "zerr", "specclass", "subclass"])
    {
        return Some(SPECTROSCOPIC);
    }
    if is(&[
        "ra", "dec", "decl", "raj2000", "dej2000", "radeg", "decdeg", "glon", "glat", "elon",
        "elat",
    ]) || is(&[
        "gall",
        "galb",
        "lon",
        "lat",
        "longitude",
        "latitude",
        "alpha",
        "delta",
        "healpix",
        "htmid",
    ]) || has("healpix")
    {
        return Some(POSITION);
    }
    if is(&["id", "oid", "name", "designation"])
        || has("objid")
        || has("sourceid")
        || has("specobj")
        || name.ends_with("objectid")
        || field.name().ends_with("_id")
        || field.name().ends_with("_ID")
        || field.name().ends_with("Id")
    {
        return Some(IDENTIFIER);
    }
    if is(&[
        "plate", "fiber", "fibre", "fiberid", "fibreid", "mjd", "run", "rerun", "camcol", "field",
        "tile", "ccd", "epoch",
    ]) {
        return Some(OBSERVATION);
    }
    None
}

/// Refuses features that leak. Whatever a trainer or classifier reads to learn or predict
/// from is a feature, by whatever name it calls it.
pub(super) fn check(plan: &Plan, node: &Node, planned: &PlanNode) -> Result<(), Vec<Fault>> {
    let learns = matches!(
        planned.component.descriptor().role,
        Role::Trainer | Role::Classifier | Role::Calibrator
    );
    if !learns {
        let useless = node.allow_features.iter().map(|allowed| {
            let message = format!("node `{}` learns nothing, so it has no features", planned.id);
            Fault::new(&plan.workflow.source, "plan::allow_features", allowed.span.clone(), message)
                .help("write `allow-features` in the trainer and in the classifier")
        });
        let useless: Vec<_> = useless.collect();
        return if useless.is_empty() { Ok(()) } else { Err(useless) };
    }
    let mut leaks: Vec<(&str, &'static str)> = Vec::new();
    let mut read: Vec<&str> = Vec::new();
    for Read { input, column, purpose } in &planned.reads {
        let PlanSource::Node { node: upstream, output } = planned.inputs[*input].source else {
            continue;
        };
        // A model is not a table of objects.
        let producer = &plan.nodes[upstream];
        if producer.component.descriptor().role == Role::Trainer {
            continue;
        }
        let field = &producer.outputs[output].fields[*column];
        if !matches!(purpose, Purpose::Feature | Purpose::Value) {
            continue;
        }
        read.push(field.name());
        let Some(reason) = forbidden_kind(field) else { continue };
        if !node.allow_features.iter().any(|allowed| allowed.value == *field.name()) {
            leaks.push((field.name(), reason));
        }
    }
    let source = &plan.workflow.source;
    let mut faults = Vec::new();
    // What is allowed without need would hide a leak to come.
    for allowed in &node.allow_features {
        if !read.contains(&allowed.as_str()) {
            let name = allowed.value.escape_debug();
            let message =
                format!("node `{}` allows feature `{name}`, which it does not read", planned.id);
            let fault = Fault::new(source, "plan::allow_features", allowed.span.clone(), message);
            faults.push(fault.help(suggestion(allowed, read.iter().copied())));
        }
    }
    let Some(features) = node.with.get("features") else {
        faults.extend((!leaks.is_empty()).then(|| all_at_once(plan, node, planned, &leaks)));
        return if faults.is_empty() { Ok(()) } else { Err(faults) };
    };
    for (name, reason) in leaks {
        let message = format!("node `{}` would learn from column `{name}`: {reason}", planned.id);
        let fault = Fault::new(source, "plan::leak", features.mention(name), message);
        faults.push(fault.help(format!(
            "leave it out; if you mean it, write `allow-features: [{name}]` in this node, beside `plugin`"
        )));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// One fault for a node that names no features and so reads all it can.
fn all_at_once(
    plan: &Plan,
    node: &Node,
    planned: &PlanNode,
    leaks: &[(&str, &'static str)],
) -> Fault {
    let names: Vec<_> = leaks.iter().map(|(name, _)| format!("`{name}`")).collect();
    let mut reasons: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for (name, reason) in leaks {
        reasons.entry(reason).or_default().push(name);
    }
    let lines = reasons.iter().map(|(reason, names)| format!("{}: {reason}", names.join(", ")));
    let mut help: Vec<String> = lines.collect();
    let known = planned.component.descriptor().params.pointer("/properties/features").is_some();
    help.push(match known {
        true => "name the columns to learn from with `features`".to_owned(),
        false => format!(
            "if you mean it, write `allow-features: [{}]` in this node, beside `plugin`",
            leaks.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
        ),
    });
    let message = format!("node `{}` would learn from {}", planned.id, names.join(", "));
    Fault::new(&plan.workflow.source, "plan::leak", node.plugin.span.clone(), message)
        .help(help.join("\n"))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;

    fn check_name(name: &str, forbidden: bool) {
        let field = Field::new(name, DataType::Float64, true);
        assert_eq!(forbidden_kind(&field).is_some(), forbidden, "{name}");
    }

    #[test]
    fn names_tell() {
        for name in [
            "redshift",
            "Redshift_err",
            "zspec",
            "z_spec",
            "plate",
            "MJD",
            "fiberid",
            "objid",
            "RA",
            "Decl",
            "ra_deg",
            "source_id",
            "HEALPix_29",
            "ID",
            "camcol",
        ] {
            check_name(name, true);
        }
        for name in
            ["z", "u", "g-r", "P", "A", "phi21", "radius", "decay", "amplitude", "grid", "width"]
        {
            check_name(name, false);
        }
    }

    #[test]
    fn the_ucd_decides_where_there_is_one() {
        let field = |ucd: &str| {
            let metadata = [("ucd".to_owned(), ucd.to_owned())].into();
            Field::new("redshift", DataType::Float64, true).with_metadata(metadata)
        };
        assert!(forbidden_kind(&field("src.redshift")).is_some());
        assert!(forbidden_kind(&field("src.redshift.phot")).is_some());
        assert!(forbidden_kind(&field("pos.eq.ra;meta.main")).is_some());
        assert!(forbidden_kind(&field("phot.mag;em.opt.R")).is_none());
    }
}
