package format

import (
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"time"

	"github.com/benchctl/benchctl/apps/stack"
)

// units are the constants of package time.
var units = map[string]time.Duration{
	"Nanosecond": time.Nanosecond, "Microsecond": time.Microsecond, "Millisecond": time.Millisecond,
	"Second": time.Second, "Minute": time.Minute, "Hour": time.Hour,
}

// scalar reads a constant, spelled as the field spells it.
func (r *goReader) scalar(e ast.Expr, f stack.Field) *value {
	if !r.within(e, 0) {
		return &value{}
	}
	v, err := r.constant(e, 0)
	if err != nil {
		return r.fail(e, "%w", err)
	}
	text, ok := spelled(v, f)
	if !ok {
		return r.fail(e, "a constant for a %s is needed, not %s", f.Type, v)
	}
	return &value{at: r.at(e), kind: scalar, text: text}
}

// spelled is a constant as stack.Field.Parse reads it.
func spelled(v constant.Value, f stack.Field) (string, bool) {
	switch f.Type {
	case stack.Text, stack.Hidden:
		if v.Kind() != constant.String {
			return "", false
		}
		return constant.StringVal(v), true
	case stack.Bool:
		return v.String(), v.Kind() == constant.Bool
	case stack.Fraction:
		n, _ := constant.Float64Val(constant.ToFloat(v))
		return f.Format(n), isNumber(v)
	}
	if !isNumber(v) {
		return "", false
	}
	n, exact := constant.Int64Val(constant.ToInt(v))
	switch f.Type {
	case stack.Duration:
		return time.Duration(n).String(), exact
	case stack.Bytes:
		return stack.Size(n).String(), exact
	}
	return f.Format(n), exact
}

func isNumber(v constant.Value) bool {
	return v.Kind() == constant.Int || v.Kind() == constant.Float
}

// constant is the value of a constant expression of literals, the units of package time, the
// operators + - * / <<, and conversions.
func (r *goReader) constant(e ast.Expr, depth int) (constant.Value, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("more than %d values within values", maxDepth)
	}
	switch e := e.(type) {
	case *ast.BasicLit:
		return checked(constant.MakeFromLiteral(e.Value, e.Kind, 0))
	case *ast.ParenExpr:
		return r.constant(e.X, depth+1)
	case *ast.Ident:
		if e.Name == "true" || e.Name == "false" {
			return constant.MakeBool(e.Name == "true"), nil
		}
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok && r.imports[x.Name] == "time" && units[e.Sel.Name] != 0 {
			return constant.MakeInt64(int64(units[e.Sel.Name])), nil
		}
	case *ast.CallExpr:
		if r.isConversion(e) {
			return r.constant(e.Args[0], depth+1)
		}
	case *ast.UnaryExpr:
		v, err := r.constant(e.X, depth+1)
		if err == nil && isNumber(v) && (e.Op == token.SUB || e.Op == token.ADD) {
			return checked(constant.UnaryOp(e.Op, v, 0))
		}
		if err != nil {
			return nil, err
		}
	case *ast.BinaryExpr:
		return r.binary(e, depth)
	}
	return nil, errNoConstant
}

var errNoConstant = errors.New("a constant is needed: files are read, not run")

// isConversion tells whether a call converts one value to a type of a field.
func (r *goReader) isConversion(e *ast.CallExpr) bool {
	if len(e.Args) != 1 {
		return false
	}
	switch r.typeOf(e.Fun) {
	case "string", "int", "int64", "float64", "bool", "time.Duration", stackPath + ".Size", stackPath + ".Secret":
		return true
	}
	return false
}

func (r *goReader) binary(e *ast.BinaryExpr, depth int) (constant.Value, error) {
	x, err := r.constant(e.X, depth+1)
	if err != nil {
		return nil, err
	}
	y, err := r.constant(e.Y, depth+1)
	if err != nil {
		return nil, err
	}
	numbers := isNumber(x) && isNumber(y)
	switch {
	case e.Op == token.SHL && numbers:
		s, ok := constant.Uint64Val(constant.ToInt(y))
		if n := constant.ToInt(x); ok && s < 64 && n.Kind() == constant.Int {
			return checked(constant.Shift(n, token.SHL, uint(s)))
		}
	case e.Op == token.ADD && x.Kind() == constant.String && y.Kind() == constant.String,
		(e.Op == token.ADD || e.Op == token.SUB || e.Op == token.MUL) && numbers:
		return checked(constant.BinaryOp(x, e.Op, y))
	case e.Op == token.QUO && numbers && constant.Sign(y) != 0:
		op := e.Op
		if x.Kind() == constant.Int && y.Kind() == constant.Int {
			op = token.QUO_ASSIGN // of whole numbers
		}
		return checked(constant.BinaryOp(x, op, y))
	}
	return nil, errNoConstant
}

// checked refuses numbers that no field holds, so that expressions can't make them large.
func checked(v constant.Value) (constant.Value, error) {
	switch v.Kind() {
	case constant.Unknown:
		return nil, errNoConstant
	case constant.Int:
		if constant.BitLen(v) > 64 {
			return nil, errors.New("it is beyond what a number holds")
		}
	case constant.Float:
		if f, _ := constant.Float64Val(v); f-f != 0 {
			return nil, errors.New("it is beyond what a number holds")
		}
	}
	return v, nil
}
