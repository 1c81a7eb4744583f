package rig

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Addresses: side A has one, side B all of a range, an address a path.
var (
	addrA  = netip.MustParseAddr("10.77.0.1")
	rangeB = netip.MustParsePrefix("10.78.0.0/16")
)

// sysctls of both namespaces: fixed, so that the host's own do not matter. The
// limits of the buffers are Linux's defaults for machines with a few GB.
var sysctls = [][2]string{
	{"net/ipv4/tcp_no_metrics_save", "1"}, // what one transfer learned is not known to the next
	{"net/ipv4/tcp_rmem", "4096\t131072\t6291456"},
	{"net/ipv4/tcp_wmem", "4096\t16384\t4194304"},
	{"net/ipv4/conf/all/rp_filter", "0"},
	{"net/ipv4/conf/default/rp_filter", "0"},
}

// told are settings that decide, kept with what was measured.
var told = []string{"net/ipv4/tcp_rmem", "net/ipv4/tcp_wmem", "net/ipv4/tcp_syn_retries", "net/ipv4/tcp_syn_linear_timeouts",
	"net/ipv4/tcp_sack", "net/ipv4/tcp_dsack", "net/ipv4/tcp_timestamps", "net/ipv4/tcp_recovery", "net/ipv4/tcp_early_retrans",
	"net/ipv4/tcp_frto", "net/ipv4/tcp_slow_start_after_idle", "net/ipv4/tcp_limit_output_bytes", "net/ipv4/tcp_no_metrics_save"}

// Net is two namespaces and what joins them. They live as long as the process:
// nothing of them is left on the machine when it ends, however it ends.
type Net struct {
	fw    *forwarder
	rooms [2]*room
	next  int // paths that were made
	dev   netlink.Link
	done  chan error
}

// room is a namespace: a thread that lives in it.
type room struct {
	work chan func()
	sys  map[string]string
}

// NewNet builds the two namespaces, their devices and the forwarder.
func NewNet() (*Net, error) {
	n := &Net{fw: &forwarder{begun: time.Now(), paths: map[netip.Addr]*Path{}}, done: make(chan error, 1)}
	// Threads that wait in system calls must find their turn at once.
	runtime.GOMAXPROCS(max(16, runtime.GOMAXPROCS(0)))
	for side := range n.rooms {
		r, err := newRoom()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoNamespaces, err)
		}
		n.rooms[side] = r
		r.do(func() { err = n.furnish(Side(side)) })
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoNamespaces, err)
		}
	}
	hurry()
	go func() { n.done <- n.fw.run() }()
	return n, nil
}

// hurry lets all threads of this process go before those of others: a reader or a
// writer that is held up while it has a socket holds up what arrives there.
func hurry() {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, t := range tasks {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, id, -20) // Linux: of one thread
		}
	}
}

// Close stops the forwarder.
func (n *Net) Close() error {
	n.fw.with(func() { n.fw.stop = true })
	err := <-n.done
	for side := range n.rooms {
		unix.Close(n.fw.tun[side])
		close(n.rooms[side].work)
	}
	return err
}

// newRoom starts a thread in a namespace of its own.
func newRoom() (*room, error) {
	r := &room{work: make(chan func())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		ready <- err
		if err != nil {
			return
		}
		for fn := range r.work {
			fn()
		}
	}()
	return r, <-ready
}

// do runs fn in the namespace and waits for it.
func (r *room) do(fn func()) {
	done := make(chan struct{})
	r.work <- func() { defer close(done); fn() }
	<-done
}

// furnish sets a namespace up; it runs inside.
func (n *Net) furnish(side Side) error {
	for _, s := range sysctls {
		if err := os.WriteFile("/proc/sys/"+s[0], []byte(s[1]), 0); err != nil {
			return err
		}
	}
	r := n.rooms[side]
	r.sys = map[string]string{}
	for _, name := range told {
		if b, err := os.ReadFile("/proc/sys/" + name); err == nil {
			r.sys[strings.ReplaceAll(strings.TrimPrefix(name, "net/ipv4/"), "/", ".")] = strings.Join(strings.Fields(string(b)), " ")
		}
	}
	fd, err := openTUN("psync0")
	if err != nil {
		return err
	}
	n.fw.tun[side] = fd
	dev, err := netlink.LinkByName("psync0")
	if err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	// A short queue would lose packets before the forwarder sees them.
	for _, err := range []error{netlink.LinkSetUp(lo), netlink.LinkSetMTU(dev, mtu), netlink.LinkSetTxQLen(dev, 20000), netlink.LinkSetUp(dev)} {
		if err != nil {
			return err
		}
	}
	if side == A {
		n.dev = dev
		return netlink.AddrAdd(dev, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(addrA, 32))})
	}
	// All addresses of the range are this machine's.
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: lo.Attrs().Index, Dst: ipNet(rangeB), Type: unix.RTN_LOCAL,
		Table: unix.RT_TABLE_LOCAL, Scope: unix.RT_SCOPE_HOST}); err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{LinkIndex: dev.Attrs().Index, Dst: ipNet(netip.PrefixFrom(addrA, 32)), Scope: unix.RT_SCOPE_LINK})
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}

