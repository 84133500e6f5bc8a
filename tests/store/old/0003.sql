PRAGMA page_size = 4096;
PRAGMA auto_vacuum = 2;
PRAGMA application_id = 1111575629;
BEGIN TRANSACTION;
CREATE TABLE accounts (
	id INTEGER NOT NULL, 
	provider VARCHAR NOT NULL, 
	job VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	added_at BIGINT NOT NULL, 
	polled_at BIGINT, 
	ok_at BIGINT, 
	outcome VARCHAR NOT NULL, 
	detail VARCHAR NOT NULL, 
	failures INTEGER NOT NULL, 
	failures_alike INTEGER NOT NULL, 
	failing_since BIGINT, 
	missed_runs INTEGER NOT NULL, 
	overdue_at BIGINT, failures_same INTEGER DEFAULT '0' NOT NULL, failures_own INTEGER DEFAULT '0' NOT NULL, failing_same_since BIGINT, 
	PRIMARY KEY (id), 
	UNIQUE (job, name)
);
INSERT INTO "accounts" VALUES(1,'nami-sandbox','nami-spot','spot',1795807022684808,1795807590000000,1795807590000000,'ok','',0,0,NULL,10,NULL,0,0,NULL);
INSERT INTO "accounts" VALUES(2,'wdcf-sandbox','clients','CLIENT_001',1795807022693021,1795807100585717,1795807100585717,'ok','',0,0,NULL,0,1795807226572243,0,0,NULL);
INSERT INTO "accounts" VALUES(3,'nami-sandbox','nami-futures','futures',1795807023049043,1795807101680950,1795807101680950,'ok','',0,0,NULL,10,1795807227634388,0,0,NULL);
INSERT INTO "accounts" VALUES(4,'wdcf-sandbox','clients','CLIENT_002',1795807023251053,1795807101250461,1795807101250461,'ok','',0,0,NULL,0,1795807227240833,0,0,NULL);
INSERT INTO "accounts" VALUES(5,'wdcf-sandbox','clients','CLIENT_003',1795807023920917,1795807099917867,1795807099917867,'ok','',0,0,NULL,0,1795807225906761,0,0,NULL);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE "alerts" (
	rule VARCHAR NOT NULL, 
	subject VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	since BIGINT, 
	fired_at BIGINT, 
	breached_at BIGINT, 
	told_at BIGINT, 
	seq INTEGER NOT NULL, 
	announced BOOLEAN NOT NULL, 
	severity INTEGER NOT NULL, 
	level INTEGER NOT NULL, 
	reason VARCHAR NOT NULL, 
	expected VARCHAR NOT NULL, 
	held_at BIGINT, 
	worse_since BIGINT, 
	ended_at BIGINT, 
	announced_at BIGINT, 
	escalated_at BIGINT, 
	acked_at BIGINT, 
	clearing BOOLEAN DEFAULT '0' NOT NULL, 
	flapping BOOLEAN DEFAULT '0' NOT NULL, 
	told_flapping BOOLEAN DEFAULT '0' NOT NULL, 
	again INTEGER DEFAULT '0' NOT NULL, 
	told_severity INTEGER DEFAULT '0' NOT NULL, 
	told_level INTEGER DEFAULT '0' NOT NULL, 
	ending VARCHAR DEFAULT '' NOT NULL, 
	acked_by VARCHAR DEFAULT '' NOT NULL, 
	ack_reason VARCHAR DEFAULT '' NOT NULL, 
	muted VARCHAR DEFAULT '' NOT NULL, 
	changes JSON DEFAULT '[]' NOT NULL, 
	PRIMARY KEY (rule, subject)
);
INSERT INTO "alerts" VALUES('usdt-low','nami-spot/spot/USDT','firing','VHFFWENGJJ',1795807022684808,1795807022684808,1795807590000000,1795807022684808,1,1,2,0,'available 99.90 < 1000','at least 1000 (clears at 1200)',1795807590000000,NULL,NULL,1795807022684808,NULL,1795807043452778,0,0,0,0,2,0,'','ann','on it','','[]');
INSERT INTO "alerts" VALUES('held','nami-spot/spot/USDT','firing','0ZNJDETFGN',1795807022684808,1795807170000000,1795807590000000,1795807170000000,1,1,0,0,'available 99.90 < 100000','at least 100000',1795807590000000,NULL,NULL,1795807170000000,NULL,NULL,0,0,0,0,0,0,'','','','','[]');
INSERT INTO "alerts" VALUES('futures-low','nami-futures/futures/USDT','firing','WQ9MKF9B32',1795807023049043,1795807023049043,1795807101680950,NULL,0,0,1,0,'available 1009.8500524310101 < 1000000000','at least 1000000000',1795807101680950,NULL,NULL,NULL,NULL,NULL,0,0,0,0,1,0,'','','','maintenance futures-move','[]');
INSERT INTO "alerts" VALUES('client-drained','clients/CLIENT_001/USD','inactive','Q8RGWTVR8Q',1795807028582943,1795807028582943,1795807086586395,1795807028582943,1,1,1,0,'available 300.25, -199.75 (-39.95 %) from 500 at 2026-11-27 19:17:06 UTC','a drop of less than 20% within 1m',1795807086586395,NULL,1795807088585942,1795807028582943,NULL,NULL,0,0,0,0,1,0,'available 300.25, 0.00 (0.00 %) from 300.25 at 2026-11-27 19:18:06 UTC','','','silence 1 by ann: a move','[]');
CREATE TABLE attempts (
	notification_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	error VARCHAR NOT NULL, 
	PRIMARY KEY (notification_id, number), 
	FOREIGN KEY(notification_id) REFERENCES notifications (id)
)
 WITHOUT ROWID

