//! Scripts and functions, and what odd replies they can give.

use crate::common::encode;
use crate::normal::Normal;
use crate::runner::compare;
use crate::side::Side;

/// Return expressions of Lua, some of which look like something else on the wire.
const RETURNS: &[&str] = &[
    "nil",
    "true",
    "false",
    "1",
    "-1",
    "3.99",
    "-3.99",
    "1e100",
    "0/0",
    "1/0",
    "9007199254740993",
    "''",
    "'text'",
    "'a\\r\\nb'",
    "'\\0\\255'",
    "{}",
    "{1,2,{3,{4}}}",
    "{1,nil,3}",
    "{nil}",
    "{ok='fine'}",
    "{ok=''}",
    "{ok='a\\r\\nb'}",
    "{err='ERR bad'}",
    "{err='bad'}",
    "{err=''}",
    "{err='-ERR bad'}",
    "{err='MOVED 1 127.0.0.1:1'}",
    "{err='ASK 1 127.0.0.1:1'}",
    "{err='NOSCRIPT no such script'}",
    "{err='NOAUTH Authentication required.'}",
    "{err='LOADING x'}",
    "{err='UPSTREAM x'}",
    "{err='EXECABORT x'}",
    "{err='BUSY x'}",
    "{err='READONLY x'}",
    "{err='a\\r\\nb'}",
    "{err='\\255\\254'}",
    "{err='ERR \\0 x'}",
    "redis.error_reply('My Error')",
    "redis.error_reply('')",
    "redis.error_reply('-x')",
    "redis.error_reply('\\255')",
    "redis.status_reply('My Status')",
    "redis.status_reply('')",
    "redis.status_reply('QUEUED')",
    "redis.status_reply('OK')",
    "redis.status_reply('RESET')",
    "{'message','c','x'}",
    "{'subscribe','c',1}",
    "{'unsubscribe','c',0}",
    "{'pmessage','p','c','x'}",
    "{'invalidate',{'k'}}",
    "{'smessage','c','x'}",
    "{'MOVED 1 x:1'}",
    "'MOVED 1 x:1'",
    "{{err='inner'},1}",
    "{{ok='inner'},{err='inner'}}",
    "{double=1.5}",
    "{double='x'}",
    "{map={a=1}}",
    "{map={}}",
    "{set={a=true}}",
    "{set={}}",
    "{big_number='123456789012345678901234567890'}",
    "{big_number='1\\r\\n2'}",
    "{verbatim_string={format='txt',string='hi'}}",
    "{verbatim_string={format='mkd',string=''}}",
    "{{double=1.5},{map={a={double=2}}},{set={x=true}}}",
    "{double=0/0}",
    "{double=1/0}",
    "{double=-1/0}",
    "{map={[1]={map={[2]=3}}}}",
    "redis.call('GET','nosuch')",
    "redis.call('LRANGE','nosuch',0,-1)",
    "redis.call('HGETALL','h')",
    "redis.call('ZRANGE','z',0,-1,'WITHSCORES')",
    "redis.call('ZSCORE','z','a')",
    "redis.call('SMEMBERS','one')",
    "redis.pcall('GET')",
    "redis.pcall('NOSUCH')",
    "redis.call('GET')",
    "redis.call('NOSUCH')",
    "redis.call()",
    "redis.pcall('LPUSH','str','x')",
    "redis.call('LPUSH','str','x')",
    "redis.call('MULTI')",
    "redis.pcall('SUBSCRIBE','c')",
    "redis.pcall('WATCH','k')",
    "redis.pcall('AUTH','x')",
    "redis.pcall('HELLO',3)",
    "redis.pcall('CLIENT','ID')",
    "redis.pcall('CLIENT','REPLY','OFF')",
    "redis.pcall('SELECT',1)",
    "redis.pcall('EVAL','return 1',0)",
    "redis.pcall('BLPOP','l',0)",
    "redis.pcall('DEBUG','SLEEP',0)",
    "redis.pcall('SESSION.GET','a','b')",
    "redis.sha1hex('')",
    "redis.log(redis.LOG_DEBUG,'x')",
    "cjson.encode({1,2})",
    "cmsgpack.pack({1})",
    "bit.tohex(255)",
    "struct.pack('>I',1)",
    "error('boom')",
    "error({err='table'})",
    "nosuch.field",
    "nosuch()",
    "KEYS[1]",
    "#ARGV",
    "tostring({}) ~= nil",
    "redis.setresp(3)",
    "redis.setresp(9)",
    "redis.replicate_commands()",
    "math.random()",
    "redis.REDIS_VERSION",
    "redis.acl_check_cmd('GET','k')",
    "string.rep('x',100000)",
];

