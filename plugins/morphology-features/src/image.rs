//! Pixels, and why there may be none.

/// The most pixels that an image may have.
pub const MAX_PIXELS: usize = 1 << 20;
/// The least pixels in a row and in a column.
pub const MIN_SIDE: usize = 5;

/// Why features are null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    NoImage,
    NotFits,
    NotTwoAxes,
    BadHeader,
    Truncated,
    BadGzip,
    TooLarge,
    TooSmall,
    NotRectangular,
    MaskedBorder,
    NoSource,
    NoPetrosian,
    BeyondEdge,
    MaskedSource,
    NoFlux,
    Undefined,
}

impl Why {
    const ALL: [Self; 16] = [
        Self::NoImage,
        Self::NotFits,
        Self::NotTwoAxes,
        Self::BadHeader,
        Self::Truncated,
        Self::BadGzip,
        Self::TooLarge,
        Self::TooSmall,
        Self::NotRectangular,
        Self::MaskedBorder,
        Self::NoSource,
        Self::NoPetrosian,
        Self::BeyondEdge,
        Self::MaskedSource,
        Self::NoFlux,
        Self::Undefined,
    ];

    /// As it stands in the column of reasons.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoImage => "no image",
            Self::NotFits => "not a FITS file",
            Self::NotTwoAxes => "the primary HDU is no image of two axes",
            Self::BadHeader => "damaged FITS header",
            Self::Truncated => "truncated FITS file",
            Self::BadGzip => "damaged gzip",
            Self::TooLarge => "more than 1048576 pixels",
            Self::TooSmall => "fewer than 5 pixels in a row or column",
            Self::NotRectangular => "the numbers fill no rectangle",
            Self::MaskedBorder => "half of the border or more is masked",
            Self::NoSource => "no source near the centre",
            Self::NoPetrosian => "no Petrosian radius within the image",
            Self::BeyondEdge => "the source reaches beyond the image",
            Self::MaskedSource => "masked pixels in the source",
            Self::NoFlux => "no positive flux",
            Self::Undefined => "some feature is not defined for these pixels",
        }
    }

    /// All words, sorted.
    pub fn words() -> Vec<String> {
        let mut words: Vec<_> = Self::ALL.iter().map(|why| why.word().to_owned()).collect();
        words.sort();
        words
    }
}

/// An image; masked pixels are NaN, and none is infinite.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    width: usize,
    height: usize,
    pixels: Vec<f64>,
}

impl Image {
    /// `pixels` row by row. What is not finite is masked.
    ///
    /// # Errors
    /// When they do not fill `width` × `height`, or are too many or too few.
    pub fn new(width: usize, height: usize, mut pixels: Vec<f64>) -> Result<Self, Why> {
        if pixels.len() > MAX_PIXELS {
            return Err(Why::TooLarge);
        }
        if width.checked_mul(height) != Some(pixels.len()) {
            return Err(Why::NotRectangular);
        }
        if width < MIN_SIDE || height < MIN_SIDE {
            return Err(Why::TooSmall);
        }
        pixels.iter_mut().filter(|pixel| !pixel.is_finite()).for_each(|pixel| *pixel = f64::NAN);
        Ok(Self { width, height, pixels })
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels, row by row.
    pub fn pixels(&self) -> &[f64] {
        &self.pixels
    }

    /// The pixel in column `x` of row `y`; NaN where it is masked.
    pub fn at(&self, x: usize, y: usize) -> f64 {
        self.pixels[y * self.width + x]
    }

    /// The pixel in column `x` of row `y`; NaN outside of the image, too.
    pub fn get(&self, x: i64, y: i64) -> f64 {
        match (usize::try_from(x), usize::try_from(y)) {
            (Ok(x), Ok(y)) if x < self.width && y < self.height => self.at(x, y),
            _ => f64::NAN,
        }
    }

    /// The image with `level` subtracted.
    #[must_use]
    pub fn less(&self, level: f64) -> Self {
        let pixels = self.pixels.iter().map(|pixel| pixel - level).collect();
        Self { pixels, ..*self }
    }

    /// Columns and rows whose pixels may touch the circle of radius `r` around (`x`, `y`), as
    /// half-open ranges.
    pub fn around(&self, x: f64, y: f64, r: f64) -> [(usize, usize); 2] {
        let range = |centre: f64, side: usize| {
            // Casts saturate: what lies outside becomes the side.
            let low = libm::floor(centre - r).max(0.0) as usize;
            let high = (libm::ceil(centre + r).max(-1.0) + 1.0) as usize;
            (low.min(side), high.min(side))
        };
        [range(x, self.width), range(y, self.height)]
    }

    /// Whether the circle lies within the image, whose pixels reach by half of one beyond
    /// their centres.
    pub fn holds(&self, x: f64, y: f64, r: f64) -> bool {
        let inside =
            |centre: f64, side: usize| centre - r >= -0.5 && centre + r <= side as f64 - 0.5;
        inside(x, self.width) && inside(y, self.height)
    }
}
