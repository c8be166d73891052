//! Lists of commands whose replies are compared with those of a plain Redis.

use crate::common::*;

/// Runs lines on a plain Redis and through sessiond, and compares the bytes of every reply.
fn compare(stack: &Stack, protocol: u8, lines: &str) {
    let plain = Redis::start();
    let mut expected = plain.client();
    let mut actual = stack.client();
    if protocol == 3 {
        expected = expected.resp3();
        actual = actual.resp3();
    }
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let command = words(line);
        expected.write(&command);
        actual.write(&command);
        let want = expected.raw_reply().escape_ascii().to_string();
        assert_eq!(actual.raw_reply().escape_ascii().to_string(), want, "RESP{protocol}: {line}");
    }
}

const STRINGS: &str = r#"
    PING
    PING hello
    ECHO "\r\n*1\r\n"
    SET k v
    GET k
    set k w GET
    SET n 1 EX 1000
    INCR n
    INCRBY n 41
    INCRBYFLOAT n 0.5
    INCR n
    DECR k
    APPEND k "\0\xff\r\n"
    GET k
    STRLEN k
    SETRANGE k 2 zz
    GETRANGE k 0 -1
    MSET a 1 b 2 c ""
    MGET a b nothing c
    MSETNX a 1 z 2
    GETDEL a
    GETEX b EX 100
    SETBIT bits 7 1
    BITCOUNT bits
    BITPOS bits 1
    BITFIELD bits GET u8 0 INCRBY u2 100 1
    BITOP NOT notbits bits
    LCS k b
    GET missing
    EXISTS k b missing
    DEL k b missing
    TYPE n
    OBJECT ENCODING n
    OBJECT HELP
    RENAME n m
    COPY m m2
    PERSIST m
    TTL m
    EXPIRE m 100 NX
    DBSIZE
    PFADD hll a b c
    PFCOUNT hll
    SETEX k 0 v
    SET k v BAD
    SUBSTR m 0 1
    TOUCH m missing
    UNLINK m missing
    RANDOMKEY2
    FLUSHDB
    RANDOMKEY
"#;

const COLLECTIONS: &str = r#"
    RPUSH l a b c "" "\0"
    LRANGE l 0 -1
    LPOS l c
    LINSERT l BEFORE b x
    LMOVE l l2 LEFT RIGHT
    LPOP l 2
    LPOP missing
    LPOP missing 2
    RPOPLPUSH l missing2
    LMPOP 2 missing l LEFT COUNT 2
    HSET h f 1 g "2\r\n" e ""
    HGETALL h
    HMGET h f missing
    HINCRBYFLOAT h f 1.25
    HRANDFIELD missing
    HLEN h
    HGETALL missing
    HDEL h f g e
    SADD s one
    SMEMBERS s
    SISMEMBER s one
    SMISMEMBER s one two
    SINTERCARD 1 s
    SPOP s
    SPOP s 3
    SRANDMEMBER s
    ZADD z 1 a 2.5 b inf c -inf d
    ZRANGE z 0 -1 WITHSCORES
    ZSCORE z b
    ZSCORE z c
    ZSCORE z nothing
    ZMSCORE z a nothing
    ZINCRBY z 0.25 b
    ZADD z INCR 3 a
    ZRANK z b
    ZPOPMIN z
    ZPOPMAX z 2
    ZPOPMIN missing
    ZRANGEBYSCORE z -inf +inf
    ZUNION 2 z z WITHSCORES
    GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
    GEODIST g Palermo Catania km
    GEOPOS g Palermo missing
    GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHCOORD WITHDIST
    XADD x 1-1 f v g w
    XADD x 2-* f v
    XRANGE x - +
    XREAD COUNT 10 STREAMS x 0
    XREAD STREAMS x $
    XGROUP CREATE x grp 0
    XREADGROUP GROUP grp me COUNT 1 STREAMS x >
    XPENDING x grp
    XACK x grp 1-1
    XADD x 1-1 f v
    XLEN x
    SORT l ALPHA
    DUMP missing
    SCAN 0 COUNT 1000 TYPE stream
    HSCAN h 0
    SSCAN s 0
    ZSCAN z 0