fn prepare(side: &mut Side) {
    side.run_all("a", "HSET h f v\nZADD z 1.5 a inf b\nSADD one x\nSET str x");
}

fn returns(side: &mut Side, resp3: bool, setresp: bool, inside: bool) {
    prepare(side);
    if resp3 {
        side.run("a", "HELLO 3");
    }
    for expression in RETURNS {
        let before = if setresp { "redis.setresp(3) " } else { "" };
        let call = encode(&["EVAL", &format!("{before}return {expression}"), "0"]);
        if inside {
            side.send("a", &[b"MULTI\r\n", &call[..], b"PING\r\nEXEC\r\n"].concat());
            side.read("a", 4);
        } else {
            side.send("a", &[&call[..], b"PING\r\n"].concat());
            side.read("a", 2);
        }
    }
}

/// `n` arrays within each other.
fn nested(depth: usize) -> String {
    format!("local t = {{1}} for i = 2, {depth} do t = {{t, i}} end return t")
}

#[test]
fn replies_of_scripts() {
    compare(&[
        ("returns, RESP2", &|side| returns(side, false, false, false)),
        ("returns, RESP3", &|side| returns(side, true, false, false)),
        ("returns with setresp, RESP2", &|side| returns(side, false, true, false)),
        ("returns with setresp, RESP3", &|side| returns(side, true, true, false)),
        ("returns in MULTI, RESP2", &|side| returns(side, false, false, true)),
        ("returns in MULTI, RESP3", &|side| returns(side, true, true, true)),
        ("deep replies", &|side| {
            for depth in [1, 2, 7, 8, 9, 31, 32, 33, 50, 100, 127, 128, 129, 500] {
                side.send(
                    "a",
                    &[encode(&["EVAL", &nested(depth), "0"]), b"PING\r\n".to_vec()].concat(),
                );
                side.read("a", 2);
                side.send(
                    "a",
                    &[
                        b"MULTI\r\n".to_vec(),
                        encode(&["EVAL", &nested(depth), "0"]),
                        b"EXEC\r\n".to_vec(),
                    ]
                    .concat(),
                );
                side.read("a", 3);
            }
            side.run("a", "HELLO 3");
            side.send("a", &encode(&["EVAL", "redis.setresp(3) local t = {map={a=1}} for i = 2, 50 do t = {map={a=t}} end return t", "0"]));
            side.read("a", 1);
        }),
        ("wide replies", &|side| {
            side.run("a", "EVAL \"local t = {} for i = 1, 100000 do t[i] = i end return t\" 0");
            side.run(
                "a",
                "EVAL \"local t = {} for i = 1, 3000 do t[i] = {i, {tostring(i)}} end return t\" 0",
            );
            side.run("a", "PING");
        }),
    ]);
}

fn protocol_of_debug(side: &mut Side, resp3: bool) {
    if resp3 {
        side.run("a", "HELLO 3");
    }
    for kind in [
        "string", "integer", "double", "null", "array", "set", "map", "bignum", "true", "false",
        "verbatim", "nosuch",
    ] {
        side.pipeline("a", &format!("DEBUG PROTOCOL {kind}\nPING"));
        side.pipeline("a", &format!("MULTI\nDEBUG PROTOCOL {kind}\nEXEC"));
    }
    // An attribute stands before the reply it belongs to.
    side.write("a", "DEBUG PROTOCOL attrib\nPING");
    side.read("a", 2);
    if resp3 {
        side.write("a", "DEBUG PROTOCOL push\nPING");
        side.read("a", 3);
        side.write("a", "MULTI\nDEBUG PROTOCOL attrib\nGET k\nEXEC\nPING");
        side.read("a", 5);
    } else {
        side.run_all("a", "DEBUG PROTOCOL push\nPING");
    }
}

