//! Who logs out.

use super::*;

#[test]
fn who_logs_out_may_have_to_show_a_password_again() {
    let mut stage = Stage::new();
    assert_eq!(stage.send("AUTH joe pw"), "Lane: AUTH joe pw");
    stage.reply("+OK\r\n");
    assert_eq!(stage.send("RESET|PING"), "pin; Own: RESET; Own: PING");
    assert_eq!(stage.reply("+RESET\r\n"), "+RESET\r\n");
    assert_eq!(stage.client.stall(), Some(Stall::Barrier));
    assert_eq!(stage.reply("-NOAUTH Authentication required.\r\n"), "");
    assert!(stage.world.done().contains("Own, admitted: false"));
    let mut stage = Stage::new();
    assert_eq!(stage.send("RESET"), "pin; Own: RESET", "nothing is new about the default user");
}
