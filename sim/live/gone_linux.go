package live

import (
	"net"

	"golang.org/x/sys/unix"
)

// The states of RFC 9293 as TCP_INFO has them.
const (
	tcpClosed    = 7
	tcpCloseWait = 8
)

// gone says that the process at the other end has closed the connection: what is
// written to it now nobody reads.
func gone(c *net.TCPConn) (closed bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		closed = err == nil && (info.State == tcpClosed || info.State == tcpCloseWait)
	})
	return closed
}
