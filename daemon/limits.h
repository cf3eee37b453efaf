/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything that a peer, a certificate or a file can make the daemon hold or do, each with its
 * reason. Each has a test at the bound and one past it.
 */
#pragma once

/* -- Messages ---------------------------------------------------------------------------- */

/* One message. The largest lawful one is a Verify with CHAIN_BYTES_MAX of DER, which base64 makes a
 * third larger, and a staple. */
#define MESSAGE_BYTES_MAX (512U * 1024U)

/* Between the first byte of a message and its NUL. A client writes it in one go; ten seconds is a
 * machine that swaps, a byte a second is an attack. */
#define MESSAGE_FINISH_SEC 10U

/* Calls of one connection that wait for an answer. Varlink answers in order, so more than a few
 * only queue; past the bound the connection is not read from. */
#define CALLS_IN_FLIGHT_MAX 16U

/* Replies that a connection may leave unread. One full list page is about 100 KiB. */
#define REPLY_BACKLOG_BYTES_MAX (1024U * 1024U)

/* What all connections of one uid, and its calls over the bus, make the daemon hold: half of it calls that
 * wait or are at work (their bytes, what parsing makes of them, what the judge is sent), half answers that
 * were not read. That is 128 KiB of each for each of CONNECTIONS_PER_UID_MAX, ten times what a mail program's
 * question and its answer take, or the six longest questions that there may be at once. One call and one
 * answer of each connection may come on top. Beside it one owner has its part of the cache, its prompts
 * and one import. */
#define HELD_BYTES_PER_UID_MAX (16U * 1024U * 1024U)

/* If no room comes for so long, the connection that holds the most is closed: judging the longest chain
 * takes JUDGE_CPU_SEC, so that then something waits for what does not come. */
#define HELD_PATIENCE_SEC 10U

/* A turn of one connection ends with the call during which so much time has passed: about what one question costs, so
 * that whoever asks one waits no longer for another uid's turn than for its own answer, and less than the longest call. */
#define TURN_USEC 25U

/* A uid that has had less of the loop's time than the others comes first, until it has made up so much: it is
 * some hundred questions, and nobody else waits longer for them. */
#define TURNS_AHEAD_USEC 10000U

/* A turn that is longer is one that others notice: a message of hundreds of KiB takes half a millisecond to be read,
 * real ones have ten. A uid may cause so much of them at once, some forty, and then one part of so many of the
 * time while others ask, so that of a hundred questions of theirs less than one meets one. */
#define LONG_TURN_USEC       250U
#define LONG_TURN_BURST_USEC 20000U
#define LONG_TURN_PACE       200U

/* A turn behind which others of the same uid wait on other connections is of a heap. Of them some hundreds are
 * free, more than programs that come up with a session ask for, and then one part of so many of the time. */
#define HEAPED_TURNS_BURST_USEC 20000U
#define HEAPED_TURNS_PACE       32U

/* Nobody rests longer at one go, whatever they did: one who asks in earnest hardly notices, and no program's
 * time-out is so short. What was done while nobody else was there is not counted at all. */
#define REST_USEC_MAX 250000U

/* Uids that have left before time had paid for what they did, at most some five seconds of it: that many are
 * remembered, so that to come again is no way to begin anew. */
#define DEBTORS_MAX 64U

/* Somebody is there beside a uid so long after the last turn of another one. */
#define TURNS_CROWD_USEC 1000000U

/* -- Connections ------------------------------------------------------------------------- */

/* Of one uid. A desktop has perhaps a dozen mail programs and helpers, each with one or two. */
#define CONNECTIONS_PER_UID_MAX 64U

/* That wait to be taken, whoever they are of: the kernel keeps one queue for all, and the last one of it waits until
 * the others are taken. Taking one costs some ten microseconds; who finds it full waits in connect(). */
#define ACCEPT_QUEUE_MAX 32U

/* Of all uids; below the usual 1024 descriptors with room for the store and the judges. */
#define CONNECTIONS_MAX 768U

/* Of these, kept for root, who may have to look after what the others do. */
#define CONNECTIONS_FOR_ROOT 8U

