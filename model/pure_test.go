package model

import (
	"testing"

	"psyncsim/model/purity"
)

// The protocol is told everything, and so the same in every world.
func TestPure(t *testing.T) {
	found, err := purity.CheckDir(".", purity.Model())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error("model/" + f)
	}
}
