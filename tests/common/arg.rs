//! Command arguments: what can be one, and how a command is written on the wire.

/// Anything that can be an argument of a command.
pub(crate) trait Arg {
    /// The bytes of the argument.
    fn to_arg(&self) -> Vec<u8>;
}

impl<T: Arg + ?Sized> Arg for &T {
    fn to_arg(&self) -> Vec<u8> {
        (**self).to_arg()
    }
}

impl Arg for str {
    fn to_arg(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl Arg for String {
    fn to_arg(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl Arg for [u8] {
    fn to_arg(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl<const N: usize> Arg for [u8; N] {
    fn to_arg(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl Arg for Vec<u8> {
    fn to_arg(&self) -> Vec<u8> {
        self.clone()
    }
}

macro_rules! number_args {
    ($($number:ty),+) => {
        $(impl Arg for $number {
            fn to_arg(&self) -> Vec<u8> {
                self.to_string().into_bytes()
            }
        })+
    };
}

number_args!(i32, i64, u16, u32, u64, usize);

/// One command as a RESP array of bulk strings.
pub(crate) fn encode<A: Arg>(args: &[A]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        let arg = arg.to_arg();
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(&arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}
