//! A mistake in a workflow, with its place.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

/// The text of a workflow file and the name users know it by.
#[derive(Debug, Clone)]
pub struct Source {
    pub name: Arc<str>,
    pub text: Arc<str>,
}

/// A value and the bytes of the source that it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    pub value: T,
    pub span: Range<usize>,
}

impl<T> At<T> {
    pub fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }
}

impl<T> std::ops::Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A mistake the user can mend: what is wrong, where, and what to do.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Stable, for machines: `room::what`.
    pub code: &'static str,
    pub message: String,
    /// What stands at the marked place.
    pub label: String,
    pub span: Range<usize>,
    /// A second place that has to do with it, and what stands there.
    pub also: Option<(Range<usize>, String)>,
    /// What to do.
    pub help: Option<String>,
    /// None where the mistake is on the command line.
    source: Option<NamedSource<Arc<str>>>,
}

impl Fault {
    pub fn new(
        source: &Source,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        // A span past the end would hide the message behind a rendering error.
        let end = source.text.len();
        let span = span.start.min(end)..span.end.min(end).max(span.start.min(end));
        Self {
            code,
            message: message.into(),
            label: String::new(),
            span,
            also: None,
            help: None,
            source: Some(NamedSource::new(&*source.name, Arc::clone(&source.text))),
        }
    }

    /// A mistake on the command line, which has no place in the file.
    pub fn of_command(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            label: String::new(),
            span: 0..0,
            also: None,
            help: None,
            source: None,
        }
    }

    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    #[must_use]
    pub fn also(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.also = Some((span, label.into()));
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Line and column of the place, both from 1; columns count characters.
    pub fn position(&self) -> (usize, usize) {
        let text = self.source.as_ref().map_or("", |source| &source.inner()[..self.span.start]);
        let line = text.matches('\n').count() + 1;
        let column = text.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        (line, column)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl Diagnostic for Fault {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.source.as_ref()?;
        let label = (!self.label.is_empty()).then(|| self.label.clone());
        let place = LabeledSpan::new_primary_with_span(label, self.span.clone());
        let also = self.also.clone();
        let also = also.map(|(span, label)| LabeledSpan::new_with_span(Some(label), span));
        Some(Box::new(std::iter::once(place).chain(also)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }
}

/// "did you mean `x`?", if one of `known` is close to `word`; else what there is.
pub fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<_> = known.into_iter().collect();
    if let Some(other) = closest(word, known.iter().copied()) {
        return format!("did you mean `{other}`?");
    }
    if known.is_empty() {
        return "there is none".to_owned();
    }
    known.sort_unstable();
    let more = if known.len() > 20 { ", …" } else { "" };
    known.truncate(20);
    format!("there is: {}{more}", known.join(", "))
}

/// The one of `known` that `word` was probably meant to be: a slip or two away, or begun
/// with it.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let slips = 1 + word.chars().count() / 4;
    let known: Vec<_> = known.into_iter().collect();
    let near = known
        .iter()
        .map(|other| (strsim::damerau_levenshtein(&word, &other.to_lowercase()), *other));
    let near = near.min().filter(|(distance, other)| {
        // Any two short words are one slip apart; only case may differ in the shortest.
        *distance <= slips && *distance < other.chars().count().max(word.chars().count())
    });
    let mut begun =
        known.iter().filter(|other| word.len() >= 3 && other.to_lowercase().starts_with(&word));
    match (near, begun.next(), begun.next()) {
        (Some((_, other)), ..) => Some(other),
        (None, Some(other), None) => Some(other),
        _ => None,
    }
}
