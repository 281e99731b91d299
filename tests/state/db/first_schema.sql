BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE aliases (
	portal_id BIGINT NOT NULL, 
	object_type TEXT NOT NULL, 
	object_id BIGINT NOT NULL, 
	survivor_id BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (portal_id, object_type, object_id)
);
CREATE TABLE associations (
	portal_id BIGINT NOT NULL, 
	source_type TEXT NOT NULL, 
	source_id BIGINT NOT NULL, 
	target_type TEXT NOT NULL, 
	target_id BIGINT NOT NULL, 
	is_primary BOOLEAN NOT NULL, 
	labels TEXT NOT NULL, 
	PRIMARY KEY (portal_id, source_type, source_id, target_type, target_id)
);
INSERT INTO "associations" VALUES(4711,'deals',9,'contacts',1,0,'[]');
CREATE TABLE audit (
	portal_id BIGINT NOT NULL, 
	place BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	run TEXT NOT NULL, 
	object_type TEXT NOT NULL, 
	object_id BIGINT NOT NULL, 
	property_name TEXT NOT NULL, 
	"before" TEXT, 
	"after" TEXT, 
	rule TEXT NOT NULL, 
	policy TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	correlation_id TEXT NOT NULL, 
	salt BLOB, 
	seal TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (portal_id, place)
);
INSERT INTO "audit" VALUES(4711,3,1772366400000,'r1','contacts',1,'lifecyclestage','customer','opportunity','reopened','standard@abc','applied','',X'73737373737373737373737373737373','fd5fee087939f4b4ef2134828c31f132ec618eff0fb4a184989571813a48dc0b','592f4341280bb00d8d96c42f2395fed4682f1687d6a51f893660c51186ee8a52');
CREATE TABLE audit_cuts (
	portal_id BIGINT NOT NULL, 
	place BIGINT NOT NULL, 
	hash TEXT NOT NULL, 
	latest BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	file TEXT NOT NULL, 
	PRIMARY KEY (portal_id, place)
);
INSERT INTO "audit_cuts" VALUES(4711,2,'e09dca4666722234e11d0f84d62ea791c160bf1e6b67b1e9b0c1e1cab63390c1',1772366400000,1772366940000,'audit.4711.000000001-000000002.jsonl');
CREATE TABLE checkpoints (
	portal_id BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (portal_id, name)
);
INSERT INTO "checkpoints" VALUES(4711,'changes.contacts','{"until":"2026-03-01"}');
CREATE TABLE holds (
	portal_id BIGINT NOT NULL, 
	scope TEXT NOT NULL, 
	"of" TEXT NOT NULL, 
	property_name TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	since BIGINT NOT NULL, 
	until BIGINT, 
	PRIMARY KEY (portal_id, scope, "of", property_name, origin)
);
INSERT INTO "holds" VALUES(4711,'record','contacts/1','lifecyclestage','operator','she is a special case','operator',1772366400000,NULL);
CREATE TABLE inbox (
	portal_id BIGINT NOT NULL, 
	event_key TEXT NOT NULL, 
	object_type TEXT NOT NULL, 
	object_id BIGINT NOT NULL, 
	links BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	received_at BIGINT NOT NULL, 
	seen_at BIGINT, 
	PRIMARY KEY (portal_id, event_key)
);
CREATE TABLE ledger (
	portal_id BIGINT NOT NULL, 
	object_type TEXT NOT NULL, 
	object_id BIGINT NOT NULL, 
	property_name TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	value TEXT NOT NULL, 
	source_type TEXT NOT NULL, 
	source_id TEXT NOT NULL, 
	user_id TEXT NOT NULL, 
	source_label TEXT NOT NULL, 
	PRIMARY KEY (portal_id, object_type, object_id, property_name, at, value)
);
INSERT INTO "ledger" VALUES(4711,'deals',9,'dealstage',1772366520000,'open','CRM_UI','s1','u1','');
INSERT INTO "ledger" VALUES(4711,'deals',9,'dealstage',1772366460000,'won','CRM_UI','s1','u1','');
CREATE TABLE ledger_reads (
	portal_id BIGINT NOT NULL, 
	object_type TEXT NOT NULL, 
	object_id BIGINT NOT NULL, 
	read_at BIGINT NOT NULL, 
	PRIMARY KEY (portal_id, object_type, object_id)
);
INSERT INTO "ledger_reads" VALUES(4711,'deals',9,1772366580000);
CREATE TABLE mirror (
	portal_id BIGINT NOT NULL, 
	object_type TEXT NOT NULL, 
	object_id BIGINT NOT NULL, 
	properties TEXT NOT NULL, 
	modified_at BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	archived_at BIGINT, 
	company_id BIGINT, 
	due_at BIGINT, 
	PRIMARY KEY (portal_id, object_type, object_id)
);
INSERT INTO "mirror" VALUES(4711,'contacts',1,'{"lifecyclestage":"customer"}',1772366400000,1772306400000,NULL,NULL,1772366400000);
INSERT INTO "mirror" VALUES(4711,'deals',9,'{"dealstage":"open"}',1772366400000,1772306400000,NULL,NULL,1772366400000);
CREATE TABLE outbox (
	portal_id BIGINT NOT NULL, 
	object_type TEXT NOT NULL, 
	object_id BIGINT NOT NULL, 
	corrections TEXT NOT NULL, 
	phase TEXT NOT NULL, 
	run TEXT NOT NULL, 
	"plan" TEXT NOT NULL, 
	policy TEXT NOT NULL, 
	promised_at BIGINT NOT NULL, 
	seen TEXT NOT NULL, 
	PRIMARY KEY (portal_id, object_type, object_id)
);
INSERT INTO "outbox" VALUES(4711,'contacts',1,'[{"after":"opportunity","before":"customer","direction":"backward","evidence":["deals/9 was won 2026-03-01, open since 2026-04-02"],"property_name":"lifecyclestage","reason":"deal 9 is open again — gjenåpnet","record":"contacts/1","rule":"reopened"}]','cleared','r1','p1','standard',1772366400000,'{}');
CREATE TABLE plan_asides (
	portal_id BIGINT NOT NULL, 
	plan_id TEXT NOT NULL, 
	place BIGINT NOT NULL, 
	aside TEXT NOT NULL, 
	PRIMARY KEY (portal_id, plan_id, place), 
	FOREIGN KEY(portal_id, plan_id) REFERENCES plans (portal_id, plan_id) ON DELETE CASCADE
);
CREATE TABLE plan_moves (
	portal_id BIGINT NOT NULL, 
	plan_id TEXT NOT NULL, 
	place BIGINT NOT NULL, 
	corrections TEXT NOT NULL, 
	PRIMARY KEY (portal_id, plan_id, place), 
	FOREIGN KEY(portal_id, plan_id) REFERENCES plans (portal_id, plan_id) ON DELETE CASCADE
);
INSERT INTO "plan_moves" VALUES(4711,'p1',1,'[{"after":"opportunity","before":"customer","direction":"backward","evidence":["deals/9 was won 2026-03-01, open since 2026-04-02"],"property_name":"lifecyclestage","reason":"deal 9 is open again — gjenåpnet","record":"contacts/1","rule":"reopened"}]');
CREATE TABLE plans (
	portal_id BIGINT NOT NULL, 
	plan_id TEXT NOT NULL, 
	run TEXT NOT NULL, 
	policy_name TEXT NOT NULL, 
	policy_digest TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	digest TEXT NOT NULL, 
	summary TEXT NOT NULL, 
	PRIMARY KEY (portal_id, plan_id)
);
INSERT INTO "plans" VALUES(4711,'p1','r1','standard','abc',1772366400000,'d','{"corrections":1}');
CREATE TABLE portals (
	portal_id BIGINT NOT NULL, 
	portal TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	PRIMARY KEY (portal_id)
);
CREATE TABLE runs (
	portal_id BIGINT NOT NULL, 
	run TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	began_at BIGINT NOT NULL, 
	finished_at BIGINT, 
	summary TEXT NOT NULL, 
	PRIMARY KEY (portal_id, run)
);
INSERT INTO "runs" VALUES(4711,'r1','sync',1772366400000,1772366460000,'{"applied":3}');
CREATE TABLE sendings (
	portal_id BIGINT NOT NULL, 
	object_type TEXT NOT NULL, 
	object_id BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	backward_at BIGINT, 
	prior_at BIGINT, 
	prior_backward_at BIGINT, 
	PRIMARY KEY (portal_id, object_type, object_id)
);
CREATE TABLE strikes (
	portal_id BIGINT NOT NULL, 
	object_type TEXT NOT NULL, 
	object_id BIGINT NOT NULL, 
	content_key TEXT NOT NULL, 
	property_name TEXT NOT NULL, 
	times INTEGER NOT NULL, 
	outcome TEXT NOT NULL, 
	note TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (portal_id, object_type, object_id, content_key)
);
CREATE TABLE tasks (
	portal_id BIGINT NOT NULL, 
	object_type TEXT NOT NULL, 
	object_id BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	task TEXT NOT NULL, 
	task_id TEXT NOT NULL, 
	PRIMARY KEY (portal_id, object_type, object_id)
);
CREATE TABLE tokens (
	portal_id BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	sealed TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (portal_id, name)
);
CREATE TABLE writings (
	portal_id BIGINT NOT NULL, 
	object_type TEXT NOT NULL, 
	object_id BIGINT NOT NULL, 
	property_name TEXT NOT NULL, 
	content_key TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (portal_id, object_type, object_id, property_name)
);
CREATE INDEX mirror_due ON mirror (portal_id, object_type, object_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX mirror_company ON mirror (portal_id, company_id) WHERE company_id IS NOT NULL;
CREATE INDEX mirror_archived ON mirror (portal_id, object_type) WHERE archived_at IS NOT NULL;
CREATE INDEX associations_back ON associations (portal_id, target_type, target_id, source_type, source_id);
CREATE INDEX aliases_survivor ON aliases (portal_id, object_type, survivor_id);
CREATE INDEX inbox_waiting ON inbox (portal_id, received_at) WHERE seen_at IS NULL;
CREATE INDEX audit_record ON audit (portal_id, object_type, object_id);
CREATE INDEX audit_run ON audit (portal_id, run);
CREATE INDEX audit_at ON audit (portal_id, at);
CREATE TRIGGER audit_refuses_insert BEFORE INSERT ON audit WHEN NEW.place <= max((SELECT coalesce(max(place), 0) FROM audit WHERE portal_id = NEW.portal_id), (SELECT coalesce(max(place), 0) FROM audit_cuts WHERE portal_id = NEW.portal_id)) BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_refuses_update BEFORE UPDATE ON audit WHEN NOT (NEW."before" IS NULL AND NEW."after" IS NULL AND NEW.salt IS NULL AND NEW.portal_id IS OLD.portal_id AND NEW.place IS OLD.place AND NEW.at IS OLD.at AND NEW.run IS OLD.run AND NEW.object_type IS OLD.object_type AND NEW.object_id IS OLD.object_id AND NEW.property_name IS OLD.property_name AND NEW.rule IS OLD.rule AND NEW.policy IS OLD.policy AND NEW.outcome IS OLD.outcome AND NEW.correlation_id IS OLD.correlation_id AND NEW.seal IS OLD.seal AND NEW.hash IS OLD.hash) BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_refuses_delete BEFORE DELETE ON audit WHEN OLD.place > (SELECT coalesce(max(place), 0) FROM audit_cuts WHERE portal_id = OLD.portal_id) BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_cuts_refuses_insert BEFORE INSERT ON audit_cuts WHEN NEW.place <= (SELECT coalesce(max(place), 0) FROM audit_cuts WHERE portal_id = NEW.portal_id) OR NOT EXISTS (SELECT 1 FROM audit WHERE audit.portal_id = NEW.portal_id AND audit.place = NEW.place AND audit.hash = NEW.hash) BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_cuts_refuses_update BEFORE UPDATE ON audit_cuts BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_cuts_refuses_delete BEFORE DELETE ON audit_cuts BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
COMMIT;
