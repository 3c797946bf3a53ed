// Package lines takes text apart.
package lines

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Field is one word of a line; Missing where a word stands for a missing value.
type Field struct {
	Text    string
	Missing bool
}

// Lines makes rows of a text that comes in pieces.
type Lines struct {
	// Comment is how lines begin that are left out, as are empty ones.
	Comment string
	// Missing are the words that stand for missing values.
	Missing []string
	// Columns is the number of fields of a row.
	Columns int

	line int    // lines that are complete
	rest []byte // the beginning of the next line
}

// Take gives the rows that are complete once bytes are added; with isLast, all that are left.
// The error is of the first line that is no row, and names it, counted from 1.
func (l *Lines) Take(piece []byte, isLast bool) ([][]Field, error) {
	text := append(l.rest, piece...)
	end := bytes.LastIndexByte(text, '\n') + 1
	if isLast {
		end = len(text)
	}
	l.rest = slices.Clone(text[end:])
	var rows [][]Field
	for line := range bytes.Lines(text[:end]) {
		l.line++
		if !utf8.Valid(line) {
			return nil, fmt.Errorf("line %d is not UTF-8; convert the file, say with `iconv`", l.line)
		}
		row := l.row(strings.TrimSpace(string(line)))
		if row == nil {
			continue
		}
		if len(row) != l.Columns {
			return nil, fmt.Errorf("line %d has %d fields, but `columns` names %d; name all columns, or mend the line", l.line, len(row), l.Columns)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// row is nil where the line is none.
func (l *Lines) row(text string) []Field {
	if l.Comment != "" && strings.HasPrefix(text, l.Comment) {
		return nil
	}
	var row []Field
	for _, word := range strings.Fields(text) {
		row = append(row, Field{word, slices.Contains(l.Missing, word)})
	}
	return row
}

// Number is the number that a field says, if it is one: decimal, or the name of one that is not
// finite.
func Number(text string) (float64, bool) {
	unsigned := strings.TrimLeft(text[:min(1, len(text))], "+-") + text[min(1, len(text)):]
	if strings.EqualFold(unsigned, "nan") {
		text = unsigned
	} else if strings.ContainsAny(text, "xX_pP") {
		return 0, false
	}
	number, err := strconv.ParseFloat(text, 64)
	// What is too large is infinite, and a number all the same.
	return number, err == nil || errors.Is(err, strconv.ErrRange)
}
