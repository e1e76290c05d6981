use serde_json::json;

use super::*;

#[test]
fn a_snapshot_is_learnt_in_the_form_of_expressions() {
    let nodes = vec![
        json!({"__typename": "Campaign", "id": "c", "name": "Emberfall", "calendar": null}),
        json!({"__typename": "Structure", "id": "t", "campaignId": "c", "name": "Tower", "level": 2}),
        json!({"id": "nothing"}),
    ];
    for position in [None, Some(Position::new("e", 1))] {
        let nodes = scry_text::json::intern_all(&nodes);
        let mut entities = Entities::new(None);
        entities.learn(&Snapshot { campaign_id: Id::parse("c").unwrap(), position, nodes });
        let mut names: Vec<String> =
            entities.all().map(|entity| format!("{} {}", entity["entityType"], entity["name"])).collect();
        names.sort();
        assert_eq!(names, ["\"campaign\" \"Emberfall\"", "\"structure\" \"Tower\""]);
        assert_eq!(entities.calendars.len(), 1);
    }
}
