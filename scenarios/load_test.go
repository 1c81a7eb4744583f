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
