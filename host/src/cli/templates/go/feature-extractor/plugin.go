// Adds the signal-to-noise ratio of a measured column.
//
//   - package signal: the formula;
//   - here: which columns come in and which go out.
package main

import (
	"skyloom.dev/skyloom"

	"plugin-name/signal"
)

// Params is what may stand under `with:` in a workflow.
type Params struct {
	Value string `json:"value" doc:"The column that was measured."`
	Error string `json:"error" doc:"The column with its 1σ error, in the same unit."`
	Name  string `json:"name" doc:"What the new column is called." default:"snr"`
}

var descriptor = skyloom.Descriptor{
	Name:        "plugin-name",
	Version:     "0.1.0",
	Description: "PLUGIN DESCRIPTION",
	Role:        skyloom.FeatureExtractor,
	Scope:       skyloom.Partition,
	Inputs:      []skyloom.Port{{Name: "table", Description: "Any table with a measured column and its error."}},
	Outputs:     []skyloom.Port{{Name: "features", Description: "The same table and the signal-to-noise ratio."}},
}

func bind(params Params, bind *skyloom.Bind) error {
	value, err := bind.Column("table", params.Value, "value").Number().Read(skyloom.Value)
	if err != nil {
		return err
	}
	column := bind.Column("table", params.Error, "error").Number()
	if unit, said := value.Metadata["unit"]; said {
		column = column.Unit(unit)
	}
	if _, err := column.Read(skyloom.Value); err != nil {
		return err
	}
	if err := bind.PassAll("features", "table"); err != nil {
		return err
	}
	snr := skyloom.NewField(params.Name, "g").
		WithUCD("stat.snr").
		WithDescription(params.Value + " over " + params.Error)
	return bind.Add("features", snr)
}

func makeColumns(params Params, batch *skyloom.Batch) ([]skyloom.Column, error) {
	values, err := batch.Numbers(params.Value)
	if err != nil {
		return nil, err
	}
	errors, err := batch.Numbers(params.Error)
	if err != nil {
		return nil, err
	}
	ratios := skyloom.NewNumbers[float64](batch.Rows())
	for row := range batch.Rows() {
		value, hasValue := values.At(row)
		sigma, hasSigma := errors.At(row)
		ratio, there := signal.ToNoise(value, sigma)
		ratios.PushIf(ratio, hasValue && hasSigma && there)
	}
	return []skyloom.Column{ratios}, nil
}

func init() {
	skyloom.Export(skyloom.Plugin[Params]{Descriptor: descriptor, Bind: bind, Map: makeColumns})
}

// The host calls what init exports.
func main() {}
