-- Messages to users; they wait here for those who are away. Each user's are numbered in the order of their commits.
CREATE TABLE inbox_heads (
    user_id       TEXT PRIMARY KEY,
    seq           BIGINT NOT NULL
);
CREATE TABLE inbox (
    user_id       TEXT NOT NULL,
    seq           BIGINT NOT NULL,
    event         TEXT NOT NULL,
    body          TEXT NOT NULL,
    created_ms    BIGINT NOT NULL,
    delivered_ms  BIGINT,
    PRIMARY KEY (user_id, seq)
);
CREATE INDEX inbox_age ON inbox (created_ms);

-- Fields that two people disagree about: who lost a value or was refused, until somebody settles it.
CREATE TABLE disputes (
    entity_id     TEXT NOT NULL,
    field         TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    created_ms    BIGINT NOT NULL,
    PRIMARY KEY (entity_id, field, user_id)
);
CREATE INDEX disputes_age ON disputes (created_ms);

ALTER TABLE notifications ADD COLUMN kind TEXT NOT NULL DEFAULT 'message';

-- What users do not want to be told at once: lists separated by commas.
CREATE TABLE notification_preferences (
    user_id       TEXT PRIMARY KEY,
    muted_levels  TEXT NOT NULL,
    muted_kinds   TEXT NOT NULL
);

CREATE INDEX sessions_revoked ON sessions (revoked_ms);
