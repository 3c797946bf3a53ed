//! What was proved, what is broken, and what could not be looked at.

use indexmap::IndexMap;
use serde::Serialize;

use crate::data::Digest;
use crate::instance::Role;

/// A promise that components make; docs/conformance.md says what each proof is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Promise {
    /// Stable, for machines: `group.what`.
    pub id: &'static str,
    pub words: &'static str,
}

macro_rules! promises {
    ($($name:ident = $id:literal, $words:literal;)*) => {
        $(pub const $name: Promise = Promise { id: $id, words: $words };)*
        /// All promises, in the order of a report.
        pub const ALL: &[Promise] = &[$($name),*];
    };
}

promises! {
    COMPONENT = "description.component", "it is a component that speaks the contract";
    PURITY = "description.purity", "it sees nothing but its inputs";
    SAME_DESCRIPTION = "description.same", "it describes itself the same way each time";
    NAME = "description.name", "its name is its package's";
    VERSION = "description.version", "its version is a semantic version";
    PORTS = "description.ports", "its ports are those of its role";
    WORDS = "description.words", "it, its ports and parameters say what they are";
    SCHEMA = "parameters.schema", "its parameters are closed, and their defaults valid";
    NONSENSE = "parameters.nonsense", "it answers nonsense with an error, not a trap";
    PARAM_TYPES = "parameters.types", "a parameter of another type is answered in words";
    PARAM_MISSING = "parameters.missing", "a parameter that is missing is answered in words";
    PARAM_COLUMNS = "parameters.columns", "a column that is not there is named in the error";
    RUNS = "tables.runs", "it binds and runs on good input";
    OUTPUT = "tables.output", "what it writes is what `bind` said";
    READS = "tables.reads", "the columns that it declares are those it uses";
    ROWS = "role.rows", "rows and their key arrive as its role promises";
    PURPOSES = "role.purposes", "it reads columns for the purposes of its role";
    PROBABILITIES = "role.probabilities", "probabilities lie in [0, 1] and sum to 1";
    CLASS = "role.class", "the class is the likeliest";
    ATTRIBUTIONS = "role.attributions", "contributions sum to what they explain";
    REPEAT = "same.repeat", "the same result when run again";
    BATCHES = "same.batches", "the same result in batches of 1 and 7 rows";
    PARTITIONS = "same.partitions", "the same rows however they are partitioned";
    EMPTY = "odd.empty", "no rows: an empty result or an error with words";
    ONE_ROW = "odd.one-row", "one row: a result or an error with words";
    NULLS = "odd.nulls", "columns of nothing but nulls";
    NOT_FINITE = "odd.not-finite", "NaN and infinities";
    EXTREMES = "odd.extremes", "extreme numbers, long texts and lists";
    UNICODE = "odd.unicode", "empty, foreign and invisible text";
    FILES = "odd.files", "empty, cut-off and damaged files";
    MANY_ROWS = "limits.rows", "65,536 rows within the default memory and the kit's time";
    GOLDEN = "golden.case", "golden case";
    OWN_TESTS = "package.tests", "the package's own tests pass";
}

impl Promise {
    /// The part of the report that it belongs to.
    pub fn group(&self) -> &'static str {
        self.id.split('.').next().unwrap_or(self.id)
    }
}

/// What became of a promise. From best to worst, but for skipped ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "why")]
pub enum Outcome {
    /// It could not be looked at, and why.
    Skipped(String),
    Holds,
    /// It may hold, but nothing showed it.
    Doubtful(String),
    Broken(String),
}

impl Outcome {
    /// Holds, unless something is broken.
    pub fn of(broken: Option<String>) -> Self {
        broken.map_or(Self::Holds, Self::Broken)
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Skipped(_) => 0,
            Self::Holds => 1,
            Self::Doubtful(_) => 2,
            Self::Broken(_) => 3,
        }
    }
}

/// A promise and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    #[serde(flatten)]
    pub promise: Promise,
    /// The case, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// All that was looked at.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// None where it is no component of ours.
    pub plugin: Option<Subject>,
    /// What the inputs were: golden cases, or made up.
    pub inputs: Vec<String>,
    pub checks: Vec<Check>,
}

/// What was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Subject {
    pub name: String,
    pub version: String,
    pub role: Role,
    pub component: Digest,
}

impl Report {
    /// Notes an outcome. Of several about one promise the worst stays, the first of equals.
    pub(super) fn note(&mut self, promise: Promise, outcome: Outcome) {
        match self.checks.iter_mut().find(|check| check.promise == promise) {
            Some(known) if outcome.rank() > known.outcome.rank() => known.outcome = outcome,
            Some(_) => {}
            None => self.checks.push(Check { promise, case: None, outcome }),
        }
    }

    pub(super) fn note_case(&mut self, case: &str, outcome: Outcome) {
        self.checks.push(Check { promise: GOLDEN, case: Some(case.to_owned()), outcome });
    }

    /// Notes that these could not be looked at; what is known of them stays.
    pub(super) fn skip(&mut self, promises: &[Promise], why: &str) {
        for promise in promises {
            self.note(*promise, Outcome::Skipped(why.to_owned()));
        }
    }

    /// Puts the checks in the order of [`ALL`].
    pub(super) fn sort(&mut self) {
        let place = |check: &Check| ALL.iter().position(|promise| *promise == check.promise);
        self.checks.sort_by_key(place);
    }

    /// Whether nothing is broken; if `strict`, whether nothing is in doubt or skipped either.
    pub fn holds(&self, strict: bool) -> bool {
        self.checks.iter().all(|check| match check.outcome {
            Outcome::Holds => true,
            Outcome::Broken(_) => false,
            Outcome::Skipped(_) | Outcome::Doubtful(_) => !strict,
        })
    }

    /// The checks, by their group.
    pub fn groups(&self) -> IndexMap<&'static str, Vec<&Check>> {
        let mut groups: IndexMap<&'static str, Vec<&Check>> = IndexMap::new();
        for check in &self.checks {
            groups.entry(check.promise.group()).or_default().push(check);
        }
        groups
    }
}
