package hostinfo

import "strings"

// databaseServers are the command names of programs whose commits a run on
// the same device would slow. A name of more than 15 bytes also matches cut
// off, as the kernel keeps it.
var databaseServers = []string{
	"mysqld", "mysqld-debug", "mariadbd", "postgres", "postmaster", "mongod", "etcd",
	"redis-server", "valkey-server", "keydb-server",
	"cockroach", "tidb-server", "tikv-server", "pd-server", "yb-tserver", "yb-master", "ydbd",
	"clickhouse-server", "clickhouse-keeper", "oracle", "sqlservr", "db2sysc", "cassandra", "scylla",
	"influxd", "neo4j", "arangod", "rethinkdb", "fdbserver", "memsqld", "consul", "rqlited", "surreal", "taosd",
}

// interpreted are servers that run inside another program: what the command
// is called, what its command line holds, and what to call it.
var interpreted = []struct{ command, holds, name string }{
	{"java", "org.apache.cassandra", "cassandra"},
	{"java", "org.elasticsearch", "elasticsearch"},
	{"java", "org.opensearch", "opensearch"},
	{"java", "org.neo4j", "neo4j"},
	{"java", "org.apache.zookeeper", "zookeeper"},
	{"java", "kafka.Kafka", "kafka"},
	{"java", "io.questdb", "questdb"},
	{"clickhouse", "server", "clickhouse-server"},
	{"beam.smp", "couchdb", "couchdb"},
}

// commLength is how many bytes of a command name the kernel keeps.
const commLength = 15

// serverName returns the name of the database server that a process is, from
// its command name (/proc/PID/comm) and its arguments; "" when it is none.
func serverName(comm string, args []string) string {
	first := ""
	if len(args) > 0 {
		first = args[0]
		// A server that retitles itself: "postgres: checkpointer".
		first, _, _ = strings.Cut(first, ":")
		first, _, _ = strings.Cut(first, " ")
		first = first[strings.LastIndexByte(first, '/')+1:]
	}
	for _, name := range databaseServers {
		if first == name || comm == name[:min(len(name), commLength)] {
			return name
		}
	}
	// Oracle's background processes: ora_lgwr_ORCL.
	if strings.HasPrefix(comm, "ora_") {
		return "oracle"
	}
	for _, p := range interpreted {
		if comm != p.command && first != p.command {
			continue
		}
		for _, a := range args {
			if strings.Contains(a, p.holds) {
				return p.name
			}
		}
	}
	return ""
}

// dataFolders are where servers keep their data when nothing says otherwise.
var dataFolders = map[string]string{
	"mysqld": "/var/lib/mysql", "mariadbd": "/var/lib/mysql", "postgres": "/var/lib/postgresql",
	"mongod": "/var/lib/mongodb", "etcd": "/var/lib/etcd", "redis-server": "/var/lib/redis",
	"clickhouse-server": "/var/lib/clickhouse", "cassandra": "/var/lib/cassandra", "scylla": "/var/lib/scylla",
	"influxd": "/var/lib/influxdb", "elasticsearch": "/var/lib/elasticsearch",
}

// dataFlags are the options that name a server's data folder.
var dataFlags = []string{"--datadir", "--data-dir", "--dbpath", "--pgdata", "--store", "--data", "-D", "--dir"}

// dataFolder guesses a server's data folder from its arguments, and else from
// its name; "" when neither tells.
func dataFolder(name string, args []string) string {
	for i, a := range args {
		for _, flag := range dataFlags {
			if v, ok := strings.CutPrefix(a, flag+"="); ok && strings.HasPrefix(v, "/") {
				return v
			}
			if a == flag && i+1 < len(args) && strings.HasPrefix(args[i+1], "/") {
				return args[i+1]
			}
		}
	}
	return dataFolders[name]
}