// openTUN makes a device in the namespace of the calling thread. The descriptor
// stays with it wherever it is used.
func openTUN(name string) (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI) // no IFF_VNET_HDR: no offloads
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// Add makes a path, with its address at side B and its congestion control at
// side A.
func (n *Net) Add(l Link, congestion string) (netip.Addr, *Path, error) {
	b := rangeB.Addr().As4()
	n.next++
	b[2], b[3] = byte(n.next/250), byte(n.next%250+1)
	addr, p := netip.AddrFrom4(b), NewPath(l)
	var err error
	n.rooms[A].do(func() {
		err = netlink.RouteAdd(&netlink.Route{LinkIndex: n.dev.Attrs().Index, Dst: ipNet(netip.PrefixFrom(addr, 32)),
			Scope: unix.RT_SCOPE_LINK, Congctl: congestion})
	})
	if err != nil {
		return addr, nil, fmt.Errorf("a route with congctl %s: %w", congestion, err)
	}
	n.fw.with(func() { n.fw.paths[addr] = p })
	return addr, p, nil
}

// Remove ends a path.
func (n *Net) Remove(addr netip.Addr) {
	n.rooms[A].do(func() {
		_ = netlink.RouteDel(&netlink.Route{LinkIndex: n.dev.Attrs().Index, Dst: ipNet(netip.PrefixFrom(addr, 32)), Scope: unix.RT_SCOPE_LINK})
	})
	n.fw.with(func() { delete(n.fw.paths, addr) })
}

// listen opens a listening socket at a side.
func (n *Net) listen(side Side, at netip.AddrPort) (l *net.TCPListener, err error) {
	n.rooms[side].do(func() { l, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at)) })
	return l, err
}

// dial connects from a side.
func (n *Net) dial(ctx context.Context, side Side, from netip.Addr, to netip.AddrPort) (*net.TCPConn, error) {
	c, _, _, err := n.dialed(ctx, side, from, to)
	return c, err
}

// dialed connects from a side and says when it began and how long it took. Connects wait in
// parallel: only the socket is made by the thread that lives in the namespace.
func (n *Net) dialed(ctx context.Context, side Side, from netip.Addr, to netip.AddrPort) (c *net.TCPConn, begun time.Time, took time.Duration, err error) {
	fd := -1
	n.rooms[side].do(func() {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	})
	if err != nil {
		return nil, begun, 0, err
	}
	if from.IsValid() {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: from.As4()})
	}
	begun = time.Now()
	if err == nil {
		err = connected(ctx, fd, to)
	}
	took = time.Since(begun)
	if err != nil {
		unix.Close(fd)
		return nil, begun, took, err
	}
	f := os.NewFile(uintptr(fd), "rig")
	defer f.Close()
	k, err := net.FileConn(f)
	if err != nil {
		return nil, begun, took, err
	}
	return k.(*net.TCPConn), begun, took, nil
}

// connected connects a socket.
func connected(ctx context.Context, fd int, to netip.AddrPort) error {
	err := unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())})
	for err == unix.EINPROGRESS {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		if k, e := unix.Poll(p, 200); e == nil && k > 0 {
			var v int
			if v, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && v != 0 {
				return unix.Errno(v)
			}
		}
	}
	return err
}

// start starts a process in a side's namespace.
func (n *Net) start(side Side, c *exec.Cmd) (err error) {
	n.rooms[side].do(func() { err = c.Start() })
	return err
}

// info is the kernel's view of a connection.
func info(c *net.TCPConn) (*unix.TCPInfo, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var t *unix.TCPInfo
	if e := raw.Control(func(fd uintptr) { t, err = unix.GetsockoptTCPInfo(int(fd), unix.SOL_TCP, unix.TCP_INFO) }); e != nil {
		return nil, e
	}
	return t, err
}
