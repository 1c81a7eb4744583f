package scenarios

import (
	"testing"
	"time"
)

func TestContractExample(t *testing.T) {
	s, err := OpenEmbedded("contract-example", nil)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := s.Cells(SeedRange{})
	if err != nil {
		t.Fatal(err)
	}
	if cells.Len() != 70 {
		t.Fatalf("%d cells", cells.Len())
	}
	c := cells.At(69)
	if c.Config.Servers[0].Settings.BacklogSize != 16<<20 || c.Config.Faults[0].For != 10*time.Second {
		t.Errorf("the last cell is %+v", c)
	}
	if want := (Meta{Backlog: 16 << 20, WriteRate: 1e6, Outage: 10 * time.Second, FaultKind: "reset", Version: "redis-6.2"}); c.Meta != want {
		t.Errorf("meta %+v, want %+v", c.Meta, want)
	}
	t.Logf("%+v", c.Point)
	t.Logf("%+v", *c.Config)
	t.Log("\n" + string(s.Resolved()))
}
