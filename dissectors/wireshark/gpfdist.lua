-- Made by: gpinspect export lua. Change the grammar or the template, not this file.
-- gpfdist for Wireshark and tshark, 3.6 to 4.6: packages, requests and answers of Greenplum's file server on any port.
-- Put this file into the folder of personal Lua plugins (Help > About Wireshark > Folders). Licence: GPL-2.0-or-later.

local there, known = pcall(Dissector.get, "gpfdist")
if there and known then return end -- loaded twice: from the folder and with -X lua_script

local gp = Proto("gpfdist", "Greenplum gpfdist")
local inside_tls = Proto("gpfdists", "Greenplum gpfdist inside TLS")
local rest = Proto("gpfdist_rest", "Greenplum gpfdist, segments that TCP holds back")

local byte, sub, find, match, lower, format = string.byte, string.sub, string.find, string.match, string.lower, string.format
local min, max, floor, huge = math.min, math.max, math.floor, math.huge

-- From the grammar ---------------------------------------------------------------------------------------------------

local VERSION = "0.1.0"
local STATUS_PAGE = "/gpfdist/status"
local END_PACKAGE = "\068\000\000\000\000"
local ZSTD_MAGIC = "\040\181\047\253"
local LARGEST_NAME, LARGEST_LENGTH, LARGEST_BLOCK = 256, 2147483647, 268435456
local HEAD_LIMIT, LARGEST_HEAD = 4096, 65536
local DICTIONARY_BYTES, CONTENT_BYTES = {0, 1, 2, 4}, {0, 2, 4, 8}
local NEWLINES = {[0] = "not declared", [1] = "LF", [2] = "CR", [3] = "CR LF"}
local REQUEST_EXACT = {["Content-Length"] = true, ["Expect"] = true}

local HEADERS = { -- lower-case name: exact spelling, field, type
    ["x-gp-xid"] = {"X-GP-XID", "xid", "text"},
    ["x-gp-cid"] = {"X-GP-CID", "cid", "hex"},
    ["x-gp-sn"] = {"X-GP-SN", "sn", "hex"},
    ["x-gp-segment-id"] = {"X-GP-SEGMENT-ID", "segment_id", "decimal"},
    ["x-gp-segment-count"] = {"X-GP-SEGMENT-COUNT", "segment_count", "decimal"},
    ["x-gp-line-delim-str"] = {"X-GP-LINE-DELIM-STR", "line_delim_str", "hex bytes"},
    ["x-gp-line-delim-length"] = {"X-GP-LINE-DELIM-LENGTH", "line_delim_length", "decimal"},
    ["x-gp-proto"] = {"X-GP-PROTO", "proto", "number"},
    ["x-gp-seq"] = {"X-GP-SEQ", "seq", "decimal"},
    ["x-gp-done"] = {"X-GP-DONE", "done", "flag"},
    ["content-length"] = {"Content-Length", "content_length", "decimal"},
    ["content-type"] = {"Content-Type", "content_type", "constant"},
    ["expect"] = {"Expect", "expect", "constant"},
    ["x-gp-master_host"] = {"X-GP-MASTER_HOST", "master_host", "text"},
    ["x-gp-master_port"] = {"X-GP-MASTER_PORT", "master_port", "decimal"},
    ["x-gp-coordinator_host"] = {"X-GP-COORDINATOR_HOST", "coordinator_host", "text"},
    ["x-gp-coordinator_port"] = {"X-GP-COORDINATOR_PORT", "coordinator_port", "decimal"},
    ["x-gp-csvopt"] = {"X-GP-CSVOPT", "csvopt", "csvopt"},
    ["x-gp_seg_pg_conf"] = {"X-GP_SEG_PG_CONF", "seg_pg_conf", "text"},
    ["x-gp_seg_datadir"] = {"X-GP_SEG_DATADIR", "seg_datadir", "text"},
    ["x-gp_seg_logdir"] = {"X-GP_SEG_LOGDIR", "seg_logdir", "text"},
    ["x-gp-database"] = {"X-GP-DATABASE", "database", "text"},
    ["x-gp-user"] = {"X-GP-USER", "user", "text"},
    ["x-gp-seg-port"] = {"X-GP-SEG-PORT", "seg_port", "decimal"},
    ["x-gp-session-id"] = {"X-GP-SESSION-ID", "session_id", "decimal"},
    ["x-gp-transform"] = {"X-GP-TRANSFORM", "transform", "text"},
    ["x-gp-zstd"] = {"X-GP-ZSTD", "zstd", "decimal"},
    ["x-gpfdist-version"] = {"X-GPFDIST-VERSION", "version", "text"},
    ["expires"] = {"Expires", "expires", "constant"},
    ["cache-control"] = {"Cache-Control", "cache_control", "constant"},
    ["connection"] = {"Connection", "connection", "constant"},
}

local LETTERS = { -- byte of a message: its letter and what it holds
    [0x44] = {letter = "D", title = "rows"},
    [0x45] = {letter = "E", title = "error text"},
    [0x46] = {letter = "F", title = "file name"},
    [0x4c] = {letter = "L", title = "line"},
    [0x4f] = {letter = "O", title = "offset"},
}

local CODES = { -- finding: name, expert group, severity
    GPI020 = {"capture-loss", "SEQUENCE", "WARN"},
    GPI021 = {"network-loss", "SEQUENCE", "WARN"},
    GPI023 = {"reorder-limit", "SEQUENCE", "WARN"},
    GPI101 = {"framing-lost", "REASSEMBLE", "WARN"},
    GPI102 = {"framing-found", "REASSEMBLE", "NOTE"},
    GPI103 = {"unknown-message", "MALFORMED", "ERROR"},
    GPI105 = {"bad-number-length", "MALFORMED", "ERROR"},
    GPI106 = {"name-too-long", "MALFORMED", "ERROR"},
    GPI107 = {"bad-length", "MALFORMED", "ERROR"},
    GPI108 = {"zstd-damaged", "MALFORMED", "ERROR"},
    GPI109 = {"bytes-after-end", "PROTOCOL", "WARN"},
    GPI110 = {"head-too-large", "PROTOCOL", "WARN"},
    GPI111 = {"header-spelling", "PROTOCOL", "WARN"},
    GPI113 = {"header-value", "PROTOCOL", "WARN"},
    GPI114 = {"messages-without-proto", "PROTOCOL", "ERROR"},
    GPI115 = {"foreign-framing", "PROTOCOL", "WARN"},
    GPI201 = {"error-message", "RESPONSE_CODE", "ERROR"},
    GPI203 = {"refused", "RESPONSE_CODE", "ERROR"},
}

local STATUSES = { -- code, reason with % in the place of what changes, cause, advice
    {100, "^continue$", "The request asked with `Expect: 100-continue`; the body may come now.", "Nothing: the final answer follows."},
    {200, "^ok$", "Success; also the empty answer to a segment whose session is over, and to DONE.", "Nothing. On a GET with `Content-length: 0` the segment was late: normal when files are small."},
    {400, "^forbidden$", "Request line and headers are larger than 4096 bytes.", "Shorten what goes into headers: the path of the data directory, database and role names, the list of files."},
    {400, "^invalid request$", "The request line has not exactly three words, the version is not HTTP/1.x, or the method is neither GET nor POST.", "Correct the client, or the proxy in front of it. Write blanks in a path as %20."},
    {400, "^invalid request %(no gp%-proto%)$", "No X-GP-PROTO. Browsers and health checks are answered so, and segments whose headers a proxy removed or re-cased.", "Ignore probes. Else let the proxy keep X-GP-PROTO in exact case."},
    {400, "^invalid request %(invalid gp%-proto%)$", "X-GP-PROTO is neither 0 nor 1.", "Correct the client, or the proxy in front of it."},
    {400, "^invalid request %(missing x%-gp%-%* header%)$", "One or two of X-GP-XID, X-GP-CID and X-GP-SN are there; all or none must be.", "Correct the client, or the proxy in front of it."},
    {400, "^invalid eol encoding$", "X-GP-LINE-DELIM-STR has an odd number of digits or is no hex.", "Correct the client, or the proxy in front of it."},
    {400, "^invalid eol length$", "X-GP-LINE-DELIM-LENGTH does not say how many bytes X-GP-LINE-DELIM-STR has.", "Correct the client, or the proxy in front of it."},
    {400, "^invalid sequence number$", "X-GP-SEQ is 0, negative or no number.", "Correct the client, or the proxy in front of it."},
    {400, "^invalid request due to relative path$", "`..` stands in the path, even within a name.", "Name the file from the served directory (`-d`). From an unknown peer it is an attempt to leave it: block the peer."},
    {400, "^invalid request%, escape character backslash %'%\\%' is not allowed%.$", "A backslash stands in the decoded path (6 and later).", "Use `/` in paths."},
    {400, "^invalid request %(unable to set path%)$", "The path is empty, as in `GET /`; gppinggpfdist asks so.", "Name a file in LOCATION. Ignore it from liveness probes."},
    {400, "^path too long$", "Session name and full path have 1023 characters or more.", "Serve a directory nearer to the files, or use a pattern in place of a list."},
    {400, "^bad request%, csvopt doesn%'t match the format$", "X-GP-CSVOPT has not the fields of this server: a 4.3 client with a newer server.", "Use the gpfdist of the same major release as the cluster."},
    {400, "^can%'t write to and read from the same gpfdist server simultaneously$", "GET and POST with the same session name; only hand-made clients or `-g` come here.", "Write to another target than the one that is read."},
    {400, "^invalid request due to missing sequence number$", "A write without X-GP-SEQ after one that had it.", "Correct the client, or the proxy in front of it."},
    {400, "^invalid request due to wrong sequence number$", "X-GP-SEQ jumped or stepped back: a request was lost, replayed by a proxy, or the server was started again in between.", "Look for the lost request and for a restart of gpfdist; load the target anew."},
    {400, "^invalid request %(unsupported input %#transform%)$", "The transform is not in the `-c` file, or is no input transform.", "Add the transform with `TYPE: input` to the file that `-c` names."},
    {400, "^invalid request %(unsupported output %#transform%)$", "The transform is not in the `-c` file, or is no output transform.", "Add the transform with `TYPE: output` to the file that `-c` names."},
    {400, "^invalid request %(path does not match safe regex%)$", "The full path does not match `SAFE` of the transform.", "Correct the path, or `SAFE` in the file that `-c` names."},
    {403, "^reading a directory is forbidden%.$", "The path is a directory among files, or a directory within one.", "Use a pattern that matches files only."},
    {404, "^file not found$", "No such file, or a pattern without match.", "Check the path on the server's host, below the directory given with `-d`."},
    {404, "^file open failure .*%: .*$", "The operating system refused to open the file; it says why.", "Check rights and owner of the file; gpfdist opens it as the user who started it. One bad file fails a whole pattern."},
    {404, "^multiple reader to a pipe is forbidden%.$", "A second session reads a named pipe.", "Let one query at a time read a pipe, once. Releases of 5 and 6 before pull request 11442 of greenplum-db/gpdb can say it falsely: upgrade."},
    {404, "^no matching file%(s%) found$", "Only empty directories match.", "Check the path on the server's host."},
    {404, "^more than 1 file found for writing%. unsupported operation%.$", "A pattern as target of a write.", "Name one file in LOCATION of the writable table."},
    {408, "^time out$", "The head of the request did not come within `-t` seconds: overload, lost frames, a slow proxy, or a TLS client on a plain port.", "Raise `-t` (gpload: --gpfdist_timeout); use gpfdists:// only with `--ssl`. Writes are tried again, reads are not."},
    {415, "^unsupported file type$", "`.z`, `.zip`, a `.bz2` as target, or a codec that was not compiled in.", "Use .gz, or no compression."},
    {500, "^internal server error$", "A file could not be opened and nothing better is known.", "Read gpfdist's log."},
    {500, "^internal error$", "The connection broke while the body of a POST was read, or the server could not set up an event.", "Look for a reset on the connection; raise `gpfdist_retry_timeout`; releases before 6.25 (pull request 15722 of greenplum-db/gpdb) do not take the retry: upgrade."},
    {500, "^internal error %- out of memory$", "gpfdist got no memory.", "Lower `-m`; look at memory on the server's host."},
    {500, "^session error$", "An earlier request of the same session failed; every later one is answered so.", "Find the first failure of the session: that is the cause."},
    {500, "^no complete data row found for writing$", "A body, or `-m` bytes of it, without a row end.", "Raise `-m` above the longest row."},
    {500, "^cannot write into file$", "The disk is full, or the reader of the pipe left.", "Free space on the server's host; keep the reader running."},
    {500, "^subprocess%_open%: .*$", "The command of a transform could not be started.", "Run the COMMAND of the transform by hand as gpfdist's user."},
    {500, "^failed to get temporary directory for paths file$", "A transform with `CONTENT: paths` found no place for its list.", "Set TMPDIR to a directory that gpfdist may write."},
    {500, "^zstd decompression error%, error is .*$", "The body of a POST is no sound zstd frame. The session goes on, and the same X-GP-SEQ may be sent again.", "Check what compresses between segment and server; start gpfdist without `--compress` to compare."},
    {500, "^could not connect to pipe$", "Windows named pipe: nobody serves it.", "Start the program behind the pipe first."},
    {501, "^pipe is busy%, close the pipe and try again$", "Windows named pipe in use.", "Close the other reader."},
}

-- Fields -------------------------------------------------------------------------------------------------------------

