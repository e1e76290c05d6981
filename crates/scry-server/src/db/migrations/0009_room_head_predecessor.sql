-- Where a room stood before its last event: moving its head and telling that is one statement.
ALTER TABLE room_heads ADD COLUMN prev BIGINT NOT NULL DEFAULT 0;
