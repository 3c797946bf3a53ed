//! What a plugin says about itself.

/// What a plugin is for: a promise that the conformance kit checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Ingester,
    FeatureExtractor,
    Transformer,
    Selector,
    Trainer,
    Classifier,
    Calibrator,
    Evaluator,
    Explainer,
    Simulator,
    Monitor,
}

/// How a node's input is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Rows are independent given their partition: one run a partition, in parallel.
    Partition,
    /// Runs over all partitions, once for each of the pieces that `bind` asked for.
    Whole,
}

/// What travels through a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortKind {
    /// Batches; one partition at a time where the plugin's scope is [`Scope::Partition`].
    Table,
    /// Batches of all partitions in any scope: a model, say.
    WholeTable,
    /// A file as it lies on disk.
    Blob,
}

/// An input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    pub name: &'static str,
    pub kind: PortKind,
    pub optional: bool,
    pub description: &'static str,
}

/// All a host must know before it binds. Made by [`descriptor!`](crate::descriptor!).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    pub name: &'static str,
    pub version: &'static str,
    pub description: &'static str,
    pub role: Role,
    pub scope: Scope,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
    pub citations: Vec<&'static str>,
}

impl Descriptor {
    /// A table input, cut in partitions where the scope says so.
    #[must_use]
    pub fn input(self, name: &'static str, description: &'static str) -> Self {
        self.port(name, PortKind::Table, false, description)
    }

    /// A table input that need not be connected.
    #[must_use]
    pub fn optional_input(self, name: &'static str, description: &'static str) -> Self {
        self.port(name, PortKind::Table, true, description)
    }

    /// A table that every run sees as a whole, such as a model.
    #[must_use]
    pub fn whole_input(self, name: &'static str, description: &'static str) -> Self {
        self.port(name, PortKind::WholeTable, false, description)
    }

    /// A file.
    #[must_use]
    pub fn blob(self, name: &'static str, description: &'static str) -> Self {
        self.port(name, PortKind::Blob, false, description)
    }

    fn port(
        mut self,
        name: &'static str,
        kind: PortKind,
        optional: bool,
        description: &'static str,
    ) -> Self {
        self.inputs.push(Port { name, kind, optional, description });
        self
    }

    /// A table that the plugin writes.
    #[must_use]
    pub fn output(mut self, name: &'static str, description: &'static str) -> Self {
        let kind = PortKind::Table;
        self.outputs.push(Port { name, kind, optional: false, description });
        self
    }

    /// The method's reference: a DOI or bibcode.
    #[must_use]
    pub fn cite(mut self, reference: &'static str) -> Self {
        self.citations.push(reference);
        self
    }
}

/// A [`Descriptor`] with name, version and description from the crate's `Cargo.toml`:
/// `descriptor!(Role::FeatureExtractor, Scope::Partition)`.
#[macro_export]
macro_rules! descriptor {
    ($role:expr, $scope:expr) => {
        $crate::descriptor::Descriptor {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            description: env!("CARGO_PKG_DESCRIPTION"),
            role: $role,
            scope: $scope,
            inputs: Vec::new(),
            outputs: Vec::new(),
            citations: Vec::new(),
        }
    };
}
