package purity

import (
	"slices"
	"strings"
	"testing"
)

// Every rule must be able to fail: a source that breaks it, and what is said.
func TestCheckFinds(t *testing.T) {
	both := []struct{ name, src, want string }{
		{"import", `import "net"`, "3: imports net"},
		{"os", `import "os"`, "3: imports os"},
		{"heap", `import "container/heap"`, "3: imports container/heap"},
		{"chance", `import "math/rand"`, "3: imports math/rand"},
		{"sync", `import "sync"`, "3: imports sync"},
		{"dot", `import . "time"`, "3: imports time as ."},
		{"blank", `import _ "strings"`, "3: imports strings as _"},
		{"now", "import \"time\"\nvar x = time.Now()", "4: uses time.Now"},
		{"since", "import \"time\"\nvar x = time.Since", "4: uses time.Since"},
		{"sleep", "import \"time\"\nfunc f() { time.Sleep(1) }", "4: uses time.Sleep"},
		{"after", "import \"time\"\nvar x = time.After(1)", "4: uses time.After"},
		{"renamed", "import clock \"time\"\nvar x = clock.Now()", "4: uses clock.Now"},
		{"go", "func f() { go f() }", "3: starts a goroutine"},
		{"chan", "var x chan int", "3: uses a channel"},
		{"make chan", "var x = make(chan int)", "3: uses a channel"},
		{"select", "func f() { select {} }", "3: selects"},
		{"map", "var x map[int]int", "3: uses a map"},
		{"make map", "var x = make(map[string]bool)", "3: uses a map"},
		{"map literal", "var x = []map[int]int{}", "3: uses a map"},
		{"comment elsewhere", "// lookup only\nvar x map[int]int", "4: uses a map"},
		{"float64", "var x float64", "3: uses float64"},
		{"float32", "var x = float32(1)", "3: uses float32"},
		{"complex", "var x complex128", "3: uses complex128"},
		{"literal", "var x = 1.5", "3: holds the float 1.5"},
		{"exponent", "const x = 1e9", "3: holds the float 1e9"},
		{"imaginary", "var x = 2i", "3: holds the float 2i"},
		{"seconds", "var x = d.Seconds()", "3: calls Seconds, a float"},
		{"parse", "import \"strconv\"\nvar x, _ = strconv.ParseFloat(s, 64)", "4: uses ParseFloat"},
	}
	for _, c := range both {
		for _, rules := range []Rules{Model(), Sim()} {
			found := check(t, c.src, rules)
			if len(found) != 1 || !inColumns(found[0], c.want) {
				t.Errorf("%s: found %q, want %q", c.name, found, c.want)
			}
		}
	}
}

// inColumns compares a finding with "line: what", leaving out its column.
func inColumns(finding, want string) bool {
	line, what, _ := strings.Cut(want, ": ")
	return strings.HasPrefix(finding, "x.go:"+line+":") && strings.HasSuffix(finding, ": "+what)
}

// What the two packages may and may not do differs.
func TestModelAndSimDiffer(t *testing.T) {
	for _, c := range []struct{ name, src string }{
		{"map for lookups", "var x map[int]int // lookup only"},
		{"map with a reason", "var x = make(map[int]int) // lookup only: never ranged over"},
		{"own package", `import "psyncsim/model"`},
		{"seeded chance", "import \"math/rand/v2\"\nvar x = rand.New(rand.NewPCG(1, 2))"},
		{"hash", `import "hash/fnv"`},
	} {
		if found := check(t, c.src, Model()); len(found) == 0 {
			t.Errorf("%s: allowed in model", c.name)
		}
		if found := check(t, c.src, Sim()); len(found) != 0 {
			t.Errorf("%s: not allowed in sim: %q", c.name, found)
		}
	}
	for _, c := range []struct{ name, src string }{
		{"global chance", "import \"math/rand/v2\"\nvar x = rand.IntN(6)"},
		{"float chance", "func f(r *R) { r.NormFloat64() }"},
		{"big float", "import \"math/big\"\nvar x big.Float"},
	} {
		if found := check(t, c.src, Sim()); len(found) != 1 {
			t.Errorf("%s: found %q, want one", c.name, found)
		}
	}
}

func TestCheckAllows(t *testing.T) {
	src := `import (
	"strconv"
	"time"
)

type timer struct{ period time.Duration }

// A channel, a map and 1.5 in a comment are nobody's business.
func (x timer) text() string { return strconv.Itoa(int(x.period/time.Second)) + " 1.5 time.Now()" }
`
	if found := check(t, src, Model()); len(found) != 0 {
		t.Errorf("found %q", found)
	}
}

func TestCheckDir(t *testing.T) {
	found, err := CheckDir(".", Model())
	if err != nil || !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, "imports go/ast") }) {
		t.Errorf("this package is not pure, but found %q, %v", found, err)
	}
	if _, err := CheckDir("testdata-that-is-not-there", Model()); err == nil {
		t.Error("a directory without files passes")
	}
	if _, err := Check("x.go", "package", Model()); err == nil {
		t.Error("a file that does not parse passes")
	}
}

func check(t *testing.T, src string, rules Rules) []string {
	t.Helper()
	found, err := Check("x.go", "package x\n\n"+src+"\n", rules)
	if err != nil {
		t.Fatalf("%q: %v", src, err)
	}
	return found
}
