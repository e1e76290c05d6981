-- The digest of the token that a refresh token was traded for: it is good for that one and no other, on whatever node.
ALTER TABLE refresh_tokens ADD COLUMN successor TEXT;