#[test]
fn scripts_and_functions() {
    compare(&[
        ("DEBUG PROTOCOL, RESP2", &|side| protocol_of_debug(side, false)),
        ("DEBUG PROTOCOL, RESP3", &|side| protocol_of_debug(side, true)),
        ("scripts", &|side| {
            side.run_all("a", "EVAL \"return {KEYS, ARGV}\" 2 a b c d\nEVAL \"return 1\"\nEVAL \"return 1\" x\nEVAL \"return 1\" 2 a\nEVAL \"return 1\" -1\nEVAL \"\" 0\nEVAL \"syntax error\" 0\nEVAL \"#!lua\\nreturn 1\" 0\nEVAL \"#!lua flags=no-writes\\nreturn redis.call('SET','k',1)\" 0\nEVAL \"#!lua flags=nosuch\\nreturn 1\" 0\nEVAL \"#!nosuch\\nreturn 1\" 0\nEVALSHA x 0\nEVALSHA ffffffffffffffffffffffffffffffffffffffff 0\nSCRIPT LOAD \"return ARGV\"\nEVALSHA 098e0f0d1448c0a81dafe820f66d460eb09263da 0\nSCRIPT LOAD \"bad lua\"\nSCRIPT EXISTS\nSCRIPT FLUSH NOSUCH\nSCRIPT FLUSH SYNC\nSCRIPT FLUSH ASYNC\nSCRIPT NOSUCH\nSCRIPT\nSCRIPT LOAD\nSCRIPT KILL\nSCRIPT KILL x");
            side.run("a", "EVAL \"redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])\" 1 k value");
            side.run("a", "GET k");
            side.pipeline("a", "SCRIPT FLUSH\nEVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0\nSCRIPT LOAD \"return 1\"\nEVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0\nEVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0");
        }),
        ("the selected database in scripts", &|side| {
            side.run_all("a", "SET k zero\nEVAL \"redis.call('SELECT', 1) redis.call('SET', 'k', 'one') return redis.call('GET', 'k')\" 0\nGET k\nSELECT 1\nGET k");
        }),
        ("rights in scripts", &|side| {
            side.admin("ACL SETUSER bob on >pw ~b* +@all -incr");
            side.run_all("a", "AUTH bob pw\nEVAL \"return redis.call('GET', 'k')\" 0\nEVAL \"return redis.pcall('GET', 'k')\" 0\nEVAL \"return redis.call('INCR', 'b')\" 0\nEVAL \"return redis.call('SET', 'b', 1)\" 0\nEVAL \"return 1\" 1 k");
        }),
        ("functions", &|side| {
            let library = "#!lua name=lib\\nredis.register_function('f', function(keys, args) return {keys, args} end)\\nredis.register_function{function_name='ro', callback=function() return redis.call('GET', 'k') end, flags={'no-writes'}}\\nredis.register_function('w', function() return redis.call('SET', 'k', 1) end)\\nredis.register_function('odd', function() return {map={a={double=1.5}}} end)";
            side.run("a", &format!("FUNCTION LOAD \"{library}\""));
            side.run("a", &format!("FUNCTION LOAD \"{library}\""));
            side.run("a", &format!("FUNCTION LOAD REPLACE \"{library}\""));
            side.run_all("a", "FCALL f 1 a b\nFCALL f\nFCALL f x\nFCALL f 3 a\nFCALL nosuch 0\nFCALL ro 0\nFCALL_RO ro 0\nFCALL_RO w 0\nFCALL w 0\nFCALL odd 0\nFUNCTION LOAD x\nFUNCTION LOAD \"#!lua name=bad\\nx(\"\nFUNCTION LOAD \"#!lua\\nx\"\nFUNCTION LOAD \"#!lua name=empty\\nreturn 1\"\nFUNCTION DELETE nosuch\nFUNCTION NOSUCH\nFUNCTION\nFUNCTION FLUSH x\nFUNCTION RESTORE x\nFUNCTION KILL\nMULTI\nFCALL f 0 x\nFCALL odd 0\nEXEC\nHELLO 3\nFCALL odd 0");
            side.run_as("a", Normal::Unordered, "FUNCTION LIST");
            side.run_all("a", "FUNCTION DELETE lib\nFCALL f 0");
        }),
        ("large scripts and arguments", &|side| {
            let large = "x".repeat(1_500_000);
            side.run("a", &format!("EVAL \"return #ARGV[1]\" 0 {large}"));
            side.run("a", &format!("EVAL \"return ARGV[1]\" 0 {large}"));
            side.run("a", &format!("EVAL \"-- {large}\\nreturn 7\" 0"));
            side.run("a", &format!("EVAL \"return {{ARGV[1], 1, ARGV[1]}}\" 0 {large}"));
            side.pipeline(
                "a",
                &format!("MULTI\nEVAL \"return ARGV[1]\" 0 {large}\nPING\nEXEC\nPING"),
            );
        }),
        ("a long script is killed", &|side| {
            side.admin("CONFIG SET busy-reply-threshold 10");
            side.write("a", "EVAL \"while true do end\" 0\nPING");
            side.busy();
            side.run("c", "SCRIPT KILL");
            side.read("a", 2);
            side.run("b", "GET k");
            side.admin("CONFIG SET busy-reply-threshold 5000");
        }),
    ]);
}
