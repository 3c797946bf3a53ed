//! The widest vector unit that is there, found at run time.
//!
//! Work is written once and compiled for every width below: with the operations of
//! [`Vector`], or as plain loops over lanes, of which the compiler makes vector instructions.
//! The numbers are the same at any width: a lane never meets another but in a fixed order,
//! and nothing is fused but what is fused at every width.

use crate::simd::{Plain, Vector};

/// A vector unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// What every processor of the architecture has. A fused multiplication and addition may
    /// be emulated, slowly, with the same bits.
    Baseline,
    /// 256 bits: AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512 bits: AVX-512 F, BW, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// Work to compile for each width.
///
/// `run` and all that it calls must be `#[inline(always)]`, for what is not inlined is
/// compiled for the baseline.
pub(crate) trait Work {
    type Output;
    fn run<V: Vector>(self) -> Self::Output;
}

impl Width {
    /// The widest that this machine has.
    pub(crate) fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        for width in [Self::Avx512, Self::Avx2] {
            if width.is_here() {
                return width;
            }
        }
        Self::Baseline
    }

    /// All that this machine has, the widest last.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        let all = [Self::Baseline, Self::Avx2, Self::Avx512];
        #[cfg(not(target_arch = "x86_64"))]
        let all = [Self::Baseline];
        all.into_iter().filter(|width| width.is_here()).collect()
    }

    #[cfg(any(test, target_arch = "x86_64"))]
    fn is_here(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        let has_avx2 = || {
            is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt")
        };
        match self {
            Self::Baseline => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => has_avx2(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                has_avx2()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
        }
    }

    /// Runs the work as compiled for this width.
    pub(crate) fn run<W: Work>(self, work: W) -> W::Output {
        match self {
            Self::Baseline => work.run::<Plain>(),
            // SAFETY: only `widest` and `all` make these, where the processor has the features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { x86::avx2(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { x86::avx512(work) },
        }
    }
}

/// Runs the work with the widest vector unit that this machine has.
pub(crate) fn widest<W: Work>(work: W) -> W::Output {
    Width::widest().run(work)
}

/// Runs the work at every width that this machine has, the baseline first.
#[cfg(test)]
pub(crate) fn every<W: Work>(work: impl Fn() -> W) -> Vec<W::Output> {
    Width::all().into_iter().map(|width| width.run(work())).collect()
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Work;
    use crate::simd::x86::{Avx2, Avx512};

    #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
    pub(super) fn avx2<W: Work>(work: W) -> W::Output {
        work.run::<Avx2>()
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
    pub(super) fn avx512<W: Work>(work: W) -> W::Output {
        work.run::<Avx512>()
    }
}
