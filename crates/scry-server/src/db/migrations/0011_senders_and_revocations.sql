-- Who caused a message or a notification; where one recipient has too many, the sender with the most loses the oldest.
ALTER TABLE inbox ADD COLUMN sender_id TEXT NOT NULL DEFAULT '';
ALTER TABLE notifications ADD COLUMN sender_id TEXT NOT NULL DEFAULT '';
CREATE INDEX notifications_age ON notifications (created_at);

-- Whose membership ended: a resume does not reach across that.
CREATE INDEX journal_revocations ON journal (campaign_id, revoked_user, seq) WHERE revoked_user IS NOT NULL;

-- For deleting logins that have ended.
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX sessions_age ON sessions (created_ms);
