//! What may stand under `with:`.

use skyloom_plugin::prelude::*;

use crate::model::Model;

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Params {
    /// What to fit: `bazin`, `villar`, `linexp`.
    pub models: Vec<Model>,
    /// The bands to fit. All that have light curves, if not given.
    pub bands: Option<Vec<String>>,
    /// The magnitude of flux 1, for light curves in magnitudes: fits are of fluxes.
    pub zero_point: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { models: vec![Model::Bazin], bands: None, zero_point: 25.0 }
    }
}

impl Params {
    /// Refuses what the schema cannot.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn check(&self) -> Result<()> {
        if self.models.is_empty() {
            return Err(Error::param("models", "name at least one of bazin, villar, linexp"));
        }
        for (index, model) in self.models.iter().enumerate() {
            if self.models[..index].contains(model) {
                let name = model.name();
                return Err(Error::param("models", format!("`{name}` is listed twice")));
            }
        }
        if !(-1000.0..=1000.0).contains(&self.zero_point) {
            return Err(Error::param("zero-point", format!("{} is no magnitude", self.zero_point)));
        }
        Ok(())
    }
}
