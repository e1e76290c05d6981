-- Invitations that are open; accepting, declining and withdrawing one deletes it. user_id is whom it reaches: NULL until it
-- has been announced, and for good where nobody has that name or they have blocked the inviter.
CREATE TABLE invitations (
    id            TEXT PRIMARY KEY,
    campaign_id   TEXT NOT NULL REFERENCES campaigns (id),
    inviter_id    TEXT NOT NULL REFERENCES users (id),
    invitee       TEXT NOT NULL,
    user_id       TEXT REFERENCES users (id),
    role          TEXT NOT NULL,
    created_ms    BIGINT NOT NULL,
    expires_ms    BIGINT NOT NULL,
    announced     BIGINT NOT NULL DEFAULT 0,
    UNIQUE (campaign_id, invitee)
);
CREATE INDEX invitations_by_user ON invitations (user_id, created_ms);
CREATE INDEX invitations_by_inviter ON invitations (inviter_id, created_ms);
CREATE INDEX invitations_expiry ON invitations (expires_ms);

-- Whose invitations a user does not want: a user's id or name, as it was written.
CREATE TABLE blocks (
    user_id       TEXT NOT NULL REFERENCES users (id),
    blocked       TEXT NOT NULL,
    created_ms    BIGINT NOT NULL,
    PRIMARY KEY (user_id, blocked)
);

-- Who made a campaign: those that they still own count as theirs.
ALTER TABLE campaigns ADD COLUMN created_by TEXT;
UPDATE campaigns SET created_by = (SELECT MIN(user_id) FROM memberships m WHERE m.campaign_id = campaigns.id
    AND m.role = 'OWNER' AND m.created_at = (SELECT MIN(created_at) FROM memberships o
    WHERE o.campaign_id = campaigns.id AND o.role = 'OWNER'));
