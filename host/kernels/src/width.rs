//! The widest vector unit that is there, found at run time.
//!
//! Kernels are plain loops over lanes. Each is compiled once for every width below, and the
//! compiler makes vector instructions of the loops. The numbers are the same at any width:
//! a lane never meets another, and nothing is fused.

/// A vector unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// What every processor of the architecture has.
    Baseline,
    /// 256 bits: AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512 bits: AVX-512 F, BW, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// A loop to compile for each width. `run` and all that it calls must be
/// `#[inline(always)]`, for what is not inlined is compiled for the baseline.
pub(crate) trait Lanes {
    fn run(self);
}

impl Width {
    /// The widest that this machine has.
    pub(crate) fn widest() -> Self {
        Self::all().last().copied().unwrap_or(Self::Baseline)
    }

    /// All that this machine has, the widest last.
    pub(crate) fn all() -> Vec<Self> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "there is one width"))]
        let mut all = vec![Self::Baseline];
        #[cfg(target_arch = "x86_64")]
        {
            let bits = is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt");
            if bits && is_x86_feature_detected!("avx2") {
                all.push(Self::Avx2);
            }
            if bits
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                all.push(Self::Avx512);
            }
        }
        all
    }

    /// Runs the loop as compiled for this width.
    pub(crate) fn run(self, lanes: impl Lanes) {
        match self {
            Self::Baseline => lanes.run(),
            // SAFETY: only `all` makes these, where the processor has the features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2(lanes) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { avx512(lanes) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn avx2(lanes: impl Lanes) {
    lanes.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,lzcnt,popcnt")]
fn avx512(lanes: impl Lanes) {
    lanes.run();
}
