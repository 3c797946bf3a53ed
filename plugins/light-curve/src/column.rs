//! Which columns are light curves, and what their fields say.

use std::sync::Arc;

use skyloom_plugin::prelude::*;

/// What a light curve's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Flux,
    Magnitude,
}

impl Kind {
    /// The names of the value and of its error in a point.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Flux => ("flux", "flux_err"),
            Self::Magnitude => ("mag", "mag_err"),
        }
    }
}

/// What the light in a band is measured in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Light {
    pub kind: Kind,
    pub unit: Option<String>,
}

/// A column of light curves in one band.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BandColumn {
    /// The name of the column.
    pub column: String,
    /// The band: the column's metadata `band`, or its name.
    pub band: String,
    pub light: Light,
}

impl BandColumn {
    /// A band's column, named `lc_<band>`.
    pub fn new(band: &str, light: Light) -> Self {
        Self { column: format!("lc_{band}"), band: band.to_owned(), light }
    }

    /// What `field` says, if it is a column of light curves: lists of points with a `time`,
    /// and a `flux` or a `mag` with its error.
    pub fn of(field: &Field) -> Option<Self> {
        let DataType::List(point) = field.data_type() else { return None };
        let DataType::Struct(parts) = point.data_type() else { return None };
        let is_float = |name: &str| {
            parts.find(name).is_some_and(|(_, part)| *part.data_type() == DataType::Float64)
        };
        let kind = [Kind::Flux, Kind::Magnitude].into_iter().find(|kind| {
            let (value, error) = kind.names();
            is_float(value) && is_float(error)
        })?;
        if !is_float("time") {
            return None;
        }
        let unit = parts.find(kind.names().0).and_then(|(_, part)| part.unit());
        let band = field.metadata().get("band").unwrap_or(field.name()).clone();
        let light = Light { kind, unit: unit.map(str::to_owned) };
        Some(Self { column: field.name().clone(), band, light })
    }

    /// The columns of light curves among `fields`, in their order.
    pub fn all(fields: &Fields) -> Vec<Self> {
        fields.iter().filter_map(|field| Self::of(field)).collect()
    }

    /// The column's field.
    pub fn field(&self) -> Field {
        let list = DataType::List(Arc::new(Field::new("item", Self::point(&self.light), false)));
        let about = format!("Light curve in {}, sorted by time", self.band);
        let field = Field::new(&self.column, list, true);
        field.with("band", &self.band).with_description(&about)
    }

    /// The type of a point: `time` in days (MJD), the value and its 1σ error, both null where
    /// not known, and [`flags`](crate::flags).
    pub fn point(light: &Light) -> DataType {
        let (value, error) = light.kind.names();
        let ucd = match light.kind {
            Kind::Flux => "phot.flux",
            Kind::Magnitude => "phot.mag",
        };
        let with_unit = |field: Field| match &light.unit {
            Some(unit) => field.with_unit(unit),
            None => field,
        };
        let time = Field::new("time", DataType::Float64, false).with_unit("d");
        let value = Field::new(value, DataType::Float64, true).with_ucd(ucd);
        let error = Field::new(error, DataType::Float64, true);
        let flags = Field::new("flags", DataType::UInt8, false).with_ucd("meta.code");
        DataType::Struct(Fields::from(vec![
            time.with_ucd("time.epoch").with_description("Modified Julian date"),
            with_unit(value),
            with_unit(error.with_ucd(&format!("stat.error;{ucd}"))),
            flags.with_description("1: upper limit, 2: detection"),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_says_what_it_was_made_of() {
        for kind in [Kind::Flux, Kind::Magnitude] {
            let light = Light { kind, unit: Some("mag".to_owned()) };
            let column = BandColumn::new("g", light);
            assert_eq!(BandColumn::of(&column.field()), Some(column));
        }
        assert_eq!(BandColumn::of(&Field::new("g", DataType::Float64, true)), None);
    }
}
