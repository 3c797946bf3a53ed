// Tells two classes apart by a threshold on one column.
//
//   - package cut: the rule;
//   - here: columns in, the key, a class and its probabilities out.
package main

import (
	"skyloom.dev/skyloom"

	"plugin-name/cut"
)

// Params is what may stand under `with:` in a workflow.
type Params struct {
	Column    string  `json:"column" doc:"The column that decides."`
	Threshold float64 `json:"threshold" doc:"Where the classes part."`
	Above     string  `json:"above" doc:"The class of rows above the threshold."`
	Below     string  `json:"below" doc:"The class of rows below it."`
	Width     float64 `json:"width" doc:"On both sides of the threshold, the probability changes over this distance; 0 for a\nsharp cut." min:"0" default:"0.0"`
	Key       *string `json:"key" doc:"The column that says which row this is. Without, the one marked as key."`
}

var descriptor = skyloom.Descriptor{
	Name:        "plugin-name",
	Version:     "0.1.0",
	Description: "PLUGIN DESCRIPTION",
	Role:        skyloom.Classifier,
	Scope:       skyloom.Partition,
	Inputs:      []skyloom.Port{{Name: "data", Description: "Rows to classify, with a key and the column that decides."}},
	Outputs:     []skyloom.Port{{Name: "predictions", Description: "The key, the likelier class, a probability for each class."}},
}

func bind(params Params, bind *skyloom.Bind) error {
	if params.Above == params.Below {
		return skyloom.Param("below", "the two classes need different names")
	}
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
	if err := bind.Pass("predictions", "data", key); err != nil {
		return err
	}
	classes := []string{params.Above, params.Below}
	class := skyloom.NewField("class", "u").
		WithCategories(classes).
		WithDescription("the likelier class; null where the column has no value")
	if err := bind.Add("predictions", class); err != nil {
		return err
	}
	for _, class := range classes {
		probability := skyloom.NewField("p_"+class, "g").WithDescription("probability of class " + class)
		if err := bind.Add("predictions", probability); err != nil {
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
	class := skyloom.NewStrings(batch.Rows())
	above := skyloom.NewNumbers[float64](batch.Rows())
	below := skyloom.NewNumbers[float64](batch.Rows())
	for row := range batch.Rows() {
		value, hasValue := values.At(row)
		probability, there := cut.ProbabilityAbove(value, params.Threshold, params.Width)
		there = there && hasValue
		switch {
		case !there:
			class.PushNull()
		case probability >= 0.5:
			class.Push(params.Above)
		default:
			class.Push(params.Below)
		}
		above.PushIf(probability, there)
		below.PushIf(1-probability, there)
	}
	return []skyloom.Column{class, above, below}, nil
}

func init() {
	skyloom.Export(skyloom.Plugin[Params]{Descriptor: descriptor, Bind: bind, Map: makeColumns})
}

// The host calls what init exports.
func main() {}