;
INSERT INTO "attempts" VALUES(1,1,1795807023716357,'');
INSERT INTO "attempts" VALUES(2,1,1795807023708477,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(2,2,1795807025023812,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(2,3,1795807027233112,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(2,4,1795807034563176,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(2,5,1795807048080565,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(2,6,1795807072831149,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(3,1,1795807029626129,'');
INSERT INTO "attempts" VALUES(4,1,1795807029609847,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(4,2,1795807031600736,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(4,3,1795807034162971,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(4,4,1795807040504023,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(4,5,1795807053529464,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(4,6,1795807074191901,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(5,1,1795807063859113,'');
INSERT INTO "attempts" VALUES(6,1,1795807063859205,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(6,2,1795807065445781,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(6,3,1795807067517960,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(6,4,1795807075242164,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(6,5,1795807085157856,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(7,1,1795807063859113,'');
INSERT INTO "attempts" VALUES(8,1,1795807063859205,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(8,2,1795807065445781,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(8,3,1795807067517960,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(8,4,1795807075242164,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(8,5,1795807085157856,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(9,1,1795807085157856,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(10,1,1795807082528151,'');
INSERT INTO "attempts" VALUES(11,1,1795807085157856,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(12,1,1795807082528151,'');
INSERT INTO "attempts" VALUES(13,1,1795807082857807,'');
INSERT INTO "attempts" VALUES(14,1,1795807082860200,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(14,2,1795807084737793,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(14,3,1795807087069891,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
INSERT INTO "attempts" VALUES(14,4,1795807092976116,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))');
CREATE TABLE "calls" (
	host VARCHAR NOT NULL, 
	at BIGINT NOT NULL, 
	caller VARCHAR NOT NULL, 
	ends_by BIGINT NOT NULL, 
	PRIMARY KEY (host, at, caller)
)
 WITHOUT ROWID

;
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807022428015,'4b32e34884f4050b',1795807022684627);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807023041568,'4b32e34884f4050b',1795807023048907);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807023659546,'4b32e34884f4050b',1795807023666378);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807024423822,'4b32e34884f4050b',1795807024430653);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807025659342,'4b32e34884f4050b',1795807025665984);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807026424029,'4b32e34884f4050b',1795807026434146);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807027669348,'4b32e34884f4050b',1795807027682069);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807028423475,'4b32e34884f4050b',1795807028430325);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807029659459,'4b32e34884f4050b',1795807029666083);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807030423710,'4b32e34884f4050b',1795807030430008);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807031658976,'4b32e34884f4050b',1795807031662310);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807032423486,'4b32e34884f4050b',1795807032433914);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807033659909,'4b32e34884f4050b',1795807033665139);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807034423790,'4b32e34884f4050b',1795807034429386);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807035659970,'4b32e34884f4050b',1795807035680569);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807036423755,'4b32e34884f4050b',1795807036426942);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807037659782,'4b32e34884f4050b',1795807037666450);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807038424192,'4b32e34884f4050b',1795807038427401);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807039659628,'4b32e34884f4050b',1795807039670680);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807040423996,'4b32e34884f4050b',1795807040435218);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807041668308,'4b32e34884f4050b',1795807041672811);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807042424590,'4b32e34884f4050b',1795807042440820);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807043660376,'4b32e34884f4050b',1795807043673933);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807044423635,'4b32e34884f4050b',1795807044429278);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807045659861,'4b32e34884f4050b',1795807045667157);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807046423723,'4b32e34884f4050b',1795807046431198);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807047659186,'4b32e34884f4050b',1795807047663234);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807048423425,'4b32e34884f4050b',1795807048429980);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807049659449,'4b32e34884f4050b',1795807049669111);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807050423240,'4b32e34884f4050b',1795807050430250);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807051659394,'4b32e34884f4050b',1795807051665912);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807052423603,'4b32e34884f4050b',1795807052428529);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807053659688,'4b32e34884f4050b',1795807053662662);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807054423665,'4b32e34884f4050b',1795807054433108);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807055659464,'4b32e34884f4050b',1795807055665418);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807056428630,'4b32e34884f4050b',1795807056436505);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807057659622,'4b32e34884f4050b',1795807057670113);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807058423302,'4b32e34884f4050b',1795807058434298);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807081435877,'4b32e34884f4050b',1795807081449481);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807081445228,'4b32e34884f4050b',1795807081463379);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807081485535,'4b32e34884f4050b',1795807081508456);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807081509182,'4b32e34884f4050b',1795807081532410);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807081659537,'4b32e34884f4050b',1795807081677832);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807082426433,'4b32e34884f4050b',1795807082456687);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807083664258,'4b32e34884f4050b',1795807083678289);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807084424560,'4b32e34884f4050b',1795807084436402);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807085659369,'4b32e34884f4050b',1795807085676583);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807086428114,'4b32e34884f4050b',1795807086435133);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807087660154,'4b32e34884f4050b',1795807087681619);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807088424618,'4b32e34884f4050b',1795807088436530);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807089659398,'4b32e34884f4050b',1795807089673585);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807090423677,'4b32e34884f4050b',1795807090431052);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807091659506,'4b32e34884f4050b',1795807091669613);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807092423630,'4b32e34884f4050b',1795807092434802);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807093659613,'4b32e34884f4050b',1795807093675497);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807094423531,'4b32e34884f4050b',1795807094430467);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807095659658,'4b32e34884f4050b',1795807095676544);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807096424618,'4b32e34884f4050b',1795807096432584);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807097658986,'4b32e34884f4050b',1795807097666273);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807098423654,'4b32e34884f4050b',1795807098443287);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807099659671,'4b32e34884f4050b',1795807099666361);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807100423853,'4b32e34884f4050b',1795807100440530);
INSERT INTO "calls" VALUES('http://127.0.0.1:36593',1795807101664286,'4b32e34884f4050b',1795807103664286);
CREATE TABLE clock (
	id INTEGER NOT NULL, 
	doubt VARCHAR NOT NULL, 
	set_back_at BIGINT, 
	ahead_until BIGINT, 
	alerts JSON NOT NULL, 
	jumped_from BIGINT, 
	jumped_to BIGINT, 
	set_aside_at BIGINT, 
	PRIMARY KEY (id)
);
INSERT INTO "clock" VALUES(1,'',1795807590000000,1795818390000000,'{"1795807590000000": 1795818390000000}',NULL,NULL,1795807230000000);
CREATE TABLE configuration (
	id INTEGER NOT NULL, 
	file VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	accepted_at BIGINT NOT NULL, 
	refused_at BIGINT, 
	problems JSON NOT NULL, 
	document JSON NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "configuration" VALUES(1,'/etc/balance-monitor/config.yaml','0.1.0',1795807022347724,NULL,'[]','{"channels": {"webhook": {"urls": ["http://unset.invalid"]}, "dead": {"urls": ["http://unset.invalid"]}}, "routes": [{"group_wait": "1s"}], "store": {}, "providers": {"nami-sandbox": {"type": "nami", "base_url": "http://unset.invalid", "api_key": "http://unset.invalid", "api_secret": "http://unset.invalid", "rate_limit": "60/1m", "timeout": "2s", "retries": "0"}, "wdcf-sandbox": {"type": "wdcf", "base_url": "http://unset.invalid", "client_secret": "http://unset.invalid", "timeout": "2s", "retries": "0"}}, "jobs": [{"name": "nami-spot", "provider": "nami-sandbox", "every": "2s", "wallet": "spot", "currencies": {"1": "VNDC", "22": "USDT"}}, {"name": "nami-futures", "provider": "nami-sandbox", "every": "2s", "wallet": "futures", "currencies": {"22": "USDT"}}, {"name": "clients", "provider": "wdcf-sandbox", "every": "2s", "clients": ["CLIENT_001", "CLIENT_002", "CLIENT_003"]}], "failing": "false", "rules": [{"name": "usdt-low", "type": "threshold", "match": {"job": "nami-spot", "currency": "USDT"}, "below": "1000", "clear": "1200", "severity": "critical"}, {"name": "client-drained", "type": "delta", "match": {"job": "clients"}, "drop": "20%", "within": "1m"}, {"name": "endpoint-failing", "type": "failing", "polls": "2"}, {"name": "held", "type": "threshold", "match": {"job": "nami-spot", "currency": "USDT"}, "below": "100000", "for": "1h", "severity": "info"}, {"name": "unread", "type": "stale", "after": "6s"}, {"name": "futures-low", "type": "threshold", "match": {"job": "nami-futures"}, "levels": {"warning": {"below": "1000000000"}, "critical": {"below": "1"}}}], "summary": {"cron": "* * * * *"}, "maintenance": [{"name": "futures-move", "match": {"job": "nami-futures"}, "cron": "0 0 * * *", "lasts": "23h"}]}');
CREATE TABLE events (
	incident VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	rule VARCHAR NOT NULL, 
	subject VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	at BIGINT NOT NULL, 
	report JSON NOT NULL, 
	PRIMARY KEY (incident, seq)
);
INSERT INTO "events" VALUES('VHFFWENGJJ',1,'usdt-low','nami-spot/spot/USDT','fired',1795807022684808,'{"kind": "fired", "rule": "usdt-low", "rule_type": "threshold", "severity": "critical", "subject": "nami-spot/spot/USDT", "incident": "VHFFWENGJJ", "seq": 1, "at": "2026-11-27T19:17:02.684808+00:00", "since": "2026-11-27T19:17:02.684808+00:00", "reason": "available 916.42 < 1000", "expected": "at least 1000 (clears at 1200)", "note": "", "labels": [], "names": [["account", "spot"], ["currency", "USDT"], ["job", "nami-spot"], ["provider", "nami-sandbox"]], "field": "available", "value": "916.42", "value_at": "2026-11-27T19:17:02.684808+00:00", "before": "", "before_at": "", "trend": ["916.42"], "details": []}');
INSERT INTO "events" VALUES('Q8RGWTVR8Q',1,'client-drained','clients/CLIENT_001/USD','fired',1795807028582943,'{"kind": "fired", "rule": "client-drained", "rule_type": "delta", "severity": "warning", "subject": "clients/CLIENT_001/USD", "incident": "Q8RGWTVR8Q", "seq": 1, "at": "2026-11-27T19:17:08.582943+00:00", "since": "2026-11-27T19:17:08.582943+00:00", "reason": "available 300.25, -199.75 (-39.95 %) from 500 at 2026-11-27 19:17:06 UTC, only 5s known", "expected": "a drop of less than 20% within 1m", "note": "", "labels": [], "names": [["account", "CLIENT_001"], ["currency", "USD"], ["job", "clients"], ["provider", "wdcf-sandbox"]], "field": "available", "value": "300.25", "value_at": "2026-11-27T19:17:08.582943+00:00", "before": "500", "before_at": "2026-11-27T19:17:06.586662+00:00", "trend": ["500", "500", "500", "300.25"], "details": []}');
INSERT INTO "events" VALUES('DAMCGR9DVP',1,'unread','nami-spot/spot/VNDC','fired',1795807062829054,'{"kind": "fired", "rule": "unread", "rule_type": "stale", "severity": "warning", "subject": "nami-spot/spot/VNDC", "incident": "DAMCGR9DVP", "seq": 1, "at": "2026-11-27T19:17:42.829054+00:00", "since": "2026-11-27T19:17:42.829054+00:00", "reason": "last read 2026-11-27 19:17:36 UTC, 6s ago", "expected": "a reading at least every 6s", "note": "", "labels": [], "names": [["account", "spot"], ["currency", "VNDC"], ["job", "nami-spot"], ["provider", "nami-sandbox"]], "field": "available", "value": "25549577.613333325", "value_at": "2026-11-27T19:17:36.436631+00:00", "before": "25511012.103333325", "before_at": "2026-11-27T19:17:34.433266+00:00", "trend": ["25855504.393333325", "25692520.143333325", "25790661.923333325", "25608670.393333325", "25552422.733333325", "25617591.163333325", "25741169.053333325", "25669092.673333325", "25430973.023333325", "25343706.923333325", "25515924.993333325", "25653917.753333325", "25806526.603333325", "25886986.293333325", "25666095.963333325", "25627753.863333325", "25511012.103333325", "25549577.613333325"], "details": []}');
INSERT INTO "events" VALUES('D3SSHWGCS3',1,'unread','nami-spot/spot/USDT','fired',1795807062829054,'{"kind": "fired", "rule": "unread", "rule_type": "stale", "severity": "warning", "subject": "nami-spot/spot/USDT", "incident": "D3SSHWGCS3", "seq": 1, "at": "2026-11-27T19:17:42.829054+00:00", "since": "2026-11-27T19:17:42.829054+00:00", "reason": "last read 2026-11-27 19:17:36 UTC, 6s ago", "expected": "a reading at least every 6s", "note": "", "labels": [], "names": [["account", "spot"], ["currency", "USDT"], ["job", "nami-spot"], ["provider", "nami-sandbox"]], "field": "available", "value": "-50.25", "value_at": "2026-11-27T19:17:36.436631+00:00", "before": "-50.25", "before_at": "2026-11-27T19:17:34.433266+00:00", "trend": ["916.42", "674.75", "433.08", "191.42", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25"], "details": []}');
INSERT INTO "events" VALUES('DAMCGR9DVP',2,'unread','nami-spot/spot/VNDC','resolved',1795807081463536,'{"kind": "resolved", "rule": "unread", "rule_type": "stale", "severity": "warning", "subject": "nami-spot/spot/VNDC", "incident": "DAMCGR9DVP", "seq": 2, "at": "2026-11-27T19:18:01.463536+00:00", "since": "2026-11-27T19:17:42.829054+00:00", "reason": "last read 2026-11-27 19:18:01 UTC, 0s ago", "expected": "a reading at least every 6s", "note": "", "labels": [], "names": [["account", "spot"], ["currency", "VNDC"], ["job", "nami-spot"], ["provider", "nami-sandbox"]], "field": "available", "value": "26446150.273333325", "value_at": "2026-11-27T19:18:01.463536+00:00", "before": "25549577.613333325", "before_at": "2026-11-27T19:17:36.436631+00:00", "trend": ["25855504.393333325", "25692520.143333325", "25790661.923333325", "25608670.393333325", "25552422.733333325", "25617591.163333325", "25741169.053333325", "25669092.673333325", "25430973.023333325", "25343706.923333325", "25515924.993333325", "25653917.753333325", "25806526.603333325", "25886986.293333325", "25666095.963333325", "25627753.863333325", "25511012.103333325", "25549577.613333325", "26446150.273333325"], "details": []}');
INSERT INTO "events" VALUES('D3SSHWGCS3',2,'unread','nami-spot/spot/USDT','resolved',1795807081463536,'{"kind": "resolved", "rule": "unread", "rule_type": "stale", "severity": "warning", "subject": "nami-spot/spot/USDT", "incident": "D3SSHWGCS3", "seq": 2, "at": "2026-11-27T19:18:01.463536+00:00", "since": "2026-11-27T19:17:42.829054+00:00", "reason": "last read 2026-11-27 19:18:01 UTC, 0s ago", "expected": "a reading at least every 6s", "note": "", "labels": [], "names": [["account", "spot"], ["currency", "USDT"], ["job", "nami-spot"], ["provider", "nami-sandbox"]], "field": "available", "value": "-50.25", "value_at": "2026-11-27T19:18:01.463536+00:00", "before": "-50.25", "before_at": "2026-11-27T19:17:36.436631+00:00", "trend": ["916.42", "674.75", "433.08", "191.42", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25"], "details": []}');
INSERT INTO "events" VALUES('SUMMARY-20261127T191802',1,'summary','','summary',1795807082692420,'{"kind": "summary", "rule": "summary", "rule_type": "", "severity": "info", "subject": "", "incident": "SUMMARY-20261127T191802", "seq": 1, "at": "2026-11-27T19:18:02.692420+00:00", "since": "2026-11-27T19:17:02.347724+00:00", "reason": "6 balances, 0 moved, 3 alerts fire", "expected": "", "note": "", "labels": [], "names": [], "field": "", "value": "", "value_at": "", "before": "", "before_at": "", "trend": [], "details": [["Period", "2026-11-27 19:17:02 UTC to 2026-11-27 19:18:02 UTC (1m)"], ["Fires", "usdt-low: nami-spot/spot/USDT: available -50.25 < 1000"], ["Fires", "futures-low: nami-futures/futures/USDT: available 1009.8500524310101 < 1000000000"], ["Fires", "client-drained: clients/CLIENT_001/USD: available 300.25, -199.75 (-39.95 %) from 500 at 2026-11-27 19:17:06 UTC, only 59s known"], ["clients/CLIENT_001/USD", "300.25, new"], ["clients/CLIENT_002/USD", "795.50, new"], ["clients/CLIENT_003/USD", "0, new"], ["nami-futures/futures/USDT", "1009.8500524310101, new"], ["nami-spot/spot/USDT", "-50.25, new"], ["nami-spot/spot/VNDC", "26536104.103333325, new"], ["Incidents", "4 fired, 2 ended"], ["Messages", "6 delivered, 6 wait, 0 given up"], ["Polls", "135 made, 19 failed; 20 runs missed since the accounts are known"]]}');
INSERT INTO "events" VALUES('0ZNJDETFGN',1,'held','nami-spot/spot/USDT','fired',1795814310000000,'{"kind": "fired", "rule": "held", "rule_type": "threshold", "severity": "info", "subject": "nami-spot/spot/USDT", "incident": "0ZNJDETFGN", "seq": 1, "at": "2026-11-27T21:18:30+00:00", "since": "2026-11-27T19:17:02.684808+00:00", "reason": "available 77.70 < 100000", "expected": "at least 100000", "note": "", "labels": [], "names": [["account", "spot"], ["currency", "USDT"], ["job", "nami-spot"], ["provider", "nami-sandbox"]], "field": "available", "value": "77.70", "value_at": "2026-11-27T21:18:30+00:00", "before": "-50.25", "before_at": "2026-11-27T19:18:20.440710+00:00", "trend": ["-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "-50.25", "77.70"], "details": []}');
CREATE TABLE notes (
	id INTEGER NOT NULL, 
	incident VARCHAR NOT NULL, 
	rule VARCHAR NOT NULL, 
	subject VARCHAR NOT NULL, 
	severity INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	kind VARCHAR NOT NULL, 
	"by" VARCHAR NOT NULL, 
	text VARCHAR NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "notes" VALUES(1,'WQ9MKF9B32','futures-low','nami-futures/futures/USDT',1,1795807023049043,'muted','','maintenance futures-move');
INSERT INTO "notes" VALUES(2,'Q8RGWTVR8Q','client-drained','clients/CLIENT_001/USD',1,1795807034581913,'muted','','silence 1 by ann: a move');
INSERT INTO "notes" VALUES(3,'0T55W8EMTZ','endpoint-failing','wdcf-sandbox',1,1795807039921284,'muted','','silence 1 by ann: a move');
INSERT INTO "notes" VALUES(4,'0A5FZJKKF4','unread','clients/CLIENT_001/USD',1,1795807042589242,'muted','','inhibited by endpoint-failing wdcf-sandbox');
INSERT INTO "notes" VALUES(5,'DCQR4QY6TM','unread','clients/CLIENT_003/USD',1,1795807042725421,'muted','','inhibited by endpoint-failing wdcf-sandbox');
INSERT INTO "notes" VALUES(6,'JZH8F6CJWQ','unread','clients/CLIENT_002/USD',1,1795807043257297,'muted','','inhibited by endpoint-failing wdcf-sandbox');
INSERT INTO "notes" VALUES(7,'VHFFWENGJJ','usdt-low','nami-spot/spot/USDT',2,1795807043452778,'acknowledged','ann','on it');
INSERT INTO "notes" VALUES(8,'DCQR4QY6TM','unread','clients/CLIENT_003/USD',1,1795807049917434,'ended','','last read 2026-11-27 19:17:29 UTC, 0s ago');
INSERT INTO "notes" VALUES(9,'0A5FZJKKF4','unread','clients/CLIENT_001/USD',1,1795807050583289,'ended','','last read 2026-11-27 19:17:30 UTC, 0s ago');
INSERT INTO "notes" VALUES(10,'0T55W8EMTZ','endpoint-failing','wdcf-sandbox',1,1795807051249946,'ended','','all 3 accounts are read again');
INSERT INTO "notes" VALUES(11,'JZH8F6CJWQ','unread','clients/CLIENT_002/USD',1,1795807051249946,'ended','','last read 2026-11-27 19:17:31 UTC, 0s ago');
INSERT INTO "notes" VALUES(12,'ZY4YRZF1XN','unread','nami-futures/futures/USDT',1,1795807067858613,'muted','','maintenance futures-move');
INSERT INTO "notes" VALUES(13,'ZY4YRZF1XN','unread','nami-futures/futures/USDT',1,1795807081449624,'ended','','last read 2026-11-27 19:18:01 UTC, 0s ago');
CREATE TABLE notifications (
	id INTEGER NOT NULL, 
	incident VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	channel VARCHAR NOT NULL, 
	url_id VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	status VARCHAR NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_attempt_at BIGINT NOT NULL, 
	settled_at BIGINT, 
	last_error VARCHAR NOT NULL, severity INTEGER DEFAULT '2' NOT NULL, group_key VARCHAR DEFAULT '' NOT NULL, instead_of VARCHAR DEFAULT '' NOT NULL, failing_since BIGINT, handed_over_at BIGINT, 
	PRIMARY KEY (id), 
	UNIQUE (incident, seq, channel, url_id)
);
INSERT INTO "notifications" VALUES(1,'VHFFWENGJJ',1,'webhook','5a0cb0d4',1795807022684808,'delivered',1,1795807023684808,1795807023716357,'',2,'rule=usdt-low','',NULL,NULL);
INSERT INTO "notifications" VALUES(2,'VHFFWENGJJ',1,'dead','f5deb309',1795807022684808,'pending',6,1795807105705913,NULL,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))',2,'rule=usdt-low','',1795807023708477,NULL);
INSERT INTO "notifications" VALUES(3,'Q8RGWTVR8Q',1,'webhook','5a0cb0d4',1795807028582943,'delivered',1,1795807029582943,1795807029626129,'',1,'rule=client-drained','',NULL,NULL);
INSERT INTO "notifications" VALUES(4,'Q8RGWTVR8Q',1,'dead','f5deb309',1795807028582943,'pending',6,1795807114383925,NULL,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))',1,'rule=client-drained','',1795807029609847,NULL);
INSERT INTO "notifications" VALUES(5,'DAMCGR9DVP',1,'webhook','5a0cb0d4',1795807062829054,'delivered',1,1795807063829054,1795807063859113,'',1,'rule=unread','',NULL,NULL);
INSERT INTO "notifications" VALUES(6,'DAMCGR9DVP',1,'dead','f5deb309',1795807062829054,'pending',5,1795807104987244,NULL,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))',1,'rule=unread','',1795807063859205,NULL);
INSERT INTO "notifications" VALUES(7,'D3SSHWGCS3',1,'webhook','5a0cb0d4',1795807062829054,'delivered',1,1795807063829054,1795807063859113,'',1,'rule=unread','',NULL,NULL);
INSERT INTO "notifications" VALUES(8,'D3SSHWGCS3',1,'dead','f5deb309',1795807062829054,'pending',5,1795807104987244,NULL,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))',1,'rule=unread','',1795807063859205,NULL);
INSERT INTO "notifications" VALUES(9,'DAMCGR9DVP',2,'dead','f5deb309',1795807081463536,'pending',1,1795807104987244,NULL,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))',1,'rule=unread','',1795807085157856,NULL);
INSERT INTO "notifications" VALUES(10,'DAMCGR9DVP',2,'webhook','5a0cb0d4',1795807081463536,'delivered',1,1795807082463536,1795807082528151,'',1,'rule=unread','',NULL,NULL);
INSERT INTO "notifications" VALUES(11,'D3SSHWGCS3',2,'dead','f5deb309',1795807081463536,'pending',1,1795807104987244,NULL,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))',1,'rule=unread','',1795807085157856,NULL);
INSERT INTO "notifications" VALUES(12,'D3SSHWGCS3',2,'webhook','5a0cb0d4',1795807081463536,'delivered',1,1795807082463536,1795807082528151,'',1,'rule=unread','',NULL,NULL);
INSERT INTO "notifications" VALUES(13,'SUMMARY-20261127T191802',1,'webhook','5a0cb0d4',1795807082692420,'delivered',1,1795807082692420,1795807082857807,'',0,'SUMMARY-20261127T191802','',NULL,NULL);
INSERT INTO "notifications" VALUES(14,'SUMMARY-20261127T191802',1,'dead','f5deb309',1795807082692420,'pending',4,1795807104975538,NULL,'A Connection error occurred sending JSON notification to 127.0.0.1.; Socket Exception: HTTPConnectionPool(host=''127.0.0.1'', port=9): Max retries exceeded with url: / (Caused by NewConnectionError("HTTPConnection(host=''127.0.0.1'', port=9): Failed to establish a new connection: [Errno 111] Connection refused"))',0,'SUMMARY-20261127T191802','',1795807082860200,NULL);
CREATE TABLE pauses (
	host VARCHAR NOT NULL, 
	until BIGINT NOT NULL, 
	outcome VARCHAR NOT NULL, 
	detail VARCHAR NOT NULL, began_at BIGINT, 
	PRIMARY KEY (host)
);
INSERT INTO "pauses" VALUES('http://127.0.0.1:36593',1795807081433842,'rate_limited','HTTP 429',1795807058433938);
CREATE TABLE polls (
	account_id INTEGER NOT NULL, 
	started_at BIGINT NOT NULL, 
	finished_at BIGINT NOT NULL, 
	outcome VARCHAR NOT NULL, 
	detail VARCHAR NOT NULL, 
	attempts INTEGER NOT NULL, 
	PRIMARY KEY (account_id, started_at), 
	FOREIGN KEY(account_id) REFERENCES accounts (id)
)
 WITHOUT ROWID

