-- How far the campaign's clock has ever come, in Unix milliseconds of world time: effects that fell due
-- until then have happened and do not happen again. NULL: the clock has not been moved yet.
ALTER TABLE campaigns ADD COLUMN effects_until_ms BIGINT;

-- The order in which rules and effects were written.
ALTER TABLE definitions ADD COLUMN rank BIGINT NOT NULL DEFAULT 0;
