-- Times ending in _ms are Unix milliseconds; other times are RFC 3339 text as sent. JSON is text.

CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    username      TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    is_service    BIGINT NOT NULL DEFAULT 0,
    created_at    TEXT NOT NULL
);

-- A login and everything refreshed from it.
CREATE TABLE sessions (
    id            TEXT PRIMARY KEY,
    user_id       TEXT NOT NULL REFERENCES users (id),
    created_ms    BIGINT NOT NULL,
    revoked_ms    BIGINT
);

-- Only digests: who reads the table cannot log in with it.
CREATE TABLE refresh_tokens (
    digest        TEXT PRIMARY KEY,
    session_id    TEXT NOT NULL REFERENCES sessions (id),
    expires_ms    BIGINT NOT NULL,
    used_ms       BIGINT
);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_ms);

-- A row outlives its campaign: the journal's last event is the deletion.
CREATE TABLE campaigns (
    id            TEXT PRIMARY KEY,
    epoch         TEXT NOT NULL,
    seq           BIGINT NOT NULL DEFAULT 0,
    floor         BIGINT NOT NULL DEFAULT 0
);

-- Campaigns themselves and all that is in them; kind is the type's name on the wire.
CREATE TABLE entities (
    id            TEXT PRIMARY KEY,
    campaign_id   TEXT NOT NULL REFERENCES campaigns (id),
    kind          TEXT NOT NULL,
    parent_id     TEXT REFERENCES entities (id),
    name          TEXT NOT NULL,
    version       BIGINT NOT NULL,
    created_at    TEXT NOT NULL,
    updated_at    TEXT NOT NULL,
    fields        TEXT NOT NULL
);
CREATE INDEX entities_by_campaign ON entities (campaign_id, kind, name);
CREATE INDEX entities_by_parent ON entities (parent_id, kind, name);

CREATE TABLE memberships (
    id            TEXT PRIMARY KEY,
    campaign_id   TEXT NOT NULL REFERENCES campaigns (id),
    user_id       TEXT NOT NULL REFERENCES users (id),
    role          TEXT NOT NULL,
    version       BIGINT NOT NULL,
    created_at    TEXT NOT NULL,
    updated_at    TEXT NOT NULL,
    UNIQUE (campaign_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id);

-- body is the event as sent; changes holds every field's value before and after, for merges.
CREATE TABLE journal (
    campaign_id   TEXT NOT NULL REFERENCES campaigns (id),
    seq           BIGINT NOT NULL,
    epoch         TEXT NOT NULL,
    event_id      TEXT NOT NULL UNIQUE,
    type          TEXT NOT NULL,
    entity_id     TEXT,
    version       BIGINT,
    user_id       TEXT,
    settlement_id TEXT,
    structure_id  TEXT,
    revoked_user  TEXT,
    body          TEXT NOT NULL,
    changes       TEXT NOT NULL,
    created_ms    BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, seq)
);
CREATE INDEX journal_by_settlement ON journal (settlement_id, seq);
CREATE INDEX journal_by_structure ON journal (structure_id, seq);
CREATE INDEX journal_by_entity ON journal (entity_id, version);

-- The last event of each settlement's and structure's room; it outlives the trimming of the journal.
CREATE TABLE room_heads (
    room          TEXT PRIMARY KEY,
    seq           BIGINT NOT NULL
);

CREATE TABLE idempotency (
    user_id       TEXT NOT NULL,
    key           TEXT NOT NULL,
    request       TEXT NOT NULL,
    result        TEXT NOT NULL,
    created_ms    BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_age ON idempotency (created_ms);

CREATE TABLE notifications (
    id            TEXT PRIMARY KEY,
    user_id       TEXT NOT NULL REFERENCES users (id),
    title         TEXT NOT NULL,
    body          TEXT NOT NULL,
    level         TEXT NOT NULL,
    created_at    TEXT NOT NULL,
    read_at       TEXT
);
CREATE INDEX notifications_by_user ON notifications (user_id, created_at);

-- Rules and effects of a campaign, as the world file wrote them.
CREATE TABLE definitions (
    campaign_id   TEXT NOT NULL REFERENCES campaigns (id),
    kind          TEXT NOT NULL,
    slug          TEXT NOT NULL,
    body          TEXT NOT NULL,
    PRIMARY KEY (campaign_id, kind, slug)
);