"#;

const ERRORS: &str = r#"
    NOSUCHCOMMAND
    NOSUCHCOMMAND a "b\r\nc" d
    SESSION a b
    SESSION.NOSUCH app "an id" "\xff"
    session.nosuch
    GET
    GET a b
    SET k
    CONFIG NOSUCH a
    CONFIG
    LPUSH l a
    GET l
    INCR l
    ZADD z nan a
    ZADD z abc a
    SET k v EX abc
    EXPIRE k abc
    SELECT abc
    SELECT 99
    EVAL "return redis.error_reply('MOVED 1 x:1')" 0
    EVAL "return redis.error_reply('ASK 1 x:1')" 0
    EVAL "return redis.error_reply('MY own')" 0
    EVAL "error('boom')" 0
    EVAL "redis.call('nosuch')" 0
    EVAL "not lua" 0
    EVAL "return 1" -1
    EVAL "return 1" 5 a
    EVALSHA 0000000000000000000000000000000000000000 0
    EVALSHA short 0
    SCRIPT NOSUCH
    XADD x 0-0 a b
    OBJECT FREQ k
    RESTORE r 0 garbage
    EXEC
    DISCARD
    ACL GETUSER nobody
    CLUSTER INFO
    DEBUG NOSUCH
    FCALL nosuch 0
    MIGRATE
    "" a
    "\r\n" a
    "GET\0" a
"#;

const SCRIPTS: &str = r##"
    EVAL "return 1" 0
    EVAL "return {1,'two',{3,{4,{}}},false,'message','subscribe'}" 0
    EVAL "return {'message','channel','text'}" 0
    EVAL "return {'subscribe','channel',1}" 0
    EVAL "return {'pmessage','p','c','t'}" 0
    EVAL "return {'invalidate',{'a'}}" 0
    EVAL "return 'MOVED 1 x:1'" 0
    EVAL "return 'ASK 1 x:1'" 0
    EVAL "return {'MOVED 1 127.0.0.1:1', {err='MOVED 2 x:2'}, {ok='QUEUED'}}" 0
    EVAL "return {ok='QUEUED'}" 0
    EVAL "return {ok=''}" 0
    EVAL "return ''" 0
    EVAL "return {}" 0
    EVAL "return false" 0
    EVAL "return true" 0
    EVAL "return 3.99" 0
    EVAL "return {KEYS[1],ARGV[1],ARGV[2]}" 1 key "" "\0\r\n"
    EVAL "return {1,nil,3}" 0
    EVAL "redis.setresp(3); return {double=3.5}" 0
    EVAL "redis.setresp(3); return {map={a=1}}" 0
    EVAL "redis.setresp(3); return {set={a=true}}" 0
    EVAL "redis.setresp(3); return {big_number='123456789012345678901234567890'}" 0
    EVAL "redis.setresp(3); return {verbatim_string={format='txt',string='hello'}}" 0
    EVAL "redis.setresp(3); return {redis.call('HGETALL','nothing'), nil, true}" 0
    EVAL "local t={} for i=1,500 do t={t} end return t" 0
    EVAL "local t={} for i=1,3000 do t[i]=i..'' end return t" 0
    EVAL_RO "return redis.call('GET','a')" 1 a
    SCRIPT LOAD "return ARGV[1]"
    EVALSHA 098e0f0d1448c0a81dafe820f66d460eb09263da 0 x
    SCRIPT EXISTS 098e0f0d1448c0a81dafe820f66d460eb09263da 0000000000000000000000000000000000000000
    FUNCTION LOAD "#!lua name=mylib\nredis.register_function('twice', function(k,a) return a[1]*2 end)"
    FCALL twice 0 21
    FUNCTION LIST
    FUNCTION DELETE mylib
    SCRIPT FLUSH
"##;

