package model

// AUTH, between clients and servers and in the handshake of replicas.

// auth is AUTH with a password, or from 6.0 on a user and a password. There is one
// user, the default one.
func (s *Server) auth(c *client, args [][]byte) string {
	o := s.prof.Orders
	if len(args) != 2 && !(o.Users && len(args) == 3) {
		if o.Users && len(args) > 3 {
			return "-ERR syntax error"
		}
		return "-ERR wrong number of arguments for 'auth' command"
	}
	pass := args[len(args)-1]
	switch open := s.set.RequirePass == ""; {
	case open && len(args) == 2:
		return o.AuthNone
	case len(args) == 3 && string(args[1]) != "default", !open && string(pass) != s.set.RequirePass:
		if !o.Users {
			c.authed = false
		}
		return o.AuthWrong
	}
	c.authed = true
	return "+OK"
}

// sayAuth sends the password that the replica has for its master, false without one.
func (s *Server) sayAuth() bool {
	switch {
	case s.set.MasterAuth == "":
		return false
	case s.set.MasterUser != "" && s.prof.Orders.Users:
		s.say("AUTH", s.set.MasterUser, s.set.MasterAuth)
	default:
		s.say("AUTH", s.set.MasterAuth)
	}
	return true
}