local F = {}
F.request = ProtoField.none("gpfdist.request", "Request", "Head of a request")
F.answer = ProtoField.none("gpfdist.answer", "Answer", "Head of an answer")
F.head_cut = ProtoField.bool("gpfdist.head_cut", "Head not whole", 0, nil, 0, "The end of the head was not captured")
F.method = ProtoField.string("gpfdist.method", "Method", base.UNICODE, "GET or POST")
F.path = ProtoField.string("gpfdist.path", "Path", base.UNICODE, "As on the request line, escapes and all")
F.http_version = ProtoField.string("gpfdist.http_version", "HTTP version", base.UNICODE, nil)
F.status = ProtoField.uint16("gpfdist.status", "Status", base.DEC, nil, 0, "Code of the answer")
F.reason = ProtoField.string("gpfdist.reason", "Reason", base.UNICODE, "The rest of the status line")
F.cause = ProtoField.string("gpfdist.cause", "Cause", base.UNICODE, "What makes gpfdist answer so")
F.advice = ProtoField.string("gpfdist.advice", "What to do", base.UNICODE, nil)
F.header = ProtoField.string("gpfdist.header", "Header", base.UNICODE, "A header line; folds are joined")
F.answer_in = ProtoField.framenum("gpfdist.answer_in", "Answer in frame", base.NONE, frametype.RESPONSE, nil)
F.request_in = ProtoField.framenum("gpfdist.request_in", "Request in frame", base.NONE, frametype.REQUEST, nil)
F.time = ProtoField.relative_time("gpfdist.time", "Response time", "From the end of the request's head to that of the answer")
F.session = ProtoField.string("gpfdist.session", "Session", base.UNICODE, "XID.CID.SN.PROTO:path, the name under which gpfdist keeps a session")
F.stream = ProtoField.uint32("gpfdist.stream", "TCP stream", base.DEC, nil, 0, "Number of the connection, as tshark counts")
F.exchange = ProtoField.uint32("gpfdist.exchange", "Exchange", base.DEC, nil, 0, "Request and answer, counted from 1 in each connection")
F.gp_segment = ProtoField.int64("gpfdist.gp_segment", "Greenplum segment", base.DEC, nil, 0, "X-GP-SEGMENT-ID of the exchange, in each of its frames")
F.message = ProtoField.none("gpfdist.message", "Message", "Letter, length and content")
F.message_position = ProtoField.uint64("gpfdist.message.position", "Position", base.DEC, nil, 0, "Byte of the body at which the message begins")
F.package = ProtoField.none("gpfdist.package", "Package", "The messages up to a D or E")
F.package_index = ProtoField.uint32("gpfdist.package.index", "Package number", base.DEC, nil, 0, "Counted from 0 in each answer")
F.package_kind = ProtoField.string("gpfdist.package.kind", "Kind", base.UNICODE, "data, end or error")
F.package_position = ProtoField.uint64("gpfdist.package.position", "Position", base.DEC, nil, 0, "Byte of the body at which the package begins")
F.package_length = ProtoField.uint32("gpfdist.package.length", "Length", base.DEC, nil, 0, "Bytes of content as D or E says")
F.package_file = ProtoField.string("gpfdist.package.file", "File", base.UNICODE, "Name of the last F")
F.package_offset = ProtoField.uint64("gpfdist.package.offset", "Offset", base.DEC, nil, 0, "Of the first byte in the file")
F.package_line = ProtoField.uint64("gpfdist.package.line", "Line", base.DEC, nil, 0, "Number of the first row; 0 when the server did not count")
F.package_first = ProtoField.framenum("gpfdist.package.first", "Begins in frame", base.NONE, frametype.NONE, nil)
F.package_last = ProtoField.framenum("gpfdist.package.last", "Ends in frame", base.NONE, frametype.NONE, nil)
F.package_missing = ProtoField.uint64("gpfdist.package.missing", "Missing", base.DEC, nil, 0, "Bytes of content that the capture does not have")
F.package_assumed = ProtoField.bool("gpfdist.package.assumed", "Assumed", 0, nil, 0, "Found again after lost framing")
F.package_zstd = ProtoField.bool("gpfdist.package.zstd", "Compressed", 0, nil, 0, "The content is a zstd frame; the length is that of the rows in it")
F.package_complete = ProtoField.bool("gpfdist.package.complete", "Complete", 0, nil, 0, "Its last byte was met and none is missing; known when the whole capture was read")
F.content = ProtoField.none("gpfdist.content", "Content", "A piece of a body or of a message's content")
F.rows = ProtoField.bytes("gpfdist.rows", "Rows", base.NONE, "Bytes of payload in this frame")
F.rows_position = ProtoField.uint64("gpfdist.rows.position", "Position", base.DEC, nil, 0, "Byte of the body, or of the package's content, at which this piece begins")
F.rows_length = ProtoField.uint32("gpfdist.rows.length", "Bytes", base.DEC, nil, 0, "Bytes of this piece")
F.rows_package = ProtoField.uint32("gpfdist.rows.package", "Of package", base.DEC, nil, 0, "Number of the package that this piece belongs to")
F.lost = ProtoField.uint64("gpfdist.lost", "Lost bytes", base.DEC, nil, 0, "Bytes in front of this place that the capture does not have")
F.snapped = ProtoField.uint64("gpfdist.snapped", "Bytes cut off", base.DEC, nil, 0, "Bytes of this frame that the recorder did not keep")
F.code = ProtoField.string("gpfdist.code", "Finding", base.UNICODE, "Code of a finding; see `gpinspect explain CODE`")
F.message_type = ProtoField.string("gpfdist.message.type", "Type", base.UNICODE, "Kind of the message.")
F.message_length = ProtoField.uint32("gpfdist.message.length", "Length", base.DEC, nil, 0, "Bytes of content that follow. Big-endian and unsigned on the wire, but a segment reads it as signed: 2 GiB and more is refused. With zstd the length of D is that of the decompressed rows, and the compressed size is nowhere.")
F.message_name = ProtoField.string("gpfdist.message.name", "Name", base.UNICODE, "Absolute path of the source file on the server's host, without terminator, in the server's locale. Names of more than 255 bytes are cut by the server. With a transform that takes paths it names the temporary list of files.")
F.message_offset = ProtoField.uint64("gpfdist.message.offset", "Offset", base.DEC, nil, 0, "Where the first byte of the rows stands in the decompressed, transformed file. With a header row the first package of a file starts at the length of that row. The packages of all members of a session tile each file.")
F.message_wrong_size = ProtoField.bytes("gpfdist.message.wrong_size", "Wrong size", base.NONE, "Content that is not what its letter asks for; kept as bytes.")
F.message_line = ProtoField.uint64("gpfdist.message.line", "Line", base.DEC, nil, 0, "Number of the first row in the package, from 1; 0 means that the server did not count. Text: only the first package of a file has it. CSV counts records (4.3: physical lines).")
F.message_text = ProtoField.string("gpfdist.message.text", "Text", base.UNICODE, "Why the server stops, without terminator. What a transform wrote to its standard error is sent the same way, 8192 bytes at most.")
F.message_unknown = ProtoField.bytes("gpfdist.message.unknown", "Unknown", base.NONE, "Content that is not what its letter asks for; kept as bytes.")
F.xid = ProtoField.string("gpfdist.xid", "X-GP-XID", base.UNICODE, "Transaction. `<session>-<command count>` for a plain SELECT or INSERT, `<start time>-<distributed transaction>` inside an explicit transaction, the second number padded to ten digits.")
F.cid = ProtoField.string("gpfdist.cid", "X-GP-CID", base.UNICODE, "Command within the transaction or session, lower-case hexadecimal without prefix.")
F.sn = ProtoField.string("gpfdist.sn", "X-GP-SN", base.UNICODE, "Scan counter, hexadecimal, from 0. Counts external scans of a database session; tells the two sides of a self join apart.")
F.segment_id = ProtoField.int64("gpfdist.segment_id", "X-GP-SEGMENT-ID", base.DEC, nil, 0, "Content id of the Greenplum segment, from 0; -1 is the coordinator.")
F.segment_count = ProtoField.int64("gpfdist.segment_count", "X-GP-SEGMENT-COUNT", base.DEC, nil, 0, "Primaries of the cluster. Not the number of segments that will connect: gp_external_max_segs may leave some out.")
F.line_delim_str = ProtoField.string("gpfdist.line_delim_str", "X-GP-LINE-DELIM-STR", base.UNICODE, "Row end of text rows as hex digits, from NEWLINE or a custom formatter.")
F.line_delim_length = ProtoField.int64("gpfdist.line_delim_length", "X-GP-LINE-DELIM-LENGTH", base.DEC, nil, 0, "Bytes of the row end; -1 leaves it to the server.")
F.proto = ProtoField.int64("gpfdist.proto", "X-GP-PROTO", base.DEC, nil, 0, "Protocol of the body: 1 for reads (messages F O L D E), 0 for writes and raw rows.")
F.seq = ProtoField.int64("gpfdist.seq", "X-GP-SEQ", base.DEC, nil, 0, "Place of this request among the writes of its segment: 1 opens, then one more for each accepted body; DONE repeats the last.")
F.done = ProtoField.string("gpfdist.done", "X-GP-DONE", base.UNICODE, "Last request of a writing segment.")
F.content_length = ProtoField.int64("gpfdist.content_length", "Content-Length", base.DEC, nil, 0, "Bytes of the body of this POST, compressed ones with zstd.")
F.content_type = ProtoField.string("gpfdist.content_type", "Content-Type", base.UNICODE, "Always `text/xml`; means nothing.")
F.expect = ProtoField.string("gpfdist.expect", "Expect", base.UNICODE, "Asks for `HTTP/1.1 100 Continue` before the body.")
F.master_host = ProtoField.string("gpfdist.master_host", "X-GP-MASTER_HOST", base.UNICODE, "Host of the coordinator. Mind the underscore.")
F.master_port = ProtoField.int64("gpfdist.master_port", "X-GP-MASTER_PORT", base.DEC, nil, 0, "Port of the coordinator. Mind the underscore.")
F.coordinator_host = ProtoField.string("gpfdist.coordinator_host", "X-GP-COORDINATOR_HOST", base.UNICODE, "The same as X-GP-MASTER_HOST under its newer name.")
F.coordinator_port = ProtoField.int64("gpfdist.coordinator_port", "X-GP-COORDINATOR_PORT", base.DEC, nil, 0, "The same as X-GP-MASTER_PORT under its newer name.")
F.csvopt = ProtoField.string("gpfdist.csvopt", "X-GP-CSVOPT", base.UNICODE, "How rows are written: m CSV, x escape byte, q quote byte, n row end (0 not declared, 1 LF, 2 CR, 3 CR LF), h header row.")
F.seg_pg_conf = ProtoField.string("gpfdist.seg_pg_conf", "X-GP_SEG_PG_CONF", base.UNICODE, "Configuration file of the segment. Underscores behind GP and SEG. Shows the host's layout to anyone who listens.")
F.seg_datadir = ProtoField.string("gpfdist.seg_datadir", "X-GP_SEG_DATADIR", base.UNICODE, "Data directory of the segment. Underscores behind GP and SEG.")
F.seg_logdir = ProtoField.string("gpfdist.seg_logdir", "X-GP_SEG_LOGDIR", base.UNICODE, "Log directory of the segment.")
F.database = ProtoField.string("gpfdist.database", "X-GP-DATABASE", base.UNICODE, "Database of the query.")
F.user = ProtoField.string("gpfdist.user", "X-GP-USER", base.UNICODE, "Role of the query.")
F.seg_port = ProtoField.int64("gpfdist.seg_port", "X-GP-SEG-PORT", base.DEC, nil, 0, "Port of the segment's postmaster.")
F.session_id = ProtoField.int64("gpfdist.session_id", "X-GP-SESSION-ID", base.DEC, nil, 0, "gp_session_id of the database session; not part of gpfdist's session key.")
F.transform = ProtoField.string("gpfdist.transform", "X-GP-TRANSFORM", base.UNICODE, "Transform to run; goes before `#transform=` in the path.")
F.zstd = ProtoField.int64("gpfdist.zstd", "X-GP-ZSTD", base.DEC, nil, 0, "The segment can take zstd; used only when gpfdist runs with `--compress`.")
F.version = ProtoField.string("gpfdist.version", "X-GPFDIST-VERSION", base.UNICODE, "Build of the server, opaque text.")
F.expires = ProtoField.string("gpfdist.expires", "Expires", base.UNICODE, "Always 0.")
F.cache_control = ProtoField.string("gpfdist.cache_control", "Cache-Control", base.UNICODE, "Always `no-cache`.")
F.connection = ProtoField.string("gpfdist.connection", "Connection", base.UNICODE, "Always `close`.")

