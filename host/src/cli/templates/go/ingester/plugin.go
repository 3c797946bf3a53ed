// Reads text tables whose columns are set apart by white space.
//
//   - package lines: text to fields, and what is a number;
//   - here: the file in, a typed table out.
package main

import (
	"slices"

	"skyloom.dev/skyloom"

	"plugin-name/lines"
)

// Params is what may stand under `with:` in a workflow.
type Params struct {
	Columns []string `json:"columns" doc:"The names of the columns, from left to right." items:"1"`
	Key     *string  `json:"key" doc:"The column that says which row this is."`
	Comment string   `json:"comment" doc:"Lines that begin so are left out." default:"#"`
	Missing []string `json:"missing" doc:"What stands where there is no value." default:"[\"-\"]"`
}

var descriptor = skyloom.Descriptor{
	Name:        "plugin-name",
	Version:     "0.1.0",
	Description: "PLUGIN DESCRIPTION",
	Role:        skyloom.Ingester,
	Scope:       skyloom.Whole,
	Inputs:      []skyloom.Port{{Name: "file", Kind: skyloom.BlobPort, Description: "Text in UTF-8, one row a line, fields set apart by white space."}},
	Outputs:     []skyloom.Port{{Name: "table", Description: "Its rows, in order. A column is of numbers if all its values are."}},
}

// So many bytes are read at once.
const chunk = 1 << 20

func bind(params Params, bind *skyloom.Bind) error {
	if params.Key != nil && !slices.Contains(params.Columns, *params.Key) {
		return skyloom.Param("key", "`columns` names no `%s`", *params.Key)
	}
	blob, err := bind.Blob("file")
	if err != nil {
		return err
	}
	isText, err := findTexts(params, blob)
	if err != nil {
		return err
	}
	for at, name := range params.Columns {
		field := skyloom.NewField(name, "g")
		if isText[at] {
			field.Format = "u"
		}
		if params.Key != nil && *params.Key == name {
			field = field.WithUCD("meta.id;meta.main")
		}
		if err := bind.Add("table", field); err != nil {
			return err
		}
	}
	return nil
}

func run(params Params, task *skyloom.Task) error {
	blob, err := task.Blob("file")
	if err != nil {
		return err
	}
	output, err := task.Output("table")
	if err != nil {
		return err
	}
	// The types are those that bind found: this run sees the same file.
	isText, err := findTexts(params, blob)
	if err != nil {
		return err
	}
	return eachPiece(params, blob, func(rows [][]lines.Field, position uint64) error {
		skyloom.Progress(position, blob.Size())
		return output.Put(columns(isText, rows)...)
	})
}

// eachPiece calls take with the rows of each piece of the file, and where it ends.
func eachPiece(params Params, blob *skyloom.Blob, take func(rows [][]lines.Field, position uint64) error) error {
	text := lines.Lines{Comment: params.Comment, Missing: params.Missing, Columns: len(params.Columns)}
	size := blob.Size()
	for position := uint64(0); position < size; {
		piece, err := blob.Read(position, chunk)
		if err != nil {
			return err
		}
		position += uint64(len(piece))
		rows, err := text.Take(piece, position == size)
		if err != nil {
			return skyloom.Data("`%s`: %s", blob.Name(), err)
		}
		if err := take(rows, position); err != nil {
			return err
		}
	}
	return nil
}

// findTexts says which columns hold something else than numbers.
func findTexts(params Params, blob *skyloom.Blob) ([]bool, error) {
	isText := make([]bool, len(params.Columns))
	err := eachPiece(params, blob, func(rows [][]lines.Field, _ uint64) error {
		for _, row := range rows {
			for at, field := range row {
				if isText[at] || field.Missing {
					continue
				}
				_, isNumber := lines.Number(field.Text)
				isText[at] = !isNumber
			}
		}
		return nil
	})
	return isText, err
}

// columns are rows as typed columns.
func columns(isText []bool, rows [][]lines.Field) []skyloom.Column {
	var made []skyloom.Column
	for at := range isText {
		if isText[at] {
			made = append(made, texts(rows, at))
		} else {
			made = append(made, numbers(rows, at))
		}
	}
	return made
}

func texts(rows [][]lines.Field, at int) skyloom.Column {
	column := skyloom.NewStrings(len(rows))
	for _, row := range rows {
		if row[at].Missing {
			column.PushNull()
		} else {
			column.Push(row[at].Text)
		}
	}
	return column
}

func numbers(rows [][]lines.Field, at int) skyloom.Column {
	column := skyloom.NewNumbers[float64](len(rows))
	for _, row := range rows {
		number, isNumber := lines.Number(row[at].Text)
		column.PushIf(number, isNumber && !row[at].Missing)
	}
	return column
}

func init() {
	skyloom.Export(skyloom.Plugin[Params]{Descriptor: descriptor, Bind: bind, Run: run})
}

// The host calls what init exports.
func main() {}
