//! Conditions on one value. Knows of no table.

use skyloom_plugin::prelude::*;

/// What a column's value must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Condition {
    // First, since serde takes a list for a struct, too.
    /// The plain condition.
    Is(Test),
    /// The contrary. A missing value does not meet this either.
    Not(Not),
}

/// The contrary of a condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Not {
    /// What the value must not be. A missing value does not meet this either.
    pub not: Test,
}

/// A condition without `not`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Test {
    /// The value is one of these.
    AnyOf(Vec<Scalar>),
    /// The value is this.
    Equals(Scalar),
    /// The number lies in this range.
    Range(Range),
}

/// A range of numbers. Ends that are left out are open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Range {
    /// At least.
    pub min: Option<f64>,
    /// At most.
    pub max: Option<f64>,
    /// More than.
    pub above: Option<f64>,
    /// Less than.
    pub below: Option<f64>,
}

/// A value as written in a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// A truth value.
    Boolean(bool),
    /// A number; integers beyond 2^53 are rounded.
    Number(f64),
    /// Text.
    Text(String),
    /// A missing value: null or NaN.
    Missing(()),
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Boolean,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "numbers",
            Self::Boolean => "truth values",
        }
    }
}

/// A value of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Text(&'a str),
    Number(f64),
    Boolean(bool),
    Missing,
}

impl Condition {
    /// Whether `value` meets the condition. A missing value meets only a list with `null`,
    /// and it does not meet `not`, so that it never passes unasked.
    pub fn holds(&self, value: Value<'_>) -> bool {
        match self {
            Self::Is(test) => test.holds(value),
            Self::Not(Not { not }) => value != Value::Missing && !not.holds(value),
        }
    }

    /// Whether the condition makes sense for a column of this kind.
    ///
    /// # Errors
    /// Why not, and what would.
    pub fn check(&self, kind: Kind) -> Result<(), String> {
        let (Self::Is(test) | Self::Not(Not { not: test })) = self;
        match test {
            Test::Range(range) => range.check(kind),
            Test::AnyOf(values) if values.is_empty() => Err("list at least one value".to_owned()),
            Test::AnyOf(values) => values.iter().try_for_each(|value| value.check(kind)),
            Test::Equals(value) => value.check(kind),
        }
    }
}

impl Test {
    fn holds(&self, value: Value<'_>) -> bool {
        match self {
            Self::Range(range) => matches!(value, Value::Number(number) if range.contains(number)),
            Self::AnyOf(values) => values.iter().any(|other| other.equals(value)),
            Self::Equals(other) => other.equals(value),
        }
    }
}

impl Range {
    fn contains(self, number: f64) -> bool {
        self.min.is_none_or(|min| number >= min)
            && self.max.is_none_or(|max| number <= max)
            && self.above.is_none_or(|above| number > above)
            && self.below.is_none_or(|below| number < below)
    }

    fn check(self, kind: Kind) -> Result<(), String> {
        if kind != Kind::Number {
            return Err(format!(
                "a range is for numbers, and the column holds {}; list values",
                kind.name()
            ));
        }
        let low = self.min.into_iter().chain(self.above).fold(f64::NEG_INFINITY, f64::max);
        let high = self.max.into_iter().chain(self.below).fold(f64::INFINITY, f64::min);
        match self {
            Self { min: None, max: None, above: None, below: None } => {
                Err("give at least one of min, max, above, below".to_owned())
            }
            _ if low > high => Err(format!("nothing is above {low} and below {high}")),
            _ => Ok(()),
        }
    }
}

