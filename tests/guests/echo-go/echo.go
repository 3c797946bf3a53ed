// Emits every column it reads, as a new one: what comes back has crossed the border twice, and
// was an Arrow array of the SDK in between.
package main

import "skyloom.dev/skyloom"

// Params: nothing may stand under `with:`.
type Params struct{}

var descriptor = skyloom.Descriptor{
	Name:        "echo-go",
	Version:     "0.1.0",
	Description: "Gives back what it is given.",
	Role:        skyloom.Transformer,
	Scope:       skyloom.Partition,
	Inputs:      []skyloom.Port{{Name: "table", Description: "Any table."}},
	Outputs:     []skyloom.Port{{Name: "table", Description: "The same table."}},
}

func bind(_ Params, bind *skyloom.Bind) error {
	fields, err := bind.Fields("table")
	if err != nil {
		return err
	}
	for _, field := range fields {
		if _, err := bind.Column("table", field.Name, "").Read(skyloom.Value); err != nil {
			return err
		}
		if err := bind.Add("table", field); err != nil {
			return err
		}
	}
	return nil
}

func run(_ Params, task *skyloom.Task) error {
	input, err := task.Input("table")
	if err != nil {
		return err
	}
	output, err := task.Output("table")
	if err != nil {
		return err
	}
	for {
		batch, err := input.Next()
		if err != nil || batch == nil {
			return err
		}
		var columns []skyloom.Column
		for _, field := range batch.Fields() {
			column, err := batch.Column(field.Name)
			if err != nil {
				return err
			}
			columns = append(columns, column)
		}
		if err := output.Put(columns...); err != nil {
			return err
		}
	}
}

func init() {
	skyloom.Export(skyloom.Plugin[Params]{Descriptor: descriptor, Bind: bind, Run: run})
}

// The host calls what init exports.
func main() {}
