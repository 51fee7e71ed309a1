BEGIN TRANSACTION;
CREATE TABLE approval (
	n INTEGER NOT NULL, 
	plan_id TEXT NOT NULL, 
	PRIMARY KEY (n), 
	FOREIGN KEY(n) REFERENCES journal (n)
);
CREATE TABLE confirmation (
	n INTEGER NOT NULL, 
	host TEXT NOT NULL, 
	PRIMARY KEY (n), 
	FOREIGN KEY(n) REFERENCES journal (n)
);
CREATE TABLE journal (
	n INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	run INTEGER NOT NULL, 
	rollout TEXT, 
	kind TEXT NOT NULL, 
	step INTEGER, 
	body TEXT NOT NULL, 
	prev TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (n), 
	CONSTRAINT journal_counts_from_1 CHECK (n >= 1), 
	FOREIGN KEY(run) REFERENCES run (id), 
	FOREIGN KEY(rollout) REFERENCES rollout (id)
);
INSERT INTO "journal" VALUES(1,'2026-03-01T12:00:00.000000Z',1,'172c96c908babdf7459f673c854767a4f2ec547158f14c2a236154f60c47cf7f','opened',NULL,'{"digest":"ca51429584c3138b92ab4fc62c5c8dbb23854f5a592c164cd81a740c87ede915"}','provisioner','98d0a527685ded97cb4f58e58c0da39530ea92395183075d43bffb2693e896db');
INSERT INTO "journal" VALUES(2,'2026-03-01T12:01:00.000000Z',1,'172c96c908babdf7459f673c854767a4f2ec547158f14c2a236154f60c47cf7f','begun',0,'{}','98d0a527685ded97cb4f58e58c0da39530ea92395183075d43bffb2693e896db','858e947f29b25a8bb7daf39646ed2dcc788197eaaa0952c3c11c9b9c4ba23a82');
INSERT INTO "journal" VALUES(3,'2026-03-01T12:02:00.000000Z',1,'172c96c908babdf7459f673c854767a4f2ec547158f14c2a236154f60c47cf7f','settled',0,'{"detail":"zone Z\u00fcrich","outcome":"written"}','858e947f29b25a8bb7daf39646ed2dcc788197eaaa0952c3c11c9b9c4ba23a82','b28f858696f50f0f5f8b0adef8022d9ac7ec7eff3663ba79cb3a081e5d053a31');
INSERT INTO "journal" VALUES(4,'2026-03-01T12:03:00.000000Z',1,'172c96c908babdf7459f673c854767a4f2ec547158f14c2a236154f60c47cf7f','seen',0,'{}','b28f858696f50f0f5f8b0adef8022d9ac7ec7eff3663ba79cb3a081e5d053a31','df179608991b1a461a694e71ed7c43fd7fe06010065e9fb4feadd1086f03ae40');
INSERT INTO "journal" VALUES(5,'2026-03-01T12:03:00.000000Z',1,'172c96c908babdf7459f673c854767a4f2ec547158f14c2a236154f60c47cf7f','closed',NULL,'{"outcome":"finished"}','df179608991b1a461a694e71ed7c43fd7fe06010065e9fb4feadd1086f03ae40','e1f8afa7f10dd7d64eb81522f34085d81eae9123d3b77337438b2afade425332');
INSERT INTO "journal" VALUES(6,'2026-03-01T12:04:00.000000Z',1,'6536975efae0d9fb59a4bd695bb21af4ed20004c3b58dd3db1670dc29bc2528b','opened',NULL,'{"digest":"6dfcb682853b406e249e5f30b9b999f48ab2407e138d3078be50a558df126cba"}','e1f8afa7f10dd7d64eb81522f34085d81eae9123d3b77337438b2afade425332','e3cdb93ea606ba88539d9aae63da5f77b601d3cb15619b625df77f95b3a21b0d');
INSERT INTO "journal" VALUES(7,'2026-03-01T12:04:00.000000Z',1,'6536975efae0d9fb59a4bd695bb21af4ed20004c3b58dd3db1670dc29bc2528b','begun',0,'{}','e3cdb93ea606ba88539d9aae63da5f77b601d3cb15619b625df77f95b3a21b0d','a3ff3b4f14b5f1cce739118e8fbfacfd2acfe0f938bbd4142fc3a687452685d9');
CREATE TABLE lease (
	zone TEXT NOT NULL, 
	zone_name TEXT NOT NULL, 
	run INTEGER NOT NULL, 
	holder TEXT NOT NULL, 
	purpose TEXT NOT NULL, 
	fencing BIGINT NOT NULL, 
	acquired TEXT NOT NULL, 
	expires TEXT, 
	PRIMARY KEY (zone), 
	FOREIGN KEY(run) REFERENCES run (id)
);
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema','7');
CREATE TABLE pin (
	domain TEXT NOT NULL, 
	exchange TEXT NOT NULL, 
	at TEXT NOT NULL, 
	run INTEGER NOT NULL, 
	PRIMARY KEY (domain), 
	FOREIGN KEY(run) REFERENCES run (id)
);
INSERT INTO "pin" VALUES('contoso.com.','contoso-com.o-v1.mx.microsoft.','2026-03-02T12:00:00.000000Z',1);
CREATE TABLE rollout (
	id TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	plan_id TEXT NOT NULL, 
	line TEXT NOT NULL, 
	opened TEXT NOT NULL, 
	closed TEXT, 
	outcome TEXT, 
	PRIMARY KEY (id), 
	CONSTRAINT rollout_once UNIQUE (subject, plan_id), 
	CONSTRAINT rollout_closed CHECK ((closed IS NULL) = (outcome IS NULL))
);
INSERT INTO "rollout" VALUES('172c96c908babdf7459f673c854767a4f2ec547158f14c2a236154f60c47cf7f','domain:contoso.com.','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','{"subject":"contoso.com.","text":"Zürich"}
','2026-03-01T12:00:00.000000Z','2026-03-01T12:03:00.000000Z','finished');
INSERT INTO "rollout" VALUES('6536975efae0d9fb59a4bd695bb21af4ed20004c3b58dd3db1670dc29bc2528b','domain:fabrikam.com.','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','{"subject":"fabrikam.com."}
','2026-03-01T12:04:00.000000Z',NULL,NULL);
CREATE TABLE run (
	id INTEGER NOT NULL, 
	started TEXT NOT NULL, 
	finished TEXT, 
	command TEXT NOT NULL, 
	exit_code INTEGER, 
	who TEXT NOT NULL, 
	version TEXT NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT run_finished CHECK ((finished IS NULL) = (exit_code IS NULL))
);
INSERT INTO "run" VALUES(1,'2026-03-01T12:00:00.000000Z','2026-03-01T12:04:00.000000Z','apply plan.jsonl',7,'operator@host.example','0.1.0');
CREATE TABLE serving (
	zone TEXT NOT NULL, 
	zone_name TEXT NOT NULL, 
	servers TEXT NOT NULL, 
	at TEXT NOT NULL, 
	PRIMARY KEY (zone)
);
CREATE UNIQUE INDEX rollout_open ON rollout (subject) WHERE closed IS NULL;
CREATE UNIQUE INDEX journal_opened ON journal (rollout) WHERE kind = 'opened';
CREATE INDEX journal_rollout ON journal (rollout, n);
CREATE UNIQUE INDEX journal_closed ON journal (rollout) WHERE kind = 'closed';
CREATE INDEX approval_plan ON approval (plan_id);
CREATE INDEX confirmation_host ON confirmation (host);
COMMIT;
