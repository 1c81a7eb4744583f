package scenarios

import (
	"bytes"
	"reflect"
	"testing"
)

// checkRoundTrip loads a resolved scenario again: it must give the same runs,
// and itself once more.
func checkRoundTrip(t *testing.T, s *Scenario) {
	t.Helper()
	text := s.Resolved()
	again, err := Load(s.File, text, s.files.open, nil)
	if err != nil {
		t.Errorf("%s: the resolved scenario is refused:\n%v\n%s", s.Name, err, text)
		return
	}
	if second := again.Resolved(); !bytes.Equal(text, second) {
		t.Errorf("%s: resolved twice:\n%s\n--- then:\n%s", s.Name, text, second)
	}
	a, err := s.Cells(SeedRange{})
	if err != nil {
		return
	}
	b, err := again.Cells(SeedRange{})
	if err != nil || a.Len() != b.Len() {
		t.Errorf("%s: %d runs, resolved %d (%v)", s.Name, a.Len(), b.Len(), err)
		return
	}
	if !reflect.DeepEqual(s.Expect, again.Expect) {
		t.Errorf("%s: other expectations:\n%+v\n%+v", s.Name, s.Expect, again.Expect)
	}
	ca, cb := a.NewCursor(), b.NewCursor()
	for i := 0; i < a.Len(); i += 1 + a.Len()/500 {
		x, y := ca.At(i), cb.At(i)
		if x.Err != nil || y.Err != nil {
			if (x.Err == nil) != (y.Err == nil) {
				t.Errorf("%s: cell %d: %v, resolved %v", s.Name, i, x.Err, y.Err)
			}
			continue
		}
		if !reflect.DeepEqual(x, y) {
			t.Errorf("%s: cell %d differs:\n%+v\n%+v\n%+v\n%+v\n%s", s.Name, i, x, y, *x.Config, *y.Config, text)
			return
		}
	}
}

// The bytes of a client's command: those that real servers were seen to write.
func TestClientCost(t *testing.T) {
	for _, c := range []struct {
		version, write string
		bytes          int64
	}{
		{"redis-4.0", "client: SET, key: 1, value: 1, ttl: 100s", 44},
		{"redis-6.2", "client: SET, key: 1, value: 1, ttl: 100s", 47},
		{"redis-7.0", "client: SET, key: 1, value: 1, ttl: 100s", 57},
		{"redis-7.0", "client: set, key: 16, value: 100", 144},
		{"redis-6.2", "client: SET, key: 1, value: 1, together: 1", 56},
		{"redis-7.0", "client: SET, key: 1, value: 1, together: 1", 27},
		{"redis-7.0", "client: SET, key: 1, value: 1, together: 2", 83},
		{"redis-7.0", "client: SET, key: 2, value: 100MB, together: 2", 15 + 2*(100_000_000+35) + 14},
		{"redis-4.0", "client: EXPIRE, key: 1, ttl: 100s", 32},
		{"redis-7.2", "client: EXPIRE, key: 1, ttl: 100s", 46},
	} {
		s, err := Load("f", []byte("question: x\nservers: {m: {version: "+c.version+"}}\nworkload: [{on: m, rate: 1/s, "+c.write+"}]\n"), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		cells, _ := s.Cells(SeedRange{})
		if cell := cells.At(0); cell.Meta.WriteRate != c.bytes || cell.Config.Loads[0].Commands[0].Bytes() != c.bytes {
			t.Errorf("%s, %s: %d bytes, want %d", c.version, c.write, cell.Meta.WriteRate, c.bytes)
		}
	}
}
