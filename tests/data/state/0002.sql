BEGIN TRANSACTION;
CREATE TABLE journal (
	rollout TEXT NOT NULL, 
	n INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	run INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	step INTEGER NOT NULL, 
	body TEXT NOT NULL, 
	prev TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (rollout, n), 
	CONSTRAINT journal_counts_from_1 CHECK (n >= 1), 
	FOREIGN KEY(rollout) REFERENCES rollout (id), 
	FOREIGN KEY(run) REFERENCES run (id)
);
INSERT INTO "journal" VALUES('172c96c908babdf7459f673c854767a4f2ec547158f14c2a236154f60c47cf7f',1,'2026-03-01T12:01:00.000000Z',1,'begun',0,'{}','f57485202f01c52f33c88c1097d2304f1ed813c2f2ab9c530d2f9249f4d10f70','768dc5fbdc86cd99f0647b994083d172e9f91673e6d4f9b5acea934a42ee48e9');
INSERT INTO "journal" VALUES('172c96c908babdf7459f673c854767a4f2ec547158f14c2a236154f60c47cf7f',2,'2026-03-01T12:02:00.000000Z',1,'settled',0,'{"detail":"zone Z\u00fcrich","outcome":"written"}','768dc5fbdc86cd99f0647b994083d172e9f91673e6d4f9b5acea934a42ee48e9','224993a80fc0b97078e27f34a3b0622acc95d29351867b55ac8f1ee01e154c77');
INSERT INTO "journal" VALUES('172c96c908babdf7459f673c854767a4f2ec547158f14c2a236154f60c47cf7f',3,'2026-03-01T12:03:00.000000Z',1,'seen',0,'{}','224993a80fc0b97078e27f34a3b0622acc95d29351867b55ac8f1ee01e154c77','7a6d447cd0eed79d7fe7a12ad694e2d29c7e73af098ac8a91c96fe43a5216539');
INSERT INTO "journal" VALUES('6536975efae0d9fb59a4bd695bb21af4ed20004c3b58dd3db1670dc29bc2528b',1,'2026-03-01T12:04:00.000000Z',1,'begun',0,'{}','a415f9c61af0796c25b1cb119b07bb394ed17e51aad1bad1e640fde7b25a1e9e','cc1042597b3824d7737554232eec5bc4fe54e8101f4fc5e698b32f37b4e5cbcb');
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema','2');
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
CREATE UNIQUE INDEX rollout_open ON rollout (subject) WHERE closed IS NULL;
COMMIT;
