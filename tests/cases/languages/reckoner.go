// Asks the host's kernels about one light curve.
package main

import (
	"math"
	"strings"

	"skyloom.dev/skyloom"
)

// Params: nothing may stand under `with:`.
type Params struct{}

var columns = []string{"time", "value", "error"}

var descriptor = skyloom.Descriptor{
	Name:        "reckoner",
	Version:     "0.1.0",
	Description: "Asks the host's kernels.",
	Role:        skyloom.Transformer,
	Scope:       skyloom.Partition,
	Inputs:      []skyloom.Port{{Name: "table", Description: "A light curve: `time`, `value`, `error`."}},
	Outputs:     []skyloom.Port{{Name: "answers", Description: "All numbers of all answers."}},
}

func bind(_ Params, bind *skyloom.Bind) error {
	for _, name := range columns {
		if _, err := bind.Column("table", name, "").Number().Read(skyloom.Value); err != nil {
			return err
		}
	}
	return bind.Add("answers", skyloom.Field{Name: "answer", Format: "g"})
}

func run(_ Params, task *skyloom.Task) error {
	input, err := task.Input("table")
	if err != nil {
		return err
	}
	output, err := task.Output("answers")
	if err != nil {
		return err
	}
	for {
		batch, err := input.Next()
		if err != nil || batch == nil {
			return err
		}
		found, err := ask(batch)
		if err != nil {
			return err
		}
		answers := skyloom.NewNumbers[float64](len(found))
		for _, number := range found {
			answers.Push(number)
		}
		if err := output.Put(answers); err != nil {
			return err
		}
	}
}

func ask(batch *skyloom.Batch) ([]float64, error) {
	var given [3][]float64
	for at, name := range columns {
		column, err := batch.Numbers(name)
		if err != nil {
			return nil, err
		}
		given[at] = column.Values
	}
	times := given[0]
	plain := skyloom.Curves{Offsets: []uint32{0, uint32(len(times))}, Times: times, Values: given[1]}
	all, err := search(plain, given[2])
	if err != nil {
		return nil, err
	}
	phases, err := skyloom.PhaseFold(times, 1/0.3, 60_000.5)
	if err != nil {
		return nil, err
	}
	indices, distances, err := skyloom.Nearest(times, []float64{60_100.25, 60_400}, 1, 3)
	if err != nil {
		return nil, err
	}
	counts, err := skyloom.PairwiseHistogram(plain, []float64{0, 10, 100}, []float64{-1, -0.1, 0.1, 1})
	if err != nil {
		return nil, err
	}
	all = append(append(append(all, phases...), floats(indices)...), distances...)
	all = append(all, floats(counts)...)
	trees, err := askTrees()
	if err != nil {
		return nil, err
	}
	all = append(all, trees...)
	if _, err := skyloom.PhaseFold(times, 0, 0); err != nil && strings.Contains(err.Error(), "period") {
		all = append(all, 1)
	}
	return all, nil
}

func search(plain skyloom.Curves, errors []float64) ([]float64, error) {
	grid := skyloom.Grid{Minimum: 0.05, Step: 0.001, Count: 400}
	weighed := plain
	weighed.Errors = errors
	var all []float64
	for _, ask := range []func() (skyloom.Peaks, error){
		func() (skyloom.Peaks, error) { return skyloom.LombScargle(weighed, grid, 2) },
		func() (skyloom.Peaks, error) {
			return skyloom.LombScargle(plain, skyloom.Resolution{Maximum: 0.5}, 1)
		},
		func() (skyloom.Peaks, error) { return skyloom.ConditionalEntropy(plain, grid, 10, 5, 1) },
		func() (skyloom.Peaks, error) {
			fitting := skyloom.Resolution{SamplesPerPeak: 4, Minimum: 0.1, Maximum: 0.5}
			return skyloom.PhaseDispersion(plain, fitting, 10, 2, 2)
		},
	} {
		found, err := ask()
		if err != nil {
			return nil, err
		}
		all = append(append(all, found.Frequencies...), found.Values...)
		all = append(all, found.FalseAlarmProbabilities...)
	}
	return all, nil
}

func askTrees() ([]float64, error) {
	forest, err := skyloom.Pack(skyloom.Trees{
		Offsets:     []uint32{0, 3},
		Features:    []uint32{0, skyloom.Leaf, skyloom.Leaf},
		Thresholds:  []float64{0.5, 0, 0},
		Lefts:       []uint32{1, 0, 0},
		Rights:      []uint32{2, 0, 0},
		MissingLeft: []uint8{1, 0, 0},
		Covers:      []float64{4, 1, 3},
		Values:      []float64{0, 0.25, 0.75},
		Width:       1,
		Classes:     1,
	})
	if err != nil {
		return nil, err
	}
	rows := []float64{0.5, 0.75, math.NaN()}
	values, err := forest.Predict(rows)
	if err != nil {
		return nil, err
	}
	reasons, err := forest.Shap(rows)
	return append(values, reasons...), err
}

func floats(integers []uint32) []float64 {
	made := make([]float64, len(integers))
	for at, integer := range integers {
		made[at] = float64(integer)
	}
	return made
}

func init() {
	skyloom.Export(skyloom.Plugin[Params]{Descriptor: descriptor, Bind: bind, Run: run})
}

// The host calls what init exports.
func main() {}
