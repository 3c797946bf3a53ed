package lines

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func take(pieces ...string) ([][]Field, error) {
	lines := Lines{Comment: "#", Missing: []string{"-"}, Columns: 2}
	var rows [][]Field
	for at, piece := range pieces {
		more, err := lines.Take([]byte(piece), at+1 == len(pieces))
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

func TestFieldsAreWords(t *testing.T) {
	expected := [][]Field{{{"a", false}, {"1.5", false}}, {{"b", false}, {"-", true}}}
	for _, pieces := range [][]string{
		{"# star mag\n\n a   1.5\r\nb\t-\n"},
		// Wherever the text is cut, and without the last newline; a no-break space is a space.
		{"# star", " mag\n\n a  ", " 1.5\r", "\nb\u00a0-"},
	} {
		rows, err := take(pieces...)
		if err != nil || !slices.EqualFunc(rows, expected, slices.Equal) {
			t.Errorf("%q: %v, %v", pieces, rows, err)
		}
	}
}

func TestABadLineIsNamed(t *testing.T) {
	for text, expected := range map[string]string{
		"a 1\n# x\nb 2 3\n":  "line 3 has 3 fields, but `columns` names 2",
		"a 1\n\xe9toile 2\n": "line 2 is not UTF-8",
	} {
		if _, err := take(text); err == nil || !strings.HasPrefix(err.Error(), expected) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestNumbersAreToldFromText(t *testing.T) {
	for text, expected := range map[string]float64{
		"1": 1, "-1e3": -1000, ".5": 0.5, "5.": 5, "+2.5E-1": 0.25, "-inf": math.Inf(-1),
		"1e999": math.Inf(1),
	} {
		if number, there := Number(text); !there || number != expected {
			t.Errorf("%q: %v, %v", text, number, there)
		}
	}
	for _, text := range []string{"nan", "-NaN"} {
		if number, there := Number(text); !there || !math.IsNaN(number) {
			t.Errorf("%q: %v, %v", text, number, there)
		}
	}
	for _, text := range []string{"x", "", "1e", "0x10", "nan(1)", "1_0", ".", "-"} {
		if number, there := Number(text); there {
			t.Errorf("%q is taken for %v", text, number)
		}
	}
}
