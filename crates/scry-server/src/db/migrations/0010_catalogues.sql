-- The rooms that an event of a catalogue went to, separated by blanks; its journal is named catalogue:NAME. The rooms
-- of a campaign's events follow from their settlement and structure.
ALTER TABLE journal ADD COLUMN rooms TEXT;

-- The same the other way round, for whoever resumes one of many rooms.
CREATE TABLE journal_rooms (
    campaign_id   TEXT NOT NULL,
    room          TEXT NOT NULL,
    seq           BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, room, seq)
);
CREATE INDEX journal_rooms_age ON journal_rooms (campaign_id, seq);

-- Who may subscribe to a room that a catalogue declares, besides those whose token says so.
CREATE TABLE room_members (
    room          TEXT NOT NULL,
    user_id       TEXT NOT NULL REFERENCES users (id),
    created_ms    BIGINT NOT NULL,
    PRIMARY KEY (room, user_id)
);
