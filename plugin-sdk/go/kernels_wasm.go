package skyloom

// The interface skyloom:plugin/kernels@0.1.0 as the canonical ABI lays it out.

import (
	"math"
	"runtime"
	"structs"
	"unsafe"
)

//go:wasmimport skyloom:plugin/kernels@0.1.0 lomb-scargle
func hostLombScargle(asked, result unsafe.Pointer)

//go:wasmimport skyloom:plugin/kernels@0.1.0 conditional-entropy
func hostConditionalEntropy(asked, result unsafe.Pointer)

//go:wasmimport skyloom:plugin/kernels@0.1.0 phase-dispersion
func hostPhaseDispersion(asked, result unsafe.Pointer)

//go:wasmimport skyloom:plugin/kernels@0.1.0 phase-fold
func hostPhaseFold(times, length uint32, period, epoch float64, result unsafe.Pointer)

//go:wasmimport skyloom:plugin/kernels@0.1.0 pairwise-histogram
func hostPairwiseHistogram(offsets, offsetsLength, times, timesLength, values, valuesLength,
	hasErrors, errors, errorsLength, hasBands, bands, bandsLength, timeEdges, timeEdgesLength,
	valueEdges, valueEdgesLength uint32, result unsafe.Pointer)

//go:wasmimport skyloom:plugin/kernels@0.1.0 knn
func hostKnn(known, knownLength, queries, queriesLength, dimensions, count uint32, result unsafe.Pointer)

//go:wasmimport skyloom:plugin/kernels@0.1.0 [static]forest.pack
func hostForestPack(trees, result unsafe.Pointer)

//go:wasmimport skyloom:plugin/kernels@0.1.0 [method]forest.predict
func hostForestPredict(forest, rows, length uint32, result unsafe.Pointer)

//go:wasmimport skyloom:plugin/kernels@0.1.0 [method]forest.tree-shap
func hostForestTreeShap(forest, rows, length, isWanted, wanted, wantedLength uint32, result unsafe.Pointer)

type wireCurves struct {
	_                      structs.HostLayout
	offsets, times, values wireText
	hasSigmas              bool
	sigmas                 wireText
	hasBands               bool
	bands                  wireText
}

// wireSearch is all that a search is asked; how many of the numbers depends on the method.
type wireSearch struct {
	_           structs.HostLayout
	curves      wireCurves
	frequencies wireFrequencies
	numbers     [3]uint32
}

type wireTrees struct {
	_                                                                         structs.HostLayout
	offsets, features, thresholds, lefts, rights, missingLeft, covers, values wireText
	ofOneClass                                                                bool
	classOfTree                                                               wireText
	isSum                                                                     bool
	width, classes                                                            uint32
}

func (g Grid) laidOut() wireFrequencies {
	return wireFrequencies{first: math.Float64bits(g.Minimum), second: math.Float64bits(g.Step),
		third: uint64(g.Count)}
}

func (r Resolution) laidOut() wireFrequencies {
	samples, hasMinimum := r.SamplesPerPeak, uint64(0)
	if samples == 0 {
		samples = 5
	}
	if r.Minimum != 0 {
		hasMinimum = 1
	}
	return wireFrequencies{fitting: true, first: math.Float64bits(samples), second: hasMinimum,
		third: math.Float64bits(r.Minimum), fourth: math.Float64bits(r.Maximum)}
}

// numbers lowers a slice as the bytes that it is.
func numbers[T fixed](l *lowering, values []T) wireText { return l.bytes(Bytes(values)) }

func lowerCurves(l *lowering, curves Curves) wireCurves {
	return wireCurves{
		offsets: numbers(l, curves.Offsets), times: numbers(l, curves.Times),
		values: numbers(l, curves.Values), hasSigmas: curves.Errors != nil,
		sigmas: numbers(l, curves.Errors), hasBands: curves.Bands != nil,
		bands: numbers(l, curves.Bands),
	}
}

// What follows are no methods of answer: those would be in every component, whoever calls them.

// words are those of the host, of what does not fit.
func words(a *answer) error {
	if !a.failed {
		return nil
	}
	return Failed("%s", wireText{a.body[0], a.body[1]}.string())
}

// lifted is the list that lies so many words into the answer, where the host wrote it.
func lifted[T fixed](a *answer, word int) []T {
	return items[T](wireList{a.body[word], a.body[word+1] / uint32(unsafe.Sizeof(*new(T)))})
}