/* Connections of one uid that stream Monitor events. */
#define MONITORS_PER_UID_MAX 8U

/* -- The user database ------------------------------------------------------------------- */

/* Questions that wait for it, of all uids: each is one of those that wait for an answer. More are only there
 * when it hangs, and are then answered without. */
#define NAMER_QUEUE_MAX 256U

/* How long one waits for a name. A directory on the network answers within some tens of milliseconds. */
#define NAMER_WAIT_USEC (1000U * 1000U)

/* -- The bus ----------------------------------------------------------------------------- */

/* Senders on the bus that are known at once, of all uids; the one that has been quiet for longest makes room.
 * Each takes a match rule, of which a bus permits 512 to a connection. */
#define BUS_PEERS_MAX 384U

/* Calls of one uid's senders that wait for an answer; of each sender CALLS_IN_FLIGHT_MAX. */
#define BUS_CALLS_PER_UID_MAX 128U

/* The arguments of one call. A bus passes on up to 128 MiB, which would be held while the call waits; what
 * MESSAGE_BYTES_MAX is read from has no more than so much beside it. */
#define BUS_MESSAGE_BYTES_MAX (MESSAGE_BYTES_MAX + 8U * VARLINK_VALUES_MAX)

/* An administrator whom polkit asks may take so long. */
#define POLKIT_WAIT_USEC UINT64_C(300000000)

/* Tries to reach a bus that is away, each twice as long after the one before, from a tenth of a second to
 * a minute: about eight minutes. After that only a reload tries again. */
#define BUS_TRIES_MAX 16U

/* -- Prompts ----------------------------------------------------------------------------- */

/* Programs of one uid that can ask the person: a few log-in sessions with a terminal's and a desktop's. */
#define AGENTS_PER_UID_MAX 8U

/* Prompts of one owner, and of all, that wait for an answer. A person who is asked more than this has
 * stopped reading; each keeps a chain. */
#define PROMPTS_PER_OWNER_MAX 16U
#define PROMPTS_MAX 128U

/* Calls of Ask that wait for one owner's prompts; over the bus they do not cost a connection each. */
#define PROMPT_ASKERS_PER_OWNER_MAX 1024U

/* Ask waits so long at most, and so long if it does not say: to read, to look up a fingerprint. */
#define ASK_SEC_MAX 600
#define ASK_SEC_USUAL 120

/* "Not now" holds so long: programs try again within a minute, people come back later. */
#define PROMPT_DISMISSED_SEC 300U

/* So many of these are remembered, of one owner and of all; the oldest makes room. */
#define DISMISSALS_PER_OWNER_MAX 64U
#define DISMISSALS_MAX 1024U

/* -- Certificates ------------------------------------------------------------------------ */

/* One certificate. Real ones are 1 to 4 KiB; with hundreds of names, 20. GnuTLS itself refuses a
 * handshake message above 128 KiB. */
#define CERTIFICATE_BYTES_MAX (64U * 1024U)

/* All certificates of a chain together, for the same reason. */
#define CHAIN_BYTES_MAX (256U * 1024U)

/* Certificates in a chain. Real ones are 2 to 5; path building looks at each pair. */
#define CHAIN_CERTIFICATES_MAX 64U

/* A stapled OCSP answer with its signer's certificates; real ones are 0.5 to 3 KiB. */
#define STAPLE_BYTES_MAX (32U * 1024U)

/* Names of a certificate that are told in an answer; all are checked. */
#define FACTS_NAMES_MAX 64U

/* A name, a distinguished name or a value in an answer; longer ones are cut, and say so. */
#define FACTS_TEXT_BYTES_MAX 1024U

/* Findings of one chain: each problem at each certificate at most once, cut beyond this. */
#define FACTS_FINDINGS_MAX 128U

/* Extensions in one certificate; each is compared with each. Real ones have about ten. */
#define EXTENSIONS_MAX 128U

/* Attributes side by side in one part of a distinguished name; real ones have one, rarely two. */
#define NAME_PARTS_MAX 64U

/* Policies of a path that are followed at once; real certificates name up to ten. */
#define POLICIES_MAX 128U

