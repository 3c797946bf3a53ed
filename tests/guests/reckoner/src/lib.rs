//! Asks the kernels good and bad questions, one a row, and says what they answer.

use skyloom_plugin::prelude::*;

/// It has none.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {}

/// The plugin.
pub struct Reckoner;

impl Plugin for Reckoner {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::FeatureExtractor, Scope::Partition)
            .input("questions", "A column `question`.")
            .output("answers", "The same, and a column `answer`.")
    }

    fn bind(_: &Params, bind: &mut Bind) -> Result<()> {
        bind.column("questions", "question", None)?.text()?.read(Purpose::Value);
        bind.pass_all("answers", "questions")?;
        bind.add("answers", Field::new("answer", DataType::Utf8, false))
    }

    fn map(_: &Params, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let questions = batch.strings("question")?;
        let answers: StringArray =
            questions.iter().map(|question| Some(ask(question.unwrap_or_default()))).collect();
        Ok(vec![Arc::new(answers)])
    }
}

export!(Reckoner);

/// Natively there is no border to try.
#[cfg(not(target_arch = "wasm32"))]
fn ask(_: &str) -> String {
    String::new()
}

#[cfg(target_arch = "wasm32")]
fn ask(question: &str) -> String {
    guest::ask(question)
}

#[cfg(target_arch = "wasm32")]
mod guest {
    use skyloom_plugin::export::guest::skyloom::plugin::kernels as host;

    fn f64s(values: &[f64]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn u32s(values: &[u32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn grid(count: u32) -> host::Frequencies {
        host::Frequencies::Fixed(host::Grid { minimum: 0.05, step: 0.001, count })
    }

    /// 200 points of a sine of 0.3 cycles a day.
    fn sine() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let times: Vec<f64> = (0..200).map(|at| 60_000.0 + f64::from(at * at % 977)).collect();
        // A triangle's wave: no sine of the guest's own takes part.
        let values: Vec<f64> =
            times.iter().map(|time| ((time * 0.3).fract() - 0.5).abs()).collect();
        (u32s(&[0, 100, 200]), f64s(&times), f64s(&values))
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn search(
        change: impl FnOnce(&mut (Vec<u8>, Vec<u8>, Vec<u8>)),
        frequencies: host::Frequencies,
        peaks: u32,
    ) -> String {
        let mut sine = sine();
        change(&mut sine);
        let curves = host::Curves {
            offsets: &sine.0,
            times: &sine.1,
            values: &sine.2,
            errors: None,
            bands: None,
        };
        match host::lomb_scargle(curves, frequencies, peaks) {
            Ok(found) => hex(&found.peaks.frequencies),
            Err(words) => words,
        }
    }

    /// Two leaves below a root that tests feature 0 against 0.5.
    fn stump(left: u32, value: f64) -> Result<host::Forest, String> {
        host::Forest::pack(host::Trees {
            offsets: &u32s(&[0, 3]),
            features: &u32s(&[0, u32::MAX, u32::MAX]),
            thresholds: &f64s(&[0.5, 0.0, 0.0]),
            lefts: &u32s(&[left, 0, 0]),
            rights: &u32s(&[2, 0, 0]),
            missing_left: &[1, 0, 0],
            covers: &[],
            values: &f64s(&[0.0, 0.25, value]),
            leaves: host::Leaves::EveryClass,
            together: host::Together::Mean,
            width: 1,
            classes: 1,
        })
    }

    fn answer(answer: Result<Vec<u8>, String>) -> String {
        answer.map_or_else(|words| words, |bytes| hex(&bytes))
    }

    pub(super) fn ask(question: &str) -> String {
        match question {
            "period" => search(|_| {}, grid(400), 1),
            "odd bytes" => search(|sine| sine.1.truncate(7), grid(400), 1),
            "no offsets" => search(|sine| sine.0.clear(), grid(400), 1),
            "falling offsets" => search(|sine| sine.0 = u32s(&[0, 300, 200]), grid(400), 1),
            "too few values" => search(|sine| sine.2.truncate(80), grid(400), 1),
            "time is NaN" => search(|sine| sine.1[..8].fill(0xff), grid(400), 1),
            "no frequencies" => search(|_| {}, grid(0), 1),
            "frequencies without end" => search(|_| {}, grid(u32::MAX), 1),
            "peaks without end" => search(|_| {}, grid(400), u32::MAX),
            "no peaks" => search(|_| {}, grid(400), 0),
            "no samples" => {
                let fit =
                    host::Resolution { samples_per_peak: f64::NAN, minimum: None, maximum: 1.0 };
                search(|_| {}, host::Frequencies::Fitting(fit), 1)
            }
            "more than one call can do" => {
                let many = 30_000_000 / 8 * 8;
                let long = |sine: &mut (Vec<u8>, Vec<u8>, Vec<u8>)| {
                    sine.0 = u32s(&[0, many / 8]);
                    sine.1 = vec![0; many as usize];
                    sine.2 = vec![0; many as usize];
                };
                search(long, grid(1 << 26), 1)
            }
            "period of nothing" => answer(host::phase_fold(&f64s(&[1.0]), 0.0, 0.0)),
            "bins of nothing" => {
                let (offsets, times, values) = sine();
                let curves = host::Curves {
                    offsets: &offsets,
                    times: &times,
                    values: &values,
                    errors: None,
                    bands: None,
                };
                let found = host::conditional_entropy(curves, grid(10), 0, 5, 1);
                found.map_or_else(|words| words, |found| hex(&found.values))
            }
            "neighbours in no dimension" => {
                let found = host::knn(&f64s(&[1.0]), &f64s(&[1.0]), 0, 1);
                found.map_or_else(|words| words, |found| hex(&found.indices))
            }
            "neighbours without end" => {
                let found = host::knn(&f64s(&[1.0]), &f64s(&[1.0, 2.0]), 1, u32::MAX);
                found.map_or_else(|words| words, |found| hex(&found.indices))
            }
            "neighbour" => {
                let found = host::knn(&f64s(&[1.0, 5.0]), &f64s(&[4.0]), 1, 1);
                found.map_or_else(|words| words, |found| hex(&found.indices))
            }
            "a tree" => match stump(1, 0.75) {
                Ok(forest) => answer(forest.predict(&f64s(&[0.5, 0.6, f64::NAN]))),
                Err(words) => words,
            },
            "a loop" => stump(0, 0.75).map_or_else(|words| words, |_| "packed".to_owned()),
            "a child that is not there" => {
                stump(7, 0.75).map_or_else(|words| words, |_| "packed".to_owned())
            }
            "a leaf without value" => {
                stump(1, f64::NAN).map_or_else(|words| words, |_| "packed".to_owned())
            }
            "half a row" => match stump(1, 0.75) {
                Ok(forest) => answer(forest.predict(&[0; 7])),
                Err(words) => words,
            },
            "explained without covers" => match stump(1, 0.75) {
                Ok(forest) => answer(forest.tree_shap(&f64s(&[0.5]), None)),
                Err(words) => words,
            },
            "trees without end" => {
                let forests: Vec<_> = (0..10_000).map(|_| stump(1, 0.75)).collect();
                match forests.into_iter().find_map(Result::err) {
                    Some(words) => words,
                    None => "all packed".to_owned(),
                }
            }
            other => format!("what is `{other}`?"),
        }
    }
}
