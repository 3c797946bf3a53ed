//! All features of an image, in order.

use crate::aperture::{Circles, TOTAL};
use crate::background::background;
use crate::image::{Image, Why};
use crate::params::Params;
use crate::psf::{psf_minus_model, sharpness, star_index};
use crate::source::{moments, source};
use crate::structure::{asymmetry, gini, m20, within};

/// The features of an image; lengths in pixels. None where there is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    pub background: Option<f64>,
    pub noise: Option<f64>,
    pub x: Option<f64>,
    pub y: Option<f64>,
    pub a: Option<f64>,
    pub b: Option<f64>,
    pub theta_deg: Option<f64>,
    pub ellipticity: Option<f64>,
    pub petrosian: Option<f64>,
    pub flux: Option<f64>,
    pub r50: Option<f64>,
    pub concentration: Option<f64>,
    pub asymmetry: Option<f64>,
    pub gini: Option<f64>,
    pub m20: Option<f64>,
    pub sharpness: Option<f64>,
    pub psf_minus_model: Option<f64>,
    pub star_index: Option<f64>,
    /// Why some are missing: the first reason.
    pub why: Option<Why>,
}

impl Measured {
    /// Of no image.
    pub fn none(why: Why) -> Self {
        Self { why: Some(why), ..Self::default() }
    }
}

/// All features that can be had.
pub fn measure(image: &Image, params: &Params) -> Measured {
    let mut measured = Measured::default();
    measured.why = fill(&mut measured, image, params).err();
    measured
}

fn fill(measured: &mut Measured, image: &Image, params: &Params) -> Result<(), Why> {
    let sky = background(image, params.border)?;
    (measured.background, measured.noise) = (Some(sky.level), Some(sky.noise));
    let image = &image.less(sky.level);
    let source = source(image, params.threshold * sky.noise)?;
    let shape = moments(image, &source.pixels);
    let (x, y) = (shape.x, shape.y);
    (measured.x, measured.y) = (Some(x), Some(y));
    (measured.a, measured.b) = (Some(shape.a), Some(shape.b));
    measured.theta_deg = Some(shape.theta_deg);
    measured.ellipticity = Some(1.0 - shape.b / shape.a);
    let sigma = params.psf_sigma();
    measured.sharpness = sigma.and_then(|sigma| sharpness(image, source.peak, sigma));

    let circles = Circles::new(image, x, y);
    let petrosian = circles.petrosian()?;
    measured.petrosian = Some(petrosian);
    let total = TOTAL * petrosian;
    if !image.holds(x, y, total) {
        return Err(Why::BeyondEdge);
    }
    let flux = circles.flux(total);
    if flux.is_nan() {
        return Err(Why::MaskedSource);
    }
    if flux <= 0.0 {
        return Err(Why::NoFlux);
    }
    measured.flux = Some(flux);
    measured.r50 = circles.radius(0.5, total);
    let radii = circles.radius(0.8, total).zip(circles.radius(0.2, total));
    measured.concentration = radii.map(|(r80, r20)| 5.0 * libm::log10(r80 / r20));
    measured.asymmetry = asymmetry(image, x, y, total, sky.noise);
    // Lotz et al. 2004: what is at least as bright as the source is at its Petrosian radius.
    let least = circles.brightness(petrosian);
    let mut pixels = within(image, x, y, total);
    pixels.retain(|&(x, y)| image.at(x, y) >= least);
    let values: Vec<_> = pixels.iter().map(|&(x, y)| image.at(x, y)).collect();
    measured.gini = gini(&values);
    measured.m20 = m20(image, &pixels);
    if let Some(sigma) = sigma {
        measured.psf_minus_model = psf_minus_model(image, (x, y), total, sigma);
        measured.star_index = measured.r50.map(|r50| star_index(r50, sigma));
    }
    Ok(())
}
