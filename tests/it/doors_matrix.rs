//! Who may do what: every operation of the API, the gateway and HTTP, by everybody, against one table.

mod api;
mod events;
mod house;
mod routes;

use self::house::House;

/// Names a column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Owner,
    Editor,
    Viewer,
    Outsider,
    /// A service account that edits the campaign, and one that is no member.
    Service,
    StrangeService,
    Nobody,
    Expired,
}

/// Names what an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Granted,
    /// Refused, because the role is too low.
    Refused,
    /// Exactly what is answered of something that does not exist.
    Absent,
    NoToken,
    TokenExpired,
}

/// Names a row of the table: what one needs for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// A login, and nothing else.
    Login,
    View,
    Edit,
    Own,
    /// To be a service that may edit.
    Publish,
    /// To be the one whom it belongs to: here, the owner.
    Mine,
    /// To be somebody whom it belongs to, and who is not there.
    Others,
    /// Another request: this one is malformed, whoever asks.
    Form,
}

use Answer::{Absent, Granted, NoToken, Refused, TokenExpired};
use Who::{Editor, Expired, Nobody, Outsider, Owner, Service, StrangeService, Viewer};

const EVERYBODY: [Who; 8] = [Owner, Editor, Viewer, Outsider, Service, StrangeService, Nobody, Expired];

/// The table: what each of [`EVERYBODY`] gets.
const TABLE: [(Needs, [Answer; 8]); 8] = [
    (Needs::Login, [Granted, Granted, Granted, Granted, Granted, Granted, NoToken, TokenExpired]),
    (Needs::View, [Granted, Granted, Granted, Absent, Granted, Absent, NoToken, TokenExpired]),
    (Needs::Edit, [Granted, Granted, Refused, Absent, Granted, Absent, NoToken, TokenExpired]),
    (Needs::Own, [Granted, Refused, Refused, Absent, Refused, Absent, NoToken, TokenExpired]),
    (Needs::Publish, [Refused, Refused, Refused, Refused, Granted, Absent, NoToken, TokenExpired]),
    (Needs::Mine, [Granted, Absent, Absent, Absent, Absent, Absent, NoToken, TokenExpired]),
    (Needs::Others, [Absent, Absent, Absent, Absent, Absent, Absent, NoToken, TokenExpired]),
    (Needs::Form, [Refused, Refused, Refused, Refused, Refused, Refused, NoToken, TokenExpired]),
];

fn expected(needs: Needs, who: Who) -> Answer {
    let row = TABLE.iter().find(|(row, _)| *row == needs).unwrap().1;
    row[EVERYBODY.iter().position(|known| *known == who).unwrap()]
}

#[tokio::test]
async fn every_cell_of_the_table_holds() {
    let house = House::open().await;
    house.knows_every_operation().await;
    events::all_are_known();
    let mut faults = Vec::new();
    for (who, token) in &house.tokens {
        let stage = house.stage().await;
        events::ask(&house, &stage, *who, token.as_deref(), &mut faults).await;
        routes::ask(&house, &stage, *who, token.as_deref(), &mut faults).await;
        for (name, needs, query) in api::API {
            let (answer, what) = house.api(token.as_deref(), query, &stage.ids).await;
            let expected = expected(*needs, *who);
            if answer != expected {
                faults.push(format!("{who:?} {name}: {answer:?} instead of {expected:?}: {what}"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
