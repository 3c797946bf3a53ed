/// Why a kernel cannot work on what it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// Arguments that do not fit each other, or are out of range; says which and why.
    #[error("{0}")]
    Arguments(String),
}
