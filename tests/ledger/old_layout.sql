PRAGMA application_id = 1397312837;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE accounts (account INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO "accounts" VALUES(0,'issuance');
INSERT INTO "accounts" VALUES(1,'platform');
INSERT INTO "accounts" VALUES(2,'destroyed');
INSERT INTO "accounts" VALUES(3,'agent_0:balance');
INSERT INTO "accounts" VALUES(4,'agent_0:staked');
INSERT INTO "accounts" VALUES(5,'agent_0:unstaking');
INSERT INTO "accounts" VALUES(6,'agent_0:pending');
INSERT INTO "accounts" VALUES(7,'agent_0:escrow');
INSERT INTO "accounts" VALUES(8,'agent_1:balance');
INSERT INTO "accounts" VALUES(9,'agent_1:staked');
INSERT INTO "accounts" VALUES(10,'agent_1:unstaking');
INSERT INTO "accounts" VALUES(11,'agent_1:pending');
INSERT INTO "accounts" VALUES(12,'agent_1:escrow');
INSERT INTO "accounts" VALUES(13,'agent_2:balance');
INSERT INTO "accounts" VALUES(14,'agent_2:staked');
INSERT INTO "accounts" VALUES(15,'agent_2:unstaking');
INSERT INTO "accounts" VALUES(16,'agent_2:pending');
INSERT INTO "accounts" VALUES(17,'agent_2:escrow');
INSERT INTO "accounts" VALUES(18,'agent_3:balance');
INSERT INTO "accounts" VALUES(19,'agent_3:staked');
INSERT INTO "accounts" VALUES(20,'agent_3:unstaking');
INSERT INTO "accounts" VALUES(21,'agent_3:pending');
INSERT INTO "accounts" VALUES(22,'agent_3:escrow');
CREATE TABLE blocks (
    turn INTEGER PRIMARY KEY, data TEXT NOT NULL, public_key TEXT, signature TEXT);
INSERT INTO "blocks" VALUES(0,'{"turn":0,"winner":null,"validator_type":null,"weights":[],"transactions":0,"tips":0,"previous_hash":"6233df357f93db0780ab5f4666591bc3d7d3549e1c1b01a00dfbcd95dbfa8957","state_digest":"718ae0a712c843db89cba460b7539539c0bf2758936835da3a5162d4e14892d8","hash":"77da3e4c8e799beadb265ff5c547386286805c1ffb8c87243f21bd89a8747f14"}',NULL,NULL);
INSERT INTO "blocks" VALUES(1,'{"turn":1,"winner":"agent_0","validator_type":"mine","weights":[["agent_0","mine","10"],["agent_1","mine","10"]],"transactions":2,"tips":5,"previous_hash":"77da3e4c8e799beadb265ff5c547386286805c1ffb8c87243f21bd89a8747f14","state_digest":"dac66a35f1df86ac5b9767bc33d46d259490b2afa44a0df9c633843f9857a590","hash":"4b8ad555859fad6d77e3e177ef72aa88ee42ca4eb2c169066017844dfcc7fdac"}',NULL,NULL);
INSERT INTO "blocks" VALUES(2,'{"turn":2,"winner":"agent_2","validator_type":"mine","weights":[["agent_2","mine","11"],["agent_3","mine","10"]],"transactions":1,"tips":1,"previous_hash":"4b8ad555859fad6d77e3e177ef72aa88ee42ca4eb2c169066017844dfcc7fdac","state_digest":"2929d9245d5917f0d2b2a52f6041a3807f872efb1c87b6f515441043f6dcd268","hash":"6781e115be1d46e9fa3f2cf2aa029f4d5c8c4a11b3ec349d106967552b26bd3c"}',NULL,NULL);
INSERT INTO "blocks" VALUES(13,'{"turn":13,"winner":"agent_1","validator_type":"mine","weights":[["agent_0","mine","10"],["agent_1","mine","10"]],"transactions":2,"tips":0,"previous_hash":"6781e115be1d46e9fa3f2cf2aa029f4d5c8c4a11b3ec349d106967552b26bd3c","state_digest":"99bd19424cc257e342642222fa84b232d7413990fcf08d51f852cb690fb81e13","hash":"48e165ffc6abd3b2e07d77105529a87ae0e73f3e664aa0fec9b5e8d7441fc0c2"}',NULL,NULL);
CREATE TABLE contracts (
    turn INTEGER NOT NULL, position INTEGER NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (turn, position)) WITHOUT ROWID;
INSERT INTO "contracts" VALUES(11,0,'{"contract_id":1,"happened":"proposed","agent_id":"agent_0","deal":{"kind":"service","settlement":"attested","parties":["agent_0","agent_1","agent_3"],"proposed":11,"due_turn":13,"collaterals":[10,30,30],"arbitrator_fee":0,"price":30}}');
INSERT INTO "contracts" VALUES(11,1,'{"contract_id":2,"happened":"proposed","agent_id":"agent_2","deal":{"kind":"loan","settlement":"automatic","parties":["agent_2","agent_3","agent_1"],"proposed":11,"due_turn":13,"collaterals":[1,10,20],"arbitrator_fee":0,"principal":19,"premium":2}}');
INSERT INTO "contracts" VALUES(12,0,'{"contract_id":1,"happened":"lapsed","reason":"not_signed"}');
INSERT INTO "contracts" VALUES(12,1,'{"contract_id":2,"happened":"lapsed","reason":"not_signed"}');
CREATE TABLE genesis (data TEXT NOT NULL);
INSERT INTO "genesis" VALUES('{"format":2,"rules_version":"2","world_id":"rich","parameters":{"num_agents":4,"num_cores":4,"genesis_tokens_per_agent":1000,"commons_threshold_per_turn":100,"base_inference_rate":1,"thinking_layer_discount":0.1,"mine_base_weight":10.0,"stake_weight_per_token":0.01,"burn_weight_per_token":0.05,"burn_decay_rate":0.02,"burn_maturity_turns":3,"unstake_delay_turns":2,"interest_rate_per_turn":0.01,"signing_bonus":50,"block_threshold":20.0,"attested_confirmation_window":3,"slash_both_on_timeout":true,"study_cost":50,"study_discount":0.05,"job_credit_max":1000,"signature_window":5,"speech_length_max":500,"payload_length_max":10000,"reputation_value_min":20,"reputation_window_turns":10,"job_rule":"credit_usage","signing_bonus_rule":"first_job","lottery_rule":"miners","unstake_without_amount":"reject","dividend_rule":"stake_and_burn","usage_source":"declared","fixed_thinking_units":0,"fixed_output_units":0},"seed":7,"secret":"","agent_ids":["agent_0","agent_1","agent_2","agent_3"]}');
CREATE TABLE inputs (
    turn INTEGER NOT NULL, position INTEGER NOT NULL, data TEXT NOT NULL, rejection TEXT,
    public_key TEXT, signature TEXT, PRIMARY KEY (turn, position)) WITHOUT ROWID;
INSERT INTO "inputs" VALUES(1,0,'{"agent_id":"agent_0","action":{"action":"mine"},"thinking_units":10,"output_units":20,"thinking":"private","speech":"public"}',NULL,'key-of-a','signature-of-a');
INSERT INTO "inputs" VALUES(1,1,'{"agent_id":"agent_1","action":{"action":"mine"}}',NULL,NULL,NULL);
INSERT INTO "inputs" VALUES(1,2,'{"agent_id":"agent_2","action":{"action":"stake","amount":100,"fee":3}}',NULL,NULL,NULL);
INSERT INTO "inputs" VALUES(1,3,'{"agent_id":"agent_3","action":{"action":"burn","amount":50,"fee":2},"output_units":900}',NULL,'key-of-d','signature-of-d');
INSERT INTO "inputs" VALUES(2,0,'{"agent_id":"agent_0","action":{"action":"transfer","to":"agent_1","amount":60,"fee":1},"thinking_units":5000}',NULL,'key-of-a','signature-of-a');
INSERT INTO "inputs" VALUES(2,1,'{"agent_id":"agent_1","action":{"action":"study"}}',NULL,NULL,NULL);
INSERT INTO "inputs" VALUES(2,2,'{"agent_id":"agent_2","action":{"action":"mine"},"output_units":300}',NULL,NULL,NULL);
INSERT INTO "inputs" VALUES(2,3,'{"agent_id":"agent_3","action":{"action":"mine"},"output_units":1500}',NULL,NULL,NULL);
INSERT INTO "inputs" VALUES(2,4,'{"agent_id":"nobody","action":{"action":"mine"}}','unknown_agent',NULL,NULL);
INSERT INTO "inputs" VALUES(2,5,'{"agent_id":"agent_0","action":{"action":"idle"}}','already_acted',NULL,NULL);
INSERT INTO "inputs" VALUES(3,0,'{"agent_id":"agent_3","action":{"action":"job"},"output_units":400}',NULL,NULL,NULL);
INSERT INTO "inputs" VALUES(3,1,'{"agent_id":"agent_2","action":{"action":"unstake","amount":40}}',NULL,NULL,NULL);
INSERT INTO "inputs" VALUES(3,2,'{"agent_id":"agent_1","action":{"action":"speak"},"speech":"hello é "}',NULL,NULL,NULL);
INSERT INTO "inputs" VALUES(3,3,'{"agent_id":"agent_0","action":{"action":"no such"}}','unknown_action',NULL,NULL);
INSERT INTO "inputs" VALUES(4,0,'{"agent_id":"agent_1","action":{"action":"bid_core","amount":833},"output_units":95}','auction_closed',NULL,NULL);
INSERT INTO "inputs" VALUES(4,1,'{"agent_id":"agent_3","action":{"action":"mіne"},"output_units":95,"speech":"é\n 😀"}','unknown_action',NULL,NULL);
INSERT INTO "inputs" VALUES(4,2,'{"agent_id":"agent_0","action":{"action":"bid_core","amount":905},"output_units":95}','auction_closed',NULL,NULL);
INSERT INTO "inputs" VALUES(4,3,'{"agent_id":"","action":{"action":"mine"},"thinking_units":5,"output_units":5}','unknown_agent',NULL,NULL);
INSERT INTO "inputs" VALUES(4,4,'{"agent_id":"agent_1","action":{"action":"propose_contract","kind":"insurance","counterparty":"agent_2","arbitrator":"agent_3","terms":{"due_turn":6,"proposer_collateral":1,"counterparty_collateral":0,"arbitrator_collateral":10,"arbitrator_fee":1,"premium":20,"payout":1,"trigger":-5}},"output_units":40}','already_acted',NULL,NULL);
INSERT INTO "inputs" VALUES(4,5,'{"agent_id":"agent_2","action":{"action":"bid_core","amount":563},"output_units":40}','auction_closed',NULL,NULL);
INSERT INTO "inputs" VALUES(5,0,'{"agent_id":"agent_0","action":{"action":"MINE"},"thinking_units":10,"output_units":40}','unknown_action',NULL,NULL);
INSERT INTO "inputs" VALUES(5,1,'{"agent_id":"agent_2","action":{"action":"propose_contract","kind":"forward","counterparty":"agent_1","arbitrator":"agent_3","terms":{"due_turn":4,"proposer_collateral":10,"counterparty_collateral":1,"arbitrator_collateral":30,"arbitrator_fee":1,"price":30,"cap":62,"start_turn":3}},"thinking_units":40,"output_units":10}','due_turn_too_early',NULL,NULL);
INSERT INTO "inputs" VALUES(6,0,'{"agent_id":"agent_0","action":{"action":"propose_contract","kind":"forward","counterparty":"agent_1","arbitrator":"agent_3","terms":{"due_turn":5,"proposer_collateral":1,"counterparty_collateral":10,"arbitrator_collateral":20,"arbitrator_fee":0,"price":20,"cap":2,"start_turn":4}},"thinking_units":130,"output_units":10,"thinking":"as I thought"}','due_turn_too_early',NULL,NULL);
INSERT INTO "inputs" VALUES(6,1,'{"agent_id":"agent_2","action":{"action":"propose_contract","kind":"forward","counterparty":"agent_1","arbitrator":"agent_3","terms":{"due_turn":6,"proposer_collateral":10,"counterparty_collateral":0,"arbitrator_collateral":5,"arbitrator_fee":0,"price":5,"cap":53,"start_turn":6}},"thinking_units":95,"output_units":130}','due_turn_too_early',NULL,NULL);
INSERT INTO "inputs" VALUES(6,2,'{"agent_id":"agent_3","action":{"action":"sign_contract","contract_id":1},"thinking_units":130,"output_units":130,"thinking":"as I thought"}','contract_unknown',NULL,NULL);
INSERT INTO "inputs" VALUES(7,0,'{"agent_id":"agent_2","action":{"action":"propose_contract","kind":"loan","counterparty":"agent_1","arbitrator":"agent_3","terms":{"due_turn":8,"proposer_collateral":10,"counterparty_collateral":1,"arbitrator_collateral":0,"arbitrator_fee":1,"principal":151,"premium":2}},"thinking_units":10,"output_units":40}','due_turn_too_early',NULL,NULL);
INSERT INTO "inputs" VALUES(7,1,'{"agent_id":"agent_3","action":{"action":"sign_contract","contract_id":3},"thinking_units":10,"output_units":40}','contract_unknown',NULL,NULL);
INSERT INTO "inputs" VALUES(7,2,'{"agent_id":"agent_0","action":{"action":"propose_contract","kind":"forward","counterparty":"agent_2","arbitrator":"agent_3","terms":{"due_turn":7,"proposer_collateral":200,"counterparty_collateral":200,"arbitrator_collateral":20,"arbitrator_fee":0,"price":20,"cap":732,"start_turn":6}},"thinking_units":95,"output_units":130}','due_turn_too_early',NULL,NULL);
INSERT INTO "inputs" VALUES(7,3,'{"agent_id":"agent_0","action":{"action":"sell_information","contract_id":1,"payload":"another good"},"thinking_units":130,"output_units":10}','already_acted',NULL,NULL);
INSERT INTO "inputs" VALUES(7,4,'{"agent_id":"agent_1","action":{"action":"sign_contract","contract_id":3},"thinking":"as I thought"}','contract_unknown',NULL,NULL);
INSERT INTO "inputs" VALUES(8,0,'{"agent_id":"agent_1","action":{"action":"sign_contract","contract_id":5},"thinking_units":10}','contract_unknown',NULL,NULL);
INSERT INTO "inputs" VALUES(8,1,'{"agent_id":"agent_3","action":{"action":"burn","amount":1,"fee":1},"thinking_units":40,"output_units":10}','balance_too_low',NULL,NULL);
INSERT INTO "inputs" VALUES(8,2,'{"agent_id":"agent_2","action":{"action":"sign_contract","contract_id":4},"output_units":130}','contract_unknown',NULL,NULL);
INSERT INTO "inputs" VALUES(8,3,'{"agent_id":"agent_0","action":{"action":"transfer","to":"agent_3","amount":1},"thinking_units":130,"output_units":40,"thinking":"as I thought"}',NULL,NULL,NULL);
INSERT INTO "inputs" VALUES(9,0,'{"agent_id":"agent_2","action":{"action":"propose_contract","kind":"loan","counterparty":"agent_3","arbitrator":"agent_1","terms":{"due_turn":9,"proposer_collateral":1,"counterparty_collateral":1,"arbitrator_collateral":20,"arbitrator_fee":0,"principal":1,"premium":2}},"thinking_units":40,"output_units":95}','due_turn_too_early',NULL,NULL);
INSERT INTO "inputs" VALUES(9,1,'{"agent_id":"agent_3","action":{"action":"sign_contract","contract_id":4},"thinking_units":130,"output_units":95}','contract_unknown',NULL,NULL);
INSERT INTO "inputs" VALUES(9,2,'{"agent_id":"agent_1","action":{"action":"propose_contract","kind":"forward","counterparty":"agent_2","arbitrator":"agent_3","terms":{"due_turn":8,"proposer_collateral":1,"counterparty_collateral":1,"arbitrator_collateral":200,"arbitrator_fee":0,"price":200,"cap":216,"start_turn":9}},"thinking_units":95,"speech":"é\n 😀"}','due_turn_too_early',NULL,NULL);
INSERT INTO "inputs" VALUES(10,0,'{"agent_id":"agent_2","action":{"action":"propose_contract","kind":"information_sale","counterparty":"agent_1","arbitrator":"agent_3","terms":{"due_turn":10,"settlement":"attested","proposer_collateral":10,"counterparty_collateral":0,"arbitrator_collateral":20,"arbitrator_fee":0,"price":20,"payload_hash":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}},"thinking_units":130,"output_units":95}','due_turn_too_early',NULL,NULL);
INSERT INTO "inputs" VALUES(10,1,'{"agent_id":"agent_1","action":{"action":"sign_contract","contract_id":6}}','contract_unknown',NULL,NULL);
INSERT INTO "inputs" VALUES(10,2,'{"agent_id":"agent_3","action":{"action":"sign_contract","contract_id":5},"thinking_units":10,"output_units":95}','contract_unknown',NULL,NULL);
INSERT INTO "inputs" VALUES(11,0,'{"agent_id":"agent_3","action":{"action":"sign_contract","contract_id":7},"thinking_units":10,"output_units":95}','contract_unknown',NULL,NULL);
INSERT INTO "inputs" VALUES(11,1,'{"agent_id":"agent_2","action":{"action":"propose_contract","kind":"loan","counterparty":"agent_3","arbitrator":"agent_1","terms":{"due_turn":13,"proposer_collateral":1,"counterparty_collateral":10,"arbitrator_collateral":20,"arbitrator_fee":0,"principal":19,"premium":2}},"thinking_units":40,"output_units":40}',NULL,NULL,NULL);
INSERT INTO "inputs" VALUES(11,2,'{"agent_id":"agent_1","action":{"action":"sign_contract","contract_id":6},"thinking_units":10,"output_units":40}','contract_unknown',NULL,NULL);
INSERT INTO "inputs" VALUES(11,3,'{"agent_id":"agent_0","action":{"action":"propose_contract","kind":"service","counterparty":"agent_1","arbitrator":"agent_3","terms":{"due_turn":13,"proposer_collateral":10,"counterparty_collateral":30,"arbitrator_collateral":30,"arbitrator_fee":0,"price":30}},"output_units":40}',NULL,NULL,NULL);
INSERT INTO "inputs" VALUES(13,0,'{"agent_id":"agent_0","action":{"action":"mine"},"output_units":150}',NULL,NULL,NULL);
INSERT INTO "inputs" VALUES(13,1,'{"agent_id":"agent_1","action":{"action":"mine"}}',NULL,NULL,NULL);
INSERT INTO "inputs" VALUES(13,2,'{"agent_id":"agent_2","action":{"action":"stake","amount":1}}',NULL,NULL,NULL);
CREATE TABLE postings (
    turn INTEGER NOT NULL, position INTEGER NOT NULL, source INTEGER NOT NULL,
    target INTEGER NOT NULL, amount INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (turn, position)) WITHOUT ROWID;
INSERT INTO "postings" VALUES(0,0,0,3,1000,'genesis');
INSERT INTO "postings" VALUES(0,1,0,8,1000,'genesis');
INSERT INTO "postings" VALUES(0,2,0,13,1000,'genesis');
INSERT INTO "postings" VALUES(0,3,0,18,1000,'genesis');
INSERT INTO "postings" VALUES(1,0,13,16,103,'transaction_submitted');
INSERT INTO "postings" VALUES(1,1,18,21,52,'transaction_submitted');
INSERT INTO "postings" VALUES(1,2,18,1,800,'inference_fee');
INSERT INTO "postings" VALUES(1,3,16,14,100,'stake');
INSERT INTO "postings" VALUES(1,4,16,3,3,'tip');
INSERT INTO "postings" VALUES(1,5,21,2,50,'burn');
INSERT INTO "postings" VALUES(1,6,21,3,2,'tip');
INSERT INTO "postings" VALUES(1,7,1,13,20,'dividend');
INSERT INTO "postings" VALUES(1,8,1,18,10,'dividend');
INSERT INTO "postings" VALUES(2,0,3,6,61,'transaction_submitted');
INSERT INTO "postings" VALUES(2,1,8,2,50,'study_cost');
INSERT INTO "postings" VALUES(2,2,3,1,400,'inference_fee');
INSERT INTO "postings" VALUES(2,3,13,1,200,'inference_fee');
INSERT INTO "postings" VALUES(2,4,18,1,1400,'inference_fee');
INSERT INTO "postings" VALUES(2,5,18,2,12,'interest');
INSERT INTO "postings" VALUES(2,6,6,8,60,'transfer');
INSERT INTO "postings" VALUES(2,7,6,13,1,'tip');
INSERT INTO "postings" VALUES(2,8,1,13,18,'dividend');
INSERT INTO "postings" VALUES(2,9,1,18,9,'dividend');
INSERT INTO "postings" VALUES(3,0,14,15,40,'unstake_started');
INSERT INTO "postings" VALUES(3,1,1,18,300,'job_credit');
INSERT INTO "postings" VALUES(3,2,1,18,9,'interest_relief');
INSERT INTO "postings" VALUES(3,3,1,18,50,'signing_bonus');
INSERT INTO "postings" VALUES(3,4,18,2,8,'interest');
INSERT INTO "postings" VALUES(4,0,18,2,8,'interest');
INSERT INTO "postings" VALUES(5,0,15,13,40,'stake_released');
INSERT INTO "postings" VALUES(5,1,18,2,9,'interest');
INSERT INTO "postings" VALUES(6,0,13,1,39,'inference_fee');
INSERT INTO "postings" VALUES(6,1,18,1,43,'inference_fee');
INSERT INTO "postings" VALUES(6,2,18,2,9,'interest');
INSERT INTO "postings" VALUES(7,0,3,1,39,'inference_fee');
INSERT INTO "postings" VALUES(7,1,18,2,9,'interest');
INSERT INTO "postings" VALUES(8,0,3,6,1,'transaction_submitted');
INSERT INTO "postings" VALUES(8,1,13,1,30,'inference_fee');
INSERT INTO "postings" VALUES(8,2,18,2,9,'interest');
INSERT INTO "postings" VALUES(9,0,18,1,8,'inference_fee');
INSERT INTO "postings" VALUES(9,1,18,2,9,'interest');
INSERT INTO "postings" VALUES(10,0,13,1,8,'inference_fee');
INSERT INTO "postings" VALUES(10,1,18,2,9,'interest');
INSERT INTO "postings" VALUES(11,0,18,2,10,'interest');
INSERT INTO "postings" VALUES(12,0,18,2,10,'interest');
INSERT INTO "postings" VALUES(13,0,13,16,1,'transaction_submitted');
INSERT INTO "postings" VALUES(13,1,3,1,50,'inference_fee');
INSERT INTO "postings" VALUES(13,2,18,2,10,'interest');
INSERT INTO "postings" VALUES(13,3,6,18,1,'transfer');
INSERT INTO "postings" VALUES(13,4,16,14,1,'stake');
CREATE TABLE receipts (
    idempotency_key TEXT PRIMARY KEY, turn INTEGER NOT NULL, request_digest TEXT NOT NULL,
    answer TEXT NOT NULL, checksum TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "receipts" VALUES('first',1,'digest-1','{"turn":1}','dd6039cc5d0af9c968039ba5acc6b28439eb66a7b5c72016bfdeb6cf3b0f0daa');
INSERT INTO "receipts" VALUES('second',2,'digest-2','{"turn":2}','c7130428c1f3d4b611371886c65f13a35cdf278fc86a9a55d69d68e871ebb6cd');
INSERT INTO "receipts" VALUES('third',3,'digest-3','[]','806d2f783b2fb4971c2356a38401e871d7aee9c50fbda78d657829f3adcb6a3a');
CREATE TABLE snapshots (turn INTEGER PRIMARY KEY, state TEXT NOT NULL);
INSERT INTO "snapshots" VALUES(0,'{"turn":0,"accounts":[-4000,0,0,1000,0,0,0,0,1000,0,0,0,0,1000,0,0,0,0,1000,0,0,0,0],"studies":[0,0,0,0],"employed":[false,false,false,false],"burned":[0,0,0,0],"cores":[0,0,0,0],"burns":[],"mempool":[],"releases":[],"contracts":[],"contracts_proposed":0,"contracts_ended":[],"payloads":[],"reputations":[],"counted":[],"tip":[0,null,null],"speech":[null,null,null,null],"rejections":[null,null,null,null],"fees_collected":0,"ended":false}');
CREATE TABLE submissions (
    position INTEGER PRIMARY KEY, turn INTEGER NOT NULL, data TEXT NOT NULL,
    public_key TEXT, signature TEXT, checksum TEXT NOT NULL);
INSERT INTO "submissions" VALUES(0,14,'{"agent_id":"agent_0","action":{"action":"mine"},"output_units":5}','key-of-a','signature-of-a','3ee028b3aebb5828729e70d2d5a893c62dce2d124d66259eae02e810359a88e2');
INSERT INTO "submissions" VALUES(1,14,'{"agent_id":"agent_1","action":{"action":"transfer","to":"agent_2","amount":5,"fee":1},"speech":"soon"}',NULL,NULL,'26febf25e05f91c915ad24ebf999669b08c710407fd119c7b1eccf551eb27f8d');
INSERT INTO "submissions" VALUES(2,14,'{"agent_id":"agent_2","action":{"action":"idle"}}',NULL,NULL,'abbbee1e44314d0974485e8a26b01ee9d1bec7edf4e05ee74c9ebdb1aaf57a03');
CREATE TABLE transactions (
    turn INTEGER NOT NULL, position INTEGER NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (turn, position)) WITHOUT ROWID;
INSERT INTO "transactions" VALUES(1,0,'{"tx_type":"stake","agent_id":"agent_2","amount":100,"fee":3,"submitted":1,"finalised":1}');
INSERT INTO "transactions" VALUES(1,1,'{"tx_type":"burn","agent_id":"agent_3","amount":50,"fee":2,"submitted":1,"finalised":1}');
INSERT INTO "transactions" VALUES(2,0,'{"tx_type":"transfer","agent_id":"agent_0","amount":60,"fee":1,"submitted":2,"to":"agent_1","finalised":2}');
INSERT INTO "transactions" VALUES(5,0,'{"tx_type":"unstake","agent_id":"agent_2","amount":40,"fee":0,"submitted":3,"finalised":5}');
INSERT INTO "transactions" VALUES(13,0,'{"tx_type":"transfer","agent_id":"agent_0","amount":1,"fee":0,"submitted":8,"to":"agent_3","finalised":13}');
INSERT INTO "transactions" VALUES(13,1,'{"tx_type":"stake","agent_id":"agent_2","amount":1,"fee":0,"submitted":13,"finalised":13}');
CREATE TABLE turns (
    turn INTEGER PRIMARY KEY, ends INTEGER NOT NULL, fees_collected INTEGER NOT NULL,
    fees_covered INTEGER NOT NULL, fees_waived INTEGER NOT NULL, dividends INTEGER NOT NULL,
    token_supply INTEGER NOT NULL, state_digest TEXT NOT NULL, head TEXT NOT NULL);
INSERT INTO "turns" VALUES(0,0,0,0,0,0,4000,'718ae0a712c843db89cba460b7539539c0bf2758936835da3a5162d4e14892d8','435be6a3bcfadef5d5eb79a5cfe7305e95d2a97489248da48b92a3e8a7bbc54e');
INSERT INTO "turns" VALUES(1,0,800,800,0,30,3180,'dac66a35f1df86ac5b9767bc33d46d259490b2afa44a0df9c633843f9857a590','2228967dae16ef1bb4bc1c0d18b8d90acd5a04e71ace597d85cfedca64aa18ba');
INSERT INTO "turns" VALUES(2,0,2000,758,0,27,1145,'2929d9245d5917f0d2b2a52f6041a3807f872efb1c87b6f515441043f6dcd268','fc6dd2b09389e7da13e98f34d1f3da5ded91f64b6fbb8eb2f4fbee2b18cc830e');
INSERT INTO "turns" VALUES(3,0,0,0,300,0,1496,'11e1c715bcca4adff431e17cd8595682790d2ca85ce3097c3541de25bd0133df','146177a8f3d9dc381b0a15a62ee941d13f549f99a2111f36c32aecdc0e976676');
INSERT INTO "turns" VALUES(4,0,0,0,0,0,1488,'126d00af712ad97b99dd06fe5e96090edb6adef2dec3c0a2a9d5b134c9aa3322','6fa64afa6961c38e31854efa06b1050b94db32a48e5fb671b78bf1a97fb26774');
INSERT INTO "turns" VALUES(5,0,0,0,0,0,1479,'022280555a185f891bb14633972741e358e03cbf5b08b6d0d7721a377a854583','97982329f2207695f8f31c824ed27b4cbaa13358daec3d66f9a944693effc57b');
INSERT INTO "turns" VALUES(6,0,82,39,0,0,1388,'ec20c7b838ebd9f9aff4855f0062566471aa23698d327477aaf8c5269a953807','ee024189368e47a4be5ec6057715f964f0e3353d543ad34129107efcac0b4006');
INSERT INTO "turns" VALUES(7,0,39,39,0,0,1340,'eaaa576b2acc8019639cefeb1a2c5a9921f56e57a4dacb436a4e08bbfd4de526','7abeab1b51ace4fcc0cd7078ca7529947bc18e6297b1324c656e8485001716ca');
INSERT INTO "turns" VALUES(8,0,30,30,0,0,1301,'1390e0585ac79db8a421734ce43425f37a1abbf156b0304b955925acd74040ff','a7660f1cc7fb3cb48b4e2885f05ca33ed0c0ca6dd5c231b5131d3713a5042ed0');
INSERT INTO "turns" VALUES(9,0,8,0,0,0,1284,'f3720ed93e76d6ab56ce46e80c7ccbf719d705880892e92c0214192a91d9df7a','680de21bffcac2fa970a8158fb960f03b322ce8767beba3f46bcbe0274a083bb');
INSERT INTO "turns" VALUES(10,0,8,8,0,0,1267,'4b7dcfa2353b5b536402c30ee05761b6aa301ad914c6be974f78da7df0a5be59','fcddcb3b3ccff899db954a460f123fe4a331ed27db0a0132a76519c057e54afe');
INSERT INTO "turns" VALUES(11,0,0,0,0,0,1257,'6c9885951c6f0c1d3614075e36dd08b61bfa72d953130d8c6957caf0f4625845','5e6bcbb1bcd4c7b53092bdc8ff06956555ab0c1ae92b5be12fa1776ddc5c1ece');
INSERT INTO "turns" VALUES(12,0,0,0,0,0,1247,'ae018a18726495a62e83e2b41666f15e510770019d355e96930d65c379bbe648','39924953b44b7364717e42e295935ec9d316a451ad24c0cad67c46ca35aa2aed');
INSERT INTO "turns" VALUES(13,0,50,50,0,0,1187,'99bd19424cc257e342642222fa84b232d7413990fcf08d51f852cb690fb81e13','7144106df24d8081f6ce9416700171b9bff25552b056398b339f946d3668adca');
CREATE VIEW journal AS
    SELECT turn, position, s.name AS source, t.name AS target, amount, reason
    FROM postings JOIN accounts s ON s.account = source JOIN accounts t ON t.account = target;
COMMIT;
