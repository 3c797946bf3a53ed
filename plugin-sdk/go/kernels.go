package skyloom

import "structs"

// Heavy numerical routines that the host lends: at native speed, on all cores that idle. A plugin
// that calls none of them imports none. What does not fit is an error that says what is wrong with it.
// Outside a component, as in a test, every call fails.

// Curves are light curves behind each other, as Arrow lays out lists.
type Curves struct {
	// Offsets say where each light curve begins, and at last the number of points.
	Offsets []uint32
	// Times are in days, finite, in any order.
	Times []float64
	// Values are finite.
	Values []float64
	// Errors are 1σ, positive and finite; nil where all points weigh the same.
	Errors []float64
	// Bands are those of the points; nil where all are of one.
	Bands []uint8
}

// Frequencies, in cycles per day, are a [Grid] or a [Resolution].
type Frequencies interface {
	laidOut() wireFrequencies
}

// wireFrequencies are how the contract has them: the case, and its numbers as bits.
type wireFrequencies struct {
	_                            structs.HostLayout
	fitting                      bool
	first, second, third, fourth uint64
}

// A Grid is Minimum, Minimum + Step, …
type Grid struct {
	Minimum, Step float64
	Count         uint32
}

// A Resolution is frequencies that suit the time span of each light curve.
type Resolution struct {
	// SamplesPerPeak says how finely a peak is sampled, whose width is one over the time span;
	// 0 means 5.
	SamplesPerPeak float64
	// Minimum 0 means half a step.
	Minimum, Maximum float64
}

// Peaks are for each light curve as many as were asked for, the best first; NaN where there are
// fewer.
type Peaks struct {
	// Frequencies are in cycles per day.
	Frequencies []float64
	// Values are what the method measures: the power, the entropy, or the dispersion.
	Values []float64
	// FalseAlarmProbabilities, of [LombScargle] alone, say how often noise alone has a peak as
	// high (Baluev 2008); NaN with several bands.
	FalseAlarmProbabilities []float64
}

// LombScargle gives the highest peaks of the generalised Lomb–Scargle periodogram, with a floating
// mean and a power in 0..1; with bands, one sinusoid and mean for each.
//
// Zechmeister & Kürster 2009, doi:10.1051/0004-6361:200811296; VanderPlas & Ivezić 2015,
// doi:10.1088/0004-637X/812/1/18.
func LombScargle(curves Curves, frequencies Frequencies, peaks uint32) (Peaks, error) {
	return search(lombScargle, curves, frequencies, [3]uint32{peaks})
}

// ConditionalEntropy gives the lowest minima of the conditional entropy of the folded light curve,
// in nats.
//
// Graham et al. 2013, doi:10.1093/mnras/stt1264.
func ConditionalEntropy(curves Curves, frequencies Frequencies, phaseBins, valueBins, peaks uint32) (Peaks, error) {
	return search(conditionalEntropy, curves, frequencies, [3]uint32{phaseBins, valueBins, peaks})
}

// PhaseDispersion gives the lowest minima of the phase dispersion, over so many phase bins,
// covers times.
//
// Stellingwerf 1978, doi:10.1086/156444.
func PhaseDispersion(curves Curves, frequencies Frequencies, bins, covers, peaks uint32) (Peaks, error) {
	return search(phaseDispersion, curves, frequencies, [3]uint32{bins, covers, peaks})
}

// PhaseFold gives phases in 0..1 of times in days, 0 at epoch.
func PhaseFold(times []float64, period, epoch float64) ([]float64, error) {
	return phaseFold(times, period, epoch)
}

// PairwiseHistogram counts for each light curve how many pairs of points differ by so much in time
// and value: time bins by value bins. Edges rise.
//
// Mahabal et al. 2017, doi:10.1109/SSCI.2017.8280984.
func PairwiseHistogram(curves Curves, timeEdges, valueEdges []float64) ([]uint32, error) {
	return pairwiseHistogram(curves, timeEdges, valueEdges)
}

// Nearest finds the count nearest of known to each of queries: rows of so many numbers. It gives
// rows of known, the nearest first, of equally near ones the earlier first, and Euclidean distances.
func Nearest(known, queries []float64, dimensions, count uint32) (indices []uint32, distances []float64, err error) {
	return nearest(known, queries, dimensions, count)
}

// Leaf stands in place of a feature where a node tests nothing.
const Leaf = 1<<32 - 1

// Trees are decision trees, node by node. To the left go values up to and including the threshold.
type Trees struct {
	// Offsets say where each tree begins, and at last the number of nodes.
	Offsets []uint32
	// Features are those that nodes test; [Leaf] in a leaf.
	Features []uint32
	// Thresholds are not NaN.
	Thresholds []float64
	// Lefts and Rights are children, counted from the tree's first node, and after their parent.
	Lefts, Rights []uint32
	// MissingLeft is 1 where missing values go to the left.
	MissingLeft []uint8
	// Covers are the weight of the training rows that came by. Only [Forest.Shap] needs them.
	Covers []float64
	// Values are those of each node; only those of leaves count.
	Values []float64
	// ClassOfTree is nil where leaves have a value for every class, as in a random forest.
	ClassOfTree []uint32
	// IsSum says that the answers of trees are added, as in boosting; else their mean is taken.
	IsSum bool
	// Width is the numbers in a row, Classes those in an answer.
	Width, Classes uint32
}

// A Forest is trees, checked and packed once for many calls, for as long as the run.
type Forest struct{ handle uint32 }

// Pack checks and packs trees.
func Pack(trees Trees) (Forest, error) { return pack(trees) }

// Predict gives of each row, with NaN where a value is missing, the value of each class.
func (f Forest) Predict(rows []float64) ([]float64, error) { return f.predict(rows) }

// Shap gives of each row the Shapley value of each feature for each class, class by class. It
// needs covers.
//
// Path-dependent TreeSHAP, Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9.
func (f Forest) Shap(rows []float64) ([]float64, error) { return f.shap(rows) }

// A method is a search for peaks.
type method int

const (
	lombScargle method = iota
	conditionalEntropy
	phaseDispersion
)
