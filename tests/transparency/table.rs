//! One good call (or more) of every command and subcommand.
//!
//! A line is a command as [`crate::words::words`] reads it. Words that begin with `@` are keys. A mark before the
//! command says how its reply is compared: `~` unordered, `&` unordered pairs, `#` without numbers, `?` only its
//! shape, `!` only its kind, `%` lines of clients, `+` without the session commands. Further marks: `^` it changes the
//! connection, so it gets one of its own; `-` it acts on the whole server, so it runs once and not at random;
//! `/` it is not allowed in `MULTI` or its reply would hold up a transaction. Lines beginning with `//` are comments.

use crate::normal::Normal;
use crate::words::words;

/// A line of the table.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) args: Vec<Vec<u8>>,
    /// Which arguments are keys.
    pub(crate) keys: Vec<usize>,
    pub(crate) normal: Normal,
    /// It changes the connection.
    pub(crate) own: bool,
    /// It acts on the whole server.
    pub(crate) once: bool,
    /// It does not belong in a transaction.
    pub(crate) outside: bool,
}

impl Call {
    /// The command's name, in lower case.
    pub(crate) fn name(&self) -> String {
        String::from_utf8_lossy(&self.args[0]).to_ascii_lowercase()
    }

    /// The name with the first argument, as `COMMAND LIST` writes subcommands.
    pub(crate) fn with_subcommand(&self) -> String {
        let sub = self
            .args
            .get(1)
            .map_or(String::new(), |sub| String::from_utf8_lossy(sub).to_ascii_lowercase());
        format!("{}|{sub}", self.name())
    }
}

/// The whole table.
pub(crate) fn calls() -> Vec<Call> {
    let lines = TABLE.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.filter(|line| !line.starts_with("//")).map(call).collect()
}

fn call(line: &str) -> Call {
    let marks = line.find(|mark| !"~&#?!%+^-/".contains(mark)).unwrap();
    let (marks, command) = line.split_at(marks);
    let mut call = Call {
        args: words(command),
        keys: Vec::new(),
        normal: Normal::Exact,
        own: marks.contains('^'),
        once: marks.contains('-'),
        outside: marks.contains('/'),
    };
    for (mark, normal) in [
        ('~', Normal::Unordered),
        ('&', Normal::UnorderedPairs),
        ('#', Normal::Numbers),
        ('?', Normal::Shape),
        ('!', Normal::Kind),
        ('%', Normal::Clients),
        ('+', Normal::Commands),
    ] {
        if marks.contains(mark) {
            call.normal = normal;
        }
    }
    for (index, arg) in call.args.iter_mut().enumerate() {
        if arg.len() > 1 && arg[0] == b'@' {
            arg.remove(0);
            call.keys.push(index);
        }
    }
    call
}

