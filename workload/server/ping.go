package server

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// conversation is one try to reach a server.
type conversation struct {
	io.ReadWriter
	user, database string
}

// ping reports, by nil, that the server takes sessions.
func (s *Server) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tryLasts)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", s.place)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	err = s.kind.ping(&conversation{ReadWriter: conn, user: s.kind.superuser, database: s.config.Database})
	return errors.Join(err, conn.Close())
}

// pingMySQL reads the greeting, the first packet of the server: length and number,
// the protocol's version 10, the server's version ending with a zero. A server that
// is still recovering has its socket open but does not greet.
func pingMySQL(c *conversation) error {
	var head [5]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return err
	}
	if head[4] != 10 {
		return fmt.Errorf("greeting begins with %d", head[4])
	}
	return nil
}

// Messages of PostgreSQL's protocol, version 3: a byte for the kind, a length that
// counts itself, the content. The first one has no kind.
const (
	postgresVersion = 3 << 16
	postgresReady   = 'Z'
	postgresError   = 'E'
	postgresEnd     = 'X'
	maxMessage      = 1 << 20
)

// pingPostgres begins a session, which asks for no password, and ends it when the
// server is ready for a statement.
func pingPostgres(c *conversation) error {
	start := binary.BigEndian.AppendUint32(make([]byte, 4), postgresVersion)
	for _, s := range []string{"user", c.user, "database", c.database, ""} {
		start = append(append(start, s...), 0)
	}
	binary.BigEndian.PutUint32(start, uint32(len(start)))
	if _, err := c.Write(start); err != nil {
		return err
	}
	for {
		var head [5]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return err
		}
		size := int64(binary.BigEndian.Uint32(head[1:])) - 4
		switch {
		case head[0] == postgresReady:
			_, err := c.Write([]byte{postgresEnd, 0, 0, 0, 4})
			return err
		case head[0] == postgresError:
			return errors.New("not yet")
		case size < 0 || size > maxMessage:
			return fmt.Errorf("message of %d bytes", size)
		}
		if _, err := io.CopyN(io.Discard, c, size); err != nil {
			return err
		}
	}
}
