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
    /// What to do.
    pub help: Option<String>,
    source: NamedSource<Arc<str>>,
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
            help: None,
            source: NamedSource::new(&*source.name, Arc::clone(&source.text)),
        }
    }

    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Line and column of the place, both from 1; columns count characters.
    pub fn position(&self) -> (usize, usize) {
        let text = &self.source.inner()[..self.span.start];
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
        let label = (!self.label.is_empty()).then(|| self.label.clone());
        let span = LabeledSpan::new(label, self.span.start, self.span.len());
        Some(Box::new(std::iter::once(span)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }
}

/// "did you mean `x`?", if one of `known` is close to `word`; else what there is.
pub fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<_> = known.into_iter().collect();
    let distance = |other: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &other.to_lowercase());
    let close = known.iter().map(|other| (distance(other), *other)).min();
    match close {
        Some((distance, other)) if distance <= 1 + word.chars().count() / 4 => {
            format!("did you mean `{other}`?")
        }
        Some(_) => {
            known.sort_unstable();
            let more = if known.len() > 20 { ", …" } else { "" };
            known.truncate(20);
            format!("there is: {}{more}", known.join(", "))
        }
        None => "there is none".to_owned(),
    }
}