const TABLE: &str = r##"
// Strings and keys.
SET @s1 hello
SET @s1 world XX GET
SET @s1 x NX
SET @s2 10 EX 1000
SET @s3 v KEEPTTL
set @s2 11 px 1000000
SET @s2 12 EXAT 33177117420
SET @s2 10 PXAT 33177117420000
GET @s1
GET @missing
GETSET @s1 again
GETDEL @s3
GETEX @s2 PERSIST
GETEX @s2 EX 1000
SETNX @s4 once
SETNX @s4 twice
SETEX @s5 1000 value
PSETEX @s6 1000000 value
MSET @m1 a @m2 b
MSETNX @m1 a @m3 c
MGET @m1 @missing @m2
APPEND @s1 !
STRLEN @s1
SETRANGE @s1 2 XX
GETRANGE @s1 1 3
SUBSTR @s1 0 -2
INCR @n1
INCRBY @n1 41
DECR @n1
DECRBY @n1 2
INCRBYFLOAT @n2 3.25
INCRBYFLOAT @n2 -1e2
LCS @m1 @m2
SET @l1 ohmytext
SET @l2 mynewtext
LCS @l1 @l2 IDX WITHMATCHLEN
LCS @l1 @l2 LEN
DEL @m1 @missing
UNLINK @m2
EXISTS @s1 @s1 @missing
TOUCH @s1 @missing
TYPE @s1
TYPE @missing
RENAME @s4 @s7
RENAMENX @s7 @s4
RENAME @missing @other
COPY @s1 @copy
COPY @s1 @copy REPLACE
EXPIRE @s1 1000
EXPIRE @s1 2000 GT
PEXPIRE @s1 1000000
EXPIREAT @s1 33177117420
PEXPIREAT @s1 33177117420000
EXPIRETIME @s1
PEXPIRETIME @s1
#TTL @s5
#PTTL @s5
TTL @missing
PERSIST @s1
TTL @s1
?RANDOMKEY
~KEYS s*
~SCAN 0 MATCH s* COUNT 1000
~SCAN 0 COUNT 1000 TYPE string
DUMP @n1
RESTORE @restored 0 "\x00\xc0\x01\x0a\x00\x26\x78\xe7\xb6\xd1\x01\x11\xfc"
RESTORE-ASKING @restored2 0 "\x00\xc0\x01\x0a\x00\x26\x78\xe7\xb6\xd1\x01\x11\xfc"
OBJECT ENCODING @s1
OBJECT REFCOUNT @s1
?OBJECT IDLETIME @s1
OBJECT FREQ @s1
OBJECT HELP
MOVE @n2 1
?MEMORY USAGE @s1
SORT @missing
// Bits.
SETBIT @b1 7 1
SETBIT @b1 100 1
GETBIT @b1 7
BITCOUNT @b1
BITCOUNT @b1 0 10 BIT
BITPOS @b1 0.05
BITPOS @b1 0 0 -1 BIT
BITOP NOT @b2 @b1
BITOP AND @b3 @b1 @b2
BITFIELD @b1 SET u8 0 255 INCRBY i5 100 1 GET u4 0 OVERFLOW FAIL INCRBY u2 0 9
BITFIELD_RO @b1 GET u8 0
// Lists.
RPUSH @list1 a b c 1 2 3
LPUSH @list1 z
LPUSHX @list1 y
LPUSHX @missing y
RPUSHX @list1 w
LLEN @list1
LRANGE @list1 0 -1
LINDEX @list1 1
LINSERT @list1 BEFORE a before
LSET @list1 0 set
LREM @list1 0 w
LPOS @list1 a RANK 1 COUNT 0 MAXLEN 100
LPOS @list1 nosuch
LTRIM @list1 0 5
LPOP @list1
LPOP @list1 2
LPOP @missing
LPOP @missing 2
RPOP @list1
RPUSH @list2 3 1 2
LMOVE @list2 @list3 LEFT RIGHT
RPOPLPUSH @list2 @list3
LMPOP 2 @missing @list3 LEFT COUNT 2
RPUSH @list2 3 1 2
SORT @list2 DESC
SORT @list2 ALPHA LIMIT 0 2 GET # GET nosuch* STORE @sorted
SORT_RO @list2
RPUSH @q a b c d e f
BLPOP @q 0.05
BRPOP @q 0.05
BRPOPLPUSH @q @q2 0.05
BLMOVE @q @q2 LEFT LEFT 0.05
BLMPOP 0.05 1 @q LEFT COUNT 1
BLPOP @q @missing 0.05
/BLPOP @missing 0.01
/BRPOP @missing 0.01
/BRPOPLPUSH @missing @q2 0.01
/BLMOVE @missing @q2 LEFT LEFT 0.01
/BLMPOP 0.01 1 @missing LEFT
// Hashes.
HSET @h1 f v
HSET @h1 f w g 1
HMSET @h2 a 1 b 2
HSETNX @h1 f no
HGET @h1 f
HGET @h1 missing
HMGET @h1 f missing g
HGETALL @h1
HGETALL @missing
HKEYS @h1
HVALS @h1
HLEN @h1
HEXISTS @h1 f
HSTRLEN @h1 f
HINCRBY @h1 g 5
HINCRBYFLOAT @h1 g 0.5
HDEL @h1 f missing
HRANDFIELD @h1
HRANDFIELD @h1 1 WITHVALUES
?HRANDFIELD @h2 -3 WITHVALUES
HSCAN @h1 0 COUNT 100
// Sets.
SADD @set1 1 2 3
SADD @set2 2 3 4
SADD @set3 x
SCARD @set1
SISMEMBER @set1 1
SMISMEMBER @set1 1 9
~SMEMBERS @set1
SMEMBERS @set3
~SINTER @set1 @set2
~SUNION @set1 @set2 @set3
~SDIFF @set1 @set2
SINTERCARD 2 @set1 @set2 LIMIT 5
SINTERSTORE @set4 @set1 @set2
SUNIONSTORE @set5 @set1 @set3
SDIFFSTORE @set6 @set1 @set2
SMOVE @set1 @set2 1
SRANDMEMBER @set3
?SRANDMEMBER @set2 2
?SRANDMEMBER @set2 -5
SREM @set2 2 9
SPOP @set3
~SPOP @set5 9
~SSCAN @set2 0
// Sorted sets.
ZADD @z1 1 a 2 b 3 c
ZADD @z1 XX CH 2.5 b 9 nosuch
ZADD @z1 NX INCR 1 d
ZADD @z1 GT CH 5 a
ZADD @z2 1 b 2 c 3 x
ZADD @z3 0 a 0 b 0 c 0 d
ZCARD @z1
ZCOUNT @z1 -inf (3
ZSCORE @z1 a
ZSCORE @z1 nosuch
ZMSCORE @z1 a nosuch
ZINCRBY @z1 1.5 a
ZRANK @z1 b
ZRANK @z1 nosuch
ZREVRANK @z1 b
ZRANGE @z1 0 -1
ZRANGE @z1 0 -1 WITHSCORES
ZRANGE @z1 (1 +inf BYSCORE LIMIT 0 2 REV
ZRANGE @z3 [b (d BYLEX
ZRANGEBYSCORE @z1 -inf +inf WITHSCORES LIMIT 0 10
ZRANGEBYLEX @z3 - +
ZREVRANGE @z1 0 -1 WITHSCORES
ZREVRANGEBYSCORE @z1 +inf -inf
ZREVRANGEBYLEX @z3 + -
ZRANGESTORE @z4 @z1 0 1
ZLEXCOUNT @z3 [a [c
ZINTER 2 @z1 @z2 WITHSCORES
ZUNION 2 @z1 @z2 WEIGHTS 2 3 AGGREGATE MAX WITHSCORES
ZDIFF 2 @z1 @z2 WITHSCORES
ZINTERCARD 2 @z1 @z2
ZINTERSTORE @z5 2 @z1 @z2
ZUNIONSTORE @z6 2 @z1 @z2 WEIGHTS 1 0.5
ZDIFFSTORE @z7 2 @z1 @z2
ZRANDMEMBER @missing
?ZRANDMEMBER @z1 2 WITHSCORES
ZSCAN @z1 0
ZREM @z6 a nosuch
ZREMRANGEBYRANK @z6 0 0
ZREMRANGEBYSCORE @z6 -inf 1
ZREMRANGEBYLEX @z3 [a [a
ZPOPMIN @z1
ZPOPMAX @z1 2
ZPOPMIN @missing
ZMPOP 2 @missing @z2 MIN COUNT 2
ZADD @zq 1 a 2 b 3 c
BZPOPMIN @zq 0.05
BZPOPMAX @zq 0.05
BZMPOP 0.05 1 @zq MIN
/BZPOPMIN @missing 0.01
/BZPOPMAX @missing 0.01
/BZMPOP 0.01 1 @missing MAX
// Geo and HyperLogLog.
GEOADD @geo 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
GEODIST @geo Palermo Catania km
GEOHASH @geo Palermo nosuch
GEOPOS @geo Palermo nosuch
GEORADIUS @geo 15 37 200 km WITHDIST WITHCOORD ASC
GEORADIUS_RO @geo 15 37 200 km ASC
GEORADIUSBYMEMBER @geo Palermo 200 km ASC
GEORADIUSBYMEMBER_RO @geo Palermo 200 km WITHHASH ASC
GEOSEARCH @geo FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST
GEOSEARCHSTORE @geo2 @geo FROMLONLAT 15 37 BYBOX 400 400 km ASC
PFADD @hll a b c
PFADD @hll2 c d
PFCOUNT @hll @hll2
PFMERGE @hll3 @hll @hll2
PFDEBUG ENCODING @hll3
-PFSELFTEST
// Streams.
XADD @x1 1-1 f v
XADD @x1 1-2 f w g 1
XADD @x1 NOMKSTREAM MAXLEN ~ 100 2-0 f x
XADD @missing NOMKSTREAM 2-0 f x
XADD @x1 1-1 f v
?XADD @x2 * f v
XLEN @x1
XRANGE @x1 - +
XRANGE @x1 (1-1 + COUNT 1
XREVRANGE @x1 + -
XREAD COUNT 2 STREAMS @x1 @missing 0 0
XREAD STREAMS @missing 0
XREAD BLOCK 10 STREAMS @x1 0
/XREAD BLOCK 10 STREAMS @x1 $
XGROUP CREATE @x1 g1 0
XGROUP CREATE @x1 g1 0
XGROUP CREATE @x3 g1 $ MKSTREAM ENTRIESREAD 0
XGROUP CREATECONSUMER @x1 g1 c0
XREADGROUP GROUP g1 c1 COUNT 2 STREAMS @x1 >
XREADGROUP GROUP g1 c1 STREAMS @x1 0
XREADGROUP GROUP g1 c1 NOACK BLOCK 10 STREAMS @x1 >
/XREADGROUP GROUP g1 c1 BLOCK 10 STREAMS @x1 >
XPENDING @x1 g1
#XPENDING @x1 g1 - + 10 c1
XCLAIM @x1 g1 c2 0 1-1
XCLAIM @x1 g1 c2 0 1-1 JUSTID
XAUTOCLAIM @x1 g1 c3 0 0 COUNT 1
XACK @x1 g1 1-1 9-9
#XINFO STREAM @x1
#XINFO STREAM @x1 FULL
XINFO GROUPS @x1
#XINFO CONSUMERS @x1 g1
XINFO HELP
XGROUP SETID @x1 g1 0
XGROUP DELCONSUMER @x1 g1 c1
XGROUP DESTROY @x1 g1
XGROUP HELP
XDEL @x1 1-1 9-9
XTRIM @x1 MAXLEN 1
XSETID @x1 5-0
// Scripts and functions.
EVAL "return {KEYS[1], ARGV[1], 1, 2.7, false, {ok='fine'}}" 1 @s1 arg
EVAL "return redis.call('GET', KEYS[1])" 1 @s1
EVAL "return redis.error_reply('MY error')" 0
EVAL "return redis.call('INCR', KEYS[1])" 1 @s1
EVAL_RO "return redis.call('GET', KEYS[1])" 1 @s1
EVAL_RO "return redis.call('SET', KEYS[1], 1)" 1 @s1
SCRIPT LOAD "return 1"
EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
EVALSHA_RO e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
EVALSHA ffffffffffffffffffffffffffffffffffffffff 0
SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db ffffffffffffffffffffffffffffffffffffffff
SCRIPT HELP
SCRIPT KILL
^SCRIPT DEBUG NO
-SCRIPT FLUSH
FUNCTION LOAD REPLACE "#!lua name=lib\nredis.register_function('f1', function(keys, args) return {keys, args} end)\nredis.register_function{function_name='f2', callback=function() return 'x' end, flags={'no-writes'}}"
FCALL f1 1 @s1 arg
FCALL_RO f2 0
FCALL_RO f1 0
FCALL nosuch 0
~FUNCTION LIST
~FUNCTION LIST LIBRARYNAME li* WITHCODE
FUNCTION DUMP
~FUNCTION STATS
FUNCTION KILL
FUNCTION HELP
-FUNCTION RESTORE "\xf5\x40\x45\x23\x21\x6c\x75\x61\x20\x6e\x61\x6d\x65\x3d\x6c\x69\x62\x32\x0a\x72\x65\x64\x69\x73\x2e\x72\x65\x67\x69\x73\x74\x65\x72\x5f\x66\x75\x6e\x63\x74\x69\x6f\x6e\x28\x27\x67\x27\x2c\x20\x66\x75\x6e\x63\x74\x69\x6f\x6e\x28\x29\x20\x72\x65\x74\x75\x72\x6e\x20\x31\x20\x65\x6e\x64\x29\x0a\x00\x03\x84\x26\x02\x84\x43\xf7\x28" APPEND
-FUNCTION DELETE lib
-FUNCTION FLUSH
// Transactions: see transactions.rs for what they are for.
^MULTI
^EXEC
^DISCARD
^/WATCH @s1
^UNWATCH
// Publish and subscribe: see pubsub.rs.
^SUBSCRIBE c
^UNSUBSCRIBE c
^PSUBSCRIBE p*
^PUNSUBSCRIBE
^SSUBSCRIBE s
^SUNSUBSCRIBE s
PUBLISH c hello
SPUBLISH s hello
PUBSUB CHANNELS
PUBSUB NUMSUB c d
PUBSUB NUMPAT
PUBSUB SHARDCHANNELS
PUBSUB SHARDNUMSUB s
PUBSUB HELP
// The connection.
PING
PING hello
ECHO hello
^SELECT 3
^AUTH default any
^AUTH any
^HELLO
^HELLO 3
^HELLO 2 SETNAME me
^RESET
^QUIT
?CLIENT ID
^CLIENT SETNAME me
CLIENT GETNAME
!CLIENT INFO
!CLIENT LIST
CLIENT LIST TYPE replica
CLIENT LIST ID 999999
CLIENT KILL 1.2.3.4:5
CLIENT KILL ID 999999
CLIENT UNBLOCK 999999
CLIENT UNBLOCK 999999 ERROR
-CLIENT PAUSE 0
-CLIENT UNPAUSE
^CLIENT NO-EVICT on
^CLIENT REPLY ON
^CLIENT TRACKING off
^CLIENT TRACKING on
^CLIENT CACHING yes
CLIENT TRACKINGINFO
CLIENT GETREDIR
CLIENT HELP
^ASKING
^READONLY
^READWRITE
^REPLCONF listening-port 7000
^REPLCONF capa eof
// The server.
?TIME
DBSIZE
!INFO
!INFO server
!INFO everything
?LASTSAVE
ROLE
!LOLWUT
!LOLWUT VERSION 5 1 1 1
WAIT 0 10
/WAIT 1 10
SWAPDB 0 1
SWAPDB 0 1
+COMMAND
?COMMAND COUNT
+COMMAND LIST
~COMMAND LIST FILTERBY PATTERN xa*
+COMMAND LIST FILTERBY ACLCAT scripting
COMMAND LIST FILTERBY MODULE nosuch
~COMMAND INFO get set nosuch xgroup
~COMMAND DOCS get xgroup nosuch
+COMMAND DOCS
COMMAND GETKEYS MSET @a 1 @b 2
COMMAND GETKEYS PING
~COMMAND GETKEYSANDFLAGS SET @a 1
COMMAND HELP
~CONFIG GET maxmemory*
CONFIG GET appendonly
CONFIG GET nosuch
CONFIG SET slowlog-max-len 100
CONFIG SET hash-max-listpack-entries 128 zset-max-listpack-entries 128
CONFIG SET nosuch 1
-CONFIG RESETSTAT
CONFIG REWRITE
CONFIG HELP
SLOWLOG GET 0
SLOWLOG LEN
-SLOWLOG RESET
SLOWLOG HELP
LATENCY LATEST
LATENCY HISTORY nosuch
LATENCY GRAPH nosuch
LATENCY RESET
!LATENCY DOCTOR
?LATENCY HISTOGRAM nosuch
LATENCY HELP
!MEMORY STATS
!MEMORY DOCTOR
!MEMORY MALLOC-STATS
-MEMORY PURGE
MEMORY HELP
ACL WHOAMI
~ACL CAT
~ACL CAT hash
~ACL USERS
ACL SETUSER alice on >pw ~a* +get
ACL GETUSER alice
ACL GETUSER nosuch
~ACL LIST
ACL DRYRUN alice get abc
ACL DRYRUN alice set abc x
ACL DELUSER alice nosuch
?ACL GENPASS
?ACL GENPASS 5
ACL LOG
ACL LOG RESET
ACL LOAD
ACL SAVE
ACL HELP
MODULE LIST
MODULE LOAD /nosuch.so
MODULE LOADEX /nosuch.so CONFIG a b
MODULE UNLOAD nosuch
MODULE HELP
-REPLICAOF NO ONE
-SLAVEOF NO ONE
FAILOVER ABORT
-SAVE
-!BGSAVE SCHEDULE
-!BGREWRITEAOF
^DEBUG SLEEP 0
^DEBUG SET-ACTIVE-EXPIRE 1
^DEBUG HELP
^DEBUG NOSUCH
^DEBUG PROTOCOL attrib
^DEBUG STRINGMATCH-LEN 10 a*
/MIGRATE 127.0.0.1 1 @missing 0 10
^PSYNC
// Cluster commands are refused, all with the same words.
CLUSTER INFO
CLUSTER ADDSLOTS 1
CLUSTER ADDSLOTSRANGE 1 2
CLUSTER BUMPEPOCH
CLUSTER COUNT-FAILURE-REPORTS x
CLUSTER COUNTKEYSINSLOT 1
CLUSTER DELSLOTS 1
CLUSTER DELSLOTSRANGE 1 2
CLUSTER FAILOVER
CLUSTER FLUSHSLOTS
CLUSTER FORGET x
CLUSTER GETKEYSINSLOT 1 1
CLUSTER HELP
CLUSTER KEYSLOT abc
CLUSTER LINKS
CLUSTER MEET 127.0.0.1 1
CLUSTER MYID
CLUSTER NODES
CLUSTER REPLICAS x
CLUSTER REPLICATE x
CLUSTER RESET
CLUSTER SAVECONFIG
CLUSTER SET-CONFIG-EPOCH 1
CLUSTER SETSLOT 1 STABLE
CLUSTER SHARDS
CLUSTER SLAVES x
CLUSTER SLOTS
// The end of everything.
FLUSHDB
FLUSHDB ASYNC
FLUSHALL SYNC
-FLUSHALL
"##;
