package purity

// Units is all that a pure package may take from package time.
var Units = []string{"Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour"}

// Model is what package model may do: it is told everything, the time too.
func Model() Rules {
	return Rules{Imports: map[string][]string{
		"time":         Units,
		"bytes":        nil,
		"encoding/hex": nil,
		"errors":       nil,
		"fmt":          nil,
		"math/bits":    nil,
		"slices":       nil,
		"sort":         nil,
		"strconv":      nil,
		"strings":      nil,
	}}
}

// Sim is what packages sim and sim/trace may do: what the model may, and
// chance from generators with a seed of their own.
func Sim() Rules {
	rules := Model()
	rules.LookupMaps = true
	for _, path := range []string{
		"psyncsim/model", "psyncsim/sim/trace", "psyncsim/sim/tcp",
		"crypto/sha256", "encoding/binary", "hash", "hash/fnv", "math/big",
	} {
		rules.Imports[path] = nil
	}
	// The functions of the package itself draw from a source that every
	// process seeds differently.
	rules.Imports["math/rand/v2"] = []string{"New", "NewPCG", "NewChaCha8", "Rand", "Source", "PCG", "ChaCha8"}
	return rules
}
