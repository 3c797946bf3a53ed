//! The same code, compiled for several vector units, the best of which is chosen at run time.

/// Numbers that are worked on side by side, whatever the width of a register.
pub(crate) const LANES: usize = 8;

pub(crate) type Lanes = [f64; LANES];

/// A piece of [`Lanes`] that fits in one register.
///
/// All operations are those of IEEE 754 in each lane, so that numbers do not depend on the
/// width.
pub(crate) trait Vector: Copy {
    /// How many of these make [`Lanes`].
    const PIECES: usize;

    fn load(from: &Lanes, piece: usize) -> Self;
    fn store(self, to: &mut Lanes, piece: usize);
    fn splat(number: f64) -> Self;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// self · factor + addend, rounded once.
    fn times_plus(self, factor: Self, addend: Self) -> Self;
    /// self · factor − subtrahend, rounded once.
    fn times_minus(self, factor: Self, subtrahend: Self) -> Self;
}

/// Work whose body is written once.
///
/// `run` and all that it calls are `#[inline(always)]`, so that they are compiled with the
/// features of the function that they end in. Closures cannot be told so: in what is hot, loops
/// stand instead. A closure that is not inlined gives the same numbers, by a call for each
/// `mul_add`.
pub(crate) trait Work {
    type Output;
    fn run<V: Vector>(self) -> Self::Output;
}

/// Runs `work` with the widest vector unit that this machine has.
///
/// A fused multiplication and addition is one instruction where there are AVX2 and FMA, or
/// AVX-512, or on ARM; elsewhere it is emulated, slowly, with the same bits.
pub(crate) fn widest<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_avx512() {
            // SAFETY: the features were found on this machine.
            return unsafe { x86::avx512(work) };
        }
        if x86::has_avx2() {
            // SAFETY: the features were found on this machine.
            return unsafe { x86::avx2(work) };
        }
    }
    work.run::<Plain>()
}

/// Runs `work` in every way that this machine can, the plainest first.
#[cfg(test)]
pub(crate) fn every<W: Work>(work: impl Fn() -> W) -> Vec<W::Output> {
    let mut outputs = vec![work().run::<Plain>()];
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_avx2() {
            // SAFETY: the features were found on this machine.
            outputs.push(unsafe { x86::avx2(work()) });
        }
        if x86::has_avx512() {
            // SAFETY: the features were found on this machine.
            outputs.push(unsafe { x86::avx512(work()) });
        }
    }
    outputs
}

/// Two numbers, as any machine has them.
#[derive(Clone, Copy)]
struct Plain([f64; 2]);

impl Plain {
    #[inline(always)]
    fn with(self, other: Self, operation: impl Fn(f64, f64) -> f64) -> Self {
        Self([operation(self.0[0], other.0[0]), operation(self.0[1], other.0[1])])
    }
}

impl Vector for Plain {
    const PIECES: usize = LANES / 2;

    #[inline(always)]
    fn load(from: &Lanes, piece: usize) -> Self {
        Self([from[2 * piece], from[2 * piece + 1]])
    }

    #[inline(always)]
    fn store(self, to: &mut Lanes, piece: usize) {
        to[2 * piece..2 * piece + 2].copy_from_slice(&self.0);
    }

    #[inline(always)]
    fn splat(number: f64) -> Self {
        Self([number; 2])
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }

    #[inline(always)]
    fn times_plus(self, factor: Self, addend: Self) -> Self {
        let ([a, b], [c, d], [e, f]) = (self.0, factor.0, addend.0);
        Self([a.mul_add(c, e), b.mul_add(d, f)])
    }

    #[inline(always)]
    fn times_minus(self, factor: Self, subtrahend: Self) -> Self {
        let [e, f] = subtrahend.0;
        self.times_plus(factor, Self([-e, -f]))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Lanes, Vector, Work};

    pub(super) fn has_avx2() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }

    pub(super) fn has_avx512() -> bool {
        has_avx2() && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq")
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn avx2<W: Work>(work: W) -> W::Output {
        work.run::<Avx2>()
    }

    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    pub(super) fn avx512<W: Work>(work: W) -> W::Output {
        work.run::<Avx512>()
    }

    /// Four numbers; used in [`avx2`] only.
    #[derive(Clone, Copy)]
    struct Avx2(__m256d);

    /// Eight numbers; used in [`avx512`] only.
    #[derive(Clone, Copy)]
    struct Avx512(__m512d);

    macro_rules! vector {
        ($name:ident, $pieces:literal, $load:ident, $store:ident, $splat:ident, $add:ident, $sub:ident, $mul:ident, $fmadd:ident, $fmsub:ident) => {
            impl Vector for $name {
                const PIECES: usize = $pieces;

                #[inline(always)]
                fn load(from: &Lanes, piece: usize) -> Self {
                    let piece = &from.as_chunks::<{ super::LANES / $pieces }>().0[piece];
                    // SAFETY: the feature is there where this type is used, and the piece is
                    // as long as a register.
                    Self(unsafe { $load(piece.as_ptr()) })
                }

                #[inline(always)]
                fn store(self, to: &mut Lanes, piece: usize) {
                    let piece = &mut to.as_chunks_mut::<{ super::LANES / $pieces }>().0[piece];
                    // SAFETY: as in `load`.
                    unsafe { $store(piece.as_mut_ptr(), self.0) }
                }

                #[inline(always)]
                fn splat(number: f64) -> Self {
                    // SAFETY: the feature is there where this type is used.
                    Self(unsafe { $splat(number) })
                }

                #[inline(always)]
                fn plus(self, other: Self) -> Self {
                    // SAFETY: the feature is there where this type is used.
                    Self(unsafe { $add(self.0, other.0) })
                }

                #[inline(always)]
                fn minus(self, other: Self) -> Self {
                    // SAFETY: the feature is there where this type is used.
                    Self(unsafe { $sub(self.0, other.0) })
                }

                #[inline(always)]
                fn times(self, other: Self) -> Self {
                    // SAFETY: the feature is there where this type is used.
                    Self(unsafe { $mul(self.0, other.0) })
                }

                #[inline(always)]
                fn times_plus(self, factor: Self, addend: Self) -> Self {
                    // SAFETY: the feature is there where this type is used.
                    Self(unsafe { $fmadd(self.0, factor.0, addend.0) })
                }

                #[inline(always)]
                fn times_minus(self, factor: Self, subtrahend: Self) -> Self {
                    // SAFETY: the feature is there where this type is used.
                    Self(unsafe { $fmsub(self.0, factor.0, subtrahend.0) })
                }
            }
        };
    }

    vector!(
        Avx2,
        2,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_set1_pd,
        _mm256_add_pd,
        _mm256_sub_pd,
        _mm256_mul_pd,
        _mm256_fmadd_pd,
        _mm256_fmsub_pd
    );
    vector!(
        Avx512,
        1,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_set1_pd,
        _mm512_add_pd,
        _mm512_sub_pd,
        _mm512_mul_pd,
        _mm512_fmadd_pd,
        _mm512_fmsub_pd
    );
}
