-- How many sockets have a message: what only a dead one has is delivered again.
ALTER TABLE inbox ADD COLUMN receipts BIGINT NOT NULL DEFAULT 0;
UPDATE inbox SET receipts = 1 WHERE delivered_ms IS NOT NULL;

-- What a notification is about: somebody's replaced value is listed until it is read.
ALTER TABLE notifications ADD COLUMN entity_type TEXT;
ALTER TABLE notifications ADD COLUMN entity_id TEXT;
