//! Vectors of numbers, as long as the registers of each vector unit.

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

/// Two numbers, as any machine has them.
#[derive(Clone, Copy)]
pub(crate) struct Plain([f64; 2]);

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
pub(crate) mod x86 {
    use std::arch::x86_64::*;

    use super::{Lanes, Vector};

    /// Four numbers; used at the width of AVX2 only.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx2(__m256d);

    /// Eight numbers; used at the width of AVX-512 only.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx512(__m512d);

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
