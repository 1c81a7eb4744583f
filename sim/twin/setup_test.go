package twin

import (
	"strings"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim"
)

// TestPlayableTTL: keys with a time to live are refused, not compared wrongly.
func TestPlayableTTL(t *testing.T) {
	p, _ := model.LookupProfile("redis-7.0")
	c := &sim.Config{Servers: []sim.ServerConfig{{Name: "a", Profile: p}}, Loads: []sim.LoadConfig{{Commands: []sim.Command{{Name: "SET", TTL: time.Second}}}}}
	if err := Playable(c, p); err == nil || !strings.Contains(err.Error(), "time to live") {
		t.Errorf("got %v", err)
	}
	c.Loads[0].Commands[0].TTL = 0
	if err := Playable(c, p); err != nil {
		t.Error(err)
	}
}