impl Scalar {
    fn equals(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Text(text), Value::Text(value)) => text == value,
            (Self::Number(number), Value::Number(value)) => *number == value,
            (Self::Boolean(boolean), Value::Boolean(value)) => *boolean == value,
            (Self::Missing(()), Value::Missing) => true,
            _ => false,
        }
    }

    fn check(&self, kind: Kind) -> Result<(), String> {
        let (shown, remedy) = match (self, kind) {
            (Self::Missing(()), _)
            | (Self::Text(_), Kind::Text)
            | (Self::Number(_), Kind::Number)
            | (Self::Boolean(_), Kind::Boolean) => return Ok(()),
            (Self::Text(text), _) => (format!("text \"{text}\""), "leave out its quotes"),
            (Self::Number(number), Kind::Text) => (number.to_string(), "put it in quotes"),
            (Self::Boolean(boolean), Kind::Text) => (boolean.to_string(), "put it in quotes"),
            (Self::Number(number), _) => (number.to_string(), "write true or false"),
            (Self::Boolean(boolean), _) => (boolean.to_string(), "write a number"),
        };
        Err(format!(
            "{shown} never equals a value of this column, which holds {}; {remedy}",
            kind.name()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skyloom_plugin::serde_json::from_str;

    fn holds(condition: &str, value: Value<'_>) -> bool {
        from_str::<Condition>(condition).unwrap().holds(value)
    }

    #[test]
    fn values_are_listed_or_single() {
        assert!(holds(r#"["LMC", "SMC"]"#, Value::Text("SMC")));
        assert!(holds(r#""LMC""#, Value::Text("LMC")) && !holds(r#""LMC""#, Value::Text("SMC")));
        assert!(holds("[1, 2]", Value::Number(2.0)) && !holds("[1, 2]", Value::Number(2.5)));
        assert!(holds("true", Value::Boolean(true)));
        assert!(!holds(r#"["1"]"#, Value::Number(1.0)));
    }

    #[test]
    fn ranges_have_ends() {
        let inside = |range: &str, number| holds(range, Value::Number(number));
        assert!(inside(r#"{"min": 1, "max": 2}"#, 1.0) && inside(r#"{"min": 1, "max": 2}"#, 2.0));
        assert!(
            !inside(r#"{"above": 1, "below": 2}"#, 1.0)
                && !inside(r#"{"above": 1, "below": 2}"#, 2.0)
        );
        assert!(inside(r#"{"min": 1}"#, 1e300) && !inside(r#"{"min": 1}"#, 0.5));
    }

    #[test]
    fn missing_values_pass_only_when_listed() {
        for condition in [
            r#"["a"]"#,
            r#"{"not": ["a"]}"#,
            r#"{"min": 0}"#,
            r#"{"not": {"min": 0}}"#,
            r#"{"not": [null]}"#,
        ] {
            assert!(!holds(condition, Value::Missing), "{condition}");
        }
        assert!(holds("[null, 1]", Value::Missing) && holds("null", Value::Missing));
        assert!(holds(r#"{"not": [null]}"#, Value::Text("a")));
    }

    #[test]
    fn not_is_the_contrary() {
        assert!(
            holds(r#"{"not": ["a"]}"#, Value::Text("b"))
                && !holds(r#"{"not": "a"}"#, Value::Text("a"))
        );
        assert!(holds(r#"{"not": {"min": 3}}"#, Value::Number(2.0)));
    }

    #[test]
    fn nonsense_is_refused() {
        let check = |condition: &str, kind| from_str::<Condition>(condition).unwrap().check(kind);
        assert!(check(r#"{"min": 3}"#, Kind::Text).unwrap_err().contains("list values"));
        assert!(check(r#"{"min": 3, "max": 2}"#, Kind::Number).is_err());
        assert!(check("{}", Kind::Number).is_err());
        assert!(check("[]", Kind::Number).is_err());
        assert!(check(r#"["3"]"#, Kind::Number).unwrap_err().contains("quotes"));
        assert!(check("[3]", Kind::Text).unwrap_err().contains("put it in quotes"));
        assert!(check(r#"{"not": [true]}"#, Kind::Text).is_err());
        assert!(check("[3, null]", Kind::Number).is_ok());
        assert!(from_str::<Condition>(r#"{"mni": 3}"#).is_err());
    }
}