;
INSERT INTO "polls" VALUES(1,1795807022423049,1795807022684808,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807024423180,1795807024430798,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807026423489,1795807026434289,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807028422913,1795807028430461,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807030423130,1795807030430130,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807032422947,1795807032434035,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807034423187,1795807034429523,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807036423152,1795807036427065,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807038423648,1795807038427527,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807040423284,1795807040435402,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807042423873,1795807042441000,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807044423068,1795807044429402,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807046422924,1795807046431404,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807048422865,1795807048430114,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807050422680,1795807050430379,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807052422984,1795807052428661,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807054423034,1795807054433266,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807056428076,1795807056436631,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807058422728,1795807058434422,'rate_limited','HTTP 429: Too Many Requests; host paused until 2026-11-27 19:18:01 UTC',1);
INSERT INTO "polls" VALUES(1,1795807060422991,1795807081463536,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807081485064,1795807081532578,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807082423346,1795807082456876,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807084424018,1795807084436534,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807086422827,1795807086435267,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807088423971,1795807088436661,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807090422966,1795807090431239,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807092422877,1795807092434975,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807094422957,1795807094430595,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807096424041,1795807096432714,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807098422888,1795807098443458,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807100423041,1795807100440710,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807170000000,1795807170000000,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807230000000,1795807230000000,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807290000000,1795807290000000,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807350000000,1795807350000000,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807410000000,1795807410000000,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807470000000,1795807470000000,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807530000000,1795807530000000,'ok','',1);
INSERT INTO "polls" VALUES(1,1795807590000000,1795807590000000,'ok','',1);
INSERT INTO "polls" VALUES(1,1795814310000000,1795814310000000,'ok','',1);
INSERT INTO "polls" VALUES(1,1795818390000000,1795818390000000,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807022670530,1795807022693021,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807024580012,1795807024587870,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807026581067,1795807026586662,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807028580594,1795807028582943,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807030580537,1795807030583025,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807032579734,1795807032585326,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807034579812,1795807034581913,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807036580855,1795807036588659,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807038580723,1795807038583917,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(2,1795807040582325,1795807040592559,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(2,1795807042580208,1795807042589242,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(2,1795807044580086,1795807044583928,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(2,1795807046579838,1795807046584050,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(2,1795807048580481,1795807048583070,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(2,1795807050580426,1795807050583289,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807052580181,1795807052582457,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807054581441,1795807054583943,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807056580524,1795807056582869,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807058584141,1795807058586239,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807060579823,1795807060582800,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807062580296,1795807062584806,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807064579717,1795807064581941,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807066580848,1795807066585449,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807068580494,1795807068582824,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807070580573,1795807070583027,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807072579993,1795807072582500,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807074580068,1795807074582494,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807076584078,1795807076586468,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807078580602,1795807078583035,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807080584217,1795807080588109,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807082579765,1795807082584562,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807084584075,1795807084586328,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807086584083,1795807086586395,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807088579784,1795807088585942,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807090580480,1795807090591972,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807092580341,1795807092583382,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807094584282,1795807094589303,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807096579824,1795807096582478,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807098580861,1795807098584656,'ok','',1);
INSERT INTO "polls" VALUES(2,1795807100579891,1795807100585717,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807023040973,1795807023049043,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807023658971,1795807023666502,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807025658816,1795807025666090,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807027663997,1795807027682173,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807029658971,1795807029666198,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807031658427,1795807031662426,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807033659321,1795807033665272,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807035659093,1795807035680716,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807037659206,1795807037666565,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807039658919,1795807039670827,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807041659049,1795807041672962,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807043659427,1795807043674093,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807045659119,1795807045667325,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807047658579,1795807047663391,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807049658844,1795807049669241,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807051658814,1795807051666023,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807053659132,1795807053662771,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807055658881,1795807055665533,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807057659046,1795807057670242,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807059658962,1795807081449624,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807081484298,1795807081508595,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807081658842,1795807081678003,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807083659143,1795807083678405,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807085658735,1795807085676702,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807087659357,1795807087681774,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807089658755,1795807089673735,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807091658922,1795807091669763,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807093658991,1795807093677439,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807095659088,1795807095676660,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807097658443,1795807097666383,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807099659110,1795807099666470,'ok','',1);
INSERT INTO "polls" VALUES(3,1795807101659362,1795807101680950,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807023246515,1795807023251053,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807025246886,1795807025252713,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807027246461,1795807027252153,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807029246989,1795807029252670,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807031247090,1795807031249533,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807033247063,1795807033253293,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807035247215,1795807035260868,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807037247222,1795807037250936,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807039247527,1795807039259828,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(4,1795807041247768,1795807041251924,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(4,1795807043247253,1795807043257297,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(4,1795807045247157,1795807045253832,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(4,1795807047247460,1795807047255132,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(4,1795807049247118,1795807049252026,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(4,1795807051247350,1795807051249946,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807053246771,1795807053249222,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807055248254,1795807055250708,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807057252086,1795807057254553,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807059247185,1795807059256565,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807061247320,1795807061250631,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807063247064,1795807063249447,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807065247558,1795807065249883,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807067247481,1795807067253964,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807069247364,1795807069253968,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807071247135,1795807071249678,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807073247044,1795807073253459,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807075248078,1795807075250526,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807077252077,1795807077254581,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807079246972,1795807079249449,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807081247549,1795807081258099,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807083247055,1795807083258255,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807085247009,1795807085253326,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807087246423,1795807087249778,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807089247038,1795807089253564,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807091247420,1795807091253950,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807093248113,1795807093256123,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807095247446,1795807095253486,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807097247239,1795807097249770,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807099247402,1795807099250904,'ok','',1);
INSERT INTO "polls" VALUES(4,1795807101247346,1795807101250461,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807023913351,1795807023920917,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807025914569,1795807025916927,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807027913927,1795807027921291,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807029913888,1795807029916034,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807031913109,1795807031915476,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807033913598,1795807033924168,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807035914113,1795807035928917,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807037913911,1795807037920561,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(5,1795807039913923,1795807039921284,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(5,1795807041914092,1795807041925247,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(5,1795807043914031,1795807043918405,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(5,1795807045914351,1795807045922661,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(5,1795807047913544,1795807047924117,'connect','connection reset by peer',1);
INSERT INTO "polls" VALUES(5,1795807049914213,1795807049917434,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807051913749,1795807051916102,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807053913699,1795807053916141,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807055913307,1795807055915885,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807057916132,1795807057918549,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807059913968,1795807059916390,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807061913471,1795807061920859,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807063913325,1795807063915591,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807065913134,1795807065915676,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807067913437,1795807067920605,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807069913355,1795807069920058,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807071913215,1795807071920611,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807073916103,1795807073918676,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807075913356,1795807075915930,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807077913272,1795807077916529,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807079913848,1795807079921214,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807081913200,1795807081924651,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807083916072,1795807083928531,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807085913549,1795807085915837,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807087916339,1795807087926047,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807089916232,1795807089921842,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807091914871,1795807091925462,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807093915422,1795807093924416,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807095913748,1795807095921295,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807097913111,1795807097920377,'ok','',1);
INSERT INTO "polls" VALUES(5,1795807099913936,1795807099917867,'ok','',1);
CREATE TABLE provisional (
	series_id INTEGER NOT NULL, 
	observed_at BIGINT NOT NULL, 
	PRIMARY KEY (series_id, observed_at), 
	FOREIGN KEY(series_id) REFERENCES series (id)
)
 WITHOUT ROWID

;
INSERT INTO "provisional" VALUES(1,1795807589999999);
INSERT INTO "provisional" VALUES(1,1795807590000000);
INSERT INTO "provisional" VALUES(2,1795807589999999);
INSERT INTO "provisional" VALUES(2,1795807590000000);
CREATE TABLE series (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	currency VARCHAR NOT NULL, 
	added_at BIGINT NOT NULL, 
	observed_at BIGINT, 
	total VARCHAR, 
	available VARCHAR, 
	locked VARCHAR, 
	updated_at BIGINT, 
	missing INTEGER NOT NULL, 
	missing_since BIGINT, 
	missing_detail VARCHAR NOT NULL, ahead_until BIGINT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(account_id) REFERENCES accounts (id), 
	UNIQUE (account_id, currency)
);
INSERT INTO "series" VALUES(1,1,'VNDC',1795807022684808,1795807590000000,'99.90','99.90',NULL,NULL,0,NULL,'',1795818390000000);
INSERT INTO "series" VALUES(2,1,'USDT',1795807022684808,1795807590000000,'99.90','99.90',NULL,NULL,0,NULL,'',1795818390000000);
INSERT INTO "series" VALUES(3,2,'USD',1795807022693021,1795807100585717,'300.25','300.25',NULL,1795807027820000,0,NULL,'',NULL);
INSERT INTO "series" VALUES(4,3,'USDT',1795807023049043,1795807101680950,'1009.8500524310101','1009.8500524310101','0',NULL,0,NULL,'',NULL);
INSERT INTO "series" VALUES(5,4,'USD',1795807023251053,1795807101250461,'804.49','804.49',NULL,1795807100820000,0,NULL,'',NULL);
INSERT INTO "series" VALUES(6,5,'USD',1795807023920917,1795807099917867,'0','0',NULL,NULL,0,NULL,'',NULL);
CREATE TABLE set_aside (
	series_id INTEGER NOT NULL, 
	observed_at BIGINT NOT NULL, 
	moved_at BIGINT NOT NULL, 
	total VARCHAR NOT NULL, 
	available VARCHAR NOT NULL, 
	locked VARCHAR, 
	updated_at BIGINT, 
	returns BOOLEAN NOT NULL, 
	PRIMARY KEY (series_id, observed_at, moved_at), 
	FOREIGN KEY(series_id) REFERENCES series (id)
)
 WITHOUT ROWID

;
INSERT INTO "set_aside" VALUES(1,1795814310000000,1795807230000000,'77.70','77.70',NULL,NULL,0);
INSERT INTO "set_aside" VALUES(2,1795814310000000,1795807230000000,'77.70','77.70',NULL,NULL,0);
CREATE TABLE silences (
	id INTEGER NOT NULL, 
	"match" JSON NOT NULL, 
	starts_at BIGINT NOT NULL, 
	ends_at BIGINT NOT NULL, 
	"by" VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	expired_by VARCHAR NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "silences" VALUES(1,'{"job": ["clients"]}',1795807034194223,1795979834194223,'ann','a move',1795807034194223,'');
INSERT INTO "silences" VALUES(2,'{"rule": ["unread"]}',1795807035579435,1795807039512258,'bob','a mistake',1795807035579435,'bob');
CREATE TABLE snapshots (
	series_id INTEGER NOT NULL, 
	observed_at BIGINT NOT NULL, 
	total VARCHAR NOT NULL, 
	available VARCHAR NOT NULL, 
	locked VARCHAR, 
	updated_at BIGINT, 
	PRIMARY KEY (series_id, observed_at), 
	FOREIGN KEY(series_id) REFERENCES series (id)
)
 WITHOUT ROWID

;
INSERT INTO "snapshots" VALUES(1,1795807022684808,'25855504.393333325','25855504.393333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807024430798,'25692520.143333325','25692520.143333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807026434289,'25790661.923333325','25790661.923333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807028430461,'25608670.393333325','25608670.393333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807030430130,'25552422.733333325','25552422.733333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807032434035,'25617591.163333325','25617591.163333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807034429523,'25741169.053333325','25741169.053333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807036427065,'25669092.673333325','25669092.673333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807038427527,'25430973.023333325','25430973.023333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807040435402,'25343706.923333325','25343706.923333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807042441000,'25515924.993333325','25515924.993333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807044429402,'25653917.753333325','25653917.753333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807046431404,'25806526.603333325','25806526.603333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807048430114,'25886986.293333325','25886986.293333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807050430379,'25666095.963333325','25666095.963333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807052428661,'25627753.863333325','25627753.863333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807054433266,'25511012.103333325','25511012.103333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807056436631,'25549577.613333325','25549577.613333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807081463536,'26446150.273333325','26446150.273333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807081532578,'26446150.273333325','26446150.273333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807082456876,'26536104.103333325','26536104.103333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807084436534,'26469914.273333325','26469914.273333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807086435267,'26626627.623333325','26626627.623333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807088436661,'26544113.503333325','26544113.503333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807090431239,'26538546.413333325','26538546.413333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807092434975,'26477085.283333325','26477085.283333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807094430595,'26479231.823333325','26479231.823333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807096432714,'26265359.813333325','26265359.813333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807098443458,'26248550.373333325','26248550.373333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807100440710,'26336753.693333325','26336753.693333325','0',NULL);
INSERT INTO "snapshots" VALUES(1,1795807169999999,'77.70','77.70',NULL,NULL);
INSERT INTO "snapshots" VALUES(1,1795807170000000,'88.80','88.80',NULL,NULL);
INSERT INTO "snapshots" VALUES(1,1795807230000000,'99.90','99.90',NULL,NULL);
INSERT INTO "snapshots" VALUES(1,1795807290000000,'99.90','99.90',NULL,NULL);
INSERT INTO "snapshots" VALUES(1,1795807350000000,'99.90','99.90',NULL,NULL);
INSERT INTO "snapshots" VALUES(1,1795807410000000,'99.90','99.90',NULL,NULL);
INSERT INTO "snapshots" VALUES(1,1795807470000000,'99.90','99.90',NULL,NULL);
INSERT INTO "snapshots" VALUES(1,1795807530000000,'99.90','99.90',NULL,NULL);
INSERT INTO "snapshots" VALUES(1,1795807589999999,'55.50','55.50',NULL,NULL);
INSERT INTO "snapshots" VALUES(1,1795807590000000,'99.90','99.90',NULL,NULL);
INSERT INTO "snapshots" VALUES(1,1795818390000000,'55.50','55.50',NULL,NULL);
INSERT INTO "snapshots" VALUES(2,1795807022684808,'1016.67','916.42','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807024430798,'775.00','674.75','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807026434289,'533.33','433.08','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807028430461,'291.67','191.42','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807030430130,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807032434035,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807034429523,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807036427065,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807038427527,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807040435402,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807042441000,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807044429402,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807046431404,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807048430114,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807050430379,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807052428661,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807054433266,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807056436631,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807081463536,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807081532578,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807082456876,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807084436534,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807086435267,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807088436661,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807090431239,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807092434975,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807094430595,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807096432714,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807098443458,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807100440710,'50','-50.25','100.25',NULL);
INSERT INTO "snapshots" VALUES(2,1795807169999999,'77.70','77.70',NULL,NULL);
INSERT INTO "snapshots" VALUES(2,1795807170000000,'88.80','88.80',NULL,NULL);
INSERT INTO "snapshots" VALUES(2,1795807230000000,'99.90','99.90',NULL,NULL);
INSERT INTO "snapshots" VALUES(2,1795807290000000,'99.90','99.90',NULL,NULL);
INSERT INTO "snapshots" VALUES(2,1795807350000000,'99.90','99.90',NULL,NULL);
INSERT INTO "snapshots" VALUES(2,1795807410000000,'99.90','99.90',NULL,NULL);
INSERT INTO "snapshots" VALUES(2,1795807470000000,'99.90','99.90',NULL,NULL);
INSERT INTO "snapshots" VALUES(2,1795807530000000,'99.90','99.90',NULL,NULL);
INSERT INTO "snapshots" VALUES(2,1795807589999999,'55.50','55.50',NULL,NULL);
INSERT INTO "snapshots" VALUES(2,1795807590000000,'99.90','99.90',NULL,NULL);
INSERT INTO "snapshots" VALUES(2,1795818390000000,'55.50','55.50',NULL,NULL);
INSERT INTO "snapshots" VALUES(3,1795807022693021,'500','500',NULL,1795807017820000);
INSERT INTO "snapshots" VALUES(3,1795807024587870,'500','500',NULL,1795807017820000);
INSERT INTO "snapshots" VALUES(3,1795807026586662,'500','500',NULL,1795807017820000);
INSERT INTO "snapshots" VALUES(3,1795807028582943,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807030583025,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807032585326,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807034581913,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807036588659,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807050583289,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807052582457,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807054583943,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807056582869,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807058586239,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807060582800,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807062584806,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807064581941,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807066585449,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807068582824,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807070583027,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807072582500,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807074582494,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807076586468,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807078583035,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807080588109,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807082584562,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807084586328,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807086586395,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807088585942,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807090591972,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807092583382,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807094589303,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807096582478,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807098584656,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(3,1795807100585717,'300.25','300.25',NULL,1795807027820000);
INSERT INTO "snapshots" VALUES(4,1795807023049043,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807023666502,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807025666090,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807027682173,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807029666198,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807031662426,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807033665272,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807035680716,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807037666565,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807039670827,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807041672962,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807043674093,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807045667325,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807047663391,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807049669241,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807051666023,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807053662771,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807055665533,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807057670242,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807081449624,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807081508595,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807081678003,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807083678405,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807085676702,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807087681774,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807089673735,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807091669763,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807093677439,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807095676660,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807097666383,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807099666470,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(4,1795807101680950,'1009.8500524310101','1009.8500524310101','0',NULL);
INSERT INTO "snapshots" VALUES(5,1795807023251053,'817.94','817.94',NULL,1795807022820000);
INSERT INTO "snapshots" VALUES(5,1795807025252713,'818.58','818.58',NULL,1795807024820000);
INSERT INTO "snapshots" VALUES(5,1795807027252153,'816.70','816.70',NULL,1795807026820000);
INSERT INTO "snapshots" VALUES(5,1795807029252670,'815.78','815.78',NULL,1795807028820000);
INSERT INTO "snapshots" VALUES(5,1795807031249533,'815.89','815.89',NULL,1795807030820000);
INSERT INTO "snapshots" VALUES(5,1795807033253293,'815.48','815.48',NULL,1795807032820000);
INSERT INTO "snapshots" VALUES(5,1795807035260868,'816.12','816.12',NULL,1795807034820000);
INSERT INTO "snapshots" VALUES(5,1795807037250936,'814.46','814.46',NULL,1795807036820000);
INSERT INTO "snapshots" VALUES(5,1795807051249946,'817.43','817.43',NULL,1795807050820000);
INSERT INTO "snapshots" VALUES(5,1795807053249222,'817.97','817.97',NULL,1795807052820000);
INSERT INTO "snapshots" VALUES(5,1795807055250708,'814.44','814.44',NULL,1795807054820000);
INSERT INTO "snapshots" VALUES(5,1795807057254553,'814.68','814.68',NULL,1795807056820000);
INSERT INTO "snapshots" VALUES(5,1795807059256565,'815.33','815.33',NULL,1795807058820000);
INSERT INTO "snapshots" VALUES(5,1795807061250631,'814.29','814.29',NULL,1795807060820000);
INSERT INTO "snapshots" VALUES(5,1795807063249447,'809.45','809.45',NULL,1795807062820000);
INSERT INTO "snapshots" VALUES(5,1795807065249883,'806.09','806.09',NULL,1795807064820000);
INSERT INTO "snapshots" VALUES(5,1795807067253964,'805.76','805.76',NULL,1795807066820000);
INSERT INTO "snapshots" VALUES(5,1795807069253968,'802.28','802.28',NULL,1795807068820000);
INSERT INTO "snapshots" VALUES(5,1795807071249678,'802.20','802.20',NULL,1795807070820000);
INSERT INTO "snapshots" VALUES(5,1795807073253459,'802.53','802.53',NULL,1795807072820000);
INSERT INTO "snapshots" VALUES(5,1795807075250526,'800.56','800.56',NULL,1795807074820000);
INSERT INTO "snapshots" VALUES(5,1795807077254581,'803.78','803.78',NULL,1795807076820000);
INSERT INTO "snapshots" VALUES(5,1795807079249449,'800.19','800.19',NULL,1795807078820000);
INSERT INTO "snapshots" VALUES(5,1795807081258099,'795.50','795.50',NULL,1795807080820000);
INSERT INTO "snapshots" VALUES(5,1795807083258255,'800.32','800.32',NULL,1795807082820000);
INSERT INTO "snapshots" VALUES(5,1795807085253326,'797.08','797.08',NULL,1795807084820000);
INSERT INTO "snapshots" VALUES(5,1795807087249778,'799.05','799.05',NULL,1795807086820000);
INSERT INTO "snapshots" VALUES(5,1795807089253564,'801.41','801.41',NULL,1795807088820000);
INSERT INTO "snapshots" VALUES(5,1795807091253950,'802.45','802.45',NULL,1795807090820000);
INSERT INTO "snapshots" VALUES(5,1795807093256123,'798.09','798.09',NULL,1795807092820000);
INSERT INTO "snapshots" VALUES(5,1795807095253486,'797.83','797.83',NULL,1795807094820000);
INSERT INTO "snapshots" VALUES(5,1795807097249770,'797.37','797.37',NULL,1795807096820000);
INSERT INTO "snapshots" VALUES(5,1795807099250904,'802.01','802.01',NULL,1795807098820000);
INSERT INTO "snapshots" VALUES(5,1795807101250461,'804.49','804.49',NULL,1795807100820000);
INSERT INTO "snapshots" VALUES(6,1795807023920917,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807025916927,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807027921291,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807029916034,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807031915476,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807033924168,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807035928917,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807049917434,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807051916102,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807053916141,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807055915885,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807057918549,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807059916390,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807061920859,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807063915591,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807065915676,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807067920605,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807069920058,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807071920611,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807073918676,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807075915930,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807077916529,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807079921214,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807081924651,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807083928531,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807085915837,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807087926047,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807089921842,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807091925462,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807093924416,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807095921295,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807097920377,'0','0',NULL,NULL);
INSERT INTO "snapshots" VALUES(6,1795807099917867,'0','0',NULL,NULL);
CREATE INDEX ix_events_at ON events (at);
CREATE INDEX ix_notifications_pending ON notifications (channel, url_id, incident, seq) WHERE status = 'pending';
CREATE INDEX ix_alerts_subject ON alerts (subject);
CREATE INDEX ix_notes_incident ON notes (incident);
CREATE INDEX ix_notes_at ON notes (at);
CREATE INDEX ix_set_aside_returns ON set_aside (series_id, observed_at) WHERE returns = 1;
COMMIT;
