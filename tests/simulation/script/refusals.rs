//! Pieces of scripts that the server refuses.

use super::Kind;
use super::pieces::Writer;

impl Writer {
    pub(super) fn unknown(&mut self) {
        let lines = ["NOSUCH", "NOSUCH a b", "CLIENT NOSUCH", "ACL NOSUCH", "NO.SUCH @k1"];
        self.say_one(Kind::Unknown, &lines);
    }

    pub(super) fn refused(&mut self) {
        let lines =
            ["GET", "SET @k1", "MULTI now", "SUBSCRIBE", "LPUSH @k1:h x", "EXEC", "DISCARD"];
        self.say_one(Kind::Refused, &lines);
    }

    pub(super) fn malformed(&mut self) {
        let requests: [&[u8]; 10] = [
            b"\r\n",
            b"*0\r\n",
            b"*-1\r\n",
            b"*x\r\n",
            b"*1\r\n+PING\r\n",
            b"*1\r\n$x\r\n",
            b"*1\r\n$-5\r\n",
            b"GET \"a\r\n",
            b"*2\r\n$4\r\nPING",
            b"POST / HTTP/1.1\r\n",
        ];
        let request = self.random.pick(&requests);
        self.push(Kind::Malformed, request.to_vec());
        if let Some(step) = self.steps.last_mut().filter(|step| step.bytes.starts_with(b"POST")) {
            // It takes the replies along that are not written yet.
            step.joined = false;
        }
    }
}
