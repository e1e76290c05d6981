-- A user who may not log in for now, and one who has gone for good: the row stays for what they have written.
ALTER TABLE users ADD COLUMN disabled_ms BIGINT;
ALTER TABLE users ADD COLUMN deleted_ms BIGINT;
CREATE INDEX users_disabled ON users (disabled_ms);

-- Login attempts within a minute, by the digest of what is counted; only where several nodes may share the database.
CREATE TABLE login_attempts (
    key           TEXT PRIMARY KEY,
    since_ms      BIGINT NOT NULL,
    attempts      BIGINT NOT NULL
);

-- Set for a session that an operator opened by printing an access token: when that token runs out.
ALTER TABLE sessions ADD COLUMN token_expires_ms BIGINT;
