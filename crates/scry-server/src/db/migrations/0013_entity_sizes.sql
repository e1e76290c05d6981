-- How much each entity takes, so that what a campaign takes can be added up without reading it.
ALTER TABLE entities ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0;
UPDATE entities SET bytes = LENGTH(fields);
CREATE INDEX entities_size ON entities (campaign_id, bytes);
