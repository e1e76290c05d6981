-- A new password, and keeping a user out, end all their sessions.
CREATE INDEX sessions_by_user ON sessions (user_id, revoked_ms);
