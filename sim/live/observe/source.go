package observe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// wire counts what passes the connections.
type wire struct{ sent, received, connects atomic.Int64 }

type countedConn struct {
	net.Conn
	w *wire
}

func (c countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.w.received.Add(int64(n))
	return n, err
}

func (c countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.w.sent.Add(int64(n))
	return n, err
}

// options are those of one quiet connection: no retries of its own, no name,
// nothing sent that is not needed.
func (s *Source) options(addr string, w *wire, timeout time.Duration) *redis.Options {
	o := &redis.Options{
		Addr: addr, Username: s.User, Password: s.Password, TLSConfig: s.TLS,
		Protocol: 2, DisableIdentity: true, MaxRetries: -1, PoolSize: 1, DialerRetries: 1,
		DialTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout, ContextTimeoutEnabled: true,
	}
	if strings.HasPrefix(addr, "/") {
		o.Network = "unix"
	}
	plain := redis.NewDialer(o)
	o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := plain(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		w.connects.Add(1)
		return countedConn{c, w}, nil
	}
	return o
}

// find gives the master's address, and how many commands it took to learn it.
func (s *Source) find(ctx context.Context, w *wire) (addr string, asked int, err error) {
	switch {
	case s.Sentinel != "":
		return s.ask(ctx, func(ctx context.Context, at string) (string, error) { return s.askSentinel(ctx, at, w) })
	case s.Slot >= 0:
		return s.ask(ctx, func(ctx context.Context, at string) (string, error) { return s.askCluster(ctx, at, w) })
	}
	return s.Addrs[0], 0, nil
}

// ask asks one after the other, each with its share of the time.
func (s *Source) ask(ctx context.Context, one func(context.Context, string) (string, error)) (addr string, asked int, last error) {
	var all []string
	for i, at := range s.Addrs {
		part := ctx
		if end, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			part, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(len(s.Addrs)-i))
			defer cancel()
		}
		addr, err := one(part, at)
		if err == nil {
			return addr, i + 1, nil
		}
		all, last = append(all, fmt.Sprintf("%s: %v", at, err)), err
	}
	if len(all) > 1 {
		last = errors.New(strings.Join(all, "; "))
	}
	return "", len(s.Addrs), last
}

func (s *Source) askSentinel(ctx context.Context, at string, w *wire) (string, error) {
	t := Source{User: s.SentinelUser, Password: s.SentinelPassword, TLS: s.TLS}
	c := redis.NewSentinelClient(t.options(at, w, 2*time.Second))
	defer c.Close()
	addr, err := c.GetMasterAddrByName(ctx, s.Sentinel).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return "", fmt.Errorf("this Sentinel watches no master called %s", s.Sentinel)
	case err != nil:
		return "", err
	case len(addr) != 2:
		return "", fmt.Errorf("Sentinel answered %q", addr)
	}
	return net.JoinHostPort(addr[0], addr[1]), nil
}

func (s *Source) askCluster(ctx context.Context, at string, w *wire) (string, error) {
	masters, err := s.slots(ctx, at, w)
	if err != nil {
		return "", err
	}
	for _, m := range masters {
		if m.Start <= s.Slot && s.Slot <= m.End {
			return m.Addr, nil
		}
	}
	return "", fmt.Errorf("nobody has slot %d", s.Slot)
}

// Shard is a master of a cluster, by a range of its slots.
type Shard struct {
	Addr       string
	Start, End int
}

func (s *Source) slots(ctx context.Context, at string, w *wire) ([]Shard, error) {
	c := redis.NewClient(s.options(at, w, 2*time.Second))
	defer c.Close()
	list, err := c.ClusterSlots(ctx).Result()
	if err != nil {
		return nil, err
	}
	var all []Shard
	for _, r := range list {
		if len(r.Nodes) == 0 {
			continue
		}
		addr := r.Nodes[0].Addr
		if host, port, err := net.SplitHostPort(addr); err == nil && (host == "" || host == "?") { // it does not know its own name
			if asked, _, err := net.SplitHostPort(at); err == nil {
				addr = net.JoinHostPort(asked, port)
			}
		}
		all = append(all, Shard{Addr: addr, Start: r.Start, End: r.End})
	}
	return all, nil
}

// Shards are the masters of a cluster, each once, by their first slot.
func (s *Source) Shards(ctx context.Context) ([]Shard, error) {
	var found []Shard
	_, _, err := s.ask(ctx, func(ctx context.Context, at string) (string, error) {
		list, err := s.slots(ctx, at, &wire{})
		found = list
		return "", err
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("the cluster has given its slots to nobody")
	}
	slices.SortFunc(found, func(a, b Shard) int { return a.Start - b.Start })
	seen := map[string]bool{}
	once := found[:0]
	for _, x := range found {
		if !seen[x.Addr] {
			seen[x.Addr] = true
			once = append(once, x)
		}
	}
	return once, nil
}
