// Reads VOTables, the IVOA's format of tables, into typed columns.
//
//   - package votable: the format;
//   - here: the file in, Arrow columns with units and UCDs out.
package main

import (
	"io"

	"skyloom.dev/skyloom"

	"votable-ingester/votable"
)

// Params is what may stand under `with:` in a workflow.
type Params struct {
	Table         *string `json:"table" doc:"The name or ID of the table to read. Without, the document's first."`
	Key           *string `json:"key" doc:"The column that says which row this is. Without, the one whose UCD says so."`
	PartitionRows uint64  `json:"partition-rows" doc:"Rows in a partition." min:"1" default:"100000"`
}

var descriptor = skyloom.Descriptor{
	Name:        "votable-ingester",
	Version:     "0.1.0",
	Description: "Reads VOTables, plain or gzipped: TABLEDATA, BINARY and BINARY2, with units, UCDs, nulls and arrays.",
	Role:        skyloom.Ingester,
	Scope:       skyloom.Whole,
	Inputs:      []skyloom.Port{{Name: "file", Kind: skyloom.BlobPort, Description: "A VOTable document, plain or gzipped."}},
	Outputs:     []skyloom.Port{{Name: "table", Description: "The rows of one of its tables, in order, cut in partitions of `partition-rows`."}},
	Citations:   []string{"bibcode:2019ivoa.spec.1021O", "doi:10.5479/ADS/bib/2019ivoa.spec.1021O"},
}

// So many rows go over at once, and so many bytes are read.
const (
	batchRows = 8192
	chunk     = 1 << 20
)

func bind(params Params, bind *skyloom.Bind) error {
	blob, err := bind.Blob("file")
	if err != nil {
		return err
	}
	table, err := open(params, blob)
	if err != nil {
		return err
	}
	hasKey := params.Key == nil
	for _, field := range table.Fields {
		made := fieldOf(field)
		if params.Key != nil && *params.Key == field.Name {
			made, hasKey = made.WithUCD("meta.id;meta.main"), true
		}
		if err := bind.Add("table", made); err != nil {
			return err
		}
	}
	if !hasKey {
		return skyloom.Param("key", "the table has no column `%s`", *params.Key)
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
	table, err := open(params, blob)
	if err != nil {
		return err
	}
	columns, inPartition := table.Columns(), uint64(0)
	for {
		for _, column := range columns {
			column.Reset()
		}
		left := params.PartitionRows - inPartition
		if left == 0 {
			left = params.PartitionRows
		}
		rows, err := table.Read(int(min(left, batchRows)), columns)
		if err != nil {
			return wrong(blob, err)
		}
		if rows == 0 {
			break
		}
		// A partition ends where another one begins.
		if inPartition == params.PartitionRows {
			if err := output.Cut(); err != nil {
				return err
			}
			inPartition = 0
		}
		if err := output.Put(arrays(columns)...); err != nil {
			return err
		}
		inPartition += uint64(rows)
	}
	if table.Overflow {
		skyloom.Warn("the service that made `" + blob.Name() + "` cut its result off (QUERY_STATUS=OVERFLOW); ask it for all rows, or for fewer")
	}
	return nil
}

func open(params Params, blob *skyloom.Blob) (*votable.Table, error) {
	name := ""
	if params.Table != nil {
		name = *params.Table
	}
	table, err := votable.Open(&source{blob: blob, size: blob.Size()}, name)
	if err != nil {
		return nil, wrong(blob, err)
	}
	return table, nil
}

// wrong names the file; what the host said stays as it is.
func wrong(blob *skyloom.Blob, err error) error {
	return skyloom.Data("`%s`: %s", blob.Name(), err)
}

// source reads a file from its beginning.
type source struct {
	blob     *skyloom.Blob
	position uint64
	size     uint64
	piece    []byte
}

func (s *source) Read(into []byte) (int, error) {
	if len(s.piece) == 0 {
		if s.position == s.size {
			return 0, io.EOF
		}
		piece, err := s.blob.Read(s.position, chunk)
		if err != nil {
			return 0, err
		}
		s.piece, s.position = piece, s.position+uint64(len(piece))
		skyloom.Progress(s.position, s.size)
	}
	count := copy(into, s.piece)
	s.piece = s.piece[count:]
	return count, nil
}

// ── Columns ─────────────────────────────────────────────────────────────────────────────

var formats = map[votable.Kind]string{
	votable.Boolean: "b", votable.Uint8: "C", votable.Int16: "s", votable.Int32: "i",
	votable.Int64: "l", votable.Float32: "f", votable.Float64: "g", votable.Text: "u",
}

func fieldOf(field votable.Field) skyloom.Field {
	made := skyloom.NewField(field.Name, formats[field.Kind])
	if field.Length != votable.Scalar {
		made.Format = "+l"
		if field.Length != votable.Variable {
			made.Format = skyloom.ListFormat(int(field.Length))
		}
		made.Children = []skyloom.Field{skyloom.NewField("item", formats[field.Kind])}
	}
	for _, said := range [][2]string{
		{"unit", field.Unit}, {"ucd", field.UCD}, {"description", field.Description},
		{"utype", field.Utype}, {"xtype", field.Xtype},
	} {
		if said[1] != "" {
			made = made.With(said[0], said[1])
		}
	}
	return made
}

func arrays(columns []*votable.Column) []skyloom.Column {
	made := make([]skyloom.Column, len(columns))
	for at, column := range columns {
		made[at] = array(column)
	}
	return made
}

// array lays a column out as Arrow does.
func array(column *votable.Column) *skyloom.Array {
	field := fieldOf(*column.Field)
	rows := &skyloom.Array{Field: &field, Rows: len(column.Valid), Validity: bitmap(column.Valid)}
	offsets := skyloom.Bytes(append([]int32{0}, column.Ends...))
	values := [][]byte{column.Data}
	if column.Field.Kind == votable.Boolean {
		values[0] = packed(column.Data)
	}
	switch {
	case column.Field.Kind == votable.Text:
		rows.Buffers = [][]byte{offsets, column.Data}
	case column.Field.Length == votable.Scalar:
		rows.Buffers = values
	default:
		if column.Field.Length == votable.Variable {
			rows.Buffers = [][]byte{offsets}
		}
		rows.Children = []*skyloom.Array{{
			Field: &field.Children[0], Rows: len(column.ItemValid),
			Validity: bitmap(column.ItemValid), Buffers: values,
		}}
	}
	return rows
}

// bitmap is nil where all is valid.
func bitmap(valid []bool) skyloom.Bitmap {
	bits, some := make(skyloom.Bitmap, (len(valid)+7)/8), false
	for row, is := range valid {
		if is {
			bits[row>>3] |= 1 << (row & 7)
		}
		some = some || !is
	}
	if !some {
		return nil
	}
	return bits
}

// packed makes bits of bytes.
func packed(bytes []byte) []byte {
	bits := make([]byte, (len(bytes)+7)/8)
	for at, value := range bytes {
		bits[at>>3] |= value << (at & 7)
	}
	return bits
}

func init() {
	skyloom.Export(skyloom.Plugin[Params]{Descriptor: descriptor, Bind: bind, Run: run})
}

// The host calls what init exports.
func main() {}
