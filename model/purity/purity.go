// Package purity reads Go source and tells what in it could make two runs of
// one configuration differ, or tie the protocol to the world outside: clocks,
// goroutines, channels, map order, floats, chance without a seed. Tests of the
// pure packages use it; nothing else does.
package purity

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// LookupOnly is the comment that, on its line, allows a map type where
// Rules.LookupMaps does: such a map is never ranged over, which the syntax
// alone cannot show.
const LookupOnly = "// lookup only"

// Rules is what one package may do.
type Rules struct {
	// Imports lists the packages that may be imported; for each, the only
	// names that may be used of it, or none for all of them.
	Imports map[string][]string
	// LookupMaps allows map types on lines that end in LookupOnly.
	LookupMaps bool
}

// CheckDir checks the Go files of dir, without tests and subdirectories. The
// findings read "file:line: what". An error is a file that cannot be read or
// parsed, or a directory with nothing to check.
func CheckDir(dir string, rules Rules) (findings []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	checked := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		found, err := Check(name, string(src), rules)
		if err != nil {
			return nil, err
		}
		findings = append(findings, found...)
		checked++
	}
	if checked == 0 {
		return nil, &os.PathError{Op: "check", Path: dir, Err: os.ErrNotExist}
	}
	return findings, nil
}

// Check checks one file.
func Check(name, src string, rules Rules) ([]string, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	c := checker{fset: fset, rules: rules, names: map[string][]string{}, lookups: map[int]bool{}}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, LookupOnly) {
				c.lookups[fset.Position(comment.Pos()).Line] = true
			}
		}
	}
	for _, spec := range file.Imports {
		c.imported(spec)
	}
	ast.Inspect(file, c.visit)
	return c.findings, nil
}

type checker struct {
	fset     *token.FileSet
	rules    Rules
	names    map[string][]string // imported package as the file names it: what may be used
	lookups  map[int]bool        // lines with LookupOnly
	findings []string
}

func (c *checker) find(at ast.Node, what string) {
	c.findings = append(c.findings, c.fset.Position(at.Pos()).String()+": "+what)
}

func (c *checker) imported(spec *ast.ImportSpec) {
	path, _ := strconv.Unquote(spec.Path.Value)
	only, ok := c.rules.Imports[path]
	if !ok {
		c.find(spec, "imports "+path)
		return
	}
	name := path[strings.LastIndexByte(path, '/')+1:]
	if path == "math/rand/v2" { // the only path here that does not end in its name
		name = "rand"
	}
	if spec.Name != nil {
		if name = spec.Name.Name; name == "." || name == "_" {
			c.find(spec, "imports "+path+" as "+name)
			return
		}
	}
	c.names[name] = only
}

// floatMethods are those of time.Duration whose result is a float.
var floatMethods = []string{"Seconds", "Minutes", "Hours"}

func (c *checker) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		c.find(n, "starts a goroutine")
	case *ast.ChanType:
		c.find(n, "uses a channel")
	case *ast.SelectStmt:
		c.find(n, "selects")
	case *ast.MapType:
		if !c.rules.LookupMaps || !c.lookups[c.fset.Position(n.Pos()).Line] {
			c.find(n, "uses a map")
		}
	case *ast.BasicLit:
		if n.Kind == token.FLOAT || n.Kind == token.IMAG {
			c.find(n, "holds the float "+n.Value)
		}
	case *ast.Ident:
		switch n.Name {
		case "float32", "float64", "complex64", "complex128":
			c.find(n, "uses "+n.Name)
		}
	case *ast.SelectorExpr:
		c.selected(n)
	case *ast.CallExpr:
		if s, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) == 0 && slices.Contains(floatMethods, s.Sel.Name) {
			c.find(n, "calls "+s.Sel.Name+", a float")
		}
	}
	return true
}

// selected checks x.Name: what it is if x is a package, and floats under any
// name (Float64, ParseFloat, NormFloat64, big.Float).
func (c *checker) selected(s *ast.SelectorExpr) {
	name := s.Sel.Name
	if strings.Contains(name, "Float") {
		c.find(s, "uses "+name)
		return
	}
	x, ok := s.X.(*ast.Ident)
	if !ok {
		return
	}
	// A local variable that hides an imported name is taken for the package:
	// the finding then asks for a better name.
	if only := c.names[x.Name]; len(only) > 0 && !slices.Contains(only, name) {
		c.find(s, "uses "+x.Name+"."+name)
	}
}
