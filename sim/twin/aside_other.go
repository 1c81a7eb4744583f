//go:build !linux

package twin

import "sync"

var alone sync.Mutex

// aside does work that can wait, one at a time: the servers and what hears them need
// processors too.
func aside(work func()) {
	alone.Lock()
	defer alone.Unlock()
	work()
}