const SERVER: &str = r#"
    CONFIG GET maxmemory-policy
    CONFIG SET maxmemory-policy noeviction
    COMMAND DOCS get
    COMMAND INFO get set nosuch
    COMMAND GETKEYS SET k v
    COMMAND GETKEYSANDFLAGS SET k v
    COMMAND LIST FILTERBY PATTERN xrev*
    COMMAND HELP
    CLUSTER KEYSLOT abc
    MEMORY USAGE nothing
    LATENCY RESET
    SLOWLOG RESET
    ACL WHOAMI
    ACL SETUSER u on >p ~* +@all
    ACL LIST2
    ACL DELUSER u
    PUBSUB CHANNELS
    PUBSUB NUMSUB a
    PUBLISH c hello
    OBJECT HELP
    WAIT 0 10
    LASTSAVE2
    SWAPDB 0 1
    SELECT 1
    SET in1 x
    SELECT 0
    MOVE in1 1
    DEBUG JMAP
    DEBUG STRINGMATCH-LEN 100 a
    DEBUG PROTOCOL string
    DEBUG PROTOCOL integer
    DEBUG PROTOCOL double
    DEBUG PROTOCOL null
    DEBUG PROTOCOL array
    DEBUG PROTOCOL set
    DEBUG PROTOCOL map
    DEBUG PROTOCOL bignum
    DEBUG PROTOCOL true
    DEBUG PROTOCOL verbatim
    SUBSCRIBE c
    PING
    UNSUBSCRIBE c
    FLUSHALL
"#;

#[test]
fn replies_are_byte_for_byte_those_of_redis() {
    each_mode(|stack| {
        for protocol in [2, 3] {
            for lines in [STRINGS, COLLECTIONS, ERRORS, SCRIPTS, SERVER] {
                compare(&stack, protocol, lines);
                check!(stack.redis.client(), "FLUSHALL" => "+OK");
            }
        }
    });
}

#[test]
fn resp3_attributes_and_pushes_keep_their_place() {
    each_mode(|stack| {
        let mut client = stack.client().resp3();
        client.send(b"DEBUG PROTOCOL attrib\r\nPING\r\nDEBUG PROTOCOL push\r\nPING\r\n");
        let text: Vec<String> = (0..4).map(|_| client.reply().to_string()).collect();
        let mut plain = stack.redis.client().resp3();
        plain.send(b"DEBUG PROTOCOL attrib\r\nPING\r\nDEBUG PROTOCOL push\r\nPING\r\n");
        let want: Vec<String> = (0..4).map(|_| plain.reply().to_string()).collect();
        assert_eq!(text, want);
    });
}

#[test]
fn inline_commands_with_redis_quoting() {
    each_mode(|stack| {
        let lines: [&[u8]; 12] = [
            b"PING\r\n",
            b"PING\n",
            b"   SET   k   v  \r\n",
            b"\r\n\r\nGET k\r\n",
            b"SET \"a b\" \"\\x41\\n\\t\\\"\"\r\n",
            b"GET \"a b\"\r\n",
            b"SET 'it' 'don\\'t\\n'\r\n",
            b"GET it\r\n",
            b"ECHO \"\"\r\n",
            b"LPUSH l a b c\nLLEN l\n",
            b"GET\r\n",
            b"NOSUCH 'x y' z\r\n",
        ];
        let plain = Redis::start();
        let (mut expected, mut actual) = (plain.client(), stack.client());
        for line in lines {
            expected.send(line);
            actual.send(line);
            let commands = if line.starts_with(b"LPUSH") { 2 } else { 1 };
            for _ in 0..commands {
                let want = expected.raw_reply().escape_ascii().to_string();
                let got = actual.raw_reply().escape_ascii().to_string();
                assert_eq!(got, want, "{}", line.escape_ascii());
            }
        }
        // Inline and RESP commands mix in one stream.
        actual.send(b"SET m 1\r\n*2\r\n$4\r\nINCR\r\n$1\r\nm\r\nINCR m\r\n");
        let replies: Vec<String> = (0..3).map(|_| actual.reply().to_string()).collect();
        assert_eq!(replies, ["+OK", "2", "3"]);
    });
}
