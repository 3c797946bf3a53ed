// Explains a threshold on one column: how far each row lies from it.
//
//   - package margin: the formula;
//   - here: columns in, the key, the margin and what it is made of out.
package main

import (
	"skyloom.dev/skyloom"

	"plugin-name/margin"
)

// Params is what may stand under `with:` in a workflow.
type Params struct {
	Column    string  `json:"column" doc:"The column that decides."`
	Threshold float64 `json:"threshold" doc:"Where the classes part."`
	Width     float64 `json:"width" doc:"The unit of the margin, in that of the column; 0 for the column's own." min:"0" default:"0.0"`
	Key       *string `json:"key" doc:"The column that says which row this is. Without, the one marked as key."`
}

// What a row at the threshold has.
const baseValue = 0.0

var descriptor = skyloom.Descriptor{
	Name:        "plugin-name",
	Version:     "0.1.0",
	Description: "PLUGIN DESCRIPTION",
	Role:        skyloom.Explainer,
	Scope:       skyloom.Partition,
	Inputs:      []skyloom.Port{{Name: "data", Description: "The rows that were classified, with a key and the column that decides."}},
	Outputs:     []skyloom.Port{{Name: "attributions", Description: "The key, the margin, and what contributes to it."}},
}

func bind(params Params, bind *skyloom.Bind) error {
	if _, err := bind.Column("data", params.Column, "column").Number().Read(skyloom.Feature); err != nil {
		return err
	}
	key, err := bind.Key("data", params.Key)
	if err != nil {
		return err
	}
	named := ""
	if params.Key != nil {
		named = "key"
	}
	if _, err := bind.Column("data", key, named).Check(); err != nil {
		return err
	}
	if err := bind.Pass("attributions", "data", key); err != nil {
		return err
	}
	for _, field := range [][2]string{
		{"margin", "distance from the threshold, positive above it"},
		{"base_value", "the margin of a row at the threshold"},
		{"contribution_" + params.Column, "what the column adds to the base value"},
	} {
		if err := bind.Add("attributions", skyloom.NewField(field[0], "g").WithDescription(field[1])); err != nil {
			return err
		}
	}
	return nil
}

func makeColumns(params Params, batch *skyloom.Batch) ([]skyloom.Column, error) {
	values, err := batch.Numbers(params.Column)
	if err != nil {
		return nil, err
	}
	margins := skyloom.NewNumbers[float64](batch.Rows())
	bases := skyloom.NewNumbers[float64](batch.Rows())
	contributions := skyloom.NewNumbers[float64](batch.Rows())
	for row := range batch.Rows() {
		value, hasValue := values.At(row)
		margin, there := margin.Of(value, params.Threshold, params.Width)
		there = there && hasValue
		margins.PushIf(margin, there)
		bases.PushIf(baseValue, there)
		contributions.PushIf(margin-baseValue, there)
	}
	return []skyloom.Column{margins, bases, contributions}, nil
}

func init() {
	skyloom.Export(skyloom.Plugin[Params]{Descriptor: descriptor, Bind: bind, Map: makeColumns})
}

// The host calls what init exports.
func main() {}