/* RSA keys that signatures are checked with. Real ones have 2048 to 4096 bits and an exponent of
 * 65537; one made to keep us busy takes seconds for one signature. */
#define RSA_BITS_MAX           16384U
#define RSA_EXPONENT_BYTES_MAX 8U

/* A request for such an answer: two digests and a serial number, about 80 bytes. */
#define OCSP_REQUEST_BYTES_MAX 128U

/* Certificates in a stapled answer that are looked at for its signer; real ones bring one or two. */
#define STAPLE_SIGNERS_MAX 4U

/* -- Paths ------------------------------------------------------------------------------- */

/* Certificates in one path, the authority included. Real ones have 3 or 4. */
#define PATH_LENGTH_MAX 24U

/* Paths of one chain that are judged, and certificates that are tried as the next one of a path.
 * Cross-signed real chains have under ten paths; only certificates made to tire us have more. */
#define PATHS_MAX 128U
#define PATH_STEPS_MAX 4096U

/* Signatures checked for one chain. The dearest that is checked at all (RSA of 16384 bits) costs
 * about 5 ms, so that this stays well within JUDGE_CPU_SEC. */
#define PATH_SIGNATURES_MAX 128U

/* Authorities (or blocked certificates) of one name that are tried. Debian's store has two at most. */
#define AUTHORITIES_PER_NAME_MAX 64U

/* Comparisons of a name with a name constraint for one path, about 10 ns each. Real chains need some
 * hundreds; two lists of thousands each would need millions. */
#define CONSTRAINT_COMPARISONS_MAX 250000U

/* -- Judges ------------------------------------------------------------------------------ */

/* Workers alive at once. Each is one owner's; the least recently used idle one makes room. */
#define JUDGES_MAX 32U

/* Chains of one owner that wait for its judge. */
#define JUDGE_QUEUE_MAX 64U

/* Processor time for one chain. An ordinary chain takes 1 ms; limbo's worst under 100. */
#define JUDGE_CPU_SEC 2U

/* The same on the wall clock, for a machine under load. */
#define JUDGE_WALL_SEC 10U

/* Address space of a judge: libraries about 30 MiB, 150 authorities under 1. */
#define JUDGE_ADDRESS_SPACE_MAX (256UL * 1024UL * 1024UL)

/* A judge that has had a processor for so long without a pause rests while others ask as well, JUDGE_PACE times as
 * long as it works: they need the processor that it would keep busy, and the disk that what it finds would. At a
 * millisecond for a chain that nobody has shown before these are some 100 at once and 15 in each second after them;
 * only an attack, or a large import beside others' questions, wants more. */
#define JUDGE_BURST_USEC 100000U
#define JUDGE_PACE       64U

/* A judge without work goes away after this. */
#define JUDGE_IDLE_SEC 60U

/* All of a question to a judge: the chain, the staple, their lengths, the endpoint, and what the owner
 * and the administrator believe. */
#define QUESTION_BYTES_MAX                                                                         \
        (CHAIN_BYTES_MAX + STAPLE_BYTES_MAX + 4U * CHAIN_CERTIFICATES_MAX + 1024U +                \
         2U * (ENTRY_BYTES_PER_OWNER_MAX + ENTRIES_PER_OWNER_MAX * (ONLY_TEXT_MAX + 64U)))

/* All of a judge's answer. */
#define JUDGE_ANSWER_BYTES_MAX (512U * 1024U)

/* -- Authorities ------------------------------------------------------------------------- */

/* DER of all authorities together. Debian's 144 are 180 KiB. */
#define AUTHORITIES_BYTES_MAX (16U * 1024U * 1024U)
#define AUTHORITIES_MAX 4096U

/* Entries of one owner that count: authorities that were imported, and what is distrusted. A company
 * has one authority or two; they go along with every chain that is judged anew. */
#define ENTRIES_PER_OWNER_MAX 64U

/* DER of the imported authorities of one owner together. */
#define ENTRY_BYTES_PER_OWNER_MAX (256U * 1024U)

