CREATE TABLE genesis (data TEXT NOT NULL);
CREATE TABLE accounts (account INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE turns (
    turn INTEGER PRIMARY KEY, line TEXT NOT NULL, head TEXT NOT NULL,
    ends INTEGER GENERATED ALWAYS AS (json_extract(line, '$.ends')),
    fees_collected INTEGER GENERATED ALWAYS AS (json_extract(line, '$.bill.collected')),
    fees_covered INTEGER GENERATED ALWAYS AS (json_extract(line, '$.bill.covered')),
    fees_waived INTEGER GENERATED ALWAYS AS (json_extract(line, '$.bill.waived')),
    dividends INTEGER GENERATED ALWAYS AS (json_extract(line, '$.bill.dividends')),
    token_supply INTEGER GENERATED ALWAYS AS (json_extract(line, '$.token_supply')),
    state_digest TEXT GENERATED ALWAYS AS (json_extract(line, '$.state_digest')));
CREATE TABLE snapshots (turn INTEGER PRIMARY KEY, state TEXT NOT NULL);
CREATE TABLE receipts (
    idempotency_key TEXT PRIMARY KEY, turn INTEGER NOT NULL, request_digest TEXT NOT NULL,
    answer TEXT NOT NULL, checksum TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE submissions (
    position INTEGER PRIMARY KEY, turn INTEGER NOT NULL, data TEXT NOT NULL,
    public_key TEXT, signature TEXT, checksum TEXT NOT NULL);
CREATE TABLE extracts (
    turn INTEGER PRIMARY KEY, block TEXT, block_signature TEXT, transactions TEXT);
CREATE VIEW parts AS
    SELECT turn, block, block_signature, transactions FROM extracts
    UNION ALL
    SELECT turn, json_extract(line, '$.block'), json_extract(line, '$.block_signature'),
        json_extract(line, '$.transactions')
    FROM turns WHERE turn > (SELECT COALESCE(MAX(turn), -1) FROM extracts);
CREATE VIEW blocks AS
    SELECT turn, block AS data, json_extract(block_signature, '$[0]') AS public_key,
        json_extract(block_signature, '$[1]') AS signature
    FROM parts WHERE block IS NOT NULL;
CREATE VIEW transactions AS
    SELECT turn, key AS position, value AS data FROM parts, json_each(transactions);
CREATE VIEW contracts AS
    SELECT turn, key AS position, value AS data FROM turns, json_each(line, '$.contracts');
CREATE VIEW inputs AS
    SELECT turn, key AS position, value AS data,
        json_extract(line, '$.outcomes[' || key || ']') AS rejection,
        json_extract(line, '$.signatures[' || key || '][0]') AS public_key,
        json_extract(line, '$.signatures[' || key || '][1]') AS signature
    FROM turns, json_each(line, '$.inputs');
CREATE VIEW rejections AS
    SELECT turn, position, json_extract(data, '$.agent_id') AS agent_id,
        json_extract(data, '$.action.action') AS action, rejection AS reason
    FROM inputs WHERE rejection IS NOT NULL;
CREATE VIEW postings AS
    SELECT turn, key AS position, json_extract(value, '$[0]') AS source,
        json_extract(value, '$[1]') AS target, json_extract(value, '$[2]') AS amount,
        json_extract(value, '$[3]') AS reason
    FROM turns, json_each(line, '$.postings');
CREATE VIEW journal AS
    SELECT turn, position, s.name AS source, t.name AS target, amount, reason
    FROM postings JOIN accounts s ON s.account = source JOIN accounts t ON t.account = target;
