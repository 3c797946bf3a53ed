//! What may stand under `with:`.

use skyloom_plugin::prelude::*;

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column of images: lists of numbers, row by row; lists of rows; or FITS files, plain
    /// or gzipped.
    pub image: String,
    /// Pixels in a row, for flat lists. Images are square, if not given.
    #[serde(default)]
    pub width: Option<u32>,
    /// Arcseconds in a pixel: sizes are in arcseconds, and else in pixels.
    #[serde(default)]
    pub pixel_scale: Option<f64>,
    /// Full width at half maximum of the PSF, in the unit of sizes. Without it there are no
    /// sharpness, PSF minus model magnitude, and star index.
    #[serde(default)]
    pub psf_fwhm: Option<f64>,
    /// Pixels belong to the source when they are above the background by so many times the
    /// noise.
    #[serde(default = "threshold")]
    pub threshold: f64,
    /// Width of the border that the background is measured in, in pixels. A tenth of the
    /// shorter side, and at least 2, if not given.
    #[serde(default)]
    pub border: Option<u32>,
    /// What new columns' names begin with; the image's column, if not given.
    #[serde(default)]
    pub prefix: Option<String>,
}

fn threshold() -> f64 {
    1.5
}

impl Params {
    /// What new columns' names begin with.
    pub fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or(&self.image)
    }

    /// σ of the Gaussian PSF in pixels: FWHM / (2 √(2 ln 2)).
    pub fn psf_sigma(&self) -> Option<f64> {
        let fwhm = self.psf_fwhm? / self.pixel_scale.unwrap_or(1.0);
        Some(fwhm / (2.0 * libm::sqrt(2.0 * std::f64::consts::LN_2)))
    }

    /// Refuses what the schema cannot.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn check(&self) -> Result<()> {
        if self.width == Some(0) {
            return Err(Error::param("width", "a row has at least one pixel"));
        }
        if self.border == Some(0) {
            return Err(Error::param("border", "the border is at least one pixel wide"));
        }
        if self.prefix.as_deref() == Some("") {
            return Err(Error::param("prefix", "give it a letter, or leave it out"));
        }
        let given = [
            ("pixel-scale", self.pixel_scale),
            ("psf-fwhm", self.psf_fwhm),
            ("threshold", Some(self.threshold)),
        ];
        for (name, value) in given {
            if let Some(value) = value
                && !(value.is_finite() && value > 0.0)
            {
                return Err(Error::param(name, format!("{value} is not a positive number")));
            }
        }
        match self.psf_sigma() {
            Some(sigma) if !(0.2..=50.0).contains(&sigma) => {
                let message = format!(
                    "the PSF's σ is {sigma:.3} pixels; it must be within 0.2 and 50: is `pixel-scale` right?"
                );
                Err(Error::param("psf-fwhm", message))
            }
            _ => Ok(()),
        }
    }
}