local listed = {}
for _, field in pairs(F) do listed[#listed + 1] = field end
gp.fields = listed

local experts, expert_list = {}, {}
for code, kind in pairs(CODES) do
    experts[code] = ProtoExpert.new("gpfdist." .. lower(code), code .. " " .. kind[1], expert.group[kind[2]], expert.severity[kind[3]])
    expert_list[#expert_list + 1] = experts[code]
end
gp.experts = expert_list

-- One direction of bytes: segments in any order in, ordered bytes and holes out ---------------------------------------
--
-- The byte captured first wins. A hole is final when its receiver has acknowledged it and a little more time has passed, when the
-- connection ends, or when too much waits behind it. Content of messages is passed over by count and never copied.

local WRAP, HALF, WINDOW, JUMP = 4294967296, 2147483648, 1073741824, 1048576
local PATIENCE_S, PATIENCE_SEGMENTS, ONE_SIDED_SEGMENTS = 0.2, 64, 256
local LARGEST_STASH, MOST_STASHED = 8388608, 8192

local reading = 0 -- the frame that is being read
local current = {} -- records of the piece that is being worked on

local function cut(source, from, to)
    if to <= from then return "" end
    if type(source) == "string" then return sub(source, from + 1, to) end
    return source:raw(from, to - from)
end

local function emit(record)
    current[#current + 1] = record
    return record
end

local function complain(side, code, text)
    side.conn.complaints = side.conn.complaints + 1
    if side.conn.complaints <= 1000 then emit({kind = "complaint", code = code, text = text}) end
end

local function nothing() end
local NOBODY = {
    feed = function(_, _, _, to) return to end,
    content_end = nothing, lost = nothing, cut_short = nothing, close = nothing,
}

local function new_side(conn, index)
    return {
        conn = conn, index = index, position = 0, left = 0, reader = NOBODY, owners = {}, early = {}, early_bytes = 0, late_acks = 0,
        frame = 0, time = 0, missing = 0, capture_loss = 0, network_loss = 0, head = "", searched = 0,
    }
end

-- Announce content: `owner` is told of in each frame that holds a piece of it.
local function pass_over(side, count, owner)
    side.left = count
    side.owner = owner
    if owner then
        owner.start = owner.start or side.position
        owner.read_in = reading
        side.owners[#side.owners + 1] = owner
    end
end

local function deliver(side, source, from, to, frame, time)
    side.frame, side.time = frame, time
    while from < to do
        local left = side.left
        if left > 0 then
            local take = min(left, to - from)
            local owner = side.owner
            if owner then
                local text = type(source) == "string" and cut(source, from, from + take) or nil
                emit({kind = "content", owner = owner, at = from, length = take, position = side.position - owner.start, text = text})
                owner.came = owner.came + take
                owner.exchange.bytes = owner.exchange.bytes + (owner.rows and take or 0)
                if owner.wants then owner.wants(side, owner, source, from, from + take) end
            end
            side.left = left - take
            side.position = side.position + take
            from = from + take
            if take == left then side.reader.content_end(side) end
        else
            local reached = side.reader.feed(side, source, from, to)
            side.position = side.position + reached - from
            from = reached
        end
    end
end

-- The next `count` bytes are not in the capture.
local function lose(side, count)
    side.missing = side.missing + count
    while count > 0 do
        if side.left > 0 then
            local take = min(side.left, count)
            side.left = side.left - take
            side.position = side.position + take
            count = count - take
            if side.owner then side.owner.lacks = (side.owner.lacks or 0) + take end
            if side.left == 0 then side.reader.content_end(side) end
        else
            side.position = side.position + count
            side.reader.lost(side, count)
            count = 0
        end
    end
end

local function take(side, source, from, captured, length, frame, time)
    side.next = (side.next + length) % WRAP
    deliver(side, source, from, captured, frame, time)
    if captured - from < length then
        emit({kind = "snapped", count = length - max(0, captured - from)})
        lose(side, length - max(0, captured - from))
    end
end

local function keep(side, index, position, data, length, frame, time)
    local kept = sub(data, 1, length)
    table.insert(side.early, index, {position = position, data = kept, length = length, frame = frame, time = time})
    side.early_bytes = side.early_bytes + #kept
end

-- Keep what no earlier segment covers.
local function stash(side, position, data, length, frame, time)
    local early = side.early
    local low, high = 1, #early + 1
    while low < high do
        local middle = floor((low + high) / 2)
        if early[middle].position < position then low = middle + 1 else high = middle end
    end
    local index = low
    if index > 1 and early[index - 1].position + early[index - 1].length > position then index = index - 1 end
    local stop = position + length
    while index <= #early and early[index].position < stop do
        local known = early[index]
        if position < known.position then
            keep(side, index, position, data, known.position - position, frame, time)
            data = sub(data, known.position - position + 1)
            position = known.position
            index = index + 1
        end
        local again = min(stop, known.position + known.length) - position
        if again > 0 then
            data = sub(data, again + 1)
            position = position + again
        end
        index = index + 1
    end
    if position < stop then keep(side, index, position, data, stop - position, frame, time) end
end

-- Deliver what has become continuous.
local function drain(side)
    local early, taken = side.early, 0
    while early[taken + 1] and early[taken + 1].position <= side.position do
        taken = taken + 1
        local one = early[taken]
        side.early_bytes = side.early_bytes - #one.data
        take(side, one.data, 0, #one.data, one.length, one.frame, one.time)
    end
    if taken > 0 then
        local count = #early
        for index = 1, count do early[index] = early[index + taken] end
        side.acked_at = nil
    end
end

-- Has the receiver acknowledged the byte behind the hole?
local function acked(side, hole)
    local ack = side.peer.ack
    if not ack or not side.next then return false end
    local beyond = (ack - side.next) % WRAP
    return hole <= beyond and beyond <= WINDOW
end

local function give_up(side, hole, by_capture)
    if by_capture then
        side.capture_loss = side.capture_loss + hole
        complain(side, "GPI020", format("%d bytes were acknowledged but are not in the capture", hole))
    else
        side.network_loss = side.network_loss + hole
        complain(side, "GPI021", format("%d bytes never arrived", hole))
    end
    emit({kind = "lost", count = hole})
    side.next = (side.next + hole) % WRAP
    lose(side, hole)
    side.acked_at = nil
    drain(side)
end

-- Give up the first hole if it can no longer be filled.
local function decide(side, time)
    while #side.early > 0 do
        local hole = side.early[1].position - side.position
        local is_acked = acked(side, hole)
        if is_acked and not side.acked_at then
            side.acked_at = time
            side.late_acks = 0
        end
        if is_acked then side.late_acks = side.late_acks + 1 end
        local full = side.early_bytes > LARGEST_STASH or #side.early > MOST_STASHED
        local over = is_acked and (time - side.acked_at > PATIENCE_S or side.late_acks > PATIENCE_SEGMENTS)
        local one_sided = not side.peer.next and #side.early > ONE_SIDED_SEGMENTS
        if not (full or over or one_sided) then return end
        if full and not is_acked then complain(side, "GPI023", format("%d bytes arrived too far out of order", side.early_bytes)) end
        give_up(side, hole, is_acked or one_sided)
    end
end

-- A segment: `captured` bytes of `source`, of which `length` were on the wire.
local function arrive(side, sequence, source, captured, length, frame, time)
    if not side.next then side.next = sequence end
    side.origin = side.origin or side.next
    local ahead = (sequence - side.next) % WRAP
    if ahead >= HALF then ahead = ahead - WRAP end
    if ahead > WINDOW or side.position + ahead < -JUMP then return end
    local from = 0
    if ahead < 0 then
        from = min(-ahead, length)
        if from == length then return end
        length = length - from
        captured = max(from, captured)
        ahead = 0
    end
    local early = side.early
    if ahead == 0 and #early == 0 then
        take(side, source, from, captured, length, frame, time)
    elseif ahead == 0 then
        local free = min(length, early[1].position - side.position)
        if free > 0 then take(side, source, from, min(captured, from + free), free, frame, time) end
        if length > free then
            stash(side, side.position, cut(source, min(captured, from + free), captured), length - free, frame, time)
        end
        drain(side)
    else
        stash(side, side.position + ahead, cut(source, from, captured), length - from, frame, time)
    end
    if #early > 0 then decide(side, time) end
end

-- Nothing will be captured of this direction any more.
local function finish_side(side)
    while #side.early > 0 do
        local hole = side.early[1].position - side.position
        give_up(side, hole, acked(side, hole))
    end
    local syn = side.conn.syns and side.conn.syns[side.conn.ports[side.index]]
    if not side.next and syn then side.next = (syn + 1) % WRAP end
    local ack = side.peer.ack
    if side.next and ack then
        if side.fin and (ack - side.fin) % WRAP == 1 then ack = side.fin end
        local unseen = (ack - side.next) % WRAP
        if unseen == 1 and not side.fin then unseen = 0 end
        if unseen > 0 and unseen <= WINDOW then give_up(side, unseen, true) end
    end
    side.reader.close(side)
    side.reader = NOBODY
end

-- Heads of requests and answers ----------------------------------------------------------------------------------------

-- Position behind the empty line (CR LF CR LF, LF LF or LF CR LF), or nil.
local function head_end(text, searched)
    local start = max(1, searched - 1)
    local with_cr = find(text, "\n\r\n", start, true)
    local bare = find(text, "\n\n", start, true)
    if bare and (not with_cr or bare < with_cr) then return bare + 1 end
    return with_cr and with_cr + 2 or nil
end

local function trimmed(text) return match(text, "^[ \t\r]*(.-)[ \t\r]*$") end

-- First line, header lines in order ({name, value, text}), and the last value of each name in lower case.
local function parse_lines(text)
    local lines, first = {}, nil
    local headers, last, order = {}, {}, nil
    for line in text:gmatch("([^\n]*)\n") do
        if sub(line, -1) == "\r" then line = sub(line, 1, -2) end
        if not first then
            first = line
        elseif line == "" then
            break
        elseif match(line, "^[ \t]") then
            if order then order.folds[#order.folds + 1] = trimmed(line) end
        else
            local name, value = match(line, "^([^:]*):(.*)$")
            name = name and trimmed(name)
            if name and name ~= "" then
                order = {name = name, folds = {trimmed(value)}, text = line}
                headers[#headers + 1] = order
                last[lower(name)] = order
            end
        end
    end
    for _, header in ipairs(headers) do
        header.value = #header.folds == 1 and header.folds[1] or trimmed(table.concat(header.folds, " "))
    end
    return first, headers, last
end

-- The digits of a decimal number as C's atol finds them, as text; nil where there are none or too many.
local function decimal(text)
    if not text then return nil end
    local sign, digits = match(text, "^[ \t\n\v\f\r]*([+-]?)(%d+)")
    if not digits then return nil end
    digits = match(digits, "^0*(%d+)$")
    if #digits > 19 or (#digits == 19 and digits > (sign == "-" and "9223372036854775808" or "9223372036854775807")) then return nil end
    return (sign == "-" and "-" or "") .. digits
end

local function decimal_number(text)
    local digits = decimal(text)
    return digits and tonumber(digits)
end

-- X-GP-PROTO as C's strtol reads it with base 0; text without digits is 0.
local function proto_number(text)
    if not text then return nil end
    local sign, rest_of = match(text, "^[ \t\n\v\f\r]*([+-]?)(.*)$")
    local digits, value = match(rest_of, "^0[xX](%x+)"), nil
    if digits then
        value = tonumber(sub(digits, 1, 15), 16)
    elseif sub(rest_of, 1, 1) == "0" then
        digits = match(rest_of, "^0([0-7]*)")
        value = digits == "" and 0 or tonumber(sub(digits, 1, 18), 8)
    else
        value = tonumber(sub(match(rest_of, "^%d*"), 1, 15)) or 0
    end
    return sign == "-" and -value or value
end

local function value_of(head, name)
    local found = head.last[name]
    return found and found.value
end

local function spellings(side, head, request)
    local told = {}
    for _, header in ipairs(head.headers) do
        local known_as = HEADERS[lower(header.name)]
        local compared = known_as and (sub(known_as[1], 1, 4) == "X-GP" or (request and REQUEST_EXACT[known_as[1]]))
        if compared and header.name ~= known_as[1] and not told[header.name] then
            told[header.name] = true
            local code = not request and lower(header.name) == "x-gp-proto" and "GPI114" or "GPI111"
            complain(side, code, code == "GPI111" and format("not spelled the way every release expects: %s", header.name)
                or "the body holds protocol 1 messages, but the answer does not say X-GP-PROTO: 1")
        end
    end
end

local function parse_request(text)
    local head = {text = text}
    head.line, head.headers, head.last = parse_lines(text)
    local line = head.line
    if not line then return head end
    local method, target, version = match(line, "^([^ ]+) ([^ ]+) ([^ ]+)$")
    if not method then
        local all = match(line, "^[ \t]*(.-)[ \t]*$"):gsub("\t", " ")
        local tail
        method, tail = match(all, "^([^ ]*) ?(.*)$")
        tail = match(tail, "^ *(.-) *$")
        local before, word = match(tail, "^(.*) ([^ ]*)$")
        if before and sub(word, 1, 5) == "HTTP/" then
            target, version = match(before, "^(.-) *$"), word
        elseif sub(tail, 1, 5) == "HTTP/" then
            version = tail
        else
            target = tail
        end
        if method == "" then method = nil end
        if target == "" then target = nil end
    end
    head.method, head.path, head.version = method, target, version
    return head
end

local function parse_answer(text)
    local head = {text = text}
    head.line, head.headers, head.last = parse_lines(text)
    local line = head.line
    if line and sub(line, 1, 5) == "HTTP/" then
        local version, tail = match(line, "^([^ ]*) ?(.*)$")
        local code, reason = match(tail, "^(%d%d%d) (.*)$")
        if not code then code = match(tail, "^(%d%d%d)$") end
        head.version, head.status = version, code and tonumber(code)
        head.reason = code and (reason or "") or tail
    end
    return head
end

-- Exchanges ------------------------------------------------------------------------------------------------------------

local exchanges = {}
local servers = {} -- addresses that have shown that gpfdist answers there

local function prove(conn)
    if conn.proven then return end
    conn.proven = true
    if conn.server_name then servers[conn.server_name] = true end
end

local function new_exchange(side)
    local conn = side.conn
    local exchange = {
        conn = conn, number = #conn.exchanges + 1, counts = {F = 0, O = 0, L = 0, D = 0, E = 0}, packages = 0, bytes = 0,
        framing = true, first_frame = side.frame, first_time = side.time,
    }
    conn.exchanges[exchange.number] = exchange
    exchanges[#exchanges + 1] = exchange
    return exchange
end

local function exchange_for_request(side)
    local last = side.conn.exchanges[#side.conn.exchanges]
    if last and not last.asked and not last.finished then return last end
    return new_exchange(side)
end

local function exchange_for_answer(side)
    local last = side.conn.exchanges[#side.conn.exchanges]
    if last and not last.answered then return last end
    return new_exchange(side)
end

local function session_of(exchange)
    local request = exchange.request
    if not request then return nil end
    local xid, cid, sn = value_of(request, "x-gp-xid"), value_of(request, "x-gp-cid"), value_of(request, "x-gp-sn")
    if not (xid and cid and sn and request.path) or xid == "" or cid == "" or sn == "" then return nil end
    local proto = proto_number(value_of(request, "x-gp-proto")) or 0
    return format("%s.%s.%s.%d:%s", xid, cid, sn, proto, request.path)
end

local NUMBERS = {"X-GP-SEGMENT-ID", "X-GP-SEGMENT-COUNT", "X-GP-SEQ", "Content-Length"}

local function take_request(side, exchange, text, whole)
    local head = parse_request(text)
    exchange.request, exchange.asked, exchange.whole = head, true, whole
    exchange.segment = decimal_number(value_of(head, "x-gp-segment-id"))
    exchange.session = session_of(exchange)
    exchange.status_page = head.path == STATUS_PAGE
    exchange.asked_zstd = (value_of(head, "x-gp-zstd") or "") ~= ""
    exchange.request_frame, exchange.request_time = side.frame, side.time
    for _, header in ipairs(head.headers) do
        if sub(lower(header.name), 1, 4) == "x-gp" then prove(side.conn) end
    end
    if exchange.status_page or servers[side.conn.server_name or ""] then prove(side.conn) end
    emit({kind = "request", exchange = exchange, head = head, at = side.head_at, length = side.head_length})
    if whole and #text > HEAD_LIMIT then complain(side, "GPI110", format("a head of %d bytes; gpfdist takes %d", #text, HEAD_LIMIT)) end
    spellings(side, head, true)
    for _, name in ipairs(NUMBERS) do
        local value = value_of(head, lower(name))
        if value and not decimal(value) then
            complain(side, "GPI113", format("header %s has the odd value '%s'", name, sub(value, 1, 300)))
        end
    end
end

local RequestReader, AnswerReader = {}, {}

local function resolve_request(side)
    local exchange = side and side.exchange
    if exchange and not exchange.asked and side.head ~= "" then
        side.head_at, side.head_length = nil, nil
        take_request(side, exchange, side.head, false)
    end
end

-- What of a head stands in the piece that is being read, for marking it.
local function mark(side, source, from, to)
    if type(source) == "string" then
        side.head_at, side.head_length = nil, nil
    else
        side.head_at, side.head_length = from, to - from
    end
end

function RequestReader.feed(side, source, from, to)
    local exchange = side.exchange
    if exchange and exchange.asked then
        if not exchange.finished then
            pass_over(side, huge)
            return from
        end
        exchange = nil
    end
    if not exchange then
        exchange = exchange_for_request(side)
        side.exchange, side.head, side.searched = exchange, "", 0
    end
    local had = #side.head
    side.head = side.head .. cut(source, from, to)
    local reached = head_end(side.head, side.searched)
    if not reached then
        side.searched = #side.head
        if #side.head > LARGEST_HEAD then
            complain(side, "GPI110", format("a head of %d bytes; gpfdist takes %d", #side.head, HEAD_LIMIT))
            resolve_request(side)
            pass_over(side, huge)
            return from
        end
        return to
    end
    local text = sub(side.head, 1, reached)
    local stop = from + reached - had
    mark(side, source, from, stop)
    take_request(side, exchange, text, true)
    side.head = ""
    local length = decimal_number(value_of(exchange.request, "content-length")) or 0
    if exchange.request.method == "POST" and length > 0 then
        side.position = side.position + stop - from
        pass_over(side, length, {
            exchange = exchange, kind = "body", length = length, came = 0, rows = true, frame = side.frame, body = "request",
        })
        side.position = side.position - (stop - from)
    end
    return stop
end

RequestReader.content_end = function(side)
    side.owner.complete = not side.owner.lacks
    side.owner.end_frame = side.frame
end
RequestReader.cut_short = nothing
RequestReader.close = nothing

function RequestReader.lost(side)
    resolve_request(side)
    if side.exchange then pass_over(side, huge) end
end

local Messages, start_messages, send_end_before_head, recognised -- in "messages" and "openings"

local function take_answer(side, exchange, head)
    exchange.answered, exchange.answer = true, head
    exchange.answer_frame, exchange.answer_time = side.frame, side.time
    exchange.status = head.status
    exchange.response_proto = decimal_number(value_of(head, "x-gp-proto"))
    exchange.version = value_of(head, "x-gpfdist-version")
    exchange.foreign = not exchange.version and not value_of(head, "x-gp-proto")
    local zstd = decimal_number(value_of(head, "x-gp-zstd"))
    exchange.zstd = zstd ~= nil and zstd ~= 0
    if not exchange.foreign then prove(side.conn) end
    emit({kind = "answer", exchange = exchange, head = head, at = side.head_at, length = side.head_length})
    spellings(side, head, false)
    if (head.status or 0) >= 400 and not exchange.foreign then
        complain(side, "GPI203", format("gpfdist refused the request: %d %s", head.status, head.reason or ""))
    end
end

local function finished(side, exchange)
    exchange.finished = side.keeps_open
end

local StrayReader = {content_end = nothing, cut_short = nothing, lost = nothing, close = nothing}

function StrayReader.feed(side, source, from, to)
    local letter = LETTERS[byte(cut(source, from, from + 1))]
    if not letter then
        complain(side, "GPI109", format("%d bytes follow the end of data", to - from))
        pass_over(side, huge)
        return from
    end
    start_messages(side, side.exchange, true, false)
    return side.reader.feed(side, source, from, to)
end

-- Rows of protocol 0; without X-GP-PROTO the first bytes may be messages all the same.
local function look_at_raw(side, owner, source, from, to)
    owner.first = (owner.first or "") .. cut(source, from, min(to, from + 3 - #(owner.first or "")))
    if #owner.first >= 3 then
        owner.wants = nil
        local letter, zero, high = byte(owner.first, 1, 3)
        if (letter == 0x46 or letter == 0x44) and zero == 0 and high < 0x10 and not owner.exchange.response_proto then
            complain(side, "GPI114", "the body holds protocol 1 messages, but the answer does not say X-GP-PROTO: 1")
        end
    end
end

local function body(side, exchange, head)
    local length = decimal_number(value_of(head, "content-length"))
    local coding = lower(trimmed(value_of(head, "transfer-encoding") or ""))
    local connection = lower(trimmed(value_of(head, "connection") or ""))
    side.keeps_open = connection == "keep-alive" or (head.version == "HTTP/1.1" and connection ~= "close")
    if side.keeps_open and not exchange.foreign then
        complain(side, "GPI115", "framing that gpfdist does not have: a connection that is kept open for more requests")
    end
    local method = exchange.request and exchange.request.method
    if coding ~= "" and coding ~= "identity" then
        if exchange.response_proto == 1 or (method ~= "POST" and exchange.status == 200) then
            complain(side, "GPI115", "framing that gpfdist does not have: Transfer-Encoding: " .. coding)
        end
        pass_over(side, huge)
    elseif exchange.response_proto == 1 then
        start_messages(side, exchange, true, exchange.zstd)
        side.messages.announced = length
    elseif exchange.response_proto == nil and length == 0 then
        if side.keeps_open and exchange.foreign then finished(side, exchange) else side.reader = StrayReader end
    elseif method == "POST" or exchange.status ~= 200 or (exchange.status_page and exchange.response_proto == nil) then
        if not length then
            if method == "POST" then side.reader = StrayReader else
                pass_over(side, huge, {exchange = exchange, kind = "body", came = 0, body = "page", frame = side.frame})
            end
        elseif length > 0 then
            pass_over(side, length, {exchange = exchange, kind = "body", came = 0, length = length, body = "page", frame = side.frame})
        else
            finished(side, exchange)
        end
    else
        exchange.raw = true
        if length == 0 and not exchange.zstd then return finished(side, exchange) end
        pass_over(side, not exchange.zstd and length or huge, {
            exchange = exchange, kind = "body", came = 0, rows = true, length = length, wants = look_at_raw, body = "answer",
            frame = side.frame,
        })
    end
end

function AnswerReader.feed(side, source, from, to)
    local had = #side.head
    if had == 0 then
        side.exchange = exchange_for_answer(side)
        side.searched = 0
    end
    side.head = side.head .. cut(source, from, to)
    if sub(side.head, 1, 5) == END_PACKAGE then
        side.head = ""
        send_end_before_head(side, side.exchange, source, from, from + 5 - had)
        return from + 5 - had
    end
    local reached = head_end(side.head, side.searched)
    if not reached then
        side.searched = #side.head
        if #side.head > LARGEST_HEAD then
            complain(side, "GPI110", format("a head of %d bytes; gpfdist takes %d", #side.head, HEAD_LIMIT))
            side.head = ""
            pass_over(side, huge)
            return from
        end
        return to
    end
    local head = parse_answer(sub(side.head, 1, reached))
    local stop = from + reached - had
    mark(side, source, from, stop)
    side.head = ""
    resolve_request(side.conn.asking)
    local exchange = side.exchange
    if head.status == 100 then
        emit({kind = "answer", exchange = exchange, head = head, at = side.head_at, length = side.head_length})
        return stop
    end
    take_answer(side, exchange, head)
    exchange.head_whole = true
    side.position = side.position + stop - from
    exchange.body_start = side.position
    body(side, exchange, head)
    side.position = side.position - (stop - from)
    return stop
end

function AnswerReader.content_end(side)
    if side.owner then
        side.owner.complete = not side.owner.lacks
        side.owner.end_frame = side.frame
    end
    finished(side, side.exchange)
end

local function what_came(side, exchange)
    if side.head ~= "" and not exchange.answered then
        local head = parse_answer(side.head)
        if head.status and head.status ~= 100 then
            side.head_at, side.head_length = nil, nil
            take_answer(side, exchange, head)
            if exchange.foreign and head.version == "HTTP/1.0" and head.status == 200 and head.reason == "ok" then
                exchange.foreign = false
                prove(side.conn)
            end
        end
    end
end

AnswerReader.cut_short = nothing

function AnswerReader.lost(side)
    side.exchange = side.exchange or exchange_for_answer(side)
    local exchange = side.exchange
    resolve_request(side.conn.asking)
    what_came(side, exchange)
    side.head = ""
    exchange.body_start = nil
    start_messages(side, exchange, false, false)
end

function AnswerReader.close(side)
    if side.exchange and not side.exchange.raw then what_came(side, side.exchange) end
end

-- Protocol 1: messages and the packages they make -----------------------------------------------------------------------
--
-- After lost framing the next F O L D that looks right is taken, and what follows is marked as assumed.

do
Messages = {}

local SEARCH_LIMIT = 16777216
local LARGEST_TEXT = 65536
local CHAIN = "O\0\0\0\8"
local AFTER_NAME = 31 -- O with its number, L with its number, D and its length
local TAIL = 5 + LARGEST_NAME + AFTER_NAME + 4

local function u32(text, at)
    local a, b, c, d = byte(text, at, at + 3)
    return a * 16777216 + b * 65536 + c * 256 + d
end

-- A number of eight bytes in two halves: Lua's own numbers are too short for it.
local function u64(text, at) return {high = u32(text, at), low = u32(text, at + 4)} end

local function less(one, other)
    if one.high ~= other.high then return one.high < other.high end
    return one.low < other.low
end

function start_messages(side, exchange, found, zstd)
    local state = {
        exchange = exchange, partial = "", window = "", marks = {}, searching = not found, searched = 0, zstd = zstd, trailing = 0,
        lost_at = 0,
    }
    side.messages = state
    side.reader = Messages
    if not exchange.body_start and found then exchange.body_start = side.position end
    if not found then exchange.framing = false end
    exchange.protocol_1 = true
end

local function body_position(side) return side.position - (side.messages.exchange.body_start or 0) end

local function message(side, letter, length, fields)
    local state = side.messages
    local record = fields or {}
    record.kind, record.letter, record.length, record.exchange = "message", letter, length, state.exchange
    local known = LETTERS[letter]
    if known then state.exchange.counts[known.letter] = state.exchange.counts[known.letter] + 1 end
    return emit(record)
end

local function new_package(side, kind, position, head, length, frame, time)
    local state = side.messages
    local exchange = state.exchange
    local package = {
        exchange = exchange, kind = kind, index = exchange.packages, position = position, head = head, length = length, came = 0,
        offset = state.offset, line = state.line, frame = frame, time = time, assumed = state.assumed, rows = kind == "data",
        name = kind == "data" and state.name or nil,
    }
    exchange.packages = exchange.packages + 1
    state.assumed = false
    state.package = package
    state.begin, state.offset, state.line = nil, nil, nil
    return package
end

-- The messages of a package that stand in the same piece are shown below it.
local function gather(record, package)
    record.package = package
    local children = {}
    local at = #current - 1
    while at > 0 and current[at].kind == "message" and not current[at].package and current[at].exchange == record.exchange do
        table.insert(children, 1, current[at])
        at = at - 1
    end
    for index = #current, at + 1, -1 do current[index] = nil end
    children[#children + 1] = record
    emit({kind = "package", package = package, children = children, exchange = record.exchange, fresh = true})
end

local lose_framing

local function data_message(side, record, position, head, length, frame, time)
    local state = side.messages
    local exchange = state.exchange
    exchange.first_time = exchange.first_time or time
    if length == 0 then
        local package = new_package(side, "end", position, head, 0, frame, time)
        package.complete, package.end_frame = true, frame
        exchange.ended, state.over = true, true
        gather(record, package)
        return
    end
    local package = new_package(side, "data", position, head, length, frame, time)
    package.zstd = state.zstd
    state.last = {name = package.name, offset = package.offset}
    gather(record, package)
    if state.zstd then
        if length > LARGEST_BLOCK then
            complain(side, "GPI107", format("message D of %d bytes at byte %d of the body cannot be", length, position))
            lose_framing(side, position + head)
            return
        end
        package.start = (exchange.body_start or 0) + position + head
        state.frame_of = {step = "head", held = "", wanted = 5, skip = 0, package = package}
    else
        package.start = (exchange.body_start or 0) + position + head
        pass_over(side, length, package)
    end
end

local function error_text(side, package, source, from, to)
    local room = LARGEST_TEXT - #package.text
    package.text = package.text .. cut(source, from, min(to, from + max(0, room)))
end

local function error_message(side, record, position, length, frame, time)
    local package = new_package(side, "error", position, 5, length, frame, time)
    package.text = ""
    package.wants = error_text
    gather(record, package)
    if length > 0 then
        package.start = (side.messages.exchange.body_start or 0) + position + 5
        pass_over(side, length, package)
    else
        Messages.content_end(side)
    end
end

local function letter_text(letter)
    if letter > 0x20 and letter < 0x7f then return string.char(letter) end
    return format("0x%02x", letter)
end

local function strange(side, letter, length, position)
    local state = side.messages
    local known = LETTERS[letter]
    if state.unsure then
        -- its content was zstd perhaps, and longer or shorter than D says
    elseif not known then
        complain(side, "GPI103", format("unknown message letter %s at byte %d of the body", letter_text(letter), position))
    else
        complain(side, "GPI107", format("message %s of %d bytes at byte %d of the body cannot be", known.letter, length, position))
    end
    lose_framing(side, position)
end

-- A message head is whole; `text` is the content of F, O or L.
local function take_message(side, letter, length, text, at, size)
    local state = side.messages
    local begun = state.begun
    local position, frame, time = begun.position, begun.frame, begun.time
    local known = LETTERS[letter]
    if not known or length > LARGEST_LENGTH then
        strange(side, letter, length, position)
        -- the next head may begin in what was taken for one
        state.window = string.char(floor(length / 16777216) % 256, floor(length / 65536) % 256, floor(length / 256) % 256, length % 256)
        state.marks = {{position + 1 + (state.exchange.body_start or 0), frame, time}}
        return
    end
    state.unsure = false
    prove(side.conn)
    local record = message(side, letter, length, {at = at, size = size, position = position, frame = frame})
    if not state.begin then state.begin = {position = position, frame = frame, time = time} end
    local name = known.letter
    if name == "D" then
        local first = state.begin
        data_message(side, record, first.position, position + 5 - first.position, length, first.frame, first.time)
    elseif name == "E" then
        state.begin = nil
        error_message(side, record, position, length, frame, time)
    elseif name == "F" and length <= LARGEST_NAME then
        record.name = text
        state.name = text
    elseif name == "F" then
        complain(side, "GPI106", format("file name of %d bytes; a segment takes %d at most", length, LARGEST_NAME))
        state.name = nil
        pass_over(side, length, nil)
    elseif length ~= 8 then
        complain(side, "GPI105", format("message %s has %d bytes of content; it must have 8", name, length))
        pass_over(side, length, nil)
    elseif name == "O" then
        record.offset = u64(text, 1)
        state.offset = record.offset
    else
        record.line = u64(text, 1)
        state.line = record.line
    end
end

-- Bytes that must be together before a message can be taken.
local function needs(letter, length)
    local known = LETTERS[letter]
    if known and known.letter == "F" and length <= LARGEST_NAME then return 5 + length end
    if known and length == 8 and (known.letter == "O" or known.letter == "L") then return 13 end
    return 5
end

-- Where the zstd frame of a D ends: read from the heads of its blocks, nothing is decompressed (RFC 8878, 3.1.1).
local function walk_frame(side, source, from, to)
    local state = side.messages
    local walk = state.frame_of
    local package = walk.package
    local begin, problem = from, nil
    while from < to and not walk.over and not problem do
        if walk.skip > 0 then
            local step = min(walk.skip, to - from)
            walk.skip = walk.skip - step
            from = from + step
            if walk.skip == 0 and walk.step == "over" then walk.over = true end
        else
            local more = min(to, from + walk.wanted - #walk.held)
            walk.held = walk.held .. cut(source, from, more)
            from = more
            local held = walk.held
            if #held < walk.wanted then
                -- wait for the rest of it
            elseif walk.step == "head" then
                local descriptor = byte(held, 5)
                local single = floor(descriptor / 32) % 2
                local sizes = floor(descriptor / 64)
                local length = 5 + (1 - single) + DICTIONARY_BYTES[descriptor % 4 + 1]
                    + (sizes == 0 and single or CONTENT_BYTES[sizes + 1])
                if sub(held, 1, 4) ~= ZSTD_MAGIC then
                    problem = "it does not start like a zstd frame"
                elseif floor(descriptor / 8) % 2 == 1 then
                    problem = "the reserved bit of its descriptor is set"
                elseif #held < length then
                    walk.wanted = length
                else
                    walk.sum = floor(descriptor / 4) % 2 == 1
                    walk.step, walk.held, walk.wanted = "block", "", 3
                end
            else
                local a, b, c = byte(held, 1, 3)
                local value = a + b * 256 + c * 65536
                local kind, size = floor(value / 2) % 4, floor(value / 8)
                walk.held = ""
                if kind == 3 then
                    problem = "a block is of the reserved kind"
                else
                    walk.skip = kind == 1 and 1 or size
                    if value % 2 == 1 then
                        walk.step = "over"
                        walk.skip = walk.skip + (walk.sum and 4 or 0)
                        walk.over = walk.skip == 0
                    end
                end
            end
        end
    end
    local text = type(source) == "string" and cut(source, begin, from) or nil
    emit({kind = "content", owner = package, at = begin, length = from - begin, position = package.came, text = text})
    package.came = package.came + from - begin
    state.exchange.bytes = state.exchange.bytes + from - begin
    if problem then
        complain(side, "GPI108", "compressed content cannot be decompressed: " .. problem)
        state.frame_of = nil
        side.position = side.position + from - begin
        lose_framing(side, body_position(side))
        side.position = side.position - (from - begin)
    elseif walk.over then
        state.frame_of = nil
        package.complete, package.end_frame = true, side.frame
    end
    return from
end

local function plausible(window, at)
    if sub(window, at + 14, at + 18) ~= "L\0\0\0\8" or byte(window, at + 27) ~= 0x44 then return false end
    local size = u32(window, at + 28)
    return size > 0 and size <= LARGEST_LENGTH and byte(window, at + 6) < 0x10
end

-- Where the F whose name ends in front of `at` (both counted from 0) begins.
local function head_before(state, window, at)
    local name = state.name
    if name then
        local begin = at - #name - 5
        if begin >= 0 and sub(window, begin + 6, at) == name and sub(window, begin + 1, begin + 1) == "F"
            and u32(window, begin + 2) == #name then return begin end
    end
    for begin = at - 6, max(0, at - 5 - LARGEST_NAME), -1 do
        local a, b = byte(window, begin + 1, begin + 2)
        if a == 0x46 and b == 0 and u32(window, begin + 2) == at - begin - 5 then return begin end
    end
    return nil
end

-- A connection gets the blocks of a file in order: an earlier offset is an accident in the rows.
local function follows(state, name, offset)
    local last = state.last
    return not last or last.name ~= name or not last.offset or less(last.offset, offset)
end

-- The next plausible chain at or behind `start`: where its O stands and where its F begins, from 0.
local function chain(state, window, wanted, start)
    local at = find(window, CHAIN, start + 1, true)
    while at and at - 1 <= #window - wanted do
        at = at - 1
        if plausible(window, at) then
            local head = head_before(state, window, at)
            if head and follows(state, sub(window, head + 6, at), u64(window, at + 6)) then return at, head end
        end
        at = find(window, CHAIN, at + 2, true)
    end
    return nil
end

local function found_chain(side, window, head, kept, source, from)
    local state = side.messages
    local exchange = state.exchange
    local behind = kept - head
    local start = side.position - behind
    local frame, time = side.frame, side.time
    for _, one in ipairs(state.marks) do
        if one[1] <= start then frame, time = one[2], one[3] end
    end
    if not exchange.body_start then
        exchange.body_start = start
        recognised(side)
    elseif not side.conn.unproven then
        complain(side, "GPI102", format("messages were found again at byte %d; %d bytes were skipped",
            start - exchange.body_start, max(0, start - state.lost_at)))
    end
    prove(side.conn)
    state.searching, state.unsure, state.assumed = false, false, true
    exchange.framing = true
    state.window, state.partial = "", ""
    local length = u32(window, head + 2)
    local after = head + 5 + length
    local position = start - exchange.body_start
    local marked = type(source) ~= "string" and head >= kept
    local function place(record_at, size)
        if not marked then return {position = position + record_at - head, frame = frame} end
        return {at = from + record_at - kept, size = size, position = position + record_at - head, frame = frame}
    end
    state.name = sub(window, head + 6, after)
    message(side, 0x46, length, place(head, 5 + length)).name = state.name
    state.offset, state.line = u64(window, after + 6), u64(window, after + 19)
    message(side, 0x4f, 8, place(after, 13)).offset = state.offset
    message(side, 0x4c, 8, place(after + 13, 13)).line = state.line
    local size = u32(window, after + 28)
    local reached = after + AFTER_NAME
    local remaining = sub(window, reached + 1, kept)
    side.position = side.position - #remaining
    data_message(side, message(side, 0x44, size, place(after + 26, 5)), position, reached - head, size, frame, time)
    if #remaining > 0 then deliver(side, remaining, 0, #remaining, side.frame, side.time) end
    return from + max(0, reached - kept)
end

-- Bytes are missing behind a head that is whole: its package counts, though nothing tells whether its content is zstd.
local function bare_head(side)
    local state = side.messages
    local window = state.window
    local at, head = chain(state, window, AFTER_NAME, 0)
    while at do
        if #window - at - AFTER_NAME < 4 then
            found_chain(side, window, head, #window, "", 0)
            return
        end
        at, head = chain(state, window, AFTER_NAME, at + 1)
    end
end

-- Of the content of the package that was found, and perhaps of what follows it, the next `count` bytes are missing.
local function into_the_hole(side, count)
    side.messages.unsure = true
    local inside = min(side.left, count)
    side.left = side.left - inside
    side.position = side.position + inside
    if side.owner then side.owner.lacks = (side.owner.lacks or 0) + inside end
    if side.left == 0 then side.reader.content_end(side) end
    if count > inside then
        side.position = side.position + count - inside
        Messages.lost(side, count - inside)
    end
end

function lose_framing(side, position)
    local state = side.messages
    if not state.searching then
        complain(side, "GPI101", format("at byte %d of the body it is not known where the next message starts", position))
        state.lost_at = position + (state.exchange.body_start or 0)
    end
    state.searching = true
    state.partial, state.window, state.marks = "", "", {}
    state.begin, state.offset, state.line = nil, nil, nil
end

local function search(side, source, from, to)
    local state = side.messages
    local exchange = state.exchange
    local kept = #state.window
    local window = state.window .. cut(source, from, to)
    state.marks[#state.marks + 1] = {side.position, side.frame, side.time}
    local guess = not exchange.head_whole and not exchange.zstd and (exchange.asked_zstd or not exchange.whole)
    local at, head = chain(state, window, AFTER_NAME + (guess and 4 or 0), 0)
    if at then
        if guess then
            state.zstd = sub(window, at + AFTER_NAME + 1, at + AFTER_NAME + 4) == ZSTD_MAGIC
            exchange.zstd = state.zstd
        end
        return found_chain(side, window, head, kept, source, from)
    end
    state.searched = state.searched + to - from
    state.window = sub(window, -TAIL)
    local first = side.position + to - from - #state.window
    while state.marks[2] and state.marks[2][1] <= first do table.remove(state.marks, 1) end
    if side.conn.unproven and state.searched > SEARCH_LIMIT then
        state.window = ""
        pass_over(side, huge)
        side.conn.hopeless = true
        return from
    end
    return to
end

function Messages.feed(side, source, from, to)
    local state = side.messages
    if state.frame_of then return walk_frame(side, source, from, to) end
    if state.over then
        if state.trailing == 0 then complain(side, "GPI109", format("%d bytes follow the end of data", to - from)) end
        state.trailing = state.trailing + to - from
        return to
    end
    if state.searching then return search(side, source, from, to) end
    local begin = from
    local partial = state.partial
    if partial == "" then state.begun = {position = body_position(side), frame = side.frame, time = side.time} end
    local wanted, letter, length = 5, nil, nil
    while true do
        local more = min(to, from + max(0, wanted - #partial))
        partial = partial .. cut(source, from, more)
        from = more
        if #partial < wanted then
            state.partial = partial
            return from
        end
        letter, length = byte(partial, 1), u32(partial, 2)
        local all = needs(letter, length)
        if all == wanted then break end
        wanted = all
    end
    state.partial = ""
    side.position = side.position + from - begin
    local at, size = nil, nil
    if type(source) ~= "string" then at, size = begin, from - begin end
    take_message(side, letter, length, sub(partial, 6), at, size)
    side.position = side.position - (from - begin)
    return from
end

function Messages.content_end(side)
    local package = side.messages.package
    if not package or side.messages.begin then return end -- the content of a strange F, O or L
    package.end_frame, package.end_time = side.frame, side.time
    package.complete = not package.lacks
    if package.kind == "error" then
        emit({kind = "text", package = package, exchange = package.exchange})
        complain(side, "GPI201", "gpfdist stopped with an error: " .. package.text)
    end
end

function Messages.cut_short() end

function Messages.lost(side, count)
    local state = side.messages
    if state.over then return end
    if state.searching and count > 0 then
        side.position = side.position - count
        bare_head(side)
        if not state.searching then
            into_the_hole(side, count)
            return
        end
        side.position = side.position + count
    end
    state.frame_of = nil
    state.exchange.framing = false
    lose_framing(side, body_position(side))
end

function Messages.close(side)
    local state = side.messages
    local exchange = state.exchange
    if state.announced and exchange.body_start and side.conn.closed then
        local came = body_position(side)
        if came ~= state.announced then
            complain(side, "GPI115", format("framing that gpfdist does not have: Content-Length: %d for a body of %d bytes",
                state.announced, came))
        end
    end
    if state.searching then bare_head(side) end
    local alone = not exchange.body_start and not side.conn.unproven
    if state.searching and sub(state.window, -5) == END_PACKAGE and (alone or exchange.body_start) then
        if not exchange.body_start then exchange.body_start = side.position - 5 end
        local position = body_position(side) - 5
        state.assumed, state.searching = true, false
        exchange.framing = true
        data_message(side, message(side, 0x44, 0, {position = position, frame = side.frame}), position, 5, 0, side.frame, side.time)
    end
end

-- Cloudberry sends the end package of a POST in front of the status line.
function send_end_before_head(side, exchange, source, from, to)
    side.messages = {exchange = exchange}
    local record = message(side, 0x44, 0, {position = 0, frame = side.frame})
    exchange.ended = true
    if type(source) ~= "string" then record.at, record.size = max(0, from), to - max(0, from) end
    prove(side.conn)
end

end

-- What a connection speaks, told from its first bytes on any port -------------------------------------------------------

local Opening = {content_end = nothing, cut_short = nothing, close = nothing}

local connections = {} -- by tcp.stream; false: not ours
local tls_connections = {}

local METHODS = {GET = true, POST = true, HEAD = true, PUT = true, DELETE = true, OPTIONS = true, PATCH = true, TRACE = true, CONNECT = true}

local function classify(first)
    local letter = byte(first, 1)
    if match(first, "^%u%u+ ") and #match(first, "^%u+") <= 12 then return "request" end
    if sub(first, 1, 7) == "HTTP/1." then return "answer" end
    if #first < 7 and sub("HTTP/1.", 1, #first) == first then return "more" end
    if letter == 0x46 and #first >= 6 then
        return sub(first, 2, 3) == "\0\0" and byte(first, 6) == 0x2f and "package" or "unknown"
    end
    if sub(first, 1, 5) == END_PACKAGE then
        if #first == 5 then return "more" end
        return sub("HTTP/1.", 1, min(7, #first - 5)) == sub(first, 6, 12) and "answer" or "unknown"
    end
    if (letter == 0x46 or letter == 0x44) and #first < 6 and match(first, "^.\0*$") then return "more" end
    return match(first, "^%u+$") and #first <= 12 and "more" or "unknown"
end

local function roles(conn, client)
    conn.asking, conn.answering = conn.sides[client], conn.sides[client == 1 and 2 or 1]
    conn.client, conn.server = conn.names[client], conn.names[client == 1 and 2 or 1]
    conn.server_name = conn.server
    if conn.proven and conn.server then servers[conn.server] = true end
end

-- Give the held first bytes of a direction to the reader that understands them.
local function switch(side, reader, source, from, to)
    local was = side.reader
    side.reader = reader
    if was == Opening and side.seen ~= "" then
        local seen = side.seen
        side.seen = ""
        side.position = side.position - #seen
        if side.conn.feeding == side and #seen == to - from then
            deliver(side, source, from, to, side.frame, side.time)
        else
            deliver(side, seen, 0, #seen, side.frame, side.time)
        end
    elseif was ~= Opening and reader == RequestReader then
        side.reader = NOBODY
        pass_over(side, huge)
    end
end

local function speaks_http(conn, client, source, from, to)
    conn.spoken, conn.unproven = "http", false
    roles(conn, client)
    switch(conn.asking, RequestReader, source, from, to)
    switch(conn.answering, AnswerReader, source, from, to)
end

local function dismiss(conn)
    conn.spoken = "other"
    for _, side in ipairs(conn.sides) do
        side.reader = NOBODY
        pass_over(side, huge)
    end
end

-- The connection began before the capture: look for packages.
local function look_for_packages(side, source, from, to)
    local conn = side.conn
    conn.unproven = true
    conn.spoken = "unknown"
    local exchange = new_exchange(side)
    conn.exchanges = {}
    exchanges[#exchanges] = nil
    exchange.number = 1
    start_messages(side, exchange, false, false)
    local was = side.seen
    side.seen = ""
    side.position = side.position - #was
    if conn.feeding == side and #was == to - from then
        deliver(side, source, from, to, side.frame, side.time)
    elseif was ~= "" then
        deliver(side, was, 0, #was, side.frame, side.time)
    end
end

function recognised(side)
    local conn = side.conn
    if conn.spoken == "http" then return end
    conn.spoken, conn.unproven = "http", false
    roles(conn, side.index == 1 and 2 or 1)
    local exchange = side.messages.exchange
    conn.exchanges[#conn.exchanges + 1] = exchange
    exchange.number = #conn.exchanges
    exchanges[#exchanges + 1] = exchange
    side.exchange = exchange
    conn.asking.reader = NOBODY
    pass_over(conn.asking, huge)
    prove(conn)
end

function Opening.feed(side, source, from, to)
    local conn = side.conn
    side.seen = side.seen .. cut(source, from, to)
    side.position = side.position + to - from
    local verdict = classify(side.seen)
    if verdict == "request" and not conn.opened and not (METHODS[match(side.seen, "^%u+")]
        and (match(side.seen, "^%u+ [/*]") or match(side.seen, "^%u+ https?:"))) then
        verdict = #side.seen < 14 and "more" or "unknown"
    end
    conn.feeding = side
    if verdict == "request" then
        speaks_http(conn, side.index, source, from, to)
    elseif verdict == "answer" then
        speaks_http(conn, side.index == 1 and 2 or 1, source, from, to)
    elseif verdict == "more" then
        -- too few bytes to tell
    elseif not conn.opened or side.hole then
        look_for_packages(side, source, from, to)
    elseif side.index == 2 or #side.seen > LARGEST_HEAD then
        dismiss(conn)
    end
    conn.feeding = nil
    side.position = side.position - (to - from)
    return to
end

function Opening.lost(side)
    if side.seen ~= "" then
        side.conn.feeding = nil
        look_for_packages(side, "", 0, 0)
    else
        side.hole = true
    end
end

local function new_connection(key, opened, first, second)
    local conn = {key = key, opened = opened, exchanges = {}, complaints = 0, names = {first, second}, sides = {}, last_frame = 0}
    for index = 1, 2 do
        local side = new_side(conn, index)
        side.reader, side.seen = Opening, ""
        conn.sides[index] = side
    end
    conn.sides[1].peer, conn.sides[2].peer = conn.sides[2], conn.sides[1]
    return conn
end

-- Nothing more will be captured of a connection.
local function finish(conn)
    if conn.finished then return end
    conn.finished = true
    for _, side in ipairs(conn.sides) do finish_side(side) end
end

-- What a frame shows ------------------------------------------------------------------------------------------------------

local printable, show, show_content

do
local LONGEST_INFO = 3

-- Text of the wire without what a terminal or a file of XML would stumble over; bytes that are no UTF-8 become \xff.
function printable(text)
    if not find(text, "[^\32-\126]") then return text end
    local parts, at = {}, 1
    while at <= #text do
        local first = byte(text, at)
        local more = first >= 0xf0 and first < 0xf5 and 3 or first >= 0xe0 and first < 0xf0 and 2 or first >= 0xc2 and first < 0xe0 and 1 or 0
        local whole = sub(text, at, at + more)
        if first >= 0x20 and first < 0x7f then
            parts[#parts + 1] = whole
        elseif more > 0 and #whole == more + 1 and match(whole, "^.[\128-\191]+$") and not match(whole, "^[\xe0][\x80-\x9f]")
            and not match(whole, "^\xed[\xa0-\xbf]") and not match(whole, "^\xf0[\x80-\x8f]") and not match(whole, "^\xf4[\x90-\xbf]")
            and not match(whole, "^\xc2[\x80-\x9f]") then
            parts[#parts + 1] = whole
        else
            parts[#parts + 1] = format("\\x%02x", first)
            more = 0
        end
        at = at + more + 1
    end
    return table.concat(parts)
end

local function wide(number) return UInt64.new(number % WRAP, floor(number / WRAP)) end

local function wide_text(number)
    if number.high == 0 then return format("%d", number.low) end
    return tostring(UInt64.new(number.low, number.high))
end

local function generated(tree, field, value)
    local item = tree:add(field, value)
    item:set_generated()
    return item
end

-- A range of the bytes at hand; nil where the record stands elsewhere.
local function range_of(source, at, length)
    if not at or not source or length == 0 or at >= source:len() then return nil end
    return source(at, min(length, source:len() - at))
end

local function base_name(name) return match(name, "([^/]*)$") end

local function package_title(package)
    if package.kind == "end" then return "End of data" end
    if package.kind == "error" then return format("Error package #%d, %d B", package.index, package.length) end
    local name = package.name and base_name(package.name)
    return format("Package #%d%s%s %d B", package.index, name and " " .. printable(name) or "",
        package.offset and " @" .. wide_text(package.offset) or "", package.length)
end

local function request_title(exchange, head)
    local parts = {printable(head.method or "?"), printable(head.path or "?")}
    local segment, count = value_of(head, "x-gp-segment-id"), value_of(head, "x-gp-segment-count")
    if segment then parts[#parts + 1] = printable("seg " .. segment .. (count and "/" .. count or "")) end
    local xid, cid, sn = value_of(head, "x-gp-xid"), value_of(head, "x-gp-cid"), value_of(head, "x-gp-sn")
    if xid then parts[#parts + 1] = printable(format("..%s/%s/%s", sub(xid, -4), cid or "?", sn or "?")) end
    local seq = value_of(head, "x-gp-seq")
    if seq then parts[#parts + 1] = "seq " .. printable(seq) end
    if value_of(head, "x-gp-done") then parts[#parts + 1] = "done" end
    if not exchange.whole then parts[#parts + 1] = "(head not whole)" end
    return table.concat(parts, " ")
end

local function answer_title(exchange, head)
    local text = format("%s %s", head.status and format("%d", head.status) or "?", printable(head.reason or ""))
    if head.status == 100 then return text end
    if exchange.response_proto then return text .. format(", protocol %d", exchange.response_proto) .. (exchange.zstd and ", zstd" or "") end
    if head.status == 200 and value_of(head, "content-length") == "0" then return text .. ", late: nothing left to read" end
    return text
end

local SHOW = {}

local function show_headers(tree, source, record)
    local at = record.at and #record.head.text == record.length and record.at
    local offset = #(match(record.head.text, "^[^\n]*\n") or "")
    for _, header in ipairs(record.head.headers) do
        local start = find(record.head.text, header.text, offset + 1, true)
        local range = at and start and range_of(source, at + start - 1, #header.text)
        if start then offset = start + #header.text - 1 end
        local text = printable(header.name .. ": " .. header.value)
        local line = range and tree:add(F.header, range, text) or tree:add(F.header, text)
        line:set_text(text)
        local known_as = HEADERS[lower(header.name)]
        if known_as then
            local field, kind = F[known_as[2]], known_as[3]
            local value = printable(header.value)
            if kind == "decimal" then
                value = decimal(header.value)
                value = value and Int64.new(value)
            elseif kind == "number" then
                value = Int64.new(format("%.0f", proto_number(header.value)))
            end
            if value then
                local item = range and line:add(field, range, value) or line:add(field, value)
                if known_as[1] == "X-GP-CSVOPT" then
                    local m, x, q, rest_of = match(header.value, "^m[ \t]*(%d+)x[ \t]*(%d+)q[ \t]*(%d+)(.*)$")
                    if m then
                        local n, h = match(rest_of, "n[ \t]*(%d+)"), match(rest_of, "h[ \t]*(%d+)")
                        item:append_text(format(" (%s, escape %s, quote %s, row end %s, header row %s)", m == "1" and "CSV" or "text", x, q,
                            NEWLINES[tonumber(n or -1)] or "not said", h == "1" and "dropped" or "none"))
                    end
                end
            end
        else
            line:set_text(text)
        end
    end
end

function SHOW.request(tree, source, record)
    local exchange, head = record.exchange, record.head
    local range = range_of(source, record.at, record.length or 0)
    local title = request_title(exchange, head)
    local item = range and tree:add(F.request, range) or tree:add(F.request)
    item:set_text("Request: " .. title)
    if not exchange.whole then generated(item, F.head_cut, true) end
    if head.method then item:add(F.method, printable(head.method)) end
    if head.path then item:add(F.path, printable(head.path)) end
    if head.version then item:add(F.http_version, printable(head.version)) end
    show_headers(item, source, record)
    if exchange.answer_frame then generated(item, F.answer_in, exchange.answer_frame) end
    return title
end

function SHOW.answer(tree, source, record)
    local exchange, head = record.exchange, record.head
    local range = range_of(source, record.at, record.length or 0)
    local title = answer_title(exchange, head)
    local item = range and tree:add(F.answer, range) or tree:add(F.answer)
    item:set_text("Answer: " .. title)
    if head.version then item:add(F.http_version, printable(head.version)) end
    if head.status then item:add(F.status, head.status) end
    if head.reason then
        item:add(F.reason, printable(head.reason))
        local said = lower(match(head.reason, "^[ ]*(.-)[ .]*$"))
        for _, status in ipairs(STATUSES) do
            if status[1] == head.status and (match(said, status[2]) or match(said .. ".", status[2])) then
                generated(item, F.cause, status[3])
                generated(item, F.advice, status[4])
                break
            end
        end
    end
    show_headers(item, source, record)
    if exchange.request_frame then
        generated(item, F.request_in, exchange.request_frame)
        if exchange.answer_frame then
            local passed = exchange.answer_time - exchange.request_time
            if passed >= 0 then generated(item, F.time, NSTime.new(floor(passed), floor(passed % 1 * 1e9))) end
        end
    end
    return title
end

function SHOW.message(tree, source, record)
    local known = LETTERS[record.letter]
    local range = range_of(source, record.at, record.size or 0)
    local whole = range and record.size and range:len() == record.size
    local title = format("%s %s, %d B", known.letter, known.title, record.length)
    local item = range and tree:add(F.message, range) or tree:add(F.message)
    item:set_text(title)
    if whole and record.size >= 5 then
        item:add(F.message_type, range(0, 1), known.letter)
        item:add(F.message_length, range(1, 4))
    else
        item:add(F.message_type, known.letter)
        item:add(F.message_length, record.length)
    end
    item:add(F.message_position, wide(record.position))
    local content = whole and record.size > 5 and range(5, record.size - 5) or nil
    if record.name then
        local text = printable(record.name)
        if content then item:add(F.message_name, content, text) else item:add(F.message_name, text) end
        item:append_text(": " .. text)
    elseif record.offset or record.line then
        local number = record.offset or record.line
        local field = record.offset and F.message_offset or F.message_line
        if content then item:add(field, content) else item:add(field, UInt64.new(number.low, number.high)) end
        item:append_text(": " .. wide_text(number))
    end
    return nil
end

function SHOW.package(tree, source, record)
    local package = record.package
    local title = package_title(package)
    local first, last = record.children[1], record.children[#record.children]
    local range = first.at and last.at and range_of(source, first.at, last.at + last.size - first.at)
    local item = range and tree:add(F.package, range) or tree:add(F.package)
    item:set_text(title .. (package.assumed and ", assumed: found again after lost framing" or ""))
    generated(item, F.package_index, package.index)
    generated(item, F.package_kind, package.kind)
    generated(item, F.package_position, wide(package.position))
    generated(item, F.package_length, package.length)
    if package.name then generated(item, F.package_file, printable(package.name)) end
    if package.offset then generated(item, F.package_offset, UInt64.new(package.offset.low, package.offset.high)) end
    if package.line then generated(item, F.package_line, UInt64.new(package.line.low, package.line.high)) end
    generated(item, F.package_first, package.frame)
    if package.end_frame then generated(item, F.package_last, package.end_frame) end
    if package.lacks then generated(item, F.package_missing, wide(package.lacks)) end
    if package.assumed then generated(item, F.package_assumed, true) end
    if package.zstd then generated(item, F.package_zstd, true) end
    if package.complete or not record.fresh then generated(item, F.package_complete, package.complete and true or false) end
    record.fresh = nil
    for _, child in ipairs(record.children) do SHOW.message(item, source, child) end
    return title
end

function SHOW.content(tree, source, record)
    local owner = record.owner
    local text
    if owner.kind == "body" then
        text = owner.body == "page" and "Text" or owner.body == "request" and "Rows sent" or "Rows"
        text = format("%s, %d B at %.0f", text, record.length, record.position)
    elseif owner.kind == "error" then
        text = format("Text of error package #%d, %d B", owner.index, record.length)
    else
        text = format("%s of package #%d, %d B at %.0f of %d", owner.zstd and "zstd frame" or "Rows", owner.index, record.length,
            record.position, owner.length)
    end
    local range = range_of(source, not record.text and record.at, record.length)
    if record.text and not range then range = ByteArray.new(record.text, true):tvb("Rows held back")() end
    local item = range and tree:add(F.content, range) or tree:add(F.content)
    item:set_text(text)
    if range and owner.rows then item:add(F.rows, range) end
    generated(item, F.rows_position, wide(record.position))
    generated(item, F.rows_length, record.length)
    if owner.index then generated(item, F.rows_package, owner.index) end
    return nil
end

function SHOW.text(tree, _, record)
    tree:add(F.message_text, printable(record.package.text))
    return "Error: " .. printable(sub(record.package.text, 1, 200))
end

function SHOW.lost(tree, _, record)
    generated(tree, F.lost, wide(record.count))
    return format("[%d bytes lost]", record.count)
end

function SHOW.snapped(tree, _, record)
    generated(tree, F.snapped, wide(record.count))
    return nil
end

function SHOW.complaint(tree, _, record)
    local item = generated(tree, F.code, record.code)
    item:add_proto_expert_info(experts[record.code], record.code .. " " .. CODES[record.code][1] .. ": " .. printable(record.text))
    return nil
end

local function continued(owner)
    if owner.kind == "body" then return owner.body == "page" and "Text" or "Rows" end
    return format("Package #%d, continued", owner.index)
end

local function columns(pinfo, protocol, texts, again)
    pinfo.cols.protocol = protocol
    if #texts == 0 then return end
    local info = table.concat(texts, ", ", 1, min(#texts, LONGEST_INFO))
    if #texts > LONGEST_INFO then info = info .. format(", %d more", #texts - LONGEST_INFO) end
    if again then
        pinfo.cols.info:append(", " .. info)
    else
        pinfo.cols.info:clear_fence() -- who came first may have put one behind its own words
        pinfo.cols.info = info
    end
end

local function root_of(tree, source, conn, exchange)
    local root = source and source:len() > 0 and tree:add(gp, source()) or tree:add(gp)
    generated(root, F.stream, conn.key)
    if exchange then
        generated(root, F.exchange, exchange.number)
        if exchange.session then generated(root, F.session, printable(exchange.session)) end
        if exchange.segment then generated(root, F.gp_segment, Int64.new(format("%d", exchange.segment))) end
    end
    return root
end

-- Records of one piece, as tree and as text for the column.
function show(list, source, pinfo, tree, again)
    local conn = list.conn
    local exchange
    for _, record in ipairs(list) do
        exchange = exchange or record.exchange or record.owner and record.owner.exchange
    end
    exchange = exchange or conn.exchanges[#conn.exchanges]
    local root = root_of(tree, source, conn, exchange)
    local texts, owner = {}, nil
    for _, record in ipairs(list) do
        texts[#texts + 1] = SHOW[record.kind](root, source, record)
        owner = owner or record.owner
    end
    if #texts == 0 and owner then texts[1] = continued(owner) end
    columns(pinfo, conn.protocol, texts, again)
end

-- A frame that holds nothing but content of one package.
function show_content(owner, position, source, pinfo, tree, wants_tree, wants_columns)
    if wants_tree then
        local root = root_of(tree, source, owner.exchange.conn, owner.exchange)
        SHOW.content(root, source, {owner = owner, at = 0, length = source:reported_len(), position = position})
    end
    if wants_columns then
        pinfo.cols.protocol = owner.exchange.conn.protocol
        owner.continued = owner.continued or continued(owner)
        pinfo.cols.info = owner.continued
    end
end

end

-- Statistics: tshark -q -o gpfdist.statistics:sessions -r FILE, and Tools > gpfdist in Wireshark ----------------------------

gp.prefs.ports = Pref.range("TCP ports", "8080", "Ports that belong to gpfdist before any other dissector; it is found on other ports as well", 65535)
gp.prefs.statistics = Pref.enum("Statistics at the end (tshark)", 0, "What tshark prints when it has read the capture", {
    {"none", "None", 0}, {"sessions", "Sessions and their Greenplum segments", 1}, {"sums", "Sums as one line of JSON", 2},
}, false)

do
local function sums()
    local counts, bytes, seen, connections_seen = {F = 0, O = 0, L = 0, D = 0, E = 0}, 0, {}, 0
    for _, exchange in ipairs(exchanges) do
        if exchange.conn.proven then
            for letter, count in pairs(exchange.counts) do counts[letter] = counts[letter] + count end
            bytes = bytes + exchange.bytes
            if not seen[exchange.conn] then
                seen[exchange.conn] = true
                connections_seen = connections_seen + 1
            end
        end
    end
    return format(
        '{"message_counts": {"F": %d, "O": %d, "L": %d, "D": %d, "E": %d}, "payload_bytes": %.0f, "connections": %d, "unknown": 0}',
        counts.F, counts.O, counts.L, counts.D, counts.E, bytes, connections_seen)
end

local function sessions_text()
    local sessions, order = {}, {}
    for _, exchange in ipairs(exchanges) do
        if exchange.conn.proven then
            local name = exchange.session or "(no session)"
            local key = (exchange.conn.server or "?") .. " " .. name
            local session = sessions[key]
            if not session then
                session = {server = exchange.conn.server or "?", name = name, exchanges = 0, packages = 0, bytes = 0, errors = 0, segments = {}}
                sessions[key] = session
                order[#order + 1] = session
            end
            session.exchanges = session.exchanges + 1
            session.packages = session.packages + exchange.counts.D - (exchange.ended and 1 or 0)
            session.bytes = session.bytes + exchange.bytes
            session.errors = session.errors + exchange.counts.E + ((exchange.status or 0) >= 400 and 1 or 0)
            local number = exchange.segment or "-"
            local segment = session.segments[number] or {exchanges = 0, packages = 0, bytes = 0}
            session.segments[number] = segment
            segment.exchanges = segment.exchanges + 1
            segment.packages = segment.packages + exchange.counts.D - (exchange.ended and 1 or 0)
            segment.bytes = segment.bytes + exchange.bytes
        end
    end
    local lines = {string.rep("=", 72), "gpfdist sessions, and bytes of payload for each Greenplum segment"}
    local row = "%-12s %10s %10s %16s %8s"
    for _, session in ipairs(order) do
        lines[#lines + 1] = string.rep("-", 72)
        lines[#lines + 1] = format("%s  %s", session.server, printable(session.name))
        lines[#lines + 1] = format(row, "segment", "exchanges", "packages", "bytes", "errors")
        local numbers = {}
        for number in pairs(session.segments) do numbers[#numbers + 1] = number end
        table.sort(numbers, function(one, other) return (tonumber(one) or -2) < (tonumber(other) or -2) end)
        for _, number in ipairs(numbers) do
            local segment = session.segments[number]
            lines[#lines + 1] = format(row, type(number) == "number" and format("%d", number) or number, format("%d", segment.exchanges),
                format("%d", segment.packages), format("%.0f", segment.bytes), "")
        end
        lines[#lines + 1] = format(row, "all", format("%d", session.exchanges), format("%d", session.packages),
            format("%.0f", session.bytes), format("%d", session.errors))
    end
    lines[#lines + 1] = string.rep("=", 72)
    return table.concat(lines, "\n")
end

-- A listener with a filter makes Wireshark build the trees from which sequence numbers are taken; this one is never called.
local listener = Listener.new("smb", "frame")
function listener.draw()
    if gp.prefs.statistics == 1 then print(sessions_text()) elseif gp.prefs.statistics == 2 then print(sums()) end
end

if gui_enabled() and register_menu then
    register_menu("gpfdist/Sessions", function()
        local window = TextWindow.new("gpfdist sessions")
        window:set(sessions_text())
        window:add_button("Refresh", function() window:set(sessions_text()) end)
    end, MENU_TOOLS_UNSORTED)
end

end

-- From frames to directions -----------------------------------------------------------------------------------------------
--
-- Frames are read once, in order, and what was found is kept by frame number: Wireshark dissects frames again, in any order.
-- `tcp` gives the sequence numbers; pieces that TCP does not hand over (sent again, out of order) are taken in `rest`.

local tcp_stream, tcp_length, tcp_flags = Field.new("tcp.stream"), Field.new("tcp.len"), Field.new("tcp.flags")
local tcp_sequence, tcp_acknowledged = Field.new("tcp.seq_raw"), Field.new("tcp.ack_raw")
local SYN, RESET, ACK = 2, 4, 16
local LONGEST_HEADERS = 1024 -- bytes of a frame in which TCP's header is looked for

local reached = 0 -- the last frame that was read
local handled = false -- by a dissector, before `rest` came; "hot" when nothing is left to do
local building = false -- this frame is being read for the first time
local first_pass = false -- frames were read when Wireshark dissected them for the first time, as it should be
local calls = 0 -- of a dissector in this frame
local found, found_later, found_by_rest, any_by_rest = {}, {}, {}, false -- records by frame: first call, further calls, in `rest`
local in_gui = gui_enabled()
local read_tree, read_columns, shown_tree, shown_columns -- what is wanted of frames that are read, or shown again
local own_dissector
local captured_length, reported_length = Tvb.len, Tvb.reported_len

-- Whether a tree and columns are wanted.
local function wanted(pinfo, tree)
    local name = tostring(pinfo.cols.protocol)
    own_dissector = own_dissector or Dissector.get("gpfdist")
    local with_tree = tree.visible or tree:referenced(own_dissector)
    if not with_tree then
        for _, field in pairs(F) do
            if tree:referenced(field) then
                with_tree = true
                break
            end
        end
    end
    return with_tree, in_gui or not (name == "(protocol)" or name == "(nil)" or name == "")
end

local syns = {} -- by stream: sequence numbers of SYNs, by port of their sender

-- Whether the first bytes of a direction say that this is nothing for us.
local function strange(stream, pinfo, source, sequence)
    local number = syns[stream] and syns[stream][pinfo.src_port]
    return number ~= nil and (number + 1) % WRAP == sequence and source:len() > 0
        and classify(source:raw(0, min(32, source:len()))) == "unknown"
end

local function show_new(list, source, pinfo, tree, again)
    if read_tree == nil or in_gui then read_tree, read_columns = wanted(pinfo, tree) end
    if read_tree or read_columns then show(list, source, pinfo, tree, again) end
end

local function names_of(pinfo)
    return format("%s:%d", tostring(pinfo.src), pinfo.src_port), format("%s:%d", tostring(pinfo.dst), pinfo.dst_port)
end

local function last(extractor)
    local one, other = extractor()
    if not other then return one end
    local all = {extractor()}
    return all[#all]
end

-- The value of a field; 0 where a damaged header has none.
local function number_of(extractor)
    local field = last(extractor)
    return field and field() or 0
end

local function connection_of(stream, table_of, pinfo, opened)
    local conn = table_of[stream]
    if conn == nil then
        local first, second = names_of(pinfo)
        conn = new_connection(stream, opened, first, second)
        conn.ports, conn.one_port = {pinfo.src_port, pinfo.dst_port}, pinfo.src_port == pinfo.dst_port
        if table_of == connections and not conn.one_port then conn.syns = syns[stream] end
        conn.protocol = table_of == tls_connections and "gpfdists" or "gpfdist"
        table_of[stream] = conn
    end
    return conn
end

local function side_of(conn, pinfo)
    if conn.one_port then return conn.sides[names_of(pinfo) == conn.names[1] and 1 or 2] end
    return conn.sides[pinfo.src_port == conn.ports[1] and 1 or 2]
end


local function opened(stream)
    return syns[stream] ~= nil
end

local function begin_side(side, stream, pinfo, sequence)
    side.begun = true
    local number = syns[stream] and syns[stream][pinfo.src_port]
    local skipped = number and (sequence - number - 1) % WRAP
    if skipped and skipped < JUMP then side.next = (number + 1) % WRAP end
end

local function settled(conn)
    if conn.spoken == "other" or conn.hopeless then return false end
    local answer = conn.exchanges[1]
    if conn.spoken == "http" and not conn.proven and answer and answer.answered and answer.foreign then
        return servers[conn.server_name] ~= nil
    end
    return true
end

-- Read one piece of a direction; gives its records.
local function read(conn, side, sequence, source, length, pinfo)
    local before = current
    current = {conn = conn}
    local frame, time = pinfo.number, pinfo.rel_ts
    reading = frame
    if sequence then
        if not side.begun then begin_side(side, conn.key, pinfo, sequence) end
        arrive(side, sequence, source, source:len(), length, frame, time)
    else
        deliver(side, source, 0, source:len(), frame, time)
    end
    conn.last_frame = frame
    local list = current
    current = before
    return list
end

local function bytes_of(number)
    return string.char(floor(number / 16777216), floor(number / 65536) % 256, floor(number / 256) % 256, number % 256)
end

-- The payload of the segment that a frame carries, cut out of the frame; nil where IP had put it together from fragments.
-- Asking for the place of TCP's header would make Wireshark build all of its tree, so its ports and numbers are looked for.
local function payload_in(frame, pinfo)
    local length = number_of(tcp_length)
    local numbers = bytes_of(pinfo.src_port * 65536 + pinfo.dst_port) .. bytes_of(number_of(tcp_sequence)) .. bytes_of(number_of(tcp_acknowledged))
    local offset = find(frame:raw(0, min(frame:len(), LONGEST_HEADERS)), numbers, 1, true)
    if not offset or length == 0 or offset + 12 >= frame:len() then return nil end
    local begin = offset - 1 + floor(frame(offset + 11, 1):uint() / 16) * 4
    if begin >= frame:len() then return nil end
    return frame(begin, min(length, frame:len() - begin)):tvb(), length
end

local function store(number, list)
    if calls <= 1 then
        found[number] = list
    else
        found_later[number] = found_later[number] or {}
        found_later[number][calls] = list
    end
end

-- The content that a frame without records lies in: it was counted, and nothing was kept of it.
local function owner_at(side, number)
    local owners = side.owners
    local low, high = 1, #owners
    while low < high do
        local middle = floor((low + high + 1) / 2)
        if owners[middle].read_in <= number then low = middle else high = middle - 1 end
    end
    return owners[low]
end

local function show_stored(conn, number, tvb, pinfo, tree)
    local list = calls <= 1 and found[number]
    if calls > 1 then list = found_later[number] and found_later[number][calls] end
    if not conn.proven then return end
    if list then
        if #list > 0 then show(list, tvb, pinfo, tree, calls > 1) end
    elseif calls <= 1 then
        local side = side_of(conn, pinfo)
        local owner = owner_at(side, number)
        if owner and side.origin then
            local position = (number_of(tcp_sequence) - side.origin - owner.start) % WRAP
            if shown_tree == nil or in_gui then shown_tree, shown_columns = wanted(pinfo, tree) end
            show_content(owner, position, tvb, pinfo, tree, shown_tree, shown_columns)
        end
    end
    pinfo.cols.protocol = conn.protocol
end

-- Whether a frame was read before.
local function known_frame(number, pinfo)
    if building then return false end
    return number <= reached or (first_pass and pinfo.visited)
end

-- A piece of plain TCP. Gives true when it is ours, false when it is not, nil while nobody can tell.
local function plain(tvb, pinfo, tree, stream)
    local conn = connections[stream]
    if conn == false then
        handled = true
        return false
    end
    local length = tvb:reported_len()
    if tvb:offset() == 0 or length ~= number_of(tcp_length) then
        return conn and conn.proven -- TCP has put several segments together: `rest` takes each from its frame
    end
    local number = pinfo.number
    handled = true
    calls = calls + 1
    if known_frame(number, pinfo) then
        if not conn then return nil end
        show_stored(conn, number, tvb, pinfo, tree)
        return conn.proven or nil
    end
    first_pass = first_pass or not pinfo.visited
    reached, building = number, true
    if not conn then
        if strange(stream, pinfo, tvb, sequence) then
            connections[stream] = false
            return false
        end
        conn = connection_of(stream, connections, pinfo, opened(stream))
    end
    local was_proven = conn.proven
    local list = read(conn, side_of(conn, pinfo), number_of(tcp_sequence), tvb, length, pinfo)
    store(number, list)
    if not settled(conn) then
        connections[stream] = false
        return false
    end
    if not conn.proven then return nil end
    if not was_proven then pinfo.conversation = gp end
    if #list > 0 then show_new(list, tvb, pinfo, tree, calls > 1) else pinfo.cols.protocol = conn.protocol end
    return true
end

-- A piece of plaintext out of TLS; it comes in order and without sequence numbers.
local function from_tls(tvb, pinfo, tree)
    local number = pinfo.number
    handled = true
    calls = calls + 1
    local field = last(tcp_stream)
    if not field or tvb:len() == 0 then return nil end
    local stream = field.value
    local conn = tls_connections[stream]
    if conn == false then return false end
    if known_frame(number, pinfo) then
        if not conn then return nil end
        local list = calls <= 1 and found[number]
        if calls > 1 then list = found_later[number] and found_later[number][calls] end
        if list and #list > 0 and conn.proven then show(list, tvb, pinfo, tree, calls > 1) end
        return conn.proven or nil
    end
    first_pass = first_pass or not pinfo.visited
    reached, building = number, true
    conn = connection_of(stream, tls_connections, pinfo, true)
    local list = read(conn, side_of(conn, pinfo), nil, tvb, tvb:len(), pinfo)
    list.own = true
    store(number, list)
    if not settled(conn) then
        tls_connections[stream] = false
        return false
    end
    if not conn.proven then return nil end
    if #list > 0 then show_new(list, tvb, pinfo, tree, calls > 1) end
    return true
end

-- Whoever had a port before: gets what is not ours.
local displaced = {}

function gp.dissector(tvb, pinfo, tree)
    local field, inner = tcp_stream()
    if not field then return 0 end
    local stream = inner and last(tcp_stream).value or field()
    local conn = connections[stream]
    if conn and conn.proven and not inner then
        -- the usual frame is in order and holds nothing but content: it is counted. No frame that was read before is in order
        local numbered = tcp_sequence()
        local sequence = numbered and numbered() or 0
        local side, length = conn.answering, reported_length(tvb)
        if side.next ~= sequence then side = conn.asking end
        local left, owner = side.left, side.owner
        if side.next == sequence and left >= length and owner and side.peer.next ~= sequence and not owner.wants
            and not side.early[1] and length == captured_length(tvb) and length > 0 then
            handled = "hot"
            side.next = (sequence + length) % WRAP
            local position = side.position
            side.position = position + length
            side.left = left - length
            owner.came = owner.came + length
            if owner.rows then
                local exchange = owner.exchange
                exchange.bytes = exchange.bytes + length
            end
            if left == length then
                side.time, side.frame = pinfo.rel_ts, pinfo.number
                reached, conn.last_frame, reading = side.frame, side.frame, side.frame
                side.reader.content_end(side)
            end
            if read_tree == nil or in_gui then read_tree, read_columns = wanted(pinfo, tree) end
            if read_tree or read_columns then
                show_content(owner, position - owner.start, tvb, pinfo, tree, read_tree, read_columns)
            end
            return length
        end
    end
    if plain(tvb, pinfo, tree, stream) then return tvb:len() end
    local other = displaced[pinfo.dst_port] or displaced[pinfo.src_port]
    if other then
        local done, length = pcall(other.call, other, tvb, pinfo, tree)
        if done and length then return length end
        return tvb:len()
    end
    return 0
end

function inside_tls.dissector(tvb, pinfo, tree)
    if from_tls(tvb, pinfo, tree) then return tvb:len() end
    return 0
end

gp:register_heuristic("tcp", function(tvb, pinfo, tree)
    local field = last(tcp_stream)
    return field ~= nil and plain(tvb, pinfo, tree, field.value) == true
end)
inside_tls:register_heuristic("tls", function(tvb, pinfo, tree) return from_tls(tvb, pinfo, tree) == true end)

-- Where the SYN of the other side was not captured, the first acknowledgment tells where its bytes begin.
local function note_beginning(stream, pinfo)
    local known = syns[stream]
    if not known[pinfo.dst_port] then known[pinfo.dst_port] = (number_of(tcp_acknowledged) - 1) % WRAP end
end

-- Acknowledgments, ends, and pieces that TCP kept from us.
local function after(conn, pinfo, list, flags)
    local side = side_of(conn, pinfo)
    local before = current
    current = list or {conn = conn}
    reading = pinfo.number
    if floor(flags / ACK) % 2 == 1 then
        side.ack = number_of(tcp_acknowledged)
        if conn.syns and not side.peer.next then note_beginning(conn.key, pinfo) end
    end
    if #side.peer.early > 0 then decide(side.peer, pinfo.rel_ts) end
    if flags % 2 == 1 then side.fin = (number_of(tcp_sequence) + number_of(tcp_length)) % WRAP end -- where its FIN stands
    local reset = floor(flags / RESET) % 2 == 1
    conn.closed = conn.closed or side.fin ~= nil or reset
    if reset or (side.fin and side.peer.fin) then finish(conn) end
    list = current
    current = before
    return list
end

-- The first pass is over: what waited for more will wait for ever (tshark -2; in Wireshark more frames may come).
local finished_all = false

local function finish_all()
    finished_all = true
    for _, table_of in ipairs({connections, tls_connections}) do
        for _, conn in pairs(table_of) do
            if conn and not conn.finished then
                local list = found_by_rest[conn.last_frame] or {conn = conn}
                current = list
                finish(conn)
                if #list > 0 then found_by_rest[conn.last_frame], any_by_rest = list, true end
            end
        end
    end
    current = {}
end

function rest.dissector(tvb, pinfo, tree)
    local was_handled = handled
    handled, calls, building = false, 0, building and was_handled
    if was_handled == "hot" then return end
    local field, inner = tcp_stream()
    if not field then
        building = false
        return
    end
    local stream = inner and last(tcp_stream).value or field()
    local conn = connections[stream]
    if conn == false then
        building = false
        return
    end
    local flags = number_of(tcp_flags)
    local length = number_of(tcp_length)
    conn = conn or tls_connections[stream]
    if flags == ACK and length == 0 and not any_by_rest and not (conn and (conn.sides[1].early[1] or conn.sides[2].early[1])) then
        building = false
        if conn then
            local acknowledged = tcp_acknowledged()
            side_of(conn, pinfo).ack = acknowledged and acknowledged() or 0
        elseif syns[stream] then
            note_beginning(stream, pinfo)
        end
        return
    end
    local number = pinfo.number
    if not known_frame(number, pinfo) and floor(flags / SYN) % 2 == 1 then
        syns[stream] = syns[stream] or {}
        syns[stream][pinfo.src_port] = number_of(tcp_sequence)
        if floor(flags / ACK) % 2 == 1 then note_beginning(stream, pinfo) end
    end
    if known_frame(number, pinfo) then
        if not finished_all and not in_gui and pinfo.visited then finish_all() end
        local list = found_by_rest[number]
        if not was_handled and found[number] and found[number].conn == conn then -- another dissector has taken the frame meanwhile
            if conn.proven and #found[number] > 0 then show(found[number], payload_in(tvb, pinfo), pinfo, tree, false) end
        end
        if list and list.conn.proven then show(list, list.source and payload_in(tvb, pinfo), pinfo, tree, was_handled) end
        return
    end
    building = false
    local list, source
    if not was_handled and length > 0 and (conn == nil or conn == connections[stream]) then
        reached = number
        first_pass = first_pass or not pinfo.visited
        source = payload_in(tvb, pinfo)
        if source then
            if conn == nil then
                if strange(stream, pinfo, source, number_of(tcp_sequence)) then
                    connections[stream] = false
                    return
                end
                conn = connection_of(stream, connections, pinfo, opened(stream))
            end
            list = read(conn, side_of(conn, pinfo), number_of(tcp_sequence), source, length, pinfo)
            if not settled(conn) then
                connections[stream] = false
                return
            end
            if conn.proven then pinfo.conversation = gp end
        end
    end
    if conn then
        reached = max(reached, number)
        list = after(conn, pinfo, list, flags)
        conn.last_frame = number
    end
    if list and #list > 0 then
        list.source = source ~= nil
        found_by_rest[number] = list
        any_by_rest = true
        if conn.proven then show_new(list, source, pinfo, tree, was_handled) end
    end
end

register_postdissector(rest)

function gp.init()
    connections, tls_connections, exchanges, servers, syns = {}, {}, {}, {}, {}
    found, found_later, found_by_rest, any_by_rest, first_pass = {}, {}, {}, false, false
    reached, reading, handled, building, calls, finished_all = 0, 0, false, false, 0, false
    read_tree, read_columns, shown_tree, shown_columns = nil, nil, nil, nil
end

-- Ports of the preference come before other dissectors.
local taken_ports

local function ports_of(text)
    local ports = {}
    for first, second in tostring(text):gmatch("(%d+)%-?(%d*)") do
        for port = tonumber(first), min(tonumber(second) or tonumber(first), 65535) do ports[port] = true end
    end
    return ports
end

local function take_ports()
    local text = tostring(gp.prefs.ports)
    if text == taken_ports then return end
    local ports = DissectorTable.get("tcp.port")
    for port in pairs(ports_of(taken_ports or "")) do
        ports:remove(port, gp)
        if displaced[port] then ports:add(port, displaced[port]) end
    end
    displaced = {}
    for port in pairs(ports_of(text)) do
        local had, other = pcall(ports.get_dissector, ports, port)
        if had and other and tostring(other) ~= "gpfdist" then displaced[port] = other end
        ports:add(port, gp)
    end
    taken_ports = text
end

gp.prefs_changed = take_ports
take_ports()
DissectorTable.get("tls.port"):add_for_decode_as(inside_tls)
if set_plugin_info then set_plugin_info({version = VERSION, description = "Greenplum gpfdist", author = "gpinspect"}) end
