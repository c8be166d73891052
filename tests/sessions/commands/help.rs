//! `SESSION.HELP` tells of every session command.

use crate::common::*;

#[test]
fn help_tells_about_the_session_commands() {
    each_layout(|stack| {
        let names = [
            "create", "get", "set", "kill", "killsoid", "killall", "soid", "soapp", "activity",
            "wipe", "help",
        ];
        let mut client = stack.client();
        let help = cmd!(client, "SESSION.HELP");
        let lines: Vec<String> = help
            .items()
            .iter()
            .map(|line| match line {
                Value::Simple(text) => text.to_uppercase(),
                other => panic!("a help line is a simple string, as Redis' own: {other}"),
            })
            .collect();
        let text = lines.join("\n");
        for name in names {
            assert!(text.contains(&name.to_uppercase()), "{name} in {text}");
        }
    });
}
