// Package peer is what the simulator's queue is measured beside: the queue of events that one
// writes with what is at hand, container/heap with a closure on the heap for each.
package peer

import "container/heap"

type boxed struct {
	at  int64
	seq uint64
	do  func()
}

type boxedHeap []*boxed

func (h boxedHeap) Len() int { return len(h) }
func (h boxedHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h boxedHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *boxedHeap) Push(x any)   { *h = append(*h, x.(*boxed)) }
func (h *boxedHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// Hold is the hold model: of as many pending events as at first the least is taken out and
// done, and a later one put in.
type Hold struct {
	h    boxedHeap
	now  int64
	seq  uint64
	done int
}

// New is a hold model with so many events pending, one at least.
func New(pending int) *Hold {
	p := &Hold{}
	for range pending {
		p.push()
	}
	return p
}

func (p *Hold) push() {
	p.seq++
	n := p.seq
	z := n * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	heap.Push(&p.h, &boxed{at: p.now + int64((z^z>>31)>>40), seq: n, do: func() { p.done += int(n & 1) }})
}

// Step is one event out and one in.
func (p *Hold) Step() {
	x := heap.Pop(&p.h).(*boxed)
	p.now = x.at
	x.do()
	p.push()
}