/* Removed entries of one owner that are remembered; older ones make room. */
#define DEAD_ENTRIES_PER_OWNER_MAX 64U

/* Names that an authority may be narrowed to, and all of them as one text. */
#define ONLY_NAMES_MAX 32U
#define ONLY_TEXT_MAX 1024U

/* What is kept of them for the next start: a block of the usual size with long lists. More is read anew. */
#define AUTHORITIES_KEPT_BYTES_MAX (32U * 1024U * 1024U)

/* Files whose times are looked at before what is kept is believed, about 2 us each. Debian has 300. */
#define TRUST_STAMPED_MAX 4096U

/* The worker that reads the system's authorities; 11 to 24 ms were measured. */
#define AUTHORITIES_LOAD_SEC 30U

/* -- Lists of revoked certificates -------------------------------------------------------- */

/* All lists together, and so one of them. The largest that are published have about 10 MiB; a judge
 * maps them in JUDGE_ADDRESS_SPACE_MAX. */
#define LISTS_BYTES_MAX (64U * 1024U * 1024U)

/* Lists of an administrator; a company has some, all that the authorities of a browser publish are
 * some thousand, which nobody imports by hand. */
#define LISTS_MAX 1024U

/* Bytes of lists that are looked through or digested for one chain, at about 300 MB/s: within
 * JUDGE_CPU_SEC, and enough for the largest lawful list and its signature. */
#define LISTS_WORK_BYTES_MAX (3ULL * LISTS_BYTES_MAX)

/* -- Rules ------------------------------------------------------------------------------- */

/* Files of one folder exceptions.d. Configuration management puts there one for each purpose. */
#define RULE_FILES_MAX 128U

/* All of them together, and so one: as much as certexc import takes. */
#define RULES_BYTES_MAX (16U * 1024U * 1024U)

/* Decisions in all of them. Their certificates are read by a judge, one after the other, before the daemon is
 * ready: 0.8 ms each were measured on a busy machine. */
#define RULES_MAX 4096U

/* Values of one file, of some 64 bytes each while it is parsed: RULES_MAX decisions have half as many. */
#define RULE_VALUES_MAX (1024U * 1024U)

/* One reading of all files; who starts the daemon waits for it. */
#define RULES_READ_SEC 30U

/* -- Store ------------------------------------------------------------------------------- */

/* Live decisions of one owner. A person has a handful, a helpdesk some dozens. */
#define DECISIONS_PER_OWNER_MAX 1000U

/* Live decisions of one owner at one endpoint: a load balancer's certificates. Each is looked at
 * for every verdict. */
#define DECISIONS_PER_ENDPOINT_MAX 32U

/* Certificate bytes that one owner's decisions may keep. */
#define STORED_BYTES_PER_OWNER_MAX (8U * 1024U * 1024U)

/* Rows of history kept for one owner, and ended or revoked decisions; older ones make room. */
#define HISTORY_PER_OWNER_MAX 10000U
#define DEAD_DECISIONS_PER_OWNER_MAX 2000U

/* So many decisions and entries an owner has had at the least before one of them made room for another: half as
 * many of the longest certificates as STORED_BYTES_PER_OWNER_MAX holds, or DEAD_ENTRIES_PER_OWNER_MAX. */
#define NEVER_DROPPED_MAX 64U

/* Endpoints whose accepted certificate is remembered for "what changed", per owner. */
#define SEEN_PER_OWNER_MAX 500U

/* Of all owners, that a rebuild takes over from a damaged database; they are held in memory meanwhile, about
 * 1 KiB each. They decide nothing: what is more is seen again. */
#define SEEN_SALVAGED_MAX 20000U

/* Hosts that are looked at for one issuer who vouches for many. Two that have nothing to do with
 * each other are evidence; more make it no better. */
#define ISSUER_HOSTS_MAX 64U

/* Writes of seen certificates that one owner may cause in a minute: a load balancer with two good
 * certificates would otherwise turn every verdict into a sync. */
#define SEEN_WRITES_PER_OWNER_MAX 20U
#define SEEN_WRITES_SEC 60

