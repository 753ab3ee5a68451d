-- The gateway's tables: who may call it, and which calls it has answered. Times are the server's clock.

-- `sha256` is of the key as it is sent; the key itself is stored nowhere. A row stays when its key is revoked: ids of commands derive from `id`.
CREATE TABLE api_keys (
    id         uuid        NOT NULL,
    sha256     bytea       NOT NULL,
    scopes     text[]      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_sha256_is_unique UNIQUE (sha256),
    CONSTRAINT api_keys_sha256_is_a_hash CHECK (length(sha256) = 32),
    CONSTRAINT api_keys_scopes_are_known
        CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'reserve', 'move', 'admin'])
);

-- One row per Idempotency-Key that a key's owner used on a path, written before anything is done; `status`, `body` and `content_type`
-- are the answer, absent until there is one. Rows older than a day count as none and are deleted now and then.
CREATE TABLE idempotency_keys (
    api_key_id   uuid        NOT NULL,
    path         text        NOT NULL,
    key          text        NOT NULL,
    request_hash bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    status       integer,
    content_type text,
    body         bytea,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (api_key_id, path, key),
    CONSTRAINT idempotency_keys_answer_is_whole
        CHECK ((status IS NULL) = (body IS NULL) AND (status IS NULL) = (content_type IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
