CREATE TABLE meta (layout bigint NOT NULL);
CREATE TABLE genesis (data text COLLATE "C" NOT NULL);
CREATE TABLE accounts (account bigint PRIMARY KEY, name text COLLATE "C" NOT NULL);
CREATE TABLE turns (
    turn bigint PRIMARY KEY, line text COLLATE "C" NOT NULL, head text COLLATE "C" NOT NULL,
    ends bigint GENERATED ALWAYS AS ((line::json ->> 'ends')::boolean::int) STORED,
    fees_collected bigint GENERATED ALWAYS AS ((line::json #>> '{bill,collected}')::bigint) STORED,
    fees_covered bigint GENERATED ALWAYS AS ((line::json #>> '{bill,covered}')::bigint) STORED,
    fees_waived bigint GENERATED ALWAYS AS ((line::json #>> '{bill,waived}')::bigint) STORED,
    dividends bigint GENERATED ALWAYS AS ((line::json #>> '{bill,dividends}')::bigint) STORED,
    token_supply bigint GENERATED ALWAYS AS ((line::json ->> 'token_supply')::bigint) STORED,
    state_digest text COLLATE "C" GENERATED ALWAYS AS (line::json ->> 'state_digest') STORED);
CREATE TABLE snapshots (turn bigint PRIMARY KEY, state text COLLATE "C" NOT NULL);
CREATE TABLE receipts (
    idempotency_key text COLLATE "C" PRIMARY KEY, turn bigint NOT NULL,
    request_digest text COLLATE "C" NOT NULL, answer text COLLATE "C" NOT NULL,
    checksum text COLLATE "C" NOT NULL);
CREATE TABLE submissions (
    position bigint PRIMARY KEY, turn bigint NOT NULL, data text COLLATE "C" NOT NULL,
    public_key text COLLATE "C", signature text COLLATE "C", checksum text COLLATE "C" NOT NULL);
CREATE VIEW blocks AS
    SELECT turn, line::json ->> 'block' AS data,
        line::json -> 'block_signature' ->> 0 AS public_key,
        line::json -> 'block_signature' ->> 1 AS signature
    FROM turns WHERE line::json ->> 'block' IS NOT NULL;
CREATE VIEW transactions AS
    SELECT turn, number - 1 AS position, data::text AS data
    FROM turns, json_array_elements(line::json -> 'transactions') WITH ORDINALITY
        AS listed(data, number);
CREATE VIEW contracts AS
    SELECT turn, number - 1 AS position, data::text AS data
    FROM turns, json_array_elements(line::json -> 'contracts') WITH ORDINALITY
        AS listed(data, number);
CREATE VIEW inputs AS
    SELECT turn, number - 1 AS position, data::text AS data, rejection,
        signed ->> 0 AS public_key, signed ->> 1 AS signature
    FROM turns, ROWS FROM (
        json_array_elements(line::json -> 'inputs'),
        json_array_elements_text(line::json -> 'outcomes'),
        json_array_elements(line::json -> 'signatures')
    ) WITH ORDINALITY AS listed(data, rejection, signed, number);
CREATE VIEW rejections AS
    SELECT turn, position, data::json ->> 'agent_id' AS agent_id,
        data::json -> 'action' ->> 'action' AS action, rejection AS reason
    FROM inputs WHERE rejection IS NOT NULL;
CREATE VIEW postings AS
    SELECT turn, number - 1 AS position, (value ->> 0)::bigint AS source,
        (value ->> 1)::bigint AS target, (value ->> 2)::bigint AS amount, value ->> 3 AS reason
    FROM turns, json_array_elements(line::json -> 'postings') WITH ORDINALITY
        AS listed(value, number);
CREATE VIEW journal AS
    SELECT turn, position, s.name AS source, t.name AS target, amount, reason
    FROM postings JOIN accounts s ON s.account = source JOIN accounts t ON t.account = target;
