package model

import (
	"slices"
	"strings"
)

// keyKind is the type of a key's value.
type keyKind uint8

const (
	kindString keyKind = iota
	kindList
	kindSet
	kindHash
	kindZSet
	kindStream
	kindOpaque // came by RESTORE: what is in it is not known here
)

// keyItem is one element: of a list its name is the value; of a set the
// member; of a hash field and value; of a sorted set member and score; of a
// stream the id and, as at, its number counted from the stream's first.
type keyItem struct {
	name, value string
	at          int64 // a hash field's expiry, Unix ms, 0 for none; a stream entry's number
}

// keyGroup is a consumer group of a stream.
type keyGroup struct {
	name    string
	last    string   // id last delivered
	pending []string // ids delivered and not acknowledged
}

// keyEntry is one key, as much of it as decides what is written on the stream.
type keyEntry struct {
	name     string
	kind     keyKind
	expireAt int64      // Unix ms, 0 for never
	text     string     // the value of a string
	hll      bool       // a string that PFADD made; its items are what was added
	counted  bool       // a HyperLogLog whose cached count is valid
	items    []keyItem  // in list order, in id order, else sorted by name
	groups   []keyGroup // sorted by name
	last     string     // a stream's last id
	added    int64      // entries ever added to a stream
}

// find is the place of an item in a sorted entry.
func (e *keyEntry) find(name string) (int, bool) {
	return slices.BinarySearchFunc(e.items, name, func(i keyItem, n string) int { return strings.Compare(i.name, n) })
}

// put adds an item to a sorted entry or replaces it; added is false then.
func (e *keyEntry) put(item keyItem) (added bool) {
	at, ok := e.find(item.name)
	if ok {
		e.items[at] = item
		return false
	}
	e.items = slices.Insert(e.items, at, item)
	return true
}

// drop removes an item from a sorted entry.
func (e *keyEntry) drop(name string) bool {
	at, ok := e.find(name)
	if ok {
		e.items = slices.Delete(e.items, at, at+1)
	}
	return ok
}

// copyAs is a copy under another name that shares nothing.
func (e *keyEntry) copyAs(name string) *keyEntry {
	c := *e
	c.name = name
	c.items = slices.Clone(e.items)
	c.groups = slices.Clone(e.groups)
	for i := range c.groups {
		c.groups[i].pending = slices.Clone(c.groups[i].pending)
	}
	return &c
}

// keyDB is one database: its keys sorted by name.
type keyDB struct {
	number int
	keys   []*keyEntry
}

func (d *keyDB) search(name string) (int, bool) {
	return slices.BinarySearchFunc(d.keys, name, func(e *keyEntry, n string) int { return strings.Compare(e.name, n) })
}

func (d *keyDB) get(name string) *keyEntry {
	if at, ok := d.search(name); ok {
		return d.keys[at]
	}
	return nil
}

// set stores an entry under its name, in place of what was there.
func (d *keyDB) set(e *keyEntry) {
	at, ok := d.search(e.name)
	if ok {
		d.keys[at] = e
		return
	}
	d.keys = slices.Insert(d.keys, at, e)
}

func (d *keyDB) remove(name string) bool {
	at, ok := d.search(name)
	if ok {
		d.keys = slices.Delete(d.keys, at, at+1)
	}
	return ok
}

// database gives one database, made when first asked for.
func (s *Streamer) database(number int) *keyDB {
	at, ok := slices.BinarySearchFunc(s.dbs, number, func(d *keyDB, n int) int { return d.number - n })
	if !ok {
		s.dbs = slices.Insert(s.dbs, at, &keyDB{number: number})
	}
	return s.dbs[at]
}
