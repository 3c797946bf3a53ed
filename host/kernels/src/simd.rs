//! The same code, compiled for several vector units, the best of which is chosen at run time.

/// Work whose body is written once, over lanes.
///
/// `run` and all that it calls are `#[inline(always)]`, so that they are compiled with the
/// features of the function that they end in. `LANES` says how many frequencies a loop should
/// hold at a time to fill the registers, no more: the numbers do not depend on it.
pub(crate) trait Work {
    type Output;
    fn run<const LANES: usize>(self) -> Self::Output;
}

/// Runs `work` with the widest vector unit that this machine has.
///
/// A fused multiplication and addition is one instruction where there are AVX2 and FMA, or
/// AVX-512, or on ARM; elsewhere it is emulated, slowly, with the same bits.
pub(crate) fn widest<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
            // SAFETY: the features were found on this machine.
            return unsafe { avx512(work) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the features were found on this machine.
            return unsafe { avx2(work) };
        }
    }
    work.run::<4>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
pub(crate) fn avx512<W: Work>(work: W) -> W::Output {
    work.run::<16>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
pub(crate) fn avx2<W: Work>(work: W) -> W::Output {
    work.run::<4>()
}

/// Runs `work` in every way that this machine can, the plainest first.
#[cfg(test)]
pub(crate) fn every<W: Work>(work: impl Fn() -> W) -> Vec<W::Output> {
    let mut outputs = vec![work().run::<4>()];
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the features were found on this machine.
            outputs.push(unsafe { avx2(work()) });
        }
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
            // SAFETY: the features were found on this machine.
            outputs.push(unsafe { avx512(work()) });
        }
    }
    outputs
}