func search(by method, curves Curves, frequencies Frequencies, asked [3]uint32) (Peaks, error) {
	l, result, laidOut := new(lowering), new(answer), new(wireSearch)
	laidOut.curves, laidOut.numbers = lowerCurves(l, curves), asked
	laidOut.frequencies = frequencies.laidOut()
	defer letGo()
	switch by {
	case lombScargle:
		hostLombScargle(unsafe.Pointer(laidOut), unsafe.Pointer(result))
	case conditionalEntropy:
		hostConditionalEntropy(unsafe.Pointer(laidOut), unsafe.Pointer(result))
	case phaseDispersion:
		hostPhaseDispersion(unsafe.Pointer(laidOut), unsafe.Pointer(result))
	}
	runtime.KeepAlive(l)
	if err := words(result); err != nil {
		return Peaks{}, err
	}
	found := Peaks{Frequencies: lifted[float64](result, 0), Values: lifted[float64](result, 2)}
	if by == lombScargle {
		found.FalseAlarmProbabilities = lifted[float64](result, 4)
	}
	return found, nil
}

func phaseFold(times []float64, period, epoch float64) ([]float64, error) {
	l, result := new(lowering), new(answer)
	lowered := numbers(l, times)
	defer letGo()
	hostPhaseFold(lowered.at, lowered.length, period, epoch, unsafe.Pointer(result))
	runtime.KeepAlive(l)
	if err := words(result); err != nil {
		return nil, err
	}
	return lifted[float64](result, 0), nil
}

func pairwiseHistogram(curves Curves, timeEdges, valueEdges []float64) ([]uint32, error) {
	l, result := new(lowering), new(answer)
	c, dt, dm := lowerCurves(l, curves), numbers(l, timeEdges), numbers(l, valueEdges)
	defer letGo()
	hostPairwiseHistogram(c.offsets.at, c.offsets.length, c.times.at, c.times.length, c.values.at,
		c.values.length, flag(c.hasSigmas), c.sigmas.at, c.sigmas.length, flag(c.hasBands),
		c.bands.at, c.bands.length, dt.at, dt.length, dm.at, dm.length, unsafe.Pointer(result))
	runtime.KeepAlive(l)
	if err := words(result); err != nil {
		return nil, err
	}
	return lifted[uint32](result, 0), nil
}

func flag(is bool) uint32 {
	if is {
		return 1
	}
	return 0
}

func nearest(known, queries []float64, dimensions, count uint32) ([]uint32, []float64, error) {
	l, result := new(lowering), new(answer)
	rows, asked := numbers(l, known), numbers(l, queries)
	defer letGo()
	hostKnn(rows.at, rows.length, asked.at, asked.length, dimensions, count, unsafe.Pointer(result))
	runtime.KeepAlive(l)
	if err := words(result); err != nil {
		return nil, nil, err
	}
	return lifted[uint32](result, 0), lifted[float64](result, 2), nil
}

func pack(trees Trees) (Forest, error) {
	l, result := new(lowering), new(answer)
	lowered := &wireTrees{
		offsets: numbers(l, trees.Offsets), features: numbers(l, trees.Features),
		thresholds: numbers(l, trees.Thresholds), lefts: numbers(l, trees.Lefts),
		rights: numbers(l, trees.Rights), missingLeft: numbers(l, trees.MissingLeft),
		covers: numbers(l, trees.Covers), values: numbers(l, trees.Values),
		ofOneClass: trees.ClassOfTree != nil, classOfTree: numbers(l, trees.ClassOfTree),
		isSum: trees.IsSum, width: trees.Width, classes: trees.Classes,
	}
	defer letGo()
	hostForestPack(unsafe.Pointer(lowered), unsafe.Pointer(result))
	runtime.KeepAlive(l)
	if err := words(result); err != nil {
		return Forest{}, err
	}
	return Forest{result.body[0]}, nil
}

func (f Forest) predict(rows []float64) ([]float64, error) {
	l, result := new(lowering), new(answer)
	lowered := numbers(l, rows)
	defer letGo()
	hostForestPredict(f.handle, lowered.at, lowered.length, unsafe.Pointer(result))
	runtime.KeepAlive(l)
	if err := words(result); err != nil {
		return nil, err
	}
	return lifted[float64](result, 0), nil
}

func (f Forest) shap(rows []float64) ([]float64, error) {
	l, result := new(lowering), new(answer)
	lowered := numbers(l, rows)
	defer letGo()
	// Every class, not one for each row.
	hostForestTreeShap(f.handle, lowered.at, lowered.length, 0, 0, 0, unsafe.Pointer(result))
	runtime.KeepAlive(l)
	if err := words(result); err != nil {
		return nil, err
	}
	return lifted[float64](result, 0), nil
}
