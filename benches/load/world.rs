//! The world that is measured: one campaign of a chosen size.

use std::fmt::Write;

/// How many users share the sockets.
pub const SOCKET_USERS: usize = 16;
/// Their password, which nothing but these benchmarks ever uses.
const BENCH_PASSWORD: &str = "measured";
const STRUCTURES_PER_SETTLEMENT: usize = 4;

/// Returns the name of a user.
pub fn user(index: usize) -> String {
    format!("load{index}")
}

/// Writes a world file with about `entities` settlements and structures.
pub fn file(entities: usize) -> String {
    let mut file = String::new();
    for index in 0..SOCKET_USERS {
        let _ =
            writeln!(file, "[[users]]\nname = \"{}\"\npassword = \"{BENCH_PASSWORD}\"\nservice = true", user(index));
    }
    file.push_str(
        "[schemas.settlement]\npopulation = { type = \"number\", min = 0, max = 1000000000 }\n\
         [schemas.structure]\nstatus = { type = \"choice\", values = [\"sound\", \"damaged\"] }\n\
         condition = { type = \"number\", min = 0, max = 1000000000 }\n\
         [[campaigns]]\nslug = \"load\"\nname = \"Load\"\ndescription = \"Measured.\"\ncalendar = \"gregorian\"\n\
         world_time = \"2000-01-01T00:00:00.000Z\"\nmembers = [",
    );
    for index in 0..SOCKET_USERS {
        let role = if index == 0 { "OWNER" } else { "EDITOR" };
        let _ = write!(file, "{{ user = \"{}\", role = \"{role}\" }},", user(index));
    }
    file.push_str("]\n[[campaigns.kingdoms]]\nslug = \"k\"\nname = \"Kingdom\"\ndescription = \"One.\"\n");
    let settlements = (entities / (STRUCTURES_PER_SETTLEMENT + 1)).max(1);
    for settlement in 0..settlements {
        let _ = writeln!(
            file,
            "[[campaigns.settlements]]\nslug = \"s{settlement}\"\nkingdom = \"k\"\nname = \"Settlement {settlement}\"\n\
             description = \"A walled market town where the road meets the river.\"\nlevel = 3\n\
             variables = {{ population = 1248 }}"
        );
    }
    for structure in 0..settlements * STRUCTURES_PER_SETTLEMENT {
        let settlement = structure / STRUCTURES_PER_SETTLEMENT;
        let _ = writeln!(
            file,
            "[[campaigns.structures]]\nslug = \"t{structure}\"\nsettlement = \"s{settlement}\"\ntype = \"mill\"\n\
             name = \"Structure {structure}\"\ndescription = \"Its wheel has turned for a hundred years.\"\nlevel = 1\n\
             variables = {{ status = \"sound\", condition = 90 }}"
        );
    }
    file
}
