package skyloom

import (
	"errors"
	"fmt"
)

// A Kind is what an [Error] is about.
type Kind uint8

// The kinds, in the contract's order.
const (
	// ParamKind: a parameter's value cannot be used.
	ParamKind Kind = iota
	// MissingColumnKind: a column is not there.
	MissingColumnKind
	// WrongTypeKind: it is there, of another type than the plugin reads.
	WrongTypeKind
	// WrongUnitKind: it is there, in another unit.
	WrongUnitKind
	// DataKind: the data cannot be worked on.
	DataKind
	// FailedKind: anything else.
	FailedKind
)

// An Error is shown to the user, with the node, the plugin and the place.
type Error struct {
	Kind Kind
	// Message says why, of a parameter, of data, and of anything else.
	Message string
	// Param is the parameter, or the one that named the column, if one did.
	Param string
	// Input and Column say which column is meant; Expected and Found, what is wrong with it.
	Input, Column, Expected, Found string
}

func (e *Error) Error() string {
	switch e.Kind {
	case ParamKind:
		return fmt.Sprintf("parameter `%s`: %s", e.Param, e.Message)
	case MissingColumnKind:
		return fmt.Sprintf("input `%s` has no column `%s`", e.Input, e.Column)
	case WrongTypeKind, WrongUnitKind:
		return fmt.Sprintf("column `%s` of input `%s` should be %s, but is %s",
			e.Column, e.Input, e.Expected, e.Found)
	default:
		return e.Message
	}
}

// Param says that the value of a parameter cannot be used, why, and what would do.
func Param(param, format string, args ...any) error {
	return &Error{Kind: ParamKind, Param: param, Message: fmt.Sprintf(format, args...)}
}

// Data says that the data cannot be worked on: where, and what to do.
func Data(format string, args ...any) error {
	return &Error{Kind: DataKind, Message: fmt.Sprintf(format, args...)}
}

// Failed is anything else.
func Failed(format string, args ...any) error {
	return &Error{Kind: FailedKind, Message: fmt.Sprintf(format, args...)}
}

// told is err as the contract has it.
func told(err error) *Error {
	if found := (*Error)(nil); errors.As(err, &found) {
		return found
	}
	return &Error{Kind: FailedKind, Message: err.Error()}
}
