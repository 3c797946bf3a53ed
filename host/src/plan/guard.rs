//! The leakage guard: what a model may not learn from unless the workflow says so.
//!
//! A spectroscopic redshift gives the class away, a plate or fibre number gives away what
//! the survey took the object for, and identifiers and positions let a model remember
//! objects. Kapoor & Narayanan (2023, doi:10.1016/j.patter.2023.100804) found such leaks in
//! 17 fields of science.

use super::{Plan, PlanNode, PlanSource};
use crate::data::field_ucd;
use crate::fault::Fault;
use crate::instance::{Purpose, Role};
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
    const OBSERVATION: &str = "it tells how an object was observed, which depends on what it was taken for";
    if let Some(ucd) = field_ucd(field) {
        let words: Vec<_> = ucd.split(';').map(str::trim).collect();
        let starts = |prefix: &str| {
            words.iter().any(|word| word.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
        };
        return match () {
            () if starts("src.redshift") && !starts("phot") => Some(SPECTROSCOPIC),
            () if starts("pos") => Some(POSITION),
            () if starts("meta.id") => Some(IDENTIFIER),
            () if starts("obs") || starts("instr") || starts("time.epoch") => Some(OBSERVATION),
            () => None,
        };
    }
    let name: String =
        field.name().to_lowercase().chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '.')).collect();
    let is = |names: &[&str]| names.contains(&name.as_str());
    let has = |part: &str| name.contains(part);
    if has("redshift") || is(&["zspec", "specz", "zsp", "zwarning", "zerr", "specclass", "subclass"]) {
        return Some(SPECTROSCOPIC);
    }
    if is(&["ra", "dec", "decl", "raj2000", "dej2000", "radeg", "decdeg", "glon", "glat", "elon", "elat"])
        || is(&["gall", "galb", "lon", "lat", "longitude", "latitude", "alpha", "delta", "healpix", "htmid"])
        || has("healpix")
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
    if is(&["plate", "fiber", "fibre", "fiberid", "fibreid", "mjd", "run", "rerun", "camcol", "field", "tile", "ccd", "epoch"])
    {
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
        return Ok(());
    }
    let mut faults = Vec::new();
    for read in &planned.reads {
        let PlanSource::Node { node: upstream, output } = planned.inputs[read.input].source else {
            continue;
        };
        // A model is not a table of objects.
        let producer = &plan.nodes[upstream];
        if producer.component.descriptor().role == Role::Trainer {
            continue;
        }
        let field = &producer.outputs[output].fields[read.column];
        let feature = matches!(read.purpose, Purpose::Feature | Purpose::Value);
        let Some(reason) = forbidden_kind(field).filter(|_| feature) else { continue };
        if node.allow_features.iter().any(|allowed| allowed.value == *field.name()) {
            continue;
        }
        let name = field.name();
        let span = node.with.get("features").map_or(&node.plugin.span, |param| &param.value.span);
        let message = format!("node `{}` would learn from column `{name}`: {reason}", planned.id);
        let help = format!(
            "leave it out of the features; if you mean it, write `allow-features: [{name}]` in this node"
        );
        faults.push(Fault::new(&plan.workflow.source, "plan::leak", span.clone(), message).help(help));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
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
        for name in ["redshift", "Redshift_err", "zspec", "z_spec", "plate", "MJD", "fiberid", "objid",
                     "RA", "Decl", "ra_deg", "source_id", "HEALPix_29", "ID", "camcol"] {
            check_name(name, true);
        }
        for name in ["z", "u", "g-r", "P", "A", "phi21", "radius", "decay", "amplitude", "grid", "width"] {
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
