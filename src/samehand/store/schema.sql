-- The workspace. Everything here is derived from input files and can be rebuilt by adding them
-- again; the analyst's decisions are not here but in the journal beside this file.
CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);

CREATE TABLE report (
    id VARCHAR PRIMARY KEY,
    use VARCHAR NOT NULL,              -- case | reference | background
    content_hash VARCHAR NOT NULL,     -- SHA-256 of the record: the same thing twice is no change
    known_at DATE,                     -- NULL never: undated reports are known from ingestion
    ingested_at DATE NOT NULL,
    origin VARCHAR NOT NULL,           -- the file it came from
    payload BLOB NOT NULL              -- the Report as JSON
);

CREATE TABLE observation (             -- for questions across reports; payload is the authority
    id VARCHAR NOT NULL,
    report VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    batch VARCHAR NOT NULL
);

CREATE TABLE document (                -- what reports were extracted from, to show and extract again
    report VARCHAR PRIMARY KEY,
    payload BLOB NOT NULL              -- the Document as JSON, without its text: that is the report's
);

CREATE TABLE assessment (              -- one row: the latest answer
    made_at TIMESTAMP NOT NULL,
    payload BLOB NOT NULL
);
