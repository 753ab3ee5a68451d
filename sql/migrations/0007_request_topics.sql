-- The topics `inventory.requests` that the router passed on, one after the other, counted from 0; the newest is the one that it reads. In one
-- that was made anew offsets begin at 0 again, so what is passed on of it is stamped as from other sources than before.
CREATE TABLE request_topics (
    generation integer     NOT NULL,
    topic_id   text        NOT NULL,
    begun_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT request_topics_pkey PRIMARY KEY (generation),
    CONSTRAINT request_topics_are_read_once UNIQUE (topic_id),
    CONSTRAINT request_topics_are_counted_from_0 CHECK (generation >= 0)
);
