package twin

import "sync"

// alone is held by work that is done aside.
var alone sync.Mutex
