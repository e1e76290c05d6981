//! Who may do what: every operation of the API, the gateway and HTTP, by everybody, against one table.

mod api;
mod events;
mod fixture;
mod routes;

use self::fixture::AccessMatrix;

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MatrixUser {
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

/// What an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MatrixAnswer {
    Granted,
    /// Refused, because the role is too low.
    Refused,
    /// Exactly what is answered of something that does not exist.
    Absent,
    NoToken,
    TokenExpired,
}

/// A row of the table: what one needs for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequiredAccess {
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

use MatrixAnswer::{Absent, Granted, NoToken, Refused, TokenExpired};
use MatrixUser::{Editor, Expired, Nobody, Outsider, Owner, Service, StrangeService, Viewer};

const MATRIX_USERS: [MatrixUser; 8] = [Owner, Editor, Viewer, Outsider, Service, StrangeService, Nobody, Expired];

/// The table: what each of [`MATRIX_USERS`] gets.
const EXPECTED_ANSWERS: [(RequiredAccess, [MatrixAnswer; 8]); 8] = [
    (RequiredAccess::Login, [Granted, Granted, Granted, Granted, Granted, Granted, NoToken, TokenExpired]),
    (RequiredAccess::View, [Granted, Granted, Granted, Absent, Granted, Absent, NoToken, TokenExpired]),
    (RequiredAccess::Edit, [Granted, Granted, Refused, Absent, Granted, Absent, NoToken, TokenExpired]),
    (RequiredAccess::Own, [Granted, Refused, Refused, Absent, Refused, Absent, NoToken, TokenExpired]),
    (RequiredAccess::Publish, [Refused, Refused, Refused, Refused, Granted, Absent, NoToken, TokenExpired]),
    (RequiredAccess::Mine, [Granted, Absent, Absent, Absent, Absent, Absent, NoToken, TokenExpired]),
    (RequiredAccess::Others, [Absent, Absent, Absent, Absent, Absent, Absent, NoToken, TokenExpired]),
    (RequiredAccess::Form, [Refused, Refused, Refused, Refused, Refused, Refused, NoToken, TokenExpired]),
];

fn expected(needs: RequiredAccess, who: MatrixUser) -> MatrixAnswer {
    let row = EXPECTED_ANSWERS.iter().find(|(row, _)| *row == needs).unwrap().1;
    row[MATRIX_USERS.iter().position(|known| *known == who).unwrap()]
}

#[tokio::test]
async fn every_cell_of_the_table_holds() {
    let matrix = AccessMatrix::open().await;
    matrix.knows_every_operation().await;
    events::all_are_known();
    let mut faults = Vec::new();
    for (who, token) in &matrix.tokens {
        let matrix_campaign = matrix.matrix_campaign().await;
        events::ask(&matrix, &matrix_campaign, *who, token.as_deref(), &mut faults).await;
        routes::ask(&matrix, &matrix_campaign, *who, token.as_deref(), &mut faults).await;
        for (name, needs, query) in api::API_OPERATIONS {
            let (answer, what) = matrix.api(token.as_deref(), query, &matrix_campaign.ids).await;
            let expected = expected(*needs, *who);
            if answer != expected {
                faults.push(format!("{who:?} {name}: {answer:?} instead of {expected:?}: {what}"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
