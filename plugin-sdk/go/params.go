package skyloom

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
)

// Schema is the JSON Schema of the parameters P, a struct. Each field has the tags
//
//	json:"name"      what the parameter is called
//	doc:"…"          what users read
//	default:"…"      its default, as JSON; a text need not be quoted
//	min:"…" max:"…"  bounds of a number
//	enum:"a,b"       the only texts that may be given
//	items:"…"        the least number of a list's items
//
// A pointer may be left out, and is nil then. Anything else without a default is required.
func Schema[P any]() string {
	properties, required := members{}, []string{}
	kind := reflect.TypeFor[P]()
	for at := range kind.NumField() {
		field := kind.Field(at)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		_, hasDefault := field.Tag.Lookup("default")
		properties = append(properties, member{name, property(field)})
		if !hasDefault && field.Type.Kind() != reflect.Pointer {
			required = append(required, name)
		}
	}
	schema := members{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"description", "What may stand under `with:` in a workflow."},
		{"type", "object"},
		{"additionalProperties", false},
		{"properties", properties},
	}
	if len(required) > 0 {
		schema = append(schema, member{"required", required})
	}
	text, err := json.Marshal(schema)
	if err != nil {
		panic("the tags of the parameters are not what Schema reads: " + err.Error())
	}
	return string(text)
}

// members are those of a JSON object, in this order.
type members []member

type member struct {
	name  string
	value any
}

func (m members) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for at, member := range m {
		if at > 0 {
			text = append(text, ',')
		}
		name, err := json.Marshal(member.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(member.value)
		if err != nil {
			return nil, err
		}
		text = append(append(append(text, name...), ':'), value...)
	}
	return append(text, '}'), nil
}

func property(field reflect.StructField) members {
	property := members{{"description", field.Tag.Get("doc")}}
	if field.Type.Kind() == reflect.Pointer {
		inner := typeOf(field.Type.Elem())
		inner[0].value = []any{inner[0].value, "null"}
		return append(append(property, inner...), member{"default", nil})
	}
	property = append(property, typeOf(field.Type)...)
	for _, bound := range [][2]string{{"min", "minimum"}, {"max", "maximum"}, {"items", "minItems"}} {
		if value, there := field.Tag.Lookup(bound[0]); there {
			property = append(property, member{bound[1], json.RawMessage(value)})
		}
	}
	if names, there := field.Tag.Lookup("enum"); there {
		property = append(property, member{"enum", strings.Split(names, ",")})
	}
	if value, there := field.Tag.Lookup("default"); there {
		if field.Type.Kind() == reflect.String {
			return append(property, member{"default", value})
		}
		property = append(property, member{"default", json.RawMessage(value)})
	}
	return property
}

func typeOf(kind reflect.Type) members {
	switch kind.Kind() {
	case reflect.String:
		return members{{"type", "string"}}
	case reflect.Bool:
		return members{{"type", "boolean"}}
	case reflect.Float64, reflect.Float32:
		return members{{"type", "number"}, {"format", "double"}}
	case reflect.Int, reflect.Int64, reflect.Int32:
		return members{{"type", "integer"}, {"format", "int64"}}
	case reflect.Uint, reflect.Uint64, reflect.Uint32:
		return members{{"type", "integer"}, {"format", "uint64"}, {"minimum", 0}}
	case reflect.Slice:
		return members{{"type", "array"}, {"items", typeOf(kind.Elem())}}
	case reflect.Map:
		return members{{"type", "object"}, {"additionalProperties", typeOf(kind.Elem())}}
	default:
		panic("a parameter of type " + kind.String() + " has no schema; use text, numbers, booleans, lists or maps of these")
	}
}

// parse reads parameters, which the host has checked and filled up with defaults.
func parse[P any](text string) (P, error) {
	var params P
	if err := decode(text, &params); err != nil {
		return params, err
	}
	// To encoding/json, what is null or left out is as good as empty.
	var given map[string]json.RawMessage
	if err := decode(text, &given); err != nil {
		return params, err
	}
	kind := reflect.TypeFor[P]()
	for at := range kind.NumField() {
		field := kind.Field(at)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		value := string(given[name])
		if field.Type.Kind() != reflect.Pointer && (value == "" || value == "null") {
			return params, Param(name, "should be of type %s, and is not given", typeOf(field.Type)[0].value)
		}
	}
	return params, nil
}

func decode(text string, into any) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, after := decoder.Token(); after != io.EOF {
			err = errors.New("something follows the parameters")
		}
	}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return Param(wrong.Field, "should be of type %s, not %s", wrong.Type, wrong.Value)
	}
	if err != nil {
		return Param("", "%s", err)
	}
	return nil
}
