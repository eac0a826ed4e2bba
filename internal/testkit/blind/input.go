package blind

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
)

const firstLine = "go test fuzz v1\n"

// format returns an input as a file of go test.
func format(in []reflect.Value) []byte {
	b := []byte(firstLine)
	for _, v := range in {
		switch v.Kind() {
		case reflect.Slice:
			b = fmt.Appendf(b, "[]byte(%q)\n", v.Bytes())
		case reflect.String:
			b = fmt.Appendf(b, "string(%q)\n", v.String())
		default:
			b = fmt.Appendf(b, "%s(%v)\n", v.Type(), v.Interface())
		}
	}
	return b
}

// parse returns the input in a file of go test, for a body of this signature.
func parse(file []byte, signature reflect.Type) ([]reflect.Value, error) {
	text, ok := bytes.CutPrefix(file, []byte(firstLine))
	if !ok {
		return nil, fmt.Errorf("want the first line %q", firstLine)
	}
	var in []reflect.Value
	for line := range strings.Lines(string(text)) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if 1+len(in) >= signature.NumIn() {
			return nil, errors.New("more values than the target has arguments")
		}
		v := reflect.New(signature.In(1 + len(in))).Elem()
		if err := set(v, line); err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		in = append(in, v)
	}
	if 1+len(in) != signature.NumIn() {
		return nil, errors.New("fewer values than the target has arguments")
	}
	return in, nil
}

// set sets a value to what a line such as int8(-3) says.
func set(v reflect.Value, line string) error {
	expr, err := parser.ParseExpr(line)
	if err != nil {
		return err
	}
	call, ok := expr.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return errors.New("want a conversion")
	}
	arg, negative := call.Args[0], false
	if u, ok := arg.(*ast.UnaryExpr); ok && u.Op == token.SUB {
		arg, negative = u.X, true
	}
	var word string
	switch a := arg.(type) {
	case *ast.BasicLit:
		word = a.Value
	case *ast.Ident:
		word = a.Name
	default:
		return errors.New("want a literal")
	}
	switch v.Kind() {
	case reflect.Slice, reflect.String:
		s, err := strconv.Unquote(word)
		if err != nil {
			return err
		}
		v.Set(reflect.ValueOf(s).Convert(v.Type()))
	case reflect.Bool:
		v.SetBool(word == "true")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if negative {
			word = "-" + word
		}
		n, err := number(word)
		if err != nil {
			return err
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := number(word)
		if err != nil {
			return err
		}
		v.SetUint(uint64(n))
	default:
		return fmt.Errorf("arguments of kind %v are not supported", v.Kind())
	}
	return nil
}

// number reads an integer or the literal of a character, which the engine writes for bytes.
func number(word string) (int64, error) {
	if strings.HasPrefix(word, "'") {
		r, _, _, err := strconv.UnquoteChar(word[1:], '\'')
		return int64(r), err
	}
	if n, err := strconv.ParseUint(word, 0, 64); err == nil {
		return int64(n), nil
	}
	return strconv.ParseInt(word, 0, 64)
}
