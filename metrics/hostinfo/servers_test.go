package hostinfo

import (
	"strings"
	"testing"
)

func TestNameOfServer(t *testing.T) {
	for _, test := range []struct{ comm, cmdline, want string }{
		{"mysqld", "/usr/sbin/mysqld", "mysqld"},
		{"mariadbd", "/usr/sbin/mariadbd --user=mysql", "mariadbd"},
		{"postgres", "postgres: checkpointer ", "postgres"},
		{"postgres", "/usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql", "postgres"},
		{"clickhouse-serv", "clickhouse-server --config=x", "clickhouse-server"},
		{"clickhouse", "/usr/bin/clickhouse server", "clickhouse-server"},
		{"clickhouse", "/usr/bin/clickhouse client", ""},
		{"java", "/usr/bin/java -Xmx1g org.apache.cassandra.service.CassandraDaemon", "cassandra"},
		{"java", "/usr/bin/java -jar app.jar", ""},
		{"ora_lgwr_ORCL", "ora_lgwr_ORCL", "oracle"},
		{"redis-server", "/usr/bin/redis-server 127.0.0.1:6379", "redis-server"},
		{"bash", "bash -c mysqld", ""},
		{"mysqld_exporter", "/bin/mysqld_exporter", ""},
		{"vim", "vim /etc/mysqld", ""},
		{"kworker/0:1", "", ""},
	} {
		if got := serverName(test.comm, strings.Split(test.cmdline, " ")); got != test.want {
			t.Errorf("serverName(%q, %q) = %q; want %q", test.comm, test.cmdline, got, test.want)
		}
	}
}

func TestDataFolder(t *testing.T) {
	for _, test := range []struct{ name, args, want string }{
		{"mysqld", "/usr/sbin/mysqld --datadir=/srv/db", "/srv/db"},
		{"postgres", "postgres -D /pg/15", "/pg/15"},
		{"mysqld", "mysqld", "/var/lib/mysql"},
		{"mysqld", "mysqld --datadir=relative", "/var/lib/mysql"},
		{"cockroach", "cockroach start -D", ""},
	} {
		if got := dataFolder(test.name, strings.Split(test.args, " ")); got != test.want {
			t.Errorf("dataFolder(%q) = %q; want %q", test.args, got, test.want)
		}
	}
}