/* Changes that wait for the committing thread, of all owners and of one. */
#define COMMIT_QUEUE_MAX 1024U
#define COMMIT_QUEUE_PER_OWNER_MAX 64U

/* One line of the journal. The longest is a certificate's: CERTIFICATE_BYTES_MAX in base64, and what
 * it says of itself, which escaping can make four times longer. */
#define JOURNAL_LINE_BYTES_MAX (512U * 1024U)

/* Decisions and authorities that are all looked at when the store is opened, before the first answer: 16 ms
 * at 2 us each. Larger stores are looked at when the daemon is idle. */
#define STANDING_AT_OPEN_MAX 8000U

/* A journal is not compacted before it is this long. */
#define JOURNAL_COMPACT_BYTES_MIN (1024U * 1024U)

/* Pages of a damaged database, and of its log, that are looked at: 16 GiB at the usual size. A million
 * exceptions take about one. */
#define SALVAGE_PAGES_MAX (4U * 1024U * 1024U)

/* One row of it: a certificate with all that FACTS_NAMES_MAX and its kin allow. */
#define SALVAGE_ROW_BYTES_MAX (256U * 1024U)

/* Damaged files that are kept, of databases and of journals each. */
#define REBUILD_KEPT_MAX 5U

/* Rebuilds with a loss that are remembered, and how long each is told of: longer than a holiday. */
#define LOSSES_KEPT_MAX 8U
#define LOSS_TOLD_SEC   (INT64_C(30) * 24 * 60 * 60)

/* A store whose files somebody else has changed is proved before anything is answered from it, up to
 * this size of its files together; that takes about 0.1 s. A larger one is proved while it serves. */
#define PROVE_BYTES_MAX (UINT64_C(16) * 1024 * 1024)

/* A database that is gone is made from a journal up to this size while the daemon opens: a few seconds,
 * and nobody hears of it. From a larger one it is made while the daemon serves, as after any damage; the
 * service manager would not wait that long for us to be ready. */
#define RESTORE_BYTES_MAX (INT64_C(16) * 1024 * 1024)

/* A store that was opened is examined as a whole, once, on a thread of its own, when nobody has asked
 * for so long; or, where somebody always does, so long after it was opened. */
#define EXAMINE_IDLE_USEC UINT64_C(5000000)
#define EXAMINE_USEC_MAX  UINT64_C(600000000)

/* A question waits so long for a store that is being rebuilt; mail programs wait some seconds. */
#define REBUILD_WAIT_USEC UINT64_C(2000000)

/* Examinations of the store that wait while one is under way, of all uids; one uid has one at most. */
#define CHECKS_WAITING_MAX 16U

/* Space that should be free beside room for a second store: a rebuild makes one. */
#define CHECK_FREE_BYTES_MIN (UINT64_C(16) * 1024 * 1024)

/* Decisions of one import, live or not: what one owner may have, and as many that are held already. */
#define IMPORT_ENTRIES_MAX (2U * DECISIONS_PER_OWNER_MAX)

/* Authorities and distrusts of one import, likewise. */
#define IMPORT_AUTHORITIES_MAX       (2U * ENTRIES_PER_OWNER_MAX)
#define IMPORT_AUTHORITIES_BYTES_MAX (2U * ENTRY_BYTES_PER_OWNER_MAX) /* of DER: the reply tells each */

/* Imports that are being sent, of all uids, and as many that are judged and stored; one uid has one of each. Each is at most STORED_BYTES_PER_OWNER_MAX,
 * and one that nobody added to for so long makes room. */
#define IMPORTS_MAX     8U
#define IMPORT_IDLE_SEC 60

/* Rows in one page of a list. */
#define LIST_PAGE_MAX 100U

/* -- Cache ------------------------------------------------------------------------------- */

/* Judged chains remembered for one owner, and for all. A judged chain is about 8 KiB. */
#define CACHE_CHAINS_PER_OWNER_MAX 64U
#define CACHE_BYTES_PER_OWNER_MAX (1024U * 1024U)
#define CACHE_BYTES_MAX (4U * 1024U * 1024U)

/* An answer is never older than this, whatever its dates say. */
#define CACHE_SECONDS_MAX 3600
